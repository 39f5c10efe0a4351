// Half precision: whole models stay near what they are in f32, conversions are few, and what f16 cannot hold is left in f32.
import test from "ava";
import type { Compiled } from "../../../compiler/compile.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { constantRanges } from "../../../compiler/emit/ranges.ts";
import { planConstants, streamConstants } from "../../../compiler/emit/constants.ts";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, type Graph, type Node, topological } from "../../../compiler/graph/node.ts";
import type { Value } from "../../../compiler/host.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { inHalf, type Precision } from "../../../compiler/passes/half.ts";
import { withPrecision } from "../../../compiler/precision.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import { TARGETS, type TargetName } from "../../../compiler/targets/target.ts";
import { symbol } from "../../../compiler/types/dim.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { array, distance, map, noise, value } from "../../support/array.ts";
import { f32, graphOf, i64, numbers, runGraph, runModel } from "../../support/evaluate.ts";
import { readModel } from "../../support/onnx.ts";
import { compiled, ROOT, run } from "../../support/program.ts";

const COMPUTED: readonly TargetName[] = ["cuda", "portable"];
const host = new NodeHost({ root: ROOT });
const [B, N] = [symbol("B"), symbol("N")];

const DIGITS = 'use model.vit\nuse folds.tome (tome)\nmodel m = vit.Classifier from "models/tiny-vit-mnist"\ncompress m as merged { fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4) }\npipeline p(pixels: f32[Channels = 1, Y = 28, X = 28]) -> { y: f32[Classes] } { { y: m(pixels) } }';
const BERT = 'use model.bert\nuse rewrites.int8 (int8)\nmodel m = bert.Encoder from "models/tiny-random-minilm"\ncompress m as eight { rewrite blocks with int8() }\npipeline p(ids: i64[N], mask: i64[N], kinds: i64[N]) -> { y: f32[N, C] } { { y: m(ids, mask, kinds) } }';
const LLAMA = 'use model.llama\nmodel m = llama.Decoder from "models/tiny-llama-shakespeare"\npipeline p(ids: i64[N]) -> { y: f32[N, V] } { { y: m(ids) } }';

const IMPORTED = 'use folds.tome (tome)\nmodel m = import "models/tiny-onnx/bert-torchscript.onnx"\ncompress m as shorter { fold tokens in each blocks[*] after attended with tome(r: 2) }\npipeline p(ids: i64[N], mask: i64[N], kinds: i64[N]) -> { y: f32[N, C = 32] } { { y: m(ids, attention_mask: mask, token_type_ids: kinds) } }';

interface Model {
  readonly text: string;
  readonly variant?: string;
  readonly layers: number;
  /** Conversions of what is computed, a layer and beside layers, at most: a softmax that stands by itself has one in front and one behind. */
  readonly casts: Readonly<Partial<Record<TargetName, readonly [each: number, beside: number]>>>;
  /** What may be lost besides, relative to the largest output. */
  readonly besides?: number;
  /** The checkpoint is in 16 bits already: where these are only stored, nothing changes. */
  readonly isHalf?: true;
}
const MODELS: Readonly<Record<string, Model>> = {
  "ViT, classifying": { text: DIGITS, layers: 6, casts: { cuda: [0, 2], portable: [2, 2] } },
  "ViT, tokens merged": { text: DIGITS, variant: "merged", layers: 6, casts: { cuda: [4, 3], portable: [6, 3] } },
  "BERT with padding": { text: BERT, layers: 2, casts: { cuda: [0, 3], portable: [2, 2] } },
  "an imported BERT, tokens merged": { text: IMPORTED, variant: "shorter", layers: 2, casts: { cuda: [6, 2], portable: [8, 2] } },
  // Maps in 8 bits take and give f32; attention between them is in f16. What rounds to the next of 255 steps moves by one, in front of four products a layer.
  "BERT in 8 bits": { text: BERT, variant: "eight", layers: 2, casts: { cuda: [6, 3], portable: [8, 2] }, besides: (2 * 4) / 255 },
  "Llama, causal, rotated, with groups": { text: LLAMA, layers: 6, casts: { cuda: [0, 6], portable: [6, 8] }, isHalf: true },
};

/** Ids are below 40; two sentences, the second shorter than the first. */
function inputsOf({ graph }: Compiled): Record<string, Value> {
  return Object.fromEntries(graph.inputs.map(({ name, node }, i) => {
    const dims = node.type.dims.map((d) => graph.arena.facts.number(d) ?? { B: 2, N: 17 }[d.key] ?? 1);
    const drawn = noise(dims, i + 1);
    if (node.type.dtype !== "i64") return [name, value(node.type.dtype, drawn)];
    if (name === "mask") return [name, value("i64", { dims, data: drawn.data.map((_, at) => Number(at < 17 + 9)) })];
    return [name, value("i64", map(drawn, (x) => (name === "kinds" ? Number(x > 0) : Math.floor((x + 1) * 20))))];
  }));
}

/** f16 has a unit in the last place of 2^-11. A layer rounds the stream it adds to twice, and what goes into its sums averages out. */
const allowed = (layers: number): number => 2 ** -11 * 2 * layers;

