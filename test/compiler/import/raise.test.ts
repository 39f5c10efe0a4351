/** Operators that other tools have fused, raised to plain ops and fused again: the same numbers as ONNX Runtime gives for the file itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { planConstants, streamConstants } from "../../../compiler/emit/constants.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { topological } from "../../../compiler/graph/node.ts";
import type { Value } from "../../../compiler/host.ts";
import { importModel } from "../../../compiler/import/onnx-graph.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { f32, numbers, runModel, tensor } from "../../support/evaluate.ts";
import { folderOf, modelBytes, type ModelText, node, port, tensorProto } from "../../support/onnx-model.ts";

const wave = (count: number, by = 1): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + by) / 2);
const CONTRIB = { domain: "com.microsoft" };
const [B, N, H, D] = [2, 5, 3, 4];
const W = H * D;
const weight = (name: string, dims: readonly number[], by: number) => tensorProto(name, "f32", dims, wave(dims.reduce((a, b) => a * b, 1), by));
const tokens = (name: string, width = W, count: string | number = "N") => port(name, "f32", ["B", count, width]);
const noise = (dims: readonly number[], by: number): Value => f32(dims, wave(dims.reduce((a, b) => a * b, 1), by));
const x = noise([B, N, W], 2);
const y = noise([B, N, W], 5);
const z = noise([B, N, W], 8);

interface Case {
  readonly text: ModelText;
  readonly inputs: Readonly<Record<string, Value>>;
  /** Ops of ours that are there afterwards. */
  readonly fused: readonly string[];
  /** Carried through after all, and rightly. */
  readonly carried?: readonly string[];
  /** One operator again for whoever does not look inside: it is spelled out only for a graph of ours. */
  readonly whole?: string;
}

const CONTRIBUTED = { domains: { "com.microsoft": 1 } };
const attention = (inputs: readonly string[], attributes: Parameters<typeof node>[3]): ModelText => ({
  ...CONTRIBUTED, node: [node("Attention", inputs, ["y"], { num_heads: H, ...attributes }, CONTRIB)],
  initializer: [weight("w", [W, 3 * W], 3), weight("b", [3 * W], 4)],
  input: [tokens("x"), ...(inputs.includes("mask") ? [port("mask", "i32", ["B", "N"])] : []), ...(inputs.includes("bias") ? [port("bias", "f32", [1, H, "N", "N"])] : [])], output: [tokens("y")],
});
const multiHead = (inputs: readonly string[], attributes: Parameters<typeof node>[3] = {}): ModelText => ({
  ...CONTRIBUTED, node: [node("MultiHeadAttention", inputs, ["y"], { num_heads: H, ...attributes }, CONTRIB)],
  initializer: inputs.includes("b") ? [weight("b", [3 * W], 4)] : [],
  input: [tokens("q"), tokens("k"), tokens("v"), ...(inputs.includes("mask") ? [port("mask", "i32", ["B", "N"])] : [])], output: [tokens("y")],
});
const mask = tensor("i32", [B, N], [1, 1, 1, 0, 0, 1, 1, 1, 1, 0]);
const standard = (input: ModelText["input"], attributes: Parameters<typeof node>[3], output: ModelText["output"]): ModelText => ({
  opset: 23, node: [node("Attention", (input ?? []).map((i) => i.name as string), ["y"], attributes)], input: input ?? [], output: output ?? [],
});
const apart = (name: string, heads: number) => port(name, "f32", ["B", heads, "N", D]);

const bytes = (by: number): number[] => wave(B * N * W, by).map((v) => Math.round(128 + 250 * v));

/** Cosines and sines of eight places, a column for each pair of channels that turn. */
function turns(channels: number): ReturnType<typeof tensorProto>[] {
  const dims = [8, channels / 2];
  const angles = Array.from({ length: 4 * channels }, (_, i) => Math.floor(i / (channels / 2)) / 10 ** ((i % (channels / 2)) / channels));
  return [tensorProto("cos", "f32", dims, angles.map(Math.cos)), tensorProto("sin", "f32", dims, angles.map(Math.sin))];
}

