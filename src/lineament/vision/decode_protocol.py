"""The protocol between a decoder and its parent: two fixed records over pipes, so that there is nothing to parse."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

MEDIA_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "image/tiff",
    "image/bmp",
    "image/gif",
    "image/jp2",
    "image/jpx",
    "image/j2c",
)
JPEG, PNG, WEBP, HEIC, TIFF, BMP, GIF, JP2, JPX, J2C = range(len(MEDIA_TYPES))

SMALLEST_SIDE = 32
"""Least pixels of a side; smaller pictures are not compared (docs/adr/0009)."""
LONGEST_SIDE = 24_000
"""Pixels; more than cameras and telephones produce. At scale 1/8, a JPEG of that size is 3000 pixels long."""
LARGEST_JPEG_2000 = 50_000_000
"""Pixels of a JPEG 2000: its decoder takes 12 bytes for each, besides those of the picture."""
SHARP_ENOUGH = 2048
"""JPEGs are decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 whose long side has at least so many pixels."""
LONGEST_DECODED = 2560
"""Other pictures are reduced to so many pixels."""
PIXEL_BYTES = 3 * (2 * SHARP_ENOUGH) ** 2
"""The largest decoded picture: a JPEG just too small for the next scale."""

REQUEST = struct.Struct("<Q")
"""A request: the size of the file, which is at the start of the inbox."""
REPLY = struct.Struct("<BBxxIIII25s?xxdd")
READY = struct.Struct("<I")
"""The guards in force (``confine.GUARDS``), sent once."""


class Status(IntEnum):
    """The outcome for a picture."""

    DECODED = 0
    UNKNOWN_FORMAT = 1
    TRUNCATED = 2
    DAMAGED = 3
    TOO_LARGE = 4
    TOO_SMALL = 5
    OUT_OF_MEMORY = 6
    NO_COLOURS = 7


def most_pixels(media: int, max_pixels: int) -> int:
    """Return the most pixels of a picture of this format; ``media`` is an index into MEDIA_TYPES."""
    return min(max_pixels, LARGEST_JPEG_2000) if media in {JP2, JPX, J2C} else max_pixels


class DecodeReply(NamedTuple):
    """A decoder's report about a picture, which the parent does not trust."""

    status: int
    media: int = 0  # index into MEDIA_TYPES
    width: int = 0  # upright original, pixels
    height: int = 0
    across: int = 0  # as decoded, pixels
    down: int = 0
    taken_at: bytes = b""  # as EXIF has it: “2024:05:31 12:00:00+02:00”, with or without the zone
    has_place: bool = False
    latitude: float = 0.0  # degrees
    longitude: float = 0.0

    def pack(self) -> bytes:
        """Return the record, ``REPLY.size`` bytes."""
        return REPLY.pack(*self)
