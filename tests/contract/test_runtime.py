"""What every runtime must do; each implementation runs this suite."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, lru_cache

import cv2
import numpy as np
import onnxruntime
import pytest
from tests.support.nets import pack, portrait

from lineament.errors import GpuUnavailable, InvalidValue, PrecisionUnavailable
from lineament.vision.packs import Colours, Net
from lineament.vision.runtime import Images, InferenceSession, Outputs, bf16_is_native, chosen_precision, sessions

native = pytest.mark.skipif(not bf16_is_native(), reason="this processor does not compute in bf16")
RUNTIMES = [("openvino", "f32"), pytest.param(("openvino", "bf16"), marks=native), ("onnxruntime", "f32")]


@pytest.fixture(params=RUNTIMES, ids="-".join, scope="module")  # all tests of one runtime, then those of the next
def runtime(request: pytest.FixtureRequest) -> tuple[str, str]:
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture(scope="module", autouse=True)
def sessions_closed() -> Iterator[None]:
    yield
    session.cache_clear()
    images.cache_clear()


@lru_cache(maxsize=2)
def session(runtime: tuple[str, str], net: str) -> InferenceSession:
    name, precision = runtime
    chosen = pack().detector if net == "detector" else pack().recognisers[0].net
    return sessions(name, precision, 2)(chosen)


@cache
def images(height: int, width: int, count: int = 1) -> Images:
    picture = cv2.resize(portrait("ardern-2018"), (width, height), interpolation=cv2.INTER_AREA)
    return np.stack([np.roll(picture, 3 * shift, axis=1) for shift in range(count)])


def _close(first: Outputs, second: Outputs, tolerance: float) -> None:
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values.shape == second[name].shape
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, second[name], atol=tolerance, rtol=tolerance)


def _tolerance(runtime: tuple[str, str]) -> float:
    return 1e-3 if runtime[1] == "f32" else 0.25  # bf16 has three decimal digits


def test_says_its_precision(runtime: tuple[str, str]) -> None:
    assert session(runtime, "detector").precision == runtime[1]


@pytest.mark.parametrize(("height", "width"), [(320, 320), (480, 640), (640, 384)])
def test_detectors_agree(runtime: tuple[str, str], height: int, width: int) -> None:
    reference = session(("onnxruntime", "f32"), "detector").run(images(height, width))
    found = session(runtime, "detector").run(images(height, width))
    _close(found, reference, _tolerance(runtime))
    cells = height * width // 64 + height * width // 256 + height * width // 1024
    assert {name: values.shape for name, values in found.items()} == {
        "scores": (1, cells, 1),
        "bbox": (1, cells, 4),
        "kps": (1, cells, 10),
    }


def test_recognisers_agree(runtime: tuple[str, str]) -> None:
    faces = images(112, 112, 2)
    (reference,) = session(("onnxruntime", "f32"), "recogniser").run(faces).values()
    (found,) = session(runtime, "recogniser").run(faces).values()
    assert found.shape == (2, pack().dimension)
    cosines = (found * reference).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(reference, axis=1)
    assert cosines.min() > (0.999999 if runtime[1] == "f32" else 0.9995)


def test_one_picture_more_changes_nothing(runtime: tuple[str, str]) -> None:
    faces = images(112, 112, 2)
    (both,) = session(runtime, "recogniser").run(faces).values()
    (alone,) = session(runtime, "recogniser").run(faces[:1]).values()
    np.testing.assert_allclose(both[0], alone[0], atol=_tolerance(runtime))


def test_many_threads_get_what_one_gets_to_the_bit(runtime: tuple[str, str]) -> None:
    net = session(runtime, "recogniser")
    batches = [np.ascontiguousarray(images(112, 112, 8)[at : at + 2]) for at in range(0, 8, 2)]
    alone = [next(iter(net.run(batch).values())) for batch in batches]
    with ThreadPoolExecutor(5) as pool:
        together = list(pool.map(lambda at: next(iter(net.run(batches[at % 4]).values())), range(40)))
    for at, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[at % 4])


def test_results_do_not_change_later(runtime: tuple[str, str]) -> None:
    net = session(runtime, "recogniser")
    first = net.run(images(112, 112, 2))
    before = {name: values.copy() for name, values in first.items()}
    net.run(255 - images(112, 112, 2))
    _close(first, before, 0)


def test_pictures_need_not_be_contiguous(runtime: tuple[str, str]) -> None:
    net = session(runtime, "detector")
    strided = np.repeat(images(320, 320), 2, axis=2)[:, :, ::2]
    assert not strided.flags["C_CONTIGUOUS"]
    _close(net.run(strided), net.run(images(320, 320)), 0)


def test_order_mean_and_scale_are_those_of_the_net(runtime: tuple[str, str]) -> None:
    """The same net declared with the other order of channels, and its own mean and scale."""
    plain: Net = pack().recognisers[0].net
    converted = replace(plain, colours=Colours.BGR, mean=(-15.0, -10.0, -5.0), scale=(2.0, 1.0, 0.5))
    faces = images(112, 112) // 4
    faces[..., 0] |= 1  # so that half of (red + 5) is whole
    wanted = (faces[..., ::-1] + np.array([15, 10, 5], np.float32)) * np.array([2, 1, 0.5], np.float32)
    name, precision = runtime
    (found,) = sessions(name, precision, 1)(converted).run(faces).values()
    (reference,) = session(runtime, "recogniser").run(wanted.astype(np.uint8)).values()
    np.testing.assert_allclose(found, reference, atol=_tolerance(runtime) / 10)


def test_weights_may_be_in_memory(runtime: tuple[str, str]) -> None:
    net = pack().detector
    assert not isinstance(net.weights, bytes)
    name, precision = runtime
    remembered = sessions(name, precision, 1)(replace(net, weights=net.weights.read_bytes()))
    _close(remembered.run(images(320, 320)), session(runtime, "detector").run(images(320, 320)), 0)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime takes the processor without a word."""
    here = onnxruntime.get_available_providers()
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(GpuUnavailable, match="processors alone"):
        sessions("cuda", "f32", 1)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    opened = sessions("cuda", "f32", 1)
    if "CUDAExecutionProvider" not in here:
        with pytest.raises(GpuUnavailable, match="LINEAMENT_RUNTIME"):
            opened(pack().detector)


