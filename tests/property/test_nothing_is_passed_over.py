"""Whatever is there, each connector takes it, refuses it with a reason, or counts it: nothing is passed over."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote_from_bytes

import nistitl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from tests.support.archives import JPEG, LIMIT, Warc
from tests.support.crawls import MOST, crawl, stored_crawl
from tests.support.folders import put
from tests.support.local_web import CannedReply, LocalWeb
from tests.support.packed import seven, tarred, zipped
from tests.support.transactions import face, person, transaction
from tests.support.vics import digests_of, export, media

from lineament.sources.archive.connector import ArchiveConnector
from lineament.sources.base import Connector, Item, LeftOut
from lineament.sources.crawl.connector import SiteConnector
from lineament.sources.folder.connector import FolderConnector
from lineament.sources.imports.itl import ItlConnector
from lineament.sources.imports.persons import CompreFaceConnector, PersonsConnector
from lineament.sources.manifest.connector import ManifestConnector
from lineament.sources.vics.connector import VicsConnector
from lineament.sources.webarchive.connector import WarcConnector

PNG = b"\x89PNG\r\n\x1a\n" + bytes(300)
GIF = b"GIF89a" + bytes(300)
TAKEN, REFUSED, SIDE_CAR, HIDDEN, WITHOUT = "taken", "refused", "side_car", "hidden", "no_picture"
few = settings(max_examples=40)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name).resolve()


def outcomes(connector: Connector) -> Counter[str]:
    """Return how many things a connector took, refused and counted; every refusal has a reason."""
    counts: Counter[str] = Counter()
    for found in connector.items():
        if isinstance(found, LeftOut):
            counts[found.kind.value] += found.many
        elif isinstance(found, Item):
            assert found.untrusted
            counts[TAKEN] += 1
        else:
            assert str(found.why).isprintable()
            counts[REFUSED] += 1
    return counts


# ---------------------------------------------------------------- folders, archives, persons

FILES: dict[str, tuple[str, bytes, str]] = {
    "a picture": ("{}.jpg", JPEG, TAKEN),
    "a picture in capitals": ("{}.JPEG", JPEG, TAKEN),
    "a picture without a suffix": ("{}", PNG, TAKEN),
    "a picture with another suffix": ("{}.bin", GIF, TAKEN),
    "a deleted picture": (".trashed-17-{}.jpg", JPEG, TAKEN),
    "a status": (".Statuses/{}.jpg", JPEG, TAKEN),
    "a thumbnail": ("d/.thumbnails/{}.jpg", JPEG, TAKEN),
    "a compressed picture": ("{}.jpg.gz", gzip.compress(JPEG), TAKEN),
    "a damaged compressed picture": ("{}.jpg.gz", gzip.compress(JPEG)[:-9], REFUSED),
    "a large picture": ("{}.jpg", JPEG + bytes(LIMIT), REFUSED),
    "notes": ("{}.txt", b"notes", REFUSED),
    "an empty file": ("{}.dat", b"", REFUSED),
    "attributes": ("._{}.txt", b"\0\5\x16\7" + bytes(80), REFUSED),
    "a side-car": ("{}.json", b"{}", SIDE_CAR),
}
kinds_of_files = st.lists(st.sampled_from(sorted(FILES)), max_size=12)


def files(kinds: Sequence[str]) -> tuple[dict[str, bytes], Counter[str]]:
    """Return files by path, and what is right for them."""
    contents = {FILES[kind][0].format(number): FILES[kind][1] for number, kind in enumerate(kinds)}
    return contents, Counter(FILES[kind][2] for kind in kinds)


def skipped(contents: dict[str, bytes]) -> int:
    return sum("/." in f"/{name}" for name in contents)


@few
@given(kinds_of_files, st.lists(st.sampled_from(["link", "outside", "broken", "pipe", "socket", "loop"]), max_size=4))
def test_a_folder(kinds: list[str], specials: list[str]) -> None:
    contents, right = files(kinds)
    with folder() as root:
        for name, content in contents.items():
            put(root / "f" / name, content)
        put(root / "f" / "z.jpg", JPEG)
        for number, special in enumerate(specials):
            _special(root / "f" / f"s{number}.jpg", special)
        right += Counter([TAKEN, *(TAKEN if special == "link" else REFUSED for special in specials)])
        assert outcomes(FolderConnector([root / "f"], None, LIMIT)) == right
        without = outcomes(FolderConnector([root / "f"], None, LIMIT, skip_hidden=True))
        assert without[HIDDEN] == skipped(contents)
        assert without.total() == right.total()


def _special(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    else:
        path.symlink_to({"link": "z.jpg", "outside": "/etc/passwd", "broken": "gone.jpg", "loop": path.name}[kind])


@few
@given(kinds_of_files, st.sampled_from([zipped, tarred, seven]), st.booleans(), st.integers(0, 3))
def test_an_archive(kinds: list[str], pack: Callable[[dict[str, bytes]], bytes], nested: bool, out: int) -> None:
    contents, right = files(kinds)
    if nested and contents:
        contents = {**contents, "in.zip": zipped(contents)}
        right += right
    for number in range(out if pack is not seven else 0):
        contents[f"../{number}.jpg"] = JPEG
        right[REFUSED] += 1
    if not contents:
        contents, right = {"a.jpg": JPEG}, Counter([TAKEN])
    with folder() as root:
        path = put(root / "a.zip", pack(contents))
        assert outcomes(ArchiveConnector(path, None, LIMIT)) == right
        without = outcomes(ArchiveConnector(path, None, LIMIT, skip_hidden=True))
        assert without.total() == right.total()


@few
@given(st.lists(kinds_of_files, min_size=1, max_size=3), st.integers(0, 3))
def test_persons(persons: list[list[str]], loose: int) -> None:
    right = Counter({REFUSED: loose})
    with folder() as root:
        for number, kinds in enumerate(persons):
            contents, expected = files(kinds)
            right += expected
            for name, content in contents.items():
                put(root / f"person {number}" / name, content)
            (root / f"person {number}").mkdir(exist_ok=True)
        for number in range(loose):
            put(root / f"{number}.jpg", JPEG)
        assert outcomes(PersonsConnector(root, LIMIT)) == +right


# ---------------------------------------------------------------- lists

RECORDS: dict[str, tuple[object, str]] = {
    "named": ({}, TAKEN),
    "with digests in small letters": ({"MD5": digests_of(JPEG)["MD5"].lower()}, TAKEN),
    "without digests": ({"MD5": None, "SHA1": ""}, TAKEN),
    "of another file": ({"MD5": "0" * 32}, REFUSED),
    "gone": ({"RelativeFilePath": "VIC_Files\\gone.jpg"}, REFUSED),
    "outside": ({"RelativeFilePath": "..\\..\\etc\\passwd"}, REFUSED),
    "of a hash set": ({"RelativeFilePath": None}, REFUSED),
    "no record": (5, REFUSED),
}


@few
@given(st.lists(st.sampled_from(sorted(RECORDS)), max_size=8), st.sampled_from(["1.3", "2.0"]))
def test_a_vics_export(kinds: list[str], version: str) -> None:
    with folder() as root:
        whole = media(root, "a.jpg", JPEG)
        records = [whole | own if isinstance(own, dict) else own for own, _ in map(RECORDS.__getitem__, kinds)]
        right = Counter(RECORDS[kind][1] for kind in kinds)
        assert outcomes(VicsConnector(export(root, records, version), LIMIT)) == right


@few
@given(
    st.lists(st.sampled_from(["named", "twice", "no picture", "no image_id"]), max_size=6),
    st.lists(st.sampled_from(["unnamed.jpg", "notes.txt", ".hidden.jpg", "folder"]), unique=True),
)
def test_answers_of_compreface(rows: list[str], others: list[str]) -> None:
    ids = [f"6b135f5b-a365-4522-b1f1-4c9ac2dd{number:04}" for number in range(len(rows) + 1)]
    faces: list[dict[str, str]] = []
    right = Counter([SIDE_CAR, *(REFUSED for _ in others)])
    with folder() as root:
        put(root / f"{ids[-1]}.jpg", JPEG)
        faces.append({"image_id": ids[-1], "subject": "Ada"})
        right[TAKEN] += 1
        for kind, image_id in zip(rows, ids, strict=False):
            if kind == "named":
                put(root / f"{image_id}.jpg", JPEG)
            right[TAKEN if kind == "named" else REFUSED] += 1
            shown = {"twice": ids[-1], "no image_id": "x"}.get(kind, image_id)
            faces.append({"image_id": shown, "subject": "Ada"})
        put(root / "list.json", json.dumps({"faces": faces}))
        for name in others:
            (root / name).mkdir() if name == "folder" else put(root / name, JPEG)
        assert outcomes(CompreFaceConnector(root, LIMIT)) == right


class Shelf:
    """A fetcher that has every picture but those whose address ends in “gone”."""

    def fetch(self, uri: str) -> bytes:
        if uri.endswith("gone"):
            raise FileNotFoundError(2, "gone")
        return JPEG

    def close(self) -> None:
        """Do nothing."""


ROWS = {
    "sub/a.jpg": TAKEN,
    "sub/../sub/a.jpg": TAKEN,
    "sub\\a.jpg": TAKEN,
    "{root}/sub/a.jpg": TAKEN,
    "file://{root}/sub/a.jpg": TAKEN,
    "https://e.example/a.jpg": TAKEN,
    "https://e.example/gone": REFUSED,
    "../outside.jpg": REFUSED,
    "C:\\a.jpg": REFUSED,
    "none.jpg": REFUSED,
    "ftp://e.example/a.jpg": REFUSED,
    " ": REFUSED,
}


@few
@given(st.lists(st.sampled_from(sorted(ROWS)), min_size=1, max_size=8), st.sampled_from(["csv", "jsonl", "parquet"]))
def test_a_manifest(rows: list[str], kind: str) -> None:
    with folder() as root:
        put(root / "sub" / "a.jpg", JPEG)
        named = [row.format(root=root) for row in rows]
        path = root / f"m.{kind}"
        if kind == "parquet":
            parquet.write_table(pa.table({"uri": named}), path)
        elif kind == "jsonl":
            put(path, "".join(json.dumps({"uri": row}) + "\n" for row in named))
        else:
            put(path, "uri,licence\n" + "".join(f'"{row}",\n' for row in named))
        assert outcomes(ManifestConnector(path, Shelf(), LIMIT)) == Counter(map(ROWS.__getitem__, rows))


# ---------------------------------------------------------------- transactions


@few
@given(st.lists(st.sampled_from(["face", "mark", "person", "empty"]), min_size=1, max_size=6))
def test_a_transaction(kinds: list[str]) -> None:
    made: dict[str, Callable[[int], nistitl.AsciiRecord]] = {
        "face": lambda at: face(at, JPEG),
        "mark": lambda at: face(at, JPEG, IMT="SCAR"),
        "empty": lambda at: face(at, b"x"),
        "person": lambda _: person(),
    }
    right = {"face": TAKEN, "mark": REFUSED, "empty": REFUSED, "person": WITHOUT}
    with folder() as root:
        path = put(root / "a.an2", transaction(*(made[kind](number) for number, kind in enumerate(kinds, 1))))
        assert outcomes(ItlConnector(path, LIMIT)) == Counter([WITHOUT, *map(right.__getitem__, kinds)])


# ---------------------------------------------------------------- web archives


def _data(content: bytes, *, encoded: bool = True, kind: str = "image/jpeg") -> str:
    if encoded:
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return f"data:{kind},{quote_from_bytes(content)}"


DRAWING = f"<svg><image href='{_data(JPEG + b'5')}'/></svg>".encode()
Written = tuple[Callable[[Warc, str], object], Sequence[str]]
ANSWERS: dict[str, Written] = {
    "a picture": (lambda warc, uri: warc.answer(uri, JPEG), [TAKEN]),
    "203": (lambda warc, uri: warc.answer(uri, JPEG, status="203 Non-Authoritative Information"), [TAKEN]),
    "206, all of it": (
        lambda warc, uri: warc.answer(
            uri,
            JPEG,
            status="206 Partial Content",
            headers=[("Content-Range", f"bytes 0-{len(JPEG) - 1}/{len(JPEG)}")],
        ),
        [TAKEN],
    ),
    "206, a part": (
        lambda warc, uri: warc.answer(
            uri, JPEG, status="206 Partial Content", headers=[("Content-Range", "bytes 0-9/1000")]
        ),
        [REFUSED],
    ),
    "404 with a picture": (lambda warc, uri: warc.answer(uri, JPEG, status="404 Not Found"), [REFUSED]),
    "404 with words": (lambda warc, uri: warc.answer(uri, b"gone", "text/html", status="404 Not Found"), [WITHOUT]),
    "a script": (lambda warc, uri: warc.answer(uri, b"let x = 1", "text/javascript"), [WITHOUT]),
    "a drawing": (lambda warc, uri: warc.answer(uri, b"<svg/>", "image/svg+xml"), [WITHOUT]),
    "no picture as one": (lambda warc, uri: warc.answer(uri, b"<html>log in", "image/jpeg"), [REFUSED]),
    "nothing as a picture": (lambda warc, uri: warc.answer(uri, b"", "image/jpeg"), [REFUSED]),
    "a large picture": (lambda warc, uri: warc.answer(uri, JPEG + bytes(LIMIT)), [REFUSED]),
    "a page": (lambda warc, uri: warc.page(uri, "<p>words"), [WITHOUT]),
    "a page with pictures in it": (
        lambda warc, uri: warc.page(
            uri,
            f"<img src='{_data(JPEG)}'><img srcset='{_data(PNG)} 1x, {_data(GIF)} 2x'>"
            f"<p style='background: url({_data(JPEG + b'2', encoded=False)})'>x</p>"
            f'<style>p {{ background: url("{_data(PNG + b"2", kind="")}") }}</style>'
            f"<!-- <img src='{_data(JPEG + b'3')}'> --><code hidden>{_data(JPEG + b'4')}</code>"
            f"<img src='{_data(DRAWING, kind='image/svg+xml')}'>"
            f"<img src='{_data(b'GIF89a')}'><img src='{_data(bytes(300))}'><img src='{_data(JPEG)[:-3]}*'>",
        ),
        [WITHOUT, *[TAKEN] * 8, WITHOUT, WITHOUT, REFUSED, REFUSED],
    ),
    "a conversion": (lambda warc, uri: warc.other(uri, "conversion", PNG, "image/png"), [TAKEN]),
    "a resource": (lambda warc, uri: warc.other(uri, "resource", JPEG, "image/jpeg"), [TAKEN]),
    "a screenshot": (lambda warc, uri: warc.other(f"screenshot:{uri}", "resource", PNG, "image/png"), [TAKEN]),
    "a thumbnail": (lambda warc, uri: warc.other(f"urn:thumbnail:{uri}", "resource", JPEG, "image/jpeg"), [TAKEN]),
    "an address with blanks": (lambda warc, uri: warc.answer(f"{uri}/a b\\c|d.jpg", JPEG), [TAKEN]),
    "an address with a name": (
        lambda warc, uri: warc.answer(uri.replace("https://", "https://me:secret@"), JPEG),
        [TAKEN],
    ),
    "a request": (
        lambda warc, uri: warc.other(uri, "request", b"GET / HTTP/1.1\r\n\r\n", "application/http"),
        [WITHOUT],
    ),
    "metadata": (lambda warc, uri: warc.other(uri, "metadata", b"via: x\r\n", "application/warc-fields"), [WITHOUT]),
    "a repetition": (
        lambda warc, uri: (warc.answer(f"{uri}?1", JPEG), warc.answer(f"{uri}?1", JPEG, kind="revisit")),
        [TAKEN, TAKEN],
    ),
    "a repetition of a script": (
        lambda warc, uri: warc.answer(uri, b"let", "text/javascript", kind="revisit"),
        [WITHOUT],
    ),
    "a repetition of what is not here": (lambda warc, uri: warc.answer(uri, b"", kind="revisit"), [REFUSED]),
    "a repetition of a video that is not here": (
        lambda warc, uri: warc.answer(uri, b"", "video/mp4", kind="revisit"),
        [REFUSED],
    ),
    "206, a later part": (
        lambda warc, uri: warc.answer(
            uri, bytes(99), status="206 Partial Content", headers=[("Content-Range", "bytes 100-198/1000")]
        ),
        [REFUSED],
    ),
    "206, several parts": (
        lambda warc, uri: warc.answer(
            uri, b"--x\r\n\r\n" + JPEG, "multipart/byteranges; boundary=x", status="206 Partial Content"
        ),
        [REFUSED],
    ),
    "a document": (lambda warc, uri: warc.answer(uri, b"%PDF-1.7", "application/pdf"), [REFUSED]),
    "an archive": (lambda warc, uri: warc.answer(uri, b"PK\3\4", "application/zip"), [REFUSED]),
    "a page said to be a video": (lambda warc, uri: warc.answer(uri, b"<html>log in", "video/mp4"), [REFUSED]),
    "a sound": (lambda warc, uri: warc.answer(uri, b"ID3" + bytes(300), "audio/mpeg"), [WITHOUT]),
    "words like a video": (lambda warc, uri: warc.answer(uri, b"the wide world" * 30, "text/plain"), [WITHOUT]),
    "an encoding that is not read": (
        lambda warc, uri: warc.answer(uri, b"\x99" + JPEG, "text/html", headers=[("Content-Encoding", "dcz")]),
        [REFUSED],
    ),
    "404 with a picture in its page": (
        lambda warc, uri: warc.answer(uri, f"<img src='{_data(JPEG)}'>".encode(), "text/html", status="404 Not Found"),
        [WITHOUT, REFUSED],
    ),
}
for text_type in (
    "text/css",
    "text/javascript",
    "application/json",
    "image/svg+xml",
    "application/rss+xml",
    "text/plain",
):
    ANSWERS[f"pictures in {text_type}"] = (
        partial(
            lambda kind, warc, uri: warc.answer(uri, f"a {{ b: url('{_data(JPEG)}') {_data(PNG)} }}".encode(), kind),
            text_type,
        ),
        [WITHOUT, TAKEN, TAKEN],
    )
TYPES = (
    *("text/html", "text/html; charset=utf-8", "text/plain", "application/octet-stream", "application/jpeg"),
    *("application/force-download", '"image/jpeg"', "image/jpeg; x", "application/javascript", "", "x"),
    "image/svg+xml",
)


def _typed(media_type: str, warc: Warc, uri: str) -> None:
    warc.answer(uri, JPEG, media_type)


def _packed(media_type: str, warc: Warc, uri: str) -> None:
    warc.answer(uri, gzip.compress(JPEG), media_type, headers=[("Content-Encoding", "gzip")])


for media_type in TYPES:
    ANSWERS[f"a picture as {media_type}"] = (partial(_typed, media_type), [TAKEN])
    ANSWERS[f"a packed picture as {media_type}"] = (partial(_packed, media_type), [TAKEN])


@few
@given(st.lists(st.sampled_from(sorted(ANSWERS)), max_size=12), st.booleans())
def test_a_web_archive(kinds: list[str], in_wacz: bool) -> None:
    with folder() as root:
        warc = Warc(root / "a.warc.gz")
        for number, kind in enumerate(kinds):
            ANSWERS[kind][0](warc, f"https://e.example/{number}")
        path = warc.close()
        right = Counter(outcome for kind in kinds for outcome in ANSWERS[kind][1]) or Counter([REFUSED])
        if in_wacz:
            with zipfile.ZipFile(root / "a.wacz", "w") as wacz:
                wacz.write(path, "archive/a.warc.gz")
                wacz.writestr("datapackage.json", "{}")
            path, right = root / "a.wacz", right + Counter([WITHOUT])
        assert outcomes(WarcConnector([path], LIMIT)) == right


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_each_kind_of_answer(kind: str, tmp_path: Path) -> None:
    warc = Warc(tmp_path / "a.warc.gz")
    ANSWERS[kind][0](warc, "https://e.example/1")
    assert outcomes(WarcConnector([warc.close()], LIMIT)) == Counter(ANSWERS[kind][1])


# ---------------------------------------------------------------- sites

REPLIES = {
    "picture": (CannedReply(JPEG, type="image/jpeg"), TAKEN),
    "203": (CannedReply(JPEG, status=203, type="image/jpeg"), TAKEN),
    "as a page": (CannedReply(JPEG, type="text/html"), TAKEN),
    "as text": (CannedReply(JPEG, type="text/plain"), TAKEN),
    "as a download": (CannedReply(JPEG, type="application/force-download"), TAKEN),
    "packed": (CannedReply(gzip.compress(JPEG), type="text/plain", headers={"Content-Encoding": "gzip"}), TAKEN),
    "film": (CannedReply(b"\0\0\0\x18ftypisom" + bytes(400), type="video/mp4"), REFUSED),
    "missing": (CannedReply(b"no", status=404), REFUSED),
    "part": (CannedReply(JPEG, status=206, type="image/jpeg", headers={"Content-Range": "bytes 0-9/99"}), REFUSED),
    "script": (CannedReply(b"let x = 1;" * 100, type="text/javascript"), REFUSED),
}


@settings(max_examples=6)
@given(st.lists(st.sampled_from(sorted(REPLIES)), max_size=12), st.integers(0, 3))
def test_a_site(kinds: list[str], embedded: int) -> None:
    inside = "".join(f"<img src='{_data(JPEG + bytes([number]))}'>" for number in range(embedded))
    shown = "".join(f"<img src='/{number}'>" for number in range(len(kinds)))
    right = Counter([WITHOUT, *[TAKEN] * embedded, *(REPLIES[kind][1] for kind in kinds)])
    with folder() as root, LocalWeb() as web:
        pages = {f"/{number}": REPLIES[kind][0] for number, kind in enumerate(kinds)}
        web.host("a.test", {"/": CannedReply(f"<!doctype html>{shown}{inside}".encode()), **pages})
        assert outcomes(SiteConnector(crawl(web, "a.test"), stored_crawl(root), MOST)) == right
