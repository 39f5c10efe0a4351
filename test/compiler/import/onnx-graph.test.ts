/** Importing small ONNX files: what comes out computes the same, sizes are found, names are kept, and what is wrong is told. */
import { statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import Long from "long";
import proto, { type onnx as Onnx } from "onnx-proto";
import { planConstants } from "../../../compiler/emit/constants.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import type { Value } from "../../../compiler/host.ts";
import { type Imported, importModel } from "../../../compiler/import/onnx-graph.ts";
import { topological } from "../../../compiler/graph/node.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import { printType } from "../../../compiler/types/tensor.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { f32, i64, numbers, runModel, tensor } from "../../support/evaluate.ts";
import { readModel } from "../../support/onnx.ts";
import { folderOf, modelBytes, type ModelText, node, port, tensorProto } from "../../support/onnx-model.ts";

const { onnx } = proto;
const hostOf = (files: Readonly<Record<string, Uint8Array>>): NodeHost => new NodeHost({ root: folderOf(files) });

function imported(t: ExecutionContext, text: ModelText, raise = true): { readonly value: Imported; readonly host: NodeHost } {
  const host = hostOf({ "m.onnx": modelBytes(text) });
  const { value, problems } = importModel(host, "m.onnx", { raise });
  t.deepEqual(problems, []);
  return { value: value as Imported, host };
}

/** The model that we write, carried through or with all passes. */
async function written(t: ExecutionContext, text: ModelText, raise: boolean): Promise<Uint8Array> {
  const { value, host } = imported(t, text, raise);
  const graph = runPasses(value.graph, "cpu", raise ? {} : { order: [] });
  const planned = await planConstants(graph, host, { unchecked: true });
  t.is(planned.value.bytes, 0);
  return emitModel(graph, { target: "cpu", name: "m", initializers: planned.value.initializers, frame: value.frame }).model;
}

/** Both ways give what the file itself gives. */
async function same(t: ExecutionContext, text: ModelText, inputs: Readonly<Record<string, Value>>, tolerance = 1e-5): Promise<Uint8Array> {
  const theirs = await runModel(modelBytes(text), inputs);
  let model: Uint8Array = new Uint8Array();
  for (const raise of [false, true]) {
    model = await written(t, text, raise);
    const ours = await runModel(model, inputs);
    t.deepEqual(Object.keys(ours), Object.keys(theirs));
    for (const [name, wanted] of Object.entries(theirs)) {
      const found = ours[name] as Value;
      t.deepEqual([found.dtype, found.dims], [wanted.dtype, wanted.dims], name);
      const [a, b] = [numbers(found), numbers(wanted)];
      for (const [i, x] of a.entries()) t.true(Object.is(x, b[i]) || Math.abs(x - (b[i] as number)) <= tolerance, `${name}[${i}] is ${x}, not ${b[i]}`);
    }
  }
  return model;
}

const wave = (count: number, by = 1): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + by));
const opsOf = (model: Uint8Array): string[] => readModel(model).nodes.map((n) => n.opType);

test("names, sizes and types of inputs and outputs stay as the file has them", async (t) => {
  const text: ModelText = {
    node: [node("Softplus", ["pixel values"], ["soft"])],
    input: [port("pixel values", "f32", ["batch size", "2*N + 1", 3]), port("unused", "i64", [])],
    output: [port("soft", "f32", ["batch size", "2*N + 1", 3]), port("pixel values", "f32", ["batch size", "2*N + 1", 3])],
  };
  const model = readModel(await written(t, text, true));
  t.deepEqual(model.inputs, ["pixel values: batch size,2*N + 1,3", "unused: "]);
  t.deepEqual(model.outputs, ["soft: batch size,2*N + 1,3", "pixel values: batch size,2*N + 1,3"]);
  t.deepEqual(model.nodes.map((n) => n.metadata["kirigami.path"]), ["Softplus_soft"]);
  await same(t, { ...text, output: [port("soft", "f32", ["batch size", "2*N + 1", 3])] }, { "pixel values": f32([1, 3, 3], wave(9)), unused: i64([], [1]) });
});

test("what an If takes from outside is still found, and its own names hurt nobody", async (t) => {
  // The branches reuse a name of each other, and one takes a large weight of its own out of the sub-graph.
  const branch = (op: string, extra: object = {}): { readonly graph: object } => ({
    graph: { name: op, node: [node(op, ["doubled", "w"], ["inner"]), node("Relu", ["inner"], ["result"])], output: [port("result", "f32")], ...extra },
  });
  const text: ModelText = {
    node: [
      node("Add", ["x", "x"], ["doubled"]), node("ReduceSum", ["x"], ["total"], { keepdims: 0 }), node("Greater", ["total", "zero"], ["c"]),
      node("If", ["c"], ["y"], { then_branch: branch("Mul", { initializer: [tensorProto("w", "f32", [400], wave(400))] }) as never, else_branch: branch("Sub", { initializer: [tensorProto("w", "f32", [1], [3])] }) as never }),
    ],
    initializer: [tensorProto("zero", "f32", [], [0])],
    input: [port("x", "f32", ["N"])], output: [port("y", "f32", ["N"])],
  };
  for (const sign of [1, -1]) {
    const inputs = { x: f32([400], Array.from({ length: 400 }, (_, i) => sign * (i + 1))) };
    const { value } = imported(t, text);
    t.is(value.carried.get("If"), 1);
    const host = hostOf({ "m.onnx": modelBytes(text) });
    for (const raise of [true, false]) {
      const again = importModel(host, "m.onnx", { raise }).value as Imported;
      const graph = runPasses(again.graph, "cpu", raise ? {} : { order: [] });
      const weights = topological(graph.outputs.map((o) => o.node)).filter((n) => n.op === "weight");
      t.is(weights.length, 1, "the large weight is a reference");
      const model = emitModel(graph, { target: "cpu", name: "m", frame: again.frame, location: (ref) => ref.file.slice(1) }).model;
      const ours = await runModel(model, inputs, { extra: { session: { model_external_initializers_file_folder_path: "/" } } });
      t.deepEqual(numbers(ours.y as Value), numbers((await runModel(modelBytes(text), inputs)).y as Value));
    }
  }
});

