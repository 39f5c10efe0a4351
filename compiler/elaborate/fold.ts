// Folds: binding their parameters, running `down` and `up` on tensors. Where they are placed is compress/place.ts.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { folds } from "../diagnostics/folds.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { asNumber, constant, type Dim } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { Binding, bindTensor, matchTensor, showType } from "./call.ts";
import { declaredTensor } from "./declared.ts";
import type { Elaboration } from "./elaboration.ts";
import { evaluate, runBlock } from "./evaluate.ts";
import { fail, Silent } from "./fail.ts";
import { Scope } from "./scope.ts";
import { describe, type FoldInstance, sizeValue, type Tensor, tensor, type Value } from "./value.ts";
import { checkWhere } from "./where.ts";

export function makeFold(e: Elaboration, type: Extract<Value, { kind: "fold-type" }>, scope: Scope, span: Span): FoldInstance {
  for (const member of type.decl.members) {
    if (member.kind === "fn") scope.set(member.name.name, { kind: "fn", decl: member, scope, extern: undefined });
    else if (member.kind === "let") for (const name of member.names) scope.set(name.name, evaluate(e, member.value, scope));
  }
  return { kind: "fold", decl: type.decl, scope, span };
}

export const downOf = (decl: Ast.FoldDecl): Ast.Down | undefined => decl.members.find((m) => m.kind === "down");
export const upOf = (decl: Ast.FoldDecl): Ast.Up | undefined => decl.members.find((m) => m.kind === "up");
export const carriesOf = (decl: Ast.FoldDecl): Ast.Carry[] => decl.members.filter((m) => m.kind === "carry");
export const hooksOf = (decl: Ast.FoldDecl): Ast.Hook[] => decl.members.filter((m) => m.kind === "hook");

/** What `down` leaves behind for hooks and `up`. */
export interface Folded {
  /** Under the axis names of the argument; the folded axis has the name of the old one. */
  readonly result: Tensor;
  readonly count: Dim;
  readonly carried: ReadonlyMap<string, Tensor>;
  /** `down.x`, `down.plan`: every name bound in `down`. */
  readonly record: Value;
  readonly scope: Scope;
  readonly binding: Binding;
}

interface DownInput {
  readonly x: Tensor;
  readonly reads: ReadonlyMap<string, Tensor>;
  readonly carried: ReadonlyMap<string, Tensor>;
  /** Leading tokens that stay themselves. */
  readonly protect: number;
}

export function runDown(e: Elaboration, fold: FoldInstance, input: DownInput, span: Span): Folded {
  const { decl } = fold;
  const down = downOf(decl) ?? fail(folds.F304, decl.span, { fold: decl.name.name, part: "down" });
  return e.calling(span, () => within(e, decl.name.name, () => {
    const of = `down of ${decl.name.name}`;
    const scope = new Scope(fold.scope);
    const binding = new Binding();
    const [param] = down.signature.params;
    if (param?.type?.kind !== "tensor-type") return fail(folds.F304, down.span, { fold: decl.name.name, part: "a tensor that down takes" });
    const bound = new Map<string, Value>([[param.name.name, bindTensor(e, binding, param.type, input.x, `${param.name.name} of ${of}`, scope, span)]]);
    for (const read of down.reads) {
      const given = input.reads.get(read.name.name) ?? fail(folds.F305, span, { fold: decl.name.name, site: read.name.name });
      bound.set(read.name.name, bindTensor(e, binding, read.type, given, `${read.name.name}, read by ${decl.name.name},`, scope, span));
    }
    for (const [name, { dim }] of binding.sizes) scope.set(name, sizeValue(dim));
    scope.set("protected", sizeValue(constant(input.protect)));
    for (const [name, value] of bound) scope.set(name, value);
    checkWhere(e, [...decl.where, ...down.signature.where], scope, decl.name.name, span);

    const carried = new Map<string, Tensor>();
    for (const carry of carriesOf(decl)) {
      const given = input.carried.get(carry.name.name);
      const value = given ? bindTensor(e, binding, carry.type, given, carry.name.name, scope, span) : initial(e, carry, scope);
      carried.set(carry.name.name, value);
      scope.set(carry.name.name, value);
    }
    const fields = new Map<string, Value>(bound);
    const inner = new Scope(scope);
    const result = runBlock(e, down.body, inner, (name, value) => fields.set(name, value), (assign, value) => {
      if (!carried.has(assign.name.name)) fail(shapes.B323, assign.span, { name: assign.name.name });
      if (value.kind === "tensor") carried.set(assign.name.name, value);
    });
    const type = down.signature.result;
    const named = matched(e, type, of, result, binding, scope, down.span);
    if (down.signature.resultName) fields.set(down.signature.resultName.name, named);
    const at = input.x.axes.length === named.axes.length ? bound.get(param.name.name) : undefined;
    const position = at?.kind === "tensor" ? at.axes.indexOf(decl.from.name) : -1;
    if (position < 0) return fail(folds.F304, down.span, { fold: decl.name.name, part: `a result of the same rank with ${decl.to.name} for ${decl.from.name}` });
    const count = named.node.type.dims[position] as Dim;
    // `some K <= N`: no clause has said what K is.
    if (!scope.own().has(decl.to.name)) scope.set(decl.to.name, sizeValue(count));
    return {
      result: tensor(named.node, input.x.axes),
      count,
      carried, scope, binding,
      record: { kind: "record", fields, type: undefined },
    };
  }));
}

