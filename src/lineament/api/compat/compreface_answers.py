"""What CompreFace's addresses answer: its names and shapes, with what Lineament has to say."""

from __future__ import annotations

from typing import Any

from lineament.api.compat.compreface_options import FaceOptions
from lineament.api.compat.pixels import corners, points
from lineament.model.faces import Box, Face
from lineament.model.similarity import similarity
from lineament.services.collections.searching import FoundInCollection

PLACES = 5
"""Decimal places of shares, as CompreFace rounds them."""


def box_answer(box: Box, score: float, width: int, height: int) -> dict[str, Any]:
    """Return a box in whole pixels, within a picture of this size, with the detector's score."""
    left, top, right, bottom = corners(box, width, height)
    return {"probability": round(score, PLACES), "x_max": right, "y_max": bottom, "x_min": left, "y_min": top}


def face_answer(face: Face, size: tuple[int, int], options: FaceOptions, milliseconds: float) -> dict[str, Any]:
    """Return a face of a picture of this size (width, height), which was found in so many milliseconds."""
    answer: dict[str, Any] = {"box": box_answer(face.box, face.quality.detector_score, *size)}
    if options.landmarks:
        answer["landmarks"] = [[round(x), round(y)] for x, y in points(face.landmarks)]
    if options.status:
        answer["execution_time"] = {"detector": round(milliseconds, 1)}
    return answer


def subject_answers(found: FoundInCollection, most: int) -> list[dict[str, Any]]:
    """Return the subjects of candidates, the most similar first, each with its best similarity as a share.

    Candidates of which no program says whom they show are left out.
    """
    shown = found.by_subject()[:most]
    return [{"subject": subject.called, "similarity": share(best.score)} for subject, best in shown]


def share(score: float) -> float:
    """Return the similarity of a score, 0 to 1 (``model.similarity``)."""
    return round(similarity(score) / 100, PLACES)


def with_versions(answer: dict[str, Any], options: FaceOptions, model: str) -> dict[str, Any]:
    """Return an answer with the model that found and compared the faces, if the program asked for it."""
    return {**answer, "plugins_versions": {"detector": model, "calculator": model}} if options.status else answer
