/**
 * What folding costs and wins, against the bars that the project has set itself: `npx tsx bench/folds.ts [--json FILE] [--quick]`.
 * Models have published sizes and random weights, and are what the compiler makes of the programs below. One thread; every figure is a ratio of times of the
 * same run, with half the distance between its quartiles. `--quick` leaves ViT-L out. Fails where a bar is missed.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { compile, type Compiled } from "../compiler/compile.ts";
import { Lowerer } from "../compiler/emit/lowerer.ts";
import { emitModel } from "../compiler/emit/onnx.ts";
import { Build } from "../compiler/graph/build.ts";
import { constantNodes } from "../compiler/graph/constants.ts";
import { Arena, type Graph, type Node, topological } from "../compiler/graph/node.ts";
import { infer } from "../compiler/ops/index.ts";
import { build } from "../hosts/build.ts";
import { NodeHost } from "../hosts/node-host.ts";
import { originOf, readNodes } from "../runtime/onnx-nodes.ts";
import { GEOMETRIES, geometry, type GeometryName } from "./geometry.ts";
import { peakInChild } from "./peak.ts";
import { type Ratio, type Runner, type Times, median, millis, open, ratio, timed } from "./timing.ts";

const ROOT = fileURLToPath(new URL(".geometries", import.meta.url));
const OUT = join(ROOT, "folds");

interface Row {
  readonly what: string;
  readonly found: number;
  readonly spread: number;
  readonly bar: number;
  /** The bar is the least, or the most that may be. */
  readonly better: "more" | "less";
  readonly note: string;
}
const rows: Row[] = [];

function say(what: string, { value, spread }: Ratio, better: Row["better"], bar: number, note = ""): void {
  const row: Row = { what, found: value, spread, bar, better, note };
  rows.push(row);
  const held = holds(row) ? "ok" : "MISSED";
  console.log(`${what.padEnd(58)} ${value.toFixed(3).padStart(8)} ± ${spread.toFixed(3)}  ${better === "more" ? "≥" : "≤"} ${bar}  ${held}  ${note}`);
}
const holds = (r: Row): boolean => (r.better === "more" ? r.found >= r.bar : r.found <= r.bar);
const exactly = (value: number): Ratio => ({ value, spread: 0 });

/** Compiles a variant as `kiri compile` does. */
async function made(file: string, variant: string | undefined): Promise<{ readonly compiled: Compiled; readonly model: string }> {
  const out = join(OUT, `${file}-${variant ?? "plain"}`);
  const result = await build({ root: ROOT, file: `${file}.kiri`, ...(variant ? { variant } : {}), out, gates: false });
  const wrong = result.problems.find((p) => p.severity === "error");
  if (wrong) throw new Error(`${file}, ${variant}: ${wrong.code} ${wrong.says}`);
  return { compiled: compiledAs(file, variant), model: join(out, "model.onnx") };
}

function compiledAs(file: string, variant: string | undefined): Compiled {
  const host = new NodeHost({ root: ROOT });
  try {
    const { value, problems } = compile(host, { file: `${file}.kiri`, ...(variant ? { variant } : {}), target: "cpu" });
    if (!value) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("\n"));
    return value;
  } finally {
    host.close();
  }
}

const program = (file: string, text: string): void => writeFileSync(join(ROOT, `${file}.kiri`), text);

/** A segmenter or classifier with its variants. */
function visionProgram(file: string, name: GeometryName, items: string): void {
  const shape = GEOMETRIES[name];
  if (shape.kind !== "vit") throw new Error(`${name} sees no pictures`);
  geometry(name);
  const [layer, result] = shape.head === "segmenter" ? ["Segmenter", `f32[Classes = 2, Y = ${shape.image}, X = ${shape.image}]`] : ["Classifier", "f32[Classes = 10]"];
  program(file, `use model.vit
use folds.expedite (expedite)
use folds.tome (tome)
use rewrites.int8 (int8)
model seen = vit.${layer} from "${name}"
${items}
pipeline look(pixels: f32[Channels = 3, Y = ${shape.image}, X = ${shape.image}]) -> { scores: ${result} } { { scores: seen(pixels) } }
`);
}

