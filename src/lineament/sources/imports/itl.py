"""ANSI/NIST-ITL transactions (.an2, .eft, .nist): their photographs of faces (Type 10), and nothing else.

Other records, such as Type 2, say who is shown; they are skipped by their length and never parsed (R5: only where a
picture came from is kept). Layout as in ANSI/NIST-ITL 1-2011, traditional encoding.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from lineament.errors import FileTooLarge, LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import locate, open_regular
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal
from lineament.sources.folder.connector import provenance_of, table_of
from lineament.sources.provenance import one_line

CONNECTOR = "itl 1"
MOST_RECORDS = 10_000
LARGEST_CONTENTS = 2**20
"""Most bytes of the record that lists the others."""
LARGEST_HEADER = 2**16
"""Most bytes of a record besides its picture."""

_MOST_FIELDS = 1000
_FILE, _GROUP, _RECORD, _UNIT = b"\x1c", b"\x1d", b"\x1e", b"\x1f"
_BINARY = range(3, 9)  # types whose records begin with their length in four bytes
_LENGTH = re.compile(rb"0{0,2}(\d{1,2})\.0{0,8}1:(\d{1,12})\x1d")
_FIELD = re.compile(rb"0{0,2}(\d{1,2})\.(\d{1,9}):")
_KNOWN = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
"""The first bytes of a JPEG, a PNG, a JPEG 2000 file and a bare JPEG 2000 codestream."""
_POSITIONS = {b"F": "frontal", b"R": "right profile", b"L": "left profile", b"A": "angled", b"D": "at a given angle"}
_TYPE, _SOURCE, _DATE, _POSITION, _PICTURE = 3, 4, 5, 20, 999


@dataclass(frozen=True, slots=True, kw_only=True)
class ItlPhotograph:
    """A Type-10 record that shows a face."""

    number: int  # of the record in its file, from 1
    untrusted: bytes
    source: str | None  # the agency that took it
    taken: datetime | None
    position: str | None


class ItlConnector:
    """Yields the photographs of faces in a transaction: JPEG, JPEG 2000 or PNG."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Pictures over ``max_bytes`` are refused. Raises NoSuchFile if ``path`` does not exist."""
        self._place = locate(path)[0]
        self._max_bytes = max_bytes

    def count(self) -> None:
        """Return None: the number is unknown before reading."""

    def items(self) -> Iterator[Found]:
        """Yield every photograph of a face, in the order of the records; refuse other Type-10 pictures by number.

        The records of other types are counted.
        """
        name = self._place.name
        try:
            with table_of(self._place.parent) as table:
                whole = provenance_of(self._place, table, Provenance(uri=self._place.uri))
            with os.fdopen(open_regular(self._place), "rb") as file:
                for number, found in photographs(file, self._max_bytes):
                    record = f"{name} record {number}"
                    if found is None:
                        yield LeftOut(kind=LeftOutKind.NO_PICTURE)
                    elif isinstance(found, ItlPhotograph):
                        yield Item(name=record, untrusted=found.untrusted, provenance=_provenance(whole, found))
                    else:
                        yield Refusal(name=record, why=found)
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(name, error)


def _provenance(whole: Provenance, photograph: ItlPhotograph) -> Provenance:
    words = [
        f"source agency: {photograph.source}" if photograph.source else None,
        f"position: {photograph.position}" if photograph.position else None,
    ]
    return replace(
        whole,
        uri=f"{whole.uri}#record={photograph.number}",
        captured_at=photograph.taken or whole.captured_at,
        words="; ".join(word for word in words if word) or None,
        connector=CONNECTOR,
    )


def photographs(file: IO[bytes], max_bytes: int) -> Iterator[tuple[int, ItlPhotograph | LineamentError | None]]:
    """Yield the number of each record: with its photograph of a face, why it is refused, or None if not of Type 10.

    Raises:
        NotRead: It is not a transaction, or the beginning of the next record is unclear.
    """
    at = 0
    for number, kind in enumerate(_contents(file), 1):
        length = _length(file, at, kind, number)
        yield number, _photograph(file, at, length, number, max_bytes) if kind == 10 else None
        at += length
    file.seek(at)
    if file.read(2**10).strip(b"\0\r\n\t \x1a"):
        raise NotRead(why="there is data after the last record that its first record lists")


