"""Leaves a picture's pixels in the outbox, upright and in sRGB, a band at a time.

A large picture is in memory only once besides the outbox. This runs inside the confined process only.
"""

from __future__ import annotations

import mmap

from PIL import Image

from lineament.vision.decode_read import ReadPicture

_BAND = 2**22
"""Pixels that are converted together."""
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
_FROM_THE_END = frozenset({3, 4, 7, 8})
"""Orientations in which the first rows of the result are the last rows or columns of the stored picture."""
_SIDEWAYS = frozenset({5, 6, 7, 8})


def write_pixels(picture: ReadPicture, outbox: mmap.mmap) -> None:
    """Write the pixels of a picture to the beginning of the outbox, three bytes each, row by row."""
    image, orientation = picture.image, picture.orientation
    if image.width * image.height <= _BAND and orientation not in _UPRIGHT:
        done = picture.to_rgb(image).tobytes()
        outbox[: len(done)] = done
        return
    sideways = orientation in _SIDEWAYS
    long, across = (image.width, image.height) if sideways else (image.height, image.width)
    step = max(1, _BAND // across)
    at = 0
    for first in range(0, long, step):
        last = min(long, first + step)
        start, stop = (long - last, long - first) if orientation in _FROM_THE_END else (first, last)
        box = (start, 0, stop, image.height) if sideways else (0, start, image.width, stop)
        band = picture.to_rgb(image.crop(box))
        if orientation in _UPRIGHT:
            band = band.transpose(_UPRIGHT[orientation])
        done = band.tobytes()
        outbox[at : at + len(done)] = done
        at += len(done)
