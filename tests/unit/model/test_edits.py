"""A region is followed through edits, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.model.edits import face_at, moved
from lineament.model.faces import Box
from lineament.model.search import Edit, EditKind

WIDTH, HEIGHT = 400, 300
FACE = Box(x=10, y=20, width=30, height=40)
EDITS = {
    "90": (Edit(kind=EditKind.ROTATE, degrees=90), Box(x=240, y=10, width=40, height=30)),
    "180": (Edit(kind=EditKind.ROTATE, degrees=180), Box(x=360, y=240, width=30, height=40)),
    "270": (Edit(kind=EditKind.ROTATE, degrees=270), Box(x=20, y=360, width=40, height=30)),
    "crop": (Edit(kind=EditKind.CROP, box=Box(x=5, y=6, width=90, height=90)), Box(x=5, y=14, width=30, height=40)),
    "exposure": (Edit(kind=EditKind.EXPOSURE, stops=1), FACE),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_region_after_an_edit_and_back(name: str) -> None:
    edit, expected = EDITS[name]
    assert moved(FACE, edit, (WIDTH, HEIGHT)) == expected
    sides = (HEIGHT, WIDTH) if edit.degrees in {90, 270} else (WIDTH, HEIGHT)
    assert moved(expected, edit, sides, undone=True) == FACE


@given(st.sampled_from([90, 180, 270]), *[st.integers(0, 200)] * 4)
def test_four_quarters_are_none(degrees: int, x: int, y: int, width: int, height: int) -> None:
    box, sides = Box(x=x, y=y, width=width, height=height), (WIDTH, HEIGHT)
    turned = box
    for _ in range(360 // degrees if degrees != 270 else 4):
        turned = moved(turned, Edit(kind=EditKind.ROTATE, degrees=degrees), sides)
        sides = sides[::-1] if degrees != 180 else sides
    assert turned == box


def test_the_face_in_a_region() -> None:
    faces = [FACE, replace(FACE, x=200.0), replace(FACE, x=205.0)]
    assert face_at(faces, replace(FACE, x=204.0)) == 3
    assert face_at(faces, replace(FACE, x=100.0)) == 0
    assert face_at([], FACE) == 0
