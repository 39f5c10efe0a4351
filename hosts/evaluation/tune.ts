// The values that a variant leaves open, searched: compiled, measured on the data, kept on the disk, and the best of them timed.
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import type { Compiled } from "../../compiler/compile.ts";
import type { Opening } from "../../compiler/compress/open.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import type { Host } from "../../compiler/host.ts";
import type { Source } from "../../grammar/source.ts";
import { version } from "../version.ts";
import { machine, type Report } from "./report.ts";
import { search } from "./search.ts";
import { PLAIN } from "./trial.ts";
import { Candidates } from "./tune-candidates.ts";
import { found, type TunedRow } from "./tune-front.ts";
import { type TrialLine, TuneState } from "./tune-state.ts";
import { subjectOf } from "./tune-subject.ts";
import { type Objective, Trials } from "./tune-trials.ts";
import { type PlainOptions, withPlain } from "./with-plain.ts";

export interface TuneOptions extends PlainOptions {
  /** The variant with open values; needed where several have some. */
  readonly variant?: string;
  /** `accuracy_drop <= 0.01`; what the variant requires of itself unless given. */
  readonly budget?: string;
  /** `latency` unless given. */
  readonly objective?: Objective;
  /** Data that stands for the one that the measures name. */
  readonly data?: string;
  /** Of the search, where it draws. */
  readonly seed?: number;
  /** Variants measured altogether, those of earlier runs too, a first look at a part of the data as that part; 40 unless given. */
  readonly trials?: number;
  /** Seconds after which no further trial begins. */
  readonly seconds?: number;
  /** Where trials are kept; `build/<file>.<variant>.tune.jsonl` in the project unless given. */
  readonly state?: string;
  /** Rounds of timing of the front, at least 9. */
  readonly rounds?: number;
  /** `false`: nothing is timed. */
  readonly latency?: boolean;
  /** Told of each trial as it is made, not of remembered ones. */
  readonly onTrial?: (line: TrialLine) => void;
}

export interface Tuned {
  readonly pipeline: string;
  readonly variant: string;
  readonly objective: Objective;
  readonly searchedBy: Trials["searchedBy"];
  readonly openings: readonly Opening[];
  readonly budget: readonly string[];
  /** The plain model, then the front from cheap to dear. */
  readonly rows: readonly TunedRow[];
  /** Every variant that was measured on all records. */
  readonly tried: readonly TunedRow[];
  readonly winner: TunedRow | undefined;
  /** Trials that are known, and how many of them an earlier run made. */
  readonly trials: number;
  readonly remembered: number;
  readonly state: string;
  readonly startedAnew: boolean;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
  readonly machine: Report["machine"];
}

/** Of a search that is told nothing else. */
const TRIALS = 40;
/** Data is worth a first look on a part of it from here on, and that part has at least so many records. */
const WORTH_SHARING = 128;
const FEWEST_RECORDS = 32;
const FIRST_SHARE = 0.25;
/** What is told of a search; building and measuring one of many is no stage of its own. */
const STAGES: ReadonlySet<string> = new Set(["counting", "trials", "timing the front"]);

/** Searches; rejects with the reason of `signal` where it is aborted, and what was tried by then is kept. */
export function tune(options: TuneOptions): Promise<Tuned> {
  const { onProgress, signal, objective = "latency", trials: most = TRIALS, seed = 1, seconds, latency, rounds, onTrial } = options;
  const begun = performance.now();
  const nothing = (problems: readonly Problem[], sources: Tuned["sources"]): Tuned => ({
    pipeline: options.pipeline ?? "", variant: options.variant ?? "", objective, searchedBy: "flops", openings: [], budget: [], rows: [], tried: [], winner: undefined, trials: 0, remembered: 0, state: "", startedAnew: false, problems, sources, machine: machine(),
  });
  return withPlain<Tuned>({ ...options, ...(onProgress ? { onProgress: (p) => void (STAGES.has(p.stage) && onProgress(p)) } : {}) }, async ({ host, plain: compiled, trial, problems, sources }) => {
    const { subject, problems: wrong } = subjectOf(compiled, options);
    if (!subject) return nothing([...problems, ...wrong], sources);
    const plain = await trial.write(compiled, PLAIN);
    const data = await Promise.all([...new Set(subject.measured.map((g) => g.on ?? ""))].map((name) => trial.data(name, compiled)));
    const records = Math.max(...data.map((d) => d.records));
    const pipeline = compiled.pipeline.name.name;
    const state = TuneState.open(resolve(options.state ?? join(options.root, "build", `${basename(options.file, ".kiri")}.${subject.variant}.tune.jsonl`)), {
      program: await digestOf(compiled, host), data: Object.fromEntries(data.map((d) => [d.name, d.sha256])), pipeline, variant: subject.variant, target: compiled.target,
    });
    const candidates = new Candidates(host, compiled, subject, signal);
    const trials = new Trials({ host, trial, plain, subject, candidates, state, objective, records, most, signal, onTrial });
    await search({
      sizes: candidates.sizes,
      isPriced: trials.searchedBy === "flops",
      price: (point) => trials.price(candidates.valuesOf(point)),
      measure: (point, share) => trials.result(candidates.valuesOf(point), share),
      more: () => trials.spent < most && (seconds === undefined || performance.now() - begun < seconds * 1000),
    }, { seed, trials: most, firstShare: records >= WORTH_SHARING ? Math.max(FIRST_SHARE, FEWEST_RECORDS / records) : 1 });
    const { rows, tried, winner, problems: told } = await found({ host, trial, plain, plainLine: await trials.plain(records), trials, subject, objective, latency, rounds, signal });
    return {
      pipeline, variant: subject.variant, objective, searchedBy: trials.searchedBy, openings: subject.openings, budget: subject.budget.map((t) => t.says), rows, tried, winner,
      ...trials.count, state: state.path, startedAnew: state.startedAnew, problems: [...problems, ...told], sources, machine: machine(),
    };
  }, nothing);
}

/** Of everything in the program that decides what a trial gives. */
async function digestOf({ program, elaboration }: Compiled, host: Host): Promise<string> {
  const hash = createHash("sha256").update(`kirigami ${version()}\n`);
  for (const [path, { text }] of [...program.modules.sources()].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${path} ${createHash("sha256").update(text).digest("hex")}\n`);
  for (const file of [...elaboration.files].sort()) hash.update(`${file} ${await host.digestFile(file)}\n`);
  return hash.digest("hex");
}
