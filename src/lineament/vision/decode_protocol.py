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
    "image/avif",
    "image/jxl",
    "image/x-dcraw",
)
JPEG, PNG, WEBP, HEIC, TIFF, BMP, GIF, JP2, JPX, J2C, AVIF, JXL, RAW = range(len(MEDIA_TYPES))

NOT_READ = (
    "",
    "PSD (Photoshop)",
    "ICO or CUR (Windows icon)",
    "PDF",
    "SVG",
    "PostScript",
    "PBM, PGM, PPM, PAM or PFM",
    "OpenEXR",
    "Radiance HDR",
    "DDS",
    "XCF (GIMP)",
    "DICOM",
    "WMF or EMF",
    "PCX",
    "DjVu",
    "JPEG XR",
    "FITS",
    "BPG",
    "QOI",
    "ICNS (Apple icon)",
    "a video (ingest it as one)",
    "a sound",
    "a ZIP archive (ingest it as one)",
    "an HTML page",
    "TGA",
    "a HEIF picture in a coding other than HEVC and AV1",
    "Flash",
    "SGI",
    "Sun raster",
    "DPX or Cineon",
    "XBM or XPM",
)
"""Formats that are recognised but not read, by the number in a reply; 0: not recognised."""

SMALLEST_SIDE = 32
"""Least pixels of a side; smaller pictures are not compared (docs/adr/0009)."""
LONGEST_SIDE = 65_535
"""Most pixels of a side: of a JPEG, and more than panoramas and pages of the web have."""
LARGEST_JPEG_2000 = 50_000_000
"""Pixels of a JPEG 2000: its decoder takes 12 bytes for each, besides those of the picture."""
LARGE = 16_000_000
"""Pixels above which a picture waits until the parent has room for it."""
COMMON, RARE = "common", "rare"
"""The kinds of workers: RARE has the libraries for rare formats."""
MOST_PARTS = 10_000
"""Most pictures of one file that are read."""
EVERY = 0.5
"""Seconds of an animation after which a frame is looked at although nothing has happened, as in videos."""
SCENE = 0.30
"""Share of the light that changes between two frames of an animation when a scene begins, as in videos."""
FLICKER = 0.08
"""Least seconds between two frames of an animation that are looked at."""

TICKET = struct.Struct("<Q")
"""A number that is drawn for each request and stands before its reply, so that no reply is taken for another."""
REQUEST = struct.Struct("<QQIB")
"""A request: its ticket; the size of the file at the start of the inbox, or 0 for the file of the previous request;
which of its pictures, from 1, or 0 for the next frame of an animation to look at; and flags, see ``Wish``."""
REPLY = struct.Struct("<BBBBIIIIIId25s?xx?xxxddd")
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
    WAITS = 8  # it is large, and is decoded once the parent permits it
    ELSEWHERE = 9  # only a worker with the libraries for rare formats reads it
    NO_MORE = 10  # there is no such picture in the file
    VARIANT = 11  # a variant of its format that no library here reads


class Wish(IntEnum):
    """The flags of a request, to be added."""

    LARGE_TOO = 1  # the parent has room for a large picture
    AS_BEFORE = 2  # reduced, and in the colours, as versions up to 0.2 decoded it


def most_pixels(media: int, max_pixels: int) -> int:
    """Return the most pixels of a picture of this format; ``media`` is an index into MEDIA_TYPES."""
    return min(max_pixels, LARGEST_JPEG_2000) if media in {JP2, JPX, J2C} else max_pixels


def pixel_bytes(max_pixels: int) -> int:
    """Return the size of the outbox, which holds the largest picture."""
    return 3 * max_pixels


class DecodeReply(NamedTuple):
    """A decoder's report about a picture, which the parent does not trust."""

    status: int
    media: int = 0  # index into MEDIA_TYPES
    not_read: int = 0  # index into NOT_READ, with UNKNOWN_FORMAT
    orientation: int = 1  # of the stored picture, as EXIF has it
    width: int = 0  # upright original, pixels
    height: int = 0
    across: int = 0  # as decoded, pixels
    down: int = 0
    part: int = 1  # which picture of the file
    parts: int = 0  # pictures of the file; 0: it could not be opened
    seconds: float = -1.0  # from the beginning of an animation; negative: the file is none
    taken_at: bytes = b""  # as EXIF has it: “2024:05:31 12:00:00+02:00”, with or without the zone
    has_place: bool = False
    incomplete: bool = False  # some of it is missing or damaged
    missing: float = -1.0  # share of the picture, 0 to 1; negative: unknown
    latitude: float = 0.0  # degrees
    longitude: float = 0.0

    def pack(self) -> bytes:
        """Return the record, ``REPLY.size`` bytes."""
        return REPLY.pack(*self)