/** Every form of both operators that turn channels by places. */
function rotations(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  const at = tensor("i64", [B, N], [3, 0, 1, 7, 2, 5, 5, 6, 4, 0]);
  const joined = noise([B, N, 3 * 8], 4);
  const headed = noise([B, 3, N, 8], 5);
  for (const interleaved of [0, 1]) for (const channels of [8, 4]) for (const [x, ports] of [[joined, ["B", "N", 24]], [headed, ["B", 3, "N", 8]]] as const) {
    const what = `${interleaved ? "neighbours" : "halves"} turned, ${channels} of 8 channels, heads ${x === joined ? "joined" : "apart"}`;
    // Where heads are joined and some channels stay, only the number of heads tells how wide they are; where they are apart the runtime wants it too.
    const attributes = { interleaved, ...(channels === 8 ? {} : { rotary_embedding_dim: channels }), ...(channels === 4 || x === joined ? { num_heads: 3 } : {}) };
    const [input, output] = [port("x", "f32", ports), [port("y", "f32", ports)]];
    const contributed = (places: ReturnType<typeof port>): ModelText => ({ ...CONTRIBUTED, node: [node("RotaryEmbedding", ["x", "at", "cos", "sin"], ["y"], attributes, CONTRIB)], initializer: turns(channels), input: [input, places], output });
    cases[`${what}, at places of each token`] = { text: contributed(port("at", "i64", ["B", "N"])), inputs: { x, at }, fused: ["concat"], whole: "com.microsoft.RotaryEmbedding" };
    cases[`${what}, from a place on`] = { text: contributed(port("at", "i64", [1])), inputs: { x, at: tensor("i64", [1], [2]) }, fused: ["concat"] };
    cases[`${what}, of the standard`] = { text: { opset: 23, node: [node("RotaryEmbedding", ["x", "cos", "sin", "at"], ["y"], attributes)], initializer: turns(channels), input: [input, port("at", "i64", ["B", "N"])], output }, inputs: { x, at }, fused: ["concat"], whole: "RotaryEmbedding" };
    const rows = ["cos", "sin"].map((name) => port(name, "f32", ["B", "N", channels / 2]));
    const [cos, sin] = [Math.cos, Math.sin].map((of) => f32([B, N, channels / 2], wave((B * N * channels) / 2).map((v) => of(9 * v)))) as [Value, Value];
    cases[`${what}, of the standard, with a row for each token`] = { text: { opset: 23, node: [node("RotaryEmbedding", ["x", "cos", "sin"], ["y"], attributes)], input: [input, ...rows], output }, inputs: { x, cos, sin }, fused: ["concat"] };
  }
  return cases;
}

const embedding = (inputs: readonly string[], outputs: readonly string[], output: ModelText["output"], behind: readonly ReturnType<typeof node>[] = []): ModelText => ({
  ...CONTRIBUTED, node: [node("EmbedLayerNormalization", inputs, outputs, {}, CONTRIB), ...behind],
  initializer: [weight("words", [7, W], 1), weight("places", [8, W], 2), weight("kinds", [2, W], 3), weight("g", [W], 4), weight("c", [W], 5), ...(behind.length > 0 ? [weight("w", [W, 3 * W], 6), weight("b", [3 * W], 7)] : [])],
  input: inputs.flatMap((name) => (["ids", "kind", "mask", "at"].includes(name) ? [port(name, "i32", ["B", "N"])] : [])), output: output ?? [],
});

