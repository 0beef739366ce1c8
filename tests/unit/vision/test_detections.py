from __future__ import annotations

import numpy as np
import pytest

from lineament.vision.detections import (
    NOTHING,
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


def test_a_mirrored_face_keeps_its_left_and_its_right() -> None:
    points = np.array([[[10, 20], [30, 20], [22, 30], [12, 40], [28, 40]]], np.float32)
    mirrored = Detections(np.array([[5, 10, 30, 40]], np.float32), points, np.array([0.9], np.float32)).mirrored(100)
    assert mirrored.boxes.tolist() == [[65, 10, 30, 40]]
    assert mirrored.points.tolist() == [[[70, 20], [90, 20], [78, 30], [72, 40], [88, 40]]]
    assert points[0, 0].tolist() == [10, 20]
