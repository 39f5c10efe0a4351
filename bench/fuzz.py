"""Random valid ONNX graphs with inputs and the outputs that ONNX Runtime gives them with every optimization off.

usage: python bench/fuzz.py FOLDER [--seed 1] [--count 1000] [--nodes 12]
       python bench/fuzz.py --check FOLDER      the ONNX checker on every model.onnx below

Each case is a folder as the ONNX project's own tests are: `npx tsx bench/onnx-corpus.ts FOLDER --absolute 1e-5 --plain` runs them.
A graph grows node by node, each run by itself, so that shapes are known and only what the runtime runs is kept. Beside
single operators there are shapes of exporters (norms, GELUs, attention, shape arithmetic, rotary tables) with one thing
changed that a fusion must see. Needs numpy, onnx and onnxruntime.
"""
import argparse
import pathlib
import random
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

FLOATS = ("float32", "float16", "float64")
INTEGERS = ("int64", "int32")


def is_in(kinds):
    return lambda v: v.dtype.name in kinds


def runtime(model, feeds):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


class Refused(Exception):
    pass


class Graph:
    """What has been made so far: nodes, and the value of every name."""

    def __init__(self, rng, opset):
        self.rng, self.opset = rng, opset
        self.nodes, self.values, self.inputs, self.initializers, self.functions, self.opsets = [], {}, {}, {}, {}, {"": opset}
        # Sizes of each input as its file declares them: a number, a name, or None.
        self.symbols = {}
        self.counter, self.stem = 0, ""

    def name(self, stem="v"):
        self.counter += 1
        return f"{self.stem}{stem}{self.counter}"

    # values

    def random(self, shape, dtype="float32"):
        rng = self.rng
        size = int(np.prod(shape))
        if dtype == "bool":
            data = [rng.random() < 0.5 for _ in range(size)]
        elif dtype in FLOATS:
            # Quarters: sums of few of them are exact in any order.
            data = [rng.choice([rng.randint(-8, 8) / 4, rng.uniform(-2, 2)]) for _ in range(size)]
            if size and rng.random() < 0.02:
                data[rng.randrange(size)] = rng.choice([np.nan, np.inf, -np.inf])
        elif dtype.startswith("uint"):
            data = [rng.randint(0, 6) for _ in range(size)]
        else:
            data = [rng.randint(-5, 5) for _ in range(size)]
        return np.array(data, dtype=dtype).reshape(shape)

    def input(self, value, stem="x"):
        name = self.name(stem)
        self.inputs[name] = self.values[name] = value
        return name

    def constant(self, value):
        """An initializer (sometimes an old one again, or the same bytes twice), or a node Constant."""
        value = np.asarray(value)
        if self.rng.random() < 0.3:
            for name, old in self.initializers.items():
                if old.dtype == value.dtype and old.shape == value.shape and np.array_equal(old, value):
                    return name
        name = self.name("c")
        self.values[name] = value
        if self.rng.random() < 0.25:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name)))
        else:
            self.initializers[name] = value
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def scalar(self, value, like):
        """A number as exporters write it: of rank 0, or of shape [1]; seldom of a higher rank."""
        shape = self.rng.choice([(), (), (1,), (1, 1)]) if self.rng.random() < 0.9 else (1,) * (like.ndim + 1)
        return self.constant(np.full(shape, value, like.dtype))

    def pick(self, wanted=lambda v: True):
        """A value made late rather than early."""
        names = [n for n in self.values if wanted(self.values[n]) and n not in self.initializers]
        if not names:
            raise Refused
        return names[max(self.rng.randrange(len(names)), self.rng.randrange(len(names)))]

    def pick_float(self, rank=None, dtype=None):
        return self.pick(lambda v: v.dtype.name in ((dtype,) if dtype else FLOATS) and (rank is None or v.ndim >= rank))

    # nodes

    def add(self, op, inputs, outputs=1, domain="", **attributes):
        """Runs the node by itself; raises Refused where the runtime does not run it."""
        names = [self.name() if (outputs if isinstance(outputs, int) else outputs[i]) else "" for i in range(outputs if isinstance(outputs, int) else len(outputs))]
        node = helper.make_node(op, inputs, names, domain=domain, **{k: v for k, v in attributes.items() if v is not None})
        if self.rng.random() < 0.8:
            node.name = self.name("n")
        self.run([node])
        return names[0] if len(names) == 1 else names

    def run(self, nodes):
        made = [o for n in nodes for o in n.output if o]
        taken = {i for n in nodes for i in uses(n) if i and i in self.values}
        inputs = [helper.make_tensor_value_info(i, helper.np_dtype_to_tensor_dtype(self.values[i].dtype), self.values[i].shape) for i in taken]
        model = self.model_of(helper.make_graph(nodes, "one", inputs, [onnx.ValueInfoProto(name=o) for o in made]))
        try:
            results = runtime(model, {i: self.values[i] for i in taken})
        except Exception as error:
            raise Refused(str(error)) from None
        for name, value in zip(made, results):
            if not isinstance(value, np.ndarray) or value.size > 4000 or value.ndim > 6:
                raise Refused
        for name, value in zip(made, results):
            self.values[name] = value
        self.nodes.extend(nodes)

    def model_of(self, graph):
        opsets = [helper.make_opsetid(d, v) for d, v in self.opsets.items()]
        return helper.make_model(graph, opset_imports=opsets, functions=list(self.functions.values()), ir_version=10 if self.opset < 23 else 11)

    def model(self):
        """The whole graph: its outputs are what nobody takes, and some that others take too."""
        taken = {i for n in self.nodes for i in uses(n)}
        made = [o for n in self.nodes for o in n.output if o and n.op_type != "Constant"]
        outputs = [o for o in made if o in self.values and (o not in taken or self.rng.random() < 0.08)]
        inputs = []
        for name, value in self.inputs.items():
            dims = []
            for i, size in enumerate(value.shape):
                choice = self.rng.random()
                if choice < 0.6 or size == 0:
                    dims.append(size)
                elif choice < 0.9:
                    # One name for equal sizes, most of the time.
                    dims.append(self.rng.choice(["batch", "tokens"]) + str(size))
                else:
                    dims.append(None)
            self.symbols[name] = dims
            inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), dims))
        # Sizes of outputs are left open where inputs have open ones.
        loose = self.rng.random() < 0.2 or any(not isinstance(d, int) for dims in self.symbols.values() for d in dims)
        infos = [helper.make_tensor_value_info(o, helper.np_dtype_to_tensor_dtype(self.values[o].dtype), [None if loose else d for d in self.values[o].shape]) for o in outputs]
        initializers = [numpy_helper.from_array(v, n) for n, v in self.initializers.items() if n in taken or self.rng.random() < 0.1]
        nodes = list(self.nodes)
        return self.model_of(helper.make_graph(nodes, "fuzz", inputs, infos, initializer=initializers)), outputs


def uses(node):
    """The names that a node takes, those that its sub-graphs take from outside too."""
    names = list(node.input)
    for a in node.attribute:
        for g in [a.g] if a.type == onnx.AttributeProto.GRAPH else list(a.graphs):
            own = {i.name for i in g.input} | {i.name for i in g.initializer} | {o for n in g.node for o in n.output}
            names += [u for n in g.node for u in uses(n) if u not in own]
            names += [o.name for o in g.output if o.name not in own]
    return names


# single operators

UNARY = ["Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Exp", "Sqrt", "Erf", "Floor", "Ceil", "Round", "Reciprocal", "Log", "Identity", "Softplus", "Softsign", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "HardSwish", "Celu", "ThresholdedRelu", "Sin", "Cos", "Sign", "Mish"]
REDUCE = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"]


def unary(g):
    x = g.pick_float()
    return g.add(g.rng.choice(UNARY), [x])


def broadcastable(g, shape):
    """A shape that broadcasts with another, maybe of higher rank, maybe of lower."""
    dims = [1 if g.rng.random() < 0.3 else d for d in shape]
    dims = dims[g.rng.randrange(len(dims) + 1):] if g.rng.random() < 0.4 else dims
    if g.rng.random() < 0.1 and len(dims) < 4:
        dims = [g.rng.choice([1, 2])] + dims
    return tuple(dims)


