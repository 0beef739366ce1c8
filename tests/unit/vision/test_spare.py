"""Whether idle processors help, and that nothing depends on it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.support.nets import detector, embedder, pack, portrait

from lineament.vision import embed
from lineament.vision.detect import Detector
from lineament.vision.embed import Embedder
from lineament.vision.runtime import sessions
from lineament.vision.spare import Spare


def test_calls_run_at_once_on_idle_processors() -> None:
    both_run = threading.Barrier(2)
    spare = Spare(2)
    with spare.working():
        assert spare.map(lambda item: (both_run.wait(10), item)[1], [1, 2]) == [1, 2]
    spare.close()


def test_nobody_helps_while_all_are_at_work() -> None:
    spare, here = Spare(2), threading.get_ident()
    with spare.working(), spare.working():
        assert not spare.is_any()
        assert spare.map(lambda _: threading.get_ident(), range(3)) == [here] * 3
    assert spare.is_any()
    spare.close()


def test_an_error_comes_out_and_the_helpers_are_free_again() -> None:
    spare = Spare(2)
    with spare.working():
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                spare.map(lambda item: 1 // item, [1, 0, 1, 0])
        assert spare.is_any()
    spare.close()


def test_detections_and_vectors_are_the_same_to_the_bit_whether_somebody_helps() -> None:
    pixels = np.tile(portrait("macron-2014"), (1, 3, 1))
    spare, open_session = Spare(2), sessions("openvino", "f32", 2)
    alone, helped = detector().find_all(pixels), Detector(open_session(pack().detector), spare).find_all(pixels)
    assert len(alone) > 1
    assert [part.tobytes() for part in (alone.boxes, alone.points, alone.scores)] == [
        part.tobytes() for part in (helped.boxes, helped.points, helped.scores)
    ]
    together = Embedder([(part, open_session(part.net)) for part in pack().recognisers], spare)
    for _ in range(embed.CHANCES + 2):  # from then on the views are shared out, if that changes nothing
        expected = embedder().embed(pixels, alone.points[0]).vector
        assert together.embed(pixels, alone.points[0]).vector.tobytes() == expected.tobytes()
    spare.close()
    assert together.embed(pixels, alone.points[0]).vector.tobytes() == expected.tobytes()
