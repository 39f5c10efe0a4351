/** Quantized files, in every form that ONNX Runtime's tools write (`bench/quantized.py`): blocks are found, folds are woven in, and the quantized products stay as they are. */
import { join } from "node:path";
import test from "ava";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import type { Value } from "../../../compiler/host.ts";
import { importModel } from "../../../compiler/import/onnx-graph.ts";
import { recognise } from "../../../compiler/import/recognise/recognise.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { f32, numbers, runModel, tensor } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { compiled, output, run } from "../../support/program.ts";

const FOLDER = new URL("../import/", import.meta.url).pathname;
/** Of the largest value: a fold of nothing, and no fold, against what ONNX Runtime makes of the file. */
const SAME = 1e-6;
/** A fold of the quantized file is as far from the same fold of the file before it was quantized as the two files are from each other, times this. */
const FURTHER = 1.6;

interface Source {
  /** Before it was quantized. */
  readonly plain: string;
  readonly pipeline: string;
  readonly inputs: Readonly<Record<string, Value>>;
}

const picture = { pixel_values: f32([2, 3, 32, 32], Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i * 1.7) + Math.cos(i * i * 0.013))) };
const [TEXTS, WORDS] = [2, 9];
const VIT: Source = { plain: "exports/vit.dynamo.onnx", inputs: picture, pipeline: "pipeline p(pixel_values: f32[Channels = 3, Y = 32, X = 32]) -> { y: f32[N, C] } { { y: m(pixel_values) } }" };
/** Two blocks of BERT in the operators of ONNX Runtime's transformer optimizer. */
const WHOLE: Source = {
  plain: "quantized/whole.onnx",
  pipeline: "pipeline p(ids: i32[N], kind: i32[N], mask: i32[N]) -> { y: f32[N, C = 16] } { { y: m(ids, kind, mask) } }",
  inputs: {
    ids: tensor("i32", [TEXTS, WORDS], Array.from({ length: TEXTS * WORDS }, (_, i) => (i * 7) % 20)), kind: tensor("i32", [TEXTS, WORDS], Array.from({ length: TEXTS * WORDS }, (_, i) => Number(i % WORDS > 4))),
    mask: tensor("i32", [TEXTS, WORDS], Array.from({ length: TEXTS * WORDS }, (_, i) => Number(i < 15))),
  },
};

/** Looks at no values, so that rounding decides nothing. */
const EVENS = `fold evens() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] as [B, K, C] }
  down mask by pick
  fn pick(v: f32[B, N, C]) -> f32[B, K, C] { v[N: 0.. step 2] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(N) / 2; over: K) as [B, N, C] }
}`;
const program = (file: string, line: string, { pipeline }: Source): string => `use folds.tome (tome)
model m = import "${file}"
${line && `${EVENS}\ncompress m as folded { fold tokens ${line} }`}
${pipeline}
`;

interface Made {
  readonly y: number[];
  readonly nodes: readonly Node[];
}

const before = new Map<string, Promise<Made>>();
/** The same of the file that was quantized, made once for all forms. */
function madeBefore(source: Source, line = ""): Promise<Made> {
  const key = `${source.plain} ${line}`;
  const known = before.get(key) ?? made(source.plain, source, line);
  before.set(key, known);
  return known;
}

async function made(file: string, source: Source, line = ""): Promise<Made> {
  const of = compiled(program(file, line, source), { root: FOLDER, file: "quantized.kiri", ...(line ? { variant: "folded" } : {}) });
  return { y: output(await run(of, source.inputs), "y"), nodes: topological(of.fused.outputs.map((o) => o.node)) };
}

/** How many products of each kind there are. */
const products = (nodes: readonly Node[]): Record<string, number> => {
  const names = nodes.flatMap((n) => (n.op === "foreign" && /Mat|Conv|QAttention/.test(String(n.attrs.opType)) ? [String(n.attrs.opType)] : []));
  return Object.fromEntries([...new Set(names)].sort().map((name) => [name, names.filter((n) => n === name).length]));
};

interface Form {
  readonly source: Source;
  /** Products that are left as the file has them; where weights or pairs are quantized around a product, the product itself is of real numbers. */
  readonly kept: Readonly<Record<string, number>>;
}

