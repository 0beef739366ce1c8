"""The nets with activations and weights of eight bits, beside those in 32-bit floats: time, and how far vectors move.

    python -m bench.int8 [--seconds 5]

ONNX Runtime's static quantisation, by channel, is calibrated with photographs (bench/photographs.py), and OpenVINO runs
both, one inference at a time, in turn. docs/adr/0005-models-and-runtimes.md has the figures.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench import machine, photographs
from bench.lfw import shipped_pack
from bench.nets import SECONDS
from lineament.vision.detect import LONG_SIDE
from lineament.vision.packs import Colours, Net
from lineament.vision.runtime import Images, sessions

CALIBRATED, COMPARED = 32, 64
"""Photographs to calibrate with, and others to compare vectors of."""


def quantised(net: Net, pictures: Images, folder: Path) -> Net:
    """Return a net with activations and weights of eight bits, calibrated with pictures, shape (n, h, w, 3), RGB."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.shape_inference import quant_pre_process

    logging.disable()
    source, prepared, target = (folder / f"{name}.onnx" for name in ("source", "prepared", "target"))
    source.write_bytes(net.weights if isinstance(net.weights, bytes) else net.weights.read_bytes())
    name = onnx.load(source).graph.input[0].name
    ordered = pictures if net.colours is Colours.RGB else pictures[..., ::-1]

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            mean, scale = (np.array(of, dtype=np.float32) for of in (net.mean, net.scale))
            inputs = ((ordered.astype(np.float32) - mean) * scale).transpose(0, 3, 1, 2)
            self._rest: Iterator[dict[str, Any]] = ({name: np.ascontiguousarray(one[np.newaxis])} for one in inputs)

        def get_next(self) -> dict[str, Any] | None:
            return next(self._rest, None)

    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    quantize_static(prepared, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, **types)
    return replace(net, weights=target.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each net")
    seconds: float = parser.parse_args().seconds
    print(machine.line("openvino", "onnxruntime"))
    pack, opened = shipped_pack(), sessions("openvino", "f32", 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        print(photographs.make(folder / "photographs", CALIBRATED + COMPARED))
        read = [cv2.imread(str(path)) for path in sorted((folder / "photographs").iterdir())]
        whole = np.stack([picture[..., ::-1] for picture in read if picture is not None])
        side = pack.recognisers[0].side
        middle = whole[:, 60:-60, 140:-140]
        faces = np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in middle])
        high = whole.shape[1] * LONG_SIDE // whole.shape[2]
        pictures = np.stack([cv2.resize(one, (LONG_SIDE, high)) for one in whole])
        nets = (("a look at the whole", pack.detector, pictures), ("an embedding", pack.recognisers[0].net, faces))
        for what, net, shown in nets:
            both = [opened(net), opened(quantised(net, shown[:CALIBRATED], folder))]
            print(f"{what}: {_told(both, shown[CALIBRATED:], seconds)}", flush=True)


def _told(both: list[Any], pictures: Images, seconds: float) -> str:
    taken: list[list[float]] = [[], []]
    vectors: list[list[np.ndarray]] = [[], []]
    until = time.perf_counter() + seconds
    while not vectors[1] or time.perf_counter() < until:
        for at in range(len(pictures)):
            for number, session in enumerate(both):
                began = time.perf_counter()
                found = session.run(pictures[at : at + 1])
                taken[number].append(1000 * (time.perf_counter() - began))
                if len(vectors[number]) < len(pictures):
                    vectors[number].append(np.concatenate([np.ravel(found[key]) for key in sorted(found)]))
    f32, int8 = (statistics.median(one) for one in taken)
    alike = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in zip(*vectors, strict=True)]
    return f"f32 {f32:.2f} ms, int8 {int8:.2f} ms; cosine of both outputs {min(alike):.4f} to {max(alike):.4f}"


if __name__ == "__main__":
    main()
