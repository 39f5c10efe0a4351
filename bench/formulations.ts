/**
 * The choices in `compiler/targets/cpu.ts`, derived again: `npx tsx bench/formulations.ts [--json FILE]`.
 * Each idea is spelled in every way that the compiler knows; one thread, rounds in which each spelling runs once, ratios within a round to the first
 * spelling of its group. What the table of the target chooses is marked; where it is slower than the fastest by more than the noise, the table is to be changed.
 */
import { writeFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { emitModel } from "../compiler/emit/onnx.ts";
import { Build } from "../compiler/graph/build.ts";
import { Arena, type Graph, type Node, topological } from "../compiler/graph/node.ts";
import type { Grid } from "../compiler/ops/grid.ts";
import { infer } from "../compiler/ops/index.ts";
import blend from "../compiler/passes/blend.ts";
import keyColumns from "../compiler/passes/key-columns.ts";
import unitRows from "../compiler/passes/unit-rows.ts";
import windowTiles from "../compiler/passes/window-means-tiles.ts";
import { Recorder } from "../compiler/rewrite/record.ts";
import { rewrite } from "../compiler/rewrite/run.ts";
import type { Pass } from "../compiler/passes/pass.ts";
import { TARGETS, type TargetTable } from "../compiler/targets/target.ts";
import { symbol } from "../compiler/types/dim.ts";
import { median, millis, open, ratio, type Runner, timed } from "./timing.ts";

const B = symbol("B");
const TABLE = TARGETS.cpu;

interface Spelling {
  readonly name: string;
  readonly graph: Graph;
}
interface Row {
  readonly group: string;
  readonly spelling: string;
  readonly milliseconds: number;
  readonly ratio: number;
  readonly spread: number;
  readonly chosen: boolean;
  readonly nodes: number;
}

function graphOf(make: (b: Build) => Node): Graph {
  const b = new Build(new Arena(infer));
  const node = make(b);
  const inputs = topological([node]).filter((n) => n.op === "input").map((n) => ({ name: n.attrs.name as string, node: n, axes: [] }));
  return { level: "fused", arena: b.arena, guards: [], inputs, outputs: [{ name: "y", node, axes: [] }] };
}

/** A pass on a graph, with a table that may differ from the target's own. */
function passed(graph: Graph, pass: Pass, table: TargetTable): Graph {
  const rules = typeof pass.rules === "function" ? pass.rules(table) : (pass.rules ?? []);
  return rewrite(graph, rules, { pass: pass.name, record: new Recorder() });
}

// 1. Rounds of soft k-means: all pairs, and tiles of each side.
function rounds(from: Grid, to: Grid, channels: number): { spellings: Spelling[]; chosen: string } {
  const make = (b: Build): Node => {
    const x = b.input("x", "f32", [B, from[0] * from[1], channels]);
    const start = b.input("c", "f32", [B, to[0] * to[1], channels]);
    return Array.from({ length: 5 }).reduce<Node>((c) => b.windowMeans(x, c, { from, to, window: 5, t: 0.02 }), start);
  };
  const tiles = (side: number): Spelling => ({
    name: `tiles of ${side}×${side}`,
    graph: passed(graphOf(make), windowTiles, { ...TABLE, windowMeans: { ...TABLE.windowMeans, tiles: [side], share: Number.MAX_VALUE } }),
  });
  // The sides may differ, so what the table chooses may be none of the square ones.
  const chosen = { name: "what the table chooses", graph: passed(graphOf(make), windowTiles, TABLE) };
  return { spellings: [{ name: "all pairs", graph: graphOf(make) }, ...TABLE.windowMeans.tiles.map(tiles), chosen], chosen: chosen.name };
}

// 2. Blends of the nearest rows: weights scattered into a matrix, or rows gathered.
function blends(tokens: number, centres: number, channels: number): { spellings: Spelling[]; chosen: string } {
  const near = 20;
  const make = (b: Build): Node => {
    const found = b.topk(b.input("scores", "f32", [B, tokens, centres]), near, 2);
    const weights = b.reshape(b.softmax(b.item(found, 0), 2), [B, tokens, 1, near]);
    return b.reshape(b.matmul(weights, b.take(b.input("values", "f32", [B, centres, channels]), b.item(found, 1), 1)), [B, tokens, channels]);
  };
  const scattered = passed(graphOf(make), blend, { ...TABLE, blend: { scatterUpTo: channels } });
  return {
    spellings: [{ name: "weights scattered", graph: scattered }, { name: "rows gathered", graph: graphOf(make) }],
    chosen: channels <= TABLE.blend.scatterUpTo ? "weights scattered" : "rows gathered",
  };
}

// 3. Attention with a term of the scores for each key: one more channel, or a bias.
function attentions(tokens: number, heads: number, each: number): { spellings: Spelling[]; chosen: string } {
  const width = heads * each;
  const make = (b: Build): Node => {
    const [q, k, v] = ["q", "k", "v"].map((name) => b.input(name, "f32", [B, tokens, width])) as [Node, Node, Node];
    return b.attention(q, k, v, b.input("bias", "f32", [B, 1, 1, tokens]), { heads, scale: 1 / Math.sqrt(each), causal: false });
  };
  return {
    spellings: [{ name: "as a bias", graph: graphOf(make) }, { name: "as a channel of keys", graph: passed(graphOf(make), keyColumns, TABLE) }],
    chosen: TABLE.attention.keyColumns ? "as a channel of keys" : "as a bias",
  };
}

// 4. Rows of length 1: divided by it, or through the operator that norms rows.
function units(tokens: number, channels: number): { spellings: Spelling[]; chosen: string } {
  const make = (b: Build): Node => {
    const x = b.input("x", "f32", [B, tokens, channels]);
    return b.div(x, b.reduce("reduceL2", x, [2], true));
  };
  return {
    spellings: [{ name: "divided", graph: graphOf(make) }, { name: "normed", graph: passed(graphOf(make), unitRows, { ...TABLE, unitRows: channels }) }],
    chosen: channels <= TABLE.unitRows ? "normed" : "divided",
  };
}

const GROUPS: readonly { readonly name: string; readonly rounds: number; readonly make: () => { spellings: Spelling[]; chosen: string } }[] = [
  { name: "5 rounds of soft k-means, 28×28 to 20×20, 384 channels", rounds: 15, make: () => rounds([28, 28], [20, 20], 384) },
  { name: "5 rounds of soft k-means, 40×40 to 28×28, 1024 channels", rounds: 9, make: () => rounds([40, 40], [28, 28], 1024) },
  { name: "5 rounds of soft k-means, 16×16 to 12×12, 96 channels", rounds: 25, make: () => rounds([16, 16], [12, 12], 96) },
  { name: "5 rounds of soft k-means, 16×16 to 8×8, 96 channels", rounds: 25, make: () => rounds([16, 16], [8, 8], 96) },
  ...[256, 384, 512, 768, 1024].map((channels) => ({ name: `blend of 20 of 784 rows for 1600 tokens, ${channels} channels`, rounds: 11, make: () => blends(1600, 784, channels) })),
  { name: "blend of 20 of 400 rows for 784 tokens, 384 channels", rounds: 15, make: () => blends(784, 400, 384) },
  ...[[197, 64], [785, 64], [785, 128], [785, 384], [1601, 1024]].map(([tokens = 0, channels = 0]) => ({ name: `${tokens} rows of length 1, ${channels} channels`, rounds: 101, make: () => units(tokens, channels) })),
  { name: "attention with a term for each key, 784 tokens, 6 heads of 64", rounds: 15, make: () => attentions(784, 6, 64) },
  { name: "attention with a term for each key, 1600 tokens, 16 heads of 64", rounds: 7, make: () => attentions(1600, 16, 64) },
];

console.log(`ONNX Runtime ${ort.env.versions.common}, one thread`);
const rows: Row[] = [];
for (const group of GROUPS) {
  const { spellings, chosen } = group.make();
  const models = spellings.map((s) => ({ name: s.name, ...emitModel(s.graph, { target: "cpu", name: "formulation" }) }));
  const runners: Runner[] = [];
  for (const { name, model } of models) runners.push(await open(name, model));
  const times = await timed(runners, group.rounds);
  const [first] = spellings as [Spelling, ...Spelling[]];
  console.log(group.name);
  for (const { name, nodeCount } of models) {
    const against = ratio(times, [name, first.name], (a, b) => a / b);
    const row: Row = { group: group.name, spelling: name, milliseconds: median(millis(times, name)), ratio: against.value, spread: against.spread, chosen: name === chosen, nodes: nodeCount };
    rows.push(row);
    console.log(`  ${row.chosen ? "→" : " "} ${name.padEnd(24)} ${row.ratio.toFixed(3).padStart(7)} ± ${row.spread.toFixed(3)}  ${row.milliseconds.toFixed(2).padStart(9)} ms  ${nodeCount} nodes`);
  }
  for (const runner of runners) await runner.close();
}
const at = process.argv.indexOf("--json");
if (at >= 0) writeFileSync(process.argv[at + 1] ?? "formulations.json", `${JSON.stringify(rows, null, 1)}\n`);
