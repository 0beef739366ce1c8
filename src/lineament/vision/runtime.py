"""Runs the nets: OpenVINO on processors, ONNX Runtime on GPUs, behind one Protocol.

Sessions take 8-bit RGB pictures and convert them to the order of channels, mean and scale that the net needs. Every
inference runs on one thread, so a result never depends on how many run at once.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lineament.errors import GpuUnavailable, InvalidValue, PrecisionUnavailable
from lineament.vision.packs import Colours, Net

if TYPE_CHECKING:
    import onnxruntime
    import openvino

Images = NDArray[np.uint8]
"""Pictures of one size, shape (n, height, width, 3), RGB, 0 to 255."""
Outputs = Mapping[str, NDArray[np.float32]]
"""The outputs of a net, by name."""

_PROCESSOR, _GPU = "CPUExecutionProvider", "CUDAExecutionProvider"
"""What ONNX Runtime calls them."""
_M_ARENA_MAX, _ARENAS = -8, 2
"""How glibc names the most heaps of a process, and how many. Nets allocate from many threads; with a heap for each of
them a worker grew by 250 MB with every job, since each opens and closes the nets."""
SIZES_KEPT = 24
"""Compiled sizes that a session keeps, over all threads, the most recently used; one takes about 16 MB of activations
for each thread at 640 × 480 pixels, and 0.1 s to compile."""


class InferenceSession(Protocol):
    """A net, ready to run; safe to use from several threads."""

    precision: str

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Prepare for images of that shape before the first of them."""

    def run(self, images: Images) -> Outputs:
        """Return the outputs of the net for ``images``; each distinct shape is prepared once."""


OpenSession = Callable[[Net], InferenceSession]


def sessions(runtime: str, precision: str, threads: int) -> OpenSession:
    """Return what opens sessions that run up to ``threads`` inferences at once, each on one thread.

    Args:
        runtime: ``openvino``, ``onnxruntime``, or ``cuda``, which is the latter on a GPU.
        precision: ``f32``, ``bf16``, or ``auto`` for the faster.
        threads: At least 1.

    Raises:
        PrecisionUnavailable: bf16 is requested but not available.
        GpuUnavailable: A GPU is requested and cannot be used.
        InvalidValue: There is no such runtime or precision.
    """
    if runtime == "openvino":
        wanted = "f32" if precision == "auto" and not bf16_is_faster() else precision
        chosen = chosen_precision(wanted, None if bf16_is_native() else "neither AMX nor AVX-512-BF16 is here")
        return lambda net: OpenVinoSession(net, precision=chosen, threads=threads)
    if runtime in {"onnxruntime", "cuda"}:
        chosen_precision(precision, "ONNX Runtime runs these nets in f32 alone")
        return partial(OnnxRuntimeSession, provider=require_gpu() if runtime == "cuda" else _PROCESSOR)
    raise InvalidValue(what="The runtime", value=runtime, why="choose openvino, onnxruntime or cuda")


def require_gpu() -> str:
    """Return what ONNX Runtime calls an NVIDIA GPU. Raises GpuUnavailable if it was built without."""
    import onnxruntime

    if _GPU not in onnxruntime.get_available_providers():
        raise GpuUnavailable(why="the onnxruntime that is installed runs on processors alone")
    return _GPU


def chosen_precision(requested: str, why_not_bf16: str | None) -> str:
    """Return the arithmetic that is used, ``f32`` or ``bf16``. Raises PrecisionUnavailable, InvalidValue."""
    if requested not in {"auto", "f32", "bf16"}:
        raise InvalidValue(what="The precision", value=requested, why="choose auto, f32 or bf16")
    if requested == "bf16" and why_not_bf16:
        raise PrecisionUnavailable(precision=requested, why=why_not_bf16)
    return "f32" if requested == "f32" or why_not_bf16 else "bf16"


def bf16_is_native() -> bool:
    """Return whether the processor has bf16 instructions; emulated, bf16 would be slower than f32."""
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(_flags())


def bf16_is_faster() -> bool:
    """Return whether the processor multiplies matrices of bf16 (AMX): that takes half the time of f32.

    With AVX-512-BF16 alone bf16 takes 1.6 times as long as f32 (bench/nets.py).
    """
    return "amx_bf16" in _flags()


def _flags() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text("ascii", "replace").partition("flags")[2].partition("\n")[0].split()
    except OSError:
        return []


@cache
def _core() -> openvino.Core:
    """Return OpenVINO, opened once a process and never closed.

    Each core gives the thread that opens it a stack for signals. Closing one of several frees a stack that is still in
    use, and the next Ctrl-C ends the process with a segmentation fault.
    """
    import openvino

    with suppress(AttributeError, OSError):  # another C library than glibc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
    return openvino.Core()