const CASES: Readonly<Record<string, Case>> = {
  "packed attention": { text: attention(["x", "w", "b"], {}), inputs: { x }, fused: ["attention"] },
  "packed attention, later tokens hidden": { text: attention(["x", "w", "b"], { unidirectional: 1 }), inputs: { x }, fused: ["packedAttention"] },
  "packed attention, padding hidden": { text: attention(["x", "w", "b", "mask"], {}), inputs: { x, mask }, fused: ["attention"] },
  "packed attention, a bias of the scores and a scale of its own": { text: attention(["x", "w", "b", "", "", "bias"], { scale: { float: 0.3 } }), inputs: { x, bias: noise([1, H, N, N], 9) }, fused: ["packedAttention"] },
  "attention of three tensors": { text: multiHead(["q", "k", "v"]), inputs: { q: x, k: y, v: z }, fused: ["attention"] },
  "attention of three tensors with biases and padding": { text: multiHead(["q", "k", "v", "b", "mask"]), inputs: { q: x, k: y, v: z, mask }, fused: ["attention"] },
  "attention of three tensors, later tokens hidden": { text: multiHead(["q", "k", "v"], { unidirectional: 1 }), inputs: { q: x, k: y, v: z }, fused: ["attention"] },
  "attention in which heads share keys": {
    text: {
      ...CONTRIBUTED, node: [node("GroupQueryAttention", ["q", "k", "v", "", "", "last", "total"], ["y"], { num_heads: 4, kv_num_heads: 2 }, CONTRIB)],
      initializer: [tensorProto("total", "i32", [], [N])], input: [tokens("q", 32), tokens("k", 16), tokens("v", 16), port("last", "i32", ["B"])], output: [tokens("y", 32)],
    },
    inputs: { q: noise([B, N, 32], 1), k: noise([B, N, 16], 2), v: noise([B, N, 16], 3), last: tensor("i32", [B], [N - 1, N - 1]) }, fused: ["attention"],
  },
  "attention of the standard": { text: standard([apart("q", 4), apart("k", 2), apart("v", 2)], {}, [apart("y", 4)]), inputs: { q: noise([B, 4, N, D], 1), k: noise([B, 2, N, D], 2), v: noise([B, 2, N, D], 3) }, fused: ["attention"] },
  "attention of the standard, heads joined, later tokens hidden": {
    text: standard([tokens("q"), tokens("k"), tokens("v")], { q_num_heads: H, kv_num_heads: H, is_causal: 1 }, [tokens("y")]), inputs: { q: x, k: y, v: z }, fused: ["attention"],
  },
  "attention of the standard with a mask of truth values": {
    text: standard([apart("q", H), apart("k", H), apart("v", H), port("mask", "bool", ["N", "N"])], {}, [apart("y", H)]),
    inputs: { q: noise([B, H, N, D], 1), k: noise([B, H, N, D], 2), v: noise([B, H, N, D], 3), mask: tensor("bool", [N, N], Array.from({ length: N * N }, (_, i) => Number(i % 7 !== 3 && (i < 10 || i >= 15)))) }, fused: ["attention"],
  },
  "attention of the standard with a mask of numbers": {
    text: standard([apart("q", H), apart("k", H), apart("v", H), port("mask", "f32", ["B", 1, "N", "N"])], { scale: { float: 0.7 } }, [apart("y", H)]),
    inputs: { q: noise([B, H, N, D], 1), k: noise([B, H, N, D], 2), v: noise([B, H, N, D], 3), mask: noise([B, 1, N, N], 4) }, fused: ["attention"],
  },
  "a bounded score stays as it is": {
    text: standard([apart("q", H), apart("k", H), apart("v", H)], { softcap: { float: 2 } }, [apart("y", H)]), inputs: { q: noise([B, H, N, D], 1), k: noise([B, H, N, D], 2), v: noise([B, H, N, D], 3) }, fused: [], carried: ["Attention"],
  },
  "a sum and its norm": {
    text: {
      ...CONTRIBUTED, node: [node("SkipLayerNormalization", ["x", "s", "g", "c", "b"], ["y", "", "", "sum"], { epsilon: { float: 1e-5 } }, CONTRIB)],
      initializer: [weight("g", [W], 1), weight("c", [W], 2), weight("b", [W], 3)], input: [tokens("x"), tokens("s")], output: [tokens("y"), tokens("sum")],
    },
    inputs: { x, s: y }, fused: ["layerNorm"],
  },
  "a sum and its norm by the root mean square": {
    text: {
      ...CONTRIBUTED, node: [node("SkipSimplifiedLayerNormalization", ["x", "s", "g"], ["y", "", "", "sum"], { epsilon: { float: 1e-5 } }, CONTRIB)],
      initializer: [weight("g", [W], 1)], input: [tokens("x"), tokens("s")], output: [tokens("y"), tokens("sum")],
    },
    inputs: { x, s: y }, fused: ["rmsNorm"],
  },
  "a norm by the root mean square, of the standard": { text: { opset: 23, node: [node("RMSNormalization", ["x", "g"], ["y"])], initializer: [weight("g", [W], 1)], input: [tokens("x")], output: [tokens("y")] }, inputs: { x }, fused: ["rmsNorm"] },
  "activations with biases": {
    text: {
      ...CONTRIBUTED, node: [node("BiasGelu", ["x", "b"], ["u"], {}, CONTRIB), node("FastGelu", ["u", "b"], ["v"], {}, CONTRIB), node("QuickGelu", ["v"], ["w"], { alpha: { float: 1.702 } }, CONTRIB), node("Gelu", ["w"], ["y"], {}, CONTRIB)],
      initializer: [weight("b", [W], 3)], input: [tokens("x")], output: [tokens("y")],
    },
    inputs: { x }, fused: ["gelu"],
  },
  ...rotations(),
  "a size of 1 that is repeated": {
    text: { node: [node("Tile", ["x", "times"], ["y"])], initializer: [tensorProto("times", "i64", [3], [1, 4, 1])], input: [tokens("x", W, 1)], output: [tokens("y", W, 4)] }, inputs: { x: noise([B, 1, W], 3) }, fused: ["expand"],
  },
  "more than one value that is repeated": {
    text: { node: [node("Tile", ["x", "times"], ["y"])], initializer: [tensorProto("times", "i64", [3], [1, 1, 2])], input: [tokens("x")], output: [tokens("y", 2 * W)] }, inputs: { x }, fused: ["foreign"], carried: ["Tile"],
  },
  "a running sum": {
    text: { node: [node("CumSum", ["x", "axis"], ["y"])], initializer: [tensorProto("axis", "i32", [], [-2])], input: [tokens("x")], output: [tokens("y")] }, inputs: { x }, fused: ["cumsum"],
  },
  "a running sum from the end": {
    text: { node: [node("CumSum", ["x", "axis"], ["y"], { reverse: 1 })], initializer: [tensorProto("axis", "i32", [], [1])], input: [tokens("x")], output: [tokens("y")] }, inputs: { x }, fused: ["foreign"], carried: ["CumSum"],
  },
  "all but the last of one more, as many as there are": {
    text: {
      node: [node("Shape", ["x"], ["n"], { start: 1, end: 2 }), node("Concat", ["x", "last"], ["more"], { axis: 1 }), node("Slice", ["more", "zero", "n", "one"], ["y"])],
      initializer: [weight("last", [B, 1, W], 2), tensorProto("zero", "i64", [1], [0]), tensorProto("one", "i64", [1], [1])], input: [port("x", "f32", [B, "N", W])], output: [port("y", "f32", [B, "N", W])],
    },
    inputs: { x }, fused: ["input"],
  },
  "as many as a quotient of sizes says": {
    text: {
      node: [node("Size", ["x"], ["all"]), node("Shape", ["x"], ["b"], { start: 0, end: 1 }), node("Div", ["all", "b"], ["n"]), node("Concat", ["b", "n"], ["to"], { axis: 0 }), node("Reshape", ["x", "to"], ["y"])],
      input: [tokens("x")], output: [port("y", "f32", ["B", "K"])],
    },
    inputs: { x }, fused: ["reshape"],
  },
  "embeddings of words, places and kinds": {
    text: embedding(["ids", "kind", "words", "places", "kinds", "g", "c"], ["y", "", "sum"], [tokens("y", W), tokens("sum", W)]), inputs: { ids: tensor("i32", [B, N], [1, 5, 2, 0, 3, 4, 4, 1, 6, 2]), kind: tensor("i32", [B, N], [0, 0, 1, 1, 1, 0, 0, 0, 1, 1]) }, fused: ["layerNorm"], whole: "com.microsoft.EmbedLayerNormalization",
  },
  "embeddings without kinds, at places that are given": {
    text: embedding(["ids", "", "words", "places", "", "g", "c", "", "at"], ["y", "count"], [tokens("y", W), port("count", "i32", ["B"])]), inputs: { ids: tensor("i32", [B, N], [1, 5, 2, 0, 3, 4, 4, 1, 6, 2]), at: tensor("i32", [B, N], [1, 2, 3, 4, 5, 0, 0, 7, 6, 1]) }, fused: ["layerNorm"], whole: "com.microsoft.EmbedLayerNormalization",
  },
  "embeddings and what their mask counts, which hides keys of attention": {
    text: {
      ...embedding(["ids", "kind", "words", "places", "kinds", "g", "c", "mask"], ["e", "count"], [tokens("y", W), port("count", "i32", ["B"])], [node("Attention", ["e", "w", "b", "count"], ["y"], { num_heads: H }, CONTRIB)]),
    },
    inputs: { ids: tensor("i32", [B, N], [1, 5, 2, 0, 3, 4, 4, 1, 6, 2]), kind: tensor("i32", [B, N], [0, 0, 1, 1, 1, 0, 0, 0, 1, 1]), mask: tensor("i32", [B, N], [1, 1, 1, 0, 0, 1, 1, 1, 1, 0]) }, fused: ["layerNorm", "attention"],
  },
  "packed attention of whole numbers": {
    text: {
      ...CONTRIBUTED, node: [node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), node("QAttention", ["q", "w", "b", "s", "ws", "mask", "z", "wz"], ["y"], { num_heads: H }, CONTRIB)],
      initializer: [tensorProto("w", "u8", [W, 3 * W], wave(3 * W * W).map((v) => Math.round(128 + 200 * v))), tensorProto("ws", "f32", [], [0.01]), tensorProto("wz", "u8", [], [128]), weight("b", [3 * W], 4)],
      input: [tokens("x"), port("mask", "i32", ["B", "N"])], output: [tokens("y")],
    },
    inputs: { x, mask }, fused: ["attention"], carried: ["DynamicQuantizeLinear"],
  },
  ...Object.fromEntries(([
    ["product", "QLinearMatMul", "", "matmul", [N, N]], ["sum", "QLinearAdd", "com.microsoft", "add", [N, W]], ["product of each with each", "QLinearMul", "com.microsoft", "mul", [N, W]],
  ] as const).map(([what, op, domain, made, [rows, columns]]): [string, Case] => [`a ${what} of quantized numbers`, {
    text: {
      ...CONTRIBUTED, node: [node(op, ["a", "as", "az", "b", "bs", "bz", "ys", "yz"], ["q"], {}, { domain }), node("DequantizeLinear", ["q", "ys", "yz"], ["y"])],
      initializer: [...[["as", 0.02], ["bs", 0.01], ["ys", 0.05]].map(([name, v]) => tensorProto(name as string, "f32", [], [v as number])), ...[["az", 120], ["bz", 131], ["yz", 128]].map(([name, v]) => tensorProto(name as string, "u8", [], [v as number]))],
      input: [port("a", "u8", ["B", N, W]), port("b", "u8", op === "QLinearMatMul" ? ["B", W, N] : ["B", N, W])], output: [port("y", "f32", ["B", rows, columns])],
    },
    inputs: { a: tensor("u8", [B, N, W], bytes(1)), b: tensor("u8", op === "QLinearMatMul" ? [B, W, N] : [B, N, W], bytes(5)) }, fused: [made], carried: ["DequantizeLinear"],
  }])),
  "attention in which heads share keys, all from one tensor": {
    text: {
      ...CONTRIBUTED, node: [node("GroupQueryAttention", ["q", "", "", "", "", "last", "total"], ["y"], { num_heads: 4, kv_num_heads: 2 }, CONTRIB)],
      initializer: [tensorProto("total", "i32", [], [N])], input: [tokens("q", 64), port("last", "i32", ["B"])], output: [tokens("y", 32)],
    },
    inputs: { q: noise([B, N, 64], 1), last: tensor("i32", [B], [N - 1, N - 1]) }, fused: ["attention"],
  },
  ...Object.fromEntries([0, 1].map((interleaved): [string, Case] => [`attention in which heads share keys, turned by their places${interleaved ? ", neighbours in pairs" : ""}`, {
    text: {
      ...CONTRIBUTED, node: [node("GroupQueryAttention", ["q", "k", "v", "", "", "last", "total", "cos", "sin"], ["y"], { num_heads: 4, kv_num_heads: 2, do_rotary: 1, rotary_interleaved: interleaved }, CONTRIB)],
      initializer: [tensorProto("total", "i32", [], [N]), ...turns(16)], input: [tokens("q", 64), tokens("k", 32), tokens("v", 32), port("last", "i32", ["B"])], output: [tokens("y", 64)],
    },
    inputs: { q: noise([B, N, 64], 1), k: noise([B, N, 32], 2), v: noise([B, N, 32], 3), last: tensor("i32", [B], [N - 1, N - 1]) }, fused: ["attention"], whole: "com.microsoft.GroupQueryAttention",
  }])),
  "a turned and scaled product": {
    text: { ...CONTRIBUTED, node: [node("FusedMatMul", ["x", "s"], ["y"], { transB: 1, alpha: { float: 0.25 } }, CONTRIB)], initializer: [], input: [tokens("x"), tokens("s")], output: [port("y", "f32", ["B", "N", "N"])] },
    inputs: { x, s: y }, fused: [],
  },
  "a product with a function behind it": {
    text: { ...CONTRIBUTED, node: [node("FusedGemm", ["x", "w", "b"], ["y"], { transB: 1, activation: "Relu" }, CONTRIB)], initializer: [weight("w", [7, W], 1), weight("b", [7], 2)], input: [port("x", "f32", ["N", W])], output: [port("y", "f32", ["N", 7])] },
    inputs: { x: noise([N, W], 4) }, fused: ["linear"],
  },
};

