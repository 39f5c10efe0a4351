// Expressions and statements: the interpreter that turns a body into graph nodes. Calls are in call.ts, layers in layer.ts, primitives in primitives/.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { names } from "../diagnostics/names.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { nearest } from "../diagnostics/suggest.ts";
import type { BinaryOp } from "../graph/build.ts";
import { add, APPLY, asNumber, constant, type Dim, divideExactly, floorDivide, multiply, negate, subtract } from "../types/dim.ts";
import { isClose, TOLERANCE } from "../types/tolerance.ts";
import { callMethod, callValue, declaredValue } from "./call.ts";
import type { Elaboration } from "./elaboration.ts";
import { fail, Silent } from "./fail.ts";
import { MOST_ITEMS, MOST_ROUNDS, sound } from "./limits.ts";
import { Scope } from "./scope.ts";
import { describe, NONE, POISON, sizeValue, type RecordValue, type SizedName, type Tensor, type UnknownValue, type Value } from "./value.ts";

/** Runs a block; the value of its last expression. A statement that fails is reported and its names are poisoned. */
export function evaluateBlock(e: Elaboration, block: Ast.Block, outer: Scope, onLet?: (name: string, value: Value, span: Span) => void, onAssign?: (assign: Ast.Assign, value: Value, scope: Scope) => void): Value {
  const scope = new Scope(outer);
  return runBlock(e, block, scope, onLet, onAssign);
}

/** As `evaluateBlock`, in a scope of the caller's: the bound names stay readable there. */
export function runBlock(e: Elaboration, block: Ast.Block, scope: Scope, onLet?: (name: string, value: Value, span: Span) => void, onAssign?: (assign: Ast.Assign, value: Value, scope: Scope) => void): Value {
  for (const statement of block.statements) {
    if (statement.kind === "let") {
      for (const { name, value, span } of evaluateLet(e, statement, scope)) {
        scope.set(name, value);
        onLet?.(name, value, span);
      }
    } else if (statement.kind === "assign") {
      const value = e.attempt(() => evaluate(e, statement.value, scope)) ?? POISON;
      if (onAssign) onAssign(statement, value, scope);
      else e.attempt(() => fail(shapes.B323, statement.span, { name: statement.name.name }));
    } else e.attempt(() => evaluate(e, statement.value, scope));
  }
  return block.result ? evaluate(e, block.result, scope) : POISON;
}

function evaluateLet(e: Elaboration, statement: Ast.Let, scope: Scope): { name: string; value: Value; span: Span }[] {
  const { type } = statement;
  const value = e.attempt(() => {
    const found = evaluate(e, statement.value, scope);
    return type ? declaredValue(e, type, statement.names.map((n) => n.name).join(", "), found, scope, statement.value.span) : found;
  }) ?? POISON;
  const bind = (name: Ast.Ident, v: Value): { name: string; value: Value; span: Span } => {
    if (scope.own().has(name.name)) e.attempt(() => fail(names.N210, name.span, { name: name.name }));
    e.watch?.bound(name, v);
    return { name: name.name, value: v, span: name.span };
  };
  if (!statement.destructures) return statement.names.map((n) => bind(n, value));
  if (value.kind === "poison") return statement.names.map((n) => bind(n, POISON));
  if (value.kind === "unknown") return statement.names.map((n) => bind(n, value.item ?? { kind: "unknown", type: "an element" }));
  const items = value.kind === "tuple" || value.kind === "list" ? value.items : value.kind === "record" ? [...value.fields.values()] : undefined;
  if (!items || items.length !== statement.names.length) {
    e.attempt(() => fail(shapes.T314, statement.span, { names: statement.names.length, found: describe(value) }));
    return statement.names.map((n) => bind(n, POISON));
  }
  return statement.names.map((n, i) => bind(n, items[i] as Value));
}

export function evaluate(e: Elaboration, expr: Ast.Expr, scope: Scope): Value {
  e.budget.enter(expr.span, e.arena.size, e.problems.length);
  try {
    const value = evaluateKind(e, expr, scope);
    if (value.kind === "size") sound(value.dim, expr.span);
    e.watch?.expression(expr, value, scope);
    return value;
  } finally {
    e.budget.leave();
  }
}