def binary(g):
    op = g.rng.choice(["Add", "Sub", "Mul", "Div", "Add", "Mul", "Pow", "Max", "Min", "Mod", "Equal", "Less", "Greater", "LessOrEqual", "PRelu"])
    a = g.pick(is_in(FLOATS + INTEGERS) if op not in ("Pow", "PRelu") else is_in(FLOATS))
    va = g.values[a]
    same = [n for n, v in g.values.items() if v.dtype == va.dtype and n != a]
    if same and g.rng.random() < 0.4:
        b = g.rng.choice(same)
    elif g.rng.random() < 0.4:
        b = g.scalar(g.rng.choice([0, 1, 2, -1, 0.5, -0.0]), va)
    elif g.rng.random() < 0.1:
        b = a
    else:
        b = g.constant(g.random(broadcastable(g, va.shape), va.dtype.name))
    pair = [a, b] if g.rng.random() < 0.7 or op in ("Pow", "PRelu") else [b, a]
    if op in ("Div", "Mod") and va.dtype.name in INTEGERS and (g.values[pair[1]] == 0).any():
        raise Refused
    return g.add(op, pair, fmod=1 if op == "Mod" and va.dtype.name in FLOATS else None)


def logic(g):
    a = g.pick(is_in(("bool",)))
    if g.rng.random() < 0.3:
        return g.add("Not", [a])
    return g.add(g.rng.choice(["And", "Or", "Xor"]), [a, g.pick(is_in(("bool",)))])


def where(g):
    x = g.pick(is_in(FLOATS + INTEGERS))
    v = g.values[x]
    conditions = [n for n, c in g.values.items() if c.dtype == bool]
    c = g.rng.choice(conditions) if conditions and g.rng.random() < 0.6 else g.constant(g.random(broadcastable(g, v.shape), "bool"))
    y = g.scalar(g.rng.choice([0, 1, -1] + ([-np.inf, -65504.0] if v.dtype.kind == "f" else [])), v) if g.rng.random() < 0.6 else g.constant(g.random(broadcastable(g, v.shape), v.dtype.name))
    return g.add("Where", [c, x, y] if g.rng.random() < 0.6 else [c, y, x])


def cast(g):
    x = g.pick()
    to = g.rng.choice(["float32", "float16", "int64", "int32", "bool", "float64", "uint8", "float32", "float32"])
    v = g.values[x].astype("float64")
    if to not in FLOATS + ("bool",) and (not np.isfinite(v).all() or (np.abs(v) > 1000).any() or (to == "uint8" and (v < 0).any())):
        raise Refused
    return g.add("Cast", [x], to=helper.np_dtype_to_tensor_dtype(np.dtype(to)))


def axis_of(g, v, count=1):
    axes = g.rng.sample(range(v.ndim), count)
    return [a - v.ndim if g.rng.random() < 0.4 else a for a in axes]


def transpose(g):
    x = g.pick()
    v = g.values[x]
    perm = list(range(v.ndim))
    g.rng.shuffle(perm)
    return g.add("Transpose", [x], perm=perm if g.rng.random() < 0.9 and perm else None)


def reshape(g):
    x = g.pick(lambda v: v.ndim > 0 or v.size == 1)
    v = g.values[x]
    dims, rest = [], v.size
    while rest > 1 and len(dims) < 4:
        d = g.rng.choice([k for k in range(1, rest + 1) if rest % k == 0])
        dims.append(d)
        rest //= d
    dims.append(rest)
    if v.size == 0:
        return g.add("Reshape", [x, g.ints(*[0] * v.ndim)])
    for i in range(len(dims)):
        if i < v.ndim and dims[i] == v.shape[i] and g.rng.random() < 0.5:
            dims[i] = 0
    if g.rng.random() < 0.5:
        dims[g.rng.randrange(len(dims))] = -1
    if g.rng.random() < 0.25 and all(d > 0 for d in dims):
        # The target shape as a graph makes it: pieces of shapes, in a Concat.
        parts = []
        for d in dims:
            if d in v.shape:
                whole = g.add("Shape", [x])
                parts.append(g.add("Gather", [whole, g.constant(np.array([v.shape.index(d)], np.int64))], axis=0))
            else:
                parts.append(g.ints(d))
        return g.add("Reshape", [x, g.add("Concat", parts, axis=0)])
    return g.add("Reshape", [x, g.ints(*dims)])


def shape_arithmetic(g):
    x = g.pick(lambda v: v.ndim >= 1)
    v = g.values[x]
    shape = g.add("Shape", [x], **({"start": g.rng.randint(-v.ndim, v.ndim)} if g.opset >= 15 and g.rng.random() < 0.3 else {}))
    n = g.values[shape].size
    if n == 0:
        return shape
    scalar = g.rng.random() < 0.5
    index = g.rng.randrange(n) - (n if g.rng.random() < 0.3 else 0)
    d = g.add("Gather", [shape, g.constant(np.array(index if scalar else [index], np.int64))], axis=0)
    for _ in range(g.rng.randint(0, 2)):
        op = g.rng.choice(["Add", "Mul", "Sub", "Div", "Max", "Mod"])
        d = g.add(op, [d, g.constant(np.array(g.rng.randint(1, 4), np.int64))])
    size = int(g.values[d].reshape(-1)[0])
    kind = g.rng.random()
    if kind < 0.25 and scalar and 0 <= size <= 16:
        return g.add("Range", [g.constant(np.array(0, np.int64)), d, g.constant(np.array(1, np.int64))])
    if kind < 0.5:
        one = d if not scalar else unsqueezed(g, d, [0])
        if 0 <= size <= 16:
            return g.add("ConstantOfShape", [one], value=numpy_helper.from_array(np.array([g.rng.choice([0, 1, 2.5])], g.rng.choice(["float32", "int64"]))))
    if kind < 0.75:
        return g.add("Cast", [d], to=TensorProto.FLOAT)
    return d


def unsqueezed(g, x, axes):
    return g.add("Unsqueeze", [x, g.ints(*axes)]) if g.opset >= 13 else g.add("Unsqueeze", [x], axes=axes)


def squeeze(g):
    x = g.pick(lambda v: v.ndim < 5)
    v = g.values[x]
    ones = [i for i, d in enumerate(v.shape) if d == 1]
    if ones and g.rng.random() < 0.6:
        axes = g.rng.sample(ones, g.rng.randint(1, len(ones)))
        axes = [a - v.ndim if g.rng.random() < 0.3 else a for a in axes]
        if g.rng.random() < 0.2:
            return g.add("Squeeze", [x])
        return g.add("Squeeze", [x, g.ints(*axes)]) if g.opset >= 13 else g.add("Squeeze", [x], axes=axes)
    count = g.rng.randint(1, 2)
    rank = v.ndim + count
    axes = g.rng.sample(range(rank), count)
    return unsqueezed(g, x, [a - rank if g.rng.random() < 0.3 else a for a in axes])


def expand(g):
    x = g.pick()
    v = g.values[x]
    dims = [g.rng.choice([1, d]) if d != 1 else g.rng.choice([1, 2, 3]) for d in v.shape]
    if g.rng.random() < 0.3:
        dims = [2] + dims
    return g.add("Expand", [x, g.ints(*dims)])


def tile(g):
    x = g.pick(lambda v: v.ndim > 0)
    return g.add("Tile", [x, g.ints(*[g.rng.choice([1, 1, 2, 3, 0] if g.rng.random() < 0.1 else [1, 2]) for _ in g.values[x].shape])])


def concat(g):
    x = g.pick(lambda v: v.ndim > 0)
    v = g.values[x]
    axis = axis_of(g, v)[0]
    parts = [x]
    for _ in range(g.rng.randint(0, 2)):
        dims = list(v.shape)
        dims[axis] = g.rng.choice([1, 2, dims[axis], 0] if g.rng.random() < 0.1 else [1, 2, dims[axis]])
        fits = [n for n, o in g.values.items() if o.dtype == v.dtype and o.shape == tuple(dims)]
        parts.append(g.rng.choice(fits) if fits and g.rng.random() < 0.5 else g.constant(g.random(dims, v.dtype.name)))
    g.rng.shuffle(parts)
    return g.add("Concat", parts, axis=axis)


