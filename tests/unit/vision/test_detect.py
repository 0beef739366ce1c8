from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.support.nets import NAMES, detector, portrait

from lineament.model.faces import Pixels
from lineament.vision.align import resize, rotate_counterclockwise
from lineament.vision.detect import (
    FACE_SCORE,
    NOTHING,
    SURE,
    UPRIGHT,
    Detections,
    average_detections,
    decode_outputs,
    overlaps,
    suppress_overlaps,
)


def _detections(*rows: tuple[float, float, float, float, float]) -> Detections:
    """Return boxes with their scores; the points are the corner of the box."""
    values = np.array(rows, np.float32).reshape(-1, 5)
    points = np.repeat(values[:, None, :2], 5, axis=1)
    return Detections(values[:, :4], points, values[:, 4])


class TestSuppression:
    def test_the_best_of_those_that_overlap_stays(self) -> None:
        found = suppress_overlaps(_detections((0, 0, 10, 10, 0.7), (1, 1, 10, 10, 0.9), (50, 50, 10, 10, 0.8)))
        np.testing.assert_array_equal(found.scores, np.array([0.9, 0.8], np.float32))
        np.testing.assert_array_equal(found.points[0], np.ones((5, 2)))

    def test_a_detection_that_overlaps_only_a_suppressed_one_stays(self) -> None:
        chain = _detections((0, 0, 10, 10, 0.9), (5, 0, 10, 10, 0.8), (10, 0, 10, 10, 0.7))
        assert suppress_overlaps(chain).scores.tolist() == pytest.approx([0.9, 0.7])

    def test_overlaps_of_three_tenths_are_allowed(self) -> None:
        assert len(suppress_overlaps(_detections((0, 0, 10, 10, 0.9), (5.5, 0, 10, 10, 0.8)))) == 2  # 0.29
        assert len(suppress_overlaps(_detections((0, 0, 10, 10, 0.9), (5.3, 0, 10, 10, 0.8)))) == 1  # 0.31

    def test_a_part_of_a_surer_face_is_dropped_but_not_a_face_within_something_less_sure(self) -> None:
        assert len(suppress_overlaps(_detections((0, 0, 10, 10, 0.9), (6, 6, 4.5, 4.5, 0.8)))) == 2  # 0.79 within
        assert len(suppress_overlaps(_detections((0, 0, 10, 10, 0.9), (6, 6, 4, 4, 0.8)))) == 1
        assert len(suppress_overlaps(_detections((0, 0, 10, 10, 0.8), (6, 6, 4, 4, 0.9)))) == 2

    def test_equal_scores_keep_their_order(self) -> None:
        found = suppress_overlaps(_detections((50, 0, 9, 9, 0.5), (0, 0, 9, 9, 0.5), (99, 0, 9, 9, 0.5)))
        assert found.boxes[:, 0].tolist() == [50, 0, 99]

    def test_nothing_stays_nothing(self) -> None:
        assert len(suppress_overlaps(NOTHING)) == 0


def _outputs(height: int, width: int) -> dict[str, np.ndarray]:
    cells = sum(height * width // stride**2 for stride in (8, 16, 32))
    return {
        name: np.zeros((1, cells, numbers), np.float32) for name, numbers in (("scores", 1), ("bbox", 4), ("kps", 10))
    }


class TestOutputs:
    def test_known_answer(self) -> None:
        """A face in column 3, row 2 of the grid of 16 pixels: half a cell on, twice and four times a cell large."""
        outputs = _outputs(96, 160)
        at = (96 // 8) * (160 // 8) + 2 * (160 // 16) + 3
        outputs["scores"][0, at] = 0.72
        outputs["bbox"][0, at] = [0.5, 0.25, np.log(2), np.log(4)]
        outputs["kps"][0, at] = np.arange(10) / 10
        found = decode_outputs(outputs, 96, 160, 0.7)
        assert found.scores == pytest.approx([0.72])
        np.testing.assert_allclose(found.boxes, [[56 - 16, 36 - 32, 32, 64]], rtol=1e-5)
        np.testing.assert_allclose(found.points[0, :2], [[48, 32 + 1.6], [48 + 3.2, 32 + 4.8]], rtol=1e-5)

    def test_the_floor_counts_itself_in(self) -> None:
        outputs = _outputs(64, 64)
        outputs["scores"][0, 0] = 0.5
        assert len(decode_outputs(outputs, 64, 64, 0.5)) == 1
        assert len(decode_outputs(outputs, 64, 64, 0.5001)) == 0

    def test_every_grid_is_used(self) -> None:
        outputs = _outputs(64, 96)
        last = np.cumsum([64 * 96 // stride**2 for stride in (8, 16, 32)]) - 1
        outputs["scores"][0, last] = 1
        found = decode_outputs(outputs, 64, 96, 0.5)
        middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2
        np.testing.assert_allclose(middles, [[96 - stride, 64 - stride] for stride in (8, 16, 32)])

    def test_outputs_stay_as_they_are(self) -> None:
        outputs = _outputs(64, 64)
        outputs["scores"][0, 5] = 1
        decode_outputs(outputs, 64, 64, 0.5)
        assert not outputs["bbox"].any()


def test_overlaps() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [20, 20, 5, 5], [10, 0, 5, 5]], np.float32)
    np.testing.assert_allclose(overlaps(boxes, boxes[0]), [1, 1 / 3, 0, 0], rtol=1e-6)


def test_detections_of_one_face_are_averaged_by_score() -> None:
    found = _detections((0, 0, 10, 10, 0.9), (1, 0, 10, 10, 0.3), (100, 100, 10, 10, 1.0))
    both = average_detections(found, np.array([0, 0, 10, 10], np.float32))
    assert both is not None
    np.testing.assert_allclose(both[0], [0.25, 0, 10, 10], rtol=1e-5)
    np.testing.assert_allclose(both[1], [[0.25, 0]] * 5, rtol=1e-5)
    assert average_detections(found, np.array([50, 0, 10, 10], np.float32)) is None


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
