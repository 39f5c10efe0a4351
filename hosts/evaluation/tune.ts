// The values that a variant leaves open, searched: compiled, measured on the data, kept on the disk, and the best of them timed.
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { type Compiled, compileProgram, compressionsOf, elaborate } from "../../compiler/compile.ts";
import { isOpen, type Level, type Levels, type Opening, openingsOf, standIns } from "../../compiler/compress/open.ts";
import { type Gate, resolveGates } from "../../compiler/compress/require.ts";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { gates as diagnostics } from "../../compiler/diagnostics/gates.ts";
import { nearest } from "../../compiler/diagnostics/suggest.ts";
import { topological } from "../../compiler/graph/node.ts";
import type { Host } from "../../compiler/host.ts";
import type { Program } from "../../compiler/program.ts";
import { Recorder } from "../../compiler/rewrite/record.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Source } from "../../grammar/source.ts";
import { version } from "../version.ts";
import { type Budget, distinctMeasures, figureOf, type Figures, keepsAll, measureName, qualityNames, readBudget, requiredBudget, slackOf, type Term } from "./budget.ts";
import { speeds } from "./latency.ts";
import { machine, type Report } from "./report.ts";
import { front, type Point, type Result, search } from "./search.ts";
import { speedupOf } from "./speed.ts";
import { type Built, PLAIN, sizeOf, type Trial, Untold, untold } from "./trial.ts";
import { type TrialLine, TuneState } from "./tune-state.ts";
import { type PlainOptions, withPlain } from "./with-plain.ts";

/** What is to be small among all that keeps the budget. */
export type Objective = "latency" | "flops" | "size";

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

