"""A veiled crop shows the face, but not the background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lineament.errors import Damaged
from lineament.vision.veil import veil


def test_the_face_stays_and_the_background_is_blurred() -> None:
    chequered = (np.indices((256, 256)).sum(axis=0) // 8 % 2 * 255).astype(np.uint8)
    done, encoded = cv2.imencode(".jpg", np.dstack([chequered] * 3), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    shown = cv2.imdecode(np.frombuffer(veil(encoded.tobytes()), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None
    assert shown[100:156, 100:156].std() > 100, "the face is as sharp as it was"
    for ground in (shown[:40], shown[-40:], shown[:, :30], shown[:, -30:]):
        assert ground.std() < 30, "nothing can be made out around it"


def test_an_invalid_jpeg() -> None:
    with pytest.raises(Damaged):
        veil(b"no picture")