for (const [name, { text, variant, layers, casts, besides = 0, isHalf }] of Object.entries(MODELS)) {
  test(name, async (t) => {
    const woven = compiled(text, variant ? { variant } : {});
    const inputs = inputsOf(woven);
    for (const target of ["cpu", ...COMPUTED] as const) {
      const full = runPasses(woven.graph, target);
      const { graph, precision } = withPrecision(full, target, host);
      const wanted = array((await run({ ...woven, fused: full }, inputs, "fused", target)).y as Value);
      const found = (await run({ ...woven, fused: graph }, inputs, "fused", target)).y as Value;
      t.is(found.dtype, "f32");
      const top = Math.max(...wanted.data.map(Math.abs));
      const gap = distance(map(array(found), (x) => x / top), map(wanted, (x) => x / top));
      t.true(gap <= allowed(layers) + besides && (gap > 0 || (isHalf && target === "cpu") === true), `for ${target} off by ${gap}`);
      t.is(precision.computes, target !== "cpu");
      const { initializers, tensors } = (await planConstants(graph, host)).value;
      const { nodes } = readModel(emitModel(graph, { target, name: "m", initializers }).model);
      const made = new Set(nodes.flatMap((n) => n.outputs));
      // Products in 8 bits convert by themselves.
      const conversions = nodes.filter((n) => n.opType === "Cast" && n.inputs.some((x) => made.has(x)) && !n.name.includes("linearInt8")).map((n) => n.name);
      const [each, beside] = casts[target] ?? [0, 6];
      t.true(conversions.length <= each * layers + beside, `for ${target} ${conversions.length} conversions: ${conversions.join(", ")}`);
      // Eight bits stay eight bits; every other matrix is in 16, and vectors too where these are computed in.
      const stored = tensors.map((x) => ({ dtype: x.node.type.dtype, rank: x.node.type.dims.length }));
      t.true(stored.some((x) => x.dtype === "f16"));
      t.deepEqual(stored.filter((x) => x.dtype === "f32" && (x.rank > 1 || (target !== "cpu" && variant !== "eight"))), []);
      t.is(stored.some((x) => x.dtype === "i8"), variant === "eight");
    }
  });
}

// ── what is delicate ──

function halved(target: TargetName, make: (o: Build) => Node): { readonly before: Graph<"fused">; readonly after: Graph<"fused">; readonly precision: Precision } {
  const o = new Build(new Arena(infer));
  const before = runPasses({ ...graphOf(o.arena, make(o)), level: "tensor" } as Graph<"tensor">, target);
  const { graph, precision } = inHalf(before, TARGETS[target], constantRanges(before, host));
  return { before, after: graph, precision };
}
const weight = (o: Build, dims: readonly number[], seed: number): Node => o.random("f32", dims, seed, "normal");
const ops = (graph: Graph, op: string): Node[] => topological(graph.outputs.map((x) => x.node)).filter((n) => n.op === op);

