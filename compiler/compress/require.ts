// Gates: what a `compress` block requires, resolved to what must be measured; `expect fused` is decided here, from the passes' record.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { gates } from "../diagnostics/gates.ts";
import { nearest } from "../diagnostics/suggest.ts";
import type { Elaboration } from "../elaborate/elaboration.ts";
import { asFloat, evaluate } from "../elaborate/evaluate.ts";
import { Fail } from "../elaborate/fail.ts";
import type { Program } from "../program.ts";
import type { Recorder } from "../rewrite/record.ts";

/** One thing to measure, and the bound that it must keep. */
export interface Gate {
  readonly kind: "quality" | "speedup";
  /** `require` fails the build, `report` only tells. */
  readonly required: boolean;
  /** The loss against the plain model, instead of the value. */
  readonly drop: boolean;
  /** `mean_iou(label; classes: 11)`. */
  readonly measure: Ast.Expr;
  readonly shown: string;
  readonly comparison: "<=" | ">=" | "<" | ">" | undefined;
  readonly bound: number | undefined;
  /** Name of the data, or of the target for `speedup`. */
  readonly on: string | undefined;
  readonly span: Span;
}

interface Woven {
  readonly program: Program;
  readonly compression: Ast.CompressDecl | undefined;
  readonly elaboration: Elaboration;
}

export function resolveGates(woven: Woven, record: Recorder): { gates: readonly Gate[]; problems: readonly Problem[] } {
  const items = woven.compression?.items ?? [];
  const problems: Problem[] = [];
  const found: Gate[] = [];
  for (const item of items) {
    if (item.kind === "expect") problems.push(...expected(woven, item, record));
    if (item.kind !== "require" && item.kind !== "report") continue;
    try {
      found.push(gateOf(woven, item));
    } catch (e) {
      if (!(e instanceof Fail)) throw e;
      problems.push(e.problem);
    }
  }
  return { gates: found, problems };
}

function gateOf({ program, elaboration }: Woven, item: Ast.Require): Gate {
  const isSpeed = item.measure.kind === "name" && item.measure.name === "speedup";
  const data = program.data.map((d) => d.name.name);
  if (!isSpeed && (!item.on || !data.includes(item.on.name))) throw new Fail(report(gates.G607, item.on?.span ?? item.span, { name: item.on?.name ?? "", near: nearest(item.on?.name ?? "", data) }));
  const bound = item.bound ? asFloat(elaboration, evaluate(elaboration, item.bound, program.main.scope)) : undefined;
  return {
    kind: isSpeed ? "speedup" : "quality", required: item.kind === "require", drop: item.drop, measure: item.measure,
    shown: isSpeed ? "speedup" : `${item.drop ? "drop of " : ""}${item.measure.kind === "call" && item.measure.callee.kind === "name" ? item.measure.callee.name : "measure"}`,
    comparison: item.comparison, bound, on: item.on?.name, span: item.span,
  };
}

function expected({ elaboration, program }: Woven, item: Ast.Expect, record: Recorder): Problem[] {
  const found = record.fused.get(item.what.name) ?? 0;
  const wanted = item.count ? (asFloat(elaboration, evaluate(elaboration, item.count, program.main.scope)) ?? 1) : 1;
  return found >= wanted ? [] : [report(gates.G604, item.span, { what: item.what.name, found, wanted })];
}
