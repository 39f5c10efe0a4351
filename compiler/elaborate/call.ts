// Calls: arguments to parameters, axes of a signature to axes of the arguments, and the result back.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { type Dim, substitute, subtract, symbolsOf } from "../types/dim.ts";
import { mostOf } from "../ops/choose.ts";
import { isDType } from "../types/tensor.ts";
import type { Elaboration } from "./elaboration.ts";
import { asSize, asTensor, evaluate, evaluateBlock, evaluateWord } from "./evaluate.ts";
import { Fail, fail } from "./fail.ts";
import { encodeText } from "./boundary.ts";
import { applyFoldPart, makeFold } from "./fold.ts";
import { forward, forwardAll, instantiate } from "./layer.ts";
import { callModel, modelMember } from "./model.ts";
import { primitives } from "./primitives/index.ts";
import { Scope } from "./scope.ts";
import { coerce, paramType, type StaticType, staticType } from "./static.ts";
import { describe, NONE, POISON, showTensor, sizeValue, type Tensor, tensor, type Value } from "./value.ts";
import { checkWhere } from "./where.ts";


export function callValue(e: Elaboration, callee: Value, call: Ast.Call, scope: Scope): Value {
  return e.calling(call.span, () => {
    switch (callee.kind) {
      case "fn": return callFn(e, callee, call, scope);
      case "layer": return forward(e, callee.instance, call, scope);
      case "layers": return forwardAll(e, callee.instances, call, scope);
      case "model": return callModel(e, callee, call, scope);
      case "layer-type": return { kind: "layer", instance: instantiate(e, callee.decl, staticArguments(e, callee.decl.params, callee.decl.name.name, call, scope, callee.scope), { path: callee.decl.name.name, prefix: "" }, call.span) };
      case "fold-type": return makeFold(e, callee, staticArguments(e, callee.decl.params, callee.decl.name.name, call, scope, callee.scope), call.span);
      case "rewrite-type": return { kind: "rewrite", decl: callee.decl, scope: staticArguments(e, callee.decl.params, callee.decl.name.name, call, scope, callee.scope), span: call.span };
      case "tokenizer-type": {
        const inner = staticArguments(e, callee.decl.params, callee.decl.name.name, call, scope, callee.scope);
        for (const l of callee.decl.lets) for (const n of l.names) inner.set(n.name, evaluate(e, l.value, inner));
        return { kind: "tokenizer", decl: callee.decl, scope: inner };
      }
      case "fold-part": return applyFoldPart(e, callee.fold, callee.part, call, scope);
      case "record-type": return fail(shapes.T310, call.span, { found: `${describe(callee)}; write \`${callee.decl.name.name} { … }\`` });
      case "unknown": return { kind: "unknown", type: "a result" };
      case "poison": return POISON;
      case "host-method": return encodeText(e, callee, argumentsOf(e, call, scope), call.span);
      default: return fail(shapes.T310, call.callee.span, { found: describe(callee) });
    }
  });
}

export const callMethod = modelMember;

const argumentsOf = (e: Elaboration, call: Ast.Call, scope: Scope): Value[] => call.args.map((a) => evaluate(e, a.value, scope));

/** Compile-time arguments of a declaration that takes no tensors, bound in a scope of their own. */
export function staticArguments(e: Elaboration, params: readonly Ast.Param[], of: string, call: Ast.Call, scope: Scope, home: Scope): Scope {
  const given = matchArguments([], params, call.args, of);
  const inner = new Scope(home);
  for (const p of params) inner.set(p.name.name, staticArgument(e, p, given.get(p.name.name), of, call.span, scope, inner));
  return inner;
}

function staticArgument(e: Elaboration, p: Ast.Param, given: Ast.Argument | undefined, of: string, span: Span, caller: Scope, home: Scope): Value {
  const type = paramType(p, home);
  if (!given) {
    if (p.default?.kind === "name" && p.default.name === "none") return NONE;
    if (!p.default) return fail(shapes.T303, span, { param: p.name.name, of, wanted: type.shown }, [{ span: p.span, says: "declared here" }]);
    return coerce(e, type, type.isWord ? evaluateWord(e, p.default, home) : evaluate(e, p.default, home), p.name.name, p.default.span, home);
  }
  const value = type.isWord ? evaluateWords(e, given.value, caller) : evaluate(e, given.value, caller);
  // An argument that was left out is handed on as left out.
  if (value === NONE && p.default?.kind === "name" && p.default.name === "none") return NONE;
  return coerce(e, type, value, p.name.name, given.value.span, home);
}

