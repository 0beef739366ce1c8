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
    """What the recogniser says of a face."""

    vector: Vector  # (d,), of unit length
    norm: float  # before it was brought to unit length; higher is better


class Embedder:
    """Turns aligned faces into vectors; safe to use from several threads."""

    def __init__(self, session: InferenceSession, *, side: int, mirrored: bool) -> None:
        self._session = session
        self._side = side
        self._mirrored = mirrored

    def prepare(self) -> None:
        """Get ready before the first face comes."""
        self._session.prepare((2 if self._mirrored else 1, self._side, self._side, 3))

    def embed(self, aligned: Pixels) -> Embedding:
        """The vector of an aligned face; with the vector of its mirror image added where the pack says so.

        The norm is that of the sum, halved: a face whose two halves disagree is weaker than either.
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