def split(g):
    x = g.pick(lambda v: v.ndim > 0 and max(v.shape) > 1)
    v = g.values[x]
    axis = axis_of(g, v)[0]
    n = v.shape[axis]
    if n < 2:
        raise Refused
    parts = []
    while n > 0 and len(parts) < 3:
        parts.append(g.rng.randint(0 if g.rng.random() < 0.05 else 1, n))
        n -= parts[-1]
    if n:
        parts.append(n)
    if g.rng.random() < 0.4 and v.shape[axis] % 2 == 0:
        halves = [v.shape[axis] // 2] * 2
        return g.add("Split", [x], 2, axis=axis, num_outputs=2 if g.opset >= 18 else None) if g.rng.random() < 0.6 else (g.add("Split", [x, g.ints(*halves)], 2, axis=axis) if g.opset >= 13 else g.add("Split", [x], 2, axis=axis, split=halves))
    return g.add("Split", [x, g.ints(*parts)], len(parts), axis=axis) if g.opset >= 13 else g.add("Split", [x], len(parts), axis=axis, split=parts)


def slice_(g):
    x = g.pick(lambda v: v.ndim > 0)
    v = g.values[x]
    axes = axis_of(g, v, g.rng.randint(1, v.ndim))
    starts, ends, steps = [], [], []
    for a in axes:
        n = v.shape[a]
        starts.append(g.rng.choice([0, g.rng.randint(-n - 1, n + 1)]))
        ends.append(g.rng.choice([2**31 - 1, 2**63 - 1, -1, g.rng.randint(-n - 1, n + 1), n]))
        steps.append(g.rng.choice([1, 1, 1, 2, -1, -2, 3]))
        if steps[-1] < 0 and g.rng.random() < 0.7:
            starts[-1], ends[-1] = -1, g.rng.choice([-(2**31), -(2**63), 0])
    kind = g.rng.choice([np.int64, np.int64, np.int32])
    fit = lambda xs: g.constant(np.array(np.clip(xs, np.iinfo(kind).min, np.iinfo(kind).max), kind))
    inputs = [x, fit(starts), fit(ends), fit(axes), fit(steps)]
    if g.rng.random() < 0.3 and all(s == 1 for s in steps):
        inputs = inputs[:4]
    return g.add("Slice", inputs)


def gather(g):
    x = g.pick(lambda v: v.ndim > 0 and min(v.shape) > 0)
    v = g.values[x]
    axis = axis_of(g, v)[0]
    n = v.shape[axis]
    shape = g.rng.choice([(), (1,), (2,), (3,), (2, 2), (0,)])
    index = np.array([g.rng.randint(-n, n - 1) for _ in range(int(np.prod(shape)))], g.rng.choice(["int64", "int32"])).reshape(shape)
    return g.add("Gather", [x, g.constant(index) if g.rng.random() < 0.7 else g.input(index, "i")], axis=axis)


def gather_elements(g):
    x = g.pick(lambda v: v.ndim > 0 and min(v.shape) > 0)
    v = g.values[x]
    axis = axis_of(g, v)[0]
    dims = [g.rng.randint(1, d) for d in v.shape]
    dims[axis] = g.rng.randint(1, 4)
    index = np.array([g.rng.randint(-v.shape[axis], v.shape[axis] - 1) for _ in range(int(np.prod(dims)))], "int64").reshape(dims)
    return g.add("GatherElements", [x, g.constant(index)], axis=axis)


def gather_nd(g):
    x = g.pick(lambda v: v.ndim > 0 and min(v.shape) > 0)
    v = g.values[x]
    batch = g.rng.randint(0, v.ndim - 1) if g.rng.random() < 0.3 else 0
    last = g.rng.randint(1, v.ndim - batch)
    dims = list(v.shape[:batch]) + [g.rng.randint(1, 3)] + [last]
    index = np.zeros(dims, "int64")
    for k in range(last):
        n = v.shape[batch + k]
        index[..., k] = np.array([g.rng.randint(-n, n - 1) for _ in range(index[..., k].size)]).reshape(index[..., k].shape)
    return g.add("GatherND", [x, g.constant(index)], batch_dims=batch)


def scatter(g):
    x = g.pick(lambda v: v.ndim > 0 and min(v.shape) > 0 and v.dtype.name in FLOATS + INTEGERS)
    v = g.values[x]
    reduction = g.rng.choice([None, None, "add", "mul", "max"]) if g.opset >= 18 else None
    if g.rng.random() < 0.5:
        last = g.rng.randint(1, v.ndim)
        rows = sorted({tuple(g.rng.randrange(v.shape[k]) for k in range(last)) for _ in range(3)})
        index = np.array(rows, "int64")
        return g.add("ScatterND", [x, g.constant(index), g.constant(g.random((len(rows),) + v.shape[last:], v.dtype.name))], reduction=reduction)
    axis = axis_of(g, v)[0]
    dims = list(v.shape)
    dims[axis] = g.rng.randint(1, v.shape[axis])
    index = np.argsort(np.array([g.rng.random() for _ in range(v.size)]).reshape(v.shape), axis=axis).take(range(dims[axis]), axis=axis).astype("int64")
    return g.add("ScatterElements", [x, g.constant(index), g.constant(g.random(dims, v.dtype.name))], axis=axis, reduction=reduction)


def reduced(g, op, x, axes, keep):
    if g.opset >= (13 if op == "ReduceSum" else 18):
        return g.add(op, [x] + ([g.ints(*axes)] if axes is not None else []), keepdims=keep)
    return g.add(op, [x], axes=axes, keepdims=keep)


def reduce(g):
    x = g.pick_float()
    v = g.values[x]
    axes = None if g.rng.random() < 0.15 or v.ndim == 0 else axis_of(g, v, g.rng.randint(1, v.ndim))
    op = g.rng.choice(REDUCE)
    if g.opset >= 18 and g.rng.random() < 0.1:
        return g.add(op, [x, g.ints()], keepdims=1, noop_with_empty_axes=g.rng.randint(0, 1))
    return reduced(g, op, x, axes, g.rng.choice([0, 1, None]))


def argreduce(g):
    x = g.pick(lambda v: v.dtype.name == "float32" and v.ndim > 0 and min(v.shape) > 0)
    return g.add(g.rng.choice(["ArgMax", "ArgMin"]), [x], axis=axis_of(g, g.values[x])[0], keepdims=g.rng.choice([0, 1]), select_last_index=g.rng.choice([0, 0, 1]) if g.opset >= 12 else None)


def softmax(g):
    x = g.pick_float(1)
    return g.add(g.rng.choice(["Softmax", "Softmax", "LogSoftmax", "Hardmax"]), [x], axis=g.rng.choice([None] + axis_of(g, g.values[x])))


def cumsum(g):
    x = g.pick(lambda v: v.ndim > 0 and v.dtype.name in ("float32", "int64"))
    return g.add("CumSum", [x, g.constant(np.array(axis_of(g, g.values[x])[0], "int64"))], exclusive=g.rng.choice([None, 1]), reverse=g.rng.choice([None, 1]))


def top_k(g):
    x = g.pick(lambda v: v.ndim > 0 and min(v.shape) > 0 and v.dtype.name in ("float32", "int64"))
    v = g.values[x]
    axis = axis_of(g, v)[0]
    return g.add("TopK", [x, g.ints(g.rng.randint(1, v.shape[axis]))], g.rng.choice([2, 2, [1, 0], [0, 1]]), axis=axis, largest=g.rng.choice([None, 0]))


def clip(g):
    x = g.pick(is_in(FLOATS + (INTEGERS if g.opset >= 12 else ())))
    v = g.values[x]
    low, high = g.constant(np.array(g.rng.choice([-1, 0]), v.dtype)), g.constant(np.array(g.rng.choice([1, 6, 0]), v.dtype))
    return g.add("Clip", g.rng.choice([[x, low, high], [x, low], [x, "", high], [x]]))


def pad(g):
    x = g.pick_float(1)
    v = g.values[x]
    mode = g.rng.choice(["constant", "constant", "reflect", "edge"] + (["wrap"] if g.opset >= 19 else []))
    least = -1 if mode == "constant" and g.rng.random() < 0.2 else 0
    amounts = [g.rng.randint(least, 1 if d < 3 else 2) if mode in ("constant", "edge") or d > 2 else 0 for d in v.shape * 2]
    inputs = [x, g.ints(*amounts)]
    if mode == "constant" and g.rng.random() < 0.5:
        inputs.append(g.constant(np.array(g.rng.choice([0, 1.5]), v.dtype)))
    if g.opset >= 18 and g.rng.random() < 0.3:
        axis = axis_of(g, v)[0]
        inputs = [x, g.ints(amounts[axis % v.ndim], amounts[axis % v.ndim + v.ndim]), *(inputs[2:] or [""]), g.ints(axis)]
    return g.add("Pad", inputs, mode=mode)


def matmul(g):
    x = g.pick_float(1)
    v = g.values[x]
    k, n = v.shape[-1], g.rng.randint(1, 5)
    if k == 0 and v.dtype != np.float32:
        # The runtime gives whatever lies in memory.
        raise Refused
    shape = g.rng.choice([(k, n), (k, n), (k, n), (k,), v.shape[:-2] + (k, n), (2,) + (1,) * max(0, v.ndim - 3) + (k, n)])
    y = g.add("MatMul", [x, g.constant(g.random(shape, v.dtype.name))])
    if g.rng.random() < 0.5:
        out = g.values[y].shape
        b = g.constant(g.random(g.rng.choice([out[-1:], out[-1:], broadcastable(g, out), (1,), out[-2:-1] + (1,)]), v.dtype.name))
        y = g.add(g.rng.choice(["Add", "Add", "Sub", "Mul"]), [y, b] if g.rng.random() < 0.6 else [b, y])
    if g.rng.random() < 0.4:
        y = g.add(g.rng.choice(["Relu", "Tanh", "Sigmoid"]), [y])
    return y


def gemm(g):
    x = g.pick(lambda v: v.ndim == 2 and v.dtype.name in FLOATS)
    v = g.values[x]
    ta, tb, n = g.rng.randint(0, 1), g.rng.randint(0, 1), g.rng.randint(1, 4)
    m, k = v.shape[::-1] if ta else v.shape
    b = g.constant(g.random((n, k) if tb else (k, n), v.dtype.name))
    c = g.rng.choice([None, (n,), (m, n), (m, 1), (1, n), (), (1,), (1, 1)])
    return g.add("Gemm", [x, b] + ([] if c is None else [g.constant(g.random(c, v.dtype.name))]), transA=ta, transB=tb, alpha=g.rng.choice([None, 0.5, 2.0]), beta=g.rng.choice([None, 0.5, 0.0]))


def picture(g):
    candidates = [n for n, v in g.values.items() if v.ndim == 4 and v.dtype == np.float32 and min(v.shape) > 0]
    if candidates and g.rng.random() < 0.8:
        return g.rng.choice(candidates)
    return g.input(g.random((g.rng.choice([1, 1, 2]), g.rng.choice([1, 2, 4]), g.rng.randint(3, 7), g.rng.randint(3, 7))))


def conv(g):
    x = picture(g)
    v = g.values[x]
    group = g.rng.choice([1, 1, v.shape[1]])
    o = group * g.rng.randint(1, 2)
    kernel = [g.rng.randint(1, 3), g.rng.randint(1, 3)]
    w = g.constant(g.random((o, v.shape[1] // group, *kernel)))
    padding = {"auto_pad": g.rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])} if g.rng.random() < 0.2 else {"pads": [g.rng.randint(0, 1) for _ in range(4)]}
    strides = g.rng.choice([None, [1, 2], [2, 2], [1, 1]])
    dilations = g.rng.choice([None, None, [1, 2]]) if "pads" in padding else None
    if g.rng.random() < 0.2:
        w = g.constant(g.random((v.shape[1], o // group, *kernel)))
        y = g.add("ConvTranspose", [x, w] + ([g.constant(g.random((o,)))] if g.rng.random() < 0.5 else []), group=group, strides=strides, pads=padding.get("pads"), output_padding=g.rng.choice([None, [0, 1]]) if strides == [2, 2] else None)
    else:
        y = g.add("Conv", [x, w] + ([g.constant(g.random((o,)))] if g.rng.random() < 0.5 else []), group=group, strides=strides, dilations=dilations, **padding)
    if g.rng.random() < 0.5:
        o = g.values[y].shape[1]
        kind = g.rng.random()
        if kind < 0.5:
            gain, shift, mean = (np.nan_to_num(g.random((o,)), posinf=1, neginf=-1) for _ in range(3))
            y = g.add("BatchNormalization", [y, g.constant(gain), g.constant(shift), g.constant(mean), g.constant(np.abs(g.random((o,))))], epsilon=g.rng.choice([None, 1e-3]))
        else:
            b = g.constant(g.random(g.rng.choice([(o, 1, 1), (1, o, 1, 1), (1,), g.values[y].shape[-1:], (o, 1, 1), g.values[y].shape])))
            y = g.add(g.rng.choice(["Add", "Mul", "Sub"]), [y, b] if g.rng.random() < 0.6 else [b, y])
    if g.rng.random() < 0.4:
        y = g.add(g.rng.choice(["Relu", "Sigmoid", "HardSwish", "LeakyRelu"]), [y])
    return y


def pool(g):
    x = picture(g)
    op = g.rng.choice(["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LpPool"])
    if op.startswith("Global"):
        return g.add(op, [x])
    return g.add(op, [x], kernel_shape=[g.rng.randint(1, 3), g.rng.randint(1, 3)], strides=g.rng.choice([None, [2, 1], [2, 2]]), pads=g.rng.choice([None, [0, 0, 0, 0], [1, 0, 0, 1]]), ceil_mode=g.rng.choice([None, 1]) if op != "LpPool" else None, count_include_pad=g.rng.choice([None, 1]) if op == "AveragePool" else None)


def resize(g):
    x = picture(g)
    v = g.values[x]
    mode = g.rng.choice(["nearest", "linear", "cubic"])
    transform = g.rng.choice(["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"])
    nearest = g.rng.choice(["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"]) if mode == "nearest" else None
    attributes = {"mode": mode, "coordinate_transformation_mode": transform, "nearest_mode": nearest}
    if g.opset >= 18 and g.rng.random() < 0.3 and mode != "nearest":
        attributes["antialias"] = 1
    if g.rng.random() < 0.5:
        return g.add("Resize", [x, "" if g.opset >= 13 else g.constant(np.array([], "float32")), g.constant(np.array([1, 1, g.rng.choice([1, 2, 0.5, 1.5]), g.rng.choice([1, 2, 3])], "float32"))], **attributes)
    return g.add("Resize", [x, "" if g.opset >= 13 else g.constant(np.array([], "float32")), "" if g.opset >= 13 else g.constant(np.array([], "float32")), g.ints(*v.shape[:2], g.rng.randint(1, 9), g.rng.randint(1, 9))], **attributes)


def instance(g):
    x = picture(g)
    v = g.values[x]
    return g.add("InstanceNormalization", [x, g.constant(g.random((v.shape[1],))), g.constant(g.random((v.shape[1],)))])


def depth(g):
    x = picture(g)
    c = g.values[x].shape[1]
    if c % 4 == 0 and g.rng.random() < 0.5:
        return g.add("DepthToSpace", [x], blocksize=2, mode=g.rng.choice(["DCR", "CRD"]))
    return g.add("SpaceToDepth", [x], blocksize=g.rng.choice([1, 2]))


def recurrent(g):
    x = g.pick(lambda v: v.ndim == 3 and v.dtype == np.float32 and min(v.shape) > 0)
    v = g.values[x]
    op, hidden = g.rng.choice([("LSTM", 4), ("GRU", 3), ("RNN", 1)]), g.rng.randint(1, 3)
    direction = g.rng.choice(["forward", "reverse", "bidirectional"])
    d = 2 if direction == "bidirectional" else 1
    inputs = [x, g.constant(g.random((d, op[1] * hidden, v.shape[2]))), g.constant(g.random((d, op[1] * hidden, hidden)))]
    if g.rng.random() < 0.5:
        inputs.append(g.constant(g.random((d, 2 * op[1] * hidden))))
    outputs = [1, g.rng.randint(0, 1)] + ([g.rng.randint(0, 1)] if op[0] == "LSTM" else [])
    return g.add(op[0], inputs, outputs, direction=direction, hidden_size=hidden, linear_before_reset=g.rng.choice([None, 1]) if op[0] == "GRU" else None)


def einsum(g):
    x = g.pick_float(2, "float32")
    v = g.values[x]
    if v.size == 0:
        # The runtime divides by it.
        raise Refused
    letters = "abcd"[: v.ndim]
    if v.ndim > 4:
        raise Refused
    kind = g.rng.random()
    if kind < 0.3:
        out = list(letters)
        g.rng.shuffle(out)
        return g.add("Einsum", [x], equation=f"{letters}->{''.join(out[: g.rng.randint(0, v.ndim)])}")
    other = letters[-1] + "z" if kind < 0.6 else "z" + letters[-1]
    shape = (v.shape[-1], 3) if kind < 0.6 else (3, v.shape[-1])
    out = list(letters[:-1] + "z")
    if g.rng.random() < 0.3:
        g.rng.shuffle(out)
    return g.add("Einsum", [x, g.constant(g.random(shape))], equation=f"{letters},{other}->{''.join(out)}")


def odds(g):
    x = g.pick(lambda v: v.ndim > 0 and v.size > 0)
    v = g.values[x]
    kind = g.rng.choice(["Flatten", "Size", "NonZero", "Trilu", "OneHot", "Unique", "IsNaN", "IsInf", "EyeLike", "Sum", "Mean", "Dropout", "LpNormalization", "ReverseSequence", "Compress", "CastLike", "Shrink", "BitShift"])
    if kind == "Flatten":
        return g.add(kind, [x], axis=g.rng.randint(-v.ndim, v.ndim))
    if kind == "Trilu" and v.ndim >= 2 and g.opset >= 14:
        return g.add(kind, [x] + ([g.constant(np.array(g.rng.randint(-3, 3), "int64"))] if g.rng.random() < 0.5 else []), upper=g.rng.randint(0, 1))
    if kind == "OneHot" and v.dtype == np.int64 and v.ndim < 4:
        return g.add(kind, [x, g.constant(np.array(4, "int64")), g.constant(np.array([0, 1], "float32"))], axis=g.rng.choice([None, 0]))
    if kind == "Unique" and v.dtype == np.float32:
        return g.add(kind, [x], [1, 0, g.rng.randint(0, 1), g.rng.randint(0, 1)])
    if kind in ("Sum", "Mean") and v.dtype.name in ("float32", "float64"):
        return g.add(kind, [x, g.constant(g.random(broadcastable(g, v.shape), v.dtype.name)), x][: g.rng.randint(1, 3)])
    if kind == "Dropout" and v.dtype.name in FLOATS and g.opset >= 12:
        return g.add(kind, [x], g.rng.choice([1, 2]))
    if kind == "ReverseSequence" and v.ndim >= 2:
        return g.add(kind, [x, g.constant(np.array([g.rng.randint(1, v.shape[0]) for _ in range(v.shape[1])], "int64"))])
    if kind == "Compress":
        axis = axis_of(g, v)[0]
        return g.add(kind, [x, g.constant(g.random((v.shape[axis],), "bool"))], axis=axis)
    if kind == "CastLike" and g.opset >= 15 and v.dtype.name in FLOATS:
        return g.add(kind, [x, g.constant(np.zeros(1, g.rng.choice(["float16", "float32"])))])
    if kind in ("Size", "NonZero", "IsNaN", "IsInf", "LpNormalization", "Shrink") or (kind == "EyeLike" and v.ndim == 2):
        return g.add(kind, [x])
    raise Refused


def quantized(g):
    x = g.pick_float(1, "float32")
    v = g.values[x]
    if not np.isfinite(v).all():
        raise Refused
    kind = g.rng.choice(["uint8", "int8"])
    per_axis = g.rng.random() < 0.4
    axis = g.rng.randrange(v.ndim)
    shape = (v.shape[axis],) if per_axis else ()
    scale = np.full(shape, 0.125, "float32") if not per_axis else np.array([g.rng.choice([0.125, 0.25, 0.5]) for _ in range(shape[0])], "float32")
    # The zero point, or none: then it is 0 of uint8.
    parts = [g.constant(scale)] + ([g.constant(g.random(shape, kind))] if g.rng.random() < 0.7 else [])
    q = g.add("QuantizeLinear", [x, *parts], axis=axis if g.opset >= 13 else None) if not per_axis or g.opset >= 13 else None
    if q is None:
        raise Refused
    if g.rng.random() < 0.3:
        q = g.add("Transpose", [q])
        if per_axis:
            return q
    return g.add("DequantizeLinear", [q, *parts], axis=axis if g.opset >= 13 else None)


def quantized_weight(g):
    x = g.pick_float(1, "float32")
    v = g.values[x]
    k, n = v.shape[-1], g.rng.randint(1, 4)
    kind = g.rng.choice(["int8", "uint8"])
    w = g.constant(g.random((k, n), kind))
    axis = g.rng.choice([0, 1, -1])
    size = (k, n)[axis]
    per_axis = g.opset >= 13 and g.rng.random() < 0.6
    scale = g.constant(np.array([g.rng.choice([0.125, 0.25]) for _ in range(size)], "float32") if per_axis else np.array(0.25, "float32"))
    zero = [g.constant(g.random((size,) if per_axis else (), kind))] if g.rng.random() < 0.6 else []
    return g.add("MatMul", [x, g.add("DequantizeLinear", [w, scale, *zero], axis=axis if per_axis else None)])


def inner(g, dtype, values=None):
    """A graph of a few nodes that takes what it wants from outside, and what comes out of it: of this type, of any shape."""
    body = Graph(g.rng, g.opset)
    body.values, body.functions, body.opsets = {**g.values, **(values or {})}, g.functions, g.opsets
    body.initializers = {} if g.rng.random() < 0.5 else g.initializers
    body.stem, body.counter = g.name("b"), 0
    simple = [r for r in RECIPES if r not in (branches, loop, grown_branches, grown_loop, sequence)]
    for _ in range(g.rng.randint(1, 4)):
        try:
            g.rng.choices(simple, [RECIPES[r] for r in simple])[0](body)
        except (Refused, IndexError, ValueError, ZeroDivisionError):
            pass
    g.inputs.update(body.inputs)
    g.values.update(body.inputs)
    g.values.update(g.initializers)
    made = [o for n in body.nodes for o in n.output if o in body.values and body.values[o].dtype == dtype]
    if not made:
        raise Refused
    return body, made[-1] if g.rng.random() < 0.8 else g.rng.choice(made)


def grown_branches(g):
    dtype = np.dtype(g.rng.choice(["float32", "float32", "float32", "int64", "float16"]))
    sides = [inner(g, dtype) for _ in range(2)]
    info = lambda n: helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(dtype), None)
    own = lambda b: [numpy_helper.from_array(v, n) for n, v in b.initializers.items()] if b.initializers is not g.initializers else []
    graphs = [helper.make_graph(b.nodes, g.name("body"), [], [info(o)], initializer=own(b)) for b, o in sides]
    c = g.constant(np.array(g.rng.random() < 0.5)) if g.rng.random() < 0.2 else g.input(np.array(g.rng.random() < 0.5), "cond")
    out = g.name()
    g.run([helper.make_node("If", [c], [out], then_branch=graphs[0], else_branch=graphs[1])])
    return out


def grown_loop(g):
    x = g.pick_float()
    v = g.values[x]
    t = helper.np_dtype_to_tensor_dtype(v.dtype)
    i, c, s, c2 = (g.name("l") for _ in range(4))
    body, out = inner(g, v.dtype, {i: np.array(0, np.int64), s: v})
    # What is carried keeps its shape from turn to turn, or does not.
    info = lambda n, e, shape: helper.make_tensor_value_info(n, e, shape)
    nodes = [*body.nodes, helper.make_node("Identity", [c], [c2])]
    own = [numpy_helper.from_array(a, n) for n, a in body.initializers.items()] if body.initializers is not g.initializers else []
    scan = g.rng.random() < 0.5
    graph = helper.make_graph(nodes, g.name("body"), [info(i, TensorProto.INT64, []), info(c, TensorProto.BOOL, []), info(s, t, None)], [info(c2, TensorProto.BOOL, None), info(out, t, None)] + ([info(g.rng.choice([o for n in body.nodes for o in n.output if o in body.values and body.values[o].dtype == v.dtype]), t, None)] if scan else []), initializer=own)
    count = g.constant(np.array(g.rng.randint(0, 3), "int64")) if g.rng.random() < 0.6 else g.input(np.array(g.rng.randint(0, 3), "int64"), "times")
    outs = [g.name()] + ([g.name()] if scan else [])
    g.run([helper.make_node("Loop", [count, "", x], outs, body=graph)])
    return outs[0]


def branches(g):
    x = g.pick_float()
    c = g.constant(np.array(g.rng.random() < 0.5)) if g.rng.random() < 0.3 else g.input(np.array(g.rng.random() < 0.5), "cond")
    out, names = g.name(), [g.name(), g.name()]
    w = g.name("w")
    body = lambda o, op: helper.make_graph([helper.make_node(op, [x] if op in ("Relu", "Neg", "Identity") else [x, w], [o])], g.name("body"), [], [helper.make_tensor_value_info(o, helper.np_dtype_to_tensor_dtype(g.values[x].dtype), None)], initializer=[] if op in ("Relu", "Neg", "Identity") else [numpy_helper.from_array(g.random((1,), g.values[x].dtype.name), w)])
    node = helper.make_node("If", [c], [out], then_branch=body(names[0], g.rng.choice(["Relu", "Add", "Identity"])), else_branch=body(names[1], g.rng.choice(["Neg", "Mul"])))
    g.run([node])
    return out


def loop(g):
    x = g.pick_float()
    v = g.values[x]
    info = lambda n, t, s: helper.make_tensor_value_info(n, t, s)
    t = helper.np_dtype_to_tensor_dtype(v.dtype)
    i, c, s, c2, s2, scan = (g.name("l") for _ in range(6))
    k = g.name("k")
    body = helper.make_graph([
        helper.make_node("Identity", [c], [c2]),
        helper.make_node("Add", [s, x if g.rng.random() < 0.5 else k], [s2]),
        helper.make_node("Mul", [s2, k], [scan]),
    ], g.name("body"), [info(i, TensorProto.INT64, []), info(c, TensorProto.BOOL, []), info(s, t, None)], [info(c2, TensorProto.BOOL, None), info(s2, t, None), info(scan, t, None)], initializer=[numpy_helper.from_array(g.random((), v.dtype.name), k)])
    a, b = g.name(), g.name()
    g.run([helper.make_node("Loop", [g.constant(np.array(g.rng.randint(0, 3), "int64")), "", x], [a, b], body=body)])
    return a


def function(g):
    x = g.pick_float(1, "float32")
    name = f"F{g.rng.randint(0, 2)}"
    if name not in g.functions:
        nodes = [helper.make_node("Mul", ["a", "b"], ["t"]), helper.make_node(g.rng.choice(["Relu", "Tanh", "Neg"]), ["t"], ["u"]), helper.make_node(g.rng.choice(["Add", "Sub"]), ["u", "a"], ["r"])]
        if g.rng.random() < 0.5:
            nodes.append(helper.make_node("Transpose", ["r"], ["s"]))
        else:
            nodes.append(helper.make_node("Softmax", ["r"], ["s"]))
            nodes[-1].attribute.append(onnx.AttributeProto(name="axis", ref_attr_name="axis", type=onnx.AttributeProto.INT))
        g.functions[name] = helper.make_function("local", name, ["a", "b"], ["s", "r"] if g.rng.random() < 0.5 else ["s"], nodes, [helper.make_opsetid("", g.opset)], ["axis"])
        g.opsets["local"] = 1
    f = g.functions[name]
    if g.nodes and g.opset < 11:
        raise Refused
    return g.add(name, [x, g.constant(g.random(broadcastable(g, g.values[x].shape)))], len(f.output), domain="local", axis=g.rng.choice([0, -1]))


def sequence(g):
    x = g.pick_float(1)
    v = g.values[x]
    axis = g.rng.randrange(v.ndim)
    s, r = g.name("s"), g.name()
    if g.rng.random() < 0.5:
        nodes = [helper.make_node("SplitToSequence", [x], [s], axis=axis, keepdims=1), helper.make_node("ConcatFromSequence", [s], [r], axis=axis)]
    else:
        nodes = [helper.make_node("SequenceConstruct", [x, g.pick(lambda o: o.dtype == v.dtype and o.shape == v.shape), x], [s]), helper.make_node("SequenceAt", [s, g.constant(np.array(g.rng.choice([0, 1, -1]), "int64"))], [r])]
    made = [o for n in nodes for o in n.output]
    taken = {i for n in nodes for i in n.input if i in g.values}
    inputs = [helper.make_tensor_value_info(i, helper.np_dtype_to_tensor_dtype(g.values[i].dtype), g.values[i].shape) for i in taken]
    model = g.model_of(helper.make_graph(nodes, "one", inputs, [onnx.ValueInfoProto(name=r)]))
    try:
        g.values[r] = runtime(model, {i: g.values[i] for i in taken})[0]
    except Exception as error:
        raise Refused(str(error)) from None
    g.nodes.extend(nodes)
    return r


# what exporters write, with something changed

def tokens(g, rank=3):
    fits = [n for n, v in g.values.items() if v.ndim == rank and v.dtype == np.float32 and min(v.shape) > 0 and v.shape[-1] > 1 and np.isfinite(v).all()]
    if fits and g.rng.random() < 0.7:
        return g.rng.choice(fits)
    return g.input(g.random((g.rng.choice([1, 2]), g.rng.randint(1, 5), g.rng.choice([2, 4, 8]))[3 - rank:] if rank <= 3 else (1, 2, 3, 4)))


def odd(g, usual, *others):
    """What is written most of the time, or something else."""
    return usual if g.rng.random() < 0.8 else g.rng.choice(others)


def layer_norm(g):
    x = tokens(g, g.rng.choice([2, 3, 3]))
    v = g.values[x]
    axis = odd(g, -1, 0, 1)
    axes = odd(g, [axis], [-2, -1])
    keep = odd(g, 1, 0)
    mean = reduced(g, "ReduceMean", x, axes, keep)
    d = g.add("Sub", [x, mean] if odd(g, True, False) else [mean, x])
    two = g.scalar(odd(g, 2.0, 3.0), v)
    square = g.add("Pow", [d, two]) if g.rng.random() < 0.5 else g.add("Mul", [d, d if odd(g, True, False) else x])
    var = reduced(g, "ReduceMean", square, odd(g, axes, [0]), keep)
    root = g.add("Sqrt", [g.add("Add", [var, g.scalar(odd(g, 1e-5, 1e-2, 0.5), v)])])
    y = g.add("Div", [d, root]) if g.rng.random() < 0.7 else g.add("Mul", [d, g.add("Reciprocal", [root])])
    if g.rng.random() < 0.9:
        y = g.add("Mul", [y, affine(g, v)] if g.rng.random() < 0.5 else [affine(g, v), y])
    if g.rng.random() < 0.9:
        y = g.add(odd(g, "Add", "Sub"), [y, affine(g, v)])
    if g.rng.random() < 0.2:
        y = g.add("Add", [y, g.pick(lambda o: o.dtype == v.dtype and o.shape == v.shape)])
    return y


def affine(g, v):
    return g.constant(g.random(odd(g, v.shape[-1:], (1,), (v.shape[-2], 1), v.shape, (1, 1, v.shape[-1]), ())))


def rms_norm(g):
    x = tokens(g)
    v = g.values[x]
    square = g.add("Pow", [x, g.scalar(2.0, v)]) if g.rng.random() < 0.5 else g.add("Mul", [x, x])
    mean = reduced(g, odd(g, "ReduceMean", "ReduceSum"), square, [odd(g, -1, 1)], 1)
    root = g.add("Sqrt", [g.add("Add", [mean, g.scalar(1e-6, v)])])
    y = g.add("Div", [x, root]) if g.rng.random() < 0.5 else g.add("Mul", [x, g.add("Div", [g.scalar(odd(g, 1.0, 2.0), v), root])])
    return g.add("Mul", [affine(g, v), y])


def own_norm(g):
    if g.opset < 17:
        raise Refused
    x = tokens(g, g.rng.choice([2, 3]))
    v = g.values[x]
    axis = odd(g, -1, 1, -2)
    shape = v.shape[axis:] if g.rng.random() < 0.9 else v.shape[-1:]
    y = g.add("LayerNormalization", [x, g.constant(g.random(shape))] + ([g.constant(g.random(shape))] if g.rng.random() < 0.7 else []), odd(g, 1, 2, 3), axis=axis, epsilon=g.rng.choice([None, 1e-12, 0.1]))
    return y


def skip_norm(g):
    x = tokens(g)
    v = g.values[x]
    other = g.rng.choice([n for n, o in g.values.items() if o.dtype == v.dtype and o.shape == v.shape])
    total = g.add("Add", [x, other])
    if g.rng.random() < 0.4:
        total = g.add("Add", [total, affine(g, v)])
    y = g.add("LayerNormalization", [total, g.constant(g.random(v.shape[-1:])), g.constant(g.random(v.shape[-1:]))]) if g.opset >= 17 else total
    return g.add("Add", [y, total]) if g.rng.random() < 0.5 else y


def gelu(g):
    x = g.pick_float(1, "float32")
    v = g.values[x]
    if g.rng.random() < 0.3 and g.opset >= 20:
        return g.add("Gelu", [x], approximate=g.rng.choice([None, "tanh"]))
    if g.rng.random() < 0.5:
        e = g.add("Erf", [g.add("Div", [x, g.scalar(odd(g, 1.4142135, 1.41, 2.0), v)]) if g.rng.random() < 0.7 else g.add("Mul", [x, g.scalar(odd(g, 0.70710678, 0.5), v)])])
        one = g.add("Add", [e, g.scalar(odd(g, 1.0, 2.0), v)])
        half = g.scalar(odd(g, 0.5, 1.0), v)
        return g.rng.choice([lambda: g.add("Mul", [g.add("Mul", [x, one]), half]), lambda: g.add("Mul", [x, g.add("Mul", [half, one])]), lambda: g.add("Mul", [g.add("Mul", [x, half]), one])])()
    cube = g.add("Pow", [x, g.scalar(odd(g, 3.0, 2.0), v)]) if g.rng.random() < 0.5 else g.add("Mul", [g.add("Mul", [x, x]), x])
    inner = g.add("Add", [x, g.add("Mul", [cube, g.scalar(odd(g, 0.044715, 0.05), v)])])
    t = g.add("Tanh", [g.add("Mul", [inner, g.scalar(odd(g, 0.7978845608, 0.8), v)])])
    return g.add("Mul", [g.add("Mul", [x, g.scalar(0.5, v)]), g.add("Add", [t, g.scalar(1.0, v)])])


def silu(g):
    x = g.pick_float(1, "float32")
    scaled = g.add("Mul", [x, g.scalar(1.702, g.values[x])]) if g.rng.random() < 0.3 else x
    y = g.add("Mul", [x, g.add("Sigmoid", [scaled])])
    return g.add("Mul", [y, g.pick(lambda o: o.dtype == np.float32 and o.shape == g.values[x].shape)]) if g.rng.random() < 0.4 else y


def hard_sigmoid(g):
    x = g.pick_float(1, "float32")
    v = g.values[x]
    y = g.add("Add", [x, g.scalar(odd(g, 3.0, 2.0), v)])
    y = g.add("Clip", [y, g.constant(np.array(0, v.dtype)), g.constant(np.array(odd(g, 6, 5), v.dtype))])
    y = g.add("Div", [y, g.scalar(odd(g, 6.0, 5.0), v)])
    return g.add("Mul", [x, y]) if g.rng.random() < 0.5 else y


def attention(g):
    x = tokens(g)
    v = g.values[x]
    b, n, c = v.shape
    heads = g.rng.choice([h for h in (1, 2, 4) if c % h == 0])
    d = c // heads
    other = x if g.rng.random() < 0.8 else tokens(g)
    if g.values[other].shape[0] != b:
        other = x
    m = g.values[other].shape[1]

    def project(source, transposed):
        w = g.constant(g.random((g.values[source].shape[2], c)))
        y = g.add("MatMul", [source, w])
        if g.rng.random() < 0.7:
            y = g.add("Add", [g.constant(g.random((c,))), y])
        y = g.add("Reshape", [y, g.ints(*g.rng.choice([(b, -1, heads, d), (0, 0, heads, d), (b, g.values[source].shape[1], heads, d), (0, -1, heads, d)]))])
        return g.add("Transpose", [y], perm=transposed)

    if g.rng.random() < 0.3:
        # Packed projections, in one of the orders of exporters.
        y = g.add("MatMul", [x, g.constant(g.random((c, 3 * c)))])
        y = g.add("Add", [y, g.constant(g.random((3 * c,)))]) if g.rng.random() < 0.8 else y
        y = g.add("Reshape", [y, g.ints(b, n, 3, heads, d)])
        y = g.add("Transpose", [y], perm=[2, 0, 3, 1, 4])
        order = g.rng.sample([0, 1, 2], 3) if g.rng.random() < 0.3 else [0, 1, 2]
        q, k, w = (g.add("Gather", [y, g.constant(np.array(i, "int64"))], axis=0) for i in order)
        k, m = g.add("Transpose", [k], perm=[0, 1, 3, 2]), n
    else:
        q = project(x, [0, 2, 1, 3])
        k = project(other, [0, 2, 3, 1])
        w = project(other, [0, 2, 1, 3])
    scale = g.scalar(odd(g, 1 / np.sqrt(d), 0.3, 1.0), v)
    where_ = g.rng.randrange(4)
    if where_ == 0:
        q = g.add("Mul", [q, scale])
    elif where_ == 1:
        q, k = g.add("Mul", [q, scale]), g.add("Mul", [k, scale])
    s = g.add("MatMul", [q, k])
    if where_ == 2:
        s = g.add("Mul", [s, scale])
    elif where_ == 3:
        s = g.add("Div", [s, g.scalar(odd(g, np.sqrt(d), 2.0), v)])
    if g.rng.random() < 0.5:
        shape = g.rng.choice([(b, 1, 1, m), (1, 1, n, m), (b, 1, n, m), (n, m), (1, heads, n, m), (b, heads, n, m), (m,), (1, 1, n, 1), (b, 1, n, 1), (heads, 1, 1)])
        kind = g.rng.random()
        if kind < 0.4:
            s = g.add("Add", [s, g.constant(g.random(shape))])
        elif kind < 0.7:
            mask = g.input(g.random((b, m), "int64") % 2, "mask")
            f = g.add("Cast", [unsqueezed(g, mask, [1, 2])], to=TensorProto.FLOAT)
            f = g.add("Mul", [g.add("Sub", [g.constant(np.array(1.0, "float32")), f]), g.constant(np.array(odd(g, -10000.0, -3.4028235e38, -1.0), "float32"))])
            s = g.add("Add", [s, f])
        else:
            s = g.add("Where", [g.constant(g.random(shape, "bool")), s, g.scalar(odd(g, -np.inf, -1e9, 0.0), v)])
    p = g.add("Softmax", [s], axis=odd(g, g.rng.choice([-1, 3]), 2, 1))
    if g.rng.random() < 0.1:
        p = g.add("Mul", [p, g.scalar(0.5, v)])
    o = g.add("Transpose", [g.add("MatMul", [p, w])], perm=odd(g, [0, 2, 1, 3], [0, 1, 2, 3], [1, 2, 0, 3]))
    if g.values[o].shape != (b, n, heads, d):
        return o
    o = g.add("Reshape", [o, g.ints(*g.rng.choice([(b, -1, c), (0, 0, -1), (b, n, c), (0, -1, c)]))])
    if g.rng.random() < 0.7:
        o = g.add("Add", [g.add("MatMul", [o, g.constant(g.random((c, c)))]), g.constant(g.random((c,)))])
        if o and g.rng.random() < 0.6 and x in g.values:
            o = g.add("Add", [x, o])
    return o


def rotary(g):
    x = tokens(g)
    b, n, c = g.values[x].shape
    if c % 2:
        raise Refused
    table = np.outer(np.arange(n), 1 / 10 ** (np.arange(c // 2) / c)).astype("float32")
    angles = np.concatenate([table, table], -1) if odd(g, True, False) else np.repeat(table, 2, -1)
    cos, sin = g.constant(np.cos(angles)), g.constant(np.sin(angles))
    half = lambda a, e: g.add("Slice", [x, g.ints(a), g.ints(e), g.ints(odd(g, 2, -1))])
    low, high = half(0, c // 2), half(c // 2, 2**63 - 1)
    turned = g.add("Concat", [g.add("Neg", [high]), low] if odd(g, True, False) else [low, g.add("Neg", [high])], axis=-1)
    return g.add(odd(g, "Add", "Sub"), [g.add("Mul", [x, cos]), g.add("Mul", [turned, sin])])


def shared_weights(g):
    """Several products of one value, as query, key and value are: packed or not."""
    x = g.pick_float(2, "float32")
    v = g.values[x]
    made = []
    for _ in range(g.rng.randint(2, 3)):
        w = g.constant(g.random((v.shape[-1], g.rng.choice([2, 2, 3]))))
        y = g.add("MatMul", [x, w])
        if g.rng.random() < 0.5:
            y = g.add("Add", [y, g.constant(g.random(g.values[y].shape[-1:]))])
        made.append(y)
    if g.rng.random() < 0.5:
        return g.add("Concat", made, axis=-1)
    return made[0]


def contributed(g):
    g.opsets["com.microsoft"] = 1
    x = tokens(g)
    v = g.values[x]
    b, n, c = v.shape
    kind = g.rng.choice(["Attention", "MultiHeadAttention", "SkipLayerNormalization", "FastGelu", "BiasGelu", "Gelu", "FusedMatMul", "SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization", "QuickGelu", "BiasSplitGelu"])
    ms = {"domain": "com.microsoft"}
    heads = g.rng.choice([h for h in (1, 2) if c % h == 0])
    vector = lambda k=c: g.constant(g.random((k,)))
    if kind == "Attention":
        inputs = [x, g.constant(g.random((c, 3 * c))), vector(3 * c)]
        if g.rng.random() < 0.4:
            inputs.append(g.constant(np.array([[1] * g.rng.randint(1, n) + [0] * n for _ in range(b)], object)[:, :n].astype("int32")) if g.rng.random() < 0.5 else g.constant(np.array([g.rng.randint(1, n) for _ in range(b)], "int32")))
        return g.add(kind, inputs, num_heads=heads, unidirectional=g.rng.choice([None, 1]), scale=g.rng.choice([None, 0.7]), **ms)
    if kind == "MultiHeadAttention":
        inputs = [x, g.pick(lambda o: o.shape == v.shape and o.dtype == v.dtype), x] + g.rng.choice([[], [vector(3 * c)], ["", g.constant(np.array([[g.rng.random() < 0.8 for _ in range(n)] for _ in range(b)], "int32"))], ["", "", g.constant(g.random(g.rng.choice([(1, 1, n, n), (b, heads, n, n), (1, heads, n, n)])))]])
        return g.add(kind, inputs, num_heads=heads, scale=g.rng.choice([None, 0.7]), unidirectional=g.rng.choice([None, None, 1]), **ms)
    if kind == "SkipLayerNormalization":
        return g.add(kind, [x, g.pick(lambda o: o.shape == v.shape and o.dtype == v.dtype), vector(), *g.rng.choice([[], [vector()], [vector(), vector()], ["", vector()]])], g.rng.choice([1, [1, 0, 0, 1]]), epsilon=g.rng.choice([None, 1e-3]), **ms)
    if kind == "SkipSimplifiedLayerNormalization":
        return g.add(kind, [x, g.pick(lambda o: o.shape == v.shape and o.dtype == v.dtype), vector(), *g.rng.choice([[], [vector()]])], g.rng.choice([1, [1, 0, 0, 1]]), **ms)
    if kind == "SimplifiedLayerNormalization":
        return g.add(kind, [x, vector()], axis=-1, epsilon=g.rng.choice([None, 0.1]), stash_type=1)
    if kind in ("FastGelu", "BiasGelu"):
        return g.add(kind, [x, vector()] if kind == "BiasGelu" or g.rng.random() < 0.5 else [x], **ms)
    if kind == "FusedMatMul":
        return g.add(kind, [x, g.constant(g.random((3, c)))], transB=1, alpha=g.rng.choice([None, 0.5]), **ms)
    return g.add(kind, [x], **ms)


RECIPES = {
    unary: 6, binary: 10, logic: 2, where: 4, cast: 4, transpose: 5, reshape: 6, shape_arithmetic: 5, squeeze: 5, expand: 3, tile: 2, concat: 4, split: 3, slice_: 5, gather: 4, gather_elements: 2, gather_nd: 2, scatter: 2,
    reduce: 5, argreduce: 1, softmax: 3, cumsum: 1, top_k: 2, clip: 3, pad: 3, matmul: 6, gemm: 3, conv: 4, pool: 2, resize: 2, instance: 1, depth: 1, recurrent: 1, einsum: 2, odds: 3, quantized: 2, quantized_weight: 2,
    branches: 1, loop: 1, grown_branches: 4, grown_loop: 3, function: 2, sequence: 1, layer_norm: 4, rms_norm: 2, own_norm: 2, skip_norm: 3, gelu: 3, silu: 2, hard_sigmoid: 2, attention: 6, rotary: 1, shared_weights: 2, contributed: 3,
}


def grown(seed, size):
    rng = random.Random(seed)
    g = Graph(rng, rng.choice([11, 12, 13, 14, 15, 16, 17, 17, 18, 18, 19, 20, 21, 22, 23]))
    for _ in range(rng.randint(1, 3)):
        rank = rng.choice([0, 1, 2, 3, 3, 4])
        shape = tuple(0 if rng.random() < 0.02 else rng.choice([1, 2, 3, 4]) for _ in range(rank))
        g.input(g.random(shape, rng.choice(["float32"] * 8 + ["float16", "int64", "int32", "bool", "float64"])))
    focus = rng.sample(list(RECIPES), 8) if rng.random() < 0.5 else list(RECIPES)
    weights = [RECIPES[r] for r in focus]
    tries = 0
    while sum(n.op_type != "Constant" for n in g.nodes) < size and tries < 4 * size:
        tries += 1
        try:
            rng.choices(focus, weights)[0](g)
        except (Refused, IndexError, ValueError, ZeroDivisionError):
            pass
    return g


def resized(g, name, sizes):
    """Another value for an input whose named sizes differ."""
    dims = [sizes.get(d, s) if isinstance(d, str) else s for d, s in zip(g.symbols[name], g.inputs[name].shape)]
    value = g.inputs[name]
    if value.dtype == bool or list(value.shape) == dims:
        return g.random(dims, value.dtype.name) if list(value.shape) != dims else value
    return np.mod(np.abs(g.random(dims, value.dtype.name)), 2).astype(value.dtype) if value.dtype.kind in "iu" else g.random(dims, value.dtype.name)


def written(folder, g):
    model, outputs = g.model()
    if not outputs:
        return False
    onnx.checker.check_model(model)
    symbols = {d for name in g.inputs for d in g.symbols[name] if isinstance(d, str)}
    sets = []
    for sizes in [{}, {s: g.rng.choice([1, 5, 6]) for s in sorted(symbols)}] if symbols else [{}]:
        feeds = {n: resized(g, n, sizes) if sizes else v for n, v in g.inputs.items()}
        try:
            results = runtime(model, feeds)
        except Exception as error:
            if not sizes:
                raise Refused(str(error)) from None
            continue
        sets.append((feeds, results))
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    for k, (feeds, results) in enumerate(sets):
        place = folder / f"test_data_set_{k}"
        place.mkdir()
        for kind, values in (("input", feeds.values()), ("output", results)):
            for i, value in enumerate(values):
                (place / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(value).SerializeToString())
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=12)
    args = parser.parse_args()
    if args.check:
        failed = 0
        models = sorted(args.folder.rglob("model.onnx"))
        for path in models:
            try:
                onnx.checker.check_model(str(path))
            except Exception as error:
                failed += 1
                print(f"{path.parent.name}: {str(error).splitlines()[0]}")
        print(f"{len(models)} models, {failed} refused by the checker")
        return 1 if failed else 0
    made = 0
    for seed in range(args.seed, args.seed + args.count):
        g = grown(seed, random.Random(seed).randint(2, args.nodes))
        try:
            made += written(args.folder / f"case_{seed:06}", g)
        except (Refused, onnx.checker.ValidationError) as error:
            print(f"seed {seed}: {str(error).splitlines()[0][:200] if str(error) else 'refused'}", file=sys.stderr)
    print(f"{made} of {args.count} seeds gave a case")
    return 0


if __name__ == "__main__":
    sys.exit(main())