/** A word, or several in parentheses. */
function evaluateWords(e: Elaboration, expr: Ast.Expr, scope: Scope): Value {
  if (expr.kind !== "tuple") return evaluateWord(e, expr, scope);
  const names = expr.elements.flatMap((x) => {
    const value = evaluateWord(e, x, scope);
    return value.kind === "word" ? [value.name] : value.kind === "words" ? value.names : [fail(shapes.T302, x.span, { param: "this", found: describe(value), wanted: "a name" })];
  });
  return { kind: "words", names };
}

/** Which argument goes to which parameter. Positional ones before `;` fill the tensors and then the compile-time ones; those after it the compile-time ones. */
function matchArguments(params: readonly Ast.Param[], statics: readonly Ast.Param[], args: readonly Ast.Argument[], of: string): Map<string, Ast.Argument> {
  const all = [...params, ...statics];
  const given = new Map<string, Ast.Argument>();
  let [before, after] = [0, params.length];
  for (const argument of args) {
    let param: Ast.Param | undefined;
    if (argument.name) {
      const name = argument.name.name;
      param = all.find((p) => p.name.name === name) ?? fail(shapes.T305, argument.name.span, { name, of, near: nearest(name, all.map((p) => p.name.name)) });
    } else {
      const skip = (from: number): number => {
        let at = from;
        while (at < all.length && given.has((all[at] as Ast.Param).name.name)) at++;
        return at;
      };
      const at = argument.isStatic ? skip(after) : skip(before);
      param = all[at] ?? fail(shapes.T304, argument.span, { of, count: all.length });
      if (argument.isStatic) after = at + 1;
      else before = at + 1;
    }
    if (given.has(param.name.name)) fail(shapes.T304, argument.span, { of, count: all.length });
    given.set(param.name.name, argument);
  }
  return given;
}

/** The arguments of a call by parameter, evaluated. */
export function argumentValues(e: Elaboration, signature: Ast.Signature, of: string, call: Ast.Call, scope: Scope, outer: Scope): Map<string, Value> {
  const given = matchArguments(signature.params, signature.statics, call.args, of);
  const values = new Map<string, Value>();
  for (const p of signature.params) {
    const argument = given.get(p.name.name);
    if (argument) values.set(p.name.name, evaluate(e, argument.value, scope));
    else if (p.default) values.set(p.name.name, p.default.kind === "name" && p.default.name === "none" ? NONE : evaluate(e, p.default, outer));
    else fail(shapes.T303, call.span, { param: p.name.name, of, wanted: p.type ? showType(p.type) : "a tensor" }, [{ span: p.span, says: "declared here" }]);
  }
  const home = new Scope(outer);
  for (const p of signature.statics) {
    const value = staticArgument(e, p, given.get(p.name.name), of, call.span, scope, home);
    values.set(p.name.name, value);
    home.set(p.name.name, value);
  }
  return values;
}

function callFn(e: Elaboration, fn: Extract<Value, { kind: "fn" }>, call: Ast.Call, scope: Scope): Value {
  return callFunction(e, fn, argumentValues(e, fn.decl.signature, fn.decl.name.name, call, scope, fn.scope), call.span);
}

/** Arguments that are values already, with the defaults of the rest. */
export function argumentValuesOf(e: Elaboration, signature: Ast.Signature, of: string, given: ReadonlyMap<string, Value>, outer: Scope, span: Span): Map<string, Value> {
  const values = new Map<string, Value>();
  const home = new Scope(outer);
  for (const p of [...signature.params, ...signature.statics]) {
    const isStatic = signature.statics.includes(p);
    const type = isStatic ? paramType(p, home) : undefined;
    const own = given.get(p.name.name);
    const value = own ?? defaultOf(e, p, type, home) ?? fail(shapes.T303, span, { param: p.name.name, of, wanted: p.type ? showType(p.type) : (type?.shown ?? "a tensor") });
    values.set(p.name.name, type && value !== NONE ? coerce(e, type, value, p.name.name, span, home) : value);
    if (isStatic) home.set(p.name.name, values.get(p.name.name) as Value);
  }
  return values;
}

