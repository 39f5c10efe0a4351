// `where` clauses: equations bind names or are compared; what sizes cannot decide becomes a run-time guard.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { type Dim, subtract, symbolsOf } from "../types/dim.ts";
import { showExpr } from "./call.ts";
import type { Elaboration } from "./elaboration.ts";
import { asSize, compare, evaluate } from "./evaluate.ts";
import { fail } from "./fail.ts";
import type { Scope } from "./scope.ts";
import { describe, sizeValue } from "./value.ts";

const COMPARISONS: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];

/** Goes through the clauses in order. `K = N - r` with an unbound K binds it. */
export function checkWhere(e: Elaboration, clauses: readonly Ast.Expr[], scope: Scope, of: string, span: Span): void {
  for (const clause of clauses) {
    if (clause.kind === "binary" && clause.op === "and") {
      checkWhere(e, [clause.left, clause.right], scope, of, span);
      continue;
    }
    if (clause.kind !== "binary" || !COMPARISONS.includes(clause.op)) {
      decided(e, clause, scope, () => fail(shapes.T308, span, { clause: showExpr(clause), left: "false", right: "true", of }, [{ span: clause.span, says: "wanted here" }]));
      continue;
    }
    if (clause.op === "==" && clause.left.kind === "name" && !scope.get(clause.left.name)) {
      const value = evaluate(e, clause.right, scope);
      scope.set(clause.left.name, value.kind === "size" || value.kind === "ratio" || value.kind === "float" ? sizeValue(asSize(e, value, clause.right.span)) : value);
      continue;
    }
    compareSides(e, clause, scope, of, span);
  }
}

/** A clause that is no equation or order of sizes must be known here: it cannot be asked at run time. */
function decided(e: Elaboration, clause: Ast.Expr, scope: Scope, broken: () => never): void {
  const value = evaluate(e, clause, scope);
  if (value.kind === "bool" && !value.value) broken();
  if (value.kind !== "bool" && value.kind !== "poison" && !e.checking) fail(shapes.B321, clause.span, { what: `The clause \`${showExpr(clause)}\``, found: describe(value) });
}

function compareSides(e: Elaboration, clause: Ast.Binary, scope: Scope, of: string, span: Span): void {
  if ([clause.left, clause.right].some((x) => x.kind === "name" && !scope.get(x.name))) {
    // A bare word, or `none`.
    decided(e, clause, scope, () => fail(shapes.T308, span, { clause: showExpr(clause), left: "false", right: "true", of }, [{ span: clause.span, says: "wanted here" }]));
    return;
  }
  const [left, right] = [evaluate(e, clause.left, scope), evaluate(e, clause.right, scope)];
  if (left.kind === "poison" || right.kind === "poison" || left.kind === "unknown" || right.kind === "unknown") return;
  const broken = (): never =>
    fail(shapes.T308, span, { clause: showExpr(clause), left: describe(left), right: describe(right), of }, [{ span: clause.span, says: "wanted here" }]);
  const sized = (v: typeof left): boolean => v.kind === "size" || v.kind === "ratio" || v.kind === "float";
  const fraction = (v: typeof left): boolean => v.kind === "float" && !Number.isInteger(v.value);
  if (!sized(left) || !sized(right) || fraction(left) || fraction(right)) {
    decided(e, clause, scope, broken);
    return;
  }
  const [a, b] = [asSize(e, left, clause.left.span), asSize(e, right, clause.right.span)];
  const gap = e.arena.facts.number(subtract(a, b));
  if (gap !== undefined) {
    if (!compare(clause.op, gap)) broken();
    return;
  }
  assume(e, clause, a, b);
}

/** Sizes do not decide it: a check of the declaration takes the author's word, a compiled pipeline asks at run time. */
function assume(e: Elaboration, clause: Ast.Binary, a: Dim, b: Dim): void {
  const symbols = [...symbolsOf(a), ...symbolsOf(b)];
  if (e.checking) {
    const [only] = symbols;
    if (clause.op === "==" && a.key === only && !symbolsOf(b).has(a.key)) e.arena.facts.know(a.key, b);
    else if (clause.op === "==" && symbols.includes(b.key) && !symbolsOf(a).has(b.key)) e.arena.facts.know(b.key, a);
    return;
  }
  e.guard({ left: a, comparison: clause.op as "==", right: b, says: showExpr(clause), span: clause.span });
}
