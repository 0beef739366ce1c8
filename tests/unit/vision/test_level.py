"""Eyes come to the same places, and nothing but turning, scaling and moving is done for it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.model.faces import Box, Landmarks
from lineament.vision.derive import MARGIN
from lineament.vision.level import EYES, SCALES, SIDE, Levelling, level

BOX = Box(x=100, y=50, width=80, height=100)
CROP = 100 * (1 + 2 * MARGIN)


def eyes(left: tuple[float, float], right: tuple[float, float]) -> Landmarks:
    return Landmarks(left_eye=left, right_eye=right, nose=(0, 0), left_mouth=(0, 0), right_mouth=(0, 0))


def moved(levelling: Levelling, point: tuple[float, float]) -> complex:
    """Return where a point of the original is moved to, in sides of the crop."""
    a, b, c, d, x, y = map(float, re.findall(r"[-\d.e]+", levelling.transform.removeprefix("matrix")))
    across = (point[0] - (140 - CROP / 2)) / CROP * SIDE
    down = (point[1] - (100 - CROP / 2)) / CROP * SIDE
    return complex(a * across + c * down + x, b * across + d * down + y) / SIDE


@given(st.floats(110, 135), st.floats(70, 110), st.floats(30, 40), st.floats(-15, 15))
def test_both_eyes_are_moved_to_their_places(x: float, y: float, apart: float, lower: float) -> None:
    left, right = (x, y), (x + apart, y + lower)
    levelling = level(BOX, eyes(left, right))
    assert moved(levelling, left) == pytest.approx(EYES[0], abs=1e-3)
    assert moved(levelling, right) == pytest.approx(EYES[1], abs=1e-3)


@given(st.floats(0, 300), st.floats(0, 300), st.floats(0, 300), st.floats(0, 300))
def test_any_landmarks_give_values_within_bounds(a: float, b: float, c: float, d: float) -> None:
    levelling = level(BOX, eyes((a, b), (c, d)))
    assert SCALES[0] - 1e-9 <= levelling.scale <= SCALES[1] + 1e-9
    assert -180 <= levelling.degrees <= 180


def test_level_eyes_are_not_turned_and_lower_right_eyes_are_turned_back() -> None:
    assert level(BOX, eyes((120, 90), (156, 90))).degrees == pytest.approx(0)
    assert level(BOX, eyes((120, 90), (156, 96))).degrees < 0


def test_eyes_in_one_place_leave_the_crop_as_it_is() -> None:
    assert level(BOX, eyes((120, 90), (120, 90))).transform == "matrix(1 0 -0 1 0 0)"
