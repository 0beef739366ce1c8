"""The real pack and its nets; tests/conftest.py keeps their sessions open."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from lineament.model.faces import Pixels
from lineament.model.packs import CURRENT
from lineament.vision.detect import Detector
from lineament.vision.embed import Embedder
from lineament.vision.packs import Pack, shipped_pack
from lineament.vision.runtime import sessions

PORTRAITS = Path(__file__).parents[2] / "src" / "lineament" / "demo"
NAMES = ("ardern-2018", "ardern-2022", "macron-2014", "macron-2025", "obama", "sunak")


@cache
def pack() -> Pack:
    return shipped_pack(CURRENT, Path(os.environ["LINEAMENT_CACHE"]))


def detector() -> Detector:
    return Detector(sessions("openvino", "f32", 2)(pack().detector))


def embedder() -> Embedder:
    open_session = sessions("openvino", "f32", 2)
    return Embedder([(recogniser, open_session(recogniser.net)) for recogniser in pack().recognisers])


def portrait(name: str) -> Pixels:
    with Image.open(PORTRAITS / f"{name}.jpg") as picture:
        return np.asarray(picture.convert("RGB"))