function evaluateKind(e: Elaboration, expr: Ast.Expr, scope: Scope): Value {
  switch (expr.kind) {
    case "number": return expr.isInteger ? sizeValue(constant(expr.value)) : { kind: "float", value: expr.value };
    case "string": return { kind: "text", value: expr.value };
    case "bool": return { kind: "bool", value: expr.value };
    case "name": return evaluateName(expr, scope);
    case "member": return evaluateMember(e, expr, scope);
    case "call": return evaluateCall(e, expr, scope);
    case "index": return evaluateIndex(e, expr, scope);
    case "unary": return evaluateUnary(e, expr, scope);
    case "binary": return evaluateBinary(e, expr, scope);
    case "if": return evaluateIf(e, expr, scope);
    case "repeat": return evaluateRepeat(e, expr, scope);
    case "list": return { kind: "list", items: expr.elements.map((x) => evaluate(e, x, scope)) };
    case "tuple": return { kind: "tuple", items: expr.elements.map((x) => evaluate(e, x, scope)) };
    case "comprehension": return evaluateComprehension(e, expr, scope);
    case "record-literal": return evaluateRecord(e, expr, scope);
    case "as-axes": return evaluateAs(e, expr, scope);
    case "as-name": {
      const size = asSize(e, evaluate(e, expr.value, scope), expr.value.span);
      return { kind: "named-size", dim: size, name: expr.name.name };
    }
    case "open": return fail(shapes.B325, expr.span, {});
    case "into": return { kind: "into", from: sizedNames(e, expr.from, scope), to: sizedNames(e, expr.to, scope) };
  }
}

function evaluateName(expr: Ast.Name, scope: Scope): Value {
  const value = scope.get(expr.name);
  if (value) return value;
  // The parser's stand-in for what it could not read, and told.
  if (expr.name === "") throw new Silent();
  return fail(names.N205, expr.span, { name: expr.name, near: nearest(expr.name, scope.visible()) });
}

/** A name that may also be a bare word: an axis, a site, a choice; or a path to sites of other blocks, `blocks[8].probs`. */
export function evaluateWord(e: Elaboration, expr: Ast.Expr, scope: Scope): Value {
  if (expr.kind !== "name") {
    const segments = segmentsOf(expr, scope);
    return segments ? { kind: "elsewhere", selector: { kind: "selector", segments, span: expr.span }, scope } : evaluate(e, expr, scope);
  }
  const value = scope.get(expr.name);
  return value && ["word", "words", "unknown", "bool", "text"].includes(value.kind) ? value : { kind: "word", name: expr.name, span: expr.span };
}

/** `blocks[8].probs` as a selector, where its first name means nothing else. */
function segmentsOf(expr: Ast.Expr, scope: Scope): Ast.Selector["segments"] | undefined {
  if (expr.kind === "name") return scope.get(expr.name) ? undefined : [{ name: { name: expr.name, span: expr.span }, index: undefined }];
  if (expr.kind === "member") {
    const before = segmentsOf(expr.object, scope);
    return before && [...before, { name: expr.name, index: undefined }];
  }
  if (expr.kind !== "index") return undefined;
  const before = segmentsOf(expr.object, scope);
  const [last, item] = [before?.[before.length - 1], expr.items[0]];
  if (!before || !last || last.index || !item || item.axis || expr.items.length > 1) return undefined;
  const index: Ast.SelectorIndex = item.value.kind === "range" ? { kind: "range", from: item.value.from, to: item.value.to, step: item.value.step } : { kind: "at", value: item.value };
  return [...before.slice(0, -1), { ...last, index }];
}

/** `C`, `(H, D)`, `(H = heads, D)` in an axis form. */
function sizedNames(e: Elaboration, expr: Ast.Expr, scope: Scope): SizedName[] {
  const one = (x: Ast.Expr): SizedName => {
    if (x.kind === "name") {
      const value = scope.get(x.name);
      return { name: value?.kind === "word" ? value.name : x.name, size: undefined };
    }
    if (x.kind === "binary" && x.op === "==" && x.left.kind === "name") return { name: x.left.name, size: asSize(e, evaluate(e, x.right, scope), x.right.span) };
    if (x.kind === "as-name") return { name: x.name.name, size: asSize(e, evaluate(e, x.value, scope), x.value.span) };
    return fail(shapes.T302, x.span, { param: "this axis", found: "an expression", wanted: "a name, or `name = size`" });
  };
  return expr.kind === "tuple" ? expr.elements.map(one) : [one(expr)];
}

function evaluateMember(e: Elaboration, expr: Ast.Member, scope: Scope): Value {
  const object = evaluate(e, expr.object, scope);
  return member(e, object, expr.name);
}

