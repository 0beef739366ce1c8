"""Pictures in rare formats, made by code."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from functools import cache

import numpy as np
from PIL import Image, ImageCms

_SHORT, _LONG, _RATIONAL, _BYTE, _ASCII, _SRATIONAL, _UNDEFINED = 3, 4, 5, 1, 2, 10, 7
_SIZES = {_SHORT: 2, _LONG: 4, _RATIONAL: 8, _BYTE: 1, _ASCII: 1, _SRATIONAL: 8, _UNDEFINED: 1}
_Entry = tuple[int, int, bytes]
"""Tag, type, values as bytes."""

_XYZ_TO_SRGB = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)


def tiff(entries: list[_Entry], strip: bytes, order: str = "<") -> bytes:
    """Return a TIFF of one strip and one directory; the entries for the strip are added. ``order``: ``<`` or ``>``."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", 8) + _directory(entries, strip, 8, order)


def _directory(entries: list[_Entry], strip: bytes, at: int, order: str = "<") -> bytes:
    """Return a directory that begins at ``at`` of the file, with what it refers to."""
    entries = sorted([*entries, (273, _LONG, bytes(4)), (279, _LONG, struct.pack(f"{order}I", len(strip)))])
    after = at + 2 + 12 * len(entries) + 4
    extra = b""
    for _, _, values in entries:
        extra += values if len(values) > 4 else b""
        extra += b"\0" * (len(extra) % 2)
    start, directory = after + len(extra), struct.pack(f"{order}H", len(entries))
    for tag, kind, values in entries:
        shown = struct.pack(f"{order}I", start) if tag == 273 else values
        directory += struct.pack(f"{order}HHI", tag, kind, len(shown) // _SIZES[kind])
        if len(shown) > 4:
            directory += struct.pack(f"{order}I", after)
            after += len(shown) + len(shown) % 2
        else:
            directory += shown.ljust(4, b"\0")
    return directory + bytes(4) + extra + strip


def deep_tiff(image: Image.Image, bits: int = 16, order: str = "<", *, packed: bool = False) -> bytes:
    """Return a TIFF of 16 bits a value, of which ``bits`` are used, grey or in colour as the picture is.

    ``packed``: compressed with Deflate.
    """
    light = np.asarray(image)
    colours = 1 if light.ndim == 2 else 3
    deep = np.rint(light.astype(np.float64) * ((2**bits - 1) / 255)).astype(f"{order}u2")
    pack = f"{order}H"
    entries: list[_Entry] = [
        (256, _LONG, struct.pack(f"{order}I", image.width)),
        (257, _LONG, struct.pack(f"{order}I", image.height)),
        (258, _SHORT, struct.pack(f"{order}{colours}H", *[16] * colours)),
        (259, _SHORT, struct.pack(pack, 8 if packed else 1)),
        (262, _SHORT, struct.pack(pack, 1 if colours == 1 else 2)),
        (277, _SHORT, struct.pack(pack, colours)),
        (278, _LONG, struct.pack(f"{order}I", image.height)),
    ]
    return tiff(entries, zlib.compress(deep.tobytes()) if packed else deep.tobytes(), order)


def camera_raw(image: Image.Image, preview: bytes = b"", orientation: int = 1) -> bytes:
    """Return a DNG: of each pixel only one colour, as a sensor under a Bayer filter measures it.

    ``preview`` is a JPEG to be embedded.
    """
    light = np.asarray(image.convert("RGB"), np.float64) / 255
    linear = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    mosaic = linear[..., 1].copy()
    mosaic[0::2, 0::2] = linear[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = linear[1::2, 1::2, 2]
    strip = np.rint(mosaic * 65535).astype("<u2").tobytes()
    camera: list[_Entry] = [
        (271, _ASCII, b"Lineament\0"),
        (272, _ASCII, b"Test camera\0"),
        (274, _SHORT, struct.pack("<H", orientation)),
        (50706, _BYTE, bytes((1, 4, 0, 0))),
        (50707, _BYTE, bytes((1, 1, 0, 0))),
        (50708, _ASCII, b"Lineament test camera\0"),
        (50721, _SRATIONAL, b"".join(map(_ratio, _XYZ_TO_SRGB))),
        (50728, _RATIONAL, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
        (50778, _SHORT, struct.pack("<H", 21)),
    ]
    sensor: list[_Entry] = [
        *_layout(image.size, kind=0, bits=(16,), compression=1, colours=32803),
        (33421, _SHORT, struct.pack("<2H", 2, 2)),
        (33422, _BYTE, bytes((0, 1, 1, 2))),
        (50717, _LONG, struct.pack("<I", 65535)),
    ]
    if not preview:
        return tiff(camera + sensor, strip)
    with Image.open(io.BytesIO(preview)) as shown:
        layout = _layout(shown.size, kind=1, bits=(8, 8, 8), compression=7, colours=6)
    place = 8 + len(_directory([*camera, *layout, (330, _LONG, bytes(4))], preview, 8))
    place += place % 2
    first = _directory([*camera, *layout, (330, _LONG, struct.pack("<I", place))], preview, 8)
    start = b"II*\0" + struct.pack("<I", 8) + first
    return start.ljust(place, b"\0") + _directory(sensor, strip, place)


def _layout(size: tuple[int, int], *, kind: int, bits: tuple[int, ...], compression: int, colours: int) -> list[_Entry]:
    return [
        (254, _LONG, struct.pack("<I", kind)),
        (256, _LONG, struct.pack("<I", size[0])),
        (257, _LONG, struct.pack("<I", size[1])),
        (258, _SHORT, struct.pack(f"<{len(bits)}H", *bits)),
        (259, _SHORT, struct.pack("<H", compression)),
        (262, _SHORT, struct.pack("<H", colours)),
        (277, _SHORT, struct.pack("<H", len(bits))),
        (278, _LONG, struct.pack("<I", size[1])),
    ]


def _ratio(value: float) -> bytes:
    ratio = Fraction(value).limit_denominator(10_000)
    return struct.pack("<2i", ratio.numerator, ratio.denominator)


def os2_bitmap(image: Image.Image, header: int) -> bytes:
    """Return a bitmap with a header of OS/2, of 12, 16 or 64 bytes."""
    rows = np.asarray(image.convert("RGB"))[::-1, :, ::-1]
    rows = np.pad(rows.reshape(image.height, -1), ((0, 0), (0, -3 * image.width % 4)))
    kinds = {12: struct.pack("<HHHH", image.width, image.height, 1, 24)}
    described = kinds.get(header, struct.pack("<iiHH", image.width, image.height, 1, 24)).ljust(header - 4, b"\0")
    start = 14 + header
    head = b"BM" + struct.pack("<IHHI", start + rows.size, 0, 0, start)
    return head + struct.pack("<I", header) + described + rows.tobytes()


@cache
def swapped_profile() -> bytes:
    """Return an ICC profile whose red is blue and whose blue is red: a picture shows at once whether it is applied."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return plain.replace(b"rXYZ", b"tmpX", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmpX", b"bXYZ", 1)
