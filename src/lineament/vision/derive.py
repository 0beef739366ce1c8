"""Derives crops, thumbnails, edits, digests and the perceptual hash from a decoded picture.

JPEGs are encoded from pixels, so they hold no metadata and no bytes of the original file (R50).
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged, InvalidValue
from lineament.model.faces import Box, Pixels
from lineament.model.search import Edit, EditKind
from lineament.vision.align import resize, rotate_counterclockwise
from lineament.vision.decode import DecodedPicture
from lineament.vision.decode_protocol import SMALLEST_SIDE

CROP_SIDE = 256
"""Pixels of a face crop."""
MARGIN = 0.4
"""Margin of a crop on each side, in longer sides of the face's box: FISWG compares hair, ears and chin too."""
CROP_QUALITY = 88
SCREEN_SIDE = 1600
"""Pixels of the longer side of a picture for the screen."""
THUMBNAIL_SIDE = 320
"""Pixels of the longer side of a thumbnail."""
THUMBNAIL_QUALITY = 85
MOST_STOPS = 3.0
"""Stops of exposure, up or down: eight times the light; beyond it eight bits hold no shades of a face."""

_HASHED_SIDE = 1024  # larger pictures are averaged down first, to save time
_HASH_GRID = 64
_GRADIENTS = 90
"""The sum of gradients that is one point of quality, as PDQ's authors set it."""
_SOFT = 14.0
"""Pixels of a crop by which its continuation beyond the picture is blurred: it cannot be taken for part of a face."""
_COARSE = 4
"""How many times smaller the continuation is made while it is blurred."""
_GREY = 128
"""What crops of versions up to 0.3 show beyond the picture."""
_SEAM = 3
"""Pixels of an older crop beside its grey that JPEG may have made greyish."""


def face_crop(picture: DecodedPicture, box: Box, quarters: int = 0) -> bytes:
    """Return a square JPEG of a face, CROP_SIDE pixels, not stretched.

    Beyond the picture's edge the edge is continued, blurred: nothing there was photographed, and it looks like it.
    With ``quarters`` it is turned counterclockwise by as many quarters, so that a turned face is shown upright.

    Raises:
        InvalidValue: The box lies outside the picture, or has no area.
    """
    down, across = picture.pixels.shape[:2]
    layout = _laid_out(box, _scales(picture), (across, down))
    if layout.columns.stop <= layout.columns.start or layout.rows.stop <= layout.rows.start:
        raise InvalidValue(what="The box of a face", value=_round_box(box), why="it is outside the picture")
    above, below, before, after = layout.beyond
    size = (CROP_SIDE - before - after, CROP_SIDE - above - below)
    shown = resize(picture.pixels[layout.rows, layout.columns], *size, cv2.INTER_CUBIC)
    return _jpeg(rotate_counterclockwise(_continued(shown, layout.beyond), quarters), CROP_QUALITY)


def without_grey(crop: bytes, box: Box, size: tuple[int, int], quarters: int = 0) -> bytes:
    """Return a crop of our own making as ``face_crop`` makes it now; older crops are grey beyond the picture's edge.

    ``size`` is the picture's, in pixels across and down. A crop without such grey is returned as it is.
    """
    layout = _laid_out(box, (1.0, 1.0), size)
    inside = [width + _SEAM if width else 0 for width in layout.beyond]
    if not any(layout.beyond) or inside[0] + inside[1] >= CROP_SIDE or inside[2] + inside[3] >= CROP_SIDE:
        return crop
    decoded = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None or decoded.shape != (CROP_SIDE, CROP_SIDE, 3):
        return crop
    pixels = rotate_counterclockwise(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), -quarters)
    above, below, before, after = layout.beyond
    outside = np.ones((CROP_SIDE, CROP_SIDE), bool)
    outside[max(0, above - 1) : CROP_SIDE - max(0, below - 1), max(0, before - 1) : CROP_SIDE - max(0, after - 1)] = (
        False
    )
    if not outside.any() or np.abs(pixels[outside].astype(np.int16) - _GREY).mean() > _SEAM:
        return crop
    above, below, before, after = inside
    kept = np.ascontiguousarray(pixels[above : CROP_SIDE - below, before : CROP_SIDE - after])
    return _jpeg(rotate_counterclockwise(_continued(kept, (above, below, before, after)), quarters), CROP_QUALITY)


