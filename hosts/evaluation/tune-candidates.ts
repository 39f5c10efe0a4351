// What can be tried: how far each open value reaches, and what a variant costs as far as that is known before it is run.
import { type Compiled, elaborate } from "../../compiler/compile.ts";
import { type Level, type Levels, type Opening, standIns } from "../../compiler/compress/open.ts";
import { topological } from "../../compiler/graph/node.ts";
import type { Host } from "../../compiler/host.ts";
import type { Point } from "./search.ts";
import type { Subject } from "./tune-subject.ts";

/** Against the plain model. */
interface Price {
  /** Multiply-adds inside blocks. */
  readonly flops: number;
  /** All multiply-adds, those of the folds too: what time follows. */
  readonly work: number;
}

/** Beyond this a whole number without a domain is not looked for. */
const LARGEST_NUMBER = 4096;

export class Candidates {
  readonly #host: Host;
  readonly #plain: Compiled;
  readonly #subject: Subject;
  readonly #signal: AbortSignal | undefined;
  readonly #levels: readonly (readonly Level[])[];
  readonly #prices = new Map<string, Price | undefined>();
  /** A count in the graph is the data's decision: what is left of the work is known behind a run only. */
  readonly runDecides: boolean;

  constructor(host: Host, plain: Compiled, subject: Subject, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#plain = plain;
    this.#subject = subject;
    this.#signal = signal;
    this.#levels = subject.openings.map((o) => o.levels ?? this.#reach(o));
    const value = standIns(subject.openings).map((values) => this.#woven(values).value).find((v) => v !== undefined);
    this.runDecides = value !== undefined && topological(value.graph.outputs.map((o) => o.node)).some((n) => n.op === "choose");
  }

  /** How many levels each open value has. */
  get sizes(): readonly number[] {
    return this.#levels.map((l) => l.length);
  }

  valuesOf(point: Point): Levels {
    return Object.fromEntries(this.#subject.openings.map((o, i) => [o.name, this.#levels[i]?.[point[i] ?? 0] ?? o.first]));
  }

  /** Undefined: there is no such variant. */
  async price(values: Levels): Promise<Price | undefined> {
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

  /** Whole numbers from 0 on, as far as they type-check and nothing is clipped, everything else being as it is where a program is checked. */
  #reach(opening: Opening): readonly number[] {
    const fits = (n: number): boolean => {
      const values = { ...Object.fromEntries(this.#subject.openings.map((o) => [o.name, o.first])), [opening.name]: n };
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
    this.#signal?.throwIfAborted();
    return elaborate(this.#plain.program, this.#plain.pipeline, this.#subject.compression, { values });
  }
}