export function member(e: Elaboration, object: Value, name: Ast.Ident): Value {
  const missing = (candidates: Iterable<string>): never =>
    fail(names.N206, name.span, { member: name.name, of: describe(object), near: nearest(name.name, candidates) });
  switch (object.kind) {
    case "poison": return POISON;
    case "unknown": return { kind: "unknown", type: "a member" };
    case "module": {
      const value = object.module.declared.has(name.name) ? object.module.scope.get(name.name) : undefined;
      return value ?? fail(names.N209, name.span, { name: name.name, module: object.module.path, near: nearest(name.name, object.module.declared.keys()) });
    }
    case "record": {
      const field = object.fields.get(name.name);
      if (field) return field;
      const type = object.type;
      if (!type) return missing(object.fields.keys());
      return recordScope(e, object).get(name.name, "own") ?? missing([...object.fields.keys(), ...type.decl.lets.map((l) => l.names[0]?.name ?? ""), ...type.decl.methods.map((m) => m.name.name)]);
    }
    case "fold":
      if (name.name === "down" || name.name === "up") return { kind: "fold-part", fold: object, part: name.name };
      return missing(["down", "up"]);
    case "tokenizer": {
      const method = object.decl.methods.find((m) => m.name.name === name.name);
      if (method) return { kind: "fn", decl: method, scope: object.scope, extern: undefined };
      if (object.decl.host && name.name === "encode") return { kind: "host-method", tokenizer: object, method: name.name };
      return missing(object.decl.methods.map((m) => m.name.name));
    }
    case "tensor": {
      const at = object.axes.indexOf(name.name);
      if (at >= 0) return sizeValue(object.node.type.dims[at] as Dim);
      return missing(object.axes);
    }
    case "layer": {
      const child = object.instance.child(name.name);
      if (child) return child;
      const method = object.instance.decl.methods.find((m) => m.name.name === name.name);
      if (method) return { kind: "fn", decl: method, scope: object.instance.scope, extern: undefined };
      return object.instance.scope.own().get(name.name) ?? missing(object.instance.names());
    }
    case "model": return callMethod(e, object, name);
    default: return missing([]);
  }
}

/** The fields, computed fields and methods of a record as names; a computed one is worked out when it is asked for. */
export function recordScope(e: Elaboration, object: RecordValue): Scope {
  const scope: Scope = new Scope(object.type?.scope, (name) => {
    const computed = object.type?.decl.lets.find((l) => l.names.some((n) => n.name === name));
    if (computed) return e.once(computed, name, computed.span, () => evaluate(e, computed.value, scope));
    const method = object.type?.decl.methods.find((m) => m.name.name === name);
    return method && { kind: "fn", decl: method, scope, extern: undefined };
  });
  for (const [name, value] of object.fields) scope.set(name, value);
  scope.set("self", object);
  return scope;
}

function evaluateCall(e: Elaboration, expr: Ast.Call, scope: Scope): Value {
  const callee = evaluate(e, expr.callee, scope);
  if (callee.kind === "poison") {
    for (const a of expr.args) if (!a.isStatic) e.attempt(() => evaluate(e, a.value, scope));
    return POISON;
  }
  return callValue(e, callee, expr, scope);
}

// ── numbers ──
/** A compile-time value as a whole size. */
export function asSize(e: Elaboration, value: Value, span: Span): Dim {
  if (value.kind === "size") return value.dim;
  if (value.kind === "named-size") return value.dim;
  if (value.kind === "ratio") {
    const facts = e.arena.facts;
    const exact = divideExactly(value.over, value.under) ?? divideExactly(facts.bind(value.over), facts.bind(value.under));
    if (exact) return exact;
    if (asNumber(facts.bind(value.over)) !== undefined && asNumber(facts.bind(value.under)) !== undefined) return fail(shapes.T319, span, { size: describe(value) });
    e.guard({ left: APPLY.mod(value.over, value.under), comparison: "==", right: constant(0), says: `${value.over.key} must be a multiple of ${value.under.key}`, span });
    return floorDivide(value.over, value.under);
  }
  if (value.kind === "float" && Number.isInteger(value.value)) return constant(value.value);
  if (value.kind === "unknown") return e.openDim("unknown");
  if (value.kind === "poison") throw new Silent();
  return fail(shapes.B321, span, { what: "This size", found: describe(value) });
}

export function asFloat(e: Elaboration, value: Value): number | undefined {
  if (value.kind === "float") return value.value;
  if (value.kind === "size") return e.arena.facts.number(value.dim);
  if (value.kind === "ratio") {
    const [over, under] = [e.arena.facts.number(value.over), e.arena.facts.number(value.under)];
    return over !== undefined && under !== undefined ? over / under : undefined;
  }
  return undefined;
}

function evaluateUnary(e: Elaboration, expr: Ast.Unary, scope: Scope): Value {
  const x = evaluate(e, expr.operand, scope);
  if (x.kind === "poison" || x.kind === "unknown") return x;
  if (expr.op === "not") {
    if (x.kind === "bool") return { kind: "bool", value: !x.value };
    if (x.kind === "tensor") return e.at(expr.span, () => e.named.unary("not", x));
  } else {
    if (x.kind === "size") return sizeValue(negate(x.dim));
    if (x.kind === "ratio") return { ...x, over: negate(x.over) };
    if (x.kind === "float") return { kind: "float", value: -x.value };
    if (x.kind === "tensor") return e.at(expr.span, () => e.named.unary("neg", x));
  }
  return fail(shapes.T313, expr.span, { op: expr.op, left: "nothing", right: describe(x) });
}

