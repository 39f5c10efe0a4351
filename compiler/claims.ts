// `check "…" { … }`: every expression of its body is a claim. They become one graph a check, which the host evaluates.
import type * as Ast from "../grammar/ast.ts";
import type { Source, Span } from "../grammar/source.ts";
import { type Problem, report } from "./diagnostics/define.ts";
import { gates } from "./diagnostics/gates.ts";
import { shapes } from "./diagnostics/shapes.ts";
import { showExpr } from "./elaborate/call.ts";
import { Elaboration } from "./elaborate/elaboration.ts";
import { asTensor, evaluate, runBlock } from "./elaborate/evaluate.ts";
import { fail } from "./elaborate/fail.ts";
import { Scope } from "./elaborate/scope.ts";
import { describe, type Tensor, tensor, type Value as Elaborated } from "./elaborate/value.ts";
import { emitModel, type Initializer } from "./emit/onnx.ts";
import { values } from "./graph/build.ts";
import { type Graph, type GraphOutput, type Node, topological, type WeightRef } from "./graph/node.ts";
import type { Host, Value } from "./host.ts";
import { runPasses } from "./passes/order.ts";
import { openProgram } from "./program.ts";
import type { LoadedModule } from "./resolve/modules.ts";
import { isClose, TOLERANCE } from "./types/tolerance.ts";

export interface ClaimResult {
  readonly title: string;
  readonly span: Span;
  /** As it is written. */
  readonly claim: string;
  readonly holds: boolean;
  /** How far off it is; empty where it holds. */
  readonly detail: string;
}

export interface Claims {
  readonly claims: readonly ClaimResult[];
  /** What is wrong with the file, and G609 for each claim that does not hold. */
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** Runs every check of a file. */
export async function runClaims(host: Host, file: string, text?: string): Promise<Claims> {
  const opened = openProgram(host, file, text);
  if (!opened.value || opened.problems.some((p) => p.severity === "error")) return { claims: [], problems: opened.problems, sources: opened.sources };
  const claims: ClaimResult[] = [];
  const problems: Problem[] = [...opened.problems];
  for (const decl of opened.value.checks) {
    const made = elaborateCheck(host, opened.value.main, decl);
    problems.push(...made.problems);
    if (made.problems.some((p) => p.severity === "error")) continue;
    for (const claim of await decided(host, decl.title, made)) {
      claims.push(claim);
      if (!claim.holds) problems.push(report(gates.G609, claim.span, { title: claim.title, claim: claim.claim, detail: claim.detail === "" ? "" : `: ${claim.detail}` }));
    }
  }
  return { claims, problems, sources: opened.value.modules.sources() };
}

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "~="] as const;
type Comparison = (typeof COMPARISONS)[number];

/** What a claim is decided by: known while compiling, or one or two outputs of the graph. */
type Claim = { readonly span: Span; readonly text: string } & (
  | { readonly kind: "known"; readonly holds: boolean; readonly detail: string }
  | { readonly kind: "truth"; readonly output: string }
  | { readonly kind: "sides"; readonly comparison: Comparison; readonly left: string; readonly right: string }
);

export interface ElaboratedCheck {
  readonly claims: readonly Claim[];
  readonly graph: Graph<"tensor">;
  readonly problems: readonly Problem[];
}

/** The claims of a check and the graph that decides them. */
export function elaborateCheck(host: Host, module: LoadedModule, decl: Ast.CheckDecl): ElaboratedCheck {
  const e = new Elaboration(host, false);
  const scope = new Scope(module.scope);
  const claims: Claim[] = [];
  const outputs: GraphOutput[] = [];
  const output = (t: Tensor): string => {
    const name = `claim_${outputs.length}`;
    outputs.push({ name, node: t.node, axes: t.axes });
    return name;
  };
  const expressions = decl.body.result ? [...decl.body.statements, { kind: "expression" as const, value: decl.body.result, span: decl.body.result.span }] : decl.body.statements;
  for (const statement of expressions) {
    if (statement.kind === "expression") {
      const claim = e.attempt(() => claimOf(e, statement.value, scope, output));
      if (claim) claims.push(claim);
    } else runBlock(e, { kind: "block", statements: [statement], result: undefined, span: statement.span }, scope);
  }
  return { claims, graph: { level: "tensor", arena: e.arena, inputs: [], outputs, guards: e.guards }, problems: e.problems };
}

