"""Templates of LFW's photographs, unaltered and degraded, cached in bench/out.

The faces go through the detector and the recogniser of the product. LFW's files are no danger: they are decoded here.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from bench import lfw
from bench.lfw import Floats, Photographs
from lineament.model.faces import Pixels
from lineament.vision import align, detect, detections, embed, runtime
from lineament.vision.detect import FACE_SCORE, Detector
from lineament.vision.detections import Detections
from lineament.vision.embed import Embedder, joined_parts
from lineament.vision.packs import PIPELINE, Pack

FACE, TOP = 124.0, 68.0
"""Median height of a face in LFW, and where it begins, in pixels."""
UNALTERED = "unaltered"

Degrade = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Joining:
    """How the vectors of a pack's recognisers become one template."""

    centre: Floats  # (d,), of all recognisers side by side
    dimensions: tuple[int, ...]  # of each recogniser
    weights: tuple[float, ...]  # of each recogniser

    def join(self, vectors: Floats) -> Floats:
        """Return templates from vectors side by side, shape (n, d): each part centred, then weighted."""
        ends = np.cumsum(self.dimensions)[:-1]
        parts = [unit(part) for part in np.split(vectors - self.centre, ends, axis=1)]
        return unit(joined_parts(parts, self.weights)) if len(parts) > 1 else parts[0]


@dataclass(frozen=True)
class Templates:
    """The face in the middle of each photograph, as each recogniser of the pack sees it before it is centred."""

    vectors: Floats  # (photographs, d), of each recogniser of unit length, side by side; zeros if no face was found
    norms: Floats  # (photographs,), of the first recogniser
    scores: Floats  # of the detector

    def found(self) -> np.ndarray:
        """Return whether there is a face in each photograph."""
        found: np.ndarray = self.scores > 0
        return found

    def joined(self, joining: Joining) -> Floats:
        """Return the templates centred and weighted, as the product compares them; zeros if no face was found."""
        return np.where(self.found()[:, None], joining.join(self.vectors), np.float32(0))


