// `kiri optimise` against other optimizers, file by file: nodes, seconds to optimise, and the latency of what they make, all run by ONNX Runtime on one thread in one interleaved run.
// usage: tsx bench/optimizers.ts FILE.onnx… [--python PATH] [--rounds N] [--sizes name=NUMBER,…] [--json FILE]
// The peers live in Python: `pip install onnx onnxruntime onnxslim onnxsim torch`. Nothing else should run beside it.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { optimise } from "../hosts/optimise.ts";
import { type Runner, ratio, timed } from "./timing.ts";

const args = process.argv.slice(2);
const option = (name: string): string | undefined => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const python = option("--python") ?? "python3";
const rounds = Number(option("--rounds") ?? 21);
const given = new Map((option("--sizes") ?? "").split(",").filter(Boolean).map((text) => { const [name, size] = text.split("="); return [name as string, Number(size)]; }));
const files = args.filter((a, i) => !a.startsWith("--") && !(args[i - 1] ?? "").startsWith("--"));
const script = fileURLToPath(new URL("optimizers.py", import.meta.url));

interface Peer {
  readonly file?: string;
  readonly nodes?: number;
  readonly seconds?: number;
  readonly failed?: string;
}
const ask = (...what: readonly string[]): unknown => JSON.parse(execFileSync(python, [script, ...what], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 2 ** 26 }).trim().split("\n").at(-1) ?? "");

/** A size for an axis that the file leaves open: what was said, one for a batch, else an ordinary number. */
const sizeOf = (name: string, axis: number): number => given.get(name) ?? (axis === 0 ? 1 : 64);

function fed(session: ort.InferenceSession): Record<string, ort.Tensor> {
  return Object.fromEntries(session.inputMetadata.map((input) => {
    if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
    const dims = input.shape.map((d, axis) => (typeof d === "number" && d > 0 ? d : sizeOf(String(d), axis)));
    const count = dims.reduce((a, b) => a * b, 1);
    // Ids that every vocabulary has; masks hide nothing.
    const whole = (i: number): number => (/mask/.test(input.name) ? 1 : /type/.test(input.name) ? 0 : /^sr$/.test(input.name) ? 16000 : (i * 7) % 50);
    const data = Array.from({ length: count }, (_, i) => (input.type.startsWith("int") ? whole(i) : Math.sin(i * 0.7)));
    if (input.type === "int64") return [input.name, new ort.Tensor("int64", BigInt64Array.from(data, BigInt), dims)];
    if (input.type === "int32") return [input.name, new ort.Tensor("int32", Int32Array.from(data), dims)];
    return [input.name, new ort.Tensor("float32", Float32Array.from(data), dims)];
  }));
}

type Outputs = ort.InferenceSession.OnnxValueMapType;
interface Opened extends Runner {
  readonly outputs: Outputs;
}

async function opened(name: string, path: string): Promise<Opened> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 });
  const feeds = fed(session);
  const outputs = await session.run(feeds);
  return { name, outputs, run: async () => { await session.run(feeds); }, close: () => session.release() };
}

/** The largest difference, as a share of the largest number of the output. */
function difference(found: Outputs, wanted: Outputs): number {
  return Math.max(...Object.entries(wanted).map(([name, want]) => {
    const [a, b] = [found[name]?.data, want.data];
    if (!(a instanceof Float32Array) || !(b instanceof Float32Array)) return 0;
    let [gap, top] = [0, 1e-9];
    for (let i = 0; i < b.length; i++) {
      gap = Math.max(gap, Math.abs((a[i] as number) - (b[i] as number)));
      top = Math.max(top, Math.abs(b[i] as number));
    }
    return gap / top;
  }));
}

interface Row {
  readonly file: string;
  readonly nodes: Readonly<Record<string, number>>;
  readonly seconds: Readonly<Record<string, number>>;
  /** Ours over theirs: the median over rounds, and half the distance between the quartiles. */
  readonly over: Readonly<Record<string, { readonly value: number; readonly spread: number }>>;
  readonly difference: number;
  readonly fault: string | null;
  readonly failed: Readonly<Record<string, string>>;
}

