// The variants of one pipeline side by side with the plain model: what each reaches, how long it takes, what is left of it.
import { type Compiled, compileProgram, compressionsOf } from "../../compiler/compile.ts";
import type { Cost } from "../../compiler/compress/cost.ts";
import type { Gate } from "../../compiler/compress/require.ts";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { gates as diagnostics } from "../../compiler/diagnostics/gates.ts";
import { nearest } from "../../compiler/diagnostics/suggest.ts";
import type { Host } from "../../compiler/host.ts";
import type { Program } from "../../compiler/program.ts";
import type { Source } from "../../grammar/source.ts";
import { distinctMeasures, measureName } from "./budget.ts";
import { keeps, unmet } from "./gates.ts";
import { speeds } from "./latency.ts";
import { machine, type Report } from "./report.ts";
import { type Speed, speedupOf } from "./speed.ts";
import { type Built, PLAIN, sizeOf, type Trial, untold } from "./trial.ts";
import { type PlainOptions, withPlain } from "./with-plain.ts";

interface CompareOptions extends PlainOptions {
  /** These variants only, in this order; all of the pipeline's unless given. */
  readonly variants?: readonly string[];
  /** Rounds of timing, at least 9; 15 unless given. */
  readonly rounds?: number;
  /** `false`: nothing is timed. */
  readonly latency?: boolean;
  /** Draws of the control that stands behind each variant that drops tokens; 3 unless given, 0: none. */
  readonly seeds?: number;
}

export interface Row {
  /** `plain`, the variant's name, or that of a variant and ` / random`: its control, of which quality is the mean of all draws and everything else is of the first. */
  readonly variant: string;
  /** By the measure as it is written and its data, `accuracy(label) on held_out`; one that could not be taken is absent, and a problem says why. */
  readonly measures: Readonly<Record<string, number>>;
  /** Median milliseconds of one record on one thread. */
  readonly latencyMs: number | undefined;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly latencySpread: number | undefined;
  /** How many times as fast as the plain model: the median of the ratios of the rounds. */
  readonly ratioToPlain: number | undefined;
  readonly ratioSpread: number | undefined;
  /** Multiply-adds inside of blocks against the plain model's; undefined where only a run knows what is left of the tokens. */
  readonly flopRatio: number | undefined;
  /** Tokens that go into the first block, and that leave the last; undefined without blocks. See `TokenCount` for those that only a run knows. */
  readonly tokens: Cost["tokens"];
  /** Of all files of the artefact. */
  readonly bytes: number;
  /** Requirements that are not met, measures that could not be taken, warnings of the compiler. */
  readonly problems: readonly Problem[];
}

export interface Comparison {
  readonly pipeline: string;
  readonly rows: readonly Row[];
  /** Of the whole: where these are errors, there are no rows, or rows are missing. */
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
  readonly machine: Report["machine"];
}

/** Builds the plain model and all variants in a temporary place, measures and times them. Rejects with the reason of `signal` where it is aborted. */
export function compare(options: CompareOptions): Promise<Comparison> {
  return withPlain<Comparison>(options, async ({ host, program, plain, trial, problems, sources }) => {
    const chosen = choose(program, plain, options.variants);
    const made = await models(host, trial, plain, chosen.names, options.seeds ?? SEEDS, options.signal);
    const rows = await measured(host, trial, made.models, distinctMeasures(made.models.flatMap((c) => c.built.compiled.gates)), options);
    return { pipeline: plain.pipeline.name.name, rows, problems: [...problems, ...chosen.problems, ...made.problems], sources, machine: machine() };
  }, (problems, sources) => ({ pipeline: options.pipeline ?? "", rows: [], problems, sources, machine: machine() }));
}

/** Variants of a model that the pipeline uses. */
function choose(program: Program, plain: Compiled, wanted: readonly string[] | undefined): { readonly names: readonly string[]; readonly problems: readonly Problem[] } {
  const names = compressionsOf(program, plain).map((c) => c.as?.name ?? c.target.name);
  const unknown = (wanted ?? []).filter((w) => !names.includes(w));
  return {
    names: wanted ? wanted.filter((w) => names.includes(w)) : names,
    problems: unknown.map((name) => report(diagnostics.G602, undefined, { wanted: name, near: nearest(name, names), file: program.main.path })),
  };
}

export interface Candidate {
  /** As its row is called. */
  readonly row: string;
  readonly built: Built;
  /** More draws of a control: quality is the mean of all. */
  readonly more: readonly Built[];
  readonly problems: readonly Problem[];
}

const SEEDS = 3;

