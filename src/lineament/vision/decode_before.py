"""Decoding as versions up to 0.2 did it, so that the edits of probes recorded then can be replayed (R14).

Those versions reduced large pictures, ignored colour profiles, and read the first picture of a file only. This runs
inside the confined process only (``decode_worker``), and for nothing else.
"""

from __future__ import annotations

import io
import math

from PIL import Image, ImageFile

from lineament.vision.decode_facts import exif_facts
from lineament.vision.decode_formats import NotDecodedError, detect_format
from lineament.vision.decode_pillow import OPENERS
from lineament.vision.decode_protocol import JPEG, LONGEST_SIDE, DecodeReply, Status, most_pixels
from lineament.vision.decode_read import ReadPicture

SHARP_ENOUGH = 2048
"""JPEGs were decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 whose long side has at least so many pixels."""
LONGEST_DECODED = 2560
"""Other pictures were reduced to so many pixels."""
_BAND = 64
_WHITE = (255, 255, 255)


def read_as_before(untrusted: bytes, max_pixels: int) -> ReadPicture:
    """Decode the first picture of a file as it was done before. Raises NotDecodedError or whatever a library raises."""
    media = detect_format(untrusted)
    if media not in OPENERS:
        raise NotDecodedError(Status.UNKNOWN_FORMAT)
    image = OPENERS[media](io.BytesIO(untrusted))
    if image.width * image.height > most_pixels(media, max_pixels) or max(image.size) > LONGEST_SIDE:
        raise NotDecodedError(Status.TOO_LARGE, media, *image.size)
    size = image.size
    if media == JPEG:
        _draft(image)
    image.load()
    size = size if media == JPEG else image.size
    facts = exif_facts(image)
    pixels = _in_colour(image) if media == JPEG else _reduce(image)
    turned = facts.orientation in range(5, 9)
    width, height = (size[1], size[0]) if turned else size
    across, down = (pixels.height, pixels.width) if turned else pixels.size
    reply = DecodeReply(Status.DECODED, media, 0, 1, width, height, across, down, 1, 1)
    return ReadPicture(image=pixels, to_rgb=lambda band: band, orientation=facts.orientation, reply=reply)


def _draft(image: ImageFile.ImageFile) -> None:
    width, height = image.size
    for scale in (8, 4, 2):
        if max(width, height) // scale >= SHARP_ENOUGH:
            image.draft(None, (width // scale, height // scale))
            return


def _in_colour(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", image.size, _WHITE)
        image.paste(rgba, mask=rgba.getchannel("A"))
        return image
    if image.mode in {"I", "F"}:
        raise NotDecodedError(Status.NO_COLOURS)
    if image.mode.startswith("I;16"):
        image = image.point(lambda light: light * (1 / 256)).convert("L")
    return image if image.mode == "RGB" else image.convert("RGB")


def _reduce(image: Image.Image) -> Image.Image:
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
