/**
 * What each fold of the library saves and costs on a ViT-S of published sizes (random weights, 224 pixels, 196 tokens and a class token) at its paper's setting:
 * `npx tsx bench/fold-savings.ts [--large] [FOLD …]`. Multiply-adds of the blocks, plain over folded; latency of the whole model, plain over folded, in interleaved rounds on
 * one thread; and the time of the nodes that the fold added, in blocks of the plain model, for each place where it stands. `--large`: ViT-L at 640 pixels instead.
 * Fails where a fold and its unfolding cost more than half a block (a quarter of a ViT-L). Where the data decide a count, random weights do.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, type Compiled } from "../compiler/compile.ts";
import { build } from "../hosts/build.ts";
import { NodeHost } from "../hosts/node-host.ts";
import { Session } from "../runtime/session.ts";
import { GEOMETRIES, geometry } from "./geometry.ts";
import { median, millis, open, ratio, type Runner, timed } from "./timing.ts";

const ROOT = fileURLToPath(new URL(".geometries", import.meta.url));
const OUT = join(ROOT, "fold-savings");
const LARGE = process.argv.includes("--large");
const MODEL = LARGE ? "vit-l-16-640" : "vit-s-16-224";
const SHAPE = GEOMETRIES[MODEL];
const SIDE = SHAPE.image / SHAPE.patch;
const AREA = SIDE * SIDE;
const [THIRD, MIDDLE] = [SHAPE.depth / 3, SHAPE.depth / 2];
const BAR = LARGE ? 0.25 : 0.5;
const ROUNDS = LARGE ? 3 : 11;

interface Case {
  readonly name: string;
  readonly use: string;
  readonly line: string;
  /** Places where the fold stands, of which each has its cost. */
  readonly places: number;
  readonly setting: string;
  /** More of the program. */
  readonly more?: string;
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
  { name: "hiprune", use: "hiprune (hiprune)", line: across(MIDDLE, `hiprune(budget: ${share(1 / 3)}, width: ${SIDE}, object: ${probs(THIRD)}, deep: ${probs(MIDDLE - 1)})`), places: 1, setting: `a third of the tokens from block ${MIDDLE}` },
  { name: "todre", use: "todre (todre)", line: across(MIDDLE, `todre(k: ${share(0.25)}, attention: ${probs(MIDDLE - 1)})`), places: 1, setting: `a quarter of the tokens from block ${MIDDLE}` },
  { name: "token_correlation", use: "token_correlation (token_correlation)", line: `protect 1 in each blocks[${MIDDLE}] after output with token_correlation(low: ${probs(1)})`, places: 1, setting: `behind block ${MIDDLE}, τ = 0.7` },
  { name: "aim_merge", use: "aim (aim_merge)", line: across(MIDDLE, "aim_merge([2, 4])"), places: 1, setting: `two rounds, a quarter of the tokens from block ${MIDDLE}` },
  { name: "vflowopt", use: "vflowopt (vflowopt)", line: `protect 1 in each blocks[${MIDDLE}] after output with vflowopt(keep: 0.1166, grid: (${SIDE}, ${SIDE}), t: 1.0, m: 7.0)`, places: 1, setting: `0.1166 of the tokens behind block ${MIDDLE}` },
  {
    name: "mrt5", use: "mrt5 (DeleteGate, mrt5)", line: "protect 1 across blocks[3..] with mrt5(gate: centred, threshold: 0.0)", places: 1, setting: "half of the tokens, by the mean of an untrained gate, from block 3",
    more: `model gate = DeleteGate(width: ${SHAPE.width}) from random(seed: 9)\nfn centred(x: f32[B, N, C]) -> f32[B, N] { gate(x) - mean(gate(x); over: N) }`,
  },
  { name: "token_shuffle", use: "token_shuffle (TokenShuffle, token_shuffle)", line: across(2, `token_shuffle(from: (${SIDE}, ${SIDE}), through: shuffle)`), places: 1, setting: "s = 2 from block 2", more: `model shuffle = TokenShuffle(grid: (${SIDE}, ${SIDE}), width: ${SHAPE.width}) from random(seed: 5)` },
  { name: "reweave", use: "reweave (reweave)", line: `in each blocks[${(SHAPE.depth * 3) / 4}] after input with reweave(taps: blocks[${THIRD}..${(SHAPE.depth * 3) / 4} step 2].output, alpha: 0.1)`, places: 1, setting: `no token leaves; before block ${(SHAPE.depth * 3) / 4}` },
  { name: "relevance_gate", use: "todre (relevance_gate)", line: `in each blocks[${Math.floor((SHAPE.depth * 7) / 8)}] after input with relevance_gate(system: 1, vision: ${AREA / 2}, attention: ${probs(Math.floor((SHAPE.depth * 7) / 8) - 1)}, tau: 2.0)`, places: 1, setting: "half of the tokens, at 7/8 of the blocks" },
  { name: "random_keep", use: "control (random_keep)", line: across(MIDDLE, `random_keep(keep: ${AREA / 2})`), places: 1, setting: `half of the tokens from block ${MIDDLE}` },
  { name: "uniform", use: "control (uniform)", line: across(MIDDLE, `uniform(from: (${SIDE}, ${SIDE}), to: (${SIDE / 2}, ${SIDE / 2}))`), places: 1, setting: `a quarter of the tokens from block ${MIDDLE}` },
];

