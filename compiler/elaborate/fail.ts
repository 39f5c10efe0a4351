// A user's mistake on its way up to the statement that can carry on without it. Never leaves the elaborator.
import type { Span } from "../../grammar/source.ts";
import { type Entry, type Label, type Problem, report } from "../diagnostics/define.ts";

export class Fail extends Error {
  override readonly name = "Fail";
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.code} ${problem.title}: ${problem.says}`);
    this.problem = problem;
  }
}

/** Nothing to tell: what is asked of follows from something that failed and was reported. */
export class Silent extends Error {
  override readonly name = "Silent";
}

export function fail<H>(entry: Entry<H>, span: Span | undefined, holes: H, labels: readonly Label[] = []): never {
  throw new Fail(report(entry, span, holes, labels));
}