const TENSOR_OPS: Partial<Record<Ast.BinaryOp, BinaryOp>> = {
  "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "^": "pow", "==": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", and: "and", or: "or",
};

function evaluateBinary(e: Elaboration, expr: Ast.Binary, scope: Scope): Value {
  const equality = expr.op === "==" || expr.op === "!=";
  const [left, right] = equality ? wordPair(e, expr, scope) : [evaluate(e, expr.left, scope), evaluate(e, expr.right, scope)];
  if (left.kind === "poison" || right.kind === "poison") return POISON;
  // Whether anything was given.
  if (equality && (left === NONE || right === NONE) && left.kind !== "unknown" && right.kind !== "unknown") return { kind: "bool", value: (left === right) === (expr.op === "==") };
  const isOpen = (v: Value): boolean => v.kind === "unknown" && v.type !== "Float" && v.type !== "Int";
  if (isOpen(left) || isOpen(right)) return { kind: "unknown", type: isComparison(expr.op) ? "Bool" : "a value" };
  if (left.kind === "tensor" || right.kind === "tensor") return tensorBinary(e, expr, left, right);
  return staticBinary(e, expr, left, right);
}

/** `by == l1`: a bare name beside a word is a word too, whatever else it may be called. */
function wordPair(e: Elaboration, expr: Ast.Binary, scope: Scope): [Value, Value] {
  const wordly = (v: Value | undefined): boolean => v !== undefined && (v.kind === "word" || v.kind === "text" || (v.kind === "unknown" && WORD_TYPES.has(v.type)));
  const known = (x: Ast.Expr): Value | undefined => (x.kind === "name" ? (scope.get(x.name) ?? (x.name === "none" ? NONE : undefined)) : evaluate(e, x, scope));
  const [left, right] = [known(expr.left), known(expr.right)];
  const side = (x: Ast.Expr, own: Value | undefined, other: Value | undefined): Value =>
    x.kind === "name" && wordly(other) && !wordly(own) ? { kind: "word", name: x.name, span: x.span } : (own ?? evaluate(e, x, scope));
  return [side(expr.left, left, right), side(expr.right, right, left)];
}
const WORD_TYPES: ReadonlySet<string> = new Set(["Word", "Axis", "Site", "Str", "DType"]);

function tensorBinary(e: Elaboration, expr: Ast.Binary, left: Value, right: Value): Value {
  return e.at(expr.span, () => {
    const like = (left.kind === "tensor" ? left : right) as Tensor;
    const a = asTensor(e, left, like, expr);
    const b = asTensor(e, right, like, expr);
    if (!a || !b) return fail(shapes.T313, expr.span, { op: expr.op, left: describe(left), right: describe(right) });
    if (a.node.type.dtype !== b.node.type.dtype)
      return fail(shapes.T311, expr.span, { what: `\`${expr.op}\` stands between two element types.`, found: describe(b), wanted: describe(a) });
    if (expr.op === "!=") return e.named.unary("not", e.named.binary("eq", a, b));
    if (expr.op === "~=") return close(e, a, b);
    return e.named.binary(TENSOR_OPS[expr.op] as BinaryOp, a, b);
  });
}

/** `a ~= b` by the table of tolerances, a tensor of truth values. */
function close(e: Elaboration, a: Tensor, b: Tensor): Tensor {
  const n = e.named;
  const { absolute, relative } = TOLERANCE[b.node.type.dtype];
  const same = n.binary("eq", a, b);
  if (absolute === 0) return same;
  const bound = n.binary("add", n.binary("mul", n.unary("abs", b), n.number(b, relative)), n.number(b, absolute));
  return n.binary("or", same, n.binary("le", n.unary("abs", n.binary("sub", a, b)), bound));
}

export function asTensor(e: Elaboration, value: Value, like: Tensor | undefined, at: { readonly span: Span }): Tensor | undefined {
  if (value.kind === "tensor") return value;
  const dtype = like?.node.type.dtype ?? (value.kind === "size" ? "i64" : "f32");
  if (value.kind === "float") return e.at(at.span, () => e.named.number(dtype, value.value));
  if (value.kind === "bool" && dtype === "bool") return e.at(at.span, () => e.named.number(dtype, value.value ? 1 : 0));
  if (value.kind === "size") {
    const known = asNumber(value.dim);
    return e.at(at.span, () => (known !== undefined ? e.named.number(dtype, known) : e.named.sizeAs(dtype, value.dim)));
  }
  if (value.kind === "ratio") {
    const known = asFloat(e, value);
    if (known !== undefined) return e.at(at.span, () => e.named.number(dtype, known));
    return e.at(at.span, () => e.named.binary("div", e.named.sizeAs(dtype, value.over), e.named.sizeAs(dtype, value.under)));
  }
  if (value.kind === "unknown" && value.type === "Float") return e.at(at.span, () => ({ kind: "tensor", node: e.b.input(e.fresh("unknown"), dtype, []), axes: [] }));
  if (value.kind === "list") {
    const numbers = value.items.map((v) => asFloat(e, v));
    if (numbers.every((x) => x !== undefined)) return e.at(at.span, () => ({ kind: "tensor", node: e.b.tensor(dtype, [numbers.length], numbers as number[]), axes: [e.named.anonymous()] }));
  }
  return undefined;
}

