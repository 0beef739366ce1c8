"""dlib's network for faces, read from dlib's own format and written as ONNX.

The file ``dlib_face_recognition_resnet_model_v1.dat`` holds one network of a fixed shape: a residual network of 29
convolutions (K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition", CVPR 2016) that turns
a face of 150 × 150 pixels into 128 numbers. dlib writes an object as the objects that it consists of: the versions of
all layers from the last to the first, then what each layer holds from the first to the last. The shape is known, so
every number in the file either is the one expected here, or a weight. Its bytes are hostile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

Floats = NDArray[np.float32]

SIDE = 150
"""Pixels of the face."""
DIMENSION = 128
FIRST = 32
"""Channels after the first convolution."""
BLOCKS = (
    *((32, False) for _ in range(3)),
    (64, True),
    *((64, False) for _ in range(3)),
    (128, True),
    *((128, False) for _ in range(2)),
    (256, True),
    *((256, False) for _ in range(2)),
    (256, True),
)
"""The residual blocks: their channels, and whether they halve width and height."""
LAYER, TAG = 2, 1
"""The version that dlib writes for a layer, and for a mark that other layers refer to."""
INPUT = 3
"""The version of the first layer, which holds what is done to the pixels."""


class NotTheNet(ValueError):
    """The file does not hold dlib's network for faces."""


@dataclass(frozen=True, slots=True)
class _Convolution:
    """A convolution with what follows it, a factor and a summand for each channel, folded into it."""

    weights: Floats  # (channels, channels before, height, width)
    bias: Floats  # (channels,)


def onnx_of(untrusted: bytes) -> bytes:
    """Return dlib's network as ONNX in 32-bit floats: input (n, 3, 150, 150), RGB of 0 to 255; output (n, 128).

    The same file gives the same bytes.

    Raises:
        NotTheNet: The file does not hold this network.
    """
    reader = _Reader(untrusted)
    reader.expect("the loss", reader.whole(), 1)
    reader.expect("the loss", reader.text(), "loss_metric_2")
    for _ in range(2):  # margin and distance, for training only
        reader.real()
    for version in reversed(_versions()):
        reader.expect("the version of a layer", reader.whole(), version)
    mean = _input(reader)
    convolutions = []
    for at, (before, channels, side, stride) in enumerate(_convolutions()):
        weights, bias = _convolution(reader, before, channels, side, stride)
        _state(reader)
        if at == 0:
            reader.expect("the number of pictures", reader.whole(), 1)
        convolutions.append(_scaled(reader, weights, bias))
        _between(reader, at)
    dense = _last(reader)
    reader.done()
    model = _graph(mean, convolutions, dense)
    return bytes(model.SerializeToString(deterministic=True))


def _versions() -> list[int]:
    """Return the versions of all layers, from the first to the last."""
    found = [INPUT, LAYER, LAYER, LAYER]  # convolution, scale, relu, pool
    for _, halves in BLOCKS:
        found += [TAG, *[LAYER] * 5]
        found += [TAG, TAG, LAYER, LAYER, LAYER] if halves else [LAYER, LAYER]  # pool, sum, relu
    return [*found, LAYER, LAYER]  # pool, dense


def _convolutions() -> list[tuple[int, int, int, int]]:
    """Return channels before, channels, side in pixels and stride of each convolution."""
    found, before = [(3, FIRST, 7, 2)], FIRST
    for channels, halves in BLOCKS:
        found += [(before, channels, 3, 2 if halves else 1), (channels, channels, 3, 1)]
        before = channels
    return found


def _edge(side: int, stride: int) -> int:
    """Return the zeros that a convolution adds on each side of the picture."""
    return side // 2 if stride == 1 else 0


def _input(reader: _Reader) -> Floats:
    reader.expect("the input", reader.text(), "input_rgb_image_sized")
    mean = np.array([reader.real() for _ in range(3)], np.float32)
    reader.expect("the input", (reader.whole(), reader.whole()), (SIDE, SIDE))
    return mean


