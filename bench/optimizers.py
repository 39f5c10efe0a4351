"""What other optimizers make of an ONNX file: `python optimizers.py MODEL.onnx FOLDER` writes FOLDER/<peer>.onnx and prints JSON, a peer an entry.

`optimizers.ts` calls it; it needs onnx, onnxruntime, onnxslim, onnxsim and, for the transformer optimizer, torch. Every peer optimises in this one process; its time is that
of its own call on the file: reading and writing count, loading its libraries does not. `python optimizers.py --check FILE…` counts nodes and asks the checker of ONNX.
"""
import json
import logging
import pathlib
import sys
import time

import onnx
import onnxruntime as ort

HALF_GIB = 1 << 29


def saved(model, out):
    onnx.save(model, out, save_as_external_data=model.ByteSize() > 2 * HALF_GIB, location=f"{pathlib.Path(out).name}.data")


def slim(source, out):
    import onnxslim

    return lambda: saved(onnxslim.slim(source), out)


def sim(source, out):
    import onnxsim

    def made():
        model, checked = onnxsim.simplify(source)
        if not checked:
            raise RuntimeError("onnxsim says that what it made is not the same")
        saved(model, out)

    return made


def runtime(source, out):
    def made():
        options = ort.SessionOptions()
        # "all" writes layouts of this very processor and refuses to say that the file is portable; "extended" is the most that may be kept in a file.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(out)
        ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    return made


# What it calls models; it is told heads and width where `recognition.py` noted them beside the file, and tries all kinds otherwise.
KINDS = {"bert": "bert", "roberta": "bert", "vit": "vit", "dinov2": "vit", "clip-text": "clip", "gpt2": "gpt2", "t5": "t5"}


def transformers(source, out):
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    logging.disable(logging.ERROR)
    path = pathlib.Path(source)
    listing = path.parent / "there.json"
    there = json.loads(listing.read_text()).get(path.stem) if listing.exists() else None
    stack = there["stacks"][0] if there else {"heads": 0, "hidden": 0}
    name = there["name"].removesuffix("-448") if there else None
    kinds = [KINDS[name]] if name in KINDS else ["bert", "vit", "clip"]

    def made():
        best = None
        for kind in kinds:
            try:
                one = optimizer.optimize_model(source, model_type=kind, num_heads=stack["heads"], hidden_size=stack["hidden"], optimization_options=FusionOptions(kind), opt_level=1, use_gpu=False, only_onnxruntime=False)
            except Exception:
                continue
            if best is None or len(one.model.graph.node) < len(best.model.graph.node):
                best = one
        if best is None:
            raise RuntimeError("no kind of model fits")
        best.save_model_to_file(str(out))

    return made


# After one that is not counted, the least of so many runs, unless they have taken so many seconds: as optimizers.ts does for ours.
TIMES, ENOUGH = 3, 4
PEERS = {"onnxslim": slim, "onnxsim": sim, "ORT extended": runtime, "ORT transformers": transformers}


def graphs(graph):
    """A graph and those inside of it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs(attribute.g)


def nodes(model):
    """Nodes of a graph and of the graphs inside of it, constants not counted: some tools keep them as nodes."""
    return sum(n.op_type != "Constant" for g in graphs(model.graph) for n in g.node)


FUSED = {"Attention", "MultiHeadAttention", "GroupQueryAttention", "PackedMultiHeadAttention", "QAttention"}
# Between probabilities and their product with values.
PASSED = {"Cast", "Where", "IsNaN", "Dropout", "Identity", "Reshape", "Unsqueeze"}


def attentions(model):
    """How many are one operator, and how many are a softmax whose result goes into a product."""
    fused = spelled = 0
    for graph in graphs(model.graph):
        users = {}
        for node in graph.node:
            for name in node.input:
                users.setdefault(name, []).append(node)
        for node in graph.node:
            fused += node.op_type in FUSED
            if node.op_type != "Softmax":
                continue
            front, seen = [node.output[0]], set()
            while front:
                name = front.pop()
                for user in users.get(name, []):
                    if user.op_type in ("MatMul", "FusedMatMul", "Gemm") and user.input[0] == name:
                        seen.add("product")
                    elif user.op_type in PASSED:
                        front += user.output
            spelled += "product" in seen
    return fused, spelled


def checked(path):
    try:
        onnx.checker.check_model(str(path))
        return None
    except Exception as error:
        return str(error).splitlines()[0]


def seen(path):
    model = onnx.load(path, load_external_data=False)
    fused, spelled = attentions(model)
    return {"nodes": nodes(model), "fused": fused, "spelled": spelled}


def main():
    if sys.argv[1] == "--check":
        print(json.dumps({path: {**seen(path), "fault": checked(path)} for path in sys.argv[2:]}))
        return
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    report = {}
    for name, prepare in PEERS.items():
        out = folder / f"{name.replace(' ', '-')}.onnx"
        try:
            run = prepare(source, str(out))
            run()
            took = []
            while len(took) < TIMES and sum(took) < ENOUGH:
                start = time.perf_counter()
                run()
                took.append(time.perf_counter() - start)
            report[name] = {"file": str(out), "seconds": min(took)}
        except Exception as error:
            report[name] = {"failed": str(error).splitlines()[0][:200] if str(error) else type(error).__name__}
    # Peers print, so it comes last and on a line of its own.
    print()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