/** Multiply-adds a second of the best of a few products, in the same rounds. */
async function products(): Promise<{ readonly runner: Runner; readonly macs: number }[]> {
  const sizes = [[784, 384, 1536], [784, 1536, 384], [1024, 1024, 1024]] as const;
  return Promise.all(sizes.map(async ([m, k, n]) => {
    const o = new Build(new Arena(infer));
    const x = o.input("x", "f32", [m, k]);
    const graph: Graph = { level: "fused", arena: o.arena, guards: [], inputs: [{ name: "x", node: x, axes: [] }], outputs: [{ name: "y", node: o.matmul(x, o.random("f32", [k, n], 1, "normal")), axes: [] }] };
    return { runner: await open(`product ${m}×${k}×${n}`, emitModel(graph, { target: "cpu", name: "product" }).model), macs: m * k * n };
  }));
}

/** Nodes of the emitted model that a fold made, attention aside, for each time that it stands in the model. */
function nodesOf(of: Compiled, fold: string, times: number): { readonly all: number; readonly moving: number } {
  const { fused } = of;
  const constants = constantNodes(fused);
  const lowerer = new Lowerer(fused.arena, "cpu", fused.inputs, fused.outputs.map((o) => o.name));
  const order = topological(fused.outputs.map((o) => o.node));
  const needed = new Set<Node>(fused.outputs.map((o) => o.node));
  for (const node of [...order].reverse()) if (needed.has(node) && !constants.has(node)) for (const input of node.inputs) needed.add(input);
  for (const node of order) {
    if (!needed.has(node) || node.op === "input") continue;
    if (constants.has(node)) lowerer.initializer(node, undefined);
    else lowerer.lower(node);
  }
  const mine = lowerer.nodes.filter((n) => {
    const origins = fused.arena.originsOf(n.from);
    return origins.some((o) => o.by === fold) && !origins.some((o) => o.path.endsWith("attention") && o.by === fold);
  });
  const makers = new Map(mine.flatMap((n) => n.outputs.map((name) => [name, n] as const)));
  // What leads to a place that rows are read from or added to finds out who joins whom; the rest moves tokens.
  const finding = new Set(mine.filter((n) => INDEXED.has(n.opType)).flatMap((n) => makers.get(n.inputs[1] ?? "") ?? []));
  for (const n of finding) for (const input of n.inputs) {
    const maker = makers.get(input);
    if (maker) finding.add(maker);
  }
  return { all: mine.length / times, moving: mine.filter((n) => !finding.has(n)).length / times };
}
/** The same of what ONNX Runtime runs, after its own passes. */
async function nodesRun(model: string, fold: string, times: number): Promise<number> {
  const optimized = join(OUT, "optimized.onnx");
  const session = await ort.InferenceSession.create(model, { optimizedModelFilePath: optimized, logSeverityLevel: 3 });
  await session.release();
  const known = await readNodes(model);
  const mine = [...(await readNodes(optimized)).keys()].map((name) => originOf(name, known)).filter((n) => n?.by.includes(fold) && !n.path.some((p) => p.endsWith("attention")));
  rmSync(optimized);
  return mine.length / times;
}
const INDEXED: ReadonlySet<string> = new Set(["GatherND", "ScatterND"]);

const R784 = 58;
const R196 = 16;