const asked = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const CASES = asked.length === 0 ? ALL : ALL.filter((c) => asked.includes(c.name));

const [layer, result] = SHAPE.head === "segmenter" ? ["Encoder", "f32[N, C]"] : ["Classifier", "f32[Classes]"];
const program = ({ use, line, more = "" }: Case): string => `use model.vit
use folds.${use}
model seen = vit.${layer} from "${MODEL}"
${more}
compress seen as folded { fold tokens ${line} }
pipeline look(pixels: f32[Channels = 3, Y = ${SHAPE.image}, X = ${SHAPE.image}]) -> { scores: ${result} } { { scores: seen(pixels) } }
`;

interface Made {
  readonly directory: string;
  readonly compiled: Compiled;
}

async function made(of: Case, variant: string | undefined): Promise<Made> {
  const file = `fold-savings-${of.name}.kiri`;
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

/** Milliseconds a run of the nodes that a fold added (attention aside, which it only changes), and of all. */
async function nodes(directory: string, fold: string): Promise<{ readonly own: number; readonly all: number }> {
  const picture = { dtype: "f32" as const, dims: [3, SHAPE.image, SHAPE.image], data: Float32Array.from({ length: 3 * SHAPE.image ** 2 }, (_, i) => ((i * 7919) % 9973) / 5000 - 1) };
  await using session = await Session.load(directory, { device: "cpu", threads: 1, profile: true });
  await session.run({ pixels: picture });
  await session.profile();
  for (let i = 0; i < ROUNDS; i++) await session.run({ pixels: picture });
  const found = await session.profile();
  const own = found.nodes.filter((n) => n.by.includes(fold) && !n.path.some((p) => p.endsWith("attention")));
  return { own: own.reduce((sum, n) => sum + n.milliseconds, 0) / found.runs, all: found.milliseconds / found.runs };
}

geometry(MODEL);
mkdirSync(OUT, { recursive: true });
const missed: string[] = [];
const runners: Runner[] = [];
try {
  const [first] = CASES;
  if (!first) throw new Error(`there is no fold ${asked.join(", ")}; there are ${ALL.map((c) => c.name).join(", ")}`);
  const plain = await made(first, undefined);
  const folded = new Map<string, Made>();
  for (const of of CASES) folded.set(of.name, await made(of, "folded"));
  runners.push(await open("plain", join(plain.directory, "model.onnx")));
  for (const [name, { directory }] of folded) runners.push(await open(name, join(directory, "model.onnx")));
  const times = await timed(runners, ROUNDS);
  const { cost } = plain.compiled;
  const whole = await nodes(plain.directory, "");
  const block = (whole.all * cost.blocks) / cost.total / SHAPE.depth;
  console.log(`${MODEL}: plain ${median(millis(times, "plain")).toFixed(1)} ms, a block ${block.toFixed(2)} ms\n\n| fold | setting | block FLOPs | latency | cost in blocks |\n|---|---|---|---|---|`);
  for (const of of CASES) {
    const { directory, compiled } = folded.get(of.name) as Made;
    const speedup = ratio(times, ["plain", of.name], (p, f) => p / f);
    const cost = (await nodes(directory, of.name)).own / of.places / block;
    if (cost > BAR) missed.push(`${of.name} costs ${cost.toFixed(2)} blocks`);
    console.log(`| ${of.name} | ${of.setting} | ${(plain.compiled.cost.blocks / compiled.cost.blocks).toFixed(2)} | ${speedup.value.toFixed(2)} ± ${speedup.spread.toFixed(2)} | ${cost.toFixed(2)}${cost > BAR ? " **missed**" : ""} |`);
  }
} finally {
  for (const r of runners) await r.close();
  rmSync(OUT, { recursive: true, force: true });
}
console.log(missed.length === 0 ? `\nno fold costs more than ${BAR} of a block` : `\nmissed (at most ${BAR}): ${missed.join("; ")}`);
process.exitCode = missed.length === 0 ? 0 : 1;