def test_bf16_is_refused_if_it_is_not_available() -> None:
    with pytest.raises(PrecisionUnavailable, match="f32 alone"):
        sessions("onnxruntime", "bf16", 1)
    with pytest.raises(PrecisionUnavailable, match="LINEAMENT_PRECISION"):
        chosen_precision("bf16", "this processor is old")


@pytest.mark.parametrize(
    ("requested", "why_not", "chosen"),
    [
        ("auto", None, "bf16"),
        ("auto", "old", "f32"),
        ("f32", None, "f32"),
        ("f32", "old", "f32"),
        ("bf16", None, "bf16"),
    ],
)
def test_precision(requested: str, why_not: str | None, chosen: str) -> None:
    assert chosen_precision(requested, why_not) == chosen


@pytest.mark.parametrize(
    ("flags", "chosen"), [(["avx512_bf16", "amx_bf16"], "bf16"), (["avx512_bf16"], "f32"), (["avx2"], "f32")]
)
def test_the_faster_precision_is_taken(flags: list[str], chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.vision.runtime._flags", lambda: flags)
    assert sessions("openvino", "auto", 1)(pack().detector).precision == chosen


def test_unknown_runtimes_and_precisions() -> None:
    with pytest.raises(InvalidValue, match="openvino"):
        sessions("caffe", "f32", 1)
    with pytest.raises(InvalidValue, match="bf16"):
        sessions("openvino", "int4", 1)
