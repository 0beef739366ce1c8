"""The useful part of a picture's EXIF. This runs inside the confined process only (``decode_worker``)."""

from __future__ import annotations

from typing import NamedTuple

from PIL import ExifTags, Image


class ExifFacts(NamedTuple):
    """Orientation, time and place, unchecked."""

    orientation: int = 1
    at: bytes = b""
    place: tuple[float, float] | None = None


def exif_facts(image: Image.Image) -> ExifFacts:
    """Return the facts in the EXIF of a picture. Absurd EXIF must not cost the picture."""
    try:
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - EXIF is a file format of its own, and as hostile
        return ExifFacts()
    return ExifFacts(orientation if isinstance(orientation, int) else 1, _time(exif), _place(exif))


def _time(exif: Image.Exif) -> bytes:
    try:
        details = exif.get_ifd(ExifTags.IFD.Exif)
        at = details.get(ExifTags.Base.DateTimeOriginal, "")
        zone = details.get(ExifTags.Base.OffsetTimeOriginal) or details.get(ExifTags.Base.OffsetTime) or ""
        return f"{at:.19}{zone:.6}".encode("ascii")
    except Exception:  # noqa: BLE001 - as above
        return b""


def _place(exif: Image.Exif) -> tuple[float, float] | None:
    try:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        if ExifTags.GPS.GPSLatitude not in gps:
            return None
        latitude = _degrees(gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLatitudeRef], "NS")
        return latitude, _degrees(gps[ExifTags.GPS.GPSLongitude], gps[ExifTags.GPS.GPSLongitudeRef], "EW")
    except Exception:  # noqa: BLE001 - as above
        return None


def _degrees(parts: tuple[float, float, float], side: str, sides: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return (degrees + minutes / 60 + seconds / 3600) * (1 if side[0] == sides[0] else -1)
