/**
 * What each fold of the library saves and costs on a ViT-S of published sizes (random weights, 224 pixels, 196 tokens and a class token) at its paper's setting:
 * `npx tsx bench/fold-savings.ts [--large] [--rounds N] [--json FILE] [FOLD …]`. Multiply-adds of the blocks, plain over folded; latency, plain over folded, and the time of
 * the nodes that the fold added, in blocks of the plain model, for each place where it stands. Plain and folded run in turns on one thread, and a ratio is of one round.
 * `--large`: four blocks of a ViT-L at 640 pixels, where only the costs say anything. `--json`: what was measured is kept in FILE after every fold, and what stands there is not
 * measured again. Fails where a fold and its unfolding cost more than half a block (a quarter of a ViT-L's), layers that its paper trains aside. Where the data decide a count, random weights do.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, type Compiled } from "../compiler/compile.ts";
import { build } from "../hosts/build.ts";
import { NodeHost } from "../hosts/node-host.ts";
import type { OnnxNode } from "../runtime/onnx-nodes.ts";
import { GEOMETRIES, geometry } from "./geometry.ts";
import { nodeTimes, type Run } from "./node-times.ts";
import { type Ratio, ratio } from "./timing.ts";

const ROOT = fileURLToPath(new URL(".geometries", import.meta.url));
const OUT = join(ROOT, `fold-savings-${process.pid}`);
const LARGE = process.argv.includes("--large");
const MODEL = LARGE ? "vit-l-16-640-4" : "vit-s-16-224";
const SHAPE = GEOMETRIES[MODEL];
const SIDE = SHAPE.image / SHAPE.patch;
const AREA = SIDE * SIDE;
const [THIRD, MIDDLE] = [Math.floor(SHAPE.depth / 3), SHAPE.depth / 2];
const BAR = LARGE ? 0.25 : 0.5;
const given = (flag: string): string | undefined => (process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined);
const ROUNDS = Number(given("--rounds") ?? (LARGE ? 3 : 15));
const KEPT = given("--json");

interface Case {
  readonly name: string;
  readonly use: string;
  readonly line: string;
  /** Places where the fold stands, of which each has its cost. */
  readonly places: number;
  readonly setting: string;
  /** More of the program. */
  readonly more?: string;
  /** The model of the paper's own trained layers, which are no cost of folding. */
  readonly trained?: string;
}

const across = (from: number, fold: string): string => `protect 1 across blocks[${from}..] with ${fold} up none`;
const share = (part: number): number => Math.round(AREA * part);
const probs = (block: number): string => `blocks[${block}].probs`;
/** ToMe's for this size of model: 13 of 197 tokens, 16 of 577 and more in the larger ones. */
const R = LARGE ? 40 : 13;
const COARSE = Math.floor((SIDE * 5) / 7);

