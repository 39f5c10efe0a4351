// Every fold of the library that fits a model, at one budget of work: each one's free parameter is solved for it by counted multiply-adds.
import { setImmediate } from "node:timers/promises";
import { type Compiled, compileProgram, compressionsOf, elaborate } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { LayerInstance } from "../../compiler/elaborate/layer.ts";
import type { Host } from "../../compiler/host.ts";
import { openProgram, type Program } from "../../compiler/program.ts";
import type { Dim } from "../../compiler/types/dim.ts";
import type { Source } from "../../grammar/source.ts";
import { madeUpRecord } from "../made-up-record.ts";
import { distinctMeasures } from "./budget.ts";
import { sampleOf } from "./columns.ts";
import { type Candidate, measured, type Row } from "./compare.ts";
import { type Blocks, LISTED, type Listed, UNLISTED } from "./fold-catalogue.ts";
import { blocksInRuns } from "./kept-counts.ts";
import { feedingData } from "./latency.ts";
import { Model } from "./model.ts";
import { peakMemory } from "./peak-memory.ts";
import { machine, type Report } from "./report.ts";
import { gridOf } from "./token-groups.ts";
import { type Built, PLAIN, type Trial } from "./trial.ts";
import { gatesOf } from "./tune-subject.ts";
import { type PlainOptions, withPlain } from "./with-plain.ts";

interface SideBySideOptions extends PlainOptions {
  /** Multiply-adds inside blocks that are left, as a share of the plain model's: each fold takes the setting that leaves most of them without leaving more. */
  readonly budget: number;
  /** Folds by the names of their rows; all unless given. */
  readonly folds?: readonly string[];
  /** Rounds of timing, at least 9; 15 unless given. */
  readonly rounds?: number;
  /** `false`: nothing is timed. */
  readonly latency?: boolean;
  /** `false`: memory is not measured. */
  readonly memory?: boolean;
  /** Models that were put side by side before, by the files that they are of, and the program: one of them is refused; this one is added. */
  readonly known?: Map<string, string>;
}

export interface FoldRow extends Row {
  /** Lines of the `compress` that it is; none for the plain model. */
  readonly lines: readonly string[];
  /** Bytes that a run of `MEMORY_RECORDS` records takes beyond the open model. */
  readonly peakBytes: number | undefined;
}

export interface SideBySide {
  readonly pipeline: string;
  readonly rows: readonly FoldRow[];
  /** Folds without a row, and why. */
  readonly absent: readonly { readonly name: string; readonly why: string }[];
  /** Nothing can be folded here, and why. */
  readonly refused: string | undefined;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
  readonly machine: Report["machine"];
}

/** One record of a small model takes less than what a process breathes. */
export const MEMORY_RECORDS = 32;
/** Counts that data decide are told by runs on so many records. */
const COUNTED_RECORDS = 100;
const DRAWS = [1, 2, 3] as const;
/** What the library's files and the variant are called in the program that is measured. */
const PREFIX = "side_by_side";

export function sideBySide(options: SideBySideOptions): Promise<SideBySide> {
  const nothing = (problems: readonly Problem[], sources: SideBySide["sources"], refused?: string): SideBySide => ({ pipeline: options.pipeline ?? "", rows: [], absent: [], refused, problems, sources, machine: machine() });
  return withPlain<SideBySide>(options, async ({ host, program, plain, trial, problems, sources }) => {
    const bench = new Bench(host, program, plain, trial, options);
    const blocks = bench.blocks();
    if (typeof blocks === "string") return nothing(problems, sources, blocks);
    const files = [...plain.elaboration.files].sort().join("\n");
    const before = options.known?.get(files);
    if (before !== undefined) return nothing(problems, sources, `its model is that of ${before}`);
    options.known?.set(files, options.file);
    const solved: Solved[] = [];
    const absent: { name: string; why: string }[] = [];
    const wanted = LISTED.filter((l) => options.folds === undefined || options.folds.includes(l.name));
    for (const [i, listed] of wanted.entries()) {
      host.progress("solving for the budget", i, wanted.length);
      const found = await bench.solve(listed, blocks);
      if (typeof found === "string") absent.push({ name: listed.name, why: found });
      else solved.push(found);
    }
    host.progress("solving for the budget", wanted.length, wanted.length);
    if (options.folds === undefined) absent.push(...UNLISTED);
    return { pipeline: plain.pipeline.name.name, rows: await bench.rows(solved), absent, refused: undefined, problems, sources, machine: machine() };
  }, nothing);
}

