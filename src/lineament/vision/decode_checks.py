"""Checks what a decoding process replies: it is as untrusted as the file."""

from __future__ import annotations

import math
import re
from datetime import datetime

from lineament.errors import (
    BadPicture,
    DecoderDied,
    DecoderLimit,
    FormatNotRead,
    PictureTooLarge,
    PictureTooSmall,
    PictureTruncated,
    UnknownFormat,
)
from lineament.model.faces import Place
from lineament.vision.decode_process import DecodeLimits
from lineament.vision.decode_protocol import (
    LONGEST_SIDE,
    MEDIA_TYPES,
    MOST_PARTS,
    NOT_READ,
    SMALLEST_SIDE,
    DecodeReply,
    Status,
    most_pixels,
)

INVALID = "it sent an invalid reply"
_TAKEN_AT = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)([+-]\d\d:\d\d)?")
_FIRST_YEAR = 1826  # of photography; an earlier year means a camera whose clock was never set

_UNREADABLE: dict[int, str] = {
    Status.DAMAGED: "its data are damaged",
    Status.NO_COLOURS: "it holds measurements, not colours",
    Status.VARIANT: "it uses a variant of its format that Lineament does not read",
}


def check_status(untrusted: DecodeReply, limits: DecodeLimits) -> None:
    """Raise the error that a reply stands for, unless it comes with a picture."""
    width, height = untrusted.width, untrusted.height
    if untrusted.status in _UNREADABLE:
        raise BadPicture(why=_UNREADABLE[untrusted.status])
    match untrusted.status:
        case Status.DECODED:
            return
        case Status.UNKNOWN_FORMAT:
            if 0 < untrusted.not_read < len(NOT_READ):
                raise FormatNotRead(format=NOT_READ[untrusted.not_read])
            raise UnknownFormat
        case Status.TRUNCATED:
            raise PictureTruncated
        case Status.TOO_LARGE:
            limit = f"{most_pixels(untrusted.media, limits.max_pixels):,} (or {LONGEST_SIDE:,} a side)"
            raise PictureTooLarge(width=width, height=height, limit=limit)
        case Status.TOO_SMALL:
            raise PictureTooSmall(width=width, height=height, limit=SMALLEST_SIDE)
        case Status.OUT_OF_MEMORY:
            why = f"it needed more than {limits.memory >> 20} MiB of memory"
            raise DecoderLimit(why=why, setting="LINEAMENT_DECODE_MEMORY")
    raise DecoderDied(why=INVALID)


def check_sizes(untrusted: DecodeReply, max_pixels: int) -> None:
    """Raise DecoderDied if the sizes are impossible: a worker with invalid replies may be compromised."""
    sides = (untrusted.width, untrusted.height)
    decoded = (untrusted.across, untrusted.down)
    plausible = (
        untrusted.media < len(MEDIA_TYPES)
        and min(sides) >= SMALLEST_SIDE
        and max(sides) <= LONGEST_SIDE
        and math.prod(sides) <= most_pixels(untrusted.media, max_pixels)
        and min(decoded) > 0
        and 1 <= untrusted.orientation <= 8
        and 1 <= untrusted.part <= untrusted.parts <= MOST_PARTS
        and -1 <= untrusted.seconds < 1e7
        and -1 <= untrusted.missing <= 1
        and all(small <= large for small, large in zip(decoded, sides, strict=True))
        and _same_shape(sides, decoded)
    )
    if not plausible:
        raise DecoderDied(why=INVALID)


def _same_shape(sides: tuple[int, int], decoded: tuple[int, int]) -> bool:
    """Return whether the decoded size is the original size reduced equally both ways, rounded to whole pixels."""
    scale = max(decoded) / max(sides)
    return all(abs(side * scale - small) <= 1.5 for side, small in zip(sides, decoded, strict=True))


def checked_time(untrusted: bytes) -> datetime | None:
    """Parse a time in EXIF's notation; None if it is implausible."""
    found = _TAKEN_AT.fullmatch(untrusted.rstrip(b"\0 ").decode("ascii", "replace"))
    if found is None or int(found[1]) < _FIRST_YEAR:
        return None
    year, month, day, time, zone = found.groups(default="")
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{time}{zone}")
    except ValueError:
        return None


def checked_place(untrusted: DecodeReply) -> Place | None:
    """Return the place, None if it is not on Earth; 0, 0 means a receiver without a fix."""
    latitude, longitude = untrusted.latitude, untrusted.longitude
    if not untrusted.has_place or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    if latitude == longitude == 0:
        return None
    return Place(latitude=latitude, longitude=longitude)