function staticBinary(e: Elaboration, expr: Ast.Binary, left: Value, right: Value): Value {
  if (left.kind === "unknown" || right.kind === "unknown") return { kind: "unknown", type: isComparison(expr.op) ? "Bool" : left.kind === "unknown" ? left.type : (right as { type: string }).type };
  if (left.kind === "size" && right.kind === "size") {
    if ((expr.op === "/" || expr.op === "%") && e.arena.facts.number(right.dim) === 0) return fail(shapes.T322, expr.span, { left: left.dim.key });
    const made = sizeBinary(expr.op, left.dim, right.dim, e);
    if (made) return made;
  }
  const [x, y] = [asFloat(e, left), asFloat(e, right)];
  if (x !== undefined && y !== undefined) {
    const made = floatBinary(expr.op, x, y);
    if (made) return made;
  }
  const isNumber = (v: Value): boolean => v.kind === "size" || v.kind === "ratio" || v.kind === "float";
  if (isNumber(left) && isNumber(right)) {
    // Sizes that are still symbols: fractions stay exact, the rest is a number that a run computes.
    return ratioBinary(expr.op, left, right) ?? (e.checking ? { kind: "unknown", type: isComparison(expr.op) ? "Bool" : "Float" } : atRunTime(e, expr, left, right));
  }
  if (left.kind === "bool" && right.kind === "bool") {
    if (expr.op === "and") return { kind: "bool", value: left.value && right.value };
    if (expr.op === "or") return { kind: "bool", value: left.value || right.value };
  }
  if (expr.op === "+" && left.kind === "list" && right.kind === "list") return { kind: "list", items: [...left.items, ...right.items] };
  if (expr.op === "+" && left.kind === "text" && right.kind === "text") return { kind: "text", value: left.value + right.value };
  if (expr.op === "==" || expr.op === "!=") {
    const same = sameStatic(left, right);
    if (same !== undefined) return { kind: "bool", value: same === (expr.op === "==") };
  }
  return fail(shapes.T313, expr.span, { op: expr.op, left: describe(left), right: describe(right) });
}

/** Arithmetic and comparisons of sizes that only a run knows, as a tensor without axes. */
function atRunTime(e: Elaboration, expr: Ast.Binary, left: Value, right: Value): Value {
  const like = e.named.number(left.kind === "size" && right.kind === "size" && isComparison(expr.op) ? "i64" : "f32", 0);
  const [a, b] = [asTensor(e, left, like, expr), asTensor(e, right, like, expr)];
  if (!a || !b) return fail(shapes.T313, expr.span, { op: expr.op, left: describe(left), right: describe(right) });
  return tensorBinary(e, expr, a, b);
}

const isComparison = (op: string): boolean => ["==", "!=", "<", "<=", ">", ">=", "~="].includes(op);

function sizeBinary(op: Ast.BinaryOp, a: Dim, b: Dim, e: Elaboration): Value | undefined {
  switch (op) {
    case "+": return sizeValue(add(a, b));
    case "-": return sizeValue(subtract(a, b));
    case "*": return sizeValue(multiply(a, b));
    case "%": return sizeValue(APPLY.mod(a, b));
    case "/": {
      if (asNumber(b) === 0) return undefined;
      const exact = divideExactly(a, b);
      return exact ? sizeValue(exact) : { kind: "ratio", over: a, under: b };
    }
    case "^": {
      const [x, y] = [asNumber(a), asNumber(b)];
      return x !== undefined && y !== undefined ? (y >= 0 ? sizeValue(constant(x ** y)) : { kind: "float", value: x ** y }) : undefined;
    }
    case "==": case "!=": case "<": case "<=": case ">": case ">=": case "~=": {
      const gap = e.arena.facts.number(subtract(a, b));
      if (gap === undefined) return undefined;
      return { kind: "bool", value: compare(op, gap) };
    }
    default: return undefined;
  }
}

export function compare(op: string, gap: number): boolean {
  switch (op) {
    case "==": case "~=": return gap === 0;
    case "!=": return gap !== 0;
    case "<": return gap < 0;
    case "<=": return gap <= 0;
    case ">": return gap > 0;
    default: return gap >= 0;
  }
}