/** The plain model first, each variant before its control. A variant that does not compile is told and left out. */
async function models(host: Host, trial: Trial, plain: Compiled, variants: readonly string[], seeds: number, signal: AbortSignal | undefined): Promise<{ readonly models: readonly Candidate[]; readonly problems: readonly Problem[] }> {
  const made: Candidate[] = [{ row: PLAIN, built: await trial.write(plain, PLAIN), more: [], problems: [] }];
  const problems: Problem[] = [];
  for (const [i, variant] of variants.entries()) {
    signal?.throwIfAborted();
    host.progress("building variants", i, variants.length);
    const compiled = compileProgram(plain.program, { pipeline: plain.pipeline.name.name, target: plain.target, variant });
    if (!compiled.value) {
      problems.push(...compiled.problems);
      continue;
    }
    const control = await controls(trial, compiled.value, variant, seeds, signal);
    const warnings = [...compiled.problems.filter((p) => p.severity === "warning"), ...(control?.problems ?? [])];
    made.push({ row: variant, built: await trial.write(compiled.value, variant), more: [], problems: warnings });
    if (control?.built) made.push({ row: `${variant} / random`, built: control.built, more: control.more, problems: [] });
  }
  host.progress("building variants", variants.length, variants.length);
  return { models: made, problems };
}

interface Controls {
  readonly built: Built | undefined;
  readonly more: readonly Built[];
  /** Why there is none. */
  readonly problems: readonly Problem[];
}

/** All draws of a variant's control; undefined where it has none. What the compiler warns of it warned of the variant already. */
async function controls(trial: Trial, of: Compiled, variant: string, seeds: number, signal: AbortSignal | undefined): Promise<Controls | undefined> {
  const built: Built[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    signal?.throwIfAborted();
    const { value, problems } = compileProgram(of.program, { pipeline: of.pipeline.name.name, target: of.target, variant, control: { seed } });
    if (!value) return { built: undefined, more: [], problems: [report(diagnostics.G610, of.compression?.target.span, { variant, why: problems.find((p) => p.severity === "error")?.says ?? "" })] };
    if (value.controls === 0) return undefined;
    built.push(await trial.write(value, `${variant} random ${seed}`));
  }
  const [first, ...more] = built;
  return first && { built: first, more, problems: [] };
}

/** A row for each; the first is the plain model. */
export async function measured(host: Host, trial: Trial, candidates: readonly Candidate[], gates: readonly Gate[], { rounds, latency, signal }: Pick<CompareOptions, "rounds" | "latency" | "signal">): Promise<Row[]> {
  const [first] = candidates;
  if (!first) return [];
  const plain = first.built;
  const figures: Figures[] = [];
  for (const { built, more, problems } of candidates) {
    const own: Figures = { values: new Map(), problems: [...problems] };
    for (const gate of gates) {
      try {
        let sum = 0;
        for (const model of [built, ...more]) sum += await trial.measure(gate, model, async () => plain);
        own.values.set(measureName(gate), sum / (1 + more.length));
      } catch (error) {
        own.problems.push(...untold(error, gate));
      }
    }
    figures.push(own);
  }
  const timing = latency === false ? { speeds: [], problems: [] } : await timed(host, trial, candidates.map((c) => c.built), rounds, signal);
  figures[0]?.problems.push(...timing.problems);
  const base = timing.speeds[0];
  return Promise.all(candidates.map(async ({ row, built }, i): Promise<Row> => {
    const own = figures[i] ?? { values: new Map(), problems: [] };
    const speed = timing.speeds[i];
    const { blocks, tokens } = built.compiled.cost;
    const ratio = base && speed ? speedupOf(base, speed) : undefined;
    return {
      variant: row,
      measures: Object.fromEntries(own.values),
      latencyMs: speed?.median, latencySpread: speed?.spread, ratioToPlain: ratio?.median, ratioSpread: ratio?.spread,
      flopRatio: tokens && tokens.leaving === undefined ? undefined : blocks / plain.compiled.cost.blocks,
      tokens,
      bytes: await sizeOf(built),
      problems: [...own.problems, ...failures(built, own, figures[0], ratio?.median)],
    };
  }));
}

interface Figures {
  readonly values: Map<string, number>;
  readonly problems: Problem[];
}

async function timed(host: Host, trial: Trial, models: readonly Built[], rounds: number | undefined, signal: AbortSignal | undefined): Promise<{ readonly speeds: readonly Speed[]; readonly problems: readonly Problem[] }> {
  try {
    const found = await speeds(trial, models, { ...(rounds === undefined ? {} : { rounds }), ...(signal ? { signal } : {}), onRound: (done, total) => host.progress("timing", done, total) });
    return { speeds: found, problems: [] };
  } catch (error) {
    // The rest of the table stands without it.
    return { speeds: [], problems: untold(error, { shown: "latency", span: undefined }) };
  }
}

/** What this variant requires of itself and does not reach. */
function failures({ compiled }: Built, { values }: Figures, plain: Figures | undefined, ratio: number | undefined): Problem[] {
  return compiled.gates.flatMap((gate) => {
    if (!gate.required || !gate.comparison || gate.bound === undefined) return [];
    const own = gate.kind === "speedup" ? ratio : values.get(measureName(gate));
    const before = gate.drop ? plain?.values.get(measureName(gate)) : 0;
    if (own === undefined || before === undefined) return [];
    const value = gate.drop ? before - own : own;
    return keeps(value, gate.comparison, gate.bound) ? [] : [unmet(gate, { value, comparison: gate.comparison, bound: gate.bound, on: gate.on ?? compiled.target }, undefined)];
  });
}
