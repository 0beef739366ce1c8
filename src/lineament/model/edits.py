"""Where a region of a picture is after an edit, so that a chosen face stays chosen."""

from __future__ import annotations

from collections.abc import Sequence

from lineament.model.faces import Box
from lineament.model.search import Edit, EditKind

SAME_FACE = 0.3
"""Least overlap (intersection over union) of one face found before and after an edit."""


def after_edit(box: Box, edit: Edit, *, width: int, height: int) -> Box:
    """Return where a region is after an edit; ``width`` and ``height`` are those of the picture before it."""
    if edit.kind is EditKind.CROP and edit.box is not None:
        return Box(x=box.x - edit.box.x, y=box.y - edit.box.y, width=box.width, height=box.height)
    if edit.kind is EditKind.ROTATE:
        return _turned(box, edit.degrees % 360, width=width, height=height)
    return box


def before_edit(box: Box, edit: Edit, *, width: int, height: int) -> Box:
    """Return where a region was before an edit; ``width`` and ``height`` are those of the picture after it."""
    if edit.kind is EditKind.CROP and edit.box is not None:
        return Box(x=box.x + edit.box.x, y=box.y + edit.box.y, width=box.width, height=box.height)
    if edit.kind is EditKind.ROTATE:
        return _turned(box, -edit.degrees % 360, width=width, height=height)
    return box


def _turned(box: Box, degrees: int, *, width: int, height: int) -> Box:
    """Return a region after a turn of the picture by 0, 90, 180 or 270 degrees clockwise."""
    right, bottom = width - box.x - box.width, height - box.y - box.height
    match degrees:
        case 90:
            return Box(x=bottom, y=box.x, width=box.height, height=box.width)
        case 180:
            return Box(x=right, y=bottom, width=box.width, height=box.height)
        case 270:
            return Box(x=box.y, y=right, width=box.height, height=box.width)
        case _:
            return box


def face_at(faces: Sequence[Box], box: Box) -> int:
    """Return the number (from 1) of the face in a region, given where the faces are; 0 if none is there."""
    overlaps = [face.overlap(box) for face in faces]
    best = max(overlaps, default=0.0)
    return overlaps.index(best) + 1 if best >= SAME_FACE else 0
