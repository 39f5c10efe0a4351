// `kiri optimise` against other optimizers, file by file: nodes before and after the runtime's own passes, attention that is one operator, seconds to optimise,
// latency in one interleaved run on one thread, the peak of a run, and the worst difference. Fails where a bar of BARS is missed.
// Seconds are taken alike on both sides: a run that is not counted, then the least of TIMES, from a file to a file. Ours is the package as it is built, and waits
// until its files are on the disk, which no peer does.
// usage: npm run build && tsx bench/optimizers.ts [FILE.onnx…] [--python PATH] [--rounds N] [--sizes name=NUMBER,…] [--state FILE.json] [--again]
// Without files: every .onnx below bench/.models (`python bench/fetch.py`, `python bench/recognition.py bench/.models/exports --bench`).
// What was measured lies in the state file, bench/.models/optimizers.json, after every file: a run that ends early goes on where it was, and a finished one is
// printed again. --again measures the files of this run anew (after a change of the compiler or of a peer, which the state does not see); others stay as they are.
// The peers live in Python: `pip install onnx onnxruntime onnxslim onnxsim torch`. Nothing else should run beside it.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { peakInChild } from "./peak.ts";
import { type Ratio, type Runner, ratio, timed } from "./timing.ts";

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: { python: { type: "string", default: "python3" }, rounds: { type: "string", default: "21" }, sizes: { type: "string", default: "" }, state: { type: "string" }, again: { type: "boolean", default: false } },
});
const { python } = options;
const wantedRounds = Number(options.rounds);
const given = new Map(options.sizes.split(",").filter(Boolean).map((text) => { const [name, size] = text.split("="); return [name as string, Number(size)]; }));
const MODELS = fileURLToPath(new URL(".models", import.meta.url));
const state = options.state ?? join(MODELS, "optimizers.json");
const script = fileURLToPath(new URL("optimizers.py", import.meta.url));

/** Folders of `.models` that other benches fill with what they made. */
const MADE = /-made$|-build$|-hub$/;
const found = (): string[] => readdirSync(MODELS).filter((name) => !MADE.test(name)).flatMap((name) => {
  const folder = join(MODELS, name);
  return statSync(folder).isDirectory() ? (readdirSync(folder, { recursive: true, encoding: "utf8" }) as string[]).filter((f) => f.endsWith(".onnx")).map((f) => join(folder, f)) : [];
}).sort();
const files = named.length > 0 ? named : found();

const PEERS = ["onnxslim", "onnxsim", "ORT extended", "ORT transformers"] as const;
/** What the report fails for. Speed is theirs over ours: above 1 ours is faster. */
const BARS = {
  /** The interval of the speed reaches this, against every peer and the raw file. */
  speed: 0.97,
  /** The geometric mean over files, against the best of each file. */
  mean: 1,
  /** Peak of ours over that of the raw file, for files of so many tokens. */
  peak: 0.5,
  tokens: 784,
  /** Largest difference of an output, as a share of its largest number. */
  difference: 1e-3,
};

const ask = (...what: readonly string[]): unknown => JSON.parse(execFileSync(python, [script, ...what], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 2 ** 26 }).trim().split("\n").at(-1) ?? "");

interface Seen {
  readonly nodes: number;
  readonly fused: number;
  readonly spelled: number;
  readonly fault: string | null;
}
interface Made {
  readonly nodes: readonly [before: number, after: number];
  readonly fused: number;
  readonly spelled: number;
  readonly seconds?: number;
  /** Its time over ours. */
  readonly speed?: Ratio;
}
interface Row {
  readonly file: string;
  /** Changes with what stands in the file, and with how often it is timed. */
  readonly mark: string;
  readonly made: Readonly<Record<string, Made>>;
  readonly milliseconds: number;
  readonly difference: number;
  readonly peak: { readonly ours: number; readonly raw: number } | null;
  readonly tokens: number | null;
  readonly fault: string | null;
  readonly failed: Readonly<Record<string, string>>;
}

/** A size for an axis that the file leaves open: what was said, one for a batch, else an ordinary one for a text, a sound or a picture. */
function sizeOf(name: string, axis: number, rank: number, isFloat: boolean): number {
  const said = given.get(name);
  if (said !== undefined) return said;
  if (axis === 0 || /batch/i.test(name) || (rank === 3 && axis === 1)) return 1;
  return rank === 4 ? 320 : isFloat ? 576 : 128;
}

