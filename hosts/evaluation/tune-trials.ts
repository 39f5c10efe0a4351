// The trials of a search: a variant is built, measured on the data and written down, unless that is known from before.
import { compileProgram } from "../../compiler/compile.ts";
import type { Levels } from "../../compiler/compress/open.ts";
import type { Host } from "../../compiler/host.ts";
import { type Figures, measureName, slackOf } from "./budget.ts";
import { speeds } from "./latency.ts";
import type { Result } from "./search.ts";
import { speedupOf } from "./speed.ts";
import { type Built, PLAIN, sizeOf, type Trial, Untold, untold } from "./trial.ts";
import type { Candidates } from "./tune-candidates.ts";
import type { TrialLine, TuneState } from "./tune-state.ts";
import type { Subject } from "./tune-subject.ts";

/** What is to be small among all that keeps the budget. */
export type Objective = "latency" | "flops" | "size";

interface Given {
  readonly host: Host;
  readonly trial: Trial;
  /** The plain model. */
  readonly plain: Built;
  readonly subject: Subject;
  readonly candidates: Candidates;
  readonly state: TuneState;
  readonly objective: Objective;
  /** Of the largest data set. */
  readonly records: number;
  /** As many as are allowed altogether. */
  readonly most: number;
  readonly signal: AbortSignal | undefined;
  readonly onTrial: ((line: TrialLine) => void) | undefined;
}

/** Rounds in which a candidate is timed against the plain model while searching. */
const QUICK_ROUNDS = 9;

export class Trials {
  readonly #given: Given;
  readonly #asked = new Map<string, readonly [values: Levels, records: number]>();
  #made = 0;
  #spent = 0;
  #number = 0;
  /** What the search goes by: multiply-adds that are counted, or times where only a run tells how many there are. */
  readonly searchedBy: "flops" | "time" | "size";

  constructor(given: Given) {
    this.#given = given;
    this.searchedBy = given.objective === "size" ? "size" : given.candidates.runDecides ? "time" : "flops";
  }

  /** Trials that were asked for, and how many of them an earlier run made. */
  get count(): { readonly trials: number; readonly remembered: number } {
    return { trials: this.#asked.size, remembered: this.#asked.size - this.#made };
  }

  /** Trials, one on a part of the data as that part. */
  get spent(): number {
    return this.#spent;
  }

  /** What a variant costs before it is run; undefined: there is no such variant. */
  async price(values: Levels): Promise<number | undefined> {
    const price = await this.#given.candidates.price(values);
    return price && (this.#given.objective === "flops" ? price.flops : price.work);
  }

  /** By what the search goes by. */
  async costOf(line: TrialLine): Promise<number | undefined> {
    switch (this.searchedBy) {
      case "size": return line.bytes;
      case "time": return line.time;
      case "flops": return this.price(line.values ?? {});
    }
  }

  /** A variant on a share of the data; undefined: it cannot be measured. */
  async result(values: Levels, share: number): Promise<Result | undefined> {
    const all = this.#given.records;
    const records = share >= 1 ? all : Math.max(1, Math.round(all * share));
    const key = JSON.stringify([values, records]);
    if (!this.#asked.has(key)) this.#spent += records / all;
    this.#asked.set(key, [values, records]);
    const line = await this.#line(values, records);
    const plain = await this.figures(await this.plain(records));
    if (line.failed !== undefined) return undefined;
    return { cost: (await this.costOf(line)) ?? Number.POSITIVE_INFINITY, slack: slackOf(this.#given.subject.budget, await this.figures(line), plain) };
  }

  /** The plain model's. Throws `Untold` where it cannot be measured. */
  plain(records: number): Promise<TrialLine> {
    return this.#line(undefined, records);
  }

  /** Every variant that was measured on all records. */
  whole(): TrialLine[] {
    return [...this.#asked.values()].flatMap(([values, records]) => {
      const line = records === this.#given.records ? this.#given.state.known(values, records) : undefined;
      return line && line.failed === undefined ? [line] : [];
    });
  }

  async figures(line: TrialLine): Promise<Figures> {
    const { candidates } = this.#given;
    return { measures: line.measures, flops: line.values ? (candidates.runDecides ? undefined : (await candidates.price(line.values))?.flops) : 1 };
  }

  /** The artefact of a variant; undefined where it does not compile. */
  async build(values: Levels): Promise<Built | undefined> {
    const { trial, plain: { compiled }, subject } = this.#given;
    const { value } = compileProgram(compiled.program, { pipeline: compiled.pipeline.name.name, target: compiled.target, variant: subject.variant, values });
    return value && trial.write(value, `candidate ${++this.#number}`);
  }

  async #line(values: Levels | undefined, records: number): Promise<TrialLine> {
    const { host, state, signal, most, onTrial } = this.#given;
    const known = state.known(values, records);
    if (known) return known;
    signal?.throwIfAborted();
    host.progress("trials", Math.min(Math.floor(this.#spent), most), most);
    const line = await this.#outcome(values, records);
    signal?.throwIfAborted();
    state.add(line);
    if (values) {
      this.#made++;
      onTrial?.(line);
    }
    return line;
  }

  async #outcome(values: Levels | undefined, records: number): Promise<TrialLine> {
    const { trial, plain, subject, candidates } = this.#given;
    const nothing = { values, records, measures: {}, bytes: 0 };
    let built: Built | undefined = plain;
    try {
      if (values) built = await this.build(values);
      if (!built) return { ...nothing, failed: "it does not compile" };
      const measures: Record<string, number> = {};
      for (const gate of subject.measured) measures[measureName(gate)] = await trial.measure(gate, built, async () => plain, records);
      const time = values && candidates.runDecides ? await this.#timed(built) : undefined;
      return { values, records, measures, bytes: await sizeOf(built), ...(time === undefined ? {} : { time }) };
    } catch (error) {
      const told = untold(error, { shown: values ? valuesText(values) : PLAIN, span: subject.compression.target.span });
      // Nothing can be held against it, and nobody is to remember that instead of the reason.
      if (!values) throw new Untold(told);
      return { ...nothing, failed: told[0]?.says ?? "" };
    } finally {
      if (built && built !== plain) await trial.forget(built);
    }
  }

  async #timed(built: Built): Promise<number> {
    const { trial, plain, signal } = this.#given;
    const [before, after] = await speeds(trial, [plain, built], { rounds: QUICK_ROUNDS, ...(signal ? { signal } : {}) });
    return before && after ? 1 / speedupOf(before, after).median : Number.NaN;
  }
}

/** `r = 4, metric = keys`. */
export const valuesText = (values: Levels): string => Object.entries(values).map(([name, level]) => `${name} = ${level}`).join(", ");