def unit(vectors: Floats) -> Floats:
    """Return vectors of unit length, shape (n, d)."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    scaled: Floats = vectors / np.maximum(lengths, np.float32(1e-9))[:, None]
    return scaled


def turn(pixels: Pixels, degrees: int) -> Pixels:
    """Turn a picture clockwise, within its frame."""
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(pixels, -degrees // 90))
    height, width = pixels.shape[:2]
    around = ((width - 1) / 2, (height - 1) / 2)
    turned = cv2.warpAffine(pixels, cv2.getRotationMatrix2D(around, -degrees, 1), (width, height))
    return turned.astype(np.uint8, copy=False)


def shrink(pixels: Pixels, face: float) -> Pixels:
    """Scale a picture so that its face is ``face`` pixels high."""
    side = round(pixels.shape[0] * face / FACE)
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def blur(pixels: Pixels, sigma: float) -> Pixels:
    """Blur a picture; ``sigma`` in pixels."""
    return cv2.GaussianBlur(pixels, (0, 0), sigma).astype(np.uint8, copy=False)


def compress(pixels: Pixels, quality: int) -> Pixels:
    """Compress a picture as JPEG."""
    encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return _rgb(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def expose(pixels: Pixels, gain: float) -> Pixels:
    """Multiply every pixel by ``gain``; above 1 it gets brighter, and what exceeds white is lost."""
    exposed: Pixels = np.clip(pixels * np.float32(gain), 0, 255).astype(np.uint8)
    return exposed


def cover(pixels: Pixels, share: float) -> Pixels:
    """Cover the lower ``share`` of the face, and all below it, with grey."""
    covered = pixels.copy()
    covered[int(TOP + FACE * (1 - share)) :] = 128
    return covered


@dataclass(frozen=True)
class Degradation:
    """A way to degrade a picture; those of one family lose the same of it."""

    family: str
    apply: Degrade


DEGRADATIONS = {
    UNALTERED: Degradation("none", np.copy),
    **{f"turned {angle}°": Degradation("turn", partial(turn, degrees=angle)) for angle in (30, 45, 90, 180, 270)},
    **{f"face of {height} px": Degradation("detail", partial(shrink, face=height)) for height in (32, 24)},
    **{f"blur of {sigma} px": Degradation("detail", partial(blur, sigma=sigma)) for sigma in (2, 3, 5)},
    "JPEG 10": Degradation("compression", partial(compress, quality=10)),
    "light × 0.1": Degradation("light", partial(expose, gain=0.1)),
    "lower 40 % covered": Degradation("cover", partial(cover, share=0.4)),
}


def joining_of(pack: Pack, *, centred: bool = True) -> Joining:
    """Return how a pack joins the vectors of its recognisers; without centring, if ``centred`` is False."""
    centres = [
        np.zeros(part.dimension) if part.centre is None or not centred else part.centre for part in pack.recognisers
    ]
    return Joining(
        np.concatenate(centres).astype(np.float32),
        tuple(part.dimension for part in pack.recognisers),
        tuple(part.weight for part in pack.recognisers),
    )


def as_shipped(chosen: Photographs, pack: Pack, precision: str = "f32") -> Floats:
    """Return the templates of all photographs, unaltered, as the product compares them, shape (photographs, d)."""
    return templates(chosen, UNALTERED, pack, precision).joined(joining_of(pack))


def templates(chosen: Photographs, name: str, pack: Pack, precision: str = "f32") -> Templates:
    """Return the templates of all photographs under a degradation.

    Those of LFW are kept, for each recogniser by itself and without its centre and weight, so packs share them.
    """
    bare = [replace(part, centre=None, weight=1.0) for part in pack.recognisers]
    files = [_file(chosen, name, replace(pack, recognisers=(part,)), precision) for part in bare]
    missing = [part for part, file in zip(bare, files, strict=True) if not file.exists()]
    found = iter(_compute(chosen, name, replace(pack, recognisers=tuple(missing)), precision) if missing else [])
    parts = []
    for file in files:
        if file.exists():
            parts.append(Templates(**np.load(file)))
            continue
        parts.append(next(found))
        if lfw.LFW in chosen.paths[0].parents:
            lfw.OUT.mkdir(exist_ok=True)
            np.savez(file, **vars(parts[-1]))
    return replace(parts[0], vectors=np.concatenate([part.vectors for part in parts], axis=1))


def _file(chosen: Photographs, name: str, pack: Pack, precision: str) -> Path:
    """Return where templates are kept; the name has a digest of all that decides them: photographs, nets and code."""
    facts = [*map(str, chosen.paths), PIPELINE, pack.detector, pack.recognisers]  # a net shows its digest
    digest = hashlib.sha256(repr(facts).encode())
    for module in (sys.modules[__name__], align, detect, detections, embed, runtime):
        digest.update(inspect.getsource(module).encode())
    return lfw.OUT / f"degraded-{name.replace(' ', '_')}-{precision}-{digest.hexdigest()[:12]}.npz"


def _compute(chosen: Photographs, name: str, pack: Pack, precision: str) -> list[Templates]:
    """Compute the templates of each recogniser of a pack, in a process for each processor."""
    processes = len(os.sched_getaffinity(0))
    with get_context("spawn").Pool(processes, _prepare, (pack, precision)) as pool:
        rows = pool.map(partial(_template, name), chosen.paths, chunksize=16)
    vectors, norms, scores = zip(*rows, strict=True)
    return [
        Templates(np.array(of_part, np.float32), np.array(lengths, np.float32), np.array(scores, np.float32))
        for of_part, lengths in zip(zip(*vectors, strict=True), zip(*norms, strict=True), strict=True)
    ]


_nets: dict[str, Detector | Embedder] = {}
_dimensions: list[int] = []


def _prepare(pack: Pack, precision: str) -> None:
    cv2.setNumThreads(1)
    open_session = runtime.sessions("openvino", precision, 1)
    _nets["detector"] = Detector(open_session(pack.detector))
    _nets["embedder"] = Embedder([(part, open_session(part.net)) for part in pack.recognisers])
    _dimensions[:] = [part.dimension for part in pack.recognisers]


def _template(name: str, path: Path) -> tuple[list[Floats], list[float], float]:
    """Return vectors and norms of the face in the middle of a photograph, from each recogniser, and its score."""
    detector, embedder = _nets["detector"], _nets["embedder"]
    assert isinstance(detector, Detector)
    assert isinstance(embedder, Embedder)
    pixels = DEGRADATIONS[name].apply(_read(path))
    found = detector.find(pixels, FACE_SCORE)
    if not len(found):
        return [np.zeros(dimension, np.float32) for dimension in _dimensions], [0.0] * len(_dimensions), 0.0
    face = middle_face(found, pixels.shape[1], pixels.shape[0])
    parts = embedder.parts(pixels, face.points[0])
    return [part.vector for part in parts], [part.norm for part in parts], float(face.scores[0])


def middle_face(found: Detections, width: int, height: int) -> Detections:
    """Return the face nearest to the middle of the picture, which is the one that LFW names."""
    middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2 - np.array([width / 2, height / 2], np.float32)
    return found.select(np.array([(middles**2).sum(axis=1).argmin()]))


def _read(path: Path) -> Pixels:
    return _rgb(cv2.imread(str(path)))


def _rgb(decoded: np.ndarray | None) -> Pixels:
    if decoded is None:
        raise SystemExit("a photograph cannot be decoded")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
