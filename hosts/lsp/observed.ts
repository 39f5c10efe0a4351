// What every expression of a declaration is worth: the compiler elaborates it once more, and is watched.
import { watchDeclaration } from "../../compiler/check/declarations.ts";
import { elaborate } from "../../compiler/compile.ts";
import type { Scope } from "../../compiler/elaborate/scope.ts";
import type { Value } from "../../compiler/elaborate/value.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Analysis } from "./analysis.ts";

interface Observed {
  readonly values: ReadonlyMap<Ast.Expr, Value>;
  readonly scopes: ReadonlyMap<Ast.Expr, Scope>;
  readonly bound: ReadonlyMap<Ast.Ident, Value>;
}

const known = new WeakMap<Ast.Declaration, { readonly analysis: Analysis; readonly observed: Observed }>();

export function observed(analysis: Analysis, declaration: Ast.Declaration): Observed {
  const before = known.get(declaration);
  if (before?.analysis === analysis) return before.observed;
  const values = new Map<Ast.Expr, Value>();
  const scopes = new Map<Ast.Expr, Scope>();
  const bound = new Map<Ast.Ident, Value>();
  const { span } = declaration;
  const isHere = (node: { readonly span: Ast.Ident["span"] }): boolean => node.span.file === span.file && node.span.start >= span.start && node.span.end <= span.end;
  const watch = {
    expression: (expr: Ast.Expr, value: Value, scope: Scope): void => {
      if (!isHere(expr)) return;
      if (isBetter(value, values.get(expr))) values.set(expr, value);
      if (!scopes.has(expr)) scopes.set(expr, scope);
    },
    bound: (name: Ast.Ident, value: Value): void => {
      if (isHere(name) && isBetter(value, bound.get(name))) bound.set(name, value);
    },
  };
  if (declaration.kind === "pipeline") elaborate(analysis.program, declaration, undefined, { watch });
  else watchDeclaration(analysis.host, analysis.module, declaration, watch);
  const made: Observed = { values, scopes, bound };
  known.set(declaration, { analysis, observed: made });
  return made;
}

/** Of several values at one place the first that says something. */
const isBetter = (value: Value, before: Value | undefined): boolean => before === undefined || ((before.kind === "unknown" || before.kind === "poison") && value.kind !== "poison");

export const declarationAt = ({ module }: Analysis, offset: number): Ast.Declaration | undefined => module.ast.declarations.find((d) => d.span.start <= offset && offset <= d.span.end);

/** Names in force where the cursor is: those of the last expression before it in the same declaration, or the module's. */
export function scopeAt(analysis: Analysis, offset: number): Scope {
  const declaration = declarationAt(analysis, offset);
  if (!declaration) return analysis.module.scope;
  let best: { readonly scope: Scope; readonly start: number } | undefined;
  for (const [expr, scope] of observed(analysis, declaration).scopes)
    if (expr.span.start <= offset && (!best || expr.span.start >= best.start)) best = { scope, start: expr.span.start };
  return best?.scope ?? analysis.module.scope;
}