function defaultOf(e: Elaboration, p: Ast.Param, type: StaticType | undefined, home: Scope): Value | undefined {
  if (!p.default) return undefined;
  if (p.default.kind === "name" && p.default.name === "none") return NONE;
  return type?.isWord ? evaluateWord(e, p.default, home) : evaluate(e, p.default, home);
}

/** Runs a function on the values of its parameters. */
export function callFunction(e: Elaboration, fn: Extract<Value, { kind: "fn" }>, values: Map<string, Value>, span: Span): Value {
  const { decl } = fn;
  const of = decl.name.name;
  if ([...values.values()].some((v) => v.kind === "poison")) return POISON;
  if (fn.extern !== undefined) {
    if ([...values.values()].some((v) => v.kind === "unknown" && !OPEN_NUMBERS.has(v.type) && !TAKES_OPEN_LISTS.has(of))) return { kind: "unknown", type: `the result of ${of}` };
    const primitive = primitives.get(fn.extern);
    if (!primitive) throw new Error(`the primitive ${fn.extern} is declared in core.kiri and not built`);
    return e.at(span, () => primitive(e, { values, span }));
  }
  // Of which nothing is known yet, its axes included: the body is checked by itself.
  if (decl.signature.params.some((p) => p.type?.kind === "tensor-type" && isOpaque(values.get(p.name.name)))) return { kind: "unknown", type: `the result of ${of}` };
  return e.once(decl, of, span, () => applySignature(e, decl.signature, of, values, fn.scope, span, (inner) => (decl.body ? evaluateBlock(e, decl.body, inner) : POISON)));
}

const isOpaque = (value: Value | undefined): boolean => value?.kind === "unknown" && !OPEN_NUMBERS.has(value.type);

/** What stands for itself where its value is not known. */
const OPEN_NUMBERS: ReadonlySet<string> = new Set(["Float", "Int", "Bool"]);
const TAKES_OPEN_LISTS: ReadonlySet<string> = new Set(["tensor", "count", "product"]);

// ── signatures ──
/** The axes of one call: sizes of formal names, and which names the caller uses for them. */
export class Binding {
  readonly sizes = new Map<string, { dim: Dim; because: string }>();
  readonly actualOf = new Map<string, string>();
  readonly formalOf = new Map<string, string>();
}

/** Binds values to a signature, runs `body` in the scope that results, and gives its result under the caller's names. */
export function applySignature(e: Elaboration, signature: Ast.Signature, of: string, values: ReadonlyMap<string, Value>, home: Scope, span: Span, body: (scope: Scope) => Value, seal?: (result: Tensor, scope: Scope, bound: ReadonlySet<string>) => Tensor): Value {
  if ([...values.values()].some((v) => v.kind === "poison")) return POISON;
  const binding = new Binding();
  const scope = new Scope(home);
  for (const p of signature.statics) {
    const value = values.get(p.name.name);
    if (value) scope.set(p.name.name, value);
  }
  for (const p of signature.params) {
    const value = values.get(p.name.name);
    if (value) scope.set(p.name.name, bindParam(e, binding, p, value, of, scope, span));
  }
  for (const [name, word] of scope.own()) if (word.kind === "word" && word !== NONE) scope.set(name, { ...word, name: binding.formalOf.get(word.name) ?? word.name });
  for (const [name, { dim }] of binding.sizes) scope.set(name, sizeValue(dim));
  checkWhere(e, signature.where, scope, of, span);
  const bound = new Set(binding.sizes.keys());
  const result = body(scope);
  const returned = returnResult(e, signature, of, result, binding, scope, span);
  return seal && returned.kind === "tensor" ? seal(returned, scope, bound) : returned;
}

