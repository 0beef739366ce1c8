"""Untrusted bytes to pixels, with Pillow. This runs inside the confined process only (``decode_worker``).

Each format is opened by its own Pillow class, chosen by the first bytes: Pillow's other plugins are not imported.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable
from typing import NamedTuple, cast

import pillow_heif
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from lineament.vision import decode_protocol
from lineament.vision.decode_protocol import (
    BMP,
    GIF,
    HEIC,
    J2C,
    JP2,
    JPEG,
    JPX,
    LONGEST_DECODED,
    LONGEST_SIDE,
    PNG,
    SHARP_ENOUGH,
    SMALLEST_SIDE,
    TIFF,
    WEBP,
    DecodeReply,
    Status,
    most_pixels,
)

_OPENERS: dict[int, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    JPEG: JpegImagePlugin.JpegImageFile,  # not the factory, which would read multi-picture files
    PNG: PngImagePlugin.PngImageFile,
    WEBP: WebPImagePlugin.WebPImageFile,
    HEIC: pillow_heif.HeifImageFile,
    TIFF: TiffImagePlugin.TiffImageFile,
    BMP: BmpImagePlugin.BmpImageFile,
    GIF: GifImagePlugin.GifImageFile,
    JP2: Jpeg2KImagePlugin.Jpeg2KImageFile,
    JPX: Jpeg2KImagePlugin.Jpeg2KImageFile,
    J2C: Jpeg2KImagePlugin.Jpeg2KImageFile,
}
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The operation that makes a picture upright, by EXIF orientation."""
_BAND = 64
"""Rows of the result that are converted at a time, so that a large picture is in memory once."""
_WHITE = (255, 255, 255)
_NOISE = bytes(step * 89 % 251 for step in range(1, 500))  # without the byte FF, which would be a marker


class NotDecodedError(Exception):
    """The picture cannot be used; ``reply`` says why."""

    def __init__(self, status: Status, media: int = 0, width: int = 0, height: int = 0) -> None:
        self.reply = DecodeReply(status, media, width, height)
        super().__init__(status)


class ExifFacts(NamedTuple):
    """The useful part of the EXIF, unchecked."""

    orientation: int = 1
    at: bytes = b""
    place: tuple[float, float] | None = None