function floatBinary(op: Ast.BinaryOp, x: number, y: number): Value | undefined {
  const float = (value: number): Value => ({ kind: "float", value });
  switch (op) {
    case "+": return float(x + y);
    case "-": return float(x - y);
    case "*": return float(x * y);
    case "/": return float(x / y);
    case "%": return float(x - y * Math.floor(x / y));
    case "^": return float(x ** y);
    case "~=": return { kind: "bool", value: isClose(x, y, TOLERANCE.f32) };
    case "and": case "or": return undefined;
    default: return { kind: "bool", value: compare(op, x - y) };
  }
}

function ratioBinary(op: Ast.BinaryOp, left: Value, right: Value): Value | undefined {
  const fraction = (v: Value): { over: Dim; under: Dim } | undefined => (v.kind === "ratio" ? v : v.kind === "size" ? { over: v.dim, under: constant(1) } : undefined);
  const [a, b] = [fraction(left), fraction(right)];
  if (!a || !b) return undefined;
  const make = (over: Dim, under: Dim): Value => {
    const exact = divideExactly(over, under);
    return exact ? sizeValue(exact) : { kind: "ratio", over, under };
  };
  if (op === "*") return make(multiply(a.over, b.over), multiply(a.under, b.under));
  if (op === "/") return make(multiply(a.over, b.under), multiply(a.under, b.over));
  if (op === "+") return make(add(multiply(a.over, b.under), multiply(b.over, a.under)), multiply(a.under, b.under));
  if (op === "-") return make(subtract(multiply(a.over, b.under), multiply(b.over, a.under)), multiply(a.under, b.under));
  return undefined;
}

function sameStatic(a: Value, b: Value): boolean | undefined {
  if (a.kind === "word" && b.kind === "word") return a.name === b.name;
  if (a.kind === "text" && b.kind === "text") return a.value === b.value;
  if (a.kind === "word" && b.kind === "text") return a.name === b.value;
  if (a.kind === "text" && b.kind === "word") return a.value === b.name;
  if (a.kind === "bool" && b.kind === "bool") return a.value === b.value;
  if (a.kind === "size" && b.kind === "size") return a.dim.key === b.dim.key;
  if ((a.kind === "list" && b.kind === "list") || (a.kind === "tuple" && b.kind === "tuple"))
    return a.items.length === b.items.length && a.items.every((x, i) => sameStatic(x, b.items[i] as Value) === true);
  return undefined;
}

// ── choice and repetition ──
function evaluateIf(e: Elaboration, expr: Ast.If, scope: Scope): Value {
  const condition = evaluate(e, expr.condition, scope);
  if (condition.kind === "poison") return POISON;
  if (condition.kind === "bool") return evaluateBlock(e, condition.value ? expr.then : expr.otherwise, scope);
  if (condition.kind === "unknown" && e.checking) {
    // Both ways are checked; the first of which something is known stands for the result.
    const both = [e.attempt(() => evaluateBlock(e, expr.then, scope)) ?? POISON, e.attempt(() => evaluateBlock(e, expr.otherwise, scope)) ?? POISON];
    return both.find((v) => v.kind !== "poison" && v.kind !== "unknown") ?? both.find((v) => v.kind !== "poison") ?? POISON;
  }
  return fail(shapes.B322, expr.condition.span, { found: describe(condition) });
}

function evaluateRepeat(e: Elaboration, expr: Ast.Repeat, scope: Scope): Value {
  const bounds = expr.range ? rangeOf(e, expr.range, scope, undefined) : undefined;
  const [from, to] = bounds ? [bounds.from, bounds.to] : [constant(0), expr.count && asSize(e, evaluate(e, expr.count, scope), expr.count.span)];
  // What could not be parsed has been told.
  if (!to) throw new Silent();
  let value = evaluate(e, expr.from, scope);
  const total = e.arena.facts.number(subtract(to, from));
  if (total === undefined && !e.checking) return fail(shapes.B321, expr.range?.span ?? expr.count?.span ?? expr.span, { what: "How often this is repeated", found: subtract(to, from).key });
  // While a declaration is checked by itself, once round the loop stands for all rounds.
  const rounds = total ?? 1;
  if (rounds > MOST_ROUNDS) return fail(shapes.B324, expr.range?.span ?? expr.count?.span ?? expr.span, { what: `This is repeated ${rounds} times`, limit: `${MOST_ROUNDS} rounds` });
  for (let i = 0; i < rounds && value.kind !== "poison"; i++) {
    const inner = new Scope(scope);
    inner.set(expr.name.name, value);
    if (expr.index) inner.set(expr.index.name, sizeValue(add(from, constant(i))));
    value = runBlock(e, expr.body, new Scope(inner));
  }
  return value;
}