function fed(session: ort.InferenceSession): Record<string, ort.Tensor> {
  return Object.fromEntries(session.inputMetadata.map((input) => {
    if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
    const isFloat = !input.type.startsWith("int");
    const dims = input.shape.map((d, axis) => (typeof d === "number" && d > 0 ? d : sizeOf(String(d), axis, input.shape.length, isFloat)));
    const count = dims.reduce((a, b) => a * b, 1);
    // Ids that every vocabulary has; masks hide nothing.
    const whole = (i: number): number => (/mask/.test(input.name) ? 1 : /type/.test(input.name) ? 0 : /^sr$/.test(input.name) ? 16000 : 2 + ((i * 7) % 50));
    const data = Array.from({ length: count }, (_, i) => (isFloat ? Math.sin(i * 0.7) : whole(i)));
    if (input.type === "int64") return [input.name, new ort.Tensor("int64", BigInt64Array.from(data, BigInt), dims)];
    if (input.type === "int32") return [input.name, new ort.Tensor("int32", Int32Array.from(data), dims)];
    return [input.name, new ort.Tensor("float32", Float32Array.from(data), dims)];
  }));
}

type Outputs = ort.InferenceSession.OnnxValueMapType;
interface Opened extends Runner {
  readonly outputs: Outputs;
  readonly milliseconds: number;
}
/** A round takes at least so long: short runs are repeated in it. */
const LEAST = 5;
/** Seconds to optimise are the least of so many runs, unless these have taken so many seconds; for the peers as well (`optimizers.py`). */
const [TIMES, ENOUGH] = [3, 4];
const WARM = 8;
/** All rounds of a file take about so long. */
const MOST = 8_000;

async function opened(name: string, path: string, after: string): Promise<Opened> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4, optimizedModelFilePath: after });
  const feeds = fed(session);
  const outputs = await session.run(feeds);
  const start = performance.now();
  await session.run(feeds);
  const milliseconds = performance.now() - start;
  return { name, outputs, milliseconds, run: async () => { await session.run(feeds); }, close: () => session.release() };
}

/** The largest difference, as a share of the largest number of the output, or of a thousandth where that is less: a map that is all zero but for the sigmoid's rounding has no share to speak of. */
function difference(of: Outputs, wanted: Outputs): number {
  return Math.max(...Object.entries(wanted).map(([name, want]) => {
    const [a, b] = [of[name]?.data, want.data];
    if (!(a instanceof Float32Array) || !(b instanceof Float32Array)) return 0;
    let [gap, top] = [0, 1e-3];
    for (let i = 0; i < b.length; i++) {
      gap = Math.max(gap, Math.abs((a[i] as number) - (b[i] as number)));
      top = Math.max(top, Math.abs(b[i] as number));
    }
    return gap / top;
  }));
}

/** Tokens of an export, as `recognition.py` notes them beside it. */
function tokensOf(file: string): number | null {
  const listing = join(dirname(file), "there.json");
  if (!existsSync(listing)) return null;
  const entry = (JSON.parse(readFileSync(listing, "utf8")) as Record<string, { tokens?: number }>)[basename(file, ".onnx")];
  return entry?.tokens ?? null;
}

