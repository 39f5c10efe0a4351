// `kiri diff`: two models beside each other: graphs, weights, what they give on the same inputs, and their times.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { MODEL_FILE } from "../../artifact.ts";
import type { Speed } from "../../evaluation/speed.ts";
import { diff, type DiffOptions } from "../../diff.ts";
import { type RunDiff, UnequalInputs } from "../../diff-outputs.ts";
import type { PortPair, StructureDiff } from "../../diff-structure.ts";
import type { WeightsDiff } from "../../diff-weights.ts";
import { bytes } from "../../amounts.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { countFrom0, numberFrom0, wholeNumber } from "../numbers.ts";
import { exitOf, printJson, printProblems } from "../problems.ts";
import { ProgressLines } from "../progress.ts";
import { isArtifact } from "../runnable.ts";
import { table } from "../table.ts";
import { readTensors } from "../tensor-files.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly inputs?: string;
  readonly seed: number;
  readonly size: readonly (readonly [string, number])[];
  readonly tolerance?: number;
  readonly rounds?: number;
  readonly latency: boolean;
  readonly json?: boolean;
}

export function addDiff(program: Command, context: Context): void {
  const command = program
    .command("diff")
    .description("compare two models: graphs, weights, outputs on the same inputs, time; exit code 0 where the outputs are equal")
    .argument("<a>", "an .onnx file, or an artefact")
    .argument("<b>", "the other one")
    .option("--inputs <file>", "a .safetensors file with a tensor for each input; made up unless given")
    .option("--seed <number>", "of made-up inputs", countFrom0, 1)
    .option("--size <axis=size>", "of an open axis of made-up inputs; may be repeated", axisSize, [] as (readonly [string, number])[])
    .option("--tolerance <number>", "a and b are equal where |a - b| <= tolerance · (1 + |a|); 1e-4 for f32, 2e-3 for f16, whole numbers exactly, unless given", numberFrom0)
    .option("--rounds <count>", "rounds of timing, at least 9", wholeNumber)
    .option("--no-latency", "time nothing")
    .option("--json", "print JSON")
    .action(async (a: string, b: string, options: Options) => context.finish(await compareModels(context.io, [a, b], options)));
  examples(command, [
    ["kiri diff model.onnx faster.onnx", "is it still the same, and is it faster?"],
    ["kiri diff build/plain build/lite --no-latency", "what a variant changes"],
    ["kiri diff a.onnx b.onnx --inputs x.safetensors --tolerance 1e-5", "on inputs of your own"],
    ["kiri diff a.onnx b.onnx --size batch=4 --size sequence=128", "made-up inputs of these sizes"],
  ]);
}

const axisSize = (text: string, before: (readonly [string, number])[]): (readonly [string, number])[] => {
  const [, axis, size] = /^(.+)=([1-9]\d*)$/.exec(text) ?? [];
  if (axis === undefined) throw new InvalidArgumentError("AXIS=SIZE is wanted, such as sequence=128.");
  return [...before, [axis, Number(size)]];
};

async function compareModels(io: Io, names: readonly [string, string], options: Options): Promise<ExitCode> {
  const progress = new ProgressLines(io, options.json);
  const [a, b] = names.map((name) => modelOf(io, name)) as [string, string];
  const inputs = options.inputs === undefined ? undefined : readTensors(existing(io, options.inputs));
  const wanted: DiffOptions = {
    seed: options.seed, sizes: new Map(options.size), signal: io.signal, onProgress: progress.update, ...(inputs ? { inputs } : {}), ...(options.tolerance === undefined ? {} : { tolerance: options.tolerance }),
    ...(options.latency ? { speed: { signal: io.signal, ...(options.rounds === undefined ? {} : { rounds: options.rounds }), onRound: (done, total) => progress.update({ stage: "timing", done, total }) } } : {}),
  };
  const { value, problems } = await diff(a, b, wanted).catch((error: unknown) => {
    if (error instanceof UnequalInputs) throw new UsageError(`These models cannot be run on these inputs: ${error.message}.`);
    throw error;
  }).finally(() => progress.end());
  const reports = [{ program: { root: dirname(a), file: names[0] }, problems, sources: new Map() }];
  const found = exitOf(reports);
  const code = found === EXIT.success && !value?.equal ? EXIT.failed : found;
  if (options.json) {
    printJson(io, "diff", code, reports, value ? { a: names[0], b: names[1], equal: value.equal, structure: value.structure, weights: withoutInfinity(value.weights), apart: value.apart ?? null, run: withoutInfinity(value.run) ?? null } : {});
    return code;
  }
  printProblems(io, reports);
  if (!value) return code;
  const { structure, weights, run, apart, equal } = value;
  io.stdout.write([
    `a  ${names[0]}\nb  ${names[1]}\n\n`, graphText(structure), weightText(weights),
    run ? outputText(run) : `outputs   not compared: ${apart}\n`, run?.speed ? speedText(run.speed) : "", `\n${equal ? "Equal outputs." : "The models differ."}\n`,
  ].join(""));
  return code;
}