function bindParam(e: Elaboration, binding: Binding, p: Ast.Param, value: Value, of: string, scope: Scope, span: Span): Value {
  const type = p.type;
  if (type?.kind !== "tensor-type") return type?.kind === "named-type" ? coerce(e, paramType(p, scope), value, p.name.name, span, scope) : value;
  if (value.kind === "poison" || value.kind === "unknown" || value === NONE) return value;
  const given = asTensor(e, value, undefined, { span });
  if (!given) return fail(shapes.T302, span, { param: `${p.name.name} of ${of}`, found: describe(value), wanted: showType(type) });
  const wantsFloat = value.kind === "size" && type.dtype !== "i64" ? e.at(span, () => e.named.number("f32", e.arena.facts.number(value.dim) ?? 0)) : given;
  return bindTensor(e, binding, type, wantsFloat, `${p.name.name} of ${of}`, scope, span);
}

/** Binds a tensor to a declared type: sizes are compared, names taken over. Returns it under the formal names. */
export function bindTensor(e: Elaboration, binding: Binding, type: Ast.TensorType, value: Tensor, what: string, scope: Scope, span: Span): Tensor {
  const wanted = showType(type);
  const mismatch = (): never => fail(shapes.T302, span, { param: what, found: showTensor(value), wanted }, [{ span: type.span, says: "declared here" }]);
  if (!isDType(type.dtype)) return fail(shapes.T312, type.span, { name: type.dtype, near: [] });
  if (value.node.type.dtype !== type.dtype) fail(shapes.T311, span, { what: `${what} has another element type.`, found: showTensor(value), wanted }, [{ span: type.span, says: "declared here" }]);
  const restAt = type.axes.findIndex((a) => a.kind === "rest");
  const fixed = type.axes.length - (restAt < 0 ? 0 : 1);
  const surplus = value.axes.length - fixed;
  if (restAt < 0 ? surplus !== 0 : surplus < 0) return mismatch();

  const formalNames = type.axes.flatMap((a) => (a.kind === "axis" || a.kind === "some" ? [a.name.name] : []));
  const names: string[] = [];
  let at = 0;
  for (const axis of type.axes) {
    if (axis.kind === "rest") {
      for (let i = 0; i < surplus; i++, at++) names.push(restName(binding, value.axes[at] as string, formalNames));
      continue;
    }
    const actual = value.axes[at] as string;
    const dim = value.node.type.dims[at] as Dim;
    if (axis.kind === "sized") {
      const size = asSize(e, evaluate(e, axis.size, sizeScope(binding, scope)), axis.span);
      if (!e.arena.facts.equal(size, dim)) fail(shapes.T302, span, { param: what, found: showTensor(value), wanted: `${wanted}, with ${size.key} for its size ${dim.key}` }, [{ span: axis.span, says: "declared here" }]);
      names.push(actual);
    } else {
      const formal = axis.name.name;
      if (actual !== formal && formalNames.includes(actual) && value.axes.includes(formal)) fail(shapes.T306, span, { param: what, found: showTensor(value), wanted, axis: actual }, [{ span: type.span, says: "declared here" }]);
      bindAxis(e, binding, formal, dim, actual, what, span);
      if (axis.kind === "axis" && axis.size) {
        const size = asSize(e, evaluate(e, axis.size, sizeScope(binding, scope)), axis.span);
        if (!e.arena.facts.equal(size, dim)) fail(shapes.T307, span, { axis: formal, first: size.key, second: dim.key, because: `${what} declares it` }, [{ span: axis.span, says: "declared here" }]);
      }
      names.push(formal);
    }
    at++;
  }
  return tensor(value.node, names);
}

function restName(binding: Binding, actual: string, formalNames: readonly string[]): string {
  let name = actual;
  while (formalNames.includes(name)) name = `${name}'`;
  if (name !== actual) {
    binding.actualOf.set(name, actual);
    binding.formalOf.set(actual, name);
  }
  return name;
}

function sizeScope(binding: Binding, scope: Scope): Scope {
  const inner = new Scope(scope);
  for (const [name, { dim }] of binding.sizes) inner.set(name, sizeValue(dim));
  return inner;
}

function bindAxis(e: Elaboration, binding: Binding, formal: string, dim: Dim, actual: string, what: string, span: Span): void {
  const before = binding.sizes.get(formal);
  if (before && !e.arena.facts.equal(before.dim, dim)) fail(shapes.T307, span, { axis: formal, first: before.dim.key, second: dim.key, because: before.because });
  if (before) return;
  binding.sizes.set(formal, { dim, because: what });
  binding.actualOf.set(formal, actual);
  binding.formalOf.set(actual, formal);
}