def thumbnail(picture: DecodedPicture, quarters: int = 0) -> bytes:
    """Return a JPEG of the whole picture, its long side at most THUMBNAIL_SIDE pixels.

    With ``quarters`` it is turned counterclockwise by as many quarters.
    """
    return _reduced_jpeg(picture, THUMBNAIL_SIDE, THUMBNAIL_QUALITY, quarters)


def lossless_picture(picture: DecodedPicture) -> bytes:
    """Return a PNG of the pixels of a picture, upright and in sRGB."""
    done, encoded = cv2.imencode(".png", cv2.cvtColor(picture.pixels, cv2.COLOR_RGB2BGR))
    if not done:
        raise InvalidValue(what="The picture", value=picture.pixels.shape, why="it cannot be encoded")
    return encoded.tobytes()


def screen_picture(picture: DecodedPicture) -> bytes:
    """Return a JPEG of the whole picture for the screen, its long side at most SCREEN_SIDE pixels."""
    return _reduced_jpeg(picture, SCREEN_SIDE, CROP_QUALITY)


def _reduced_jpeg(picture: DecodedPicture, longest: int, quality: int, quarters: int = 0) -> bytes:
    scale = min(1.0, longest / max(picture.width, picture.height))
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return _jpeg(rotate_counterclockwise(resize(picture.pixels, width, height, cv2.INTER_CUBIC), quarters), quality)


def apply_edits(picture: DecodedPicture, edits: Sequence[Edit]) -> DecodedPicture:
    """Apply the edits in order; the same edits give the same pixels (R14).

    Each box is in pixels of the upright original after the edits before it. Crops are rounded outwards to whole pixels.

    Raises:
        InvalidValue: A turn by no multiple of 90°, a crop to less than SMALLEST_SIDE pixels, or more than MOST_STOPS.
    """
    for edit in edits:
        match edit.kind:
            case EditKind.ROTATE:
                picture = _rotate(picture, edit.degrees)
            case EditKind.CROP:
                picture = _crop(picture, edit.box)
            case EditKind.EXPOSURE:
                picture = _expose(picture, edit.stops)
    return picture


def digest(picture: DecodedPicture) -> str:
    """Return the SHA-256 of the pixels, hexadecimal: equal digests mean equal pixels of originals of equal size.

    It covers four little-endian 32-bit numbers, width and height of the upright original and of the decoded picture,
    then the RGB bytes, row by row from the top. The second pair is smaller if a version up to 0.2 reduced the picture.
    """
    down, across = picture.pixels.shape[:2]
    hashed = hashlib.sha256(struct.pack("<4I", picture.width, picture.height, across, down))
    hashed.update(np.ascontiguousarray(picture.pixels).data)
    return hashed.hexdigest()


def perceptual_hash(pixels: Pixels) -> bytes:
    """Return the PDQ hash of a picture, 32 bytes, most significant bit first as usual.

    After “The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm” (Facebook, 2019): luminance, twice
    a box filter, 64 × 64 samples, the 16 × 16 lowest frequencies of their cosine transform without the constant, each
    above the median or not. All but the last step is linear: one matrix for each side. It differs by a bit or two from
    the package “pdqhash”, with which it is tested, and takes a small part of its time (bench/decode.py).
    """
    light = _light(pixels)
    height, width = light.shape
    # OpenCV's product for the large matrix: NumPy's wakes threads and waits for them if all processors are busy.
    nothing = np.zeros(0, np.float32)
    across = cv2.gemm(light.astype(np.float32), _frequencies(width), 1, nothing, 0, flags=cv2.GEMM_2_T)
    frequencies = (_frequencies(height) @ across).ravel()
    median = np.partition(frequencies, 127)[127]
    return np.packbits(frequencies[::-1] > median).tobytes()


