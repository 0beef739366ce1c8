"""Pictures made by code, from ordinary to hostile."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import pillow_heif
from PIL import Image, ImageChops, ImageCms, ImageOps

from lineament.errors import (
    BadPicture,
    EmptyPicture,
    FormatNotRead,
    LineamentError,
    PictureTooLarge,
    PictureTooSmall,
    PictureTruncated,
    UnknownFormat,
)
from lineament.testing.rare_pictures import deep_tiff, os2_bitmap, swapped_profile

CHART_SIZE = (96, 64)
CHART = ((200, 40, 40), (40, 180, 40), (40, 40, 160), (255, 255, 255))
"""The colours of the chart's quarters: top left, top right, bottom left, bottom right."""
PAYLOAD = b"<script>lineament-payload</script>"
"""Hidden in the polyglots; nothing made from them may contain it."""

Corpus = dict[str, tuple[bytes, type[LineamentError] | None]]
"""A file and the error of reading it, by name; None if it can be read and shows the chart."""

_FROM_UPRIGHT = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_ORIENTATION, _EXIF, _GPS = 0x0112, 0x8769, 0x8825


def chart(mode: str = "RGB", size: tuple[int, int] = CHART_SIZE) -> Image.Image:
    """Return a picture of four quarters in the colours of CHART."""
    small = Image.new("RGB", (2, 2))
    small.putdata(CHART)
    return small.resize(size, Image.Resampling.NEAREST).convert(mode)


