"""Embeddings of aligned faces, by SFace.

Y. Zhong, W. Deng, J. Hu et al., "SFace: Sigmoid-constrained hypersphere loss for robust face recognition", IEEE
Transactions on Image Processing 30 (2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lineament.model.faces import Pixels, Vector
from lineament.vision.runtime import InferenceSession


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The recogniser's result for a face."""

    vector: Vector  # (d,), of unit length
    norm: float  # before normalisation; higher is better


class Embedder:
    """Turns aligned faces into vectors; safe to use from several threads."""

    def __init__(self, session: InferenceSession, *, side: int, mirrored: bool) -> None:
        self._session = session
        self._side = side
        self._mirrored = mirrored

    def prepare(self) -> None:
        """Prepare the net before the first face."""
        self._session.prepare((2 if self._mirrored else 1, self._side, self._side, 3))

    def embed(self, aligned: Pixels) -> Embedding:
        """Return the vector of an aligned face; if the pack is mirrored, averaged with that of its mirror image.

        The norm is that of the mean: a face whose two sides disagree has a lower norm than either.
        """
        faces = aligned[None]
        if self._mirrored:
            faces = np.empty((2, *aligned.shape), np.uint8)
            faces[0] = aligned
            cv2.flip(aligned, 1, faces[1])
        (features,) = self._session.run(faces).values()
        mean = features.reshape(len(faces), -1).mean(axis=0, dtype=np.float32)
        norm = float(np.sqrt(np.dot(mean, mean)))
        return Embedding(mean / np.float32(norm or 1.0), norm)