async function small(): Promise<void> {
  visionProgram("vit-s", "vit-s-16-448", `compress seen as expedited { fold tokens protect 1 across blocks[5..] with expedite(from: (28, 28), to: (20, 20)) up after normed }
compress seen as merged { fold tokens protect 1 in each blocks[*] after attended with tome(r: ${R784}) }
compress seen as eight { rewrite blocks with int8() }`);
  program("fold-s", `use folds.expedite (expedite)
pipeline around(x: f32[N = 784, C = 384]) -> { y: f32[N = 784, C = 384] } {
  let f = expedite(from: (28, 28), to: (20, 20))
  { y: f.up(f.down(x) as [B, K, C]) }
}
`);
  program("merge-s", `use folds.tome (tome)
pipeline once(x: f32[N = 784, C = 384], keys: f32[H = 6, N = 784, D = 64]) -> { y: f32[K = ${784 - R784}, C = 384] } {
  let f = tome(r: ${R784})
  { y: f.down(x, like: keys) as [B, K, C] }
}
`);
  const [plain, expedited, merged, eight] = [await made("vit-s", undefined), await made("vit-s", "expedited"), await made("vit-s", "merged"), await made("vit-s", "eight")];
  const [around, once] = [await made("fold-s", undefined), await made("merge-s", undefined)];
  const gemm = await products();
  const runners = [
    ...gemm.map((g) => g.runner), await open("plain", plain.model), await open("expedited", expedited.model), await open("merged", merged.model),
    await open("eight", eight.model), await open("around", around.model), await open("once", once.model),
  ];
  const times = await timed(runners, 9);
  const rate = Math.max(...gemm.map((g) => g.macs / median(millis(times, g.runner.name))));
  const { cost } = plain.compiled;
  console.log(`products ${((2 * rate) / 1e6).toFixed(1)} GFLOP/s; ViT-S 448 plain ${median(millis(times, "plain")).toFixed(0)} ms`);
  say("dense ViT-S, 784 tokens: share of the rate of products", ratio(times, ["plain"], (ms) => cost.total / ms / rate), "more", 0.8);
  ofLimit("expedite, ViT-S 448, 20×20 from block 5 of 12", times, plain.compiled, expedited.compiled, "expedited", 0.93);
  const block = (ms: number): number => (ms * cost.blocks) / cost.total / 12;
  say("clustering and reconstruction, ViT-S, in blocks", ratio(times, ["around", "plain"], (a, p) => a / block(p)), "less", 0.5);
  ofLimit(`tome, ViT-S 448, r = ${R784}`, times, plain.compiled, merged.compiled, "merged", 0.9);
  say("a merge of 784 tokens, in blocks", ratio(times, ["once", "plain"], (a, p) => a / block(p)), "less", 0.04);
  say("int8, ViT-S 448", ratio(times, ["plain", "eight"], (p, e) => p / e), "more", 1.3);
  for (const r of runners) await r.close();
}

function ofLimit(what: string, times: Times, plain: Compiled, folded: Compiled, name: string, bar: number): void {
  const limit = plain.cost.blocks / folded.cost.blocks;
  const speedup = ratio(times, ["plain", name], (p, f) => p / f);
  say(what, { value: speedup.value / limit, spread: speedup.spread / limit }, "more", bar, `${speedup.value.toFixed(3)} of at most ${limit.toFixed(3)}`);
}

async function base(): Promise<void> {
  visionProgram("vit-b", "vit-b-16-224", `compress seen as merged { fold tokens protect 1 in each blocks[*] after attended with tome(r: ${R196}) }`);
  geometry("bert-base");
  program("bert", `use model.bert
use rewrites.int8 (int8)
model encoder = bert.Encoder from "bert-base"
compress encoder as eight { rewrite blocks with int8() }
pipeline hidden(ids: i64[N = 128], mask: i64[N = 128], types: i64[N = 128]) -> { hidden: f32[N = 128, C] } { { hidden: encoder(ids, mask, types) } }
`);
  const [plain, merged] = [await made("vit-b", undefined), await made("vit-b", "merged")];
  const [text, eight] = [await made("bert", undefined), await made("bert", "eight")];
  const runners = [await open("plain", plain.model), await open("merged", merged.model), await open("text", text.model, { ints: 2 }), await open("eight", eight.model, { ints: 2 })];
  const times = await timed(runners, 15);
  ofLimit(`tome, ViT-B 224, r = ${R196}`, times, plain.compiled, merged.compiled, "merged", 0.85);
  say("int8, BERT base, 128 tokens", ratio(times, ["text", "eight"], (p, e) => p / e), "more", 1.5);
  const nodes = nodesOf(merged.compiled, "tome", 12);
  say("nodes of a merge, all of them", exactly(nodes.all), "less", 15, `${nodes.moving.toFixed(1)} that move tokens, the rest finds who joins whom; ${(await nodesRun(merged.model, "tome", 12)).toFixed(1)} after the runtime's passes`);
  for (const r of runners) await r.close();
}

