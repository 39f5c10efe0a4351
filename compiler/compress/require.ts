// Gates: what a `compress` block requires, resolved to what must be measured; `expect fused` is decided here, from the passes' record.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { gates } from "../diagnostics/gates.ts";
import { nearest } from "../diagnostics/suggest.ts";
import type { Elaboration } from "../elaborate/elaboration.ts";
import { asFloat, evaluate } from "../elaborate/evaluate.ts";
import { Fail, fail } from "../elaborate/fail.ts";
import type { Boundary } from "../elaborate/pipeline.ts";
import type { FnValue, Value } from "../elaborate/value.ts";
import type { Program } from "../program.ts";
import type { Recorder } from "../rewrite/record.ts";
import { isTargetName } from "../targets/target.ts";

/** A call of a library function on what a pipeline gave for all records of a data set. */
export interface Measure {
  /** As the program's main file names it: `mean_iou`, `iou.mean_iou`. */
  readonly fn: string;
  /** Tensor parameters of the function, and where their values come from. */
  readonly takes: readonly { readonly param: string; readonly from: "output" | "data" | "plain"; readonly name: string }[];
  /** Compile-time arguments as JSON. */
  readonly statics: Readonly<Record<string, unknown>>;
}

/** One thing to measure, and the bound that it must keep. */
export interface Gate {
  readonly kind: "quality" | "speedup";
  /** `require` fails the build, `report` only tells. */
  readonly required: boolean;
  /** The loss against the plain model, instead of the value. */
  readonly drop: boolean;
  /** Undefined for `speedup`. */
  readonly measure: Measure | undefined;
  /** `drop of accuracy(label)`, `speedup`. */
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
  readonly outputs: readonly Boundary[];
}

export function resolveGates(woven: Woven, record: Recorder): { gates: readonly Gate[]; problems: readonly Problem[] } {
  const items = woven.compression?.items ?? [];
  const problems: Problem[] = [];
  const found: Gate[] = [];
  for (const item of items) {
    try {
      if (item.kind === "expect") problems.push(...expected(woven, item, record));
      if (item.kind === "require" || item.kind === "report") found.push(gateOf(woven, item));
    } catch (e) {
      if (!(e instanceof Fail)) throw e;
      problems.push(e.problem);
    }
  }
  return { gates: found, problems };
}

function gateOf(woven: Woven, item: Ast.Require): Gate {
  const { program, elaboration } = woven;
  const { scope } = program.main;
  const isSpeed = item.measure.kind === "name" && item.measure.name === "speedup";
  const shown = `${item.drop ? "drop of " : ""}${textOf(program, item.measure.span)}`;
  const bound = item.bound ? asFloat(elaboration, evaluate(elaboration, item.bound, scope)) : undefined;
  if (item.bound && bound === undefined) fail(gates.G605, item.bound.span, { measure: shown, why: "its bound is no number" });
  if (isSpeed && item.drop) fail(gates.G605, item.measure.span, { measure: shown, why: "a speed-up is against the plain model already" });
  const common = { required: item.kind === "require", drop: item.drop, shown, comparison: item.comparison, bound, on: item.on?.name, span: item.span };
  if (isSpeed) {
    if (item.on && !isTargetName(item.on.name)) fail(gates.G605, item.on.span, { measure: shown, why: `${item.on.name} is no target (cpu, cuda, portable)` });
    return { kind: "speedup", measure: undefined, ...common };
  }
  const names = program.data.map((d) => d.name.name);
  const data = program.data.find((d) => d.name.name === item.on?.name);
  if (!data) return fail(gates.G607, item.on?.span ?? item.span, { name: item.on?.name ?? "", near: item.on ? nearest(item.on.name, names) : names });
  return { kind: "quality", measure: measureOf(woven, item.measure, data, shown), ...common };
}