function returnResult(e: Elaboration, signature: Ast.Signature, of: string, result: Value, binding: Binding, scope: Scope, span: Span): Value {
  const outer = (names: readonly string[]): string[] => names.map((n) => binding.actualOf.get(n) ?? n);
  if (!signature.result || result.kind === "poison" || result.kind === "unknown") return result.kind === "tensor" ? tensor(result.node, distinct(outer(result.axes))) : result;
  return matchResult(e, signature.result, of, result, binding, scope, span, outer);
}

function matchResult(e: Elaboration, type: Ast.TypeExpr, of: string, result: Value, binding: Binding, scope: Scope, span: Span, outer: (names: readonly string[]) => string[]): Value {
  if (result.kind === "poison" || result.kind === "unknown") return result;
  const wrong = (): never => fail(shapes.T309, span, { of, found: describe(result), wanted: showType(type) }, [{ span: type.span, says: "declared here" }]);
  const part = (t: Ast.TypeExpr, item: Value): Value => matchResult(e, t, of, item, binding, scope, span, outer);
  if (type.kind === "tuple-type") {
    if (result.kind !== "tuple" || type.elements.length !== result.items.length) return wrong();
    return { kind: "tuple", items: result.items.map((item, i) => part(type.elements[i] as Ast.TypeExpr, item)) };
  }
  if (type.kind === "record-type") {
    if (result.kind !== "record" || type.fields.length !== result.fields.size || !type.fields.every((f) => result.fields.has(f.name.name))) return wrong();
    return { ...result, fields: new Map(type.fields.map((f) => [f.name.name, f.type ? part(f.type, result.fields.get(f.name.name) as Value) : (result.fields.get(f.name.name) as Value)])) };
  }
  if (type.kind === "list-type") {
    if (result.kind !== "list" && result.kind !== "tuple") return wrong();
    return { kind: "list", items: result.items.map((item) => part(type.element, item)) };
  }
  if (type.kind === "named-type") return declared(e, type, of, result, scope, span);
  const given = asTensor(e, result, undefined, { span });
  if (!given) return wrong();
  const named = matchTensor(e, type, of, given, binding, scope, span);
  return tensor(named.node, distinct(outer(named.axes)));
}

/** A compile-time value as its declared type takes it. */
function declared(e: Elaboration, type: Ast.NamedType, of: string, value: Value, scope: Scope, span: Span): Value {
  const wanted = staticType(type, scope);
  try {
    return coerce(e, wanted, value, of, span, scope);
  } catch (error) {
    // The value is a result here, not an argument.
    if (error instanceof Fail && error.problem.code === shapes.T302.code) return fail(shapes.T309, span, { of, found: describe(value), wanted: wanted.shown }, [{ span: type.span, says: "declared here" }]);
    throw error;
  }
}

/** The value of `let name: type = …`. */
export function declaredValue(e: Elaboration, type: Ast.TypeExpr, name: string, value: Value, scope: Scope, span: Span): Value {
  return matchResult(e, type, name, value, new Binding(), scope, span, (names) => [...names]);
}

/** The result under the declared names, each size compared. */
export function matchTensor(e: Elaboration, type: Ast.TensorType, of: string, result: Tensor, binding: Binding, scope: Scope, span: Span): Tensor {
  const wrong = (): never => fail(shapes.T309, span, { of, found: showTensor(result), wanted: showType(type) }, [{ span: type.span, says: "declared here" }]);
  if (result.node.type.dtype !== type.dtype) return wrong();
  const restAt = type.axes.findIndex((a) => a.kind === "rest");
  const surplus = result.axes.length - (type.axes.length - (restAt < 0 ? 0 : 1));
  if (restAt < 0 ? surplus !== 0 : surplus < 0) return wrong();
  const names: string[] = [];
  let at = 0;
  for (const axis of type.axes) {
    if (axis.kind === "rest") {
      for (let i = 0; i < surplus; i++, at++) names.push(result.axes[at] as string);
      continue;
    }
    const dim = result.node.type.dims[at] as Dim;
    if (axis.kind === "axis") {
      const known = binding.sizes.get(axis.name.name)?.dim ?? sizeIn(scope, axis.name.name);
      if (known && !e.arena.facts.equal(known, dim)) wrong();
      if (!known) binding.sizes.set(axis.name.name, { dim, because: "the result" });
    }
    if (axis.kind === "sized" || (axis.kind === "axis" && axis.size)) {
      const size = asSize(e, evaluate(e, axis.size as Ast.Expr, sizeScope(binding, scope)), axis.span);
      if (!e.arena.facts.equal(size, dim)) wrong();
    }
    if (axis.kind === "some") {
      if (!binding.sizes.has(axis.name.name)) binding.sizes.set(axis.name.name, { dim, because: "the result" });
      const bound = asSize(e, evaluate(e, axis.bound, sizeScope(binding, scope)), axis.bound.span);
      const gap = e.arena.facts.number(subtract(dim, bound));
      if (gap !== undefined && gap > 0) wrong();
      if (gap === undefined && !e.checking && !isAtMost(e, dim, bound)) e.guard({ left: dim, comparison: "<=", right: bound, says: `${axis.name.name} <= ${showExpr(axis.bound)}`, span: axis.span });
    }
    names.push(axis.kind === "sized" ? (result.axes[at] as string) : axis.name.name);
    at++;
  }
  return tensor(result.node, names);
}