function rangeOf(e: Elaboration, range: Ast.Range, scope: Scope, length: Dim | undefined): { from: Dim; to: Dim; step: number } {
  const bound = (x: Ast.Expr | undefined, otherwise: Dim | undefined): Dim => {
    if (!x) return otherwise ?? fail(shapes.T315, range.span, { index: "open", length: "unknown" });
    const size = asSize(e, evaluate(e, x, scope), x.span);
    const known = asNumber(size);
    return known !== undefined && known < 0 && length ? add(length, size) : size;
  };
  const step = range.step ? e.arena.facts.number(asSize(e, evaluate(e, range.step, scope), range.step.span)) : 1;
  if (step === undefined && !e.checking) return fail(shapes.B321, range.step?.span ?? range.span, { what: "The step", found: "a size" });
  if (step !== undefined && step < 1) return fail(shapes.T315, range.step?.span ?? range.span, { index: `a step of ${step}`, length: "steps are at least 1" });
  return { from: bound(range.from, constant(0)), to: bound(range.to, length), step: step ?? 1 };
}

function evaluateComprehension(e: Elaboration, expr: Ast.Comprehension, scope: Scope): Value {
  const items = sourceItems(e, expr.source, scope);
  if (!Array.isArray(items)) {
    // How many there are is open: one item, of an open index, stands for all.
    const inner = new Scope(scope);
    inner.set(expr.name.name, items.item ?? { kind: "unknown", type: "an element" });
    return { ...items, item: evaluate(e, expr.element, inner) };
  }
  return {
    kind: "list",
    items: items.map((item) => {
      const inner = new Scope(scope);
      inner.set(expr.name.name, item);
      return evaluate(e, expr.element, inner);
    }),
  };
}

function sourceItems(e: Elaboration, from: Ast.Expr | Ast.Range, scope: Scope): Value[] | UnknownValue {
  if (from.kind === "range") {
    const { from: low, to, step } = rangeOf(e, from, scope, undefined);
    const [a, b] = [e.arena.facts.number(low), e.arena.facts.number(to)];
    if (a === undefined || b === undefined) {
      if (!e.checking) return fail(shapes.B321, from.span, { what: "How often this is gone through", found: subtract(to, low).key });
      return { kind: "unknown", type: "a list", length: step === 1 ? subtract(to, low) : e.openDim("count"), item: sizeValue(e.openDim("index")) };
    }
    if ((b - a) / step > MOST_ITEMS) return fail(shapes.B324, from.span, { what: `This list has ${Math.ceil((b - a) / step)} items`, limit: `${MOST_ITEMS}` });
    const out: Value[] = [];
    for (let i = a; i < b; i += step) out.push(sizeValue(constant(i)));
    return out;
  }
  const list = evaluate(e, from, scope);
  if (list.kind === "list" || list.kind === "tuple") return [...list.items];
  if (list.kind === "unknown") return list;
  if (list.kind === "poison") throw new Silent();
  if (list.kind === "layers") return list.instances.map((instance) => ({ kind: "layer", instance }));
  return fail(shapes.B321, from.span, { what: "What is gone through", found: describe(list) });
}

// ── records, slices, names of axes ──
function evaluateRecord(e: Elaboration, expr: Ast.RecordLiteral, scope: Scope): Value {
  const fields = new Map<string, Value>();
  for (const f of expr.fields) fields.set(f.name.name, evaluate(e, f.value, scope));
  if (!expr.type) return { kind: "record", fields, type: undefined };
  const type = evaluate(e, expr.type, scope);
  if (type.kind === "poison") return POISON;
  if (type.kind !== "record-type") return fail(shapes.T310, expr.type.span, { found: describe(type) });
  return makeRecord(e, type, fields, expr.span);
}

/** A record of a declared type: every field there, none surplus, defaults filled in. */
export function makeRecord(e: Elaboration, type: Extract<Value, { kind: "record-type" }>, fields: Map<string, Value>, span: Span): Value {
  const known = type.decl.fields.map((f) => f.name.name);
  for (const name of fields.keys()) if (!known.includes(name)) fail(shapes.T305, span, { name, of: type.decl.name.name, near: nearest(name, known) });
  const all = new Map<string, Value>();
  for (const field of type.decl.fields) {
    const given = fields.get(field.name.name);
    if (given) all.set(field.name.name, given);
    else if (field.default?.kind === "name" && field.default.name === "none") all.set(field.name.name, NONE);
    else if (field.default) all.set(field.name.name, evaluate(e, field.default, type.scope));
    else fail(shapes.T303, span, { param: field.name.name, of: type.decl.name.name, wanted: "a field" }, [{ span: field.span, says: "declared here" }]);
  }
  return { kind: "record", fields: all, type: { decl: type.decl, scope: type.scope } };
}

