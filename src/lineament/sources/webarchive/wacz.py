"""Web archives as files: a single WARC, or those in a WACZ, which is a zip of uncompressed WARCs."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self

from lineament.errors import LineamentError, NotRead
from lineament.sandbox.files import SourcePath, open_regular, printable, printable_bytes
from lineament.sandbox.unpack import SmallReads
from lineament.sources.base import LeftOut, LeftOutKind, Refusal
from lineament.sources.folder.connector import PICTURES
from lineament.sources.webarchive.registration import WACZ_SUFFIX, WARC_SUFFIXES

MOST_MEMBERS = 10_000
"""WARC files in one WACZ."""
_PICTURES_AND_ARCHIVES = (WACZ_SUFFIX, ".zip", *(suffix.decode() for suffix in sorted(PICTURES)))
_LOCAL = struct.Struct("<4s22xHH")


@dataclass(frozen=True, slots=True)
class WarcFile:
    """One WARC file."""

    place: SourcePath
    name: str  # for provenance: the file's, in a WACZ followed by “/” and the member's
    begin: int = 0  # bytes
    size: int | None = None  # bytes; None for the whole file

    @property
    def shown(self) -> str:
        """The name for messages."""
        _, _, member = self.name.partition("/")
        return f"{self.place.name}/{member}" if member else self.place.name

    def open(self) -> FileWindow:
        """Open the bytes of the WARC. Raises NotRead or OSError."""
        return FileWindow(os.fdopen(open_regular(self.place), "rb", buffering=0), self.begin, self.size)


class FileWindow:
    """A part of a file that reads like a file."""

    def __init__(self, file: BinaryIO, begin: int, size: int | None) -> None:
        self._file = file
        self._begin = begin
        self.size = os.fstat(file.fileno()).st_size if size is None else size
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes from the current position."""
        left = max(self.size - self._at, 0)
        wanted = left if size < 0 else min(size, left)
        data = os.pread(self._file.fileno(), wanted, self._begin + self._at) if wanted else b""
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset; one before the beginning is the beginning."""
        self._at = max(offset + (0, self._at, self.size)[whence], 0)
        return self._at

    def tell(self) -> int:
        """Return the offset in the part."""
        return self._at

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def warc_files(place: SourcePath) -> Iterator[WarcFile | Refusal | LeftOut]:
    """Yield the WARC files that ``place`` is or contains; count the other members of a WACZ."""
    name = printable_bytes(place.base)
    if not name.lower().endswith(WACZ_SUFFIX):
        yield WarcFile(place, name)
        return
    try:
        yield from _members(place, name)
    except (LineamentError, OSError) as error:
        yield Refusal.from_error(place.name, error)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError, EOFError) as error:
        yield Refusal(name=place.name, why=NotRead(why=f"it is not a WACZ ({_message(error)})"))


def _members(place: SourcePath, name: str) -> Iterator[WarcFile | Refusal | LeftOut]:
    with os.fdopen(open_regular(place), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        with zipfile.ZipFile(SmallReads(file)) as whole:
            members = [info for info in whole.infolist() if not info.is_dir()]
        found = [info for info in members if info.filename.lower().endswith(WARC_SUFFIXES)]
        others = 0
        for info in members:
            if info.filename.lower().endswith(_PICTURES_AND_ARCHIVES):
                why = NotRead(why="it is in the WACZ beside its WARC files; unpack it, and ingest it by itself")
                yield Refusal(name=f"{place.name}/{printable(info.filename)}", why=why)
            elif not info.filename.lower().endswith(WARC_SUFFIXES):
                others += 1
        if others:
            yield LeftOut(kind=LeftOutKind.NO_PICTURE, many=others)
        if len(found) > MOST_MEMBERS:
            raise NotRead(why=f"it holds {len(found)} WARC files, more than the {MOST_MEMBERS} that are read")
        for info in found:
            member = printable(info.filename)
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                why = NotRead(
                    why="the WACZ compresses or encrypts it, which its standard does not allow; unpack it first"
                )
                yield Refusal(name=f"{place.name}/{member}", why=why)
                continue
            file.seek(info.header_offset)
            sign, name_length, extra_length = _LOCAL.unpack(file.read(_LOCAL.size))
            begin = info.header_offset + _LOCAL.size + name_length + extra_length
            if sign != b"PK\3\4" or begin + info.file_size > size:
                why = NotRead(why="the WACZ is truncated")
                yield Refusal(name=f"{place.name}/{member}", why=why)
                continue
            yield WarcFile(place, f"{name}/{member}", begin, info.file_size)


def _message(error: Exception) -> str:
    return printable(str(error))[:200] or type(error).__name__