for (const [name, each] of Object.entries(CASES)) {
  test(name, (t) => same(t, each));
  const { whole } = each;
  if (whole !== undefined) test(`${name}: nobody looks inside, so it stays one operator`, (t) => same(t, { ...each, fused: ["foreign"], carried: [whole] }, true));
}

async function same(t: ExecutionContext, { text, inputs, fused, carried = [] }: Case, raise: true | "all" = "all"): Promise<void> {
  const bytes = modelBytes(text);
  const wanted = await runModel(bytes, inputs);
  const folder = folderOf({ "m.onnx": bytes });
  const host = new NodeHost({ root: folder });
  for (const target of ["cpu", "portable"] as const) {
    const { value, problems } = importModel(host, "m.onnx", { raise });
    t.deepEqual(problems, []);
    if (!value) return t.fail("it is not read");
    t.deepEqual([...value.carried.keys()], carried);
    const graph = runPasses(value.graph, target);
    const ops = new Set(topological(graph.outputs.map((o) => o.node)).map((n) => n.op));
    for (const op of fused) t.true(ops.has(op) || (target === "portable" && op === "packedAttention" && ops.has("attention")), `${op} is among ${[...ops].join(", ")}`);
    const { value: plan } = await planConstants(graph, host, { unchecked: true, file: `${target}.data` });
    const chunks: Uint8Array[] = [];
    for await (const chunk of streamConstants(plan, host)) chunks.push(chunk.slice());
    writeFileSync(join(folder, `${target}.data`), Buffer.concat(chunks));
    writeFileSync(join(folder, `${target}.onnx`), emitModel(graph, { target, name: "m", initializers: plan.initializers, frame: value.frame }).model);
    const found = await runModel(join(folder, `${target}.onnx`), inputs);
    for (const [output, want] of Object.entries(wanted)) {
      const got = found[output] as Value;
      t.deepEqual([got.dtype, got.dims], [want.dtype, want.dims]);
      const gap = Math.max(...numbers(got).map((a, i) => Math.abs(a - (numbers(want)[i] as number))));
      t.true(gap < 2e-5, `${output} is off by ${gap}, for ${target}`);
      t.true(want.dtype === "i32" || numbers(want).some((a) => Math.abs(a) > 1e-3));
    }
  }
  host.close();
}