async function compared(file: string, folder: string): Promise<Row> {
  const peers = ask(file, folder) as Record<string, { file?: string; seconds?: number; failed?: string }>;
  const out = join(folder, "ours.onnx");
  let seconds = Number.POSITIVE_INFINITY;
  let { files: written, problems } = await optimise({ input: file, out });
  for (let [i, all] = [0, 0]; i < TIMES && all < ENOUGH; i++) {
    const start = performance.now();
    ({ files: written, problems } = await optimise({ input: file, out }));
    const took = (performance.now() - start) / 1000;
    all += took;
    seconds = Math.min(seconds, took);
  }
  if (!written) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("; "));
  const portable = join(folder, "portable.onnx");
  await optimise({ input: file, out: portable, target: "portable" });
  const failed: Record<string, string> = Object.fromEntries(Object.entries(peers).flatMap(([name, { failed: why }]) => (why === undefined ? [] : [[name, why]])));
  const paths = new Map<string, string>([["ours", out], ["raw", file], ...Object.entries(peers).flatMap(([name, p]): [string, string][] => (p.file ? [[name, p.file]] : []))]);
  const after = (name: string): string => join(folder, `${name.replaceAll(" ", "-")}-after.onnx`);
  const runners: Opened[] = [];
  for (const [name, path] of paths) {
    try {
      runners.push(await opened(name, path, after(name)));
    } catch (error) {
      failed[name] = (error as Error).message.split("\n")[0] as string;
    }
  }
  const [ours, raw] = ["ours", "raw"].map((name) => runners.find((r) => r.name === name));
  if (!ours || !raw) throw new Error(failed.ours ?? failed.raw ?? "it does not run");
  const repeats = Math.max(1, Math.ceil(LEAST / ours.milliseconds));
  const rounds = Math.max(7, Math.min(wantedRounds, Math.floor(MOST / runners.reduce((sum, r) => sum + r.milliseconds * repeats, 0))));
  const times = await timed(runners.map((r) => ({ ...r, run: async () => { for (let i = 0; i < repeats; i++) await r.run(); } })), rounds);
  for (const runner of runners) await runner.close();
  const seen = ask("--check", portable, ...runners.flatMap((r) => [paths.get(r.name) as string, after(r.name)])) as Record<string, Seen>;
  const tokens = tokensOf(file);
  const made = runners.map(({ name }): [string, Made] => {
    const [before, then] = [seen[paths.get(name) as string] as Seen, seen[after(name)] as Seen];
    const took = name === "ours" ? seconds : peers[name]?.seconds;
    return [name, {
      nodes: [before.nodes, then.nodes], fused: then.fused, spelled: then.spelled,
      ...(took === undefined ? {} : { seconds: took }), ...(name === "ours" ? {} : { speed: ratio(times, ["ours", name], (a, b) => (b as number) / (a as number)) }),
    }];
  });
  return {
    file: nameOf(file), mark: markOf(file), made: Object.fromEntries(made), milliseconds: ours.milliseconds, difference: difference(ours.outputs, raw.outputs),
    peak: tokens !== null && tokens >= BARS.tokens ? { ours: leastPeak(out), raw: leastPeak(file) } : null, tokens, fault: seen[portable]?.fault ?? null, failed,
  };
}

/** Of five processes: what a process happens to hold besides only adds. */
const leastPeak = (model: string): number => Math.min(...[0, 1, 2, 3, 4].map(() => peakInChild(model)));
const nameOf = (file: string): string => { const inside = relative(MODELS, file); return inside.startsWith("..") ? basename(file) : inside; };
const markOf = (file: string): string => `${createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16)} ${wantedRounds}`;

/** Which bars a file misses. */
function misses(row: Row): readonly string[] {
  const ours = row.made.ours as Made;
  const others = Object.entries(row.made).filter(([name]) => name !== "ours");
  const missed: string[] = [];
  for (const [name, { speed }] of others) if (speed && speed.value + speed.spread < BARS.speed) missed.push(`slower than ${name}`);
  for (const [at, when] of ["before", "after"].entries()) {
    const [name, best] = others.map(([n, m]): [string, number] => [n, m.nodes[at] as number]).sort((a, b) => a[1] - b[1])[0] as [string, number];
    if ((ours.nodes[at] as number) > best) missed.push(`more nodes ${when} the runtime's passes than ${name} (${ours.nodes[at]}, ${best})`);
  }
  const there = row.made.raw as Made;
  // What the runtime fuses by itself counts as there.
  if (ours.spelled > 0 || ours.fused < there.fused + there.spelled) missed.push(`attention: ${ours.fused} of ${there.fused + there.spelled} in one operator`);
  const sim = row.made.onnxsim?.seconds;
  if (sim !== undefined && (ours.seconds ?? 0) > sim) missed.push(`takes longer than onnxsim (${ours.seconds?.toFixed(2)} s, ${sim.toFixed(2)} s)`);
  if (row.peak && row.peak.ours > BARS.peak * row.peak.raw) missed.push(`a peak of ${(row.peak.ours / row.peak.raw).toFixed(2)} of the raw file's`);
  if (row.difference > BARS.difference) missed.push(`off by ${row.difference.toExponential(1)}`);
  if (row.fault !== null) missed.push(`portable: ${row.fault}`);
  return missed;
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
const shown = ({ value, spread }: Ratio): string => `${value.toFixed(2)} ± ${spread.toFixed(2)}`;

function line(row: Row): string {
  const cells = (of: (m: Made) => string | undefined, names: readonly string[]): string => names.map((n) => { const m = row.made[n]; return (m && of(m)) ?? "–"; }).join(", ");
  const all = ["ours", "raw", ...PEERS];
  const peak = row.peak ? `${mib(row.peak.ours)} of ${mib(row.peak.raw)}` : "";
  const attention = row.made.ours ? `${row.made.ours.fused} of ${(row.made.raw as Made).fused + (row.made.raw as Made).spelled}; ${cells((m) => String(m.fused), PEERS)}` : "";
  const missed = misses(row);
  return `| ${row.file} | ${cells((m) => m.nodes.join("/"), all)} | ${attention} | ${cells((m) => m.seconds?.toFixed(2), ["ours", ...PEERS])} | ${row.milliseconds.toFixed(1)} | ${cells((m) => m.speed && shown(m.speed), ["raw", ...PEERS])} | ${peak} | ${row.difference.toExponential(0)} | ${missed.map((m) => `**${m}**`).join(", ")} |`;
}

const geometric = (values: readonly number[]): number => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);

