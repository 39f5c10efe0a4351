// Constants: what is computed in panels equals what ONNX Runtime computes at once, and what a naive loop gives.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { DATA_FILE, type Plan, planConstants, streamConstants, UnusableWeight } from "../../../compiler/emit/constants.ts";
import { emitConstantModel, emitModel } from "../../../compiler/emit/onnx.ts";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, type Graph, type Node } from "../../../compiler/graph/node.ts";
import type { Host, Value } from "../../../compiler/host.ts";
import { openSafetensors } from "../../../compiler/import/safetensors.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { symbol } from "../../../compiler/types/dim.ts";
import type { DType } from "../../../compiler/types/tensor.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { f32, graphOf, numbers, runModel, tensor } from "../../support/evaluate.ts";
import { safetensors, type StoredTensor, temporaryFolder } from "../../support/safetensors-file.ts";

const evaluate: NonNullable<Host["evaluate"]> = (model, inputs) =>
  runModel(model, inputs, { extra: { session: { model_external_initializers_file_folder_path: "/" } } });

interface World {
  readonly b: Build;
  readonly host: NodeHost;
  weight(name: string): Node;
}

/** A project of one weight file. */
function world(tensors: Readonly<Record<string, StoredTensor>>, options: { readonly evaluate: Host["evaluate"] } = { evaluate }): World {
  const root = temporaryFolder();
  const file = join(root, "model.safetensors");
  writeFileSync(file, safetensors(tensors));
  const host = new NodeHost({ root, ...options });
  const opened = openSafetensors(host, join(host.root, "model.safetensors"), "model.safetensors", undefined);
  const b = new Build(new Arena(infer));
  return {
    b, host,
    weight(name) {
      const ref = opened.value?.weights.get(name);
      if (!ref) throw new Error(`no ${name}: ${JSON.stringify(opened.problems)}`);
      return b.weight(ref);
    },
  };
}

/** A graph in which each constant meets an input, so that they are roots. */
function using(b: Build, ...constants: readonly Node[]): Graph {
  const x = b.input("x", "f32", [symbol("B")]);
  return graphOf(b.arena, x, ...constants);
}

async function data(plan: Plan, host: Host): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamConstants(plan, host)) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

/** The bytes of a constant as the artifact would have them. */
async function stored(w: World, node: Node): Promise<Uint8Array> {
  const { value: plan, problems } = await planConstants(using(w.b, node), w.host);
  if (problems.length) throw new Error(problems[0]?.says);
  const at = plan.initializers.get(node);
  if (!at) throw new Error(`${node.op} is left to the run`);
  return at.kind === "inline" ? at.bytes : (await data(plan, w.host)).subarray(at.offset, at.offset + at.length);
}

async function byRuntime(w: World, node: Node): Promise<Value> {
  const model = emitConstantModel(node, w.b.arena.facts);
  return (await evaluate(model.model, {}))[model.output] as Value;
}

/** Seeded numbers that 16 bits hold, so that every element type can carry them. */
function plain(length: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 16) % 1021) / 8 - 60;
  });
}

function stores(dtype: DType, shape: readonly number[], values: readonly number[]): StoredTensor {
  if (dtype === "f16" || dtype === "bf16") {
    const bits = Uint16Array.from(values, (v) => (dtype === "bf16" ? (new Uint32Array(Float32Array.of(v).buffer)[0] as number) >>> 16 : halfBits(v)));
    return { dtype, shape, bytes: new Uint8Array(bits.buffer) };
  }
  return { dtype, shape, bytes: tensor(dtype, shape, values).bytes };
}

/** By search, so that the test shares no code with what it tests: values here are exact in 16 bits. */
function halfBits(value: number): number {
  if (value === 0) return 0;
  const sign = value < 0 ? 0x8000 : 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  return sign | ((exponent + 15) << 10) | (Math.abs(value) / 2 ** exponent - 1) * 1024;
}