def set_up(max_pixels: int) -> None:
    """Set Pillow's own limits, as a second line of defence."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False


def read_picture(untrusted: bytes, max_pixels: int) -> tuple[Image.Image, DecodeReply]:
    """Decode the first frame of a picture.

    Returns:
        The upright picture in mode RGB, reduced if it is large, and the reply about it.

    Raises:
        NotDecodedError: It cannot be used.
    """
    media = detect_format(untrusted)
    try:
        return _decode(untrusted, media, max_pixels)
    except (NotDecodedError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise anything over hostile bytes
        if "memory" in str(error):
            raise MemoryError from None
        cut = isinstance(error, EOFError) or "truncated" in str(error) or _breaks_off(untrusted, media)
        raise NotDecodedError(Status.TRUNCATED if cut else Status.DAMAGED) from None


def detect_format(untrusted: bytes) -> int:
    """Return the format as an index into MEDIA_TYPES, by the first bytes; the file name is not used."""
    if untrusted[4:8] == b"ftyp":
        brands = {untrusted[8:12]} | {untrusted[at : at + 4] for at in range(16, min(_box_size(untrusted, 0), 256), 4)}
        if brands & _HEIF_BRANDS:
            return HEIC
    if untrusted[:4] == b"RIFF" and untrusted[8:12] == b"WEBP":
        return WEBP
    starts = {
        b"\xff\xd8\xff": JPEG,
        b"\x89PNG\r\n\x1a\n": PNG,
        b"GIF87a": GIF,
        b"GIF89a": GIF,
        b"II*\0": TIFF,
        b"MM\0*": TIFF,
        b"\0\0\0\x0cjP  \r\n\x87\n": JPX if untrusted[20:24] == b"jpx " else JP2,
        b"\xff\x4f\xff\x51": J2C,
    }
    for start, media in starts.items():
        if untrusted.startswith(start):
            return media
    # Two letters prove little, so the size of the header that follows must be a known one.
    if untrusted[:2] == b"BM" and untrusted[14:18] in {struct.pack("<I", size) for size in (12, 40, 52, 56, 108, 124)}:
        return BMP
    raise NotDecodedError(Status.UNKNOWN_FORMAT)


def _decode(untrusted: bytes, media: int, max_pixels: int) -> tuple[Image.Image, DecodeReply]:
    image = _OPENERS[media](io.BytesIO(untrusted))
    _check_size(image.size, media, max_pixels)
    size = image.size
    if media == JPEG:
        _draft(image)
    image.load()
    if media == JPEG and _ends_grey(image) and not _whole(untrusted, image):
        raise NotDecodedError(Status.TRUNCATED)
    if media == HEIC and image.size != size:
        size = image.size  # the file's own header was wrong
        _check_size(size, media, max_pixels)
    facts = _exif_facts(image)
    pixels = _in_colour(image) if media == JPEG else _reduce(image)
    if facts.orientation in _UPRIGHT:
        pixels = pixels.transpose(_UPRIGHT[facts.orientation])
        size = size if facts.orientation < 5 else (size[1], size[0])
    latitude, longitude = facts.place or (0.0, 0.0)
    reply = DecodeReply(
        Status.DECODED, media, *size, *pixels.size, facts.at, facts.place is not None, latitude, longitude
    )
    return pixels, reply


def _check_size(size: tuple[int, int], media: int, max_pixels: int) -> None:
    width, height = size
    if width * height > most_pixels(media, max_pixels) or max(size) > LONGEST_SIDE:
        raise NotDecodedError(Status.TOO_LARGE, media, width, height)
    if min(size) < SMALLEST_SIDE:
        raise NotDecodedError(Status.TOO_SMALL, media, width, height)


def _draft(image: ImageFile.ImageFile) -> None:
    """Let libjpeg decode at 1/8, 1/4 or 1/2 if that is still sharp enough."""
    width, height = image.size
    for scale in (8, 4, 2):
        if max(width, height) // scale >= SHARP_ENOUGH:
            image.draft(None, (width // scale, height // scale))
            return


def _ends_grey(image: Image.Image) -> bool:
    """Return whether the last pixel has the grey that libjpeg fills in for missing data."""
    last = image.getpixel((image.width - 1, image.height - 1))
    return set(last if isinstance(last, tuple) else (last,)) <= {127, 128}


def _whole(untrusted: bytes, image: Image.Image) -> bool:
    """Return whether a JPEG has the data for all of its pixels.

    Where the end marker comes too early, libjpeg fills in grey and says nothing that Pillow passes on. So noise is put
    before the end marker: a whole picture does not change, one that breaks off takes the noise for its missing part.
    """
    end = untrusted.find(b"\xff\xd9", _scan_start(untrusted))
    if end < 0:
        return True
    again = JpegImagePlugin.JpegImageFile(io.BytesIO(untrusted[:end] + _NOISE + untrusted[end:]))
    _draft(again)
    again.load()
    return again.tobytes() == image.tobytes()


def _scan_start(untrusted: bytes) -> int:
    """Return where the first scan of a JPEG begins: after its headers, which may hold a thumbnail with its own end."""
    at = 2
    while untrusted[at : at + 1] == b"\xff" and untrusted[at + 1] != 0xDA:
        at += 1 if untrusted[at + 1] == 0xFF else 2 + int.from_bytes(untrusted[at + 2 : at + 4], "big")
    return at


def _in_colour(image: Image.Image) -> Image.Image:
    """Return the picture in RGB; transparent pixels become white."""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", image.size, _WHITE)
        image.paste(rgba, mask=rgba.getchannel("A"))
        return image
    if image.mode in {"I", "F"}:
        raise NotDecodedError(Status.NO_COLOURS)  # measurements, not brightness: nobody says what is white
    if image.mode.startswith("I;16"):
        image = image.point(lambda light: light * (1 / 256)).convert("L")
    return image if image.mode == "RGB" else image.convert("RGB")


def _reduce(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, at most LONGEST_DECODED pixels long, by averaging."""
    width, height = image.size
    longest = max(width, height)
    if longest <= LONGEST_DECODED:
        return _in_colour(image)
    factor = longest // LONGEST_DECODED
    canvas = Image.new("RGB", (math.ceil(width / factor), math.ceil(height / factor)))
    for top in range(0, height, _BAND * factor):
        band = _in_colour(image.crop((0, top, width, min(top + _BAND * factor, height))))
        canvas.paste(band.reduce(factor), (0, top // factor))
    scale = LONGEST_DECODED / longest
    final = (max(1, round(width * scale)), max(1, round(height * scale)))
    box = (0.0, 0.0, width / factor, height / factor)
    return canvas.resize(final, Image.Resampling.BOX, box=box)


def _exif_facts(image: Image.Image) -> ExifFacts:
    """Orientation, time and place. Absurd EXIF must not cost the picture."""
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


def _breaks_off(untrusted: bytes, media: int) -> bool:
    """Return whether the bytes end before the end that the format states."""
    match media:
        case decode_protocol.JPEG:
            return b"\xff\xd9" not in untrusted
        case decode_protocol.PNG:
            return b"IEND" not in untrusted
        case decode_protocol.WEBP:
            declared = 8 + int.from_bytes(untrusted[4:8], "little")
        case decode_protocol.BMP:
            declared = int.from_bytes(untrusted[2:6], "little")
        case decode_protocol.HEIC:
            declared = _boxes_end(untrusted)
        case decode_protocol.JP2 | decode_protocol.JPX | decode_protocol.J2C:
            return not untrusted.endswith(b"\xff\xd9")
        case _:
            declared = 0
    return len(untrusted) < declared


def _boxes_end(untrusted: bytes) -> int:
    at = 0
    while at < len(untrusted) and (size := _box_size(untrusted, at)) >= 8:
        at += size
    return at


def _box_size(untrusted: bytes, at: int) -> int:
    """Return the size of an ISO BMFF box (ISO/IEC 14496-12); 0 if it is not in the usual place."""
    return cast("int", struct.unpack_from(">I", untrusted, at)[0]) if at + 8 <= len(untrusted) else 0
