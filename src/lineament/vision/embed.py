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
from numpy.typing import NDArray

from lineament.model.faces import Pixels, Vector
from lineament.observe.stages import Stage, timed
from lineament.vision.align import Points, align
from lineament.vision.packs import Recogniser
from lineament.vision.runtime import Images, InferenceSession
from lineament.vision.spare import Spare

CHANCES = 4
"""Faces for which a processor was idle before it is found out whether it may take a view: a single search does not wait
for that."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What the recognisers of a pack make of a face."""

    vector: Vector  # (d,), of unit length
    norm: float  # of the first recogniser's vector before normalisation; higher is better
    aligned: Pixels  # the face as the first recogniser sees it


class Embedder:
    """Turns faces into vectors; safe to use from several threads."""

    def __init__(self, parts: Sequence[tuple[Recogniser, InferenceSession]], spare: Spare | None = None) -> None:
        spare = spare or Spare(1)
        self._parts = [_Part(recogniser, session, spare) for recogniser, session in parts]
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

    def __init__(self, recogniser: Recogniser, session: InferenceSession, spare: Spare) -> None:
        self._session = session
        self._spare = spare
        self._chances = 0  # to share out the views of a face, until it is known whether the vectors stay the same
        self._shared_out = False
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
        mean = self._features(faces).mean(axis=0, dtype=np.float32)
        norm = float(np.sqrt(np.dot(mean, mean)))
        vector = mean / np.float32(norm or 1.0)
        return Embedding(vector if self._centre is None else _unit(vector - self._centre), norm, faces[0])

    def _features(self, faces: Images) -> NDArray[np.float32]:
        """Return the vectors of the views of a face, shape (n, d); an idle processor takes some of them."""
        if len(faces) > 1 and self._spare.is_any():
            if self._shared_out:
                return np.concatenate(self._spare.map(self._run, [face[None] for face in faces]))
            self._chances += 1
            if self._chances == CHANCES:
                self._spare.submit(self._compare)
        return self._run(faces)

    def _compare(self) -> None:
        """Share out views from now on if the net gives the same vectors for them, one by one, to the bit.

        Which instructions a net is compiled to depends on the processor and on how many pictures it is compiled for.
        """
        shape = (len(self._templates), self._side, self._side, 3)
        views = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
        one_by_one = np.concatenate([self._run(view[None]) for view in views])
        self._shared_out = bool(np.array_equal(one_by_one, self._run(views)))

    def _run(self, faces: Images) -> NDArray[np.float32]:
        (features,) = self._session.run(faces).values()
        return features.reshape(len(faces), -1)


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