export interface Tuned {
  readonly pipeline: string;
  readonly variant: string;
  readonly objective: Objective;
  /** What the search itself went by: multiply-adds that are counted, or times where only a run tells how many there are. */
  readonly searchedBy: "flops" | "time" | "size";
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

const TRIALS = 40;
/** Of the front at most so many are timed and shown. */
const MOST_SHOWN = 12;
/** Of those that keep the budget so many are timed, whatever the front is. */
const MOST_LIKELY = 3;
/** Data is worth a first look on a part of it from here on, and that part has at least so many records. */
const WORTH_SHARING = 128;
const FEWEST_RECORDS = 32;
const FIRST_SHARE = 0.25;
/** Beyond this a whole number without a domain is not looked for. */
const LARGEST_NUMBER = 4096;
/** What is told of a search; building and measuring one of many is no stage of its own. */
const STAGES: ReadonlySet<string> = new Set(["counting", "trials", "timing the front"]);
/** Rounds in which a candidate is timed against the plain model while searching. */
const QUICK_ROUNDS = 9;

/** Searches; rejects with the reason of `signal` where it is aborted, and what was tried by then is kept. */
export function tune(options: TuneOptions): Promise<Tuned> {
  const { onProgress } = options;
  const nothing = (problems: readonly Problem[], sources: Tuned["sources"]): Tuned => ({
    pipeline: options.pipeline ?? "", variant: options.variant ?? "", objective: options.objective ?? "latency", searchedBy: "flops", openings: [], budget: [], rows: [], tried: [], winner: undefined, trials: 0, remembered: 0, state: "", startedAnew: false, problems, sources, machine: machine(),
  });
  return withPlain<Tuned>({ ...options, ...(onProgress ? { onProgress: (p) => void (STAGES.has(p.stage) && onProgress(p)) } : {}) }, async ({ host, plain, trial, problems, sources }) => {
    const subject = subjectOf(plain, options);
    if (subject.problems.length > 0 || !subject.compression) return nothing([...problems, ...subject.problems], sources);
    const tuning = new Tuning(host, trial, plain, subject.compression, subject.openings, subject.budget, subject.measured, options);
    const found = await tuning.run();
    return { ...found, problems: [...problems, ...found.problems], sources };
  }, nothing);
}

interface Subject {
  readonly compression: Ast.CompressDecl | undefined;
  readonly openings: readonly Opening[];
  readonly budget: readonly Term[];
  /** Every measure that is taken, once. */
  readonly measured: readonly Gate[];
  readonly problems: readonly Problem[];
}

const nameOf = (c: Ast.CompressDecl): string => c.as?.name ?? c.target.name;

/** Which variant, what is open in it, and what it must keep. */
function subjectOf(plain: Compiled, { variant, budget, data }: TuneOptions): Subject {
  const { program } = plain;
  const none = (...problems: readonly Problem[]): Subject => ({ compression: undefined, openings: [], budget: [], measured: [], problems });
  const all = compressionsOf(program, plain);
  const open = all.filter(isOpen);
  if (variant !== undefined && !all.some((c) => nameOf(c) === variant)) return none(report(diagnostics.G602, undefined, { wanted: variant, near: nearest(variant, all.map(nameOf)), file: program.main.path }));
  const meant = variant === undefined ? open : open.filter((c) => nameOf(c) === variant);
  const [compression] = meant;
  if (!compression || meant.length > 1) return none(report(diagnostics.G631, compression?.target.span, { file: program.main.path, open: meant.map(nameOf) }));
  const { openings, problems } = openingsOf(program, compression);
  if (problems.length > 0) return none(...problems);
  const own = gatesOf(plain, compression);
  const others = all.filter((c) => c !== compression).flatMap((c) => gatesOf(plain, c).gates);
  if (own.problems.length > 0) return none(...own.problems);
  const on = (gate: Gate): Gate => (data === undefined ? gate : { ...gate, on: data });
  const gates = [...own.gates, ...others].filter((g) => g.kind === "quality").map(on);
  if (data !== undefined && !program.data.some((d) => d.name.name === data)) return none(report(diagnostics.G607, undefined, { name: data, near: nearest(data, program.data.map((d) => d.name.name)) }));
  const read: Budget = budget === undefined ? { terms: requiredBudget(own.gates.map(on)), problems: [] } : readBudget(budget, gates);
  if (read.problems.length > 0) return none(...read.problems);
  const bounded = read.terms.flatMap((t) => (t.gate ? [t.gate] : []));
  if (bounded.length === 0) return none(report(diagnostics.G632, undefined, { budget: budget ?? "", why: budget === undefined ? `${nameOf(compression)} requires nothing of quality, and no budget is given` : "it bounds no quality", has: qualityNames(gates) }));
  const measured = distinctMeasures([...bounded, ...own.gates.map(on)]);
  return { compression, openings, budget: read.terms, measured, problems: [] };
}

/** What a variant measures; that needs the pipeline's outputs and nothing of the folds. */
function gatesOf(plain: Compiled, compression: Ast.CompressDecl): ReturnType<typeof resolveGates> {
  const items = compression.items.filter((i) => i.kind === "require" || i.kind === "report");
  return resolveGates({ ...plain, compression: { ...compression, items } }, new Recorder());
}

/** What a candidate costs before it is run, against the plain model. */
interface Price {
  /** Multiply-adds inside blocks. */
  readonly flops: number;
  /** All multiply-adds, those of the folds too: what time follows. */
  readonly work: number;
}

class Tuning {
  readonly #host: Host;
  readonly #trial: Trial;
  readonly #plain: Compiled;
  readonly #program: Program;
  readonly #compression: Ast.CompressDecl;
  readonly #budget: readonly Term[];
  readonly #measured: readonly Gate[];
  readonly #options: TuneOptions;
  readonly #objective: Objective;
  readonly #prices = new Map<string, Price | undefined>();
  readonly #problems: Problem[] = [];
  readonly #asked = new Set<string>();
  readonly #begun = performance.now();
  #openings: readonly Opening[];
  #levels: readonly (readonly Level[])[] = [];
  #built: Built | undefined;
  #records = 0;
  #runDecides = false;
  #made = 0;
  /** Trials, one on a part of the data as that part. */
  #spent = 0;

  constructor(host: Host, trial: Trial, plain: Compiled, compression: Ast.CompressDecl, openings: readonly Opening[], budget: readonly Term[], measured: readonly Gate[], options: TuneOptions) {
    this.#host = host;
    this.#trial = trial;
    this.#plain = plain;
    this.#program = plain.program;
    this.#compression = compression;
    this.#openings = openings;
    this.#budget = budget;
    this.#measured = measured;
    this.#options = options;
    this.#objective = options.objective ?? "latency";
  }

