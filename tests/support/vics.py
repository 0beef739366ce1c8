"""VICS files as programs write them: UTF-8 with a byte order mark, back-slashes, upper-case MD5, flags as words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HEADS = {
    "1.3": ("odata.metadata", "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#{}"),
    "2.0": ("@odata.context", "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#{}"),
}
JPEG = b"\xff\xd8\xff\xe0 a picture "


def digests_of(untrusted: bytes) -> dict[str, str]:
    """Return MD5 and SHA-1 in capitals, as they are distributed."""
    kinds = {"MD5": hashlib.md5(untrusted), "SHA1": hashlib.sha1(untrusted)}  # noqa: S324 - what the format asks
    return {kind: digest.hexdigest().upper() for kind, digest in kinds.items()}


def media(folder: Path, name: str, untrusted: bytes = JPEG, **fields: Any) -> dict[str, Any]:
    """Write a file into the folder VIC_Files, and return its media record."""
    path = folder / "VIC_Files" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(untrusted)
    own = {
        "MediaID": 7,
        "Category": 1,
        "VictimIdentified": "false",
        "IsPrecategorized": "True",
        "MediaSize": str(len(untrusted) + 5),
        "RelativeFilePath": f"VIC_Files\\{name}",
        "Exifs": [{"PropertyName": "Make", "PropertyValue": '] } " ,'}],
        "MediaFiles": [{"FileName": name, "FilePath": f"Users\\x\\{name}", "Unallocated": "true"}],
    }
    return own | digests_of(untrusted) | fields


def document(value: Sequence[Any], version: str = "2.0", of: str = "Media", *, mark: bool = True) -> bytes:
    """Return a file with these cases or media records."""
    key, model = HEADS[version]
    text = json.dumps({key: model.format(of), "value": value}, indent=1)
    return (b"\xef\xbb\xbf" if mark else b"") + text.encode()


def export(
    folder: Path, media_records: Sequence[Any], version: str = "2.0", case: Mapping[str, Any] | None = None
) -> Path:
    """Write a case export, with counts that lie, and return its path."""
    own = {"CaseNumber": "K 17", "TotalMediaFiles": 99_999} | dict(case or {}) | {"Media": list(media_records)}
    path = folder / "case-vics.json"
    path.write_bytes(document([own], version, "Cases"))
    return path