@cache
def bad_pictures() -> Corpus:
    """Return pictures that are broken, hostile or merely odd."""
    return {**_no_pictures(), **_cut_short(), **_too_much(), **_lies(), **_odd(), **_orientations(), **_polyglots()}


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the file that Pillow writes."""
    file = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, quality=90, **options)
    else:
        image.copy().save(file, kind, **options)  # Pillow leaves a writer's settings in what it saves
    return file.getvalue()


def png(size: tuple[int, int], depth: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of unfiltered rows, each with its leading zero, and extra chunks before them."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _no_pictures() -> Corpus:
    image = chart()
    unread = {"ppm": "PPM", "ico": "ICO", "pcx": "PCX", "pdf": "PDF"}
    return {
        "empty": (b"", EmptyPicture),
        "text named jpg": (b"This is not a photograph.\n" * 50, UnknownFormat),
        "text that begins like a bitmap": (b"BMW is a maker of cars.\n" * 50, UnknownFormat),
        "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>', FormatNotRead),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", FormatNotRead),
        "photoshop": (b"8BPS\0\x01" + bytes(60), FormatNotRead),
        "sound": (b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(60), FormatNotRead),
        "film": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(60), FormatNotRead),
        "tga": (encoded(image, "TGA"), FormatNotRead),
        **{name: (encoded(image, kind), FormatNotRead) for name, kind in unread.items()},
    }


def _cut_short() -> Corpus:
    image = Image.effect_noise((320, 240), 80).convert("RGB")
    jpeg, jp2 = encoded(image, "JPEG"), encoded(image, "JPEG2000", tile_size=(64, 64))
    packed = encoded(image, "TIFF", compression="tiff_lzw")  # its directory is at the end
    return {
        "jpeg cut in its header": (jpeg[:100], PictureTruncated),
        "jpeg cut after its first bytes": (jpeg[:4], PictureTruncated),
        "jpeg cut after its first rows": (jpeg[:2500], PictureTruncated),
        "jpeg 2000 cut in its header": (jp2[:100], PictureTruncated),
        "jpeg 2000 cut in half, with an end": (_ended(jp2), BadPicture),
        "tiff cut before its directory": (packed[: len(packed) // 2], PictureTruncated),
        "png cut after its header": (encoded(image, "PNG")[:60], PictureTruncated),
        "webp cut in its header": (encoded(image, "WEBP")[:25], PictureTruncated),
        "gif cut in its header": (encoded(image, "GIF")[:9], PictureTruncated),
        "heic cut in its header": (encoded(image, "HEIF")[:80], PictureTruncated),
    }


Damaged = dict[str, tuple[bytes, Image.Image, float, float]]
"""A file that breaks off, the whole picture, and the least and the most share of it that is missing; by name."""


@cache
def damaged_pictures() -> Damaged:
    """Return pictures that break off, and are read as far as they go."""
    image = Image.effect_noise((80, 60), 80).convert("RGB").resize((320, 240), Image.Resampling.BICUBIC)
    jpeg, progressive = encoded(image, "JPEG"), encoded(image, "JPEG", progressive=True)
    grey = encoded(image.convert("L"), "JPEG")
    by_name = {
        "jpeg": jpeg,
        "progressive jpeg": progressive,
        "grey jpeg": grey,
        "jpeg 2000": encoded(image, "JPEG2000", tile_size=(64, 64)),
        **{kind.lower(): encoded(image, kind) for kind in ("PNG", "WEBP", "BMP", "GIF", "TIFF", "HEIF")},
        "lossless webp": encoded(image, "WEBP", lossless=True),
        "gif, not interlaced": encoded(image, "GIF", interlace=False),
    }
    found: Damaged = {}
    for name, data in by_name.items():
        found[f"{name}, the last two bytes missing"] = (data[:-2], image, 0.0, 0.1)
        found[f"{name}, a tenth missing"] = (data[: len(data) * 9 // 10], image, 0.0, 0.3)
        found[f"{name}, half missing"] = (data[: len(data) // 2], image, 0.0, 0.8)
    for name in ("jpeg", "png", "webp", "heif"):
        data = by_name[name]
        half = data[: len(data) // 2]
        found[f"{name}, half of it zeros"] = (half + bytes(max(2048, len(data) - len(half))), image, 0.2, 0.8)
    return found | {
        "jpeg cut in half, with an end": (_ended(jpeg), image, 0.4, 0.6),
        "jpeg cut in half, with an end and more": (_ended(jpeg) + jpeg, image, 0.4, 0.6),
        "grey jpeg cut in half, with an end": (_ended(grey), image, 0.4, 0.6),
    }


def _ended(jpeg: bytes) -> bytes:
    """Return the first half of a JPEG, made to look complete."""
    return jpeg[: len(jpeg) // 2] + b"\xff\xd9"


def _too_much() -> Corpus:
    row = b"\0" + bytes(30_000 // 8)
    text = b"Comment\0\0" + zlib.compress(bytes(64 * 2**20), 9)
    screen = bytearray(encoded(chart("P"), "GIF"))
    screen[6:10] = struct.pack("<HH", 65535, 65535)
    return {
        "png of 30000 × 30000": (png((30_000, 30_000), 1, 0, row * 100), PictureTooLarge),
        "png 70000 wide": (encoded(chart("L", (70_000, 40)), "PNG"), PictureTooLarge),
        "png 70000 high": (encoded(chart("1", (40, 70_000)), "PNG"), PictureTooLarge),
        "webp of 16383 × 16383": (_large_webp(), PictureTooLarge),
        "gif with a huge screen": (bytes(screen), PictureTooLarge),
        "png with a bomb of text": (png((64, 64), 8, 0, (b"\0" + bytes(64)) * 64, (b"zTXt", text)), BadPicture),
        "jpeg 2000 of 14000 × 14000": (_resized_jp2(encoded(chart(), "JPEG2000"), 14_000, 14_000), PictureTooLarge),
        "jpeg 2000, one pixel": (encoded(Image.new("RGB", (1, 1)), "JPEG2000"), PictureTooSmall),
        "one pixel": (encoded(chart("RGB", (2, 2)).crop((0, 0, 1, 1)), "PNG"), PictureTooSmall),
        "one pixel, gif": (encoded(Image.new("P", (1, 1)), "GIF"), PictureTooSmall),
        "one line": (encoded(Image.new("RGB", (500, 1)), "JPEG"), PictureTooSmall),
    }


def _large_webp() -> bytes:
    """Return a WebP that only says that it is large."""
    webp = bytearray(encoded(chart(), "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 16_382 | 16_382 << 14)
    return bytes(webp)


def _lies() -> Corpus:
    jpeg = encoded(chart(), "JPEG")
    whole = encoded(chart(), "PNG")
    flipped = bytearray(whole)
    flipped[whole.index(b"IDAT") + 12] ^= 0xFF
    jp2 = encoded(chart(), "JPEG2000")
    wide = png((4000, 4000), 8, 2, (b"\0" + bytes(300)) * 100)
    return {
        "jpeg that says 5000 × 5000": (_resized_jpeg(jpeg, 5000, 5000), PictureTruncated),
        "jpeg that says 65535 × 65535": (_resized_jpeg(jpeg, 65535, 65535), PictureTooLarge),
        "jpeg that says 0 × 0": (_resized_jpeg(jpeg, 0, 0), BadPicture),
        "jpeg 2000 whose file says 5000 × 5000": (_resized_jp2(jp2, 5000, 5000, inner=False), BadPicture),
        "jpeg 2000 whose file says 40 × 40": (_resized_jp2(jp2, 40, 40, inner=False), BadPicture),
        "jpeg 2000 that says 0 × 0": (_resized_jp2(jp2, 0, 0), BadPicture),
        "jpeg 2000 of more tiles than there can be": (_resized_jp2(jp2, 5000, 5000, tile=1), BadPicture),
        "png that says 4000 × 4000": (wide, BadPicture),
        "png with wrong data": (bytes(flipped), BadPicture),
        "png without data": (whole.replace(b"IDAT", b"idAT"), BadPicture),
        "measurements, no colours": (encoded(Image.new("F", (64, 64), -0.5), "TIFF"), BadPicture),
    }


def _resized_jpeg(jpeg: bytes, width: int, height: int) -> bytes:
    """Return the file with other dimensions in its SOF segment."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def _resized_jp2(jp2: bytes, width: int, height: int, *, inner: bool = True, tile: int = 2**20) -> bytes:
    """Return the file with other tiles and dimensions in its header and, if ``inner``, in its codestream."""
    box, siz = jp2.index(b"ihdr") + 4, jp2.index(b"\xff\x4f\xff\x51") + 8
    changed = jp2[:box] + struct.pack(">II", height, width) + jp2[box + 8 :]
    if inner:
        sizes = struct.pack(">8I", width, height, 0, 0, tile, tile, 0, 0)
        changed = changed[:siz] + sizes + changed[siz + len(sizes) :]
    return changed