/** Whether a size is at most another because the counts in it that data decide are. */
function isAtMost(e: Elaboration, dim: Dim, bound: Dim): boolean {
  const gap = e.arena.facts.number(subtract(dim, bound));
  const larger = most(e, dim);
  return gap !== undefined ? gap <= 0 : larger.key !== dim.key && isAtMost(e, larger, bound);
}

/** A size with the most in place of each count that data decide. */
function most(e: Elaboration, dim: Dim): Dim {
  const makers = new Map([...symbolsOf(dim)].flatMap((name) => {
    const maker = e.arena.makerOf(name);
    return maker ? [[name, mostOf(maker)] as const] : [];
  }));
  const grows = dim.terms.every((t) => t.coefficient > 0 || t.atoms.every((a) => a.kind === "symbol" && !makers.has(a.name)));
  return makers.size > 0 && grows ? substitute(dim, makers) : dim;
}

function sizeIn(scope: Scope, name: string): Dim | undefined {
  const value = scope.get(name);
  return value?.kind === "size" ? value.dim : undefined;
}

/** Names that would meet in the caller's view get primes. */
function distinct(names: readonly string[]): string[] {
  const out: string[] = [];
  for (const name of names) {
    let unique = name;
    while (out.includes(unique)) unique = `${unique}'`;
    out.push(unique);
  }
  return out;
}

export function showType(type: Ast.TypeExpr): string {
  switch (type.kind) {
    case "tensor-type": return type.axes.length === 0 ? type.dtype : `${type.dtype}[${type.axes.map((a) => (a.kind === "rest" ? "..." : a.kind === "sized" ? showExpr(a.size) : a.kind === "some" ? `some ${a.name.name}` : a.size ? `${a.name.name} = ${showExpr(a.size)}` : a.name.name)).join(", ")}]`;
    case "named-type": return type.path.map((p) => p.name).join(".");
    case "list-type": return `[${showType(type.element)}]`;
    case "tuple-type": return `(${type.elements.map(showType).join(", ")})`;
    case "record-type": return `{ ${type.fields.map((f) => (f.type ? `${f.name.name}: ${showType(f.type)}` : f.name.name)).join(", ")} }`;
  }
}

export function showExpr(expr: Ast.Expr): string {
  switch (expr.kind) {
    case "number": return `${expr.value}`;
    case "name": return expr.name;
    case "string": return JSON.stringify(expr.value);
    case "bool": return `${expr.value}`;
    case "member": return `${showExpr(expr.object)}.${expr.name.name}`;
    case "unary": return `${expr.op === "not" ? "not " : "-"}${showExpr(expr.operand)}`;
    case "binary": return `${showExpr(expr.left)} ${expr.op} ${showExpr(expr.right)}`;
    case "call": return `${showExpr(expr.callee)}(${expr.args.map((a) => (a.name ? `${a.name.name}: ` : "") + showExpr(a.value)).join(", ")})`;
    case "tuple": return `(${expr.elements.map(showExpr).join(", ")})`;
    case "list": return `[${expr.elements.map(showExpr).join(", ")}]`;
    default: return "…";
  }
}
