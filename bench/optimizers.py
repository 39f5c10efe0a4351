"""What other optimizers make of an ONNX file: `python optimizers.py MODEL.onnx FOLDER` writes FOLDER/<peer>.onnx and prints JSON, a peer an entry.

`optimizers.ts` calls it; it needs onnx, onnxruntime, onnxslim, onnxsim and, for the transformer optimizer, torch. Every peer optimises in this one process; its time is that
of its own call on the file: reading and writing count, loading its libraries does not.
"""
import json
import pathlib
import sys
import time

import onnx
import onnxruntime as ort
import onnxsim
import onnxslim
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

HALF_GIB = 1 << 29


def saved(model, out):
    onnx.save(model, out, save_as_external_data=model.ByteSize() > 2 * HALF_GIB, location=f"{pathlib.Path(out).name}.data")


def slim(source, out):
    saved(onnxslim.slim(source), out)


def sim(source, out):
    model, checked = onnxsim.simplify(source)
    if not checked:
        raise RuntimeError("onnxsim says that what it made is not the same")
    saved(model, out)


def runtime(source, out):
    options = ort.SessionOptions()
    # "all" writes layouts of this very processor and refuses to say that the file is portable; "extended" is the most that may be kept in a file.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(out)
    ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def transformers(source, out):
    best = None
    # Those that need no further facts of the model.
    for kind in ("bert", "clip"):
        try:
            made = optimizer.optimize_model(source, model_type=kind, num_heads=0, hidden_size=0, optimization_options=FusionOptions(kind), opt_level=1, use_gpu=False, only_onnxruntime=False)
        except Exception:
            continue
        if best is None or len(made.model.graph.node) < len(best.model.graph.node):
            best = made
    if best is None:
        raise RuntimeError("no kind of model fits")
    best.save_model_to_file(str(out))


PEERS = {"onnxslim": slim, "onnxsim": sim, "ORT extended": runtime, "ORT transformers": transformers}


def nodes(path):
    """Nodes of a graph and of the graphs inside of it, constants not counted: some tools keep them as nodes."""
    def count(graph):
        inner = [a for n in graph.node for a in n.attribute]
        return sum(n.op_type != "Constant" for n in graph.node) + sum(count(a.g) for a in inner if a.type == onnx.AttributeProto.GRAPH)
    return count(onnx.load(path, load_external_data=False).graph)


def checked(path):
    try:
        onnx.checker.check_model(str(path))
        return None
    except Exception as error:
        return str(error).splitlines()[0]


def main():
    if sys.argv[1] == "--check":
        print(json.dumps({path: {"nodes": nodes(path), "fault": checked(path)} for path in sys.argv[2:]}))
        return
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    report = {"raw": {"nodes": nodes(source)}}
    for name, run in PEERS.items():
        out = folder / f"{name.replace(' ', '-')}.onnx"
        try:
            start = time.perf_counter()
            run(source, out)
            seconds = time.perf_counter() - start
            report[name] = {"file": str(out), "nodes": nodes(out), "seconds": seconds}
        except Exception as error:
            report[name] = {"failed": str(error).splitlines()[0][:200] if str(error) else type(error).__name__}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