def _odd() -> Corpus:
    """Return readable pictures that all show the chart."""
    image, black = chart(), Image.new("RGB", CHART_SIZE)
    transparent = image.copy()
    transparent.putalpha(ImageOps.invert(image.convert("L").point(lambda light: 255 * (light > 250))))
    keyed = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    white = keyed.getpixel((CHART_SIZE[0] - 1, CHART_SIZE[1] - 1))
    wide = b"".join(b"\0" + row for row in _rows16(image))
    grey16 = Image.frombytes("I;16", CHART_SIZE, b"".join(struct.pack("<H", 257 * v) for v in chart("L").tobytes()))
    several = {"save_all": True, "append_images": [black]}
    return {
        "jpeg, cmyk": (encoded(chart("CMYK"), "JPEG", quality=95), None),
        "jpeg, grey": (encoded(chart("L"), "JPEG"), None),
        "jpeg, of the grey that fills gaps": (_grey_at_the_end(), None),
        "jpeg, progressive": (encoded(image, "JPEG", progressive=True), None),
        "jpeg, of two pictures": (encoded(image, "MPO", **several), None),
        "png, 16 bit": (png(CHART_SIZE, 16, 2, wide), None),
        "png, grey, 16 bit": (encoded(grey16, "PNG"), None),
        "png, palette with transparency": (encoded(keyed, "PNG", transparency=white), None),
        "png, transparent": (encoded(transparent, "PNG"), None),
        "png, grey, transparent": (encoded(transparent.convert("LA"), "PNG"), None),
        "png, one colour transparent": (encoded(image, "PNG", transparency=CHART[3]), None),
        "png, two colours": (encoded(image.convert("1", dither=Image.Dither.NONE), "PNG"), None),
        "gif, animated": (encoded(image, "GIF", **several), None),
        "gif, transparent": (encoded(keyed, "GIF", transparency=white), None),
        "webp": (encoded(image, "WEBP", quality=90), None),
        "webp, animated": (encoded(image, "WEBP", lossless=True, **several), None),
        "webp, transparent": (encoded(transparent, "WEBP", lossless=True), None),
        "heic": (encoded(image, "HEIF"), None),
        "heic, transparent": (encoded(transparent, "HEIF"), None),
        "jpeg 2000": (encoded(image, "JPEG2000"), None),
        "jpeg 2000, codestream": (encoded(image, "JPEG2000", no_jp2=True), None),
        "jpeg 2000, grey": (encoded(chart("L"), "JPEG2000"), None),
        "jpeg 2000, grey, 16 bit": (encoded(grey16, "JPEG2000"), None),
        "jpeg 2000, transparent": (encoded(transparent, "JPEG2000"), None),
        "jpeg 2000, many tiles": (encoded(image, "JPEG2000", tile_size=(4, 4), num_resolutions=1), None),
        "tiff, of several pages": (encoded(image, "TIFF", save_all=True, append_images=[black.copy()]), None),
        "tiff, cmyk": (encoded(chart("CMYK"), "TIFF", compression="tiff_lzw"), None),
        "tiff, grey, 16 bit": (encoded(grey16, "TIFF"), None),
        "tiff, jpeg inside": (encoded(image, "TIFF", compression="jpeg"), None),
        **_deep(image),
        "jpeg, cmyk, not inverted, without Adobe's marker": (_plain_cmyk(), None),
        "jpeg, with a profile that swaps colours": (
            encoded(_swapped(image), "JPEG", quality=95, icc_profile=swapped_profile()),
            None,
        ),
        "png, with a profile that swaps colours": (
            encoded(_swapped(image), "PNG", icc_profile=swapped_profile()),
            None,
        ),
        "jpeg, with a profile that is none": (encoded(image, "JPEG", quality=95, icc_profile=b"none" * 50), None),
        "avif": (encoded(image, "AVIF", quality=95), None),
        "avif, animated": (encoded(image, "AVIF", quality=95, **several), None),
        "png, animated": (encoded(image, "PNG", **several), None),
        "tiff, large offsets": (encoded(image, "TIFF", big_tiff=True), None),
        "tiff, lab": (encoded(_in_lab(image), "TIFF"), None),
        "tiff, grey, floats": (encoded(_floats(), "TIFF"), None),
        "tiff, grey, 32 bit": (encoded(_floats(65535).convert("I"), "TIFF"), None),
        "bmp": (encoded(image, "BMP"), None),
        "bmp, os/2": (os2_bitmap(image, 12), None),
        "bmp, os/2, 16 bytes": (os2_bitmap(image, 16), None),
        "bmp, os/2, 64 bytes": (os2_bitmap(image, 64), None),
        "bmp, palette": (encoded(keyed, "BMP"), None),
    }