async function large(): Promise<void> {
  visionProgram("vit-l", "vit-l-16-640", "compress seen as expedited { fold tokens protect 1 across blocks[10..] with expedite(from: (40, 40), to: (28, 28)) up after normed }");
  program("fold-l", `use folds.expedite (expedite)
pipeline around(x: f32[N = 1600, C = 1024]) -> { y: f32[N = 1600, C = 1024] } {
  let f = expedite(from: (40, 40), to: (28, 28))
  { y: f.up(f.down(x) as [B, K, C]) }
}
`);
  const [plain, expedited, around] = [await made("vit-l", undefined), await made("vit-l", "expedited"), await made("fold-l", undefined)];
  const runners = [await open("plain", plain.model), await open("expedited", expedited.model), await open("around", around.model)];
  const times = await timed(runners, 5);
  const { cost } = plain.compiled;
  ofLimit("expedite, ViT-L 640, 28×28 from block 10 of 24", times, plain.compiled, expedited.compiled, "expedited", 0.97);
  say("clustering and reconstruction, ViT-L, in blocks", ratio(times, ["around", "plain"], (a, p) => a / ((p * cost.blocks) / cost.total / 24)), "less", 0.25);
  for (const r of runners) await r.close();
}

/** One attention of ViT-L's sizes that counts how many patches each token stands for. */
async function memory(): Promise<void> {
  program("proportional", `pipeline attend(q: f32[N = 1600, C = 1024], k: f32[M = 1600, C = 1024], v: f32[M = 1600, C = 1024], size: f32[M = 1600]) -> { y: f32[N = 1600, C = 1024] } {
  let queries = permute(split(q; C into (H = 16, D)); (B, H, N, D))
  let keys = permute(split(k; C into (H = 16, D)); (B, H, M, D))
  let values = permute(split(v; C into (H = 16, D)); (B, H, M, D))
  let probs = softmax(dot(queries, keys; over: D) / 8.0 + log(size * size + 1.0); over: M)
  { y: join(permute(dot(probs, values; over: M); (B, N, H, D)); (H, D) into C) }
}
`);
  const { compiled, model } = await made("proportional", undefined);
  const spelled = join(OUT, "proportional-spelled.onnx");
  writeFileSync(spelled, emitModel(compiled.graph, { target: "cpu", name: "spelled" }).model);
  const [fused, plain] = [peakInChild(model), peakInChild(spelled)];
  say("peak of proportional attention, over the plain spelling", exactly(fused / plain), "less", 0.4, `${(fused / 2 ** 20).toFixed(0)} of ${(plain / 2 ** 20).toFixed(0)} MiB resident (no arena)`);
}

mkdirSync(OUT, { recursive: true });
try {
  console.log(`ONNX Runtime ${ort.env.versions.common}, one thread`);
  await memory();
  await small();
  await base();
  if (!process.argv.includes("--quick")) await large();
  const at = process.argv.indexOf("--json");
  if (at >= 0) writeFileSync(process.argv[at + 1] ?? "folds.json", `${JSON.stringify(rows, null, 1)}\n`);
  if (!rows.every(holds)) process.exitCode = 1;
} finally {
  rmSync(OUT, { recursive: true, force: true });
}