function modelOf(io: Io, name: string): string {
  const path = resolve(io.cwd, name);
  if (isArtifact(io.cwd, name)) return join(path, MODEL_FILE);
  if (existsSync(path) && !name.endsWith(".onnx")) throw new UsageError(`${name} is neither an .onnx file nor an artefact.`, "Give a model file, or the directory that kiri compile wrote.");
  return existing(io, name);
}

function existing(io: Io, name: string): string {
  const path = resolve(io.cwd, name);
  if (!existsSync(path)) throw new UsageError(`${name} does not exist.`);
  return path;
}

/** JSON has no infinity. */
const withoutInfinity = <T>(value: T): unknown => JSON.parse(JSON.stringify(value ?? null, (_, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? null : v)));

const right = (title: string): { title: string; align: "right" } => ({ title, align: "right" });
/** What one model has and the other has not, by name, is told up to so many. */
const MOST_SHOWN = 10;

function graphText({ nodes, operators, removed, added, changed, inputs, outputs }: StructureDiff): string {
  const ports = (title: string, pairs: readonly PortPair[]): string => pairs.map((p) => `${title.padEnd(10)}${p.name}: ${p.a === p.b ? p.a : `${p.a ?? "none"} → ${p.b ?? "none"}`}\n`).join("");
  const differing = operators.filter((o) => o.a !== o.b);
  const same = operators.length - differing.length;
  const counts = differing.length === 0 ? "" : table([{ title: "operator" }, right("a"), right("b"), right("b - a")], differing.map((o) => [o.op, `${o.a}`, `${o.b}`, signed(o.b - o.a)]));
  const single = [...removed.map((n) => `- ${n.op} ${n.name}`), ...added.map((n) => `+ ${n.op} ${n.name}`), ...changed.map((n) => `~ ${n.op} ${n.name}: ${n.attribute} ${n.a ?? "left out"} → ${n.b ?? "left out"}`)];
  const named = single.length > 0 && single.length <= MOST_SHOWN ? `${single.join("\n")}\n` : "";
  return `${ports("input", inputs)}${ports("output", outputs)}nodes     ${nodes.a} → ${nodes.b}${differing.length === 0 ? ", of the same operators" : same === 0 ? "" : `; ${same} more ${same === 1 ? "operator is" : "operators are"} there as often`}\n${counts}${named}`;
}

const signed = (n: number): string => (n > 0 ? `+${n}` : `${n}`);

function weightText({ same, renamed, changed, onlyA, onlyB }: WeightsDiff): string {
  const only = (name: string, of: WeightsDiff["onlyA"]): string => (of.count === 0 ? "" : `; only ${name} has ${of.count} (${bytes(of.bytes)})`);
  const rows = changed.slice(0, MOST_SHOWN).map((w) => [w.name, w.type, `${w.differing} of ${w.count}`, number(w.absolute), number(w.relative)]);
  if (changed.length > MOST_SHOWN) rows.push([`${changed.length - MOST_SHOWN} more`, "", "", "", ""]);
  const shown = rows.length === 0 ? "" : table([{ title: "weight" }, { title: "type" }, right("differ"), right("largest"), right("relative")], rows);
  return `weights   equal: ${same.count} (${bytes(same.bytes)})${renamed > 0 ? `, ${renamed} of them under another name or in another shape` : ""}; changed: ${changed.length}${only("a", onlyA)}${only("b", onlyB)}\n${shown}`;
}

function outputText({ inputs, outputs }: RunDiff): string {
  const rows = outputs.map((o) => [o.name, o.a === o.b ? (o.a ?? "") : `${o.a ?? "none"} → ${o.b ?? "none"}`, number(o.absolute), number(o.relative), o.beyond === null ? "–" : `${o.beyond}`, o.equal ? "equal" : "differs"]);
  return `ran on    ${inputs.map((i) => `${i.name}: ${i.type}`).join(", ")}\n${table([{ title: "output" }, { title: "type" }, right("largest"), right("relative"), right("beyond"), { title: "" }], rows)}`;
}

function speedText({ a, b, ratio }: NonNullable<RunDiff["speed"]>): string {
  const text = (s: Speed, unit: string): string => `${s.median.toFixed(3)}${unit} ± ${(s.spread * 100).toFixed(0)} %`;
  return `time      a ${text(a, " ms")}, b ${text(b, " ms")}; a / b ${text(ratio, "")} (one thread, ${ratio.times.length} interleaved rounds, ± half the distance of the quartiles)\n`;
}

const number = (value: number | null): string => (value === null ? "–" : value === 0 ? "0" : Number.isFinite(value) ? value.toExponential(1) : "∞");
