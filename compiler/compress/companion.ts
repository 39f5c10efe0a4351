// What goes along with tokens when these are folded: masks, positions, and what other folds carry. How is a function of the
// fold, or of a record that its `down` names (`plan.sum`), that takes f32[B, N, C] to f32[B, K, C].
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { folds } from "../diagnostics/folds.ts";
import { applySignature } from "../elaborate/call.ts";
import type { Elaboration } from "../elaborate/elaboration.ts";
import { evaluateBlock, recordScope } from "../elaborate/evaluate.ts";
import { fail } from "../elaborate/fail.ts";
import type { Folded } from "../elaborate/fold.ts";
import { Scope } from "../elaborate/scope.ts";
import { describe, type FnValue, type FoldInstance, tensor } from "../elaborate/value.ts";
import type { Node } from "../graph/node.ts";
import { constant, type Dim, product } from "../types/dim.ts";

/** A fold that went down, and the counts before and after it. */
export interface Fallen {
  readonly fold: FoldInstance;
  readonly folded: Folded;
  /** Leading tokens that stood beside the fold. */
  readonly beside: Dim | undefined;
  readonly before: Dim;
  readonly after: Dim;
  readonly batch: Dim;
  readonly span: Span;
}

export const companionsOf = (decl: Ast.FoldDecl): Ast.Companion[] => decl.members.filter((m) => m.kind === "companion");

/** The function `rule` of a fold; it sees what `down` named as `down.…`. */
export function ruleOf(e: Elaboration, { fold, folded }: Fallen, rule: string): FnValue | undefined {
  const scope = new Scope(folded.scope);
  scope.set("down", folded.record);
  const own = fold.decl.members.find((m): m is Ast.FnDecl => m.kind === "fn" && m.name.name === rule);
  if (own) return { kind: "fn", decl: own, scope, extern: undefined };
  if (folded.record.kind !== "record") return undefined;
  for (const value of folded.record.fields.values()) {
    if (value.kind !== "record" || !value.type) continue;
    const method = value.type.decl.methods.find((m) => m.name.name === rule);
    if (!method) continue;
    return { kind: "fn", decl: method, scope: recordScope(e, value), extern: undefined };
  }
  return undefined;
}

/** `value` with `after` tokens along axis `at`, where it had `before`; its first axis is the batch. */
export function foldAlong(e: Elaboration, fallen: Fallen, rule: FnValue, value: Node, at: number): Node {
  const { b } = e;
  const { fold, beside, before, after, batch, span } = fallen;
  const { dtype, dims } = value.type;
  const rest = dims.map((_, i) => i).filter((i) => i !== 0 && i !== at);
  const order = [0, at, ...rest];
  const back = order.map((_, i) => order.indexOf(i));
  const others = rest.map((i) => dims[i] as Dim);
  return e.at(span, () => {
    const flat = b.reshape(b.transpose(value, order), [batch, before, product(others)]);
    const tail = beside ? b.slice(flat, 1, beside, before) : flat;
    const given = tensor(b.cast(tail, "f32"), ["B", "N", "C"]);
    const [param] = rule.decl.signature.params;
    const found = applySignature(e, rule.decl.signature, `${rule.decl.name.name} of ${fold.decl.name.name}`, new Map([[param?.name.name ?? "", given]]), rule.scope, span, (inner) =>
      rule.decl.body ? evaluateBlock(e, rule.decl.body, inner) : fail(folds.F304, rule.decl.span, { fold: fold.decl.name.name, part: `body of \`${rule.decl.name.name}\`` }));
    if (found.kind !== "tensor" || found.axes.length !== 3) return fail(folds.F304, rule.decl.span, { fold: fold.decl.name.name, part: `f32[B, K, C] that \`${rule.decl.name.name}\` gives (it gives ${describe(found)})` });
    const typed = b.cast(found.node, dtype);
    const all = beside ? b.concat([b.slice(flat, 1, constant(0), beside), typed], 1) : typed;
    return b.transpose(b.reshape(all, [batch, after, ...others]), back);
  });
}
