"""What InsightFace Server's addresses answer: its names and shapes, with what Lineament has to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineament.api.compat.insightface_requests import THRESHOLD
from lineament.api.compat.pixels import corners, points
from lineament.model.collections import CollectionFace, FaceSubject, KnownCollection
from lineament.model.faces import Box, Face, Landmarks, Quality
from lineament.views.values import iso

PLACES = 6
"""Decimal places of shares, as InsightFace Server rounds them."""


def face_answer(face: Face, width: int, height: int) -> dict[str, Any]:
    """Return a face of a picture of this size. Nothing is guessed about the person: no age, no sex, no pose."""
    return {
        "bbox": box_answer(face.box, width, height),
        "landmarks": landmarks_answer(face.landmarks),
        "detection_score": round(face.quality.detector_score, PLACES),
        "quality": quality_answer(face.quality),
    }


def sample_answer(face: CollectionFace, model: str) -> dict[str, Any]:
    """Return an enrolled face, without its template."""
    return {
        "id": face.key,
        "person_id": None if face.subject is None else face.subject.called,
        "bounding_box": box_answer(face.box, face.width, face.height),
        "landmarks": landmarks_answer(face.landmarks),
        "detection_score": round(face.quality.detector_score, PLACES),
        "quality": quality_answer(face.quality),
        "model_id": model,
        "embedding_source": "server",
        "has_crop": True,
        "created_at": iso(face.enrolled_at),
    }


def box_answer(box: Box, width: int, height: int) -> dict[str, Any]:
    """Return a box in whole pixels and as shares of the sides, within a picture of this size."""
    left, top, right, bottom = corners(box, width, height)
    across, down = right - left, bottom - top
    return {
        "pixels": {"x": left, "y": top, "width": across, "height": down},
        "normalized": {
            "left": round(left / width, 8),
            "top": round(top / height, 8),
            "width": round(across / width, 8),
            "height": round(down / height, 8),
        },
    }


def landmarks_answer(landmarks: Landmarks) -> list[list[float]]:
    """Return the five points in pixels: eyes, nose, corners of the mouth."""
    return [[round(x, 3), round(y, 3)] for x, y in points(landmarks)]


def quality_answer(quality: Quality) -> dict[str, Any]:
    """Return what is said of a face's quality: how bright it is, and what is against comparing it, in words."""
    return {"brightness": round(quality.exposure, PLACES), "reasons": [reason.value for reason in quality.reasons]}


def person_answer(subject: FaceSubject, faces: int) -> dict[str, Any]:
    """Return a subject as a person."""
    return {
        "id": subject.called,
        "name": subject.facts.get("name"),
        "external_id": subject.facts.get("external_id"),
        "metadata": subject.facts.get("metadata", {}),
        "face_count": faces,
        "created_at": iso(subject.made_at),
        "updated_at": subject.facts.get("updated_at", iso(subject.made_at)),
    }


def collection_answer(collection: KnownCollection, persons: int, model: str) -> dict[str, Any]:
    """Return a collection. How it is searched and how faces are found cannot be chosen, and is the same for all."""
    facts: Mapping[str, Any] = collection.facts
    return {
        "id": collection.called,
        "name": facts.get("name", collection.called),
        "description": facts.get("description", ""),
        "default_threshold": threshold_of(collection),
        "model_id": model,
        "search_profile": "fp32_v1",
        "load_policy": "lazy",
        "save_face_crops": True,
        "metadata": facts.get("metadata", {}),
        "person_count": persons,
        "face_count": collection.faces,
        "created_at": iso(collection.made_at),
        "updated_at": facts.get("updated_at", iso(collection.made_at)),
        "detection": {"single_face_selection": "largest"},
    }


def threshold_of(collection: KnownCollection) -> float:
    """Return the threshold of a collection, a score."""
    return float(collection.facts.get("threshold", THRESHOLD))
