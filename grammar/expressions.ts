// Concrete expressions, types and blocks to abstract ones. Total: what is missing becomes a name without letters.
import type { CstNode, IToken } from "chevrotain";
import type * as Ast from "./ast.ts";
import type * as Cst from "./cst.d.ts";
import { endOf } from "./layout.ts";
import type { SyntaxProblem } from "./problem.ts";
import { type Span, span } from "./source.ts";
import { token } from "./tokens.ts";

/** Highest tree of one expression: what walks trees after us walks them by recursion. */
const TALLEST = 256;
const ELEMENT_TYPES = ["f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u16", "u8", "i4", "u4", "bool"] as const;

const PRECEDENCE: Readonly<Record<string, number>> = { or: 1, and: 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "~=": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "^": 6 };

export const only = <T>(list: readonly T[] | undefined, at = 0): T | undefined => list?.[at];
const isReal = (t: IToken | undefined): t is IToken => t !== undefined && Number.isFinite(t.startOffset);

type Sited = { readonly start: number; readonly end: number };

export class Expressions {
  readonly file: string;
  readonly problems: SyntaxProblem[] = [];
  readonly #docs: ReadonlyMap<number, string>;
  readonly #lineStarts: ReadonlySet<number>;
  readonly #heights = new WeakMap<object, number>();
  /** Where we are, for what has no place of its own. */
  #here = 0;

  constructor(file: string, docs: ReadonlyMap<number, string>, lineStarts: ReadonlySet<number>) {
    this.file = file;
    this.#docs = docs;
    this.#lineStarts = lineStarts;
  }

  // ── places ──
  span(start: number, end: number): Span {
    return span(this.file, start, Math.max(start, end));
  }