const A: StoredTensor = stores("f32", [37, 53], plain(37 * 53));
const cases: Readonly<Record<string, (b: Build, w: (name: string) => Node) => Node>> = {
  "as stored": (_, w) => w("a"),
  "a transpose": (b, w) => b.transpose(w("a"), [1, 0]),
  "a transpose of four axes": (b, w) => b.transpose(w("conv"), [2, 0, 3, 1]),
  "a convolution's kernel as a matrix, transposed": (b, w) => b.transpose(b.reshape(w("conv"), [12, 7 * 3 * 5]), [1, 0]),
  "axes split and turned": (b, w) => b.transpose(b.reshape(w("cut"), [3, 4, 5, 14]), [1, 3, 0, 2]),
  "axes joined across a cut": (b, w) => b.slice(b.reshape(w("cut"), [30, 28]), 1, 5, 27),
  "ragged ranges of a reshape": (b, w) => b.slice(b.reshape(b.slice(w("a"), 0, 1, 36), [53, 35]), 0, 3, 50),
  "f16 to f32": (b, w) => b.cast(w("half"), "f32"),
  "bf16 to f32, transposed": (b, w) => b.transpose(b.cast(w("brain"), "f32"), [1, 0]),
  "f32 to f16": (b, w) => b.cast(w("odd"), "f16"),
  "f32 to f64 to f32": (b, w) => b.cast(b.cast(w("odd"), "f64"), "f32"),
  "queries, keys and values packed": (b, w) => b.concat([b.transpose(w("a"), [1, 0]), b.transpose(b.slice(w("a"), 0, 2, 31, 3), [1, 0]), b.transpose(b.cast(w("half"), "f32"), [1, 0])], 1),
  "parts along the first axis": (b, w) => b.concat([w("a"), b.slice(w("a"), 0, 10, 20), w("a")], 0),
  "every third": (b, w) => b.slice(w("a"), 1, 2, 50, 3),
  "rows by index": (b, w) => b.gather(w("a"), b.tensor("i64", [2, 3], [5, 6, 7, 0, 36, -1]), 0),
  "columns by index": (b, w) => b.gather(w("a"), b.tensor("i64", [7], [5, 6, 7, 0, 52, 52, 3]), 1),
  "scaled by a number": (b, w) => b.mul(b.transpose(w("odd"), [1, 0]), b.scalar("f32", 0.125)),
  "columns times a vector": (b, w) => b.mul(w("odd"), b.reshape(b.slice(b.reshape(w("a"), [37 * 53]), 0, 9, 62), [1, 53])),
  "rows minus a vector": (b, w) => b.sub(w("odd"), b.reshape(w("vector"), [37, 1])),
  "an outer sum": (b, w) => b.add(b.reshape(w("vector"), [37, 1]), b.reshape(b.slice(w("vector"), 0, 0, 20), [1, 20])),
  "max over rows": (b, w) => b.reduce("reduceMax", b.unary("abs", w("odd")), [0], true),
  "min over columns": (b, w) => b.reduce("reduceMin", w("odd"), [1], false),
  "max over two axes": (b, w) => b.reduce("reduceMax", w("conv"), [0, 2], false),
  "int8 of a linear layer": (b, w) => int8(b, b.transpose(w("odd"), [1, 0])),
  "the scale of int8": (b, w) => scale(b, b.transpose(w("odd"), [1, 0])),
  "halves rounded to even": (b, w) => b.unary("round", b.mul(w("a"), b.scalar("f32", 4))),
  "a comparison and a choice": (b, w) => b.where(b.binary("lt", w("a"), b.scalar("f32", 3)), w("odd"), b.scalar("f32", -1)),
  "whole numbers": (b) => b.binary("mod", b.sub(b.mul(b.iota(2000), b.scalar("i64", -7)), b.scalar("i64", 5)), b.scalar("i64", 12)),
  "integers kept beyond doubles": (b, w) => b.reshape(w("huge"), [4, 300]),
  "integers computed beyond doubles": (b, w) => b.sub(w("huge"), b.fill("i64", [1200], 2 ** 40)),
  "floats to whole numbers": (b, w) => b.cast(w("a"), "i64"),
  "a window mask": (b) => b.windowMask([6, 7], [3, 4], 3),
  "random numbers": (b) => b.mul(b.random("f32", [40, 50], 3, "normal"), b.scalar("f32", 0.02)),
  "a product, by the evaluator": (b, w) => b.matmul(b.transpose(w("a"), [1, 0]), w("a")),
  "a product of bf16 weights, by the evaluator": (b, w) => b.matmul(b.cast(w("brain"), "f32"), b.cast(b.transpose(w("brain"), [1, 0]), "f32")),
  "nothing": (b, w) => b.slice(w("a"), 0, 3, 3),
  "a single number": (b, w) => b.reshape(b.slice(w("vector"), 0, 4, 5), []),
};