test("a loop with values from two levels outside", async (t) => {
  const inner = { name: "inner", node: [node("Add", ["state", "step"], ["sum"]), node("Mul", ["sum", "scale"], ["out"])], output: [port("out", "f32")] };
  const other = { name: "other", node: [node("Identity", ["state"], ["out"])], output: [port("out", "f32")] };
  const body = {
    name: "body",
    node: [node("Identity", ["go"], ["goes"]), node("Greater", ["state", "limit"], ["far"]), node("Identity", ["x"], ["step"]), node("If", ["far"], ["next"], { then_branch: { graph: other }, else_branch: { graph: inner } })],
    input: [port("i", "i64", []), port("go", "bool", []), port("state", "f32", [])], output: [port("goes", "bool", []), port("next", "f32", []), port("step", "f32", [])],
  };
  await same(t, {
    node: [node("Loop", ["count", "", "x"], ["last", "all"], { body: { graph: body } })],
    initializer: [tensorProto("count", "i64", [], [6]), tensorProto("scale", "f32", [], [1.5]), tensorProto("limit", "f32", [], [9])],
    input: [port("x", "f32", [])], output: [port("last", "f32", []), port("all", "f32", ["n"])],
  }, { x: f32([], [1]) });
});

test("a resize by known factors has known sizes, so a convolution behind it takes its bias and its function in", async (t) => {
  const text: ModelText = {
    node: [
      node("Resize", ["x", "", "twice"], ["large"], { mode: "nearest" }), node("Resize", ["s", "", "half"], ["small"], { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
      node("Concat", ["large", "large"], ["both"], { axis: 1 }), node("Conv", ["both", "k"], ["c"]), node("Add", ["c", "b"], ["a"]), node("Relu", ["a"], ["y"]), node("Neg", ["small"], ["z"]),
    ],
    initializer: [tensorProto("twice", "f32", [4], [1, 1, 2, 3]), tensorProto("half", "f32", [4], [1, 1, 0.5, 2.5]), tensorProto("k", "f32", [2, 4, 3, 3], wave(72)), tensorProto("b", "f32", [1, 2, 1, 1], [0.5, -0.5])],
    input: [port("x", "f32", ["B", 2, "H", 4]), port("s", "f32", ["B", 1, 5, 3])], output: [port("y", "f32"), port("z", "f32")],
  };
  const types = imported(t, text).value.results.map(({ node: n }) => printType(n.type));
  t.deepEqual(types, ["f32[B, 2, 2*H - 2, 10]", "f32[B, 1, 2, 7]"]);
  const model = await same(t, text, { x: f32([2, 2, 3, 4], wave(48)), s: f32([2, 1, 5, 3], wave(30)) });
  t.deepEqual(opsOf(model).sort(), ["Concat", "FusedConv", "Neg", "Resize", "Resize"]);
});

test("functions are written out, with their attributes, in sub-graphs too", async (t) => {
  const functions = [
    { name: "Scaled", domain: "mine", input: ["a", "b"], output: ["c", "same"], attribute: ["by"], opsetImport: [{ domain: "", version: 17 }, { domain: "mine", version: 1 }],
      node: [node("Constant", [], ["factor"], {}, { attribute: [{ name: "value_float", type: 1, refAttrName: "by" } as never] }), node("Mul", ["a", "factor"], ["m"]), node("Twice", ["m"], ["c"], {}, { domain: "mine" }), node("Identity", ["b"], ["same"])] },
    { name: "Twice", domain: "mine", input: ["a"], output: ["d"], opsetImport: [{ domain: "", version: 17 }], node: [node("Add", ["a", "a"], ["d"])] },
  ];
  const branch = (by: number): { graph: object } => ({ graph: { name: "b", node: [node("Scaled", ["x", "x"], ["r", ""], { by: { float: by } }, { domain: "mine" })], output: [port("r", "f32")] } });
  await same(t, {
    domains: { mine: 1 }, functions: functions as never,
    node: [node("Scaled", ["x", "x"], ["y", "z"], { by: { float: 3 } }, { domain: "mine" }), node("If", ["c"], ["w"], { then_branch: branch(5) as never, else_branch: branch(7) as never })],
    input: [port("x", "f32", ["N"]), port("c", "bool", [])], output: [port("y", "f32", ["N"]), port("z", "f32", ["N"]), port("w", "f32", ["N"])],
  }, { x: f32([3], [1, 2, 3]), c: tensor("bool", [], [1]) });
});

test("operators of old sets are brought up to date", async (t) => {
  const x = f32([2, 3, 4], wave(24));
  const one = (opset: number, nodes: readonly ReturnType<typeof node>[], rest: Partial<ModelText> = {}): ModelText => ({ opset, node: [...nodes], input: [port("x", "f32", ["B", 3, 4])], output: [port("y", "f32")], ...rest });
  const cases: readonly ModelText[] = [
    one(11, [node("Softmax", ["x"], ["y"])]),
    one(11, [node("Softmax", ["x"], ["y"], { axis: 2 })]),
    one(11, [node("Identity", ["x"], ["u"]), node("LogSoftmax", ["u"], ["y"], { axis: -2 })]),
    one(9, [node("Slice", ["x"], ["y"], { starts: [0, 1], ends: [2, 2 ** 63], axes: [0, 2] })]),
    one(12, [node("ReduceSum", ["x"], ["y"], { axes: [-1], keepdims: 0 })]),
    one(17, [node("ReduceMax", ["x"], ["y"], { axes: [1] })]),
    one(12, [node("Unsqueeze", ["x"], ["u"], { axes: [0, 4] }), node("Squeeze", ["u"], ["y"], { axes: [0] })]),
    one(12, [node("Split", ["x"], ["a", "b"], { axis: 1, split: [1, 2] }), node("ReduceSum", ["b"], ["y"])]),
    one(16, [node("Split", ["x"], ["a", "b"], { axis: 2 }), node("Sub", ["a", "b"], ["y"])]),
    one(9, [node("TopK", ["x"], ["y", "places"], { k: 2 })]),
    one(10, [node("Clip", ["x"], ["y"], { min: { float: -0.5 }, max: { float: 0.25 } })]),
    one(10, [node("Pad", ["x"], ["y"], { pads: [0, 1, 0, 0, 0, 2], value: { float: 2.5 } })]),
    one(9, [node("Dropout", ["x"], ["y"], { ratio: { float: 0.5 } })]),
    one(9, [node("Upsample", ["x", "scales"], ["y"], { mode: "nearest" })], { initializer: [tensorProto("scales", "f32", [3], [1, 2, 1.5])] }),
    one(10, [node("Resize", ["x", "scales"], ["y"], { mode: "nearest" })], { initializer: [tensorProto("scales", "f32", [3], [1, 2, 2])] }),
    one(10, [node("Scatter", ["x", "at", "put"], ["y"], { axis: 1 })], { initializer: [tensorProto("at", "i64", [1, 1, 2], [2, 1]), tensorProto("put", "f32", [1, 1, 2], [7, 8])] }),
    one(16, [node("GridSample", ["image", "grid"], ["y"], { mode: "bilinear" }), node("Identity", ["x"], ["unused"])], { initializer: [tensorProto("image", "f32", [1, 1, 3, 3], wave(9)), tensorProto("grid", "f32", [1, 1, 2, 2], [0.1, -0.3, 0.5, 0.9])] }),
  ];
  for (const text of cases) await t.notThrowsAsync(async () => void (await same(t, text, { x })), text.node?.map((n) => n.opType).join(", "));
  // A scan whose first axis is that of records.
  const body = { graph: { name: "b", node: [node("Add", ["state", "row"], ["sum"]), node("Identity", ["sum"], ["seen"])], input: [port("state", "f32", [4]), port("row", "f32", [4])], output: [port("sum", "f32", [4]), port("seen", "f32", [4])] } };
  await same(t, { ...one(8, [node("Scan", ["", "start", "x"], ["last", "y"], { body, num_scan_inputs: 1 })]), input: [port("x", "f32", ["B", 3, 4]), port("start", "f32", ["B", 4])], output: [port("last", "f32", ["B", 4]), port("y", "f32", ["B", 3, 4])] }, { x, start: f32([2, 4], wave(8)) });
  // And inside of a sub-graph, where no shape is known.
  const branch = { graph: { name: "b", node: [node("Softmax", ["x"], ["r"])], output: [port("r", "f32")] } };
  await same(t, one(11, [node("If", ["c"], ["y"], { then_branch: branch, else_branch: branch })], { input: [port("x", "f32", ["B", 3, 4]), port("c", "bool", [])] }), { x, c: tensor("bool", [], [1]) });
});

test("arithmetic of shapes becomes sizes", async (t) => {
  // x[B, N, 6] -> [B, N, 2, 3] by way of Shape, Gather, Unsqueeze, Concat; then a mask from Range over N, and sizes halved.
  const text: ModelText = {
    node: [
      node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["b"]), node("Gather", ["s", "one"], ["n"]),
      node("Unsqueeze", ["b", "front"], ["b1"]), node("Unsqueeze", ["n", "front"], ["n1"]), node("Concat", ["b1", "n1", "two", "three"], ["shape"], { axis: 0 }),
      node("Reshape", ["x", "shape"], ["heads"]), node("Transpose", ["heads"], ["turned"], { perm: [0, 2, 1, 3] }),
      node("Mul", ["n", "hundred"], ["wide"]), node("Div", ["wide", "hundred"], ["same"]), node("Range", ["zero", "same", "one"], ["places"]), node("Cast", ["places"], ["mask"], { to: 1 }),
      node("Unsqueeze", ["mask", "last"], ["column"]), node("Add", ["turned", "column"], ["moved"]),
      node("Slice", ["s", "front", "minus"], ["lead"]), node("Concat", ["lead", "rest"], ["back"], { axis: 0 }), node("Transpose", ["moved"], ["again"], { perm: [0, 2, 1, 3] }), node("Reshape", ["again", "back"], ["y"]),
    ],
    initializer: [
      tensorProto("zero", "i64", [], [0]), tensorProto("one", "i64", [], [1]), tensorProto("front", "i64", [1], [0]), tensorProto("two", "i64", [1], [2]), tensorProto("three", "i64", [1], [3]),
      tensorProto("hundred", "i64", [], [100]), tensorProto("last", "i64", [1], [-1]), tensorProto("minus", "i64", [1], [-1]), tensorProto("rest", "i64", [1], [-1]),
    ],
    input: [port("x", "f32", ["B", "N", 6])], output: [port("y", "f32", ["B", "N", 6])],
  };
  const { value } = imported(t, text);
  t.deepEqual([...value.carried], []);
  t.is(printType(value.graph.outputs[0]?.node.type as never), "f32[B, N, 6]");
  const ops = opsOf(await same(t, text, { x: f32([2, 3, 6], wave(36)) }));
  t.true(ops.length <= 12, ops.join(", "));
  t.false(ops.includes("Gather"));
});

test("the side of a grid that is the root of a count is a size; a root that rounding decides is left to the run", async (t) => {
  const text = (count: number, side: number): ModelText => ({
    node: [node("Constant", [], ["n"], { value: { tensor: tensorProto("", "f32", [], [count]) } }), node("Pow", ["n", "half"], ["r"]), node("Cast", ["r"], ["side"], { to: 7 }), node("Unsqueeze", ["side", "front"], ["s1"]), node("Concat", ["s1", "rest"], ["shape"], { axis: 0 }), node("Reshape", ["x", "shape"], ["y"])],
    initializer: [tensorProto("half", "f32", [], [0.5]), tensorProto("front", "i64", [1], [0]), tensorProto("rest", "i64", [1], [-1])],
    input: [port("x", "f32", [side, side, 2])], output: [port("y", "f32", [side, side * 2])],
  });
  // 37² is a whole side, 17 is cut to 4, and of 4² less than a millionth of it nobody knows the root of.
  for (const [count, side] of [[1369, 37], [17, 4]] as const) {
    t.deepEqual([...imported(t, text(count, side)).value.carried], []);
    await same(t, text(count, side), { x: f32([side, side, 2], wave(side * side * 2)) });
  }
  t.deepEqual([...imported(t, text(15.99999, 4)).value.carried], [["Reshape", 1]]);
});

test("a mask that is indexed by places that count is the mask itself", async (t) => {
  // mask[b, k] at places [B, 1, 1, N, 2] made from two ranges, joined with conditions that always hold: what the newer exporter makes of padding.
  const text: ModelText = {
    node: [
      node("Shape", ["mask"], ["s"]), node("Gather", ["s", "zero"], ["b"]), node("Gather", ["s", "one"], ["n"]), node("Range", ["zero", "b", "one"], ["rows"]), node("Range", ["zero", "n", "one"], ["columns"]),
      node("Unsqueeze", ["rows", "behind3"], ["r4"]), node("Unsqueeze", ["columns", "front3"], ["c4"]), node("Unsqueeze", ["b", "front"], ["b1"]), node("Unsqueeze", ["n", "front"], ["n1"]), node("Concat", ["b1", "list", "list", "n1"], ["all"], { axis: 0 }),
      node("Expand", ["r4", "all"], ["re"]), node("Expand", ["c4", "all"], ["ce"]), node("Unsqueeze", ["re", "last"], ["r5"]), node("Unsqueeze", ["ce", "last"], ["c5"]), node("Concat", ["r5", "c5"], ["places"], { axis: -1 }), node("GatherND", ["mask", "places"], ["found"]),
      node("GreaterOrEqual", ["c4", "zero"], ["always"]), node("And", ["always", "found"], ["y"]),
    ],
    initializer: [tensorProto("zero", "i64", [], [0]), tensorProto("one", "i64", [], [1]), tensorProto("list", "i64", [1], [1]), tensorProto("front", "i64", [1], [0]), tensorProto("last", "i64", [1], [-1]), tensorProto("behind3", "i64", [3], [1, 2, 3]), tensorProto("front3", "i64", [3], [0, 1, 2])],
    input: [port("mask", "bool", ["B", "N"])], output: [port("y", "bool", ["B", 1, 1, "N"])],
  };
  t.deepEqual(opsOf(await same(t, text, { mask: tensor("bool", [2, 3], [1, 0, 1, 1, 1, 0]) })), ["Reshape"]);
});

test("sizes that only the run finds are asked of what has them", async (t) => {
  // The count of non-zero elements is no input's: a reshape and an expansion to it are computed from the node itself.
  const ops = opsOf(await same(t, {
    node: [
      node("NonZero", ["x"], ["places"]), node("Shape", ["places"], ["s"]), node("Gather", ["s", "one"], ["count"]), node("Reshape", ["count", "list"], ["c1"]),
      node("Expand", ["half", "c1"], ["halves"]), node("Cast", ["places"], ["real"], { to: 1 }), node("Add", ["real", "halves"], ["sum"]), node("Softmax", ["sum"], ["soft"]), node("Mul", ["count", "count"], ["square"]), node("Squeeze", ["soft", "zero"], ["y"]),
    ],
    initializer: [tensorProto("one", "i64", [], [1]), tensorProto("zero", "i64", [1], [0]), tensorProto("list", "i64", [1], [1]), tensorProto("half", "f32", [1], [0.5])],
    input: [port("x", "f32", ["N"])], output: [port("y", "f32", ["k"]), port("square", "i64", [])],
  }, { x: f32([5], [0, 1, 2, 0, 3]) }));
  t.true(ops.includes("NonZero"));
});

test("an If that is decided while importing leaves its branch", async (t) => {
  const branch = (op: string): { graph: object } => ({ graph: { name: op, node: [node(op, ["x"], ["r"])], output: [port("r", "f32")] } });
  const ops = opsOf(await same(t, {
    node: [node("Shape", ["x"], ["s"]), node("Size", ["s"], ["rank"]), node("Equal", ["rank", "two"], ["c"]), node("If", ["c"], ["y"], { then_branch: branch("Exp") as never, else_branch: branch("Neg") as never })],
    initializer: [tensorProto("two", "i64", [], [2])], input: [port("x", "f32", ["N", "M"])], output: [port("y", "f32", ["N", "M"])],
  }, { x: f32([2, 2], wave(4)) }));
  t.deepEqual(ops, ["Exp"]);
});

test("texts, sequences and numbers of unknown types are carried through", async (t) => {
  await same(t, {
    node: [node("SequenceConstruct", ["x", "x"], ["list"]), node("SequenceAt", ["list", "one"], ["z"]), node("Cast", ["z"], ["wide"], { to: 13 }), node("Cast", ["wide"], ["y"], { to: 1 })],
    initializer: [tensorProto("one", "i64", [], [1])], input: [port("x", "f32", ["N"])], output: [port("y", "f32", ["N"])],
  }, { x: f32([2], [3, 4]) });
});

test("what a transformer is exported as is fused", async (t) => {
  const [width, heads] = [8, 2];
  const weight = (name: string, dims: readonly number[], by: number): ReturnType<typeof tensorProto> => tensorProto(name, "f32", dims, wave(dims.reduce((a, b) => a * b, 1), by));
  const split = (name: string): ReturnType<typeof node>[] => [
    node("MatMul", ["n1", `w${name}`], [`${name}m`]), node("Add", [`b${name}`, `${name}m`], [`${name}b`]), node("Concat", ["b1", "n_1", "heads", "each"], [`${name}s`], { axis: 0 }), node("Reshape", [`${name}b`, `${name}s`], [`${name}r`]),
    node("Transpose", [`${name}r`], [`${name}t`], { perm: name === "k" ? [0, 2, 3, 1] : [0, 2, 1, 3] }),
  ];
  const norm = (x: string, y: string): ReturnType<typeof node>[] => [
    node("ReduceMean", [x], [`${y}m`], { axes: [-1] }), node("Sub", [x, `${y}m`], [`${y}d`]), node("Pow", [`${y}d`, "2"], [`${y}p`]), node("ReduceMean", [`${y}p`], [`${y}v`], { axes: [-1] }), node("Add", [`${y}v`, "eps"], [`${y}e`]), node("Sqrt", [`${y}e`], [`${y}q`]),
    node("Div", [`${y}d`, `${y}q`], [`${y}n`]), node("Mul", [`${y}n`, "gain"], [`${y}g`]), node("Add", [`${y}g`, "shift"], [y]),
  ];
  const text: ModelText = {
    opset: 14,
    node: [
      node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["b"]), node("Gather", ["s", "one"], ["n"]), node("Unsqueeze", ["b", "front"], ["b1"]), node("Unsqueeze", ["n", "front"], ["n_1"]),
      ...norm("x", "n1"), ...split("k"), ...split("v"), ...split("q"),
      node("Mul", ["qt", "root"], ["qf"]), node("Mul", ["kt", "root"], ["kf"]), node("MatMul", ["qf", "kf"], ["scores"]), node("Softmax", ["scores"], ["probs"], { axis: -1 }), node("MatMul", ["probs", "vt"], ["mixed"]),
      node("Transpose", ["mixed"], ["mt"], { perm: [0, 2, 1, 3] }), node("Concat", ["b1", "n_1", "all"], ["os"], { axis: 0 }), node("Reshape", ["mt", "os"], ["o"]), node("MatMul", ["o", "wo"], ["om"]), node("Add", ["bo", "om"], ["ob"]), node("Add", ["ob", "x"], ["h"]),
      ...norm("h", "n2"), node("MatMul", ["n2", "wu"], ["um"]), node("Add", ["bu", "um"], ["u"]), node("Div", ["u", "r2"], ["ud"]), node("Erf", ["ud"], ["ue"]), node("Add", ["ue", "1"], ["u1"]), node("Mul", ["u", "u1"], ["uu"]), node("Mul", ["uu", "half"], ["gelu"]),
      node("MatMul", ["gelu", "wd"], ["dm"]), node("Add", ["bd", "dm"], ["db"]), node("Add", ["db", "h"], ["y"]),
    ],
    initializer: [
      tensorProto("zero", "i64", [], [0]), tensorProto("one", "i64", [], [1]), tensorProto("front", "i64", [1], [0]), tensorProto("heads", "i64", [1], [heads]), tensorProto("each", "i64", [1], [width / heads]), tensorProto("all", "i64", [1], [width]),
      tensorProto("2", "f32", [], [2]), tensorProto("eps", "f32", [], [1e-6]), tensorProto("root", "f32", [], [(width / heads) ** -0.25]), tensorProto("r2", "f32", [], [Math.SQRT2]), tensorProto("1", "f32", [], [1]), tensorProto("half", "f32", [], [0.5]),
      weight("gain", [width], 2), weight("shift", [width], 3), ...["q", "k", "v", "o"].flatMap((n, i) => [weight(`w${n}`, [width, width], 4 + i), weight(`b${n}`, [width], 9 + i)]),
      weight("wu", [width, 12], 20), weight("bu", [12], 21), weight("wd", [12, width], 22), weight("bd", [width], 23),
    ],
    input: [port("x", "f32", ["batch", "tokens", width])], output: [port("y", "f32", ["batch", "tokens", width])],
  };
  const model = await same(t, text, { x: f32([2, 5, width], wave(80)) }, 2e-5);
  const ops = opsOf(model);
  t.is(ops.filter((o) => o === "MultiHeadAttention").length, 1);
  t.is(ops.filter((o) => o === "LayerNormalization" || o === "SkipLayerNormalization").length, 2);
  t.is(ops.filter((o) => o === "Gelu" || o === "BiasGelu").length, 1);
  t.true(ops.length < 20, ops.join(", "));
  t.false(ops.includes("Shape"));
});

