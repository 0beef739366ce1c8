"""Where a region of a picture is after an edit, so that a chosen face stays chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lineament.model.faces import Box
from lineament.model.search import Edit, EditKind

SAME_FACE = 0.3
"""Least overlap (intersection over union) of two boxes of one face, as of one found before and after an edit."""


def moved(box: Box, edit: Edit, size: tuple[int, int], *, undone: bool = False) -> Box:
    """Return where a region is once an edit is made, or ``undone``; ``size``: the picture's before, across and down."""
    if edit.kind is EditKind.CROP and edit.box is not None:
        sign = 1 if undone else -1
        return replace(box, x=box.x + sign * edit.box.x, y=box.y + sign * edit.box.y)
    if edit.kind is EditKind.ROTATE:
        return _turned(box, (-edit.degrees if undone else edit.degrees) % 360, width=size[0], height=size[1])
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