const scale = (b: Build, w: Node): Node => b.div(b.binary("max", b.reduce("reduceMax", b.unary("abs", w), [0], true), b.scalar("f32", 1e-12)), b.scalar("f32", 127));
const int8 = (b: Build, w: Node): Node => b.cast(b.unary("round", b.div(w, scale(b, w))), "i8");

const tensors: Readonly<Record<string, StoredTensor>> = {
  a: A,
  odd: stores("f32", [37, 53], plain(37 * 53, 5).map((v) => Math.fround(v * 0.0137))),
  half: stores("f16", [29, 53], plain(29 * 53, 2)),
  brain: stores("bf16", [31, 45], plain(31 * 45, 3).map((v) => Math.round(v))),
  conv: stores("f32", [12, 7, 3, 5], plain(12 * 7 * 3 * 5, 4)),
  cut: stores("f32", [12, 70], plain(840, 6)),
  vector: stores("f32", [37], plain(37, 7)),
  huge: { dtype: "i64", shape: [1200], bytes: new Uint8Array(BigInt64Array.from({ length: 1200 }, (_, i) => 2n ** 62n - BigInt(i)).buffer) },
};

for (const [name, make] of Object.entries(cases))
  test(`the same as ONNX Runtime, bit for bit: ${name}`, async (t) => {
    const w = world(tensors);
    const node = make(w.b, (n) => w.weight(n));
    const found = await stored(w, node);
    const wanted = await byRuntime(w, node);
    t.is(wanted.dtype, node.type.dtype);
    t.true(Buffer.from(found).equals(wanted.bytes), "the bytes differ");
  });

test("functions of floats agree with ONNX Runtime to rounding", async (t) => {
  const w = world(tensors);
  const x = w.b.mul(w.weight("a"), w.b.scalar("f32", 0.05));
  for (const op of ["exp", "sin", "cos", "tanh", "sigmoid", "erf"] as const) {
    const node = w.b.unary(op, x);
    const [found, wanted] = [numbers({ ...f32([], []), bytes: (await stored(w, node)).slice() }), numbers(await byRuntime(w, node))];
    t.is(found.length, wanted.length);
    const worst = Math.max(...found.map((v, i) => Math.abs(v - (wanted[i] as number)) / Math.max(1e-3, Math.abs(wanted[i] as number))));
    t.true(worst < 3e-6, `${op}: ${worst}`);
  }
  for (const op of ["reduceSum", "reduceMean", "reduceL2"] as const) {
    const node = w.b.reduce(op, w.weight("conv"), [0, 3], false);
    const [found, wanted] = [numbers({ ...f32([], []), bytes: (await stored(w, node)).slice() }), numbers(await byRuntime(w, node))];
    t.true(found.every((v, i) => Math.abs(v - (wanted[i] as number)) <= 1e-5 * Math.max(1, Math.abs(wanted[i] as number))), op);
  }
});

// Larger than a panel, with sizes that are not round, so that panels and blocks end in the middle of things.
test("transposes in panels equal a naive loop, for odd sizes", async (t) => {
  const [rows, columns] = [1537, 2051];
  const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.fround(i * 0.37));
  const w = world({ big: { dtype: "f32", shape: [rows, columns], bytes: new Uint8Array(values.buffer) } });
  const found = await stored(w, w.b.transpose(w.weight("big"), [1, 0]));
  const turned = new Float32Array(found.slice().buffer);
  let wrong = 0;
  for (let c = 0; c < columns; c++) for (let r = 0; r < rows; r++) if (turned[c * rows + r] !== values[r * columns + c]) wrong++;
  t.is(wrong, 0);
});

