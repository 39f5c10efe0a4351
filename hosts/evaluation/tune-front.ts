// What a search has found: the front of all that was tried, timed together, and the best of those that keep the budget.
import type { Levels } from "../../compiler/compress/open.ts";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { gates as diagnostics } from "../../compiler/diagnostics/gates.ts";
import type { Host } from "../../compiler/host.ts";
import { figureOf, type Figures, keepsAll, measureName, slackOf } from "./budget.ts";
import { speeds } from "./latency.ts";
import { front } from "./search.ts";
import { speedupOf } from "./speed.ts";
import { type Built, type Trial, untold } from "./trial.ts";
import type { TrialLine } from "./tune-state.ts";
import type { Subject } from "./tune-subject.ts";
import { type Objective, type Trials, valuesText } from "./tune-trials.ts";

export interface TunedRow extends Figures {
  /** Undefined: the plain model. */
  readonly values: Levels | undefined;
  /** The figure of each bound of the budget, in its order. */
  readonly figures: readonly (number | undefined)[];
  readonly keeps: boolean;
  readonly bytes: number;
  /** How many times as fast as the plain model, timed in interleaved rounds; undefined where it was not timed. */
  readonly speedup: number | undefined;
  readonly speedupSpread: number | undefined;
}

/** With what the search went by; NaN where that is not known. */
interface Priced extends TunedRow {
  readonly cost: number;
}

interface Found {
  /** The plain model, then the front from cheap to dear. */
  readonly rows: readonly TunedRow[];
  /** Every variant that was measured on all records. */
  readonly tried: readonly TunedRow[];
  readonly winner: TunedRow | undefined;
  readonly problems: readonly Problem[];
}

interface Given {
  readonly host: Host;
  readonly trial: Trial;
  /** The plain model, and what is known of it on all records. */
  readonly plain: Built;
  readonly plainLine: TrialLine;
  readonly trials: Trials;
  readonly subject: Subject;
  readonly objective: Objective;
  /** See `TuneOptions`. */
  readonly latency: boolean | undefined;
  readonly rounds: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Of the front at most so many are timed and shown. */
const MOST_SHOWN = 12;
/** Of those that keep the budget so many are timed, whatever the front is. */
const MOST_LIKELY = 3;

export async function found(given: Given): Promise<Found> {
  const { trials, subject: { budget, compression }, objective, plainLine } = given;
  const plain = await trials.figures(plainLine);
  const rowOf = async (line: TrialLine): Promise<Priced> => {
    const own = await trials.figures(line);
    const cost = line.values ? ((await trials.costOf(line)) ?? Number.NaN) : 1;
    return { values: line.values, ...own, figures: budget.map((t) => figureOf(t, own, plain)), keeps: keepsAll(budget, own, plain), bytes: line.bytes, speedup: undefined, speedupSpread: undefined, cost };
  };
  const tried: Priced[] = [];
  for (const line of trials.whole()) tried.push(await rowOf(line));
  const [first] = budget.flatMap((t) => (t.gate ? [measureName(t.gate)] : []));
  const quality = (row: TunedRow): number => row.measures[first ?? ""] ?? Number.NaN;
  // The cheapest that keep a budget of several bounds need not lie on the front of the first one.
  const likely = tried.filter((r) => r.keeps).sort((a, b) => a.cost - b.cost || quality(b) - quality(a)).slice(0, MOST_LIKELY);
  const shown = [...new Set([...spread(front(tried, (r) => r.cost, quality)), ...likely])].sort((a, b) => a.cost - b.cost);
  const { rows, problems } = await timed([await rowOf(plainLine), ...shown], given);
  const winner = best(rows.slice(1).filter((r) => r.keeps), objective, quality);
  if (winner) return { rows, tried, winner, problems };
  const nearest = [...tried].sort((a, b) => slackOf(budget, b, plain) - slackOf(budget, a, plain))[0];
  const says = nearest ? `${valuesText(nearest.values ?? {})} with ${budget.map((t, i) => `${t.says.split(/\s*[<>]=?/)[0]} = ${nearest.figures[i]?.toFixed(4) ?? "?"}`).join(", ")}` : "none that could be measured";
  return { rows, tried, winner, problems: [...problems, report(diagnostics.G633, compression.target.span, { budget: budget.map((t) => t.says).join(" and "), trials: tried.length, best: says })] };
}

/** The same rows, timed together against the plain model, which is the first. */
async function timed(rows: readonly Priced[], { host, trial, plain, trials, latency, rounds, signal }: Given): Promise<{ readonly rows: readonly Priced[]; readonly problems: readonly Problem[] }> {
  if (latency === false || rows.length < 2) return { rows, problems: [] };
  const made: Built[] = [];
  try {
    for (const row of rows) {
      const built = row.values ? await trials.build(row.values) : plain;
      if (built) made.push(built);
    }
    const all = await speeds(trial, made, { ...(rounds === undefined ? {} : { rounds }), ...(signal ? { signal } : {}), onRound: (done, total) => host.progress("timing the front", done, total) });
    const [before] = all;
    return {
      rows: rows.map((row, i) => {
        const own = all[i];
        const speed = before && own ? speedupOf(before, own) : undefined;
        return { ...row, speedup: speed?.median, speedupSpread: speed?.spread };
      }),
      problems: [],
    };
  } catch (error) {
    return { rows, problems: untold(error, { shown: "latency", span: undefined }) };
  } finally {
    for (const built of made) if (built !== plain) await trial.forget(built);
  }
}

/** Of a long front some that lie apart, both ends among them. */
const spread = <T>(rows: readonly T[]): T[] => (rows.length <= MOST_SHOWN ? [...rows] : Array.from({ length: MOST_SHOWN }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (MOST_SHOWN - 1))] as T));

/** The least by the objective, as it was timed where it was; the better one where two are alike. */
function best(rows: readonly Priced[], objective: Objective, quality: (row: TunedRow) => number): Priced | undefined {
  const cost = (row: Priced): number => (objective === "latency" && row.speedup !== undefined ? 1 / row.speedup : row.cost);
  return [...rows].sort((a, b) => cost(a) - cost(b) || quality(b) - quality(a))[0];
}
