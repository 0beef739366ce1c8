"""Archives as people and attackers pack them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable

from backports import zstd
from py7zr import SevenZipFile

FILES = {
    "a.jpg": b"picture a",
    "sub/b.png": b"picture b",
    "sub/b.json": b'{"uri": "https://example.org/b", "licence": "CC0"}',
    "captures.csv": b"file,page_uri\na.jpg,https://example.org/page\n",
    "notes.txt": b"notes",
    ".hidden.jpg": b"hidden",
    "__MACOSX/._a.jpg": b"resource",
}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


PACKED: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "zip-stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "tar": tarred,
    "tar-gnu": lambda files: tarred(files, tarfile.GNU_FORMAT),
    "tar-ustar": lambda files: tarred(files, tarfile.USTAR_FORMAT),
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.gz-members": lambda files: gzip.compress(tarred(files)[:700]) + gzip.compress(tarred(files)[700:]) + bytes(99),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
    "tar.zst": lambda files: zstd.compress(tarred(files)),
}


def seven(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with SevenZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writef(io.BytesIO(data), name)
    return out.getvalue()


def nested(levels: int, inner: bytes = b"") -> bytes:
    data = inner or zipped({"deep.jpg": b"deep"})
    for level in range(levels):
        data = PACKED[("zip", "tar.gz")[level % 2]]({f"{level}.{('zip', 'tgz')[level % 2]}": data})
    return data
