"""dlib's network: read as dlib wrote it, computed as dlib computes it, and anything else refused."""

from __future__ import annotations

import cv2
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.conftest import PORTRAITS
from tests.support.dlib_files import STATE, Floats, RandomNet, real, text, wholes

from lineament.vision.dlib_net import SIDE, NotTheNet, onnx_of


def _computed(content: bytes, pixels: NDArray[np.uint8]) -> Floats:
    """Return what ONNX Runtime makes of a face with the network in a file of dlib's."""
    session = onnxruntime.InferenceSession(onnx_of(content), providers=["CPUExecutionProvider"])
    found: Floats = session.run(None, {"face": pixels.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
    return found


def _face() -> NDArray[np.uint8]:
    pixels = cv2.imread(str(PORTRAITS / "obama.jpg"))
    assert pixels is not None
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2RGB).astype(np.uint8)


@pytest.fixture(scope="module")
def made() -> RandomNet:
    return RandomNet()


def test_it_computes_what_dlib_s_layers_do(made: RandomNet) -> None:
    expected = made.vector(_face())
    np.testing.assert_allclose(_computed(made.content, _face()), expected, atol=1e-4 * float(np.abs(expected).max()))
    assert onnx_of(made.content) == onnx_of(made.content)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (text("loss_metric_2"), text("loss_metric_9"), "the loss has loss_metric_9, not loss_metric_2"),
        (wholes(150, 150), wholes(250, 150), "the input has"),
        (text("con_4"), text("con_9"), "a convolution to 32 channels has con_9"),
        (text("con_4") + wholes(2, 4736), text("con_4") + wholes(2, 2**60), "a convolution to 32 channels"),
        (text("affine_"), text("affin\n_"), "a scale of 32 channels has"),
        (wholes(3, 3, 2, 2, 0, 0), wholes(3, 3, 0, 2, 0, 0), "max_pool_2 has 0, not 2"),
        (STATE, b"119" + STATE[3:], "no flag"),
        (STATE, STATE[:3] + wholes(2, -1, 1, 1, 1), "an array of training has"),
        (real(0.04), b"\x7f", "no whole number"),
        (real(0.04), wholes(1, 30_000), "no finite number"),
        (text("relu_"), wholes(2**40), "no name"),
    ],
)
def test_another_network_is_refused_in_one_line(made: RandomNet, old: bytes, new: bytes, why: str) -> None:
    assert old in made.content
    with pytest.raises(NotTheNet, match=why) as refused:
        onnx_of(made.content.replace(old, new, 1))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


def test_weights_that_are_not_finite_are_refused(made: RandomNet) -> None:
    at = made.content.index(text("con_4")) + len(text("con_4") + wholes(2, 4736, 1, 1, 1))
    for weight, why in ((np.nan, "not finite"), (np.float32(3e38), "makes numbers that are not finite")):
        factor = np.float32(weight).tobytes()
        with pytest.raises(NotTheNet, match=why):
            onnx_of(made.content[:at] + factor * 4704 + made.content[at + 4 * 4704 :])


def test_what_is_cut_off_or_appended_is_refused(made: RandomNet) -> None:
    for length in (0, 1, 20, 200, 5000, 10**6, len(made.content) - 1):
        with pytest.raises(NotTheNet, match="too early"):
            onnx_of(made.content[:length])
    with pytest.raises(NotTheNet, match="after the network"):
        onnx_of(made.content + b"\0")


@given(at=st.integers(0, 330) | st.integers(19_280, 20_100), put=st.binary(min_size=1, max_size=12))
@settings(max_examples=200)
def test_changed_bytes_are_refused_in_one_line(made: RandomNet, at: int, put: bytes) -> None:
    with pytest.raises(NotTheNet) as refused:  # the rest is missing: at the latest that is told
        onnx_of((made.content[:at] + put + made.content[at + len(put) :])[:25_000])
    assert str(refused.value).isprintable()


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(untrusted: bytes) -> None:
    with pytest.raises(NotTheNet):
        onnx_of(untrusted)
