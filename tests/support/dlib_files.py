"""A network for faces with random weights in dlib's own format, and what it computes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lineament.vision.dlib_net import BLOCKS

Floats = NDArray[np.float32]


class RandomNet:
    """A network with random weights: ``content`` is the file that dlib would write; it computes as dlib does."""

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
        yield wholes(1) + text("loss_metric_2") + real(0.04) + real(0.6)
        blocks = [[2, 2, *([2, 1, 1] if halves else []), 2, 2, 2, 2, 2, 1] for _, halves in reversed(BLOCKS)]
        yield wholes(2, 2, *(version for block in blocks for version in block), 2, 2, 2, 3)
        yield text("input_rgb_image_sized") + b"".join(map(real, (122.782, 117.001, 104.298))) + wholes(150, 150)
        yield self._convolution(3, 32, 7, 2, 0, b"\x01\x01")
        yield text("relu_") + STATE + text("max_pool_2") + wholes(3, 3, 2, 2, 0, 0) + STATE
        before = 32
        for channels, halves in BLOCKS:
            yield self._convolution(before, channels, 3, *((2, 0) if halves else (1, 1)))
            yield text("relu_") + STATE
            yield self._convolution(channels, channels, 3, 1, 1)
            if halves:
                yield text("avg_pool_2") + wholes(2, 2, 2, 2, 0, 0) + STATE
            yield text("add_prev_") + STATE + text("relu_") + STATE
            before = channels
        yield text("avg_pool_2") + wholes(0, 0, 1, 1, 0, 0) + STATE
        yield text("fc_2") + wholes(128, 256, 2, 256, 128, 1, 1) + self.dense.tobytes()
        yield wholes(1, 256, 128, 1, 1, 1, 0, 0, 0, 0, 1) + 4 * real(1) + STATE

    def _convolution(self, before: int, channels: int, side: int, stride: int, edge: int, after: bytes = b"") -> bytes:
        filters, bias = self._some(channels, before, side, side), self._some(channels)
        factor, summand = self._some(channels) + 1, self._some(channels)
        self.layers.append((filters, bias, factor, summand))
        shape = wholes(channels, side, side, stride, stride, edge, edge, 1, channels, before, side, side)
        return (
            text("con_4")
            + wholes(2, filters.size + channels, 1, 1, 1)
            + filters.tobytes()
            + bias.tobytes()
            + shape
            + wholes(1, 1, channels, 1, 1)
            + 4 * real(1)
            + STATE
            + after
            + text("affine_")
            + wholes(2, 2 * channels, 1, 1, 1)
            + factor.tobytes()
            + summand.tobytes()
            + 2 * wholes(1, 1, channels, 1, 1)
            + wholes(0)
            + STATE
        )


def wholes(*values: int) -> bytes:
    """Return whole numbers as dlib writes them, one after the other."""
    lengths = [max(1, (abs(value).bit_length() + 7) // 8) for value in values]
    return b"".join(
        bytes([length | (128 if value < 0 else 0)]) + abs(value).to_bytes(length, "little")
        for value, length in zip(values, lengths, strict=True)
    )


def real(value: float) -> bytes:
    """Return a real number as dlib writes it."""
    mantissa, exponent = math.frexp(value)
    return wholes(int(mantissa * 2**24), exponent - 24)


def text(value: str) -> bytes:
    """Return a name as dlib writes it."""
    return wholes(len(value)) + value.encode()


STATE = b"110" + 3 * wholes(2, 0, 0, 0, 0)
"""What dlib writes after the details of a layer."""


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