// ── what is wrong with a file ──

const problemOf = (files: Readonly<Record<string, Uint8Array>>, path = "m.onnx"): readonly string[] => importModel(hostOf(files), path).problems.map((p) => `${p.code} ${p.says}`);
const broken = (text: ModelText): readonly string[] => problemOf({ "m.onnx": modelBytes(text) });
const x = port("x", "f32", ["N"]);

test("files that are no models", (t) => {
  t.regex(problemOf({ "m.onnx": new TextEncoder().encode("version https://git-lfs") })[0] as string, /^I501 I cannot read m\.onnx: .* \(at byte \d+\)\.$/);
  t.regex(problemOf({ "m.onnx": modelBytes({ node: [node("Relu", ["x"], ["y"])], input: [x], output: [port("y", "f32")] }).subarray(0, 40) })[0] as string, /^I501 /);
  t.deepEqual(problemOf({}), ["I507 I cannot open m.onnx: it does not exist."]);
  t.deepEqual(problemOf({}, "../m.onnx"), ["I507 I cannot open ../m.onnx: it lies outside of the project."]);
});

test("graphs that are none", (t) => {
  const y = port("y", "f32");
  t.deepEqual(broken({ node: [node("Relu", ["missing"], ["y"])], input: [x], output: [y] }), ["I502 In m.onnx, the node `Relu_y` (Relu) uses `missing`, which is no input, no weight and no result of a node."]);
  t.deepEqual(broken({ node: [], input: [x], output: [y] }), ["I502 In m.onnx, the node `y` (output) uses `y`, which is no input, no weight and no result of a node."]);
  t.deepEqual(broken({ node: [node("Relu", ["x"], ["y"]), node("Exp", ["x"], ["y"])], input: [x], output: [y] }), ["I503 In m.onnx, `y` is made twice; the second time by the node `Exp_y`."]);
  t.deepEqual(broken({ node: [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])], input: [x], output: [port("b", "f32")] }), ["I504 In m.onnx, the node `Add_a` (Add) needs its own result, directly or through others."]);
  const branch = { graph: { name: "b", node: [node("Exp", ["nowhere"], ["r"])], output: [port("r", "f32")] } };
  t.deepEqual(broken({ node: [node("If", ["c"], ["y"], { then_branch: branch, else_branch: branch })], input: [port("c", "bool", [])], output: [y] }), ["I502 In m.onnx, the node `If_y` (If) uses `nowhere`, which is no input, no weight and no result of a node."]);
});

