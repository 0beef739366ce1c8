"""Faces and lists as Amazon Rekognition writes them (docs/reference/rekognition.md).

Of a face only what was measured is there. Age, gender and emotion are never estimated, whatever is asked for.
"""

from __future__ import annotations

from typing import Any

from lineament.model.collections import CollectionFace
from lineament.model.faces import Box, Face, Landmarks, Quality
from lineament.model.similarity import similarity

_POINTS = {
    "eyeLeft": "left_eye",
    "eyeRight": "right_eye",
    "nose": "nose",
    "mouthLeft": "left_mouth",
    "mouthRight": "right_mouth",
}
_HALF_SHARP = 100.0
"""The variance of the Laplacian that is written as a sharpness of 50."""


def box_json(box: Box, width: int, height: int) -> dict[str, float]:
    """Return a box as shares of its picture."""
    return {"Width": box.width / width, "Height": box.height / height, "Left": box.x / width, "Top": box.y / height}


def detail_json(face: Face | CollectionFace, width: int, height: int) -> dict[str, Any]:
    """Return what was measured of a face."""
    return {
        "BoundingBox": box_json(face.box, width, height),
        "Landmarks": _landmarks(face.landmarks, width, height),
        "Pose": {"Roll": face.quality.roll, "Yaw": face.quality.yaw},
        "Quality": _quality(face.quality),
        "Confidence": detected(face.quality),
    }


def detected(quality: Quality) -> float:
    """Return how sure the detector is that this is a face, 0 to 100; it says nothing of whose face it is."""
    return 100 * quality.detector_score


def face_json(face: CollectionFace, model: str) -> dict[str, Any]:
    """Return a face of a collection."""
    found: dict[str, Any] = {
        "FaceId": face.key,
        "BoundingBox": box_json(face.box, face.width, face.height),
        "ImageId": face.picture_key,
        "Confidence": detected(face.quality),
        "IndexFacesModelVersion": model,
    }
    if face.called is not None:
        found["ExternalImageId"] = face.called
    if face.subject is not None:
        found["UserId"] = face.subject.called
    return found


def match_json(face: CollectionFace, score: float, model: str) -> dict[str, Any]:
    """Return a candidate."""
    return {"Similarity": similarity(score), "Face": face_json(face, model)}


def user_json(called: str, score: float) -> dict[str, Any]:
    """Return a subject among whose faces is a candidate."""
    return {"Similarity": similarity(score), "User": {"UserId": called, "UserStatus": "ACTIVE"}}


def _landmarks(points: Landmarks, width: int, height: int) -> list[dict[str, Any]]:
    named = {kind: getattr(points, name) for kind, name in _POINTS.items()}
    return [{"Type": kind, "X": x / width, "Y": y / height} for kind, (x, y) in named.items()]


def _quality(measured: Quality) -> dict[str, float]:
    sharp = measured.sharpness
    return {"Brightness": 100 * measured.exposure, "Sharpness": 100 * sharp / (sharp + _HALF_SHARP)}