def _deep(image: Image.Image) -> Corpus:
    """Return pictures of 16 bits a value, also of which only 12 are used."""
    found: Corpus = {}
    for name, order in (("little", "<"), ("big", ">")):
        for bits in (12, 16):
            found[f"tiff, {bits} of 16 bit, {name}-endian"] = (deep_tiff(image, bits, order), None)
            found[f"tiff, grey, {bits} of 16 bit, {name}-endian"] = (deep_tiff(chart("L"), bits, order), None)
            found[f"tiff, {bits} of 16 bit, {name}-endian, packed"] = (deep_tiff(image, bits, order, packed=True), None)
            packed = deep_tiff(chart("L"), bits, order, packed=True)
            found[f"tiff, grey, {bits} of 16 bit, {name}-endian, packed"] = (packed, None)
    rows = [bytes(part for value in row for part in (value >> 4, value << 4 & 255)) for row in _rows(image)]
    grey = [bytes(part for value in row for part in (value >> 4, value << 4 & 255)) for row in _rows(chart("L"))]
    found["png, grey, 12 of 16 bit"] = (png(CHART_SIZE, 16, 0, b"".join(b"\0" + row for row in grey)), None)
    found["png, 12 of 16 bit"] = (png(CHART_SIZE, 16, 2, b"".join(b"\0" + row for row in rows)), None)
    return found


