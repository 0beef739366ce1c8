"""Weight-only quantised ONNX graphs, expanded to plain 32-bit floats.

ONNX Runtime refuses the block-quantised YuNet and de-quantises SFace on every call; expanded once, both are ordinary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, ValueInfoProto

GRIDS = (8, 16, 32)
"""Strides of the three grids of YuNet."""
YUNET = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
"""The outputs of YuNet for each cell of a grid, and the length of each."""


def expand(content: bytes) -> bytes:
    """Return an ONNX file whose constant nodes (DequantizeLinear, Reshape …) are evaluated into initialisers.

    Weights are no longer inputs of the graph, and batch, height and width of its inputs are free, so that one file
    serves every size. The twelve outputs of YuNet are joined to three.
    """
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_from_string(content)
    graph = model.graph
    if any(tensor.external_data or tensor.data_location for tensor in graph.initializer):
        raise ValueError("its weights are in another file")
    constant = {tensor.name for tensor in graph.initializer}
    folded, kept = [], []
    for node in graph.node:
        if node.input and constant.issuperset(node.input):
            folded.append(node)
            constant.update(node.output)
        else:
            kept.append(node)
    needed = {name for node in kept for name in node.input}
    outputs = [name for node in folded for name in node.output if name in needed]
    wanted = [onnx.helper.make_empty_tensor_value_info(name) for name in outputs]
    part = onnx.helper.make_graph(folded, "constants", [], wanted, list(graph.initializer))
    constants = onnx.helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
    values = ReferenceEvaluator(constants).run(outputs, {}) if outputs else []

    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    weights += [onnx.numpy_helper.from_array(value, name) for name, value in zip(outputs, values, strict=True)]
    named = {tensor.name for tensor in weights}
    inputs = [value for value in graph.input if value.name in needed and value.name not in named]
    if {output.name for output in graph.output} == {f"{name}_{grid}" for name in YUNET for grid in GRIDS}:
        kept += _join_grids(graph)
    for value in inputs:
        _free(value, keep=1)
    for value in graph.output:
        _free(value, keep=len(value.type.tensor_type.shape.dim) - 1)
    for repeated, items in ((graph.node, kept), (graph.initializer, weights), (graph.input, inputs)):
        fresh = [type(item).FromString(item.SerializeToString()) for item in items]
        del repeated[:]
        repeated.extend(fresh)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _join_grids(graph: GraphProto) -> list[NodeProto]:
    """Return nodes that join the three grids of YuNet to new outputs: ``scores`` (1, n, 1), ``bbox`` and ``kps``.

    A score is the geometric mean of class and objectness (as in ``FaceDetectorYN`` of OpenCV). A graph does that faster
    than twelve small arrays in Python.
    """
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Concat", [f"{name}_{grid}" for grid in GRIDS], [name], axis=1) for name in YUNET]
    nodes += [helper.make_node("Mul", ["cls", "obj"], ["product"]), helper.make_node("Sqrt", ["product"], ["scores"])]
    del graph.output[:]
    for name, numbers in (("scores", 1), ("bbox", YUNET["bbox"]), ("kps", YUNET["kps"])):
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, numbers]))
    return nodes


def _free(value: ValueInfoProto, *, keep: int) -> None:
    """Free every dimension of a tensor except ``keep`` (the channels)."""
    for at, extent in enumerate(value.type.tensor_type.shape.dim):
        if at != keep:
            extent.dim_param = f"{value.name}_{at}"