function evaluateIndex(e: Elaboration, expr: Ast.Index, scope: Scope): Value {
  const object = evaluate(e, expr.object, scope);
  if (object.kind === "poison") return object;
  if (object.kind === "unknown") return expr.items.some((i) => i.value.kind === "range") ? { kind: "unknown", type: object.type } : (object.item ?? { kind: "unknown", type: "an element" });
  if (object.kind === "tensor") return indexTensor(e, expr, object, scope);
  const items = object.kind === "list" || object.kind === "tuple" ? object.items : object.kind === "layers" ? object.instances.map((instance): Value => ({ kind: "layer", instance })) : undefined;
  const [item] = expr.items;
  if (!items || !item || expr.items.length !== 1 || item.axis) return fail(shapes.T317, expr.span, { found: describe(object) });
  const length = constant(items.length);
  if (item.value.kind === "range") {
    const { from, to, step } = rangeOf(e, item.value, scope, length);
    const [a, b] = [e.arena.facts.number(from), e.arena.facts.number(to)];
    if (a === undefined || b === undefined) return e.checking ? { kind: "unknown", type: "a list" } : fail(shapes.B321, item.span, { what: "This range of a list", found: subtract(to, from).key });
    const picked: Value[] = [];
    for (let i = a; i < Math.min(b, items.length); i += step) picked.push(items[i] as Value);
    if (object.kind === "layers") return { kind: "layers", instances: picked.map((p) => (p as Extract<Value, { kind: "layer" }>).instance) };
    return { kind: "list", items: picked };
  }
  const index = e.arena.facts.number(asSize(e, evaluate(e, item.value, scope), item.value.span));
  if (index === undefined) return e.checking ? { kind: "unknown", type: "an element" } : fail(shapes.B321, item.span, { what: "This index of a list", found: "a size" });
  const at = index < 0 ? items.length + index : index;
  return items[at] ?? fail(shapes.T315, item.span, { index: `${index}`, length: `${items.length}` });
}

function indexTensor(e: Elaboration, expr: Ast.Index, object: Tensor, scope: Scope): Value {
  let x = object;
  for (const item of expr.items) {
    if (!item.axis) return fail(shapes.T317, item.span, { found: "an index without the name of an axis" });
    const word = scope.get(item.axis.name);
    const axis = word?.kind === "word" ? word.name : item.axis.name;
    x = e.at(item.span, () => {
      const length = x.node.type.dims[e.named.axis(x, axis)] as Dim;
      if (item.value.kind === "range") {
        const { from, to, step } = rangeOf(e, item.value, scope, length);
        return e.named.slice(x, axis, from, to, step);
      }
      const index = asSize(e, evaluate(e, item.value, scope), item.value.span);
      const known = asNumber(index);
      const whole = e.arena.facts.number(length);
      if (known !== undefined && whole !== undefined && (known >= whole || known < -whole)) return fail(shapes.T315, item.span, { index: `${known}`, length: `${whole}` });
      return e.named.at(x, axis, known !== undefined && known < 0 ? add(length, index) : index);
    });
  }
  return x;
}

function evaluateAs(e: Elaboration, expr: Ast.AsAxes, scope: Scope): Value {
  const value = evaluate(e, expr.value, scope);
  if (value.kind === "poison" || value.kind === "unknown") return value;
  if (value.kind !== "tensor") {
    const made = asTensor(e, value, undefined, expr);
    if (!made) return fail(shapes.T317, expr.span, { found: describe(value) });
    return e.at(expr.span, () => e.named.rename(made, axisNames(e, expr.axes, made)));
  }
  return e.at(expr.span, () => {
    const renamed = e.named.rename(value, axisNames(e, expr.axes, value));
    expr.axes.forEach((axis, i) => {
      if (axis.kind === "rest" || axis.kind === "some" || !axis.size) return;
      const wanted = asSize(e, evaluate(e, axis.size, scope), axis.span);
      const found = renamed.node.type.dims[i] as Dim;
      if (!e.arena.facts.equal(wanted, found)) fail(shapes.T307, axis.span, { axis: axis.kind === "axis" ? axis.name.name : "this axis", first: wanted.key, second: found.key, because: "written here" });
    });
    return renamed;
  });
}

/** The names in `as [..., C]`: `...` keeps those that stand there. */
function axisNames(e: Elaboration, axes: readonly Ast.AxisExpr[], x: Tensor): string[] {
  const rest = axes.findIndex((a) => a.kind === "rest");
  const name = (a: Ast.AxisExpr): string => (a.kind === "axis" || a.kind === "some" ? a.name.name : e.named.anonymous());
  if (rest < 0) return axes.map(name);
  const kept = x.axes.length - (axes.length - 1);
  return [...axes.slice(0, rest).map(name), ...x.axes.slice(rest, rest + Math.max(0, kept)), ...axes.slice(rest + 1).map(name)];
}