class OpenVinoSession:
    """A net on the processor, run by OpenVINO."""

    def __init__(self, net: Net, *, precision: str, threads: int) -> None:
        self.precision = precision
        self._net = net
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,  # decoders run too, and perhaps another Lineament
        }
        self._threads = threads
        self._model = _core().read_model(net.weights)  # read once, copied for each size
        self._names = [output.any_name for output in self._model.outputs]
        self._compiled: OrderedDict[tuple[int, ...], _Requests] = OrderedDict()
        self._lock = Lock()

    def prepare(self, shape: tuple[int, ...]) -> None:
        """See InferenceSession."""
        self._requests(shape)

    def run(self, images: Images) -> Outputs:
        """See InferenceSession."""
        import openvino

        whole = images.astype(np.float32, order="C")  # keep a reference: the tensor only points to it
        requests = self._requests(images.shape)
        request = requests.acquire()
        try:
            request.set_input_tensor(openvino.Tensor(whole, shared_memory=True))
            request.infer()
            return {name: request.get_output_tensor(at).data.copy() for at, name in enumerate(self._names)}
        finally:
            requests.release(request)

    def _requests(self, shape: tuple[int, ...]) -> _Requests:
        with self._lock:
            if shape not in self._compiled:
                self._compiled[shape] = _Requests(self._compile(shape), self._threads)
                if len(self._compiled) > max(SIZES_KEPT // self._threads, 3):
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(shape)
            return self._compiled[shape]

    def _compile(self, shape: tuple[int, ...]) -> openvino.CompiledModel:
        from openvino import Layout, Type
        from openvino.preprocess import PrePostProcessor

        images, height, width, channels = shape
        model = self._model.clone()
        model.reshape([images, channels, height, width])
        before = PrePostProcessor(model)
        given = before.input()
        # Floats: bytes are put into the order of the first convolution more slowly than they are converted here.
        given.tensor().set_element_type(Type.f32).set_layout(Layout("NHWC")).set_shape(list(shape))
        given.model().set_layout(Layout("NCHW"))
        steps = given.preprocess()
        if self._net.colours is Colours.BGR:
            steps = steps.reverse_channels()
        if any(self._net.mean):
            steps = steps.mean(list(self._net.mean))
        if set(self._net.scale) != {1.0}:
            steps.scale([1 / factor for factor in self._net.scale])
        return _core().compile_model(before.build(), "CPU", self._settings)


class _Requests:
    """The inference requests of one compiled size; each is created when it is first needed."""

    def __init__(self, compiled: openvino.CompiledModel, threads: int) -> None:
        self._compiled = compiled
        self._idle: SimpleQueue[openvino.InferRequest | None] = SimpleQueue()
        for _ in range(threads):
            self._idle.put(None)

    def acquire(self) -> openvino.InferRequest:
        """Wait for an idle request and return it."""
        request = self._idle.get()
        if request is not None:
            return request
        try:
            return self._compiled.create_infer_request()
        except BaseException:
            self._idle.put(None)
            raise

    def release(self, request: openvino.InferRequest) -> None:
        self._idle.put(request)


class OnnxRuntimeSession:
    """A net on the processor or on a GPU, run by ONNX Runtime."""

    precision = "f32"

    def __init__(self, net: Net, provider: str = _PROCESSOR) -> None:
        """Raises GpuUnavailable if the GPU that is asked for cannot be used; ONNX Runtime would take the processor."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        weights = net.weights if isinstance(net.weights, bytes) else str(net.weights)
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            weights, options, providers=[provider]
        )
        if provider not in self._session.get_providers():
            raise GpuUnavailable(why="its libraries do not load, or there is no GPU")
        self._input = self._session.get_inputs()[0].name
        self._names = [output.name for output in self._session.get_outputs()]
        self._order = slice(None, None, -1 if net.colours is Colours.BGR else 1)
        self._mean = np.array(net.mean, np.float32).reshape(1, 3, 1, 1)
        self._scale = np.array(net.scale, np.float32).reshape(1, 3, 1, 1)

    def prepare(self, shape: tuple[int, ...]) -> None:
        """See InferenceSession; no shape needs preparation."""

    def run(self, images: Images) -> Outputs:
        """See InferenceSession."""
        channels_first = images[..., self._order].transpose(0, 3, 1, 2).astype(np.float32, order="C")
        channels_first -= self._mean
        channels_first *= self._scale
        found = self._session.run(self._names, {self._input: channels_first})
        return dict(zip(self._names, found, strict=True))
