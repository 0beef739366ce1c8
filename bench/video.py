"""How much faster than real time the frames of a video are chosen: decoded and sifted, before faces are looked for.

    python -m bench.video

The video is made here: 720p, 30 frames a second, portraits that move over the picture with a cut every five seconds.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image

from bench import machine
from bench.photographs import PORTRAITS
from lineament.sources.files import given
from lineament.sources.video import frames

WIDTH, HEIGHT, RATE, SECONDS, SCENE = 1280, 720, 30, 20, 5
TARGET = 5.0


def main() -> None:
    print(machine.line("av", "numpy"))
    with tempfile.TemporaryDirectory() as folder:
        for codec, name in (("libx264", "h264.mp4"), ("libvpx-vp9", "vp9.webm")):
            path = Path(folder) / name
            make(path, codec)
            measure(path)


def make(path: Path, codec: str) -> None:
    """Moving portraits with noise, at about 4 Mbit/s."""
    drawn = np.random.default_rng(1)
    noise = [drawn.integers(0, 12, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(8)]
    size = (WIDTH + 300, HEIGHT + 300)
    portraits = [np.asarray(Image.open(one).convert("RGB").resize(size)) for one in sorted(PORTRAITS.glob("*.jpg"))]
    with av.open(str(path), "w") as out:
        fast = {"preset": "ultrafast"} if "x26" in codec else {"deadline": "realtime", "cpu-used": "8", "row-mt": "1"}
        stream: Any = out.add_stream(codec, rate=RATE, options=fast)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        for number in range(RATE * SECONDS):
            portrait = portraits[number // (RATE * SCENE) % len(portraits)]
            at = number % (RATE * SCENE) * 2
            pixels = np.asarray(cv2.add(portrait[at : at + HEIGHT, at : at + WIDTH], noise[number % 8]), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))


def measure(path: Path) -> None:
    best = np.inf
    for _ in range(3):
        began = time.perf_counter()
        found = list(frames(given(path)[0]))
        best = min(best, time.perf_counter() - began)
    why = Counter(one.why.name.lower() for one in found)
    size = sum(len(one.untrusted) for one in found) / len(found) / 1024
    factor = SECONDS / best
    rate = path.stat().st_size * 8 / SECONDS / 1e6
    print(
        f"{path.name}, {WIDTH} x {HEIGHT}, {rate:.1f} Mbit/s: {factor:.1f} x real time (target {TARGET:g}),"
        f" {len(found)} frames of {RATE * SECONDS} ({dict(why)}), {size:.0f} KiB each"
    )


if __name__ == "__main__":
    main()
