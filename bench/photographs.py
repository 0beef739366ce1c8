"""Photographs for benchmarks: JPEGs of 640 x 480 pixels with one face each, from LFW if it is beside the checkout."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np

from bench.lfw import shipped_pack
from lineament.vision.analyse import Analyser
from lineament.vision.decode import Decoder

ROOT = Path(__file__).parents[1]
LFW = ROOT.parent / "shared" / "data" / "lfw"
PORTRAITS = ROOT / "src" / "lineament" / "demo"
WIDTH, HEIGHT = 640, 480
KINDS = {
    "large": "photographs of 4000 x 3000 pixels with one face each",
    "group": "pictures of 2500 x 1250 pixels with fifty faces each",
    "tiny": "pictures of 96 x 96 pixels with one face each",
}


def make(folder: Path, count: int) -> str:
    """Write ``count`` different photographs into ``folder``; return a line that describes them.

    LFW's pictures have 250 x 250 pixels. The middle 190 x 190 are enlarged to 480 x 480, so that the face is about 280
    pixels high, and placed on a blurred background of the same picture. Pictures in which our detector does not find
    exactly one face are skipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shuffler = random.Random(1)
    paths = sorted(LFW.glob("*/*.jpg")) if LFW.is_dir() else []
    shuffler.shuffle(paths)
    written = number = 0
    with Decoder(workers=1, max_pixels=10**7, max_bytes=10**7, memory=2**30, seconds=20) as decoder:
        analyser = Analyser(pack=shipped_pack(), decoder=decoder, runtime="openvino", precision="auto", threads=1)
        while written < count:
            encoded = _photograph(paths, number)
            number += 1
            if len(analyser.analyse(encoded, enrolling=True).faces) == 1:
                (folder / f"{written:05}.jpg").write_bytes(encoded)
                written += 1
    origin = "LFW, enlarged" if paths else "the six portraits, varied"
    return f"{count} photographs of {WIDTH} x {HEIGHT} pixels with one face each ({origin})"


def make_kind(folder: Path, kind: str, count: int) -> str:
    """Write ``count`` pictures of one of KINDS into ``folder``; return a line that describes them."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(LFW.glob("*/*.jpg")) if LFW.is_dir() else sorted(PORTRAITS.glob("*.jpg"))
    random.Random(2).shuffle(paths)
    for number in range(count):
        if kind == "group":
            rows = [[_cell(paths, 50 * number + 10 * row + at, (250, 250)) for at in range(10)] for row in range(5)]
            picture = np.vstack([np.hstack(row) for row in rows])
        else:
            picture = _cell(paths, number, (4000, 3000) if kind == "large" else (96, 96))
        picture = np.clip(picture.astype(np.int16) + number // len(paths), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:05}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return f"{count} {KINDS[kind]}"


def _photograph(paths: list[Path], number: int) -> bytes:
    if paths:
        picture = _read(paths[number % len(paths)])[30:-30, 30:-30]
    else:
        portraits = sorted(PORTRAITS.glob("*.jpg"))
        picture = _square(_read(portraits[number % len(portraits)]))
    square = cv2.resize(picture, (HEIGHT, HEIGHT), interpolation=cv2.INTER_CUBIC)
    side = (WIDTH - HEIGHT) // 2
    wide = cv2.GaussianBlur(cv2.resize(picture, (WIDTH, HEIGHT)), (0, 0), 40)
    wide[:, side:-side] = square
    wide = np.clip(wide.astype(np.int16) + number // max(len(paths), 1), 0, 255).astype(np.uint8)
    done, encoded = cv2.imencode(".jpg", wide, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise SystemExit("a photograph cannot be encoded")
    return encoded.tobytes()


def _read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} cannot be read")
    return picture


def _cell(paths: list[Path], number: int, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(_square(_read(paths[number % len(paths)])), size, interpolation=cv2.INTER_AREA)


def _square(picture: np.ndarray) -> np.ndarray:
    side = min(picture.shape[:2])
    left = (picture.shape[1] - side) // 2
    return picture[:side, left : left + side]