const ALL: readonly Case[] = [
  { name: "tome", use: "tome (tome)", line: `protect 1 in each blocks[*] after attended with tome(r: ${R})`, places: SHAPE.depth, setting: `r = ${R} in each block` },
  { name: "pyra", use: "pyra (pyra)", line: `protect 1 in each blocks[*] after attended with pyra(r: ${R})`, places: SHAPE.depth, setting: `r = ${R} in each block, untrained` },
  { name: "expedite", use: "expedite (expedite)", line: `protect 1 across blocks[${THIRD}..] with expedite(from: (${SIDE}, ${SIDE}), to: (${COARSE}, ${COARSE})) up after blocks[${SHAPE.depth - 1}].output`, places: 1, setting: `${SIDE}×${SIDE} to ${COARSE}×${COARSE} from block ${THIRD}, unfolded behind the last` },
  { name: "hiprune", use: "hiprune (hiprune)", line: across(MIDDLE, `hiprune(budget: ${share(1 / 3)}, width: ${SIDE}, object: ${probs(THIRD - 1)}, deep: ${probs(MIDDLE - 1)})`), places: 1, setting: `a third of the tokens from block ${MIDDLE}` },
  { name: "todre", use: "todre (todre)", line: across(MIDDLE, `todre(k: ${share(0.25)}, attention: ${probs(MIDDLE - 1)})`), places: 1, setting: `a quarter of the tokens from block ${MIDDLE}` },
  { name: "token_correlation", use: "token_correlation (token_correlation)", line: `protect 1 in each blocks[${MIDDLE}] after output with token_correlation(low: ${probs(1)})`, places: 1, setting: `behind block ${MIDDLE}, τ = 0.7` },
  { name: "aim_merge", use: "aim (aim_merge)", line: across(MIDDLE, "aim_merge([2, 4])"), places: 1, setting: `two rounds, a quarter of the tokens from block ${MIDDLE}` },
  { name: "vflowopt", use: "vflowopt (vflowopt)", line: `protect 1 in each blocks[${MIDDLE}] after output with vflowopt(keep: 0.1166, grid: (${SIDE}, ${SIDE}), t: 1.0, m: 7.0)`, places: 1, setting: `0.1166 of the tokens behind block ${MIDDLE}` },
  {
    name: "mrt5", use: "mrt5 (DeleteGate, mrt5)", line: "protect 1 across blocks[3..] with mrt5(gate: centred, threshold: 0.0)", places: 1, setting: "half of the tokens, by the mean of an untrained gate, from block 3",
    more: `model gate = DeleteGate(width: ${SHAPE.width}) from random(seed: 9)\nfn centred(x: f32[B, N, C]) -> f32[B, N] { gate(x) - mean(gate(x); over: N) }`,
  },
  { name: "token_shuffle", use: "token_shuffle (TokenShuffle, token_shuffle)", line: across(2, `token_shuffle(from: (${SIDE}, ${SIDE}), through: shuffle)`), places: 1, setting: "s = 2 from block 2", trained: "shuffle", more: `model shuffle = TokenShuffle(grid: (${SIDE}, ${SIDE}), width: ${SHAPE.width}) from random(seed: 5)` },
  { name: "reweave", use: "reweave (reweave)", line: `in each blocks[${(SHAPE.depth * 3) / 4}] after input with reweave(taps: blocks[${THIRD}..${(SHAPE.depth * 3) / 4} step 2].output, alpha: 0.1)`, places: 1, setting: `no token leaves; before block ${(SHAPE.depth * 3) / 4}` },
  { name: "relevance_gate", use: "todre (relevance_gate)", line: `in each blocks[${Math.floor((SHAPE.depth * 7) / 8)}] after input with relevance_gate(system: 1, vision: ${AREA / 2}, attention: ${probs(Math.floor((SHAPE.depth * 7) / 8) - 1)}, tau: 2.0)`, places: 1, setting: "half of the tokens, at 7/8 of the blocks" },
  { name: "random_keep", use: "control (random_keep)", line: across(MIDDLE, `random_keep(keep: ${AREA / 2})`), places: 1, setting: `half of the tokens from block ${MIDDLE}` },
  { name: "uniform", use: "control (uniform)", line: across(MIDDLE, `uniform(from: (${SIDE}, ${SIDE}), to: (${SIDE / 2}, ${SIDE / 2}))`), places: 1, setting: `a quarter of the tokens from block ${MIDDLE}` },
];

const asked = process.argv.slice(2).filter((a, i, all) => !a.startsWith("--") && !["--rounds", "--json"].includes(all[i - 1] ?? ""));
const CASES = asked.length === 0 ? ALL : ALL.filter((c) => asked.includes(c.name));

const program = ({ use, line, more = "" }: Case): string => `use model.vit
use folds.${use}
model seen = vit.Classifier from "${MODEL}"
${more}
compress seen as folded { fold tokens ${line} }
pipeline look(pixels: f32[Channels = 3, Y = ${SHAPE.image}, X = ${SHAPE.image}]) -> { scores: f32[Classes = 10] } { { scores: seen(pixels) } }
`;

interface Made {
  readonly directory: string;
  readonly compiled: Compiled;
}

async function made(of: Case, variant: string | undefined): Promise<Made> {
  const file = `fold-savings-${process.pid}-${of.name}.kiri`;
  writeFileSync(join(ROOT, file), program(of));
  const host = new NodeHost({ root: ROOT });
  try {
    const { value, problems } = compile(host, { file, ...(variant ? { variant } : {}), target: "cpu" });
    const built = await build({ root: ROOT, file, ...(variant ? { variant } : {}), out: join(OUT, `${of.name}-${variant ?? "plain"}`), gates: false });
    if (!value || built.artifact === undefined) throw new Error(`${of.name}: ${[...problems, ...built.problems].map((p) => `${p.code} ${p.says}`).join("\n")}`);
    return { directory: built.artifact, compiled: value };
  } finally {
    host.close();
    rmSync(join(ROOT, file), { force: true });
  }
}

/** What was measured of a fold. */
interface Row {
  readonly name: string;
  readonly setting: string;
  readonly model: string;
  readonly rounds: number;
  /** Multiply-adds of the blocks, plain over folded. */
  readonly work: number;
  readonly latency: Ratio;
  /** Of the nodes that the fold added, in blocks, at each place; `trained` is the part of its paper's own layers. */
  readonly cost: Ratio;
  readonly trained: number;
}

