// How much one elaboration may take: whatever is written, it ends, with a diagnostic and not with the machine's memory.
import type { Span } from "../../grammar/source.ts";
import { shapes } from "../diagnostics/shapes.ts";
import type { Dim } from "../types/dim.ts";
import { fail, Silent } from "./fail.ts";

/** Expressions in each other, those of called functions included: the evaluator must fit the stack. */
const DEEPEST = 250;
/** Calls in each other. */
export const DEEPEST_CALLS = 80;
/** Expressions that are evaluated. */
const MOST_STEPS = 500_000;
/** Nodes of a graph. */
const MOST_NODES = 300_000;
/** Rounds of a `repeat`: each is unrolled. */
export const MOST_ROUNDS = 10_000;
/** Layers of one list. */
export const MOST_LAYERS = 10_000;
/** Items of a list. */
export const MOST_ITEMS = 100_000;
/** Elements of a tensor that is made of nothing. */
export const MOST_ELEMENTS = 2 ** 28;
/** Characters of a size in normal form. */
const LONGEST_SIZE = 4_000;
/** After so many mistakes nobody reads on. */
export const MOST_PROBLEMS = 100;

export class Budget {
  #depth = 0;
  #steps = 0;

  get steps(): number {
    return this.#steps;
  }

  /** Steps that were taken at an earlier time, for what did not have to be done again. */
  spend(steps: number): void {
    this.#steps += steps;
  }

  enter(span: Span, nodes: number, problems: number): void {
    if (problems >= MOST_PROBLEMS || this.#steps > MOST_STEPS) throw new Silent();
    if (this.#depth >= DEEPEST) fail(shapes.T321, span, { limit: DEEPEST });
    if (++this.#steps > MOST_STEPS) fail(shapes.B324, span, { what: "What is computed while compiling goes on and on", limit: `${MOST_STEPS} steps` });
    if (nodes > MOST_NODES) {
      this.#steps = Number.POSITIVE_INFINITY;
      fail(shapes.B324, span, { what: `The graph has ${nodes} nodes`, limit: `${MOST_NODES}` });
    }
    this.#depth++;
  }

  leave(): void {
    this.#depth--;
  }
}

/** A size that can be computed with: whole numbers that are exact, and not longer than a page. */
export function sound(dim: Dim, span: Span): Dim {
  if (dim.key.length > LONGEST_SIZE) fail(shapes.B324, span, { what: `This size is written with ${dim.key.length} characters`, limit: `${LONGEST_SIZE}` });
  for (const term of dim.terms) if (!Number.isSafeInteger(term.coefficient)) fail(shapes.B324, span, { what: `This size is about ${term.coefficient}`, limit: "2^53 - 1" });
  return dim;
}