def hash_quality(pixels: Pixels) -> int:
    """Return PDQ's quality of a picture, 0 to 100: how much its brightness changes; a plain one's hash says little.

    After the paper above: the sum of the gradients of the 64 × 64 samples, each in whole steps of 1 % of the range.
    """
    light = _light(pixels).astype(np.float32)
    samples = _samples(light.shape[0]) @ light @ _samples(light.shape[1]).T
    steps = [np.trunc(np.diff(samples, axis=axis) * (100 / 255)) for axis in (0, 1)]
    return min(100, int(sum(np.abs(step).sum() for step in steps)) // _GRADIENTS)


def pixels_of_jpeg(jpeg: bytes) -> Pixels:
    """Return the pixels of a JPEG of our own making, as of a thumbnail. Raises Damaged if it is none."""
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise Damaged(what="A thumbnail", why="it is not a JPEG", remedy="erase its capture and ingest it again")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _light(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the luminance of a picture, averaged down to _HASHED_SIDE pixels at most."""
    light = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    factor = math.ceil(max(light.shape) / _HASHED_SIDE)
    if factor > 1:
        height, width = (max(1, side // factor) for side in light.shape)
        light = cv2.resize(light[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(light, np.uint8)


@lru_cache(maxsize=256)
def _samples(length: int) -> NDArray[np.float32]:
    """Return box filters and sampling for a side of ``length`` pixels, shape (64, length)."""
    samples = np.zeros((_HASH_GRID, length))
    for row, sample in enumerate(samples):
        outer = _window(int((row + 0.5) * length / _HASH_GRID), length)
        for middle in outer:
            inner = _window(middle, length)
            sample[inner.start : inner.stop] += 1 / (len(outer) * len(inner))
    return np.asarray(samples, np.float32)


@lru_cache(maxsize=256)
def _frequencies(length: int) -> NDArray[np.float32]:
    """Return box filters, sampling and cosine transform for a side of ``length`` pixels, shape (16, length)."""
    samples = _samples(length).astype(np.float64)
    angles = np.outer(np.arange(1, 17), 2 * np.arange(_HASH_GRID) + 1) * (math.pi / (2 * _HASH_GRID))
    cosines = math.sqrt(2 / _HASH_GRID) * np.cos(angles)
    return np.asarray(np.einsum("fs,sl->fl", cosines, samples), np.float32)


def _window(middle: int, length: int) -> range:
    """Return the pixels that PDQ's box filter averages for one pixel: an even window extends one further right."""
    window = math.ceil(length / (2 * _HASH_GRID))
    return range(max(0, middle - (window - 1) // 2), min(length, middle + window // 2 + 1))


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a crop shows of a picture, in decoded pixels, and how many pixels of the crop lie beyond the picture."""

    rows: slice
    columns: slice
    beyond: tuple[int, int, int, int]  # above, below, left, right


def _laid_out(box: Box, scales: tuple[float, float], size: tuple[int, int]) -> _Layout:
    """Return how the square crop around a face lies on a picture of that size in decoded pixels, across and down."""
    if not _sound(box):
        raise InvalidValue(what="The box of a face", value=_round_box(box), why="it has no area")
    drawn = box.scaled(*scales)
    side = max(1, round(max(drawn.width, drawn.height) * (1 + 2 * MARGIN)))
    left, top = round(drawn.x + (drawn.width - side) / 2), round(drawn.y + (drawn.height - side) / 2)
    columns, rows = _span(left, side, size[0]), _span(top, side, size[1])
    (before, after), (above, below) = _margins(columns, left, side), _margins(rows, top, side)
    return _Layout(rows=rows, columns=columns, beyond=(above, below, before, after))


def _span(start: int, side: int, length: int) -> slice:
    return slice(max(0, start), min(length, start + side))


def _margins(shown: slice, start: int, side: int) -> tuple[int, int]:
    """Return how many pixels of a crop lie beyond the picture, before and after what is shown of it."""
    scale = CROP_SIDE / side
    length = max(1, round((shown.stop - shown.start) * scale))
    before = min(CROP_SIDE - length, round((shown.start - start) * scale))
    return before, CROP_SIDE - length - before


def _continued(shown: Pixels, beyond: tuple[int, int, int, int]) -> Pixels:
    """Return a picture with its edge pixels continued above, below, left and right, blurred."""
    if not any(beyond):
        return shown
    above, _, before, _ = beyond
    around = cv2.copyMakeBorder(shown, *beyond, cv2.BORDER_REPLICATE)
    # Blurred at a quarter of the size: no value differs by more than three, in a fifteenth of the time.
    height, width = around.shape[:2]
    small = cv2.resize(around, (-(-width // _COARSE), -(-height // _COARSE)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), _SOFT / _COARSE, borderType=cv2.BORDER_REPLICATE)
    whole = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    whole[above : above + shown.shape[0], before : before + shown.shape[1]] = shown
    return whole


def _sound(box: Box) -> bool:
    return all(map(math.isfinite, (box.x, box.y, box.width, box.height))) and box.width > 0 and box.height > 0


def _round_box(box: Box | None) -> tuple[float, ...]:
    return (round(box.x, 1), round(box.y, 1), round(box.width, 1), round(box.height, 1)) if box else ()


def _clip(box: Box, picture: DecodedPicture) -> Box:
    """Return the part of a box that lies in the picture."""
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(picture.width), box.x + box.width), min(float(picture.height), box.y + box.height)
    if right <= left or bottom <= top:
        raise InvalidValue(what="The crop", value=_round_box(box), why="it is outside the picture")
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def _scales(picture: DecodedPicture) -> tuple[float, float]:
    """Return decoded pixels per original pixel, across and down; at most 1."""
    down, across = picture.pixels.shape[:2]
    return across / picture.width, down / picture.height


def _rotate(picture: DecodedPicture, degrees: int) -> DecodedPicture:
    if degrees not in {90, 180, 270}:
        raise InvalidValue(what="The turn", value=degrees, why="it is 90, 180 or 270 degrees clockwise")
    width, height = (picture.width, picture.height) if degrees == 180 else (picture.height, picture.width)
    pixels = rotate_counterclockwise(picture.pixels, -degrees // 90)
    return replace(picture, pixels=pixels, width=width, height=height)


def _crop(picture: DecodedPicture, box: Box | None) -> DecodedPicture:
    if box is None or not _sound(box):
        raise InvalidValue(what="The crop", value=_round_box(box), why="it has no area")
    inside = _clip(box, picture)
    left, top = math.floor(inside.x), math.floor(inside.y)
    right, bottom = math.ceil(inside.x + inside.width), math.ceil(inside.y + inside.height)
    if min(right - left, bottom - top) < SMALLEST_SIDE:
        why = f"less than {SMALLEST_SIDE} pixels would be left"
        raise InvalidValue(what="The crop", value=f"{right - left} × {bottom - top}", why=why)
    across, down = _scales(picture)
    rows = slice(round(top * down), max(round(top * down) + 1, round(bottom * down)))
    columns = slice(round(left * across), max(round(left * across) + 1, round(right * across)))
    pixels = np.ascontiguousarray(picture.pixels[rows, columns])
    return replace(picture, pixels=pixels, width=right - left, height=bottom - top)


def _expose(picture: DecodedPicture, stops: float) -> DecodedPicture:
    """Apply the same table to every channel; values brighter than white become white."""
    if not -MOST_STOPS <= stops <= MOST_STOPS:
        why = f"it lies between −{MOST_STOPS:.0f} and {MOST_STOPS:.0f} stops"
        raise InvalidValue(what="The exposure", value=stops, why=why)
    return replace(picture, pixels=cv2.LUT(picture.pixels, exposure_table(stops)).astype(np.uint8, copy=False))


def exposure_table(stops: float) -> NDArray[np.uint8]:
    """Return the table that maps each of the 256 values of a channel to that of 2^stops times the light.

    Computed in linear light by the curve of sRGB (IEC 61966-2-1), in 64-bit numbers, rounded to the nearest.
    """
    return np.array([_lighten(value / 255, 2.0**stops) for value in range(256)], np.uint8)


def _lighten(value: float, factor: float) -> int:
    light = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    light = min(1.0, light * factor)
    return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    """Return the picture as JPEG; OpenCV writes no metadata and releases the interpreter's lock."""
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InvalidValue(what="The picture", value=pixels.shape, why="it cannot be encoded")
    return encoded.tobytes()