export function runUp(e: Elaboration, fold: FoldInstance, folded: Folded, y: Tensor, span: Span): Tensor {
  const { decl } = fold;
  const up = upOf(decl) ?? fail(folds.F303, span, { fold: decl.name.name, why: "it has no `up`" });
  return e.calling(span, () => within(e, decl.name.name, () => {
    const scope = new Scope(folded.scope);
    scope.set("down", folded.record);
    const binding = new Binding();
    for (const axis of [decl.from.name, decl.to.name]) {
      const value = folded.scope.get(axis);
      if (value?.kind === "size") binding.sizes.set(axis, { dim: value.dim, because: `the fold ${decl.name.name}` });
    }
    const [param] = up.signature.params;
    if (param?.type?.kind !== "tensor-type") return fail(folds.F304, up.span, { fold: decl.name.name, part: "a tensor that up takes" });
    const of = `up of ${decl.name.name}`;
    scope.set(param.name.name, bindTensor(e, binding, param.type, y, `${param.name.name} of ${of}`, scope, span));
    checkWhere(e, up.signature.where, scope, of, span);
    const result = runBlock(e, up.body, new Scope(scope));
    const named = matched(e, up.signature.result, of, result, binding, scope, up.span);
    return tensor(named.node, y.axes);
  }));
}

/** The result of a part under the declared names. What only a caller decides, or failed above, is taken as declared. */
function matched(e: Elaboration, type: Ast.TypeExpr | undefined, of: string, result: Value, binding: Binding, scope: Scope, span: Span): Tensor {
  if (result.kind === "tensor") return type?.kind === "tensor-type" ? e.at(span, () => matchTensor(e, type, of, result, binding, scope, span)) : result;
  if (result.kind === "poison" && (!e.checking || type?.kind !== "tensor-type")) throw new Silent();
  if (type?.kind !== "tensor-type" || (result.kind !== "unknown" && result.kind !== "poison") || !e.checking) return fail(shapes.T309, span, { of, found: describe(result), wanted: type ? showType(type) : "a tensor" });
  const inner = new Scope(scope);
  for (const [name, { dim }] of binding.sizes) inner.set(name, sizeValue(dim));
  return declaredTensor(e, type, of, inner);
}

function within<T>(e: Elaboration, by: string, body: () => T): T {
  const before = e.by;
  e.by = by;
  try {
    return body();
  } finally {
    e.by = before;
  }
}

function initial(e: Elaboration, carry: Ast.Carry, scope: Scope): Tensor {
  const value = evaluate(e, carry.init, scope);
  const number = value.kind === "float" ? value.value : value.kind === "size" ? asNumber(value.dim) : undefined;
  if (number === undefined) return fail(shapes.B321, carry.init.span, { what: "The first value of a carried tensor", found: describe(value) });
  const names = carry.type.axes.map((a) => (a.kind === "axis" ? a.name.name : fail(shapes.T312, a.span, { name: "an unnamed axis", near: [] })));
  const dims = names.map((n, i) => {
    const size = scope.get(n);
    return size?.kind === "size" ? size.dim : fail(shapes.T303, carry.type.axes[i]?.span, { param: n, of: carry.name.name, wanted: "an axis of what is folded" });
  });
  return e.at(carry.span, () => tensor(e.b.fill(carry.type.dtype as DType, dims, number), names));
}

/** `f.down(x)`, `f.up(y)` written out in a check: the last `down` is remembered for `up`. */
const remembered = new WeakMap<FoldInstance, Folded>();

export function applyFoldPart(e: Elaboration, fold: FoldInstance, part: "down" | "up", call: Ast.Call, scope: Scope): Value {
  const values = call.args.map((a) => ({ name: a.name?.name, value: evaluate(e, a.value, scope), span: a.value.span }));
  const tensors = values.map(({ name, value, span }) => {
    if (value.kind === "poison") throw new Silent();
    if (value.kind !== "tensor") return fail(shapes.T302, span, { param: name ?? "x", found: describe(value), wanted: "a tensor" });
    return { name, tensor: value };
  });
  const first = tensors.find((t) => t.name === undefined) ?? tensors[0];
  if (!first) return fail(shapes.T303, call.span, { param: "x", of: `${part} of ${fold.decl.name.name}`, wanted: "a tensor" });
  const named = new Map(tensors.filter((t) => t !== first && t.name !== undefined).map((t) => [t.name as string, t.tensor]));
  if (part === "down") {
    const folded = runDown(e, fold, { x: first.tensor, reads: named, carried: named, protect: 0 }, call.span);
    remembered.set(fold, folded);
    return folded.result;
  }
  const folded = remembered.get(fold) ?? fail(folds.F303, call.span, { fold: fold.decl.name.name, why: "`down` has not run before it" });
  return runUp(e, fold, folded, first.tensor, call.span);
}