test("a wide matrix, of which single rows are sought, is transposed and quantized as a naive loop does", async (t) => {
  const [rows, columns] = [67, 40009];
  const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i));
  const w = world({ wide: { dtype: "f32", shape: [rows, columns], bytes: new Uint8Array(values.buffer) } });
  const found = new Int8Array((await stored(w, int8(w.b, w.b.transpose(w.weight("wide"), [1, 0])))).slice().buffer);
  let wrong = 0;
  for (let r = 0; r < rows; r++) {
    let most = 0;
    for (let c = 0; c < columns; c++) most = Math.max(most, Math.abs(values[r * columns + c] as number));
    const step = Math.fround(Math.fround(most) / 127);
    for (let c = 0; c < columns; c++) {
      const quotient = Math.fround((values[r * columns + c] as number) / step);
      const floor = Math.floor(quotient);
      const even = quotient - floor > 0.5 || (quotient - floor === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
      if (found[c * rows + r] !== even) wrong++;
    }
  }
  t.is(wrong, 0);
});

test("every number of f16 and of bf16 becomes the same f32 as in ONNX Runtime", async (t) => {
  const finite = (infinity: number): number[] => Array.from({ length: 65536 }, (_, i) => i).filter((i) => (i & infinity) !== infinity);
  const bits = { f16: Uint16Array.from(finite(0x7c00)), bf16: Uint16Array.from(finite(0x7f80)) };
  const w = world({
    half: { dtype: "f16", shape: [bits.f16.length], bytes: new Uint8Array(bits.f16.buffer) },
    brain: { dtype: "bf16", shape: [bits.bf16.length], bytes: new Uint8Array(bits.bf16.buffer) },
  });
  for (const name of ["half", "brain"]) {
    const node = w.b.cast(w.weight(name), "f32");
    t.true(Buffer.from(await stored(w, node)).equals((await byRuntime(w, node)).bytes), name);
  }
});

test("f32 becomes f16 and bf16 by rounding to even: subnormals, ties and overflow", async (t) => {
  const values = [0, -0, 2 ** -24, 2 ** -25, 2 ** -25 * 1.5, 2 ** -24 * 1.5, 2 ** -14, 2 ** -14 - 2 ** -25, 65504, 65519, 65520, -65520, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 3.4e38, 1e-40, 1 + 2 ** -8, 1 + 3 * 2 ** -8];
  const list = Array.from({ length: 300 }, (_, i) => Math.fround(values[i % values.length] as number));
  const w = world({ list: stores("f32", [300], list) });
  const half = w.b.cast(w.weight("list"), "f16");
  t.true(Buffer.from(await stored(w, half)).equals((await byRuntime(w, half)).bytes), "f16");
  const brain = w.b.cast(w.b.cast(w.weight("list"), "bf16"), "f32");
  t.true(Buffer.from(await stored(w, brain)).equals((await byRuntime(w, brain)).bytes), "bf16");
});

for (const [what, dtype, at, value, says] of [
  ["NaN", "f32", [2, 7], Number.NaN, /`bad` of model\.safetensors holds NaN at \[2, 7\] of \[37, 53\]/],
  ["infinity in a row that is sought", "f32", [36, 52], Infinity, /holds Infinity at \[36, 52\]/],
] as const)
  test(`a weight is refused by name and place: ${what}`, async (t) => {
    const values = plain(37 * 53);
    values[at[0] * 53 + at[1]] = value;
    const w = world({ bad: stores(dtype, [37, 53], values), vector: tensors.vector as StoredTensor });
    const bad = w.weight("bad");
    for (const node of [bad, w.b.transpose(bad, [1, 0]), w.b.slice(bad, 1, 3, 53), int8(w.b, bad), w.b.matmul(bad, w.b.transpose(bad, [1, 0]))]) {
      const { value: plan } = await planConstants(using(w.b, node), w.host);
      const error = await t.throwsAsync(data(plan, w.host), { instanceOf: UnusableWeight });
      t.regex(error?.problem.says ?? "", says);
      t.is(error?.problem.code, "W411");
    }
    // What is not read is not judged.
    const { value: plan } = await planConstants(using(w.b, w.b.slice(bad, 0, 3, 36)), w.host);
    await t.notThrowsAsync(data(plan, w.host));
  });

test("a small weight that is not a number is a problem of the plan", async (t) => {
  const w = world({ small: stores("f32", [3], [1, Number.NaN, 2]) });
  const { problems } = await planConstants(using(w.b, w.b.add(w.weight("small"), w.b.scalar("f32", 1))), w.host);
  t.deepEqual(problems.map((p) => [p.code, p.says]), [["W411", "`small` of model.safetensors holds NaN at [1] of [3]; every result that it reaches is lost."]]);
});