def _swapped(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return Image.merge("RGB", (blue, green, red))


def _in_lab(image: Image.Image) -> Image.Image:
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    return ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "RGB", "LAB")) or image


def _floats(most: int = 1) -> Image.Image:
    return chart("L").convert("F").point(lambda light: light * (most / 255) + 0)


def _plain_cmyk() -> bytes:
    """Return the chart as CMYK in which 0 is no ink, without the marker that would say otherwise."""
    jpeg = encoded(ImageChops.invert(chart("CMYK")), "JPEG", quality=95)  # Pillow inverts once more
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]


def _rows(image: Image.Image) -> list[bytes]:
    width, colours = image.width * len(image.getbands()), image.tobytes()
    return [colours[at : at + width] for at in range(0, len(colours), width)]


def _rows16(image: Image.Image) -> list[bytes]:
    """Return the rows of a picture with 16 bits per colour, most significant byte first."""
    return [bytes(part for part in row for _ in range(2)) for row in _rows(image)]


def _grey_at_the_end() -> bytes:
    """Return the chart with a corner of the grey that libjpeg fills in for missing data; the file is complete."""
    image = chart()
    image.paste((128, 128, 128), (CHART_SIZE[0] - 16, CHART_SIZE[1] - 8, *CHART_SIZE))
    return encoded(image, "JPEG", quality=95)


def _orientations() -> Corpus:
    """Return all eight orientations, and EXIF that is wrong in many ways; all show the chart upright."""
    found: Corpus = {}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        turn = _FROM_UPRIGHT[orientation]
        image = chart() if turn is None else chart().transpose(turn)
        for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            options = {} if kind in {"PNG", "TIFF"} else {"quality": 95}
            found[f"{kind.lower()}, orientation {orientation}"] = (encoded(image, kind, exif=exif, **options), None)
    sideways = Image.Exif()
    sideways[_ORIENTATION] = 6
    turned = chart().transpose(Image.Transpose.ROTATE_90)
    found["heic, orientation 6"] = (encoded(turned, "HEIF", exif=sideways.tobytes()), None)
    return found | {
        f"exif, {name}": (encoded(chart(), "JPEG", exif=exif), None) for name, exif in _absurd_exif().items()
    }


def _absurd_exif() -> dict[str, bytes]:
    dated = Image.Exif()
    dated[_ORIENTATION] = 99
    dated.get_ifd(_EXIF).update({0x9003: "0000:99:99 99:99:99", 0x9011: "+99:99"})
    dated.get_ifd(_GPS).update({1: "Q", 2: (999.0, 999.0, 999.0), 3: "", 4: (1.0, 0.0, 0.0)})
    start = b"Exif\0\0"
    return {
        "absurd": dated.tobytes(),
        "noise": start + bytes(range(256)) * 8,
        "cut": dated.tobytes()[:20],
        "endless": start + b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x0112, 5, 0xFFFFFFFF, 8) + b"\x08\0\0\0",
        "its own directory": start + b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, _EXIF, 4, 1, 8, 8),
    }


def _polyglots() -> Corpus:
    image = chart()
    jpeg, still = encoded(image, "JPEG", quality=95), encoded(image, "PNG")
    comment = b"\xff\xfe" + struct.pack(">H", len(PAYLOAD) + 2) + PAYLOAD
    archive = b"PK\x03\x04" + bytes(26) + PAYLOAD + b"PK\x05\x06" + bytes(18)
    return {
        "polyglot, jpeg and zip": (jpeg + archive, None),
        "polyglot, jpeg with a script": (jpeg[:2] + comment + jpeg[2:], None),
        "polyglot, gif and script": (encoded(chart("P"), "GIF", comment=b"*/" + PAYLOAD) + PAYLOAD, None),
        "polyglot, png and page": (still[:33] + _chunk(b"tEXt", b"Comment\0" + PAYLOAD) + still[33:] + PAYLOAD, None),
        "polyglot, webp and archive": (encoded(image, "WEBP", quality=90) + archive, None),
    }
