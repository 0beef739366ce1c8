"""Faces in pixels of their picture, as several products tell them."""

from __future__ import annotations

from lineament.model.faces import Box, Landmarks


def corners(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in whole pixels, within a picture of this size."""
    return (
        *(_within(box.x, width), _within(box.y, height)),
        *(_within(box.x + box.width, width), _within(box.y + box.height, height)),
    )


def points(landmarks: Landmarks) -> list[tuple[float, float]]:
    """Return the five points in their usual order: eyes, nose, corners of the mouth."""
    return [
        *(landmarks.left_eye, landmarks.right_eye, landmarks.nose),
        *(landmarks.left_mouth, landmarks.right_mouth),
    ]


def _within(place: float, side: int) -> int:
    return min(max(round(place), 0), side)