interface Solved {
  readonly listed: Listed;
  readonly lines: readonly string[];
  /** Of the work inside blocks. */
  readonly share: number;
}

class Bench {
  readonly #host: Host;
  readonly #program: Program;
  readonly #plain: Compiled;
  readonly #trial: Trial;
  readonly #options: SideBySideOptions;
  readonly #text: string;
  #model = "";

  constructor(host: Host, program: Program, plain: Compiled, trial: Trial, options: SideBySideOptions) {
    this.#host = host;
    this.#program = program;
    this.#plain = plain;
    this.#trial = trial;
    this.#options = options;
    this.#text = program.modules.sources().get(program.main.path)?.text ?? "";
  }

  /** The only list of blocks among the models of the pipeline; else what stands in the way. */
  blocks(): Blocks | string {
    const lists = [...this.#plain.models].flatMap(([model, root]) => blockLists(root).map((list) => ({ model, ...list })));
    const [found, ...more] = lists;
    if (!found) return "no model of this pipeline has blocks that offer the sites of a TransformerBlock";
    if (more.length > 0) return `there are several lists of blocks: ${lists.map((l) => `${l.model}.${l.name}`).join(", ")}`;
    const { elaboration, hostSteps } = this.#plain;
    const [first] = found.layers;
    const dims = (first && elaboration.sites.get(first.sitePath("output"))?.tensor.node.type.dims) ?? [];
    const tokens = elaboration.arena.facts.number(dims[1] as Dim);
    if (dims.length !== 3 || tokens === undefined) return `only a run knows how many tokens enter ${found.model}.${found.name}, and a budget needs a number: give the pipeline's inputs sizes (\`ids: i64[N = 128]\`)`;
    this.#model = found.model;
    const seen = hostSteps.find((s) => s.kind === "image") ?? { width: 1, height: 1 };
    const grid = gridOf(tokens, seen);
    const blocks: Blocks = { list: found.name, count: found.layers.length, tokens, lead: grid?.lead ?? 0, grid: grid && { h: grid.h, w: grid.w }, needsAll: false };
    const dropped = LISTED.find((l) => l.isDrawn);
    const [oneWay = []] = dropped?.settings(blocks, callOf(dropped)) ?? [];
    return { ...blocks, needsAll: dropped !== undefined && this.#elaborated(dropped, oneWay).value === undefined };
  }

  /** The setting that leaves most work within the budget; else why there is none. */
  async solve(listed: Listed, blocks: Blocks): Promise<Solved | string> {
    const settings = listed.settings(blocks, callOf(listed));
    if (settings.length === 0) return listed.wants ?? "the model has too few tokens";
    const shares = new Map<number, number | undefined>();
    const at = async (i: number): Promise<number | undefined> => {
      if (!shares.has(i)) shares.set(i, i < settings.length ? await this.#share(listed, settings[i] ?? []) : undefined);
      return shares.get(i);
    };
    if ((await at(0)) === undefined) return this.#reason(listed, settings[0] ?? []);
    let [low, high] = [0, settings.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      // Settings beyond what type-checks lie behind those that do, and leave less.
      if (((await at(middle)) ?? 0) <= this.#options.budget) high = middle;
      else low = middle + 1;
    }
    const share = await at(low);
    return share === undefined ? `the least that it leaves is ${Math.min(...[...shares.values()].flatMap((s) => s ?? [])).toFixed(3)} of the work` : { listed, lines: settings[low] ?? [], share };
  }

  async rows(solved: readonly Solved[]): Promise<FoldRow[]> {
    const { memory, signal } = this.#options;
    const candidates: Candidate[] = [{ row: PLAIN, built: await this.#trial.write(this.#plain, PLAIN), more: [], problems: [] }];
    for (const { listed, lines } of solved) {
      const draws: Built[] = [];
      for (const seed of listed.isDrawn ? DRAWS : [1]) draws.push(await this.#write(listed, lines.map((line) => line.replace("seed: 1", `seed: ${seed}`)), `${listed.name} ${seed}`));
      const [built, ...more] = draws as [Built, ...Built[]];
      candidates.push({ row: listed.name, built, more, problems: [] });
    }
    const gates = distinctMeasures(compressionsOf(this.#program, this.#plain).flatMap((c) => gatesOf(this.#plain, c).gates));
    const rows = await measured(this.#host, this.#trial, candidates, gates, this.#options);
    const peaks: (number | undefined)[] = [];
    for (const [i, { built }] of candidates.entries()) {
      signal?.throwIfAborted();
      this.#host.progress("measuring memory", i, candidates.length);
      peaks.push(memory === false ? undefined : await this.#peak(built));
    }
    return rows.map((row, i) => {
      const own = solved[i - 1];
      return { ...row, lines: own?.lines ?? [], peakBytes: peaks[i], ...(own ? { flopRatio: own.share } : {}) };
    });
  }

  async #peak(built: Built): Promise<number | undefined> {
    await using model = await Model.open(built.directory, { threads: 1 });
    const data = await feedingData(this.#trial, built.compiled);
    const names = built.compiled.inputs.map((i) => i.name);
    const samples = Array.from({ length: MEMORY_RECORDS }, (_, i) => (data ? sampleOf(data, names, Math.floor((i * data.records) / MEMORY_RECORDS)) : madeUpRecord(model.manifest)));
    return peakMemory(built.directory, await model.tensors(samples), this.#options.signal);
  }

  async #write(listed: Listed, lines: readonly string[], name: string): Promise<Built> {
    const compiled = this.#compiled(listed, lines);
    if (!compiled) throw new Error(`${name} was counted and does not compile`);
    return this.#trial.write(compiled, name);
  }

  /** Of the work inside blocks; undefined where there is no such variant. */
  async #share(listed: Listed, lines: readonly string[]): Promise<number | undefined> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    await setImmediate();
    const { cost } = this.#plain;
    const data = listed.runDecides ? await feedingData(this.#trial, this.#plain) : undefined;
    if (!data) {
      const { value } = this.#elaborated(listed, lines);
      return value && value.cost.blocks / cost.blocks;
    }
    const compiled = this.#compiled(listed, lines);
    return compiled && (await blocksInRuns(this.#trial, compiled, data, COUNTED_RECORDS, signal)) / cost.blocks;
  }

  #reason(listed: Listed, lines: readonly string[]): string {
    const [first] = this.#elaborated(listed, lines).problems.filter((p) => p.severity === "error");
    return first ? `${first.code}: ${first.says}` : "it does not compile";
  }

  #variant(listed: Listed, lines: readonly string[]): ReturnType<typeof openProgram> {
    const { main } = this.#program;
    return openProgram(this.#host, main.path, `${this.#text}\nuse folds.${listed.file} as ${aliasOf(listed)}\ncompress ${this.#model} as ${PREFIX} {\n${lines.map((line) => `  fold tokens ${line}\n`).join("")}}\n`);
  }

  #elaborated(listed: Listed, lines: readonly string[]): Pick<ReturnType<typeof elaborate>, "value" | "problems"> {
    const { value, problems } = this.#variant(listed, lines);
    const compression = value?.compressions.find((c) => c.as?.name === PREFIX);
    const pipeline = value?.pipelines.find((p) => p.name.name === this.#plain.pipeline.name.name);
    return value && compression && pipeline ? elaborate(value, pipeline, compression) : { value: undefined, problems };
  }

  #compiled(listed: Listed, lines: readonly string[]): Compiled | undefined {
    const { value } = this.#variant(listed, lines);
    return value && compileProgram(value, { pipeline: this.#plain.pipeline.name.name, target: this.#plain.target, variant: PREFIX }).value;
  }
}

const aliasOf = (listed: Listed): string => `${PREFIX}_${listed.file}`;
const callOf = (listed: Listed) => (text: string): string => `${aliasOf(listed)}.${text}`;

/** The line without what only the bench needs, as it would stand in a program that uses the fold by its name. */
export const plainly = (line: string): string => line.replace(new RegExp(`${PREFIX}_\\w+\\.`, "g"), "");

/** Lists of transformer blocks in a model, by their names. */
function blockLists(root: LayerInstance): { readonly name: string; readonly layers: readonly LayerInstance[] }[] {
  return [...root.children].flatMap(([name, child]) => {
    if (child instanceof LayerInstance) return blockLists(child);
    const isBlock = child.length > 0 && child.every((c) => c.decl.offers?.segments.at(-1)?.name === "TransformerBlock");
    return isBlock ? [{ name, layers: child }] : child.flatMap(blockLists);
  });
}