for (const target of COMPUTED) {
  test(`a mask of the least f32 hides in f16 what it hid, for ${target}`, async (t) => {
    const { before, after } = halved(target, (o) => {
      const x = o.input("x", "f32", [B, N, 16]);
      const [q, k, v] = [1, 2, 3].map((seed) => o.transpose(o.reshape(o.matmul(x, weight(o, [16, 16], seed)), [B, N, 2, 8]), [0, 2, 1, 3])) as [Node, Node, Node];
      const hidden = o.where(o.reshape(o.input("mask", "bool", [B, N]), [B, 1, 1, N]), o.scalar("f32", 0), o.scalar("f32", -3.4028234663852886e38));
      const scores = o.add(o.mul(o.matmul(q, o.transpose(k, [0, 1, 3, 2])), o.scalar("f32", 8 ** -0.5)), hidden);
      const mixed = o.transpose(o.matmul(o.softmax(scores, 3), v), [0, 2, 1, 3]);
      return o.matmul(o.reshape(mixed, [B, N, 16]), weight(o, [16, 16], 4));
    });
    t.is(ops(after, "attention").length, 1);
    t.is(ops(after, "attention")[0]?.type.dtype, "f16");
    const inputs = { x: value("f32", noise([2, 9, 16], 5)), mask: { dtype: "bool" as const, dims: [2, 9], bytes: Uint8Array.from({ length: 18 }, (_, i) => Number(i < 14)) } };
    const [wanted, found] = [numbers((await runGraph(before, inputs, { target })).y as Value), numbers((await runGraph(after, inputs, { target })).y as Value)];
    const top = Math.max(...wanted.map(Math.abs));
    for (const [i, x] of wanted.entries()) t.true(Math.abs(x - (found[i] as number)) <= top * 2 ** -8, `${x} became ${found[i]}`);
    // What hidden tokens hold makes no difference at all.
    const other = { ...inputs, x: value("f32", { dims: [2, 9, 16], data: array(inputs.x).data.map((x, i) => (i >= 14 * 16 ? x + 3 : x)) }) };
    t.deepEqual(numbers((await runGraph(after, other, { target })).y as Value).slice(0, 14 * 16), found.slice(0, 14 * 16));
  });

  test(`numbers beyond f16, and far below it, stay in f32, for ${target}`, async (t) => {
    const { before, after, precision } = halved(target, (o) => {
      const x = o.input("x", "f32", [B, 4]);
      const large = o.matmul(x, o.tensor("f32", [4, 4], Array.from({ length: 16 }, (_, i) => 70000 + i)));
      const small = o.mul(large, o.tensor("f32", [1, 4], [1e-5, 2e-5, 3e-5, 4e-5]));
      const squared = o.mul(o.mul(x, o.scalar("f32", 300)), o.mul(x, o.scalar("f32", 300)));
      return o.add(o.div(small, o.binary("max", o.reduce("reduceSum", squared, [1], true), o.scalar("f32", 1e-12))), o.matmul(x, weight(o, [4, 4], 1)));
    });
    t.deepEqual(precision.kept.map((k) => k.largest), [70015, Math.fround(4e-5)]);
    t.true(precision.single.some((s) => s.op === "linear" || s.op === "matmul"));
    const inputs = { x: f32([2, 4], [1, -2, 0.5, 1.5, 1e-3, 2, 3, -1]) };
    const [wanted, found] = [numbers((await runGraph(before, inputs, { target })).y as Value), numbers((await runGraph(after, inputs, { target })).y as Value)];
    for (const [i, x] of wanted.entries()) t.true(Math.abs(x - (found[i] as number)) <= 2 ** -9 * Math.max(1, Math.abs(x)), `${x} became ${found[i]}`);
  });

  test(`positions are counted in f32, for ${target}`, async (t) => {
    // f16 has no 2049: a distance of 1 between tokens would be lost.
    const { before, after } = halved(target, (o) => {
      const at = o.mul(o.cast(o.input("at", "i64", [B, N]), "f32"), o.scalar("f32", 0.5));
      const x = o.matmul(o.input("x", "f32", [B, N, 4]), weight(o, [4, 4], 1));
      return o.matmul(o.mul(x, o.cast(o.unary("sin", o.reshape(at, [B, N, 1])), "f32")), weight(o, [4, 4], 2));
    });
    t.deepEqual(ops(after, "mul").map((n) => n.type.dtype).sort(), ["f16", "f32"]);
    const inputs = { at: i64([1, 3], [4097, 4099, 4101]), x: f32([1, 3, 4], Array.from({ length: 12 }, (_, i) => (i % 5) - 2)) };
    const [wanted, found] = [numbers((await runGraph(before, inputs, { target })).y as Value), numbers((await runGraph(after, inputs, { target })).y as Value)];
    const top = Math.max(...wanted.map(Math.abs));
    for (const [i, x] of wanted.entries()) t.true(Math.abs(x - (found[i] as number)) <= 2 ** -8 * top);
  });

  test(`between parts in f32 nothing is converted there and back, for ${target}`, (t) => {
    const { after, precision } = halved(target, (o) => {
      const x = o.input("x", "f32", [B, N, 8]);
      // softmax, movement and arithmetic, softmax: all of it in f32 though only the ends must be
      const first = o.softmax(o.matmul(x, weight(o, [8, 8], 1)), 2);
      const moved = o.add(o.transpose(o.mul(first, o.scalar("f32", 2)), [0, 2, 1]), o.scalar("f32", 1));
      const second = o.softmax(o.neg(moved), 2);
      return o.matmul(o.transpose(second, [0, 2, 1]), weight(o, [8, 4], 2));
    });
    t.is(precision.casts, 4, "x, the first product, the second factor, the result");
    t.is(ops(after, "cast").filter((n) => topological([n]).some((m) => m.op === "input")).length, 4);
  });
}

test("a weight that two operators use is held once, and rounded as ONNX Runtime rounds", async (t) => {
  const drawn = Array.from({ length: 40 * 40 }, (_, i) => Math.sin(i) * 2 ** ((i % 44) - 28));
  // The tie between two halves goes to the even one; the least subnormal stays, what is below its half goes.
  drawn.splice(0, 6, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -24, 2 ** -26, -65504, 65519);
  for (const target of ["cpu", "cuda"] as const) {
    const { after } = halved(target, (o) => {
      const w = o.tensor("f32", [40, 40], drawn);
      const x = o.matmul(o.input("x", "f32", [B, N, 40]), w);
      return o.add(x, o.gather(w, o.input("ids", "i64", [B, N]), 0));
    });
    const { value: plan } = await planConstants(after, host);
    t.deepEqual(plan.tensors.map((x) => [x.node.type.dtype, x.length]), [["f16", 3200]]);
    const stored: Uint8Array[] = [];
    for await (const chunk of streamConstants(plan, host)) stored.push(chunk.slice());
    const o = new Build(new Arena(infer));
    const runtime = await runModel(emitModel(graphOf(o.arena, o.cast(o.input("w", "f32", [1600]), "f16")), { target: "cpu", name: "cast" }).model, { w: f32([1600], drawn) });
    t.deepEqual([...Buffer.concat(stored).subarray(0, 3200)], [...(runtime.y as Value).bytes]);
  }
});
