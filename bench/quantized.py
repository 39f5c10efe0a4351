"""Quantizes small transformers by ONNX Runtime's own tools, in every form that these write, for bench/recognition.ts and the tests.

usage: python bench/quantized.py FOLDER MODEL.onnx…
Needs numpy, onnx, onnxruntime. Of each MODEL.onnx it writes FOLDER/MODEL.FORM.onnx:
  dynamic    weights in 8 bits, activations quantized in every run (DynamicQuantizeLinear, MatMulInteger, ConvInteger)
  runtime    the same after the runtime's optimizations (DynamicQuantizeMatMul, MatMulIntegerToFloat)
  qdq        8 bits a channel, pairs of QuantizeLinear and DequantizeLinear with scales from one batch
  qdq4       the same with weights in 4 bits
  qdq16      8 bits for weights, and activations in 16 bits without a sign, with room for four times what the batch shows
  contrib16  the same in the operators of ONNX Runtime, as files of older operator sets have them
  qoperator  QLinearMatMul, QLinearConv, QLinearAdd, QLinearSoftmax and the like
  nbits4     MatMulNBits, 4 bits with zero points
  nbits8     MatMulNBits, 8 bits without
  blocked    int4 weights with a scale a block, by DequantizeLinear
and, of random numbers, FOLDER/whole.onnx: two blocks of BERT in the operators of ONNX Runtime's transformer optimizer
(EmbedLayerNormalization, Attention, SkipLayerNormalization, BiasGelu), with its dynamic form (QAttention, QEmbedLayerNormalization).
Values are called v0, v1, …, and what tools note beside the graph is taken out.

The data of test/compiler/import/quantized.test.ts:
python bench/quantized.py test/compiler/import/quantized test/compiler/import/exports/vit.dynamo.onnx
"""
import argparse
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

BLOCK = 16
MICROSOFT = "com.microsoft"


class Inputs(CalibrationDataReader):
    """A batch of numbers between -2 and 2, the same that the test asks with."""

    def __init__(self, path):
        random = np.random.default_rng(0)
        ports = ort.InferenceSession(path).get_inputs()
        self.batches = iter([{p.name: self.made(p, random) for p in ports}])

    @staticmethod
    def made(port, random):
        dims = [d if isinstance(d, int) else (2 if axis == 0 else 9) for axis, d in enumerate(port.shape)]
        if "int" not in port.type:
            place = np.arange(np.prod(dims), dtype=np.float64)
            return (np.sin(place * 1.7) + np.cos(place * place * 0.013)).astype(np.float32).reshape(dims)
        dtype = np.int64 if "64" in port.type else np.int32
        return np.ones(dims, dtype) if "mask" in port.name else random.integers(0, 10, dims).astype(dtype)

    def get_next(self):
        return next(self.batches, None)


def static(source, to, **options):
    quantize_static(source, to, Inputs(source), **options)


def roomy(source, to, **options):
    """A fold makes tokens look at fewer others, which goes beyond what one batch shows; 16 bits have room for that."""
    static(source, to, quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt16, **options)
    model = onnx.load(to)
    scales = {node.input[1] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    for tensor in model.graph.initializer:
        if tensor.name in scales:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(4), tensor.name))
    onnx.save(model, to)


def blocks(source, to, **options):
    quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=BLOCK, **options)
    quantizer.process()
    onnx.save(quantizer.model.model, to)


def runtime(source, to):
    dynamic = to.with_suffix(".before")
    quantize_dynamic(source, dynamic)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(to)
    options.log_severity_level = 3
    ort.InferenceSession(dynamic, options)
    dynamic.unlink()


FORMS = {
    "dynamic": lambda source, to: quantize_dynamic(source, to),
    "runtime": runtime,
    "qdq": lambda source, to: static(source, to, quant_format=QuantFormat.QDQ, per_channel=True),
    "qdq4": lambda source, to: static(source, to, quant_format=QuantFormat.QDQ, weight_type=QuantType.QInt4),
    "qdq16": lambda source, to: roomy(source, to, per_channel=True),
    "contrib16": lambda source, to: roomy(source, to, extra_options={"UseQDQContribOps": True}),
    "qoperator": lambda source, to: static(source, to, quant_format=QuantFormat.QOperator),
    "nbits4": lambda source, to: blocks(source, to, bits=4, is_symmetric=False),
    "nbits8": lambda source, to: blocks(source, to, bits=8, is_symmetric=True),
    "blocked": lambda source, to: blocks(source, to, bits=4, is_symmetric=True, quant_format=QuantFormat.QDQ),
}