test("weights that callers may replace are constants, and that is told", (t) => {
  const { value, problems } = importModel(hostOf({ "m.onnx": modelBytes({ node: [node("Add", ["x", "w"], ["y"])], initializer: [tensorProto("w", "f32", [1], [1])], input: [x, port("w", "f32", [1])], output: [port("y", "f32", ["N"])] }) }), "m.onnx");
  t.deepEqual(problems.map((p) => `${p.code} ${p.severity} ${p.says}`), ["I509 warning m.onnx lets its callers replace one weight (`w`). I take them as constants, and they are no inputs any more."]);
  t.deepEqual(value?.graph.inputs.map((i) => i.name), ["x"]);
});

test("nodes may stand in any order, and by the thousand", async (t) => {
  const many = 20_000;
  const chain = Array.from({ length: many }, (_, i) => node("Relu", [i === 0 ? "x" : `v${i - 1}`], [`v${i}`])).reverse();
  const { value } = imported(t, { node: chain, input: [x], output: [port(`v${many - 1}`, "f32")] });
  t.is(value.nodeCount, many);
});

test("operators and functions that cannot be", (t) => {
  t.regex(broken({ opset: 1, node: [node("Tile", ["x", "n", "n"], ["y"])], input: [x, port("n", "f32", [])], output: [port("y", "f32")] })[0] as string, /^I506 In m\.onnx, the node `Tile_y` is Tile of operator set 1: /);
  const functions = [{ name: "F", domain: "mine", input: ["a"], output: ["b"], opsetImport: [{ domain: "mine", version: 1 }], node: [node("F", ["a"], ["b"], {}, { domain: "mine" })] }];
  t.regex(broken({ domains: { mine: 1 }, functions: functions as never, node: [node("F", ["x"], ["y"], {}, { domain: "mine" })], input: [x], output: [port("y", "f32")] })[0] as string, /^I508 In m\.onnx, .* calls the function `F`/);
});