const FORMS: Readonly<Record<string, Form>> = {
  "vit.dynamic": { source: VIT, kept: { ConvInteger: 1, MatMulInteger: 12 } },
  "vit.runtime": { source: VIT, kept: { ConvInteger: 1, DynamicQuantizeMatMul: 6, MatMulIntegerToFloat: 6 } },
  "vit.nbits4": { source: VIT, kept: { MatMulNBits: 12 } },
  "vit.nbits8": { source: VIT, kept: { MatMulNBits: 12 } },
  "vit.qdq": { source: VIT, kept: {} },
  "vit.qdq4": { source: VIT, kept: {} },
  // Activations in 16 bits without a sign, by the standard and by ONNX Runtime's own operators.
  "vit.qdq16": { source: VIT, kept: {} },
  "vit.contrib16": { source: VIT, kept: {} },
  "vit.blocked": { source: VIT, kept: {} },
  // Spelled out as pairs around products of real numbers, of which the runtime makes QLinearMatMul and QLinearConv again.
  "vit.qoperator": { source: VIT, kept: {} },
  // The product within each QAttention is one of whole numbers still.
  "whole.dynamic": { source: WHOLE, kept: { MatMulInteger: 6, MatMulIntegerToFloat: 2 } },
};

const FOLDS = ["across blocks[*] with evens()", "in each blocks[*] after attended with evens()"];

for (const [form, { source, kept }] of Object.entries(FORMS))
  test(`${form}: both blocks are found and fold, and a fold costs no more than quantizing did`, async (t) => {
    const file = `quantized/${form}.onnx`;
    const { value } = importModel(new NodeHost({ root: FOLDER }), file, { raise: "all" });
    if (!value) return t.fail("it is not read");
    const found = recognise(value.graph);
    t.deepEqual([found.blocks.length, found.heads, found.hidden, found.foldable, found.obstacles], [2, 2, 16, true, []]);
    for (const block of found.blocks) for (const [name, site] of block.sites) t.is(site.node.type.dtype, "f32", name);

    const [original] = Object.values(await runModel(join(FOLDER, file), source.inputs)) as [Value];
    const [plain, after] = [await madeBefore(source), await made(file, source)];
    t.deepEqual(products(after.nodes), kept);
    t.true(difference(after.y, numbers(original)).relative <= SAME);
    t.true(difference((await made(file, source, "across blocks[*] with tome(r: 0)")).y, numbers(original)).relative <= SAME);
    const cost = difference(after.y, plain.y).relative;
    for (const line of FOLDS) {
      const [real, folded] = [await madeBefore(source, line), await made(file, source, line)];
      t.deepEqual(products(folded.nodes), kept);
      t.true(difference(folded.y, after.y).relative > 4 * cost, `${line} changes something`);
      const gap = difference(folded.y, real.y).relative;
      t.true(gap <= FURTHER * cost, `${line}: ${gap} from the fold of the file before, ${cost} without a fold`);
    }
  });

test("operators that are fused already show two blocks and fold, and without a fold they are what the file is", async (t) => {
  const { value } = importModel(new NodeHost({ root: FOLDER }), WHOLE.plain, { raise: "all" });
  if (!value) return t.fail("it is not read");
  const found = recognise(value.graph);
  t.deepEqual([found.blocks.length, found.heads, found.hidden, found.foldable, found.obstacles, [...value.carried]], [2, 2, 16, true, [], []]);
  const [original] = Object.values(await runModel(join(FOLDER, WHOLE.plain), WHOLE.inputs)) as [Value];
  for (const line of ["", "across blocks[*] with tome(r: 0)"]) t.true(difference((await made(WHOLE.plain, WHOLE, line)).y, numbers(original)).relative <= SAME, line);
});

const DEQUANTIZED: Readonly<Record<string, readonly [pairs: number, weights: number]>> = { qdq: [85, 24], qdq4: [85, 24], qdq16: [85, 24], contrib16: [85, 24], blocked: [0, 12] };
for (const [form, [pairs, weights]] of Object.entries(DEQUANTIZED))
  test(`${form}: no pair is lost, and weights stay whole numbers`, async (t) => {
    const { nodes } = await made(`quantized/vit.${form}.onnx`, VIT, FOLDS[0]);
    const named = (name: string): number => nodes.filter((n) => n.op === "foreign" && n.attrs.opType === name).length;
    t.deepEqual([named("QuantizeLinear"), named("DequantizeLinear")], [pairs, pairs + weights]);
  });
