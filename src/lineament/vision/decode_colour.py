"""Pixels of any kind to sRGB, band by band. This runs inside the confined process only (``decode_worker``)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from itertools import chain
from typing import cast

from PIL import Image, ImageChops, ImageCms

from lineament.vision.decode_formats import NotDecodedError
from lineament.vision.decode_protocol import Status

ToRGB = Callable[[Image.Image], Image.Image]
"""Converts a band of a picture to sRGB."""

_WHITE = (255, 255, 255)
_SRGB = ImageCms.createProfile("sRGB")
_LAB = ImageCms.createProfile("LAB")
_GRID = 6
_ALIKE = 3
"""A profile whose colours differ from sRGB by at most so much is not applied: most are sRGB in other words."""
_KEPT = 16
"""Profiles whose transforms are kept for the next pictures."""
_BLACK = 16
"""Mean light, of 255, below which a CMYK picture is taken to be stored the other way round."""
_DISPLAY_GAMMA, _GAMMAS_ALIKE = 2.2, 0.05
_LEAST_GAMMA, _MOST_GAMMA = 0.2, 2.5
"""Beyond these a PNG's gamma is a mistake."""
_PROFILE_BYTES = 8 * 2**20
_transforms: dict[tuple[bytes, str], ImageCms.ImageCmsTransform | None] = {}


def to_srgb(image: Image.Image, *, inks_inverted: bool = False) -> ToRGB:
    """Return the function that converts a band of ``image``; it depends on the whole picture's values and profile.

    Transparent pixels become white. ``inks_inverted``: the file has no statement about how its CMYK is stored, and
    Pillow has inverted it.

    Raises:
        NotDecodedError: It holds measurements for which nobody says what is white.
    """
    mode = image.mode
    if mode == "CMYK":
        return _from_cmyk(image, inks_inverted=inks_inverted)
    if mode == "LAB":
        lab = ImageCms.buildTransform(_LAB, _SRGB, "LAB", "RGB")
        return lambda band: _applied(lab, band)
    if mode in {"I", "F"} or mode.startswith("I;16"):
        return _from_light(image)
    if mode in {"LA", "RGBA"} and image.getchannel("A").getextrema() == (0, 0):
        return _opaque(image)
    grey = mode in {"L", "1", "LA"}
    profile = _transform(image.info.get("icc_profile"), "L" if grey else "RGB")
    if profile is None or (grey and (mode != "L" or image.has_transparency_data)):
        return _with_brightness(image)
    return lambda band: _applied(profile, band if grey else _in_rgb(band))


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        flat = Image.new("RGB", image.size, _WHITE)
        flat.paste(rgba, mask=rgba.getchannel("A"))
        return flat
    return image if image.mode == "RGB" else image.convert("RGB")


def _opaque(image: Image.Image) -> ToRGB:
    """Return the function for a picture that is transparent everywhere: it would be white.

    Programs write 0 that know of no transparency.
    """
    opaque = "L" if image.mode == "LA" else "RGB"
    convert = to_srgb(image.convert(opaque))
    return lambda band: convert(band.convert(opaque))


def _with_brightness(image: Image.Image) -> ToRGB:
    """Return the function for values in sRGB, or with the gamma that a PNG states."""
    stated = None if {"srgb", "icc_profile"} & image.info.keys() else image.info.get("gamma")
    gamma = stated if isinstance(stated, float) and _LEAST_GAMMA < stated < _MOST_GAMMA else 1 / _DISPLAY_GAMMA
    if abs(gamma * _DISPLAY_GAMMA - 1) < _GAMMAS_ALIKE:
        return _in_rgb
    table = [round(255 * (value / 255) ** (1 / (gamma * _DISPLAY_GAMMA))) for value in range(256)] * 3
    return lambda band: _in_rgb(band).point(table)


def _from_light(image: Image.Image) -> ToRGB:
    """Return the function for brightness in more than eight bits, in whichever range the picture uses."""
    scale, offset = _range(image)
    wide = "F" if image.mode == "F" else "I"

    def convert(band: Image.Image) -> Image.Image:
        light = band if band.mode == wide else band.convert(wide)
        return light.point(lambda value: value * scale + (offset + 0.5)).convert("L").convert("RGB")

    return convert


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the factor and the offset that map the picture's values to 0 … 255."""
    stated = _stated_range(image)
    whole = image.convert("I") if image.mode == "I;16B" else image
    low, high = cast("tuple[float, float]", whole.getextrema())
    if stated is not None:
        least, most = stated
    elif image.mode == "F":
        if low < 0 or high > 65535 or low != low or high != high:  # noqa: PLR0124 - not a number
            raise NotDecodedError(Status.NO_COLOURS)
        least, most = 0.0, next(top for top in (1.0, 255.0, 65535.0) if high <= top)
    elif low < 0:
        raise NotDecodedError(Status.NO_COLOURS)
    else:
        least, most = 0.0, float(white_of(int(high), 16 if high < 65536 else 32))
    scale = 255 / (most - least)
    return scale, -least * scale