test("functions that double at every call are refused before they fill the memory", (t) => {
  const mine = { domain: "mine" };
  const twice = (i: number): object => ({ name: `F${i}`, domain: "mine", input: ["a"], output: ["c"], opsetImport: [{ domain: "", version: 17 }, { domain: "mine", version: 1 }], node: i === 39 ? [node("Relu", ["a"], ["c"])] : [node(`F${i + 1}`, ["a"], ["b"], {}, mine), node(`F${i + 1}`, ["b"], ["c"], {}, mine)] });
  const [before, started] = [process.memoryUsage().rss, performance.now()];
  t.regex(broken({ domains: { mine: 1 }, functions: Array.from({ length: 40 }, (_, i) => twice(i)) as never, node: [node("F0", ["x"], ["y"], {}, mine)], input: [x], output: [port("y", "f32")] })[0] as string, /^I508 .* or to more nodes than 131072\.$/);
  t.true(process.memoryUsage().rss - before < 2 ** 30);
  t.true(performance.now() - started < 60_000);
});

test("weights by the ten thousand, and one constant that all nodes use", (t) => {
  const many = 10_000;
  const started = performance.now();
  const { value } = imported(t, {
    node: Array.from({ length: many }, (_, i) => node("Mul", [i === 0 ? "x" : `v${i - 1}`, "shared"], [`v${i}`])),
    initializer: [tensorProto("shared", "f32", [4], [1, 2, 3, 4]), ...Array.from({ length: many }, (_, i) => tensorProto(`w${i}`, "f32", [1], [i]))],
    input: [port("x", "f32", ["N", 4])], output: [port(`v${many - 1}`, "f32", ["N", 4])],
  });
  t.is(value.nodeCount, many);
  t.true(performance.now() - started < 60_000);
});