def _contents(file: IO[bytes]) -> list[int]:
    """Return the types of all records, as the first one lists them."""
    file.seek(0)
    start = file.read(2)
    if start[:1] == b"<" or start == b"\xef\xbb":
        raise NotRead(why="it is in the XML encoding, which is not supported; export it in the traditional encoding")
    length = _length(file, 0, 1, 1)
    if length > LARGEST_CONTENTS:
        raise NotRead(why="the list of its records is too long")
    file.seek(0)
    fields = _fields(file.read(length), 1)
    listed = [part.split(_UNIT)[0] for part in fields.get(3, b"").split(_RECORD)]
    if not all(kind.isdigit() and len(kind) <= 2 for kind in listed):
        raise NotRead(why="its first record does not list the others")
    if len(listed) > MOST_RECORDS:
        raise NotRead(why=f"it has more than {MOST_RECORDS:,} records; split it")
    return [int(kind) for kind in listed]


def _length(file: IO[bytes], at: int, kind: int, number: int) -> int:
    """Return the length in bytes of the record that begins at ``at``. Raises NotRead if it is truncated or damaged."""
    file.seek(at)
    start = file.read(40)
    length = 0
    if kind in _BINARY:
        length = int.from_bytes(start[:4], "big")
    elif (found := _LENGTH.match(start)) is not None and int(found[1]) == kind:
        length = int(found[2])
    if length < 5:
        why = f"record {number} is not of the type that the first record says, or damaged"
        raise NotRead(why="it is not an ANSI/NIST-ITL transaction" if number == 1 else why)
    file.seek(at + length - 1)
    last = file.read(1)
    if not last:
        raise NotRead(why=f"it is truncated in record {number}")
    if kind not in _BINARY and last != _FILE:
        raise NotRead(why=f"record {number} does not end where it says")
    return length


def _photograph(file: IO[bytes], at: int, length: int, number: int, max_bytes: int) -> ItlPhotograph | LineamentError:
    if length > max_bytes + LARGEST_HEADER:
        return FileTooLarge(size=length, limit=max_bytes)
    file.seek(at)
    try:
        fields = _fields(file.read(length), 10)
        untrusted = fields.get(_PICTURE, b"")
        _check(fields, untrusted, max_bytes)
    except LineamentError as error:
        return error.with_traceback(None)
    return ItlPhotograph(
        number=number,
        untrusted=untrusted,
        source=one_line(fields.get(_SOURCE, b"").decode("latin-1")),
        taken=_day(fields.get(_DATE, b"")),
        position=_POSITIONS.get(fields.get(_POSITION, b"").strip().upper()),
    )


def _check(fields: dict[int, bytes], untrusted: bytes, max_bytes: int) -> None:
    """Raise NotRead or FileTooLarge if the picture of a record is refused."""
    kind = fields.get(_TYPE, b"").strip().upper()
    if kind != b"FACE":
        raise NotRead(why="it shows a mark, a tattoo or something else, and not a face")
    if len(untrusted) > max_bytes:
        raise FileTooLarge(size=len(untrusted), limit=max_bytes)
    if not untrusted.startswith(_KNOWN):
        raise NotRead(why="it has no picture in JPEG, JPEG 2000 or PNG")


def _fields(record: bytes, kind: int) -> dict[int, bytes]:
    """Return the fields of a record by number, up to its picture. Raises NotRead if they are damaged or repeated."""
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(record) - 1:
        found = _FIELD.match(record, at)
        if found is None or int(found[1]) != kind or int(found[2]) in fields or len(fields) >= _MOST_FIELDS:
            raise NotRead(why="one of its fields is damaged")
        number = int(found[2])
        end = record.find(_GROUP, found.end())
        if number == _PICTURE or end < 0:
            end = len(record) - 1
        fields[number] = record[found.end() : end]
        at = end + 1
    return fields


def _day(text: bytes) -> datetime | None:
    """Parse a date as YYYYMMDD; None if it is unknown, which is written with zeros, or invalid."""
    try:
        return datetime.strptime(text.strip().decode("ascii"), "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
