from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.nets import portrait

from lineament.vision.align import CropWindow, align, resize, similarity, window_around
from lineament.vision.packs import SFACE_YUNET

TEMPLATE = np.array(SFACE_YUNET.recognisers[0].points, np.float32)


@given(
    degrees=st.floats(-180, 180),
    zoom=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-3000, 3000), st.floats(-3000, 3000)),
)
def test_a_similarity_is_found_again(degrees: float, zoom: float, shift: tuple[float, float]) -> None:
    turn = np.deg2rad(degrees)
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = TEMPLATE @ linear.T + shift
    found = similarity(points.astype(np.float32), TEMPLATE).astype(np.float64)
    np.testing.assert_allclose(points @ found[:, :2].T + found[:, 2], TEMPLATE, atol=0.05)


def test_known_answer() -> None:
    """A quarter turn clockwise on the screen, twice as large, 10 to the right."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]], np.float32)
    turned = np.stack([10 - 2 * square[:, 1], 2 * square[:, 0]], axis=1)
    np.testing.assert_allclose(similarity(square, turned), [[0, -2, 10], [2, 0, 0]], atol=1e-6)


def test_noise_is_spread_over_all_five_points() -> None:
    moved = TEMPLATE.copy()
    moved[2] += 5
    found = similarity(moved, TEMPLATE)
    left = moved @ found[:, :2].T + found[:, 2] - TEMPLATE
    np.testing.assert_allclose(left.mean(axis=0), 0, atol=1e-4)
    assert np.abs(left[2]).max() < 5


def test_points_that_fall_together_do_not_divide_by_zero() -> None:
    assert np.isfinite(similarity(np.full((5, 2), 7, np.float32), TEMPLATE)).all()


@pytest.mark.parametrize("zoom", [0.7, 1.0, 1.9, 3.0, 8.0, 20.5])
def test_landmarks_are_mapped_to_the_template(zoom: float) -> None:
    """White discs at the landmarks, in a picture of any scale, come to lie on the template's points."""
    points = (TEMPLATE * zoom + [30, 20]).astype(np.float32)
    picture = np.zeros((round(112 * zoom) + 60, round(112 * zoom) + 60, 3), np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(x * 16), round(y * 16)), round(2.5 * zoom * 16), (255, 255, 255), -1, cv2.LINE_AA, 4)
    small = align(picture, points, [TEMPLATE], 112)[0][..., 0].astype(np.float64)
    for x, y in TEMPLATE:
        left, top = int(x) - 6, int(y) - 6
        spot = small[top : top + 13, left : left + 13]
        rows, columns = np.mgrid[top : top + 13, left : left + 13]
        assert (spot * columns).sum() / spot.sum() == pytest.approx(x, abs=0.25)
        assert (spot * rows).sum() / spot.sum() == pytest.approx(y, abs=0.25)


def test_a_large_face_is_averaged_not_sampled() -> None:
    """A fine chequerboard becomes grey; sampled every eighth pixel it would be black and white."""
    board = (np.indices((1000, 1000)).sum(axis=0) % 2 * 255).astype(np.uint8)
    (small,) = align(np.stack([board] * 3, axis=2), TEMPLATE * 8, [TEMPLATE], 112)
    assert np.abs(small[10:100, 10:100].astype(int) - 127).max() <= 2


class TestWindow:
    picture = portrait("macron-2014")

    def test_inside(self) -> None:
        np.testing.assert_array_equal(CropWindow(10, 20, 50).cut(self.picture, 50), self.picture[20:70, 10:60])

    @pytest.mark.parametrize(("x", "y"), [(-20, -30), (190, 230), (-20, 230), (190, -30)])
    def test_outside_is_black(self, x: int, y: int) -> None:
        cut = CropWindow(x, y, 60).cut(self.picture, 60)
        height, width = self.picture.shape[:2]
        for row in range(0, 60, 7):
            for column in range(0, 60, 7):
                inside = 0 <= y + row < height and 0 <= x + column < width
                expected = self.picture[y + row, x + column] if inside else [0, 0, 0]
                np.testing.assert_array_equal(cut[row, column], expected)

    def test_wholly_outside(self) -> None:
        assert not CropWindow(-100, -100, 50).cut(self.picture, 20).any()
        assert not CropWindow(5000, 5000, 50).cut(self.picture, 20).any()

    def test_around_a_box(self) -> None:
        assert window_around(np.array([100, 50, 20, 40], np.float32), 2) == CropWindow(70, 30, 80)


@pytest.mark.parametrize(("height", "width"), [(244, 204), (61, 51), (100, 100), (300, 250), (1, 1)])
def test_resized(height: int, width: int) -> None:
    assert resize(portrait("macron-2014"), width, height).shape == (height, width, 3)