async function compared(file: string, folder: string): Promise<Row> {
  const peers = ask(file, folder) as Record<string, Peer>;
  const out = join(folder, "ours.onnx");
  // The first file would pay for loading the compiler.
  await optimise({ input: file, out });
  const start = performance.now();
  const { files: written, problems } = await optimise({ input: file, out });
  const seconds = (performance.now() - start) / 1000;
  if (!written) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("; "));
  const portable = join(folder, "portable.onnx");
  await optimise({ input: file, out: portable, target: "portable" });
  const told = ask("--check", out, portable) as Record<string, { nodes: number; fault: string | null }>;
  const failed: Record<string, string> = {};
  const runners: Opened[] = [];
  for (const [name, path] of [["ours", out], ["raw", file], ...Object.entries(peers).flatMap(([name, p]) => (p.file ? [[name, p.file]] : []))] as [string, string][]) {
    try {
      runners.push(await opened(name, path));
    } catch (error) {
      failed[name] = (error as Error).message.split("\n")[0] as string;
    }
  }
  for (const [name, { failed: why }] of Object.entries(peers)) if (why !== undefined) failed[name] = why;
  const outputs = new Map(runners.map((r) => [r.name, r.outputs]));
  const times = await timed(runners, rounds);
  const others = runners.map((r) => r.name).filter((name) => name !== "ours");
  for (const runner of runners) await runner.close();
  return {
    file: basename(file), failed,
    nodes: { ours: told[out]?.nodes ?? Number.NaN, ...Object.fromEntries(Object.entries(peers).flatMap(([name, p]) => (p.nodes === undefined ? [] : [[name, p.nodes]]))) },
    seconds: { ours: seconds, ...Object.fromEntries(Object.entries(peers).flatMap(([name, p]) => (p.seconds === undefined ? [] : [[name, p.seconds]]))) },
    over: Object.fromEntries(others.map((name) => [name, ratio(times, ["ours", name], (a, b) => (a as number) / (b as number))])),
    difference: difference(outputs.get("ours") as Outputs, outputs.get("raw") as Outputs), fault: told[portable]?.fault ?? null,
  };
}

const folder = mkdtempSync(join(tmpdir(), "kirigami-optimizers-"));
const rows: Row[] = [];
let missed = 0;
try {
  console.log("| model | nodes: raw, ours, onnxslim, onnxsim, ORT extended, ORT transformers | seconds: ours, the others | latency, ours over: raw, the others | difference |\n|---|---|---|---|---|");
  const NAMES = ["onnxslim", "onnxsim", "ORT extended", "ORT transformers"];
  for (const [i, file] of files.entries()) {
    const inner = join(folder, String(i));
    mkdirSync(inner);
    try {
      const row = await compared(file, inner);
      rows.push(row);
      const all = (of: Readonly<Record<string, number>>, names: readonly string[], digits: number): string => names.map((n) => of[n]?.toFixed(digits) ?? "–").join(", ");
      const ratios = ["raw", ...NAMES].map((n) => { const r = row.over[n]; return r ? `${r.value.toFixed(3)} ± ${r.spread.toFixed(3)}` : "–"; }).join(", ");
      const slower = Object.values(row.over).some((r) => r.value - 2 * r.spread > 1);
      const larger = (row.nodes.ours as number) > Math.min(...Object.values(row.nodes));
      if (slower || larger || row.fault !== null) missed++;
      console.log(`| ${row.file} | ${all(row.nodes, ["raw", "ours", ...NAMES], 0)} | ${all(row.seconds, ["ours", ...NAMES], 2)} | ${ratios} | ${row.difference.toExponential(1)}${larger ? " **more nodes**" : ""}${slower ? " **slower**" : ""}${row.fault === null ? "" : ` **portable: ${row.fault}**`} |`);
      for (const [name, why] of Object.entries(row.failed)) console.error(`${row.file}: ${name} failed: ${why}`);
    } catch (error) {
      missed++;
      console.log(`| ${basename(file)} | failed: ${(error as Error).message.split("\n")[0]} | | | |`);
    }
    rmSync(inner, { recursive: true, force: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const json = option("--json");
if (json !== undefined) writeFileSync(json, JSON.stringify(rows, undefined, 1));
process.exitCode = missed === 0 ? 0 : 1;
