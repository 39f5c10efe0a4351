"""Half precision side by side: ours against the converter of ONNX Runtime's own package, on the same exports.

`python bench/half.py [model.onnx …]` (onnx, onnxruntime, numpy; MiniLM of `embed-reference.py` and the small exports of pipelines/models
unless told otherwise) prints for each file: size, conversions in the file (those that loading folds away are not counted), the largest
difference from the f32 model relative to its largest output, the cosine, and whether the ONNX checker takes it.
All run on ONNX Runtime's CPU provider, so this says nothing of time on a device.
"""
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnxruntime.transformers.float16 import convert_float_to_float16

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ["cpu", "cuda", "portable"]


def feeds(session):
    """Ids below 40, two records, the second half hidden where there is a mask."""
    draw = numpy.random.default_rng(0)
    made = {}
    for port in session.get_inputs():
        dims = [size if isinstance(size, int) else (2 if axis == 0 else 17) for axis, size in enumerate(port.shape)]
        if port.type == "tensor(int64)":
            values = draw.integers(0, 40, dims)
            if "mask" in port.name:
                values = numpy.ones(dims, dtype=numpy.int64)
                values[-1, dims[1] // 2 :] = 0
            made[port.name] = (values % 2 if "type" in port.name else values).astype(numpy.int64)
        else:
            made[port.name] = draw.standard_normal(dims).astype(numpy.float32)
    return made


def run(path, inputs=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = inputs or feeds(session)
    return inputs, [output.astype(numpy.float64) for output in session.run(None, inputs) if output.dtype.kind == "f"]


def casts(path):
    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    return sum(node.op_type == "Cast" and node.input[0] not in stored for node in graph.node), collections.Counter(t.data_type for t in graph.initializer)


def row(name, path, inputs, wanted):
    size = path.stat().st_size + sum(p.stat().st_size for p in path.parent.glob(path.name + ".data"))
    try:
        onnx.checker.check_model(str(path))
        checked = "yes"
    except onnx.checker.ValidationError as error:
        checked = str(error).splitlines()[0][:40]
    try:
        found = run(path, inputs)[1]
    except Exception as error:  # What a peer writes may not load.
        print(f"  {name:<22} {size / 1e6:8.2f} MB  {casts(path)[0]:5} casts  does not run: {str(error).splitlines()[0][:80]}")
        return
    off = max(numpy.abs(a - b).max() / numpy.abs(b).max() for a, b in zip(found, wanted))
    cosine = min((a * b).sum() / numpy.sqrt((a * a).sum() * (b * b).sum()) for a, b in zip(found, wanted))
    print(f"  {name:<22} {size / 1e6:8.2f} MB  {casts(path)[0]:5} casts  off by {off:.2e}  cosine {cosine:.8f}  checker: {checked}")


def main():
    models = ROOT / "bench" / ".models" / "minilm-hub" / "onnx" / "model.onnx"
    files = [pathlib.Path(f) for f in sys.argv[1:]] or [*([models] if models.exists() else []), *sorted((ROOT / "pipelines/models/tiny-onnx").glob("*.onnx"))]
    for file in files:
        print(file.name if file.is_relative_to(ROOT / "pipelines") else file.resolve())
        inputs, wanted = run(file)
        with tempfile.TemporaryDirectory() as work:
            for target in OURS:
                out = pathlib.Path(work) / f"{target}.onnx"
                subprocess.run(["npx", "tsx", "hosts/cli/main.ts", "optimise", str(file.resolve()), "-o", str(out), "--precision", "f16", "--target", target], cwd=ROOT, check=True, capture_output=True, env=os.environ)
                row(f"ours for {target}", out, inputs, wanted)
            for name, options in [("converter", {}), ("converter, ports kept", {"keep_io_types": True})]:
                out = pathlib.Path(work) / "peer.onnx"
                onnx.save(convert_float_to_float16(onnx.load(file), **options), out)
                half = {k: v.astype(numpy.float16) if v.dtype == numpy.float32 and not options else v for k, v in inputs.items()}
                row(name, out, half, wanted)


if __name__ == "__main__":
    main()