  of(node: CstNode | undefined): Span {
    const start = node?.location?.startOffset ?? Number.NaN;
    if (Number.isFinite(start)) this.#here = start;
    else return this.span(this.#here, this.#here);
    const end = node?.location?.endOffset ?? Number.NaN;
    return this.span(start, Number.isFinite(end) ? end + 1 : start);
  }

  at(t: IToken | undefined): Span {
    if (!isReal(t)) return this.span(this.#here, this.#here);
    this.#here = t.startOffset;
    return this.span(t.startOffset, endOf(t));
  }

  ident(t: IToken | undefined): Ast.Ident {
    return { name: isReal(t) ? t.image.normalize("NFC") : "", span: this.at(t) };
  }

  path(node: Cst.PathCstNode | undefined): Ast.Ident[] {
    return node?.children.AnyWord?.map((t) => this.ident(t)) ?? [this.ident(undefined)];
  }

  doc(at: Span): Ast.Doc {
    return this.#docs.get(at.start);
  }

  missing(): Ast.Expr {
    return { kind: "name", name: "", span: this.span(this.#here, this.#here) };
  }

  // ── lists ──
  /** Items begin a line or follow a separator. */
  apart(what: string, items: readonly CstNode[] | undefined, separators: readonly IToken[] = []): void {
    const marks = separators.filter(isReal).map((s) => s.startOffset);
    let before: Sited | undefined;
    for (const item of items ?? []) {
      const start = item.location?.startOffset ?? Number.NaN;
      if (!Number.isFinite(start)) continue;
      const previous = before;
      before = { start, end: (item.location?.endOffset ?? start) + 1 };
      if (!previous || this.#lineStarts.has(start) || marks.some((m) => m >= previous.end && m < start)) continue;
      this.problems.push({ kind: "same-line", what, before: this.span(previous.start, previous.end), span: this.span(start, before.end) });
    }
  }

  /** Between two separators stands an item; `;` stands once. Gives the place of `;`. */
  separated(what: string, items: readonly CstNode[] | undefined, separators: readonly IToken[] | undefined): Span | undefined {
    let semicolon: Span | undefined;
    const starts = (items ?? []).map((i) => i.location?.startOffset ?? Number.NaN);
    let next = 0;
    let empty = true;
    for (const s of separators ?? []) {
      if (!isReal(s)) continue;
      for (; next < starts.length && !((starts[next] ?? Number.NaN) > s.startOffset); next++) empty = false;
      if (s.tokenType === token("Semicolon")) {
        if (semicolon) this.problems.push({ kind: "semicolon-again", first: semicolon, span: this.at(s) });
        semicolon ??= this.at(s);
      } else if (empty) this.problems.push({ kind: "unexpected", found: "`,`", expected: [what], span: this.at(s) });
      empty = true;
    }
    return semicolon;
  }

  // ── expressions ──
  expression(node: Cst.ExpressionCstNode | undefined): Ast.Expr {
    return this.#row(node, false).value;
  }

  /** An operand's value and, at the end of an argument, the axis that it names: `near as J`. */
  #row(node: Cst.ExpressionCstNode | undefined, isArgument: boolean): { value: Ast.Expr; axis: Ast.Ident | undefined } {
    const operands = node?.children.operand ?? [];
    const operators = (node?.children.BinarySign ?? []).filter(isReal);
    if (!node || operands.length === 0) {
      if (node) this.of(node);
      return { value: this.missing(), axis: undefined };
    }
    if (operators.length > TALLEST) return { value: this.#tooTall(this.of(node)), axis: undefined };
    const row = new Row(this, operands, operators);
    const value = row.climb(1);
    const last = operands[operands.length - 1];
    const name = this.#naming(last);
    if (name && !isArgument) this.problems.push({ kind: "axis-name-misplaced", name: name.image, span: this.at(name) });
    const naming = isArgument ? name : undefined;
    return { value, axis: naming ? this.ident(naming) : undefined };
  }

  /** The name after a last `as`. */
  #naming(operand: Cst.OperandCstNode | undefined): IToken | undefined {
    const trailers = operand?.children.trailer ?? [];
    return only(trailers[trailers.length - 1]?.children.Word);
  }

  #tooTall(at: Span): Ast.Expr {
    this.problems.push({ kind: "too-deep", limit: TALLEST, span: at });
    return { kind: "name", name: "", span: at };
  }

  /** Gives the node, unless its tree grows too tall. */
  grow<T extends Ast.Expr>(node: T, ...children: readonly (object | undefined)[]): Ast.Expr {
    let height = 0;
    for (const child of children) if (child) height = Math.max(height, this.#heights.get(child) ?? 0);
    if (height >= TALLEST) return this.#tooTall(node.span);
    this.#heights.set(node, height + 1);
    return node;
  }

  /** An operand without its prefixes, and the place that it takes (brackets included). */
  operand(node: Cst.OperandCstNode, isLast: boolean): { value: Ast.Expr; start: number; end: number } {
    const c = node.children;
    const whole = this.of(node);
    const prefixes = (c.PrefixSign ?? []).filter(isReal);
    const first = prefixes[prefixes.length - 1];
    const start = first ? this.#firstAfter(node, endOf(first)) : whole.start;
    let value = this.#primary(c, start);
    let { end } = whole;
    const trailers = c.trailer ?? [];
    if (trailers.length > TALLEST) return { value: this.#tooTall(whole), start, end: whole.end };
    for (let i = 0; i < trailers.length; i++) {
      const trailer = trailers[i] as Cst.TrailerCstNode;
      const name = only(trailer.children.Word);
      if (name !== undefined) {
        end = this.#lastBefore(node, this.of(trailer).start);
        if (!(isLast && i === trailers.length - 1)) this.problems.push({ kind: "axis-name-misplaced", name: name.image, span: this.at(name) });
        continue;
      }
      value = this.#trailed(value, start, trailer);
    }
    return { value, start, end };
  }

  #lastBefore(node: Cst.OperandCstNode, before: number): number {
    let last = before;
    let found = Number.NEGATIVE_INFINITY;
    for (const list of Object.values(node.children)) for (const child of list ?? []) {
      const [start, end] = "location" in child ? [child.location?.startOffset, child.location?.endOffset] : "image" in child ? [child.startOffset, child.endOffset] : [];
      if (start !== undefined && end !== undefined && start < before && end > found) [found, last] = [end, end + 1];
    }
    return last;
  }

  #firstAfter(node: Cst.OperandCstNode, after: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const list of Object.values(node.children)) for (const child of list ?? []) {
      const start = "location" in child ? child.location?.startOffset : "image" in child ? child.startOffset : undefined;
      if (start !== undefined && Number.isFinite(start) && start >= after) first = Math.min(first, start);
    }
    return Number.isFinite(first) ? first : after;
  }

  #primary(c: Cst.OperandCstChildren, start: number): Ast.Expr {
    const number = only(c.NumberText);
    if (isReal(number)) return { kind: "number", value: Number(number.image.replaceAll("_", "")), isInteger: /^[\d_]+$/.test(number.image), span: this.at(number) };
    const text = only(c.StringText);
    if (isReal(text)) return { kind: "string", value: this.text(text), span: this.at(text) };
    const bool = only(c.BoolWord);
    if (isReal(bool)) return { kind: "bool", value: bool.tokenType === token("True"), span: this.at(bool) };
    const word = only(c.Word);
    const record = only(c.recordLiteral);
    if (isReal(word)) {
      const name: Ast.Name = { kind: "name", name: word.image.normalize("NFC"), span: this.at(word) };
      return record ? this.#record(record, name, start) : name;
    }
    if (record) return this.#record(record, undefined, start);
    const group = only(c.group);
    if (group) return this.#group(group);
    const list = only(c.list);
    if (list) return this.#list(list);
    const choice = only(c.ifExpression);
    if (choice) return this.#if(choice);
    const repeat = only(c.repeatExpression);
    if (repeat) return this.#repeat(repeat);
    const open = only(c.open);
    if (open) {
      const domain = open.children.place ? this.place(only(open.children.place)) : undefined;
      return this.grow({ kind: "open", domain, count: undefined, span: this.of(open) }, domain);
    }
    return this.missing();
  }

  #trailed(object: Ast.Expr, start: number, trailer: Cst.TrailerCstNode): Ast.Expr {
    const { call, slice, axes, AnyWord, Dot } = trailer.children;
    const at = this.span(start, this.of(trailer).end);
    if (call?.[0]) {
      const args = this.#arguments(call[0]);
      return this.grow({ kind: "call", callee: object, args, span: at }, object, ...args.map((a) => a.value));
    }
    if (slice?.[0]) {
      const items = this.#slice(slice[0]);
      return this.grow({ kind: "index", object, items, span: at }, object, ...items.map((i) => i.value));
    }
    if (axes?.[0]) return this.grow({ kind: "as-axes", value: object, axes: this.axes(axes[0]), span: at }, object);
    return AnyWord || Dot ? this.grow({ kind: "member", object, name: this.ident(only(AnyWord)), span: at }, object) : object;
  }