def bare(path, opset=None):
    """Short names, and nothing that tools noted."""
    model = onnx.load(path)
    graph = model.graph
    ports = {port.name for port in [*graph.input, *graph.output]}
    names = {}
    called = lambda name: name if name == "" or name in ports else names.setdefault(name, f"v{len(names)}")
    for tensor in graph.initializer:
        tensor.name = called(tensor.name)
        tensor.doc_string = ""
    for node in graph.node:
        node.name, node.doc_string = "", ""
        del node.metadata_props[:]
        node.input[:] = [called(name) for name in node.input]
        node.output[:] = [called(name) for name in node.output]
    for value in [*graph.input, *graph.output]:
        value.doc_string = ""
        del value.metadata_props[:]
    for kept in (model.metadata_props, graph.metadata_props, graph.value_info, graph.quantization_annotation):
        del kept[:]
    model.doc_string, graph.doc_string, model.producer_name, model.producer_version, graph.name = "", "", "", "", "g"
    onnx.save(model, path)


def whole(path, hidden=16, heads=2, inner=32, words=20, places=16):
    """An encoder whose every part is fused already."""
    random = np.random.default_rng(1)
    tensors, nodes = [], []

    def weight(name, *dims, scale=0.3):
        tensors.append(numpy_helper.from_array((random.standard_normal(dims) * scale).astype(np.float32), name))
        return name

    def norm(name):
        tensors.append(numpy_helper.from_array((1 + random.standard_normal(hidden) * 0.1).astype(np.float32), f"{name}.gain"))
        return [f"{name}.gain", weight(f"{name}.bias", hidden, scale=0.1)]

    def made(op, inputs, outputs, domain=MICROSOFT, **attributes):
        nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    tables = [weight(name, count, hidden, scale=1) for name, count in (("words", words), ("places", places), ("kinds", 2))]
    at = made("EmbedLayerNormalization", ["ids", "kind", *tables, *norm("embedding")], ["embedded", "counted"], epsilon=1e-12)
    for block in range(2):
        name = f"block{block}"
        attended = made("Attention", [at, weight(f"{name}.qkv", hidden, 3 * hidden), weight(f"{name}.qkv.bias", 3 * hidden), "mask"], [f"{name}.attended"], num_heads=heads)
        mixed = made("MatMul", [attended, weight(f"{name}.out", hidden, hidden)], [f"{name}.mixed"], domain="")
        at = made("SkipLayerNormalization", [mixed, at, *norm(f"{name}.first"), weight(f"{name}.out.bias", hidden)], [f"{name}.stream"], epsilon=1e-12)
        up = made("MatMul", [at, weight(f"{name}.up", hidden, inner)], [f"{name}.up.made"], domain="")
        active = made("BiasGelu", [up, weight(f"{name}.up.bias", inner)], [f"{name}.active"])
        down = made("MatMul", [active, weight(f"{name}.down", inner, hidden)], [f"{name}.down.made"], domain="")
        at = made("SkipLayerNormalization", [down, at, *norm(f"{name}.second"), weight(f"{name}.down.bias", hidden)], [f"{name}.given" if block == 0 else "output"], epsilon=1e-12)
    ports = [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"]) for name in ("ids", "kind", "mask")]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", "tokens", hidden])
    graph = helper.make_graph(nodes, "g", ports, [output], tensors)
    # The quantizer asks for the type of what it quantizes, which ONNX itself does not know behind these operators.
    for node in nodes:
        if node.output[0] not in ("output",):
            graph.value_info.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)], ir_version=8), path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    encoder = args.folder / "whole.onnx"
    whole(encoder)
    for source in [*args.models, encoder]:
        for form, make in FORMS.items():
            if source == encoder and form != "dynamic":
                continue
            to = args.folder / f"{source.name.split('.')[0]}.{form}.onnx"
            try:
                make(source, to)
                bare(to)
                ort.InferenceSession(to)
                print(to.name, to.stat().st_size, flush=True)
            except Exception as error:
                print(to.name, f"not made: {type(error).__name__}: {str(error)[:200]}", flush=True)
    bare(encoder)


main()