def _convolution(reader: _Reader, before: int, channels: int, side: int, stride: int) -> tuple[Floats, Floats]:
    name = f"a convolution to {channels} channels"
    reader.expect(name, reader.text(), "con_4")
    size = before * side * side
    numbers = reader.tensor(name, (channels * size + channels, 1, 1, 1))
    edge = _edge(side, stride)
    for expected in (channels, side, side, stride, stride, edge, edge):
        reader.expect(name, reader.whole(), expected)
    reader.shape(name, 1, (channels, before, side, side))
    reader.shape(name, 1, (1, channels, 1, 1))
    for _ in range(4):  # rates of training
        reader.real()
    return numbers[: channels * size].reshape(channels, before, side, side), numbers[channels * size :]


def _scaled(reader: _Reader, weights: Floats, bias: Floats) -> _Convolution:
    channels = len(bias)
    name = f"a scale of {channels} channels"
    reader.expect(name, reader.text(), "affine_")
    numbers = reader.tensor(name, (2 * channels, 1, 1, 1))
    reader.shape(name, 1, (1, channels, 1, 1))
    reader.shape(name, 1, (1, channels, 1, 1))
    reader.expect(name, reader.whole(), 0)  # one factor for each channel
    _state(reader)
    factor, summand = numbers[:channels], numbers[channels:]
    with np.errstate(over="ignore", invalid="ignore"):
        found = _Convolution(weights * factor[:, None, None, None], bias * factor + summand)
    if not (np.isfinite(found.weights).all() and np.isfinite(found.bias).all()):
        raise NotTheNet(f"{name} makes numbers that are not finite")
    return found


