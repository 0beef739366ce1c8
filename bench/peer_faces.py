"""Templates of other libraries for bench/peers.py; needs no part of Lineament, so a peer may have its own environment.

``python -m bench.peer_faces PEER LIST OUT`` reads the paths in the file LIST, one a line, and writes to OUT, in NumPy's
format, the template of the face nearest to the middle of each picture; zeros without a face.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

Find = Callable[[str], "np.ndarray | None"]


def nearest(middles: Sequence[tuple[float, float]], width: float, height: float) -> int:
    """Return which of ``middles`` is nearest to the middle of the picture."""
    return int(np.argmin([(x - width / 2) ** 2 + (y - height / 2) ** 2 for x, y in middles]))


def face_recognition() -> Find:
    """Return dlib's detector (HOG) and ResNet with the defaults of face_recognition."""
    import face_recognition as library

    def find(path: str) -> np.ndarray | None:
        pixels = library.load_image_file(path)
        boxes = library.face_locations(pixels)
        if not boxes:
            return None
        middles = [((left + right) / 2, (top + bottom) / 2) for top, right, bottom, left in boxes]
        box = boxes[nearest(middles, pixels.shape[1], pixels.shape[0])]
        return np.asarray(library.face_encodings(pixels, [box])[0])

    return find


def insightface() -> Find:
    """Return the pack buffalo_s of InsightFace, which it downloads; its weights are for non-commercial use only."""
    import cv2
    from insightface.app import FaceAnalysis

    app = FaceAnalysis(name="buffalo_s", allowed_modules=["detection", "recognition"])
    app.prepare(ctx_id=-1)

    def find(path: str) -> np.ndarray | None:
        pixels: Any = cv2.imread(path)
        faces = app.get(pixels)
        if not faces:
            return None
        middles = [((face.bbox[0] + face.bbox[2]) / 2, (face.bbox[1] + face.bbox[3]) / 2) for face in faces]
        return np.asarray(faces[nearest(middles, pixels.shape[1], pixels.shape[0])].embedding)

    return find


def deepface() -> Find:
    """Return Facenet512 behind YuNet in deepface, which downloads both."""
    import cv2
    from deepface import DeepFace

    DeepFace.build_model("Facenet512")

    def find(path: str) -> np.ndarray | None:
        pixels: Any = cv2.imread(path)
        faces = DeepFace.represent(
            path, model_name="Facenet512", detector_backend="yunet", enforce_detection=False, align=True
        )
        found = [face for face in faces if face["face_confidence"] > 0]
        if not found:
            return None
        areas = [face["facial_area"] for face in found]
        middles = [(area["x"] + area["w"] / 2, area["y"] + area["h"] / 2) for area in areas]
        return np.asarray(found[nearest(middles, pixels.shape[1], pixels.shape[0])]["embedding"])

    return find


PEERS: dict[str, Callable[[], Find]] = {
    "face_recognition": face_recognition,
    "deepface": deepface,
    "insightface": insightface,
}
"""By the name of the package."""


@cache
def _finder(peer: str) -> Find:
    return PEERS[peer]()


def _find(job: tuple[str, str]) -> np.ndarray | None:
    peer, path = job
    return _finder(peer)(path)


def run() -> None:
    """Write the templates of a peer."""
    peer, listed, out = sys.argv[1:]
    paths = Path(listed).read_text("utf-8").splitlines()
    _finder(peer)  # the error of a peer that cannot be loaded is that of this process
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = list(pool.map(_find, [(peer, path) for path in paths], chunksize=8))
    dimension = next((len(vector) for vector in found if vector is not None), 1)
    empty = np.zeros(dimension)
    vectors = np.array([empty if vector is None else vector for vector in found], np.float32)
    np.savez(out, vectors=vectors)


if __name__ == "__main__":
    run()
