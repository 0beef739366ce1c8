"""Writes ANSI/NIST-ITL transactions with photographs of faces, in the traditional encoding (ANSI/NIST-ITL 1-2011).

A record is fields, separated by control characters and preceded by its length; Type 1 lists the others. What a
stranger may have typed is reduced to printable text, so that it cannot hold a separator.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lineament.model.faces import Box, Face
from lineament.sources.provenance import one_line

VERSION = "0500"
DOMAIN = ("LINEAMENT", "1")
"""Whose implementation domain defines the fields of Type 2, and its version."""
KIND = "FACE"
MOST_PHOTOGRAPHS = 98
"""Records besides Type 1 and Type 2: information designation characters have two digits."""
FRONTAL = 20.0
"""Degrees of yaw up to which a face counts as frontal."""

_FILE, _GROUP, _RECORD, _UNIT = "\x1c", "\x1d", "\x1e", "\x1f"
_LONGEST_COMMENT = 126
_BASELINE = b"\xff\xc0"
_FRAMES = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]")
_PNG = b"\x89PNG\r\n\x1a\n"
_GREY_PNG = (0, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItlPicture:
    """A photograph as it is written, with the codes of its compression and its colours."""

    content: bytes
    compression: str  # JPEGB or PNG
    colours: str  # YCC, RGB, SRGB or GRAY
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItlFace:
    """A face in a photograph; box and landmarks are in pixels of the picture that is written."""

    picture: ItlPicture
    face: Face
    surveillance: bool  # declared as a picture of a surveillance camera
    taken_on: date | None
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItlHeader:
    """Who sends a transaction to whom, and about what."""

    to: str  # identifier of the agency that gets it (DAI)
    sender: str  # identifier of the agency that sends it (ORI)
    number: str  # of the transaction (TCN)
    at: datetime
    about: Sequence[str]  # the fields of Type 2 from 2.003


def transaction(header: ItlHeader, faces: Sequence[ItlFace]) -> bytes:
    """Return a transaction with one Type-10 record for each face, at most MOST_PHOTOGRAPHS."""
    records = [_about(header), *(_photograph(number, header, face) for number, face in enumerate(faces, 1))]
    return b"".join([_first(header, len(faces)), *records])


def as_it_is(untrusted: bytes) -> tuple[str, str] | None:
    """Return the codes of compression and colours of a file that a transaction may hold unchanged, else None.

    It may hold a baseline JPEG of one or three components, and a PNG of 8 bits without a palette.
    """
    if untrusted.startswith(_PNG) and untrusted[12:16] == b"IHDR" and len(untrusted) > 25:
        depth, colour = untrusted[24], untrusted[25]
        return None if depth != 8 or colour == 3 else ("PNG", "GRAY" if colour in _GREY_PNG else "RGB")
    frame = _frame_of(untrusted) if untrusted.startswith(b"\xff\xd8") else None
    if frame is None or not frame.startswith(_BASELINE) or len(frame) < 10:
        return None
    colours = {1: "GRAY", 3: "YCC"}.get(frame[9])
    return None if colours is None else ("JPEGB", colours)


def _frame_of(untrusted: bytes) -> bytes | None:
    """Return the frame header of a JPEG, from its marker; None if none stands before the first scan."""
    at = 2
    while untrusted[at : at + 1] == b"\xff" and (marker := untrusted[at : at + 2]) != b"\xff\xda":
        if _FRAMES.fullmatch(marker):
            return untrusted[at : at + 20]
        at += 1 if marker == b"\xff\xff" else 2 + max(2, int.from_bytes(untrusted[at + 2 : at + 4], "big"))
    return None


def _first(header: ItlHeader, photographs: int) -> bytes:
    listed = [f"1{_UNIT}{photographs + 1}", f"2{_UNIT}00"]
    listed += [f"10{_UNIT}{number:02}" for number in range(1, photographs + 1)]
    at = header.at.astimezone(UTC)
    fields = {
        2: VERSION,
        3: _RECORD.join(listed),
        4: KIND,
        5: f"{at:%Y%m%d}",
        7: header.to,
        8: header.sender,
        9: header.number,
        11: "00.00",  # no fingerprints, so no resolution
        12: "00.00",
        13: _UNIT.join(DOMAIN),
        14: f"{at:%Y%m%d%H%M%S}Z",
        15: f"003{_UNIT}UTF-8",
    }
    return _record(1, fields)


def _about(header: ItlHeader) -> bytes:
    said = {number: _plain(text) for number, text in enumerate(header.about, 3)}
    return _record(2, {2: "00"} | said)


def _photograph(number: int, header: ItlHeader, shown: ItlFace) -> bytes:
    picture, face = shown.picture, shown.face
    left, right, top, bottom = _edges(face.box, picture)
    frontal = abs(face.quality.yaw) <= FRONTAL
    fields = {
        2: f"{number:02}",
        3: "FACE",
        4: header.sender,
        5: "00000000" if shown.taken_on is None else f"{shown.taken_on:%Y%m%d}",
        6: str(picture.width),
        7: str(picture.height),
        8: "0",  # no scale is known,
        9: "1",  # so this is the ratio of the sides of a pixel
        10: "1",
        11: picture.compression,
        12: picture.colours,
        13: "1" if shown.surveillance else "0",
        14: _UNIT.join(str(edge) for edge in (left, right, top, bottom)),
        20: "F" if frontal else "A",
        **({} if frontal else {21: f"{max(-180, min(180, round(face.quality.yaw)))}"}),
        29: _RECORD.join(_points(face, picture)),
        38: _plain(shown.comment)[:_LONGEST_COMMENT],
        996: hashlib.sha256(picture.content).hexdigest().upper(),
    }
    return _record(10, fields, picture.content)


def _edges(box: Box, picture: ItlPicture) -> tuple[int, int, int, int]:
    """Return left, right, top and bottom of the part of a box that lies in its picture, in whole pixels."""
    left, right = (_within(edge, picture.width) for edge in (box.x, box.x + box.width))
    top, bottom = (_within(edge, picture.height) for edge in (box.y, box.y + box.height))
    return left, right, top, bottom


def _points(face: Face, picture: ItlPicture) -> list[str]:
    """Return the landmarks as MPEG-4 feature points, in which left and right are those of the person shown."""
    seen = face.landmarks
    points = {
        "12.1": seen.right_eye,
        "12.2": seen.left_eye,
        "9.3": seen.nose,
        "8.3": seen.right_mouth,
        "8.4": seen.left_mouth,
    }
    return [
        _UNIT.join(["1", code, str(_within(across, picture.width)), str(_within(down, picture.height))])
        for code, (across, down) in points.items()
    ]


def _within(place: float, side: int) -> int:
    return max(0, min(side - 1, round(place)))


def _plain(text: str) -> str:
    return one_line(text) or "-"


def _record(kind: int, fields: dict[int, str], picture: bytes | None = None) -> bytes:
    """Return a record: its length, its fields in the order of their numbers, and its picture."""
    body = _GROUP.join(f"{kind}.{number:03}:{value}" for number, value in sorted(fields.items())).encode()
    if picture is not None:
        body += f"{_GROUP}{kind}.999:".encode() + picture
    body += _FILE.encode()
    length = 0
    while (head := f"{kind}.001:{length}{_GROUP}".encode()) and length != len(head) + len(body):
        length = len(head) + len(body)
    return head + body
