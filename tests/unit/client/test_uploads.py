"""In which order the client lists a folder: the server reads files in the order of the list."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from tests.support.both_clients import answering, client_of

AT = "2026-12-24T08:00:00+00:00"
UPLOAD = {
    "upload": "u",
    "begun_at": AT,
    "files": 0,
    "bytes": 0,
    "listed": False,
    "arrived": {"files": 0, "bytes": 0, "refused": 0},
    "counts": {},
    "faces": 0,
    "refused_first": [],
}
WANTED = [
    "captures.csv",
    "case-vics.json",
    "list.jsonl",
    "z.jpg.XMP",
    "b.jpg",
    "z.jpg",
    "Media/a.jpg.json",
    "Media/a.jpg",
    "Media/inner/c.jpg",
    "later/d.jpg",
]


def test_what_tells_about_other_files_is_listed_before_them_and_no_folder_is_entered_twice(tmp_path: Path) -> None:
    for name in sorted(WANTED):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    answers = [
        {"file": number, "path": name, "size": 0, "received": 0, "why": "it is empty"}
        for number, name in enumerate(WANTED, 1)
    ]
    transport, asked = answering(
        *(httpx.Response(200, json=content) for content in (UPLOAD, {"files": answers}, UPLOAD))
    )
    with client_of("waits", "k", transport=transport) as client:
        client.uploads.folder("press", tmp_path)
    assert [file["path"] for file in json.loads(asked[1].content)["files"]] == WANTED