def white_of(highest: int, depth: int) -> int:
    """Return the value of white: cameras and scanners store 10, 12 or 14 bits in the lower bits of 16."""
    for bits in (8, 10, 12, 14):
        if highest < 2**bits and bits <= depth - 2:
            return (1 << bits) - 1
    return (1 << depth) - 1


def _stated_range(image: Image.Image) -> tuple[float, float] | None:
    """Return the values of black and white as the tags of a TIFF state them."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return None
    for low, high in ((340, 341), (280, 281)):  # SMinSampleValue, SMaxSampleValue; MinSampleValue, MaxSampleValue
        least, most = (_number(tags.get(tag)) for tag in (low, high))
        if most is not None and most > (least or 0.0):
            return least or 0.0, most
    return None


def _number(value: object) -> float | None:
    first = value[0] if isinstance(value, tuple) and value else value
    return float(first) if isinstance(first, int | float) else None


def deepen(high: Image.Image, low: Image.Image) -> Image.Image:
    """Return a picture in eight bits from the upper and the lower bytes of one in sixteen that uses fewer bits."""
    colours = [band != "A" for band in high.getbands()]
    highest = max(most for (_, most), is_colour in zip(_extrema(high), colours, strict=True) if is_colour)
    white = white_of(highest * 256 + 255, 16)
    if white == 65535:
        return high
    shift = white.bit_length() - 8
    # Opaque is often the highest value of 16 bits, whatever the colours use.
    scaled = [is_colour or _extrema(high)[at][1] < 64 for at, is_colour in enumerate(colours)]
    uppers = ([min(255, value << (8 - shift)) if scale else value for value in range(256)] for scale in scaled)
    lowers = ([value >> shift if scale else 0 for value in range(256)] for scale in scaled)
    upper, lower = high.point(list(chain(*uppers))), low.point(list(chain(*lowers)))
    return ImageChops.add(upper, lower)


def is_dark(image: Image.Image) -> bool:
    """Return whether no colour of a picture reaches a quarter of white: then it may use fewer bits than it has."""
    bands = zip(_extrema(image), image.getbands(), strict=True)
    return bool(max(most for (_, most), band in bands if band != "A") < 64)


def _extrema(image: Image.Image) -> tuple[tuple[int, int], ...]:
    found = image.getextrema()
    return cast("tuple[tuple[int, int], ...]", found if isinstance(found[0], tuple) else (found,))


# ---------------------------------------------------------------- CMYK


def _from_cmyk(image: Image.Image, *, inks_inverted: bool) -> ToRGB:
    """Return the function for inks. Without Adobe's marker they are not inverted (ITU-T T.872), unless all is black."""
    sample = image.resize((64, 64), Image.Resampling.NEAREST)
    invert = inks_inverted
    if _light(ImageChops.invert(sample) if invert else sample) < _BLACK:
        other = _light(sample if invert else ImageChops.invert(sample))
        invert = invert if other < _BLACK else not invert
    profile = _transform(image.info.get("icc_profile"), "CMYK")

    def convert(band: Image.Image) -> Image.Image:
        inks = ImageChops.invert(band) if invert else band
        return inks.convert("RGB") if profile is None else _applied(profile, inks)

    return convert


def _light(image: Image.Image) -> float:
    return sum(value * many for value, many in enumerate(image.convert("L").histogram())) / (64 * 64)


# ---------------------------------------------------------------- profiles


def _applied(transform: ImageCms.ImageCmsTransform, band: Image.Image) -> Image.Image:
    done = ImageCms.applyTransform(band, transform)
    return band if done is None else done


def _transform(profile: object, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform of an ICC profile from ``mode`` to sRGB; None if there is none, or it changes nothing."""
    if not isinstance(profile, bytes) or not profile or len(profile) > _PROFILE_BYTES:
        return None
    key = (hashlib.sha256(profile).digest(), mode)
    if key not in _transforms:
        if len(_transforms) >= _KEPT:
            _transforms.clear()
        _transforms[key] = _opened(profile, mode)
    return _transforms[key]


def _opened(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform of a profile. An absurd profile must not cost the picture."""
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            _SRGB,
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode == "CMYK":
            return transform
        test = _test_chart(mode)
        difference = ImageChops.difference(_applied(transform, test.copy()), test.convert("RGB"))
    except Exception:  # noqa: BLE001 - a profile is a file format of its own, and as hostile
        return None
    return transform if max(most for _, most in _extrema(difference)) > _ALIKE else None


def _test_chart(mode: str) -> Image.Image:
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    steps = [round(255 * step / (_GRID - 1)) for step in range(_GRID)]
    colours = bytes(part for red in steps for green in steps for blue in steps for part in (red, green, blue))
    return Image.frombytes("RGB", (_GRID**3, 1), colours)