/** Attention aside, which a fold only changes. */
const isOwn = (fold: string, n: OnnxNode): boolean => n.by.includes(fold) && !n.path.some((p) => p.endsWith("attention"));
/** What the paper trains, but not what moves tokens in front of it and behind it. */
const isTrained = (model: string, n: OnnxNode): boolean => n.path.some((p) => p === model || p.startsWith(`${model}.`)) && !MOVES.has(n.op);
const MOVES: ReadonlySet<string> = new Set(["Reshape", "Transpose", "Concat", "Slice", "Split", "Gather", "Expand", "Squeeze", "Unsqueeze"]);
const timeOf = ({ nodes }: Run, which: (node: OnnxNode) => boolean): number => [...nodes].reduce((sum, [node, ms]) => sum + (which(node) ? ms : 0), 0);

async function measured(of: Case, plain: Made): Promise<Row> {
  const folded = await made(of, "folded");
  const [before = [], after = []] = await nodeTimes([plain, folded].map(({ directory }) => join(directory, "model.onnx")), ROUNDS);
  const { cost } = plain.compiled;
  const own = (n: OnnxNode): boolean => isOwn(of.name, n);
  const layers = (n: OnnxNode): boolean => of.trained !== undefined && own(n) && isTrained(of.trained, n);
  const times = new Map([
    ["plain", before.map((r) => r.all)], ["folded", after.map((r) => r.all)], ["own", after.map((r) => timeOf(r, own))], ["trained", after.map((r) => timeOf(r, layers))],
    ["block", before.map((r) => (r.all * cost.blocks) / cost.total / SHAPE.depth)],
  ]);
  rmSync(folded.directory, { recursive: true, force: true });
  const blocks = (part: string): Ratio => ratio(times, [part, "block"], (ms, block) => ms / of.places / block);
  return {
    name: of.name, setting: of.setting, model: MODEL, rounds: ROUNDS, work: cost.blocks / folded.compiled.cost.blocks,
    latency: ratio(times, ["plain", "folded"], (p, f) => p / f), cost: blocks("own"), trained: blocks("trained").value,
  };
}

const kept: Row[] = KEPT !== undefined && existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, "utf8")) as Row[]) : [];
const isMissed = ({ cost, trained }: Row): boolean => cost.value - trained > BAR;

function say({ name, setting, work, latency, cost, trained, ...row }: Row): void {
  const missed = isMissed({ name, setting, work, latency, cost, trained, ...row }) ? " **missed**" : "";
  console.log(`| ${name} | ${setting} | ${work.toFixed(2)} | ${latency.value.toFixed(2)} ± ${latency.spread.toFixed(2)} | ${cost.value.toFixed(2)} ± ${cost.spread.toFixed(2)}${trained > 0 ? `, ${trained.toFixed(2)} of it trained layers` : ""}${missed} |`);
}

geometry(MODEL);
mkdirSync(OUT, { recursive: true });
const rows: Row[] = [];
try {
  const [first] = CASES;
  if (!first || CASES.length < asked.length) throw new Error(`there is not every fold of ${asked.join(", ")}; there are ${ALL.map((c) => c.name).join(", ")}`);
  console.log(`${MODEL}, ${ROUNDS} rounds\n\n| fold | setting | block FLOPs | latency | cost in blocks |\n|---|---|---|---|---|`);
  let plain: Made | undefined;
  for (const of of CASES) {
    const known = kept.find((r) => r.name === of.name && r.setting === of.setting && r.model === MODEL && r.rounds >= ROUNDS);
    plain ??= known ? undefined : await made(first, undefined);
    const row = known ?? (await measured(of, plain as Made));
    rows.push(row);
    say(row);
    if (KEPT !== undefined) writeFileSync(KEPT, `${JSON.stringify([...kept.filter((k) => !rows.some((r) => r.name === k.name && r.model === k.model)), ...rows], null, 1)}\n`);
  }
} finally {
  rmSync(OUT, { recursive: true, force: true });
}
const missed = rows.filter(isMissed);
console.log(missed.length === 0 ? `\nno fold costs more than ${BAR} of a block` : `\nmissed (at most ${BAR}): ${missed.map((r) => `${r.name} costs ${(r.cost.value - r.trained).toFixed(2)} blocks`).join("; ")}`);
process.exitCode = missed.length === 0 ? 0 : 1;
