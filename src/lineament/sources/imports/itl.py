"""ANSI/NIST-ITL transactions (.an2, .eft, .nist): their photographs of faces (Type 10), and nothing else.

Who is shown stands in Type 2 and others; those records are passed over by their length and never parsed (R5: what is
kept is where a picture came from). Layout as in ANSI/NIST-ITL 1-2011, traditional encoding.
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
from lineament.sandbox.files import locate, open_regular, os_reason
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import provenance_of, table_of
from lineament.sources.provenance import one_line

CONNECTOR = "itl 1"
MOST_RECORDS = 10_000
LARGEST_CONTENTS = 2**20
"""Bytes of the record that lists the others."""
LARGEST_HEADER = 2**16
"""Bytes of a record beyond its picture."""

_MOST_FIELDS = 1000
_FILE, _GROUP, _RECORD, _UNIT = b"\x1c", b"\x1d", b"\x1e", b"\x1f"
_BINARY = range(3, 9)  # types whose records begin with their length in four bytes
_LENGTH = re.compile(rb"0{0,2}(\d{1,2})\.0{0,8}1:(\d{1,12})\x1d")
_FIELD = re.compile(rb"0{0,2}(\d{1,2})\.(\d{1,9}):")
_KNOWN = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
"""How a JPEG, a PNG, a JPEG 2000 file and its bare codestream begin."""
_POSITIONS = {b"F": "frontal", b"R": "right profile", b"L": "left profile", b"A": "angled", b"D": "at a given angle"}
_TYPE, _SOURCE, _DATE, _POSITION, _PICTURE = 3, 4, 5, 20, 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A Type-10 record that shows a face."""

    number: int  # of the record in its file, from 1
    untrusted: bytes
    source: str | None  # the agency that took it
    taken: datetime | None
    position: str | None


class ItlConnector:
    """Brings the photographs of faces in a transaction: JPEG, JPEG 2000 or PNG."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Pictures over ``max_bytes`` are refused. NoSuchFile at once where there is nothing at ``path``."""
        self._place = locate(path)[0]
        self._max_bytes = max_bytes

    def count(self) -> None:
        """It cannot be told without reading."""

    def items(self) -> Iterator[Item | Refusal]:
        """Every photograph of a face, in the order of the records; other Type-10 pictures are refused by number."""
        name = self._place.name
        try:
            with table_of(self._place.parent) as table:
                said = provenance_of(self._place, table, Provenance(uri=self._place.uri))
            with os.fdopen(open_regular(self._place), "rb") as file:
                for number, one in photographs(file, self._max_bytes):
                    if isinstance(one, Photograph):
                        yield Item(name=f"{name} record {number}", untrusted=one.untrusted, provenance=_told(said, one))
                    else:
                        yield Refusal(name=f"{name} record {number}", why=one)
        except LineamentError as error:
            yield Refusal(name=name, why=error.with_traceback(None))
        except OSError as error:
            yield Refusal(name=name, why=NotRead(why=os_reason(error)))


def _told(said: Provenance, one: Photograph) -> Provenance:
    words = [
        f"source agency: {one.source}" if one.source else None,
        f"position: {one.position}" if one.position else None,
    ]
    return replace(
        said,
        uri=f"{said.uri}#record={one.number}",
        captured_at=one.taken or said.captured_at,
        words="; ".join(word for word in words if word) or None,
        connector=CONNECTOR,
    )


def photographs(file: IO[bytes], max_bytes: int) -> Iterator[tuple[int, Photograph | LineamentError]]:
    """The photographs of faces with their record's number, or why one is not brought.

    Raises:
        NotRead: It is no transaction, or nobody could say any more where a record begins.
    """
    at = 0
    for number, kind in enumerate(_contents(file), 1):
        length = _length(file, at, kind, number)
        if kind == 10:
            yield number, _photograph(file, at, length, number, max_bytes)
        at += length
    file.seek(at)
    if file.read(2**10).strip(b"\0\r\n\t \x1a"):
        raise NotRead(why="there is more behind the last record that its first one lists")


def _contents(file: IO[bytes]) -> list[int]:
    """The types of all records, as the first one lists them."""
    file.seek(0)
    start = file.read(2)
    if start[:1] == b"<" or start == b"\xef\xbb":
        raise NotRead(why="it is in the XML encoding, which is not read; export it in the traditional one")
    length = _length(file, 0, 1, 1)
    if length > LARGEST_CONTENTS:
        raise NotRead(why="the list of its records is too long")
    file.seek(0)
    fields = _fields(file.read(length), 1)
    listed = [part.split(_UNIT)[0] for part in fields.get(3, b"").split(_RECORD)]
    if not all(one.isdigit() and len(one) <= 2 for one in listed):
        raise NotRead(why="its first record does not list the others")
    if len(listed) > MOST_RECORDS:
        raise NotRead(why=f"it has more than {MOST_RECORDS:,} records; split it")
    return [int(one) for one in listed]


def _length(file: IO[bytes], at: int, kind: int, number: int) -> int:
    """Bytes of the record that begins at ``at``, all of which are there."""
    file.seek(at)
    start = file.read(40)
    length = 0
    if kind in _BINARY:
        length = int.from_bytes(start[:4], "big")
    elif (found := _LENGTH.match(start)) is not None and int(found[1]) == kind:
        length = int(found[2])
    if length < 5:
        why = f"record {number} is not of the type that the first record says, or damaged"
        raise NotRead(why="it is no ANSI/NIST-ITL transaction" if number == 1 else why)
    file.seek(at + length - 1)
    last = file.read(1)
    if not last:
        raise NotRead(why=f"it breaks off in record {number}")
    if kind not in _BINARY and last != _FILE:
        raise NotRead(why=f"record {number} does not end where it says")
    return length


def _photograph(file: IO[bytes], at: int, length: int, number: int, max_bytes: int) -> Photograph | LineamentError:
    if length > max_bytes + LARGEST_HEADER:
        return FileTooLarge(size=length, limit=max_bytes)
    file.seek(at)
    try:
        fields = _fields(file.read(length), 10)
        untrusted = fields.get(_PICTURE, b"")
        _check(fields, untrusted, max_bytes)
    except LineamentError as error:
        return error.with_traceback(None)
    return Photograph(
        number=number,
        untrusted=untrusted,
        source=one_line(fields.get(_SOURCE, b"").decode("latin-1")),
        taken=_day(fields.get(_DATE, b"")),
        position=_POSITIONS.get(fields.get(_POSITION, b"").strip().upper()),
    )


def _check(fields: dict[int, bytes], untrusted: bytes, max_bytes: int) -> None:
    """NotRead or FileTooLarge where the picture of a record is not brought."""
    kind = fields.get(_TYPE, b"").strip().upper()
    if kind != b"FACE":
        raise NotRead(why="it does not show a face but a mark, a tattoo or something else")
    if len(untrusted) > max_bytes:
        raise FileTooLarge(size=len(untrusted), limit=max_bytes)
    if not untrusted.startswith(_KNOWN):
        raise NotRead(why="its picture is neither in JPEG, JPEG 2000 nor PNG, or it has none")


def _fields(record: bytes, kind: int) -> dict[int, bytes]:
    """The fields of a record by number, up to and with its picture; NotRead where they are none, or twice there."""
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


def _day(said: bytes) -> datetime | None:
    """A date as YYYYMMDD; None where it is unknown, which is written with zeros, or absurd."""
    try:
        return datetime.strptime(said.strip().decode("ascii"), "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
