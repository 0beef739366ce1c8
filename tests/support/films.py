"""Videos made of the portraits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from tests.conftest import PORTRAITS

SIZE = (320, 240)
RATE = 10


def pan(portrait: str, count: int) -> Iterator[np.ndarray]:
    """Yield a window that moves over a portrait."""
    image = Image.open(PORTRAITS / portrait).convert("RGB").resize((400, 400))
    for number in range(count):
        left = number * 80 // max(1, count - 1)
        yield np.asarray(image.crop((left, 40, left + SIZE[0], 40 + SIZE[1])))


def film(path: Path, *scenes: Iterator[np.ndarray], codec: str = "mpeg4", **stream_options: object) -> Path:
    """Write a video of these scenes, ten frames a second, and return its path."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=RATE, options={"g": "1000", "sc_threshold": "1000000000"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p" if codec != "mjpeg" else "yuvj420p"
        for name, value in stream_options.items():
            setattr(stream, name, value)
        for scene in scenes:
            for pixels in scene:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    return path
