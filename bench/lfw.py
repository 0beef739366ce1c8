"""Loads LFW from beside the checkout, and computes faces and features, which are cached in bench/out.

G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller, "Labeled Faces in the Wild", University of Massachusetts (2007).
Half of it is used: 250 x 250 pixels, with the named person in the middle.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import Vectors
from lineament.model.packs import CURRENT
from lineament.settings import Settings
from lineament.vision import packs
from lineament.vision.decode import Decoder
from lineament.vision.detect import FACE_SCORE, Detections, Detector
from lineament.vision.embed import Embedder
from lineament.vision.packs import Pack
from lineament.vision.runtime import sessions

ROOT = Path(__file__).parents[1]
LFW = ROOT.parent / "shared" / "data" / "lfw"
OUT = ROOT / "bench" / "out"
WHOSE = (
    "press photographs of public figures from about 2002 to 2007; mostly adults, mostly men, mostly light-skinned, "
    "mostly facing the camera in good light"
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Photographs:
    """All photographs, by person and number."""

    paths: tuple[Path, ...]

    @cached_property
    def people(self) -> NDArray[np.int64]:
        """The person of each photograph as a number, shape (photographs,)."""
        return np.unique([path.parent.name for path in self.paths], return_inverse=True)[1]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The people's names, by number."""
        return tuple(sorted({path.parent.name for path in self.paths}))

    def __len__(self) -> int:
        return len(self.paths)


def photographs(folder: Path = LFW) -> Photographs:
    """Return every photograph in ``folder``, which holds one folder for each person; stop if there is none."""
    paths = tuple(sorted(folder.glob("*/*.jpg")))
    if not paths:
        raise SystemExit(f"{folder} holds no folder of photographs; LFW belongs there, one folder for each person")
    return Photographs(paths)


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--lfw FOLDER``, for photographs other than those of LFW."""
    parser.add_argument("--lfw", type=Path, default=LFW, metavar="FOLDER", help="one folder for each person")


def shipped_pack() -> Pack:
    """Return the pack of new workspaces, expanded in the folder that the settings name."""
    return packs.shipped_pack(CURRENT, Settings().cache)


@dataclass(frozen=True)
class Features:
    """What the nets make of the face in the middle of each photograph; zeros if there is no face."""

    vectors: Floats  # (photographs, d), of unit length
    norms: Floats  # (photographs,)
    score: Floats  # of the detector, (photographs,); 0 if no face was found
    best_score: Floats  # the highest score in the photograph

    def templates(self) -> Vectors:
        """Return the templates, shape (photographs, d)."""
        return self.vectors


def features(chosen: Photographs, precision: str, *, pack: Pack | None = None) -> Features:
    """Return the features of all photographs; those of LFW are kept in bench/out for the next run."""
    pack = pack or shipped_pack()
    if LFW not in chosen.paths[0].parents:
        return _compute(chosen, precision, pack)
    facts = repr([(part.net.sha256, part.views, part.centre, part.weight) for part in pack.recognisers])
    name = f"{packs.PIPELINE}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"
    file = OUT / f"lfw-{len(chosen)}-{name}-{precision}.npz"
    if file.exists():
        return Features(**np.load(file))
    found = _compute(chosen, precision, pack)
    OUT.mkdir(exist_ok=True)
    np.savez(file, **vars(found))
    return found


def _compute(chosen: Photographs, precision: str, pack: Pack) -> Features:
    threads = len(os.sched_getaffinity(0))
    open_session = sessions("openvino", precision, threads)
    detector = Detector(open_session(pack.detector))
    embedder = Embedder([(part, open_session(part.net)) for part in pack.recognisers])

    def features_of(path: Path) -> tuple[Floats, float, float, float]:
        pixels = decoder.decode(path.read_bytes()).pixels
        found = detector.find(pixels, FACE_SCORE)
        if not len(found):
            return np.zeros(pack.dimension, np.float32), 0.0, 0.0, 0.0
        face = middle_face(found, pixels.shape[1], pixels.shape[0])
        embedding = embedder.embed(pixels, face.points[0])
        return embedding.vector, embedding.norm, float(face.scores[0]), float(found.scores.max())

    with Decoder(workers=threads, **LIMITS) as decoder, ThreadPoolExecutor(threads) as pool:
        columns = zip(*pool.map(features_of, chosen.paths), strict=True)
        return Features(*(np.array(column, np.float32) for column in columns))


LIMITS = {"max_pixels": 10**8, "max_bytes": 10**8, "memory": 1536 << 20, "seconds": 20}


def middle_face(found: Detections, width: int, height: int) -> Detections:
    """Return the face nearest to the middle of the picture, which is the one that LFW names."""
    middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2 - np.array([width / 2, height / 2], np.float32)
    return found.select(np.array([(middles**2).sum(axis=1).argmin()]))