  async run(): Promise<Omit<Tuned, "sources">> {
    const { trials = TRIALS, seed = 1 } = this.#options;
    this.#built = await this.#trial.write(this.#plain, PLAIN);
    const data = await Promise.all([...new Set(this.#measured.map((g) => g.on ?? ""))].map((name) => this.#trial.data(name, this.#plain)));
    this.#records = Math.max(...data.map((d) => d.records));
    const variant = nameOf(this.#compression);
    const place = this.#options.state ?? join(this.#options.root, "build", `${basename(this.#options.file, ".kiri")}.${variant}.tune.jsonl`);
    const state = TuneState.open(resolve(place), {
      program: await this.#digest(), data: Object.fromEntries(data.map((d) => [d.name, d.sha256])),
      pipeline: this.#plain.pipeline.name.name, variant, target: this.#plain.target,
    });
    this.#levels = this.#openings.map((o) => o.levels ?? this.#reach(o));
    this.#runDecides = this.#decidedByRun();
    const firstShare = this.#records >= WORTH_SHARING ? Math.max(FIRST_SHARE, FEWEST_RECORDS / this.#records) : 1;
    await search({
      sizes: this.#levels.map((l) => l.length),
      isPriced: this.#searchedBy() === "flops",
      price: async (point) => this.#cost(await this.#price(this.#valuesOf(point))),
      measure: (point, share) => this.#measure(state, this.#valuesOf(point), share),
      more: () => this.#spent < trials && (this.#options.seconds === undefined || performance.now() - this.#begun < this.#options.seconds * 1000),
    }, { seed, trials, firstShare });
    return this.#result(state);
  }

  readonly #searchedBy = (): Tuned["searchedBy"] => (this.#objective === "size" ? "size" : this.#runDecides ? "time" : "flops");

  #valuesOf(point: Point): Levels {
    return Object.fromEntries(this.#openings.map((o, i) => [o.name, this.#levels[i]?.[point[i] ?? 0] ?? o.first]));
  }

  #cost(price: Price | undefined): number | undefined {
    return price && (this.#objective === "flops" ? price.flops : price.work);
  }

  /** Whole numbers from 0 on, as far as they type-check and nothing is clipped, everything else being as it is where a program is checked. */
  #reach(opening: Opening): readonly number[] {
    const fits = (n: number): boolean => {
      const values = { ...Object.fromEntries(this.#openings.map((o) => [o.name, o.first])), [opening.name]: n };
      return !this.#woven(values).problems.some((p) => p.severity === "error" || p.code === "F308");
    };
    const from = fits(0) ? 0 : 1;
    let [low, high] = [from, 1];
    while (high < LARGEST_NUMBER && fits(high)) [low, high] = [high, high * 2];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return Array.from({ length: low - from + 1 }, (_, i) => from + i);
  }

  #woven(values: Levels): ReturnType<typeof elaborate> {
    this.#options.signal?.throwIfAborted();
    return elaborate(this.#program, this.#plain.pipeline, this.#compression, { values });
  }

  /** Whether a count in the graph is the data's decision: then what is left of the work is known behind a run only. */
  #decidedByRun(): boolean {
    const value = standIns(this.#openings).map((values) => this.#woven(values).value).find((v) => v !== undefined);
    return value !== undefined && topological(value.graph.outputs.map((o) => o.node)).some((n) => n.op === "choose");
  }

  async #price(values: Levels): Promise<Price | undefined> {
    const key = JSON.stringify(values);
    if (!this.#prices.has(key)) {
      this.#host.progress("counting", this.#prices.size, this.#prices.size + 1);
      const { value } = this.#woven(values);
      const { blocks, total } = this.#plain.cost;
      this.#prices.set(key, value && { flops: blocks > 0 ? value.cost.blocks / blocks : 1, work: total > 0 ? value.cost.total / total : 1 });
      await new Promise((done) => setImmediate(done));
    }
    return this.#prices.get(key);
  }

  /** Everything that decides what a trial gives. */
  async #digest(): Promise<string> {
    const hash = createHash("sha256").update(`kirigami ${version()}\n`);
    for (const [path, { text }] of [...this.#program.modules.sources()].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${path} ${createHash("sha256").update(text).digest("hex")}\n`);
    for (const file of [...this.#plain.elaboration.files].sort()) hash.update(`${file} ${await this.#host.digestFile(file)}\n`);
    return hash.digest("hex");
  }

  async #measure(state: TuneState, values: Levels, share: number): Promise<Result | undefined> {
    const records = share >= 1 ? this.#records : Math.max(1, Math.round(this.#records * share));
    const key = JSON.stringify([values, records]);
    if (!this.#asked.has(key)) this.#spent += records / this.#records;
    this.#asked.add(key);
    const line = state.known(values, records) ?? (await this.#tried(state, values, records));
    const plain = await this.#plainly(state, records);
    if (line.failed !== undefined) return undefined;
    const own = await this.#figures(line);
    const cost = this.#searchedBy() === "size" ? line.bytes : this.#searchedBy() === "time" ? line.time : this.#cost(await this.#price(values));
    return { cost: cost ?? Number.POSITIVE_INFINITY, slack: slackOf(this.#budget, own, plain) };
  }

  async #figures(line: TrialLine): Promise<Figures> {
    return { measures: line.measures, flops: line.values ? (this.#runDecides ? undefined : (await this.#price(line.values))?.flops) : 1 };
  }

  async #plainly(state: TuneState, records: number): Promise<Figures> {
    const line = state.known(undefined, records) ?? (await this.#tried(state, undefined, records));
    if (line.failed !== undefined) throw new Untold(this.#problems);
    return this.#figures(line);
  }

  /** Measures a variant, or the plain model, and writes down what came out. */
  async #tried(state: TuneState, values: Levels | undefined, records: number): Promise<TrialLine> {
    const { signal, trials = TRIALS } = this.#options;
    signal?.throwIfAborted();
    this.#host.progress("trials", Math.min(Math.floor(this.#spent), trials), trials);
    const line = await this.#outcome(values, records);
    signal?.throwIfAborted();
    state.add(line);
    if (values) {
      this.#made++;
      this.#options.onTrial?.(line);
    }
    return line;
  }

  async #outcome(values: Levels | undefined, records: number): Promise<TrialLine> {
    const plain = this.#built as Built;
    const nothing = { values, records, measures: {}, bytes: 0 };
    let built: Built | undefined = plain;
    try {
      if (values) built = await this.#build(values);
      if (!built) return { ...nothing, failed: "it does not compile" };
      const measures: Record<string, number> = {};
      for (const gate of this.#measured) measures[measureName(gate)] = await this.#trial.measure(gate, built, async () => plain, records);
      const time = values && this.#runDecides ? await this.#timed(plain, built) : undefined;
      return { values, records, measures, bytes: await sizeOf(built), ...(time === undefined ? {} : { time }) };
    } catch (error) {
      const told = untold(error, { shown: Object.entries(values ?? {}).map(([n, v]) => `${n} = ${v}`).join(", ") || PLAIN, span: this.#compression.target.span });
      if (!values) this.#problems.push(...told);
      return { ...nothing, failed: told[0]?.says ?? "" };
    } finally {
      if (built && built !== plain) await this.#trial.forget(built);
    }
  }

  async #build(values: Levels): Promise<Built | undefined> {
    const { value } = compileProgram(this.#program, { pipeline: this.#plain.pipeline.name.name, target: this.#plain.target, variant: nameOf(this.#compression), values });
    return value && this.#trial.write(value, `candidate ${++this.#number}`);
  }
  #number = 0;

  async #timed(plain: Built, built: Built): Promise<number> {
    const { signal } = this.#options;
    const [before, after] = await speeds(this.#trial, [plain, built], { rounds: QUICK_ROUNDS, ...(signal ? { signal } : {}) });
    return before && after ? 1 / speedupOf(before, after).median : Number.NaN;
  }

  async #result(state: TuneState): Promise<Omit<Tuned, "sources">> {
    const plain = await this.#plainly(state, this.#records);
    const plainLine = state.known(undefined, this.#records) as TrialLine;
    const rowOf = async (line: TrialLine): Promise<TunedRow & { readonly cost: number }> => {
      const own = await this.#figures(line);
      const cost = line.values ? ((await this.#costOf(line)) ?? Number.NaN) : 1;
      return { values: line.values, ...own, figures: this.#budget.map((t) => figureOf(t, own, plain)), keeps: keepsAll(this.#budget, own, plain), bytes: line.bytes, speedup: undefined, speedupSpread: undefined, cost };
    };
    const tried: (TunedRow & { readonly cost: number })[] = [];
    for (const key of this.#asked) {
      const [values, records] = JSON.parse(key) as [Levels, number];
      const line = records === this.#records ? state.known(values, records) : undefined;
      if (line && line.failed === undefined) tried.push(await rowOf(line));
    }
    const [first] = this.#budget.flatMap((t) => (t.gate ? [measureName(t.gate)] : []));
    const quality = (row: TunedRow): number => row.measures[first ?? ""] ?? Number.NaN;
    // The cheapest that keep a budget of several bounds need not lie on the front of the first one.
    const likely = tried.filter((r) => r.keeps).sort((a, b) => a.cost - b.cost || quality(b) - quality(a)).slice(0, MOST_LIKELY);
    const shown = [...new Set([...spread(front(tried, (r) => r.cost, quality)), ...likely])].sort((a, b) => a.cost - b.cost);
    const rows = await this.#withSpeed([await rowOf(plainLine), ...shown]);
    const winner = best(rows.slice(1).filter((r) => r.keeps), this.#objective, quality);
    if (!winner) this.#problems.push(report(diagnostics.G633, this.#compression.target.span, { budget: this.#budget.map((t) => t.says).join(" and "), trials: tried.length, best: this.#nearest(tried, plain) }));
    return {
      pipeline: this.#plain.pipeline.name.name, variant: nameOf(this.#compression), objective: this.#objective, searchedBy: this.#searchedBy(), openings: this.#openings,
      budget: this.#budget.map((t) => t.says), rows, tried, winner,
      trials: this.#asked.size, remembered: this.#asked.size - this.#made, state: state.path, startedAnew: state.startedAnew, problems: this.#problems, machine: machine(),
    };
  }

  async #costOf(line: TrialLine): Promise<number | undefined> {
    if (this.#searchedBy() === "size") return line.bytes;
    return this.#searchedBy() === "time" ? line.time : this.#cost(await this.#price(line.values ?? {}));
  }

  #nearest(tried: readonly TunedRow[], plain: Figures): string {
    const [near] = [...tried].sort((a, b) => slackOf(this.#budget, b, plain) - slackOf(this.#budget, a, plain));
    return near ? `${valuesText(near.values ?? {})} with ${this.#budget.map((t, i) => `${t.says.split(/\s*[<>]=?/)[0]} = ${near.figures[i]?.toFixed(4) ?? "?"}`).join(", ")}` : "none that could be measured";
  }

  /** The same rows, timed together against the plain model. */
  async #withSpeed(rows: readonly (TunedRow & { readonly cost: number })[]): Promise<(TunedRow & { readonly cost: number })[]> {
    const { latency, rounds, signal } = this.#options;
    if (latency === false || rows.length < 2) return [...rows];
    const made: Built[] = [];
    try {
      for (const row of rows) {
        const built = row.values ? await this.#build(row.values) : this.#built;
        if (built) made.push(built);
      }
      const found = await speeds(this.#trial, made, { ...(rounds === undefined ? {} : { rounds }), ...(signal ? { signal } : {}), onRound: (done, total) => this.#host.progress("timing the front", done, total) });
      const [plain] = found;
      return rows.map((row, i) => {
        const own = found[i];
        const speed = plain && own ? speedupOf(plain, own) : undefined;
        return { ...row, speedup: speed?.median, speedupSpread: speed?.spread };
      });
    } catch (error) {
      this.#problems.push(...untold(error, { shown: "latency", span: undefined }));
      return [...rows];
    } finally {
      for (const built of made) if (built !== this.#built) await this.#trial.forget(built);
    }
  }
}

/** Of a long front some that lie apart, both ends among them. */
const spread = <T>(rows: readonly T[]): T[] => (rows.length <= MOST_SHOWN ? [...rows] : Array.from({ length: MOST_SHOWN }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (MOST_SHOWN - 1))] as T));

/** The least by the objective, as it was timed where it was; the better one where two are alike. */
function best<T extends TunedRow & { readonly cost: number }>(rows: readonly T[], objective: Objective, quality: (row: TunedRow) => number): T | undefined {
  const cost = (row: T): number => (objective === "latency" && row.speedup !== undefined ? 1 / row.speedup : row.cost);
  return [...rows].sort((a, b) => cost(a) - cost(b) || quality(b) - quality(a))[0];
}

const valuesText = (values: Levels): string => Object.entries(values).map(([name, level]) => `${name} = ${level}`).join(", ");