function claimOf(e: Elaboration, expr: Ast.Expr, scope: Scope, output: (t: Tensor) => string): Claim | undefined {
  const place = { span: expr.span, text: showExpr(expr) };
  if (expr.kind === "binary" && isComparison(expr.op)) {
    const sides = [evaluate(e, expr.left, scope), evaluate(e, expr.right, scope)] as const;
    if (sides.some((v) => v.kind === "tensor")) return compared(e, expr, sides, place, output);
  }
  const value = evaluate(e, expr, scope);
  if (value.kind === "poison") return undefined;
  if (value.kind === "bool") return { ...place, kind: "known", holds: value.value, detail: value.value ? "" : sidesOf(e, expr, scope) };
  if (value.kind === "tensor" && value.node.type.dtype === "bool") return { ...place, kind: "truth", output: output(value) };
  return fail(shapes.T318, expr.span, { found: describe(value) });
}

const isComparison = (op: string): op is Comparison => (COMPARISONS as readonly string[]).includes(op);

/** Both sides as outputs, aligned by the names of their axes. */
function compared(e: Elaboration, expr: Ast.Binary, [left, right]: readonly [Elaborated, Elaborated], place: { span: Span; text: string }, output: (t: Tensor) => string): Claim | undefined {
  if (left.kind === "poison" || right.kind === "poison") return undefined;
  return e.at(expr.span, () => {
    const like = (left.kind === "tensor" ? left : right) as Tensor;
    const [a, b] = [asTensor(e, left, like, expr), asTensor(e, right, like, expr)];
    if (!a || !b) return fail(shapes.T313, expr.span, { op: expr.op, left: describe(left), right: describe(right) });
    if (a.node.type.dtype !== b.node.type.dtype) return fail(shapes.T311, expr.span, { what: `\`${expr.op}\` stands between two element types.`, found: describe(b), wanted: describe(a) });
    const axes = e.named.union(a, b);
    // The comparison itself is made as well, so that sizes that differ are told.
    e.named.binary("eq", a, b);
    const side = (t: Tensor): string => output(tensor(e.named.aligned(t, axes), t.axes.length === 0 ? [] : axes));
    return { ...place, kind: "sides", comparison: expr.op as Comparison, left: side(a), right: side(b) };
  });
}

function sidesOf(e: Elaboration, expr: Ast.Expr, scope: Scope): string {
  if (expr.kind !== "binary" || !isComparison(expr.op)) return "";
  return `the sides are ${describe(evaluate(e, expr.left, scope))} and ${describe(evaluate(e, expr.right, scope))}`;
}

// ── evaluation ──
async function decided(host: Host, title: string, check: ElaboratedCheck): Promise<ClaimResult[]> {
  const outputs = check.graph.outputs.length === 0 ? {} : await outputsOf(host, check.graph);
  return check.claims.map((claim) => {
    const place = { title, span: claim.span, claim: claim.text };
    if (claim.kind === "known") return { ...place, holds: claim.holds, detail: claim.detail };
    if (typeof outputs === "string") return { ...place, holds: false, detail: outputs };
    const detail = claim.kind === "truth" ? untrue(outputs[claim.output] as Value) : apart(claim.comparison, outputs[claim.left] as Value, outputs[claim.right] as Value);
    return { ...place, holds: detail === "", detail };
  });
}

