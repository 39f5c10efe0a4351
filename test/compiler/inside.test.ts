/** Sub-graphs of If, Loop and Scan go through the passes: what stands in them before and after, and the same numbers as the untouched file gives in ONNX Runtime. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import proto, { type onnx as Onnx } from "onnx-proto";
import type { Value } from "../../compiler/host.ts";
import type { TargetName } from "../../compiler/targets/target.ts";
import { type Optimised, optimise } from "../../hosts/optimise.ts";
import { noise } from "../support/array.ts";
import { answer, kiri } from "../support/command-line.ts";
import { f32, i64, numbers, runModel, tensor } from "../support/evaluate.ts";
import { folderOf, modelBytes, type ModelText, node, port, tensorProto } from "../support/onnx-model.ts";

const { onnx } = proto;

const graph = (name: string, nodes: readonly Onnx.INodeProto[], rest: Onnx.IGraphProto): { readonly graph: Onnx.IGraphProto } => ({ graph: { name, node: [...nodes], ...rest } });
/** Names of operators, those of sub-graphs in brackets behind their node. Constants are no operators. */
const shown = (of: Onnx.IGraphProto): string =>
  (of.node ?? []).filter((n) => n.opType !== "Constant").map((n) => {
    const inner = (n.attribute ?? []).filter((a) => a.g).sort((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
    return `${n.opType}${inner.map((a) => `{${shown(a.g as Onnx.IGraphProto)}}`).join("")}`;
  }).join(" ");
const random = (dims: readonly number[], seed: number): Value => f32(dims, noise(dims, seed).data);

/** The optimised file: its operators, what was done; each of `runs` gives what the file gave before. */
async function optimised(t: ExecutionContext, text: ModelText, runs: readonly Readonly<Record<string, Value>>[], target: TargetName = "cpu"): Promise<{ readonly ops: string; readonly model: Onnx.ModelProto; readonly result: Optimised }> {
  const cwd = folderOf({ "m.onnx": modelBytes(text) });
  const [input, out] = [join(cwd, "m.onnx"), join(cwd, "out.onnx")];
  const { optimised: result, problems } = await optimise({ input, out, target });
  t.deepEqual(problems, []);
  for (const inputs of runs) {
    const [wanted, found] = [await runModel(input, inputs), await runModel(out, inputs)];
    for (const [name, want] of Object.entries(wanted)) {
      const got = found[name] as Value;
      t.deepEqual([got.dtype, got.dims], [want.dtype, want.dims], name);
      const ours = numbers(got);
      for (const [i, x] of numbers(want).entries()) t.true(Math.abs(x - (ours[i] as number)) <= 1e-5 * Math.max(1, Math.abs(x)), `${name}[${i}] is ${ours[i]}, not ${x}`);
    }
  }
  const model = onnx.ModelProto.decode(readFileSync(out));
  return { ops: shown(model.graph as Onnx.IGraphProto), model, result: result as Optimised };
}

test("branches of an If: weights folded, transposes cancelled, a product, its bias and its activation one operator", async (t) => {
  // The weight lies outside, is turned and scaled inside; the shape of the reshape is counted inside.
  const branch = (by: string, activation: string): { readonly graph: Onnx.IGraphProto } => graph(by, [
    node("Transpose", ["w"], ["turned"], { perm: [1, 0] }), node("Mul", ["turned", by], ["scaled"]),
    node("Transpose", ["x"], ["there"], { perm: [1, 0] }), node("Transpose", ["there"], ["back"], { perm: [1, 0] }), node("MatMul", ["back", "scaled"], ["m"]), node("Add", ["m", "b"], ["a"]),
    node("Shape", ["x"], ["s"]), node("Gather", ["s", "first"], ["n"]), node("Concat", ["n", "two", "rest"], ["shape"], { axis: 0 }), node("Reshape", ["a", "shape"], ["r"]),
    node(activation, ["r"], ["result"]),
  ], { output: [port("result", "f32")], initializer: [tensorProto("first", "i64", [1], [0]), tensorProto("two", "i64", [1], [2]), tensorProto("rest", "i64", [1], [-1])] });
  const text: ModelText = {
    node: [node("If", ["c"], ["y"], { then_branch: branch("half", "Relu"), else_branch: branch("twice", "Tanh") })],
    initializer: [tensorProto("w", "f32", [24, 40], noise([24, 40], 1).data), tensorProto("b", "f32", [24], noise([24], 2).data), tensorProto("half", "f32", [], [0.5]), tensorProto("twice", "f32", [], [2])],
    input: [port("c", "bool", []), port("x", "f32", ["N", 40])], output: [port("y", "f32", ["N", 2, 12])],
  };
  t.is(shown(text), "If{Transpose Mul Transpose Transpose MatMul Add Shape Gather Concat Reshape Tanh}{Transpose Mul Transpose Transpose MatMul Add Shape Gather Concat Reshape Relu}");
  const { ops, model, result } = await optimised(t, text, [1, 0].map((c) => ({ c: tensor("bool", [], [c]), x: random([5, 40], 3) })));
  t.is(ops, "If{Gemm Reshape Tanh}{Gemm Reshape Relu}");
  t.deepEqual(result.inside, ["then_branch", "else_branch"].map((name) => ({ path: "If_y", opType: "If", graph: name, nodes: { before: 11, after: 3 } })));
  // Made once, outside, where the large ones are references into the file of weights; the one that nothing uses any more is gone.
  const large = (model.graph?.initializer ?? []).filter((i) => (i.dims ?? []).length === 2);
  t.deepEqual(large.map((i) => i.dims?.map(Number)), [[40, 24], [40, 24]]);
  t.is((model.graph?.node?.[0]?.attribute ?? []).flatMap((a) => a.g?.initializer ?? []).filter((i) => (i.dims ?? []).length === 2).length, 0);
});

test("an If in an If: names that siblings share, values from two levels outside, a condition that is known inside", async (t) => {
  const inner = (op: string): { readonly graph: Onnx.IGraphProto } => graph("inner", [node(op, ["doubled"], ["same"]), node("Add", ["same", "x"], ["sum"]), node("Identity", ["sum"], ["out"])], { output: [port("out", "f32")] });
  const then = graph("then", [
    node("Add", ["x", "x"], ["doubled"]), node("Shape", ["doubled"], ["s"]), node("Size", ["s"], ["rank"]), node("Equal", ["rank", "two"], ["known"]),
    node("If", ["known"], ["first"], { then_branch: inner("Exp"), else_branch: inner("Neg") }), node("If", ["d"], ["z"], { then_branch: inner("Sin"), else_branch: inner("Cos") }),
    node("Add", ["first", "z"], ["result"]),
  ], { output: [port("result", "f32")], initializer: [tensorProto("two", "i64", [], [2])] });
  const other = graph("else", [node("If", ["d"], ["same"], { then_branch: graph("a", [node("Identity", ["x"], ["sum"])], { output: [port("sum", "f32")] }), else_branch: graph("b", [node("Abs", ["x"], ["sum"])], { output: [port("sum", "f32")] }) })], { output: [port("same", "f32")] });
  const text: ModelText = {
    node: [node("If", ["c"], ["y"], { then_branch: then, else_branch: other })],
    input: [port("c", "bool", []), port("d", "bool", []), port("x", "f32", ["N", 3])], output: [port("y", "f32", ["N", 3])],
  };
  const runs = [[1, 1], [1, 0], [0, 1], [0, 0]].map(([c, d]) => ({ c: tensor("bool", [], [c as number]), d: tensor("bool", [], [d as number]), x: random([4, 3], 5) }));
  const { ops, result } = await optimised(t, text, runs);
  t.is(ops, "If{If{Abs}{Identity}}{Add Exp Add If{Cos Add}{Sin Add} Add}");
  t.deepEqual(result.inside.map((i) => `${i.path} ${i.graph}`).sort(), ["If_y else_branch", "If_y then_branch", "If_y/If_same else_branch", "If_y/If_same then_branch", "If_y/If_z else_branch", "If_y/If_z then_branch"]);
});

test("the body of a Loop: what stays the same from round to round is known, what grows is not", async (t) => {
  // `grown` gets longer by a row each round, though the file says that it does not; `kept` has the size of x.
  const body = graph("body", [
    node("Identity", ["go"], ["goes"]), node("Concat", ["grown", "row"], ["longer"], { axis: 0 }), node("Shape", ["grown"], ["s"]), node("Gather", ["s", "zero"], ["n"]), node("Cast", ["n"], ["f"], { to: 1 }),
    node("Shape", ["kept"], ["k"]), node("Reshape", ["kept", "k"], ["flat"]), node("MatMul", ["flat", "w"], ["m"]), node("Add", ["m", "b"], ["a"]), node("Add", ["a", "f"], ["moved"]), node("Identity", ["moved"], ["seen"]),
  ], {
    input: [port("i", "i64", []), port("go", "bool", []), port("grown", "f32", [1, 4]), port("kept", "f32")], output: [port("goes", "bool", []), port("longer", "f32", [1, 4]), port("moved", "f32"), port("seen", "f32")],
    initializer: [tensorProto("zero", "i64", [1], [0])],
  });
  const text: ModelText = {
    node: [node("Loop", ["count", "", "row", "x"], ["last", "end", "all"], { body })],
    initializer: [tensorProto("row", "f32", [1, 4], [1, 2, 3, 4]), tensorProto("w", "f32", [4, 4], noise([4, 4], 7).data), tensorProto("b", "f32", [4], [1, 0, -1, 2])],
    input: [port("count", "i64", []), port("x", "f32", ["N", 4])], output: [port("last", "f32"), port("end", "f32"), port("all", "f32")],
  };
  const { ops } = await optimised(t, text, [1, 4].map((count) => ({ count: i64([], [count]), x: random([3, 4], 8) })));
  t.is(ops, "Loop{Concat Gemm Shape Reshape Cast Add Identity Identity}");
});

test("the body of a Scan: slices have the sizes of what they are cut from", async (t) => {
  const body = graph("body", [
    node("Transpose", ["row"], ["there"], { perm: [1, 0] }), node("Transpose", ["there"], ["back"], { perm: [1, 0] }), node("MatMul", ["back", "w"], ["m"]), node("Add", ["m", "b"], ["a"]), node("Add", ["a", "state"], ["sum"]), node("Relu", ["sum"], ["next"]), node("Identity", ["next"], ["seen"]),
  ], { input: [port("state", "f32"), port("row", "f32")], output: [port("next", "f32"), port("seen", "f32")] });
  const text: ModelText = {
    node: [node("Scan", ["start", "x"], ["last", "all"], { body, num_scan_inputs: 1, scan_input_axes: [1] })],
    initializer: [tensorProto("w", "f32", [4, 4], noise([4, 4], 9).data), tensorProto("b", "f32", [4], [1, 0, -1, 2])],
    input: [port("start", "f32", ["B", 4]), port("x", "f32", ["B", "T", 4])], output: [port("last", "f32"), port("all", "f32")],
  };
  const { ops } = await optimised(t, text, [{ start: random([2, 4], 1), x: random([2, 5, 4], 2) }, { start: random([1, 4], 1), x: random([1, 1, 4], 2) }]);
  t.is(ops, "Scan{Gemm Add Relu Identity}");
});

test("for --portable nothing inside is of another domain; what inner nodes and graphs say of themselves stays", async (t) => {
  const branch = (activation: string): { readonly graph: Onnx.IGraphProto } => graph(activation, [node("Conv", ["x", "k"], ["c1"]), node(activation, ["c1"], ["r"], {}, { docString: `by ${activation}` })], { output: [port("r", "f32")], docString: `the way of ${activation}` });
  const text: ModelText = {
    node: [node("If", ["c"], ["y"], { then_branch: branch("Relu"), else_branch: branch("Sigmoid") })], initializer: [tensorProto("k", "f32", [2, 1, 3], [1, 2, 3, -1, -2, -3])],
    input: [port("c", "bool", []), port("x", "f32", ["B", 1, "N"])], output: [port("y", "f32")],
  };
  const runs = [1, 0].map((c) => ({ c: tensor("bool", [], [c]), x: random([2, 1, 9], 4) }));
  t.is((await optimised(t, text, runs)).ops, "If{FusedConv}{FusedConv}");
  const { ops, model } = await optimised(t, text, runs, "portable");
  t.is(ops, "If{Conv Sigmoid}{Conv Relu}");
  t.false((model.opsetImport ?? []).some((o) => o.domain === "com.microsoft"));
  const said = (model.graph?.node?.[0]?.attribute ?? []).map((a) => [a.g?.name, a.g?.docString, a.g?.node?.at(-1)?.docString]).sort();
  t.deepEqual(said, ["Relu", "Sigmoid"].map((a) => [a, `the way of ${a}`, `by ${a}`]));
});

test("a sub-graph that cannot be read by itself stays as it is; graphs 30 deep are gone through", async (t) => {
  // A body whose input has a value of its own too.
  const odd = graph("odd", [node("Add", ["state", "state"], ["sum"]), node("Neg", ["sum"], ["minus"]), node("Neg", ["minus"], ["next"]), node("Identity", ["next"], ["seen"]), node("Add", ["row", "row"], ["unused"])], {
    input: [port("state", "f32", [2]), port("row", "f32", [])], output: [port("next", "f32", [2]), port("seen", "f32", [2])], initializer: [tensorProto("row", "f32", [], [1])],
  });
  const scan: ModelText = { node: [node("Scan", ["start", "x"], ["last", "all"], { body: odd, num_scan_inputs: 1 })], input: [port("start", "f32", [2]), port("x", "f32", [3])], output: [port("last", "f32", [2]), port("all", "f32", [3, 2])] };
  const carried = await optimised(t, scan, []);
  t.deepEqual([carried.ops, carried.result.inside], ["Scan{Add Neg Neg Identity Add}", []]);
  let deep = graph("end", [node("Neg", ["x"], ["n"]), node("Neg", ["n"], ["r"]), node("Exp", ["r"], ["out"])], { output: [port("out", "f32")] });
  for (let i = 0; i < 29; i++) deep = graph(`level ${i}`, [node("If", ["c"], ["out"], { then_branch: deep, else_branch: graph("other", [node("Cos", ["x"], ["out"])], { output: [port("out", "f32")] }) })], { output: [port("out", "f32")] });
  const text: ModelText = { node: [node("If", ["c"], ["y"], { then_branch: deep, else_branch: deep })], input: [port("c", "bool", []), port("x", "f32", ["N"])], output: [port("y", "f32", ["N"])] };
  const { ops, result } = await optimised(t, text, [1, 0].map((c) => ({ c: tensor("bool", [], [c]), x: random([4], 4) })));
  t.is(ops.match(/Exp/g)?.length, 2);
  t.notRegex(ops, /Neg/);
  t.is(result.inside.length, 2 * (2 * 29 + 1));
});

test("optimise and inspect say what was done inside", async (t) => {
  const branch = (op: string): { readonly graph: Onnx.IGraphProto } => graph(op, [node("Neg", ["x"], ["n"]), node("Neg", ["n"], ["m"]), node(op, ["m"], ["r"])], { output: [port("r", "f32")] });
  const cwd = folderOf({ "m.onnx": modelBytes({ node: [node("If", ["c"], ["y"], { then_branch: branch("Exp"), else_branch: branch("Cos") })], input: [port("c", "bool", []), port("x", "f32", ["N"])], output: [port("y", "f32", ["N"])] }) });
  const ran = await kiri({ cwd }, "optimise", "m.onnx", "-o", "out.onnx");
  t.regex(ran.err, /1 nodes to 1, in 2 sub-graphs 6 to 2, /);
  const { inside } = answer(await kiri({ cwd }, "optimise", "m.onnx", "-o", "out.onnx", "--json")) as unknown as { inside: { path: string; opType: string; graph: string; nodes: object }[] };
  t.deepEqual(inside.map((i) => [i.path, i.opType, i.nodes]), [0, 1].map(() => ["If_y", "If", { before: 3, after: 1 }]));
  t.regex((await kiri({ cwd }, "inspect", "m.onnx")).out, /carried {3}If × 1\ninside {4}in 2 sub-graphs 6 to 2\n/);
  t.deepEqual(JSON.parse((await kiri({ cwd }, "inspect", "m.onnx", "--json")).out).inside, inside);
});