/** `mean_iou(label; classes: 11)`: the pipeline's output `label` and, for the function's second parameter, the data's field of that name, or the plain model's output where the data has none. */
function measureOf({ program, elaboration, outputs }: Woven, call: Ast.Expr, data: Ast.DataDecl, shown: string): Measure {
  const wrong = (why: string, span = call.span): never => fail(gates.G605, span, { measure: shown, why });
  if (call.kind !== "call") return wrong("it is no call of a function, such as `accuracy(label)`");
  const fn = callee(program, call.callee);
  if (!fn) return wrong(`there is no function ${textOf(program, call.callee.span)} here; \`use measure.accuracy (accuracy)\` brings one in`, call.callee.span);
  const { params, statics } = fn.decl.signature;
  const outputNames = outputs.map((o) => o.name);
  const given: string[] = [];
  const fixed: Record<string, unknown> = {};
  let positional = 0;
  for (const arg of call.args) {
    const isTensor = !arg.isStatic && !arg.name;
    if (isTensor) {
      const name = textOf(program, arg.value.span);
      if (!outputNames.includes(name)) wrong(`the pipeline has no output ${name}; it has ${outputNames.join(", ")}`, arg.value.span);
      given.push(name);
      continue;
    }
    const param = arg.name ? statics.find((p) => p.name.name === arg.name?.name) : statics[positional++];
    if (!param) return wrong(`${fn.decl.name.name} has no such compile-time parameter; it has ${statics.map((p) => p.name.name).join(", ") || "none"}`, arg.span);
    fixed[param.name.name] = json(elaboration, arg.value, program);
  }
  if (given.length === 0 || (params.length !== given.length && params.length !== 2 * given.length)) wrong(`${fn.decl.name.name} takes ${params.length} tensors, and ${given.length} outputs are given (each stands for itself, or for itself and its truth)`);
  const fields = data.fields.map((f) => f.name.name);
  const takes = params.map((p, i) => {
    const name = given[i % given.length] as string;
    const from = i < given.length ? "output" : fields.includes(name) ? "data" : "plain";
    return { param: p.name.name, from, name } as const;
  });
  return { fn: textOf(program, call.callee.span), takes, statics: fixed };
}

function callee(program: Program, expr: Ast.Expr): FnValue | undefined {
  let value: Value | undefined;
  if (expr.kind === "name") value = program.main.scope.get(expr.name);
  else if (expr.kind === "member" && expr.object.kind === "name") {
    const object = program.main.scope.get(expr.object.name);
    value = object?.kind === "module" && object.module.declared.has(expr.name.name) ? object.module.scope.get(expr.name.name) : undefined;
  }
  return value?.kind === "fn" ? value : undefined;
}

/** A compile-time argument as JSON; a name that means nothing here is a word. */
function json(e: Elaboration, expr: Ast.Expr, program: Program): unknown {
  const { scope } = program.main;
  if (expr.kind === "name" && !scope.get(expr.name)) return expr.name;
  if (expr.kind === "list") return expr.elements.map((x) => json(e, x, program));
  const value = evaluate(e, expr, scope);
  if (value.kind === "text" || value.kind === "bool") return value.value;
  return asFloat(e, value) ?? fail(gates.G605, expr.span, { measure: textOf(program, expr.span), why: "it is no value that is known at compile time" });
}

/** What stands in the source there, on one line. */
const textOf = (program: Program, span: Span): string => (program.modules.sources().get(span.file)?.text.slice(span.start, span.end) ?? "").replace(/\s+/g, " ").trim();

function expected({ elaboration, program }: Woven, item: Ast.Expect, record: Recorder): Problem[] {
  const found = record.fused.get(item.what.name) ?? 0;
  const wanted = item.count ? (asFloat(elaboration, evaluate(elaboration, item.count, program.main.scope)) ?? 1) : 1;
  return found >= wanted ? [] : [report(gates.G604, item.span, { what: item.what.name, found, wanted })];
}
