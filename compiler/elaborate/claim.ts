// `check "…" { … }` as a graph: every expression of its body is a claim, decided by one or two of the outputs.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Problem } from "../diagnostics/define.ts";
import { shapes } from "../diagnostics/shapes.ts";
import type { Graph, GraphOutput } from "../graph/node.ts";
import type { Host } from "../host.ts";
import type { LoadedModule } from "../resolve/modules.ts";
import { showExpr } from "./call.ts";
import { Elaboration, type Watch } from "./elaboration.ts";
import { asTensor, evaluate, runBlock } from "./evaluate.ts";
import { fail } from "./fail.ts";
import { Scope } from "./scope.ts";
import { describe, type Tensor, tensor, type Value } from "./value.ts";

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "~="] as const;
export type Comparison = (typeof COMPARISONS)[number];

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
export function elaborateCheck(host: Host, module: LoadedModule, decl: Ast.CheckDecl, watch?: Watch): ElaboratedCheck {
  const e = new Elaboration(host, false);
  e.watch = watch;
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
function compared(e: Elaboration, expr: Ast.Binary, [left, right]: readonly [Value, Value], place: { span: Span; text: string }, output: (t: Tensor) => string): Claim | undefined {
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