/** The means over all files; what of them is missed. */
function means(rows: readonly Row[]): readonly string[] {
  const of = (name: string): number[] => rows.flatMap((r) => r.made[name]?.speed?.value ?? []);
  const best = rows.map((r) => Math.min(...Object.values(r.made).flatMap((m) => m.speed?.value ?? [])));
  const all = [...["raw", ...PEERS].map((name): [string, number] => [name, geometric(of(name))]), ["the best of each file", geometric(best)] as [string, number]];
  console.log(`\nSpeed in the geometric mean of ${rows.length} files, theirs over ours: ${all.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(", ")}.`);
  console.log(`Worst difference: ${Math.max(...rows.map((r) => r.difference)).toExponential(1)}.`);
  return all.filter(([, value]) => value < BARS.mean).map(([name, value]) => `the mean against ${name} is ${value.toFixed(3)}`);
}

// Not an `import`: what is measured must have been built, which no check of types asks for.
const built = fileURLToPath(new URL("../dist/hosts/optimise.js", import.meta.url));
if (!existsSync(built)) throw new Error("npm run build first: what users start is measured");
const { optimise } = (await import(built)) as typeof import("../hosts/optimise.ts");

const kept = (existsSync(state) ? JSON.parse(readFileSync(state, "utf8")) : []) as readonly Row[];
const folder = mkdtempSync(join(tmpdir(), "kirigami-optimizers-"));
const rows: Row[] = [];
const missed: string[] = [];
try {
  console.log("Nodes: before/after the runtime's passes. Attention: ours of those there; the peers' after the runtime's passes. Speed: theirs over ours, above 1 ours is faster. Peak: MiB of a run, ours of the raw file's.\n");
  console.log("| model | nodes: ours, raw, onnxslim, onnxsim, ORT extended, ORT transformers | attention fused: ours; onnxslim, onnxsim, ORT extended, ORT transformers | seconds: ours, onnxslim, onnxsim, ORT extended, ORT transformers | ours, ms | speed over: raw, onnxslim, onnxsim, ORT extended, ORT transformers | peak | difference | missed |\n|---|---|---|---|---|---|---|---|---|");
  let isWarm = false;
  for (const [i, file] of files.entries()) {
    const before = options.again ? undefined : kept.find((r) => r.file === nameOf(file) && r.mark === markOf(file));
    const inner = join(folder, String(i));
    mkdirSync(inner);
    try {
      // Peers are timed with their libraries compiled and loaded; so is the compiler.
      for (let times = 0; !before && !isWarm && times < WARM; times++) await optimise({ input: file, out: join(inner, "warm.onnx") });
      isWarm ||= !before;
      const row = before ?? (await compared(file, inner));
      rows.push(row);
      const others = kept.filter((r) => !rows.some((done) => done.file === r.file));
      // Whole or not at all: who interrupts the run goes on from what it has.
      writeFileSync(`${state}.part`, JSON.stringify([...rows, ...others], undefined, 1));
      renameSync(`${state}.part`, state);
      console.log(line(row));
      if (misses(row).length > 0) missed.push(row.file);
      for (const [name, why] of Object.entries(row.failed)) console.error(`${row.file}: ${name} failed: ${why}`);
    } catch (error) {
      missed.push(nameOf(file));
      console.log(`| ${nameOf(file)} | failed: ${(error as Error).message.split("\n")[0]} | | | | | | | |`);
    }
    rmSync(inner, { recursive: true, force: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (rows.length > 0) missed.push(...means(rows));
console.log(missed.length === 0 ? "All bars are reached." : `Missed: ${missed.join("; ")}.`);
process.exitCode = missed.length === 0 ? 0 : 1;
