/**
 * Sentence embeddings by all-MiniLM-L6-v2: our pipeline of `embed.kiri` (plain, folded, 8 bits) against transformers.js (32 and 8 bits), from text to vector,
 * on one core and in the same rounds: `taskset -c 0 npx tsx bench/embed.ts`. Wants `python bench/fetch.py minilm` and `python bench/embed-reference.py`,
 * which exports the peer's model from the same weights. Texts are 1,000 sentences of this project's own documents and comments.
 * Fails where a bar is missed: equal vectors and 1.5 times the throughput in 32 bits, not slower on one sentence or one long text than the spread, 2 times the throughput in 8 bits.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { env, pipeline } from "@huggingface/transformers";
import { build } from "../hosts/build.ts";
import { Session } from "../runtime/session.ts";
import { median, millis, ratio, type Runner, timed } from "./timing.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MODELS = fileURLToPath(new URL(".models", import.meta.url));
const OUT = join(MODELS, "embed-build");
/** Texts that go through a graph together. */
const BATCH = 32;
/** Sentences of a round, of which there are 1,000 in all. */
const SLICE = 100;

// ── texts ──
function filesBelow(folder: string, extension: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(extension)).sort().map((f) => join(ROOT, folder, f));
}

/** Prose of Markdown and of comments, in sentences. */
function sentences(): string[] {
  const pages = filesBelow("docs", ".md").map((f) => readFileSync(f, "utf8").replace(/```[\s\S]*?```/g, "\n\n").replace(/^[|#].*$/gm, ""));
  const comments = [...["grammar", "compiler", "runtime", "hosts"].flatMap((f) => filesBelow(f, ".ts")), ...filesBelow("stdlib", ".kiri")]
    .map((f) => readFileSync(f, "utf8").split("\n").map((line) => /^\s*(?:\/\*\*|\/{2,3}|\*) (.*?)(?: ?\*\/)?$/.exec(line)?.[1] ?? "").join("\n"));
  const found = new Set<string>();
  for (const text of [...pages, ...comments]) for (const paragraph of text.split(/\n\s*\n|\n[-*\d]/))
    for (const s of paragraph.replace(/[`*]/g, "").replace(/\s+/g, " ").trim().split(/(?<=[.!?])\s+(?=[A-Z])/)) if (/^[A-Z].*[.!?]$/.test(s) && s.split(" ").length >= 4) found.add(s);
  // Every so manieth, so that all folders speak.
  const all = [...found];
  return Array.from({ length: 1000 }, (_, i) => all[Math.floor((i * all.length) / 1000)] as string);
}

const SHORT = "Paper that is folded becomes a bird.";
/** 128 tokens or more, cut to 128 by both tokenizers below. */
const LONG = Array.from({ length: 12 }, () => "A crane of paper stands in the window and looks at the rain.").join(" ").split(" ").slice(0, 116).join(" ");

// ── contenders ──
interface Contender {
  readonly name: string;
  readonly embed: (texts: readonly string[]) => Promise<ArrayLike<number>[]>;
  readonly close: () => Promise<void>;
}

async function ours(name: string, variant: string | undefined): Promise<Contender> {
  const made = await build({ root: ROOT, file: "bench/embed.kiri", ...(variant ? { variant } : {}), out: join(OUT, name), gates: false });
  if (!made.artifact) throw new Error(made.problems.map((p) => `${p.code} ${p.says}`).join("\n"));
  const session = await Session.load<{ sentence: string }, { vector: { data: Float32Array } }>(made.artifact, { threads: 1, workers: 1, device: "cpu" });
  return { name, embed: async (texts) => (await session.run(texts.map((sentence) => ({ sentence })))).map((r) => r.vector.data), close: () => session[Symbol.asyncDispose]() };
}

async function theirs(name: string, dtype: "fp32" | "q8"): Promise<Contender> {
  const extract = await pipeline("feature-extraction", "minilm-hub", { dtype, session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 } });
  const embed = async (texts: readonly string[]): Promise<ArrayLike<number>[]> => {
    const { data, dims } = await extract([...texts], { pooling: "mean", normalize: true });
    const width = dims[1] ?? 0;
    return texts.map((_, i) => (data as Float32Array).subarray(i * width, (i + 1) * width));
  };
  return { name, embed, close: async () => void (await extract.dispose()) };
}

const batches = (texts: readonly string[]): string[][] => Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, i) => texts.slice(i * BATCH, (i + 1) * BATCH));
const byLength = (texts: readonly string[]): string[] => [...texts].sort((a, b) => a.length - b.length);

type Way = (texts: readonly string[]) => readonly (readonly string[])[];
const ONE: Way = (texts) => texts.map((t) => [t]);
/** Our runtime puts those of like lengths together by itself. */
const ALL: Way = (texts) => [texts];

/** All of `texts` through the contender. */
const through = (name: string, contender: Contender, texts: () => readonly (readonly string[])[]): Runner => ({
  name,
  run: async () => { for (const batch of texts()) await contender.embed(batch); },
  close: async () => {},
});

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? Number.NaN, b[i] ?? Number.NaN];
    [ab, aa, bb] = [ab + x * y, aa + x * x, bb + y * y];
  }
  return ab / Math.sqrt(aa * bb);
}

/** Products with weights, which no other graph of the same numbers can be without: milliseconds in a profile of all runs, and their share. */
async function products(session: Session<{ sentence: string }, object>): Promise<{ readonly milliseconds: number; readonly share: number }> {
  const { nodes, milliseconds: all } = await session.profile();
  const milliseconds = nodes.filter((n) => n.op === "MatMul").reduce((sum, n) => sum + n.milliseconds, 0);
  return { milliseconds, share: milliseconds / all };
}

// ── the bench ──
const missed: string[] = [];
function bar(what: string, holds: boolean): void {
  if (!holds) missed.push(what);
  console.log(`${holds ? "ok    " : "MISSED"} ${what}`);
}

[env.allowRemoteModels, env.localModelPath] = [false, MODELS];
const texts = sentences();
const contenders = [await ours("plain", undefined), await ours("merged", "merged"), await ours("int8", "lite"), await theirs("transformers.js fp32", "fp32"), await theirs("transformers.js q8", "q8")];
const [plain, merged, int8, peer, peer8] = contenders as [Contender, Contender, Contender, Contender, Contender];
try {
  const lengths = texts.map((t) => t.split(" ").length).sort((a, b) => a - b);
  console.log(`1,000 sentences of ${lengths[0]} to ${lengths.at(-1)} words, ${median(lengths)} in the middle\n\nvectors against transformers.js fp32, cosine`);
  const wanted: ArrayLike<number>[] = [];
  for (const text of texts) wanted.push(...(await peer.embed([text])));
  for (const c of [plain, merged, int8, peer8]) {
    const vectors: ArrayLike<number>[] = [];
    if (c === peer8) for (const text of texts) vectors.push(...(await c.embed([text])));
    else vectors.push(...(await c.embed(texts)));
    const found = vectors.map((vector, i) => cosine(vector, wanted[i] ?? []));
    console.log(`${c.name.padEnd(22)} mean ${(found.reduce((a, b) => a + b, 0) / found.length).toFixed(5)}  least ${Math.min(...found).toFixed(5)}`);
    if (c === plain) bar("plain gives the same vectors (cosine ≥ 0.9999 for each)", Math.min(...found) >= 0.9999);
    if (c === int8) bar("8 bits keep them (mean cosine ≥ 0.99)", found.reduce((a, b) => a + b, 0) / found.length >= 0.99);
  }

  const shown = (times: ReadonlyMap<string, readonly number[]>, name: string, to: string, per: number): string => {
    const { value, spread } = ratio(times, [to, name], (t, o) => t / o);
    return `${name.padEnd(38)} ${(median(millis(times, name)) / per).toFixed(3).padStart(9)} ms  ${value.toFixed(2)} ± ${spread.toFixed(2)}`;
  };

  for (const [what, text] of [["one sentence of 7 words", SHORT], ["one text of 128 tokens", LONG]] as const) {
    const repeats = text === SHORT ? 20 : 5;
    const times = await timed(contenders.map((c) => through(c.name, c, () => Array.from({ length: repeats }, () => [text]))), 15);
    console.log(`\n${what}: ms each, and how many times as fast as transformers.js fp32`);
    for (const c of contenders) console.log(shown(times, c.name, peer.name, repeats));
    const faster = ratio(times, [peer.name, plain.name], (t, o) => t / o);
    bar(`plain is not slower on ${what}`, faster.value + faster.spread >= 1);
  }

  let slice = 0;
  const now = (way: Way) => () => way(texts.slice(slice * SLICE, (slice + 1) * SLICE));
  const sorted: Way = (some) => batches(byLength(some));
  const runners = [
    ...[plain, int8].flatMap((c) => [through(`${c.name}, alone`, c, now(ONE)), through(`${c.name}, in one call`, c, now(ALL))]),
    ...[peer, peer8].flatMap((c) => [through(`${c.name}, alone`, c, now(ONE)), through(`${c.name}, batches`, c, now(batches)), through(`${c.name}, batches of like lengths`, c, now(sorted))]),
  ];
  await using profiled = await Session.load<{ sentence: string }, object>(join(OUT, "plain"), { threads: 1, workers: 1, device: "cpu", profile: true });
  const profiling: Runner = { name: "plain with a profile", run: async () => { await profiled.run(texts.slice(slice * SLICE, (slice + 1) * SLICE).map((sentence) => ({ sentence }))); }, close: async () => {} };
  runners.push(profiling);
  await profiling.run();
  await profiled.profile();
  const rounds = new Map<string, number[]>(runners.map((r) => [r.name, []]));
  // Warm, each on a slice of its own kind.
  for (const { name, run } of runners) if (name !== profiling.name) await run();
  for (slice = 0; slice < 1000 / SLICE; slice++) for (const [name, ms] of await timed(slice % 2 === 0 ? runners : [...runners].reverse(), 1, { isWarm: true })) rounds.get(name)?.push(...ms);
  const best = (of: Contender): string => runners.filter((r) => r.name.startsWith(`${of.name},`)).map((r) => r.name).sort((a, b) => median(millis(rounds, a)) - median(millis(rounds, b)))[0] ?? "";
  console.log(`\n1,000 sentences, ms each, and how many times as fast as the best way of transformers.js fp32 (${best(peer)})`);
  for (const { name } of runners) console.log(shown(rounds, name, best(peer), SLICE));
  const speedup = (of: Contender, to: string): number => ratio(rounds, [to, best(of)], (t, o) => t / o).value;
  const bare = await products(profiled);
  const limit = millis(rounds, best(peer)).reduce((a, b) => a + b, 0) / bare.milliseconds;
  console.log(`32 bits, best way of both: ${speedup(plain, best(peer)).toFixed(2)} times; ${(100 * bare.share).toFixed(0)} % of the time of plain's nodes are products with weights, so ${limit.toFixed(2)} times were the most if all else cost nothing`);
  bar(`32 bits: ${speedup(plain, `${peer.name}, batches`).toFixed(2)} times transformers.js in batches as texts come, at least 1.5`, speedup(plain, `${peer.name}, batches`) >= 1.5);
  bar(`8 bits: ${speedup(int8, `${peer.name}, batches`).toFixed(2)} times the same, at least 2`, speedup(int8, `${peer.name}, batches`) >= 2);
} finally {
  for (const c of contenders) await c.close();
  rmSync(OUT, { recursive: true, force: true });
}
process.exitCode = missed.length === 0 ? 0 : 1;
