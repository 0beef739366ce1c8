from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.support.nets import NAMES, detector, embedder, pack, portrait

from lineament.model.faces import Pixels
from lineament.vision.align import align
from lineament.vision.detect import ENROLLED
from lineament.vision.embed import Embedder
from lineament.vision.packs import SFACE_YUNET
from lineament.vision.runtime import sessions

TEMPLATE = np.array(SFACE_YUNET.points, np.float32)


def _face(name: str) -> Pixels:
    picture = portrait(name)
    return align(picture, detector().find(picture, ENROLLED).points[0], TEMPLATE, pack().side)


@pytest.mark.parametrize("name", NAMES)
def test_a_vector_has_unit_length(name: str) -> None:
    found = embedder().embed(_face(name))
    assert found.vector.shape == (pack().dimension,)
    assert found.vector.dtype == np.float32
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)


def test_a_face_and_its_mirror_image_have_the_same_vector() -> None:
    face = _face("obama")
    mirrored = np.ascontiguousarray(face[:, ::-1])
    np.testing.assert_allclose(embedder().embed(face).vector, embedder().embed(mirrored).vector, atol=1e-6)


def test_a_pack_may_do_without_the_mirror_image() -> None:
    face = _face("obama")
    session = sessions("openvino", "f32", 1)(pack().recogniser)
    alone = Embedder(session, side=pack().side, mirrored=False).embed(face)
    (both,) = session.run(np.stack([face, face[:, ::-1]])).values()
    np.testing.assert_allclose(alone.vector * alone.norm, both[0], atol=1e-4)
    np.testing.assert_allclose(
        embedder().embed(face).vector * embedder().embed(face).norm, both.mean(axis=0), atol=1e-4
    )


def test_the_norm_falls_with_the_quality() -> None:
    face = _face("sunak")
    blurred = cv2.GaussianBlur(face, (0, 0), 3).astype(np.uint8)
    assert embedder().embed(blurred).norm < embedder().embed(face).norm - 1


def test_an_empty_picture_still_has_a_vector() -> None:
    found = embedder().embed(np.zeros((112, 112, 3), np.uint8))
    assert np.isfinite(found.vector).all()