test("a circle that leads through a branch, names that are made twice among weights, sizes below zero, and domains that nobody knows", async (t) => {
  const y = port("y", "f32");
  const branch = { graph: { name: "b", node: [node("Exp", ["y"], ["r"])], output: [port("r", "f32")] } };
  t.deepEqual(broken({ node: [node("If", ["c"], ["y"], { then_branch: branch, else_branch: branch })], input: [port("c", "bool", [])], output: [y] }), ["I504 In m.onnx, the node `If_y` (If) needs its own result, directly or through others."]);
  t.regex(broken({ node: [node("Relu", ["w"], ["y"])], initializer: [tensorProto("w", "f32", [1], [1]), tensorProto("w", "f32", [1], [2])], output: [y] })[0] as string, /^I503 In m\.onnx, `w` is made twice/);
  t.regex(broken({ node: [node("Relu", ["x"], ["y"])], input: [x, x], output: [y] })[0] as string, /^I503 In m\.onnx, `x` is made twice/);
  t.regex(broken({ node: [node("Relu", ["w"], ["y"])], initializer: [tensorProto("w", "f32", [-1, -1], [1])], output: [y] })[0] as string, /^I501 .* the tensor w has a negative size/);
  const { value } = imported(t, { domains: { nobody: 3 }, node: [node("Strange", ["x"], ["s"], { by: 2 }, { domain: "nobody" }), node("Relu", ["s"], ["y"])], input: [x], output: [y] });
  t.deepEqual([...value.carried], [["nobody.Strange", 1], ["Relu", 1]]);
  const model = readModel(emitModel(runPasses(value.graph, "cpu"), { target: "cpu", name: "m", frame: value.frame }).model);
  t.deepEqual(model.nodes.map((n) => n.opType), ["Strange", "Relu"]);
});

