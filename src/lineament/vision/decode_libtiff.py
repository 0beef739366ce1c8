"""Pages of a TIFF that Pillow does not read, or reads wrongly, with libtiff itself.

This runs inside the confined process for rare formats only (``decode_worker``).
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lineament.vision.decode_colour import white_of
from lineament.vision.decode_formats import NotDecodedError
from lineament.vision.decode_protocol import SMALLEST_SIDE, TIFF, Status
from lineament.vision.decode_tiff import (
    BITS,
    CIE_LAB,
    COLOURS,
    COMPRESSION,
    EXTRA,
    ICC_LAB,
    INKS,
    ORIENTATION,
    PALETTE,
    PALETTED,
    PLANES,
    PROFILE,
    SAMPLES,
    WHITE_IS_ZERO,
    YCBCR,
    Directory,
)

Values = NDArray[Any]
_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32773, 32809, 32946, 34676, 34677, 34887, 34925, 50000, 50001})
_COLOURS = frozenset({WHITE_IS_ZERO, 1, 2, PALETTED, INKS, YCBCR, CIE_LAB, ICC_LAB})
_WHITES = (1.0, 255.0, 65535.0)
_SIGN = 128  # of a and b in Lab
_STRIP = 2**22  # values converted together
_GREY = 128
_TRANSPARENCY = frozenset({1, 2})  # ExtraSamples


def read_page(file: bytearray, page: Directory) -> tuple[Image.Image, bool]:
    """Return the first page of a file, and whether it is damaged. Raises NotDecodedError, or what libtiff raises."""
    if page.number(COMPRESSION, 1) not in _COMPRESSIONS or page.number(COLOURS, -1) not in _COLOURS:
        raise NotDecodedError(Status.VARIANT, TIFF)
    colours = page.number(COLOURS)
    try:
        values = imagecodecs.tiff_decode(file)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it may be damaged in part only
        image, damaged = _as_far_as_it_goes(file, page), True
    else:
        image, damaged = _as_far_as_it_goes(file, page) if colours == YCBCR else _picture(values, page), False
    profile = page.tags.get(PROFILE)
    if isinstance(profile, bytes) and colours != CIE_LAB:
        image.info["icc_profile"] = profile
    return image, damaged


def _as_far_as_it_goes(file: bytearray, page: Directory) -> Image.Image:
    """Return a page of which libtiff leaves black what it cannot decode; the end of that becomes grey."""
    if page.number(BITS, 1) > 16:
        raise NotDecodedError(Status.TRUNCATED if page.cut else Status.DAMAGED, TIFF)
    values = imagecodecs.tiff_decode(file, asrgb=True)
    if page.number(ORIENTATION, 1) in {2, 3, 6, 7}:  # libtiff has turned it the other way round
        values = values[:, ::-1]
    if page.number(ORIENTATION, 1) in {3, 4, 7, 8}:
        values = values[::-1]
    read = np.flatnonzero(values[..., :3].any(axis=(1, 2)))
    if not len(read) or read[-1] - read[0] < SMALLEST_SIDE:
        raise NotDecodedError(Status.TRUNCATED if page.cut else Status.DAMAGED, TIFF)
    shown = values[..., :3].copy()
    shown[read[-1] + 1 :] = _GREY
    return Image.fromarray(shown)


def _picture(values: Values, page: Directory) -> Image.Image:
    """Return the values of a page as a picture in eight bits."""
    if page.number(PLANES, 1) == 2 and values.ndim == 3 and values.shape[0] == page.number(SAMPLES, 1):
        values = np.moveaxis(values, 0, -1)
    colours = page.number(COLOURS)
    if colours in {CIE_LAB, ICC_LAB}:
        return _lab(values, from_zero=colours == ICC_LAB)
    if colours == PALETTED:
        return _from_palette(values, page)
    if colours == INKS:
        return Image.fromarray(_in_eight_bits(values[..., :4]), "CMYK")
    if values.ndim == 2:
        light = _in_eight_bits(values)
        return Image.fromarray(255 - light if colours == WHITE_IS_ZERO else light)
    plain = 3 if colours != WHITE_IS_ZERO and values.shape[2] >= 3 and page.number(COLOURS) > 1 else 1
    shown = _in_eight_bits(values[..., :plain])
    shown = 255 - shown if colours == WHITE_IS_ZERO else shown
    image = Image.fromarray(shown[..., 0] if plain == 1 else shown)
    if values.shape[2] > plain and page.number(EXTRA) in _TRANSPARENCY:
        image.putalpha(Image.fromarray(_in_eight_bits(values[..., plain], full=True)))
    return image


def _in_eight_bits(values: Values, *, full: bool = False) -> NDArray[np.uint8]:
    """Return values from black to white; ``full``: white is the highest that the type holds."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    white = _white(values, full=full)
    done = np.empty(values.shape, np.uint8)
    step = max(1, _STRIP // max(1, values[0].size))
    for at in range(0, len(values), step):
        shares = values[at : at + step].astype(np.float64) * (255 / white)
        done[at : at + step] = np.rint(np.clip(shares, 0, 255)).astype(np.uint8)
    return done


def _white(values: Values, *, full: bool) -> float:
    """Return the value of white. Raises NotDecodedError if nobody says what it is."""
    low, high = float(values.min()), float(values.max())
    if not low >= 0:  # also if it is not a number
        raise NotDecodedError(Status.NO_COLOURS, TIFF)
    if values.dtype.kind == "f":
        if not high <= _WHITES[-1]:
            raise NotDecodedError(Status.NO_COLOURS, TIFF)
        return _WHITES[0] if full else next(white for white in _WHITES if high <= white)
    bits = 8 * values.dtype.itemsize - (values.dtype.kind == "i")
    bits = min(bits, 16) if high < 2**16 else bits  # programs write 16 bits in 32
    return float((1 << bits) - 1) if full or bits < 10 else float(white_of(int(high), bits))


def _lab(values: Values, *, from_zero: bool) -> Image.Image:
    """Return a picture in Lab; ``from_zero``: a and b have no sign, and grey is in the middle of their range."""
    if values.dtype.itemsize == 2:
        values = (values.view(np.uint16) >> 8).astype(np.uint8)
    if values.dtype.itemsize != 1 or values.ndim != 3:
        raise NotDecodedError(Status.VARIANT, TIFF)
    lab = values[..., :3].view(np.uint8).copy()
    if from_zero:
        lab[..., 1:] ^= _SIGN
    return Image.frombytes("LAB", (lab.shape[1], lab.shape[0]), lab.tobytes(), "raw", "LAB")


def _from_palette(values: Values, page: Directory) -> Image.Image:
    table = page.tags.get(PALETTE)
    if not isinstance(table, tuple) or len(table) < 3 or values.ndim != 2 or values.dtype.kind != "u":
        raise NotDecodedError(Status.VARIANT, TIFF)
    palette = np.asarray(table[: len(table) // 3 * 3], np.uint16).reshape(3, -1).T
    colours = (palette >> 8 if palette.max() > 255 else palette).astype(np.uint8)
    return Image.fromarray(colours[np.minimum(values, len(colours) - 1)])
