"""Embeddings of aligned faces.

The pack that ships has one recogniser, SFace: Y. Zhong, W. Deng, J. Hu et al., "SFace: Sigmoid-constrained hypersphere
loss for robust face recognition", IEEE Transactions on Image Processing 30 (2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from lineament.model.faces import Pixels, Vector
from lineament.observe.stages import Stage, timed
from lineament.vision.align import Points, align
from lineament.vision.packs import Recogniser
from lineament.vision.runtime import InferenceSession


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What the recognisers of a pack make of a face."""

    vector: Vector  # (d,), of unit length
    norm: float  # of the first recogniser's vector before normalisation; higher is better
    aligned: Pixels  # the face as the first recogniser sees it


class Embedder:
    """Turns faces into vectors; safe to use from several threads."""

    def __init__(self, parts: Sequence[tuple[Recogniser, InferenceSession]]) -> None:
        self._parts = [_Part(recogniser, session) for recogniser, session in parts]
        self._weights = [recogniser.weight for recogniser, _ in parts]

    def prepare(self) -> None:
        """Prepare the nets before the first face."""
        for part in self._parts:
            part.prepare()

    @timed(Stage.EMBED)
    def embed(self, pixels: Pixels, points: Points) -> Embedding:
        """Return the vector of the face with these landmarks, shape (5, 2).

        Each recogniser's vector is centred: what the vectors of all people have in common is taken away, so that
        strangers score about 0. Several are joined with their weights into one vector of unit length, whose score is
        the weighted mean of theirs.
        """
        embedded = self.parts(pixels, points)
        first = embedded[0]
        if len(embedded) == 1:
            return first
        joined = joined_parts([part.vector for part in embedded], self._weights)
        return Embedding(_unit(joined), first.norm, first.aligned)

    def parts(self, pixels: Pixels, points: Points) -> tuple[Embedding, ...]:
        """Return what each recogniser makes of the face, in their order."""
        return tuple(part.embed(pixels, points) for part in self._parts)


def joined_parts(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """Return vectors of unit length side by side, so that their score is the mean of the scores with these weights.

    Each has the shape (d,), or all have (n, d); the result has the sum of their dimensions.
    """
    shares = [np.float32((weight / sum(weights)) ** 0.5) for weight in weights]
    return np.concatenate([share * vector for share, vector in zip(shares, vectors, strict=True)], axis=-1)


class _Part:
    """One recogniser."""

    def __init__(self, recogniser: Recogniser, session: InferenceSession) -> None:
        self._session = session
        self._side = recogniser.side
        self._templates = [_zoomed(recogniser.points, zoom) for zoom in recogniser.views]
        self._centre = None if recogniser.centre is None else np.array(recogniser.centre, np.float32)

    def prepare(self) -> None:
        self._session.prepare((len(self._templates), self._side, self._side, 3))

    def embed(self, pixels: Pixels, points: Points) -> Embedding:
        """Return the vector of a face, the mean of its views: as it is, then mirrored.

        The norm is that of the mean: a face whose two sides disagree has a lower norm than either.
        """
        upright = align(pixels, points, self._templates, self._side)
        faces = np.stack([cast("Pixels", cv2.flip(view, 1)) if at else view for at, view in enumerate(upright)])
        (features,) = self._session.run(faces).values()
        mean = features.reshape(len(faces), -1).mean(axis=0, dtype=np.float32)
        norm = float(np.sqrt(np.dot(mean, mean)))
        vector = mean / np.float32(norm or 1.0)
        return Embedding(vector if self._centre is None else _unit(vector - self._centre), norm, faces[0])


def _zoomed(points: Sequence[tuple[float, float]], zoom: float) -> Points:
    """Return template points ``zoom`` times as far from their mean; less than 1 shows more around the face."""
    template = np.array(points, np.float32)
    middle = template.mean(axis=0)
    moved: Points = np.asarray(middle + np.float32(zoom) * (template - middle), np.float32)
    return moved


def _unit(vector: Vector) -> Vector:
    length = np.float32(np.sqrt(np.dot(vector, vector)))
    scaled: Vector = np.asarray(vector / (length or np.float32(1.0)), np.float32)
    return scaled