/** The outputs, or why there are none. */
async function outputsOf(host: Host, graph: Graph<"tensor">): Promise<Record<string, Value> | string> {
  if (!host.evaluate) return "nothing here can run it (install onnxruntime-node)";
  const fused = runPasses(graph, "cpu");
  try {
    return await host.evaluate(emitModel(fused, { target: "cpu", name: "check", initializers: weightsOf(fused, host) }).model, {});
  } catch (error) {
    return `it cannot be computed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Weights stand in the model itself: it has no file beside it. */
function weightsOf(graph: Graph, host: Host): Map<Node, Initializer> {
  const inside = new Map<Node, Initializer>();
  for (const node of topological(graph.outputs.map((o) => o.node))) {
    if (node.op !== "weight") continue;
    const ref = node.attrs.ref as WeightRef;
    inside.set(node, { kind: "inline", dtype: ref.dtype, dims: ref.shape, bytes: host.readRange(ref.file, ref.offset, ref.length) });
  }
  return inside;
}

const numbersOf = (value: Value): number[] => values({ kind: "literal", dtype: value.dtype, bytes: value.bytes });

function untrue(value: Value): string {
  const all = numbersOf(value);
  const wrong = all.filter((v) => v === 0).length;
  return wrong === 0 ? "" : all.length === 1 ? "it is false" : `${wrong} of ${all.length} are false`;
}

const HOLDS: Readonly<Record<Exclude<Comparison, "~=">, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
};

/** Empty where every element of `left` stands to that of `right` as claimed; else how many do not, and the worst of them. */
function apart(comparison: Comparison, left: Value, right: Value): string {
  const [a, b] = [numbersOf(left), numbersOf(right)];
  const dims = left.dims.length >= right.dims.length ? left.dims.map((d, i) => Math.max(d, right.dims[i] ?? 1)) : [...right.dims];
  const [atLeft, atRight] = [reader(dims, left.dims), reader(dims, right.dims)];
  const count = dims.reduce((p, d) => p * d, 1);
  const tolerance = TOLERANCE[left.dtype];
  const holds = comparison === "~=" ? (x: number, y: number): boolean => isClose(x, y, tolerance) : HOLDS[comparison];
  let [wrong, worst, worstAt] = [0, -1, 0];
  for (let i = 0; i < count; i++) {
    const [x, y] = [a[atLeft(i)] ?? Number.NaN, b[atRight(i)] ?? Number.NaN];
    if (holds(x, y)) continue;
    wrong++;
    const off = Number.isNaN(x - y) ? Number.POSITIVE_INFINITY : Math.abs(x - y);
    if (off > worst) [worst, worstAt] = [off, i];
  }
  if (wrong === 0) return "";
  const [x, y] = [a[atLeft(worstAt)], b[atRight(worstAt)]];
  const place = dims.length === 0 ? "" : ` at [${indexOf(worstAt, dims).join(", ")}]`;
  const bound = comparison === "~=" ? `, allowed are ${tolerance.absolute} + ${tolerance.relative}·|right|` : "";
  return `${wrong} of ${count} ${count === 1 ? "does" : "do"} not hold; the furthest apart are ${x} and ${y}${place}, ${Number.isFinite(worst) ? `${worst.toPrecision(3)} off` : "not comparable"}${bound}`;
}

/** Position in a tensor of sizes `own` (1 stretches) for a position in one of sizes `dims`. */
function reader(dims: readonly number[], own: readonly number[]): (position: number) => number {
  if (own.length === 0) return () => 0;
  return (position) => {
    let [rest, stride, at] = [position, 1, 0];
    for (let i = dims.length - 1; i >= 0; i--) {
      const size = dims[i] as number;
      const index = rest % size;
      rest = (rest - index) / size;
      if (own[i] !== 1) at += index * stride;
      stride *= own[i] as number;
    }
    return at;
  };
}

function indexOf(position: number, dims: readonly number[]): number[] {
  const out: number[] = [];
  let rest = position;
  for (let i = dims.length - 1; i >= 0; i--) {
    const size = dims[i] as number;
    out.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return out;
}
