from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from tests.support.nets import NAMES, detector, embedder, pack, portrait

from lineament.model.faces import Pixels
from lineament.vision.align import Points, align
from lineament.vision.detect import FACE_SCORE
from lineament.vision.embed import Embedder
from lineament.vision.packs import Recogniser
from lineament.vision.runtime import sessions


@cache
def shipped() -> Recogniser:
    """The recogniser of the pack that ships."""
    (recogniser,) = pack().recognisers
    return recogniser


def _face(name: str) -> tuple[Pixels, Points]:
    picture = portrait(name)
    return picture, detector().find(picture, FACE_SCORE).points[0]


def _with(*recognisers: Recogniser) -> Embedder:
    open_session = sessions("openvino", "f32", 1)
    return Embedder([(recogniser, open_session(recogniser.net)) for recogniser in recognisers])


@pytest.mark.parametrize("name", NAMES)
def test_a_vector_has_unit_length(name: str) -> None:
    found = embedder().embed(*_face(name))
    assert found.vector.shape == (pack().dimension,)
    assert found.vector.dtype == np.float32
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)


def test_the_norm_and_the_vector_are_those_of_the_mean_of_both_views() -> None:
    picture, points = _face("obama")
    bare = replace(shipped(), centre=None, views=(1.0, 1.0))
    found = _with(bare).embed(picture, points)
    (small,) = align(picture, points, [np.array(shipped().points, np.float32)], shipped().side)
    np.testing.assert_array_equal(found.aligned, small)
    (both,) = sessions("openvino", "f32", 1)(shipped().net).run(np.stack([small, small[:, ::-1]])).values()
    np.testing.assert_allclose(found.vector * found.norm, both.mean(axis=0), atol=1e-4)
    alone = _with(replace(bare, views=(1.0,))).embed(picture, points)
    np.testing.assert_allclose(alone.vector * alone.norm, both[0], atol=1e-4)


def test_a_zoom_below_one_shows_more_around_the_face() -> None:
    picture, points = _face("obama")
    wide = _with(replace(shipped(), views=(0.5,))).embed(picture, points).aligned
    template = np.array(shipped().points, np.float32)
    middle = template.mean(axis=0)
    moved: Points = (middle + 0.5 * (template - middle)).astype(np.float32)
    np.testing.assert_array_equal(wide, align(picture, points, [moved], shipped().side)[0])


def test_centring_takes_away_what_all_people_have_in_common() -> None:
    bare = _with(replace(shipped(), centre=None))
    faces = [_face(name) for name in ("obama", "sunak", "macron-2025", "ardern-2018")]
    before = np.stack([bare.embed(*face).vector for face in faces])
    after = np.stack([embedder().embed(*face).vector for face in faces])
    others = ~np.eye(len(faces), dtype=bool)
    assert (after @ after.T)[others].mean() < (before @ before.T)[others].mean()
    centre = np.array(shipped().centre, np.float32)
    np.testing.assert_allclose(after[0], (before[0] - centre) / np.linalg.norm(before[0] - centre), atol=1e-6)


def test_the_score_of_joined_recognisers_is_the_weighted_mean_of_theirs() -> None:
    wide = replace(shipped(), views=(0.9,), weight=0.25)
    first, second = _face("macron-2014"), _face("macron-2025")

    def score(nets: Embedder) -> float:
        return float(nets.embed(*first).vector @ nets.embed(*second).vector)

    expected = (score(_with(shipped())) + 0.25 * score(_with(wide))) / 1.25
    joined = _with(shipped(), wide)
    assert score(joined) == pytest.approx(expected, abs=1e-5)
    assert joined.embed(*first).vector.shape == (2 * shipped().dimension,)
    assert joined.embed(*first).norm == _with(shipped()).embed(*first).norm


def test_the_norm_falls_with_the_quality() -> None:
    picture, points = _face("sunak")
    blurred = cv2.GaussianBlur(picture, (0, 0), 12).astype(np.uint8)
    assert embedder().embed(blurred, points).norm < embedder().embed(picture, points).norm - 1


def test_an_empty_picture_still_has_a_vector() -> None:
    points = np.array(shipped().points, np.float32)
    found = embedder().embed(np.zeros((112, 112, 3), np.uint8), points)
    assert np.isfinite(found.vector).all()