def _between(reader: _Reader, at: int) -> None:
    """Read what follows the convolution with that number: none of it has weights."""
    if at == 0:
        _plain(reader, "relu_")
        _pool(reader, "max_pool_2", 3, 2)
    elif at % 2:
        _plain(reader, "relu_")
    else:
        if BLOCKS[at // 2 - 1][1]:
            _pool(reader, "avg_pool_2", 2, 2)
        _plain(reader, "add_prev_")
        _plain(reader, "relu_")


def _plain(reader: _Reader, name: str) -> None:
    reader.expect("a layer", reader.text(), name)
    _state(reader)


def _pool(reader: _Reader, name: str, side: int, stride: int) -> None:
    reader.expect("a layer", reader.text(), name)
    for expected in (side, side, stride, stride, 0, 0):
        reader.expect(name, reader.whole(), expected)
    _state(reader)


def _state(reader: _Reader) -> None:
    """Read what a layer holds after its details: three flags, and three arrays of training that are empty."""
    for _ in range(3):
        reader.flag()
    for _ in range(3):
        reader.tensor("an array of training", (0, 0, 0, 0))


def _last(reader: _Reader) -> Floats:
    """Return the weights of the dense layer, shape (channels before, 128)."""
    _pool(reader, "avg_pool_2", 0, 1)  # of the whole
    before = BLOCKS[-1][0]
    name = "the dense layer"
    reader.expect(name, reader.text(), "fc_2")
    reader.expect(name, (reader.whole(), reader.whole()), (DIMENSION, before))
    numbers = reader.tensor(name, (before, DIMENSION, 1, 1))
    reader.shape(name, 1, (before, DIMENSION, 1, 1))
    reader.shape(name, 1, (0, 0, 0, 0))
    reader.expect(name, reader.whole(), 1)  # without a bias
    for _ in range(4):  # rates of training
        reader.real()
    _state(reader)
    return numbers.reshape(before, DIMENSION)


class _Reader:
    """Reads dlib's numbers one after the other."""

    def __init__(self, untrusted: bytes) -> None:
        self._rest, self._at = untrusted, 0

    def whole(self) -> int:
        """Return a whole number: a byte with sign and length, then its bytes, the lowest first."""
        control = self._take(1)[0]
        length = control & 0x0F
        if control & 0x70 or not 1 <= length <= 8:
            raise NotTheNet(f"there is no whole number at byte {self._at - 1:,}")
        value = int.from_bytes(self._take(length), "little")
        return -value if control & 0x80 else value

    def real(self) -> float:
        """Return a real number: a whole number times a power of two."""
        mantissa, exponent = self.whole(), self.whole()
        if not -200 <= exponent <= 60:
            raise NotTheNet(f"there is no finite number at byte {self._at:,}")
        return float(mantissa) * 2.0**exponent

    def text(self) -> str:
        length = self.whole()
        if not 0 <= length <= 64:
            raise NotTheNet(f"there is no name at byte {self._at:,}")
        name = self._take(length).decode("ascii", "replace")
        return "".join(char if char.isprintable() else "?" for char in name)

    def flag(self) -> bool:
        value = self._take(1)
        if value not in {b"0", b"1"}:
            raise NotTheNet(f"there is no flag at byte {self._at - 1:,}")
        return value == b"1"

    def shape(self, called: str, version: int, expected: tuple[int, int, int, int]) -> None:
        """Read the shape of an array, which has to be the expected one."""
        self.expect(called, self.whole(), version)
        self.expect(called, tuple(self.whole() for _ in range(4)), expected)

    def tensor(self, called: str, expected: tuple[int, int, int, int]) -> Floats:
        """Return the numbers of an array of the expected shape, flat."""
        self.shape(called, 2, expected)
        count = int(np.prod(expected))
        numbers = np.frombuffer(self._take(4 * count), "<f4").astype(np.float32)
        if not np.isfinite(numbers).all():
            raise NotTheNet(f"{called} has numbers that are not finite")
        return numbers

    def expect(self, called: str, found: object, expected: object) -> None:
        if found != expected:
            raise NotTheNet(f"it is not dlib's network for faces: {called} has {str(found)[:60]}, not {expected}")

    def done(self) -> None:
        if self._at != len(self._rest):
            raise NotTheNet(f"there are {len(self._rest) - self._at:,} bytes after the network")

    def _take(self, length: int) -> bytes:
        taken = self._rest[self._at : self._at + length]
        if len(taken) != length:
            raise NotTheNet("it ends too early")
        self._at += length
        return taken


class _Graph:
    """ONNX nodes in the order in which they run."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._node, self._tensor = helper.make_node, numpy_helper.from_array
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def add(self, kind: str, *inputs: str | NDArray[np.generic], **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        output = f"{kind.lower()}_{len(self.nodes)}"
        names = []
        for at, value in enumerate(inputs):
            if isinstance(value, str):
                names.append(value)
            else:
                names.append(f"{output}_{at}")
                self.weights.append(self._tensor(value, names[-1]))
        self.nodes.append(self._node(kind, names, [output], **attributes))
        return output

    def convolve(self, given: str, convolution: _Convolution, stride: int) -> str:
        side = convolution.weights.shape[-1]
        return self.add(
            "Conv",
            given,
            convolution.weights,
            convolution.bias,
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[_edge(side, stride)] * 4,
        )


def _graph(mean: Floats, convolutions: Sequence[_Convolution], dense: Floats) -> ModelProto:
    """Return the network.

    Where a block halves the picture, its way past the convolutions has half of the channels, and sometimes another
    width and height. dlib adds two such arrays as if what is missing in either were zeros.
    """
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    bright = graph.add("Sub", "face", mean.reshape(1, 3, 1, 1))
    small = graph.add("Mul", bright, np.array(1 / 256, np.float32))
    first, *rest = convolutions
    at = graph.add("Relu", graph.convolve(small, first, 2))
    at = graph.add("MaxPool", at, kernel_shape=[3, 3], strides=[2, 2])
    side, before = ((SIDE - 7) // 2 + 1 - 3) // 2 + 1, FIRST
    for (channels, halves), one, two in zip(BLOCKS, rest[::2], rest[1::2], strict=True):
        inner = graph.convolve(graph.add("Relu", graph.convolve(at, one, 2 if halves else 1)), two, 1)
        if halves:
            at = graph.add("AveragePool", at, kernel_shape=[2, 2], strides=[2, 2])
            past, through = side // 2, (side - 3) // 2 + 1
            inner = inner if past == through else graph.add("Pad", inner, _padding(0, past - through))
            at = at if channels == before else graph.add("Pad", at, _padding(channels - before, 0))
            side, before = past, channels
        at = graph.add("Relu", graph.add("Add", inner, at))
    whole = graph.add("Flatten", graph.add("GlobalAveragePool", at))
    vector = graph.add("MatMul", whole, dense)
    given = helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    found = helper.make_tensor_value_info(vector, TensorProto.FLOAT, ["n", DIMENSION])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "dlib", [given], [found], graph.weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    checker.check_model(model)
    return model


def _padding(channels: int, edge: int) -> NDArray[np.int64]:
    """Return ONNX's ``pads`` for channels of zeros at the end, and ``edge`` rows below and columns to the right."""
    return np.array([0, 0, 0, 0, 0, channels, edge, edge], np.int64)
