from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.support.nets import NAMES, detector, portrait

from lineament.model.faces import Pixels
from lineament.vision.align import resize, rotate_counterclockwise
from lineament.vision.detect import FACE_SCORE, SURE, UPRIGHT
from lineament.vision.detections import overlaps


@pytest.mark.parametrize("name", NAMES)
def test_portraits(name: str) -> None:
    found = detector().find(portrait(name), UPRIGHT)
    assert len(found) == 1
    left_eye, right_eye, nose, left_mouth, right_mouth = found.points[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    corner, size = found.boxes[0, :2], found.boxes[0, 2:]
    assert ((found.points[0] > corner) & (found.points[0] < corner + size)).all()


def _mosaic(tile: int, across: int, down: int) -> Pixels:
    """Portraits of ``tile`` pixels, their faces about half of that."""
    small = []
    for name in NAMES:
        picture = portrait(name)
        margin = picture.shape[0] - picture.shape[1]
        square = cv2.copyMakeBorder(picture, 0, 0, margin // 2, margin - margin // 2, cv2.BORDER_REPLICATE)
        small.append(cv2.resize(square, (tile, tile), interpolation=cv2.INTER_AREA))
    return np.vstack([np.hstack([small[(x + y) % 6] for x in range(across)]) for y in range(down)])


def test_two_hundred_faces() -> None:
    """Faces of 45 pixels in a picture of 2000: in the coarsest look they have 14, so there are finer ones.

    The same collar under ten of the portraits, seen sideways, scores 0.83.
    """
    group = _mosaic(100, 20, 10)
    assert len(detector().look(group, 640, SURE)) < 190
    assert len(detector().find(group, 0.9)) == 200


def test_a_face_that_fills_the_picture() -> None:
    """A close-up as large as the picture: its score is low in the first pass, but high at half the size."""
    picture = portrait("ardern-2018")
    box = detector().find(picture, SURE).boxes[0].round().astype(int)
    close = picture[box[1] + 20 : box[1] + box[3], box[0] + 10 : box[0] + box[2] - 10]
    close = resize(close, 640, 640)
    assert len(detector().look(close, 640, SURE)) == 0
    (height,) = detector().find(close, SURE).boxes[:, 3]
    assert height > 500


def test_a_face_that_is_large_in_the_whole_picture_is_where_a_close_look_shows_it() -> None:
    """It has 215 to 240 pixels in the first look, and 200 in a close one."""
    for name in ("ardern-2018", "macron-2014", "macron-2025", "obama", "sunak"):
        picture = portrait(name)
        scale = 640 / max(picture.shape[:2])
        picture = resize(picture, round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        first, of_one_look = detector().first_look(picture)
        assert of_one_look
        as_it_is = detector().refine(picture, first, of_one_look).of_score(SURE)
        closely = detector().refine(picture, first).of_score(SURE)
        assert overlaps(as_it_is.boxes, closely.boxes[0])[0] > 0.9
        np.testing.assert_allclose(as_it_is.points, closely.points, atol=0.04 * float(closely.boxes[0, 3]))


def test_a_small_face_in_a_small_picture() -> None:
    tiny = resize(portrait("obama"), 78, 90)
    assert len(detector().find(tiny, FACE_SCORE)) == 1


@pytest.mark.parametrize("quarters", [1, -1])
@pytest.mark.parametrize("size", [(480, 640), (640, 480), (2000, 3000)])
def test_a_person_who_lies_beside_one_who_stands(size: tuple[int, int], quarters: int) -> None:
    """Faces of about 110 pixels; beside a face that is surely upright, the whole picture is not looked at turned."""
    for standing, name in zip(NAMES, NAMES[1:] + NAMES[:1], strict=True):
        picture = np.full((*size, 3), 120, np.uint8)
        for person, turned, x, y in ((standing, 0, 10, 10), (name, quarters, size[1] - 260, size[0] - 260)):
            small = rotate_counterclockwise(resize(portrait(person), 192, 240), turned)
            picture[y : y + small.shape[0], x : x + small.shape[1]] = small
        points = detector().find(picture, SURE).points
        eyes = points[:, 1] - points[:, 0]
        rolls = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
        assert sorted(np.round(rolls / 90)) == sorted([0, -quarters]), (standing, name)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (32, 32), (40, 2000), (2000, 40), (1500, 2000)])
def test_a_picture_without_a_face_has_no_detections(height: int, width: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert len(detector().find(noise, FACE_SCORE)) == 0
    assert len(detector().find(np.zeros_like(noise), FACE_SCORE)) == 0


def test_scale_changes_little() -> None:
    picture = portrait("sunak")
    once = detector().find(picture, SURE)
    height, width = picture.shape[:2]
    twice = detector().find(resize(picture, width * 5 // 2, height * 5 // 2), SURE)
    np.testing.assert_allclose(twice.points / 2.5, once.points, atol=10)
    np.testing.assert_allclose(twice.boxes / 2.5, once.boxes, atol=25)


class TestDrawnBox:
    group = _mosaic(200, 3, 2)

    @pytest.mark.parametrize("margin", [-0.1, 0.0, 0.5])
    def test_the_face_within(self, margin: float) -> None:
        boxes = detector().find(self.group, SURE).boxes
        assert len(boxes) == 6
        for wanted in boxes:
            x, y, width, height = wanted
            drawn = np.array(
                [x - margin * width, y - margin * height, width * (1 + 2 * margin), height * (1 + 2 * margin)],
                np.float32,
            )
            found = detector().find_within(self.group, drawn)
            assert len(found) == 1
            assert overlaps(found.boxes, wanted)[0] > 0.7

    def test_nothing_within(self) -> None:
        assert len(detector().find_within(self.group, np.array([2, 2, 30, 30], np.float32))) == 0
        assert len(detector().find_within(self.group, np.array([-900, -900, 30, 30], np.float32))) == 0
