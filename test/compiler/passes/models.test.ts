// Whole models through all passes, for each target: every attention is fused, nothing but the spelling changes, and the graph is small.
import test from "ava";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { planConstants } from "../../../compiler/emit/constants.ts";
import type { Value } from "../../../compiler/host.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import type { TargetName } from "../../../compiler/targets/target.ts";
import { array, distance, map, noise, value } from "../../support/array.ts";
import { readModel } from "../../support/onnx.ts";
import { compiled, run } from "../../support/program.ts";
import { tolerance } from "../../support/tolerance.ts";
import type { Compiled } from "../../../compiler/compile.ts";

const SIZES: Readonly<Record<string, number>> = { B: 2, N: 17 };
const DIGITS = 'use model.vit\nmodel m = vit.Classifier from "models/tiny-vit-mnist"\npipeline p(pixels: f32[Channels = 1, Y = 28, X = 28]) -> { y: f32[Classes] } { { y: m(pixels) } }';
const SCENES = 'use model.vit\nmodel m = vit.Segmenter from "models/digit-scenes-segmenter"\npipeline p(pixels: f32[Channels = 1, Y = 64, X = 64]) -> { y: f32[Classes, Y, X] } { { y: m(pixels) } }';
const BERT = 'use model.bert\nmodel m = bert.Encoder from "models/tiny-random-minilm"\npipeline p(ids: i64[N], mask: i64[N], kinds: i64[N]) -> { y: f32[N, C] } { { y: m(ids, mask, kinds) } }';
const LLAMA = 'use model.llama\nmodel m = llama.Decoder from "models/tiny-llama-shakespeare"\npipeline p(ids: i64[N]) -> { y: f32[N, V] } { { y: m(ids) } }';
const folded = (text: string, fold: string): string => `${text}\n${fold}`;

interface Model {
  readonly text: string;
  readonly variant?: string;
  readonly layers: number;
  readonly norms: readonly [name: string, count: number];
  readonly activations: readonly [name: string, count: number];
  /** Operators a layer and beside layers, at most, on a CPU. */
  readonly nodes: readonly [each: number, beside: number];
}
const MODELS: Readonly<Record<string, Model>> = {
  "ViT, classifying": { text: DIGITS, layers: 6, norms: ["layer_norm", 13], activations: ["gelu", 6], nodes: [14, 20] },
  "ViT, segmenting": { text: SCENES, layers: 8, norms: ["layer_norm", 17], activations: ["gelu", 8], nodes: [14, 20] },
  "ViT, tokens merged, sizes in the attention": {
    text: folded(`use folds.tome (tome)\n${DIGITS}`, "compress m as v { fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4) }"), variant: "v",
    layers: 6, norms: ["layer_norm", 13], activations: ["gelu", 6], nodes: [43, 20],
  },
  "BERT with padding": { text: BERT, layers: 2, norms: ["layer_norm", 5], activations: ["gelu", 2], nodes: [15, 16] },
  "Llama, causal, rotated, with groups": { text: LLAMA, layers: 6, norms: ["rms_norm", 13], activations: ["silu", 6], nodes: [42, 14] },
};

/** Ids are below 100; two sentences, the second shorter than the first. */
function inputsOf({ graph }: Compiled): Record<string, Value> {
  return Object.fromEntries(graph.inputs.map(({ name, node }, i) => {
    const dims = node.type.dims.map((d) => graph.arena.facts.number(d) ?? SIZES[d.key] ?? 1);
    const numbers = noise(dims, i + 1);
    if (node.type.dtype !== "i64") return [name, value(node.type.dtype, numbers)];
    if (name === "mask") return [name, value("i64", { dims, data: numbers.data.map((_, at) => Number(at < 17 + 9)) })];
    return [name, value("i64", map(numbers, (x) => (name === "kinds" ? Number(x > 0) : Math.floor((x + 1) * 50))))];
  }));
}

async function emitted(of: Compiled, target: TargetName): Promise<{ readonly nodes: ReturnType<typeof readModel>["nodes"]; readonly outputs: Record<string, Value> }> {
  const { host } = of.program;
  const fused = runPasses(of.graph, target);
  // Constants are computed for the count of operators alone.
  const initializers = target === "cpu" ? (await planConstants(fused, host)).value.initializers : undefined;
  const { model } = emitModel(fused, { target, name: "m", ...(initializers && { initializers }) });
  const outputs = await run({ ...of, fused }, inputsOf(of), "fused", target);
  return { nodes: readModel(model).nodes, outputs };
}

for (const [name, { text, variant, layers, norms, activations, nodes: [each, beside] }] of Object.entries(MODELS)) {
  test.serial(name, async (t) => {
    const of = compiled(text, { variant });
    t.is(of.record.fused.get("attention"), layers);
    t.is(of.record.fused.get(norms[0]), norms[1]);
    t.is(of.record.fused.get(activations[0]), activations[1]);
    const wanted = array((await run(of, inputsOf(of), "plain")).y as Value);
    const top = Math.max(...wanted.data.map(Math.abs));
    for (const target of ["cpu", "cuda", "portable"] as const) {
      const { nodes, outputs } = await emitted(of, target);
      const gap = distance(map(array(outputs.y as Value), (x) => x / top), map(wanted, (x) => x / top));
      t.true(gap <= tolerance("f32", "reordered"), `${target}: off by ${gap}`);
      if (target === "cpu") t.true(nodes.length <= layers * each + beside, `${nodes.length} operators`);
      if (target === "cpu") t.is(nodes.filter((n) => n.opType === "MultiHeadAttention").length, layers);
      if (target === "portable") t.deepEqual(nodes.filter((n) => n.domain !== "" || n.opType.startsWith("Simplified")), []);
    }
  });
}

test.serial("what the project's own pipelines expect to be fused is", (t) => {
  const { record } = compiled(`use folds.tome (tome)\n${DIGITS}\ncompress m as v {\nfold tokens protect 1 in each blocks[2..] after attended with tome(r: 4)\nexpect fused attention * 6\n}`, { variant: "v" });
  t.is(record.fused.get("attention"), 6);
});

test.serial("8 bits: biases join, and every target computes the same", async (t) => {
  const of = compiled(`use rewrites.int8 (int8)\n${DIGITS}\ncompress m as v { rewrite blocks with int8() }`, { variant: "v" });
  t.is(of.record.fused.get("linear_int8"), 36);
  const wanted = array((await run(of, inputsOf(of), "plain")).y as Value);
  for (const target of ["cpu", "cuda", "portable"] as const) {
    const { nodes, outputs } = await emitted(of, target);
    t.is(nodes.filter((n) => n.opType === "DynamicQuantizeMatMul").length, target === "cpu" ? 36 : 0);
    // Rounding to 8 bits turns differences of the last digit into steps; so classes are compared.
    t.deepEqual(winners(array(outputs.y as Value)), winners(wanted), target);
  }
});

const winners = ({ dims, data }: { readonly dims: readonly number[]; readonly data: readonly number[] }): number[] => {
  const classes = dims.at(-1) ?? 1;
  return Array.from({ length: data.length / classes }, (_, row) => {
    const scores = data.slice(row * classes, (row + 1) * classes);
    return scores.indexOf(Math.max(...scores));
  });
};
