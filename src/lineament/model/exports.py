"""Exports of a case for other systems."""

from __future__ import annotations

from enum import StrEnum

_SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/tiff": "tif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/jp2": "jp2",
    "image/jpx": "jpx",
    "image/j2c": "j2c",
    "image/avif": "avif",
    "image/jxl": "jxl",
}


class DataModel(StrEnum):
    """A version of the data model of Project VIC (VICS)."""

    OLDER = "1.3"
    NEWER = "2.0"


def suffix_of(media_type: str) -> str:
    """Return the suffix for the name of a picture, without its dot: “bin” if several are usual, as for raw pictures."""
    return _SUFFIXES.get(media_type, "bin")
