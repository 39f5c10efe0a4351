// The gates of a build: what is required is measured on the artefact itself, and told with its figures.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Compiled } from "../../compiler/compile.ts";
import type { Gate } from "../../compiler/compress/require.ts";
import { type Problem, report as told } from "../../compiler/diagnostics/define.ts";
import { gates as diagnostics } from "../../compiler/diagnostics/gates.ts";
import { MANIFEST } from "../../compiler/emit/manifest.ts";
import type { Host } from "../../compiler/host.ts";
import { NoMeasure } from "./measure.ts";
import { type MeasuredGate, type Report, reportOf } from "./report.ts";
import { speeds } from "./latency.ts";
import { type Built, Trial, untold } from "./trial.ts";

interface GateRun {
  readonly host: Host;
  readonly compiled: Compiled;
  /** Where the artefact lies. */
  readonly directory: string;
  readonly signal?: AbortSignal;
}

/** Measures every gate; one that fails does not keep the others from being measured. */
export async function measureGates({ host, compiled, directory, signal }: GateRun): Promise<{ readonly report: Report; readonly problems: readonly Problem[] }> {
  const trial = new Trial(host, signal);
  const { compression } = compiled;
  const built: Built = { name: compression?.as?.name ?? compression?.target.name ?? "", compiled, directory };
  let plainly: Promise<Built> | undefined;
  const plain = (): Promise<Built> => {
    plainly ??= trial.build(compiled, undefined);
    return plainly;
  };
  const problems: Problem[] = [];
  const measured: MeasuredGate[] = [];
  const data: Record<string, Report["data"][string]> = {};
  try {
    for (const gate of compiled.gates) {
      signal?.throwIfAborted();
      try {
        const figures = gate.kind === "speedup" ? await speedup(gate, trial, built, plain, host, signal) : await quality(gate, trial, built, plain);
        if (gate.kind === "quality" && gate.on) {
          const { file, sha256, records } = await trial.data(gate.on, compiled);
          data[gate.on] = { file, sha256, records };
        }
        const row = rowOf(gate, figures, compiled);
        measured.push(row);
        if (row.holds === false && gate.required) problems.push(unmet(gate, row, data[gate.on ?? ""]?.records));
      } catch (error) {
        problems.push(...untold(error, gate));
      }
    }
    const manifest = createHash("sha256").update(await readFile(join(directory, MANIFEST))).digest("hex");
    return { report: reportOf({ manifest, gates: measured, data, ...(compiled.precision ? { precision: compiled.precision } : {}) }), problems };
  } finally {
    await trial[Symbol.asyncDispose]();
  }
}

interface Figures {
  readonly value: number;
  readonly plain?: number;
}

async function quality(gate: Gate, trial: Trial, built: Built, plain: () => Promise<Built>): Promise<Figures> {
  const value = await trial.measure(gate, built, plain);
  if (!gate.drop) return { value };
  const before = await trial.measure(gate, await plain(), plain);
  return { value: before - value, plain: before };
}

/** How many times as fast as the plain model. */
async function speedup(gate: Gate, trial: Trial, built: Built, plain: () => Promise<Built>, host: Host, signal: AbortSignal | undefined): Promise<Figures> {
  const { target } = built.compiled;
  if (gate.on !== undefined && gate.on !== target) throw new NoMeasure(`this artefact is compiled for ${target}`, { on: gate.on, target });
  const [before, after] = await speeds(trial, [await plain(), built], { ...(signal ? { signal } : {}), onRound: (done, total) => host.progress(`timing ${built.name}`, done, total) });
  if (!before || !after) throw new Error("two models were timed, and less came back");
  return { value: before.median / after.median, plain: before.median };
}

function rowOf(gate: Gate, { value, plain }: Figures, compiled: Compiled): MeasuredGate {
  const { comparison, bound } = gate;
  const at = compiled.place(gate.span);
  const source = compiled.program.modules.sources().get(gate.span.file);
  return {
    says: (source?.text.slice(gate.span.start, gate.span.end) ?? gate.shown).replace(/\s+/g, " ").trim(),
    place: `${gate.span.file}:${at.line}:${at.column}`,
    required: gate.required, value, on: gate.on ?? compiled.target,
    ...(plain === undefined ? {} : { plain }),
    ...(comparison && bound !== undefined ? { comparison, bound, holds: keeps(value, comparison, bound) } : {}),
  };
}

/** NaN keeps no bound. */
export function keeps(value: number, comparison: NonNullable<Gate["comparison"]>, bound: number): boolean {
  switch (comparison) {
    case "<=": return value <= bound;
    case ">=": return value >= bound;
    case "<": return value < bound;
    case ">": return value > bound;
  }
}

export function unmet(gate: Gate, { value, comparison, bound, on }: Pick<MeasuredGate, "value" | "comparison" | "bound" | "on">, records: number | undefined): Problem {
  const [by, limit] = [comparison ?? ">=", bound ?? Number.NaN];
  return told(diagnostics.G603, gate.span, { what: gate.shown, measured: figure(value, by, limit), wanted: `${by} ${limit}`, on: records === undefined ? on : `${on} (${records} records)` });
}

/** Four decimals, or as many as it takes for the figure to be on the same side of the bound as the value is. */
function figure(value: number, comparison: NonNullable<Gate["comparison"]>, bound: number): string {
  for (let digits = 4; digits <= 12; digits++) {
    const text = value.toFixed(digits);
    if (keeps(Number(text), comparison, bound) === keeps(value, comparison, bound)) return text;
  }
  return String(value);
}