test("plans are aligned, in a fixed order, and hold a weight that is used twice once", async (t) => {
  const w = world(tensors);
  const graph = (): Graph => using(w.b, w.b.neg(w.weight("a")), w.weight("conv"), w.b.neg(w.weight("a")), w.weight("vector"), w.b.fill("f32", [500, 40], 0), w.b.expand(w.b.reshape(w.weight("vector"), [37, 1]), [37, 4000]));
  const { value: plan } = await planConstants(graph(), w.host);
  t.deepEqual(plan.tensors.map((x) => [x.node.op, x.offset, x.length]), [["neg", 0, 37 * 53 * 4], ["weight", 8192, 12 * 7 * 3 * 5 * 4]]);
  t.is(plan.bytes, 8192 + 12 * 7 * 3 * 5 * 4);
  // What only repeats is left to the run: the zeros, and the rows of the vector.
  t.deepEqual([...plan.initializers].map(([n, v]) => [n.op, v.kind]), [["neg", "external"], ["weight", "external"], ["weight", "inline"], ["reshape", "inline"]]);
  t.deepEqual(await data((await planConstants(graph(), w.host)).value, w.host), await data(plan, w.host));
});

test("without an evaluator, the run computes what TypeScript cannot", async (t) => {
  const w = world(tensors, { evaluate: undefined });
  const turned = w.b.transpose(w.weight("a"), [1, 0]);
  const { value: plan, problems } = await planConstants(using(w.b, w.b.matmul(turned, w.weight("a"))), w.host);
  t.deepEqual(problems, []);
  t.deepEqual([...plan.initializers.keys()].map((n) => n.op).sort(), ["transpose", "weight"]);
});

test("an evaluator that fails is told with the constant", async (t) => {
  const w = world(tensors, { evaluate: async () => { throw new Error("out of patience"); } });
  const { value: plan } = await planConstants(using(w.b, w.b.matmul(w.weight("a"), w.b.transpose(w.weight("a"), [1, 0]))), w.host);
  const error = await t.throwsAsync(data(plan, w.host), { instanceOf: UnusableWeight });
  t.is(error?.problem.says, "I compute f32[37, 37] (matmul) once, while compiling, and that fails: out of patience.");
});

test("a weight file that becomes shorter is told", async (t) => {
  const w = world(tensors);
  const { value: plan } = await planConstants(using(w.b, w.weight("a")), w.host);
  writeFileSync(join(w.host.root, "model.safetensors"), "short");
  const error = await t.throwsAsync(data(plan, w.host), { instanceOf: UnusableWeight });
  t.regex(error?.problem.says ?? "", /^I cannot go on reading model\.safetensors: it ends at byte 5/);
});

test("a model with planned constants computes what the graph says", async (t) => {
  const w = world(tensors);
  const { b } = w;
  const x = b.input("x", "f32", [symbol("B"), 53]);
  const y = b.add(b.matmul(x, b.transpose(w.weight("a"), [1, 0])), b.reshape(w.weight("vector"), [1, 37]));
  const graph = graphOf(b.arena, y);
  const { value: plan } = await planConstants(graph, w.host);
  writeFileSync(join(w.host.root, DATA_FILE), await data(plan, w.host));
  const { model } = emitModel(graph, { target: "cpu", name: "planned", initializers: plan.initializers });
  const file = join(w.host.root, "model.onnx");
  writeFileSync(file, model);
  const input = plain(2 * 53, 9);
  const { y: found } = await runModel(model, { x: f32([2, 53], input) }, { extra: { session: { model_external_initializers_file_folder_path: w.host.root } } });
  const a = plain(37 * 53);
  const vector = plain(37, 7);
  const wanted = Array.from({ length: 74 }, (_, i) => a.slice((i % 37) * 53, (i % 37) * 53 + 53).reduce((sum, v, k) => sum + v * (input[Math.floor(i / 37) * 53 + k] as number), vector[i % 37] as number));
  for (const [i, v] of numbers(found as Value).entries()) t.true(Math.abs(v - (wanted[i] as number)) <= 1e-4 * Math.max(1, Math.abs(wanted[i] as number)), `${i}: ${v} for ${wanted[i]}`);
});