test("weights in other files are read there, and only beside the model", (t) => {
  const entries = (location: string, offset: number, length: number): { key: string; value: string }[] => [{ key: "location", value: location }, { key: "offset", value: String(offset) }, { key: "length", value: String(length) }];
  const text = (location: string, { offset = 0, length = 1600, dims = [400] }: { offset?: number; length?: number; dims?: readonly number[] } = {}): ModelText => ({
    node: [node("Add", ["x", "w"], ["y"])], input: [port("x", "f32", [400])], output: [port("y", "f32", [400])],
    initializer: [{ ...tensorProto("w", "f32", dims, []), rawData: new Uint8Array(), dataLocation: 1, externalData: entries(location, offset, length) }],
  });
  const data = new Uint8Array(2000);
  const says = (location: string, rest?: Parameters<typeof text>[1]): string => problemOf({ "m.onnx": modelBytes(text(location, rest)), "w.data": data })[0] ?? "";
  t.is(says("w.data"), "");
  t.regex(says("../w.data"), /^I505 I cannot use `w` of m\.onnx: its data lies in "\.\.\/w\.data", outside of the model's folder\.$/);
  t.regex(says("/etc/passwd"), /^I505 .*outside of the model's folder/);
  t.regex(says("none.data"), /^I505 .*none\.data, which does not exist/);
  t.regex(says("w.data", { offset: 1000 }), /^I505 .*ends at byte 2600 of w\.data, which has 2000/);
  t.regex(says("w.data", { length: 10 }), /^I505 .*says that 10 bytes of w\.data are its, and its shape \[400\] wants 1600/);
  t.regex(says("w.data", { dims: [2 ** 40, 2 ** 40] }), /^I505 /);
  const folder = folderOf({ "m.onnx": modelBytes(text("link.data")) });
  const outside = folderOf({ "w.data": data });
  symlinkSync(join(outside, "w.data"), join(folder, "link.data"));
  t.regex(importModel(new NodeHost({ root: folder }), "m.onnx").problems[0]?.says ?? "", /outside of the model's folder/);
  writeFileSync(join(folder, "m.onnx"), modelBytes({ node: [node("Relu", ["w"], ["y"])], initializer: [{ ...tensorProto("w", "f32", [3], [1, 2]) }], output: [port("y", "f32")] }));
  t.regex(importModel(new NodeHost({ root: folder }), "m.onnx").problems[0]?.says ?? "", /the file holds 8 bytes of it, and its shape \[3\] wants 12/);
});

/** A varint. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

test("sparse weights and whole numbers of 4 bits are what they are, written as bytes or as numbers", async (t) => {
  const sparse = (name: string, values: readonly number[], places: readonly number[], dims: readonly number[]): object => ({ values: tensorProto(name, "f32", [values.length], values), indices: tensorProto(`${name}.places`, "i64", [places.length], places), dims: dims.map((d) => Long.fromNumber(d)) });
  const model = readModel(await same(t, {
    node: [node("MatMul", ["x", "w"], ["p"]), node("Add", ["p", "b"], ["y"])], sparseInitializer: [sparse("w", [1.5, -2, 0.25], [1, 6, 11], [4, 3]), sparse("b", [3], [2], [3])] as never,
    input: [port("x", "f32", ["N", 4])], output: [port("y", "f32", ["N", 3])],
  }, { x: f32([2, 4], wave(8)) }));
  t.is(model.outputs[0], "y: N,3");
  // Two numbers a byte, the first one in its lower half: -8 … 7, then 1, 2 and -1.
  const packed = Uint8Array.from([0x98, 0xba, 0xdc, 0xfe, 0x10, 0x32, 0x54, 0x76, 0x21, 0x0f]);
  const tensors = { bytes: { rawData: packed }, numbers: { int32Data: [...packed] } };
  for (const [how, given] of Object.entries(tensors)) for (const code of [22, 21]) {
    const quantized = { name: "q", dataType: code, dims: [Long.fromNumber(19)], ...given };
    await same(t, {
      opset: 21, node: [node("DequantizeLinear", ["q", "scale"], ["w"]), node("Add", ["x", "w"], ["y"])], initializer: [quantized, tensorProto("scale", "f32", [], [0.5])],
      input: [port("x", "f32", [19])], output: [port("y", "f32", [19])],
    }, { x: f32([19], wave(19)) }).catch((error: unknown) => t.fail(`${how}, type ${code}: ${String(error)}`));
  }
});

test("weights with the same bytes are one", (t) => {
  const [a, c] = [wave(400), wave(400).map((v, i) => (i === 77 ? v + 1 : v))];
  const { value } = imported(t, {
    node: [node("Add", ["x", "a"], ["p"]), node("Mul", ["p", "b"], ["q"]), node("Sub", ["q", "c"], ["y"])],
    initializer: [tensorProto("a", "f32", [400], a), tensorProto("b", "f32", [400], a), tensorProto("c", "f32", [400], c)],
    input: [port("x", "f32", [400])], output: [port("y", "f32", [400])],
  });
  const weights = topological(value.graph.outputs.map((o) => o.node)).filter((n) => n.op === "weight");
  t.deepEqual(weights.map((n) => (n.attrs.ref as { name: string }).name), ["a", "c"]);
});

test("a file that memory would not hold is walked, not loaded", (t) => {
  // A weight of 5 GiB in the model file itself: the messages around it are written, its bytes are a hole in the file.
  const length = 5 * 2 ** 30;
  const small = onnx.GraphProto.encode({ node: [node("Relu", ["huge"], ["y"])], output: [port("y", "f32", [length / 4])] }).finish();
  const tensor = [0x08, ...varint(length / 4), 0x10, 1, 0x42, 4, ...new TextEncoder().encode("huge"), 0x4a, ...varint(length)];
  const inner = [...small, 0x2a, ...varint(tensor.length + length), ...tensor];
  const folder = folderOf({ "m.onnx": Uint8Array.from([0x08, 8, 0x42, 2, 0x10, 17, 0x3a, ...varint(inner.length + length), ...inner]) });
  const path = join(folder, "m.onnx");
  truncateSync(path, statSync(path).size + length);
  const [before, started] = [process.memoryUsage().rss, performance.now()];
  const { value, problems } = importModel(new NodeHost({ root: folder }), "m.onnx");
  t.deepEqual(problems, []);
  const weights = topological(value?.graph.outputs.map((o) => o.node) ?? []).filter((n) => n.op === "weight");
  t.like(weights[0]?.attrs.ref, { name: "huge", length, offset: statSync(path).size - length });
  t.true(process.memoryUsage().rss - before < 100 * 2 ** 20);
  t.true(performance.now() - started < 60_000);
});

test("the norm of a batch joins the transposed convolution before it, in groups and with a bias", async (t) => {
  const row = (name: string, by: number): Onnx.ITensorProto => tensorProto(name, "f32", [4], wave(4, by).map((x) => 1.2 + x / 2));
  const text: ModelText = {
    input: [port("x", "f32", [2, 6, 5, 3])], output: [port("y", "f32", [2, 4, 10, 6])],
    initializer: [tensorProto("w", "f32", [6, 2, 2, 2], wave(48)), ...["b", "gain", "shift", "mean", "variance"].map(row)],
    node: [node("ConvTranspose", ["x", "w", "b"], ["made"], { group: 2, strides: [2, 2] }), node("BatchNormalization", ["made", "gain", "shift", "mean", "variance"], ["normed"], { epsilon: { float: 1e-3 } }), node("Relu", ["normed"], ["y"])],
  };
  t.deepEqual(opsOf(await same(t, text, { x: f32([2, 6, 5, 3], wave(180, 2)) })), ["ConvTranspose", "Relu"]);
});