  #arguments(call: Cst.CallCstNode): Ast.Argument[] {
    const { argument, ListSign } = call.children;
    const semicolon = this.separated("an argument", argument, ListSign);
    return (argument ?? []).map((node): Ast.Argument => {
      const at = this.of(node);
      const name = only(node.children.AnyWord);
      const { value, axis } = this.#row(only(node.children.expression), true);
      const second = only(node.children.expression, 1);
      const inner = this.span(this.of(only(node.children.expression)).start, at.end);
      const made = node.children.Into ? this.#into(value, second, inner) : axis ? this.grow({ kind: "as-name", value, name: axis, span: inner }, value) : value;
      return { name: name ? this.ident(name) : undefined, value: made, isStatic: semicolon !== undefined && at.start > semicolon.start, span: at };
    });
  }

  #into(from: Ast.Expr, second: Cst.ExpressionCstNode | undefined, at: Span): Ast.Expr {
    const to = second ? this.expression(second) : this.missing();
    return this.grow({ kind: "into", from, to, span: at }, from, to);
  }

  #slice(node: Cst.SliceCstNode): Ast.IndexItem[] {
    const { sliceItem, Comma, SquareHere } = node.children;
    this.separated("an index", sliceItem, Comma);
    if (!sliceItem?.length && isReal(only(SquareHere))) this.problems.push({ kind: "value-missing", found: "`]`", span: this.of(node) });
    return (sliceItem ?? []).map((item) => {
      const name = only(item.children.AnyWord);
      return { axis: name ? this.ident(name) : undefined, value: this.place(only(item.children.place)), span: this.of(item) };
    });
  }

  /** A value or a range. */
  place(node: Cst.PlaceCstNode | undefined): Ast.Expr | Ast.Range {
    const at = this.of(node);
    const from = only(node?.children.expression);
    const tail = only(node?.children.rangeTail);
    if (!tail) return this.expression(from);
    const { to, step } = tail.children;
    return {
      kind: "range", from: from ? this.expression(from) : undefined, to: to ? this.expression(only(to)) : undefined,
      step: tail.children.Step ? this.expression(only(step)) : undefined, span: at,
    };
  }

  /** `a`, or `a = b` as `a == b`. */
  equation(node: Cst.EquationCstNode | undefined): Ast.Expr {
    const left = this.expression(only(node?.children.expression));
    if (!node?.children.Equals) return left;
    const right = this.expression(only(node.children.expression, 1));
    return this.grow({ kind: "binary", op: "==", left, right, span: this.of(node) }, left, right);
  }

  #group(node: Cst.GroupCstNode): Ast.Expr {
    const { equation, Comma } = node.children;
    this.separated("a value", equation, Comma);
    const elements = (equation ?? []).map((e) => this.equation(e));
    const [single] = elements;
    if (elements.length === 1 && single && !Comma?.length) return single;
    return this.grow({ kind: "tuple", elements, span: this.of(node) }, ...elements);
  }

  #list(node: Cst.ListCstNode): Ast.Expr {
    const { expression, Comma, For, Word, place, count } = node.children;
    if (count) return this.#repeated(this.expression(only(expression)), this.expression(only(count)), this.of(node));
    if (For) {
      const element = this.expression(only(expression));
      const source = this.place(only(place));
      return this.grow({ kind: "comprehension", element, name: this.ident(only(Word)), source, span: this.of(node) }, element, source);
    }
    this.separated("an element", expression, Comma);
    const elements = (expression ?? []).map((e) => this.expression(e));
    return this.grow({ kind: "list", elements, span: this.of(node) }, ...elements);
  }

  /** `[0; 12]`: the same value twelve times; of an open one, twelve open values. */
  #repeated(element: Ast.Expr, count: Ast.Expr, span: Span): Ast.Expr {
    if (element.kind === "open" && !element.count) return this.grow({ ...element, count, span }, element, count);
    const from: Ast.Expr = { kind: "number", value: 0, isInteger: true, span: count.span };
    const source: Ast.Range = { kind: "range", from, to: count, step: undefined, span: count.span };
    // No name that a file could write.
    return this.grow({ kind: "comprehension", element, name: { name: " ", span: count.span }, source, span }, element, count);
  }

  #record(node: Cst.RecordLiteralCstNode, type: Ast.Expr | undefined, start: number): Ast.Expr {
    const { entry, Comma } = node.children;
    this.apart("field", entry, Comma);
    const fields = (entry ?? []).map((e) => ({ name: this.ident(only(e.children.AnyWord)), value: this.expression(only(e.children.expression)) }));
    return this.grow({ kind: "record-literal", type, fields, span: this.span(start, this.of(node).end) }, ...fields.map((f) => f.value));
  }

  #if(node: Cst.IfExpressionCstNode): Ast.Expr {
    const { If, expression, block, Else } = node.children;
    const whole = this.of(node);
    const conditions = (expression ?? []).map((e) => this.expression(e));
    const blocks = (block ?? []).map((b) => this.block(b));
    if (conditions.length > TALLEST) return this.#tooTall(whole);
    const last = blocks[conditions.length];
    if (!last && (Else?.length ?? 0) < conditions.length) this.problems.push({ kind: "else-missing", span: this.at(only(If)) });
    let otherwise: Ast.Block = last ?? { kind: "block", statements: [], result: undefined, span: this.span(whole.end, whole.end) };
    for (let i = conditions.length - 1; i >= 0; i--) {
      const condition = conditions[i] ?? this.missing();
      const then = blocks[i] ?? otherwise;
      const at = this.span(this.at(only(If, i)).start, whole.end);
      const made = this.grow({ kind: "if", condition, then, otherwise, span: at }, condition, then, otherwise);
      if (i === 0) return made;
      otherwise = { kind: "block", statements: [], result: made, span: at };
      this.#heights.set(otherwise, this.#heights.get(made) ?? 0);
    }
    return this.missing();
  }

  #repeat(node: Cst.RepeatExpressionCstNode): Ast.Expr {
    const { index, place, name, start, block } = node.children;
    const over = this.place(only(place));
    const isIndexed = index !== undefined;
    if (!isIndexed && over.kind === "range") this.problems.push({ kind: "unexpected", found: "a range", expected: ["a count", "`i in` before the range"], span: over.span });
    if (isIndexed && over.kind !== "range") this.problems.push({ kind: "unexpected", found: "one value", expected: ["a range"], span: over.span });
    const range: Ast.Range | undefined = isIndexed ? (over.kind === "range" ? over : { kind: "range", from: undefined, to: over, step: undefined, span: over.span }) : undefined;
    const from = this.expression(only(start));
    const body = this.block(only(block));
    return this.grow({
      kind: "repeat", index: isIndexed ? this.ident(only(index)) : undefined, range, count: isIndexed || over.kind === "range" ? undefined : over,
      name: this.ident(only(name)), from, body, span: this.of(node),
    }, from, body, over);
  }

  // ── blocks ──
  block(node: Cst.BlockCstNode | undefined): Ast.Block {
    const list = node?.children.statement;
    this.apart("statement", list, node?.children.Semicolon);
    const statements = (list ?? []).map((s) => this.#statement(s));
    const last = statements[statements.length - 1];
    const result = last?.kind === "expression" ? last.value : undefined;
    if (result) statements.pop();
    const block: Ast.Block = { kind: "block", statements, result, span: this.of(node) };
    let height = this.#heights.get(result ?? {}) ?? 0;
    for (const s of statements) height = Math.max(height, this.#heights.get(s.value) ?? 0);
    this.#heights.set(block, height);
    return block;
  }

  #statement(node: Cst.StatementCstNode): Ast.Statement {
    const { letStatement, value, Assign, assigned } = node.children;
    if (letStatement?.[0]) return this.let(letStatement[0]);
    const left = this.expression(only(value));
    const at = this.of(node);
    if (!Assign) return { kind: "expression", value: left, span: at };
    const right = this.expression(only(assigned));
    if (left.kind !== "name") this.problems.push({ kind: "target-not-name", found: left.kind === "member" ? `a member` : "an expression", span: left.span });
    return { kind: "assign", name: left.kind === "name" ? { name: left.name, span: left.span } : { name: "", span: left.span }, value: right, span: at };
  }

  let(node: Cst.LetStatementCstNode): Ast.Let {
    const { Word, names, type, expression } = node.children;
    const group = only(names);
    const at = this.of(node);
    if (group) this.separatedWords(group);
    return {
      kind: "let", names: group ? (group.children.Word ?? []).map((w) => this.ident(w)) : [this.ident(only(Word))], destructures: group !== undefined,
      type: type ? this.type(only(type)) : undefined, value: this.expression(only(expression)), span: at, doc: this.doc(at),
    };
  }

  separatedWords(node: Cst.NamesCstNode): void {
    const nodes = (node.children.Word ?? []).map((w): CstNode => ({ name: "word", children: {}, location: { startOffset: w.startOffset, endOffset: w.endOffset ?? w.startOffset } }));
    this.separated("a name", nodes, node.children.Comma);
  }

  // ── types ──
  type(node: Cst.TypeCstNode | undefined): Ast.TypeExpr {
    const at = this.of(node);
    const c = node?.children;
    if (c?.tupleType?.[0]) {
      const { type, Comma } = c.tupleType[0].children;
      this.separated("a type", type, Comma);
      return { kind: "tuple-type", elements: (type ?? []).map((e) => this.type(e)), span: at };
    }
    if (c?.recordType?.[0]) {
      const { field, Comma } = c.recordType[0].children;
      this.apart("field", field, Comma);
      return { kind: "record-type", fields: (field ?? []).map((f) => this.field(f)), span: at };
    }
    if (c?.LeftSquare) return { kind: "list-type", element: this.type(only(c.type)), span: at };
    const path = this.path(only(c?.path));
    const [head] = path;
    const axes = only(c?.axes);
    const dtype = head && path.length === 1 && ELEMENT_TYPES.some((d) => d === head.name);
    if (!axes && !dtype) return { kind: "named-type", path, span: at };
    if (!dtype && head && head.name !== "") this.problems.push({ kind: "element-type-unknown", name: path.map((p) => p.name).join("."), known: ELEMENT_TYPES, span: this.span(head.span.start, path[path.length - 1]?.span.end ?? head.span.end) });
    return { kind: "tensor-type", dtype: dtype ? head.name : "f32", axes: axes ? this.axes(axes) : [], span: at };
  }

  /** A type that must have axes or be a scalar of a tensor. */
  tensorType(node: Cst.TypeCstNode | undefined): Ast.TensorType {
    const type = this.type(node);
    if (type.kind === "tensor-type") return type;
    if (type.kind !== "named-type" || type.path[0]?.name !== "") this.problems.push({ kind: "unexpected", found: "another type", expected: ["a tensor type like `f32[B, N]`"], span: type.span });
    return { kind: "tensor-type", dtype: "f32", axes: [], span: type.span };
  }

  field(node: Cst.FieldCstNode | Cst.ParamCstNode): Ast.Param {
    const { type, Equals, expression } = node.children;
    const name = "AnyWord" in node.children ? node.children.AnyWord : "Word" in node.children ? node.children.Word : undefined;
    return { name: this.ident(only(name)), type: type ? this.type(only(type)) : undefined, default: Equals ? this.expression(only(expression)) : undefined, span: this.of(node) };
  }

  axes(node: Cst.AxesCstNode): Ast.AxisExpr[] {
    const { axis, Comma } = node.children;
    this.separated("an axis", axis, Comma);
    return (axis ?? []).map((a) => this.#axis(a));
  }

  #axis(node: Cst.AxisCstNode): Ast.AxisExpr {
    const at = this.of(node);
    const { Ellipsis, Some, equation } = node.children;
    if (Ellipsis) return { kind: "rest", span: at };
    const sides = equation?.[0]?.children;
    const left = this.expression(only(sides?.expression));
    if (Some) {
      if (left.kind === "binary" && left.op === "<=" && left.left.kind === "name") return { kind: "some", name: { name: left.left.name, span: left.left.span }, bound: left.right, span: at };
      this.problems.push({ kind: "unexpected", found: "no bound", expected: ["`some K <= N`"], span: at });
      return { kind: "sized", size: left, span: at };
    }
    if (left.kind !== "name") {
      if (sides?.Equals) this.problems.push({ kind: "unexpected", found: "`=`", expected: ["a name before it"], span: this.at(only(sides.Equals)) });
      return { kind: "sized", size: left, span: at };
    }
    return { kind: "axis", name: { name: left.name, span: left.span }, size: sides?.Equals ? this.expression(only(sides.expression, 1)) : undefined, span: at };
  }

  // ── texts ──
  text(t: IToken | undefined): string {
    if (!isReal(t)) return "";
    const closed = t.image.length > 1 && t.image.endsWith('"');
    const inner = t.image.slice(1, closed ? -1 : undefined);
    if (!inner.includes("\\")) return inner;
    return inner.replace(/\\(u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|.|$)/gsu, (written, body: string, offset: number) => {
      const simple = ESCAPES[body];
      if (simple !== undefined) return simple;
      const code = body.length > 1 ? Number.parseInt(body.replace(/[u{}]/g, ""), 16) : Number.NaN;
      if (code <= 0x10ffff) return String.fromCodePoint(code);
      const start = t.startOffset + 1 + offset;
      if (closed || body !== "") this.problems.push({ kind: "escape-unknown", escape: written, span: this.span(start, Math.min(start + written.length, endOf(t))) });
      return body;
    });
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Operands and operators of one row, folded by precedence. Prefixes bind tighter than all but `^`, which binds to the right. */
class Row {
  readonly #owner: Expressions;
  readonly #operands: readonly Cst.OperandCstNode[];
  readonly #operators: readonly IToken[];
  #next = 0;
  #end = 0;

  constructor(owner: Expressions, operands: readonly Cst.OperandCstNode[], operators: readonly IToken[]) {
    this.#owner = owner;
    this.#operands = operands;
    this.#operators = operators;
  }

  climb(lowest: number): Ast.Expr {
    const start = this.#start();
    let left = this.#prefixed();
    for (;;) {
      const operator = this.#operators[this.#next - 1];
      const precedence = PRECEDENCE[operator?.image ?? ""] ?? 0;
      if (!operator || precedence < lowest) return left;
      const right = this.climb(precedence + 1);
      left = this.#owner.grow({ kind: "binary", op: operator.image as Ast.BinaryOp, left, right, span: this.#owner.span(start, this.#end) }, left, right);
    }
  }

  #start(): number {
    return this.#owner.of(this.#operands[this.#next]).start;
  }

  #prefixed(): Ast.Expr {
    const node = this.#operands[this.#next];
    this.#next++;
    if (!node) return this.#owner.missing();
    const { value: base, start, end } = this.#owner.operand(node, this.#next === this.#operands.length);
    this.#end = end;
    let value = base;
    const operator = this.#operators[this.#next - 1];
    if (operator?.image === "^") {
      const right = this.#prefixed();
      value = this.#owner.grow({ kind: "binary", op: "^", left: base, right, span: this.#owner.span(start, this.#end) }, base, right);
    }
    for (const prefix of [...(node.children.PrefixSign ?? [])].reverse()) {
      const op = prefix.tokenType === token("Not") ? "not" : "-";
      value = this.#owner.grow({ kind: "unary", op, operand: value, span: this.#owner.span(prefix.startOffset, this.#end) }, value);
    }
    return value;
  }
}
