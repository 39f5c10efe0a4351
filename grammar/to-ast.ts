// Concrete declarations to abstract ones. Total: a partial tree gives a partial declaration, or none where even its name is missing.
import type { CstNode } from "chevrotain";
import type * as Ast from "./ast.ts";
import type * as Cst from "./cst.d.ts";
import { type Expressions, only } from "./expressions.ts";
import type { SyntaxProblem } from "./problem.ts";
import type { Span } from "./source.ts";

/** Types that only compile-time values have. */
const STATIC_TYPES = new Set(["Int", "Float", "Bool", "Str", "Dim", "Grid", "Word", "Axis", "Axes", "Site", "DType", "Into", "Config"]);

export class Declarations {
  readonly x: Expressions;

  constructor(expressions: Expressions) {
    this.x = expressions;
  }

  get problems(): SyntaxProblem[] {
    return this.x.problems;
  }

  use(node: Cst.UseDeclarationCstNode): Ast.Use {
    const { path, ParenHere, names, alias } = node.children;
    const span = this.x.of(node);
    return { kind: "use", path: this.x.path(only(path)), names: ParenHere ? (names ?? []).map((n) => this.x.ident(n)) : undefined, alias: alias ? this.x.ident(only(alias)) : undefined, span };
  }

  declaration(node: Cst.DeclarationCstNode): Ast.Declaration | undefined {
    const c = node.children;
    const one = <N extends CstNode, D>(list: readonly N[] | undefined, make: (n: N) => D): D | undefined => (list?.[0] ? make(list[0]) : undefined);
    return one(c.fnDeclaration, (n) => this.fn(n)) ?? one(c.letStatement, (n) => this.#const(n)) ?? one(c.recordDeclaration, (n) => this.#record(n)) ?? one(c.sitesDeclaration, (n) => this.#sites(n))
      ?? one(c.layerDeclaration, (n) => this.#layer(n)) ?? one(c.foldDeclaration, (n) => this.#fold(n)) ?? one(c.rewriteDeclaration, (n) => this.#rewrite(n))
      ?? one(c.tokenizerDeclaration, (n) => this.#tokenizer(n)) ?? one(c.decodeDeclaration, (n) => this.#decode(n)) ?? one(c.modelDeclaration, (n) => this.#model(n))
      ?? one(c.compressDeclaration, (n) => this.#compress(n)) ?? one(c.dataDeclaration, (n) => this.#data(n)) ?? one(c.pipelineDeclaration, (n) => this.#pipeline(n))
      ?? one(c.checkDeclaration, (n) => this.#check(n));
  }

  // ── functions ──
  fn(node: Cst.FnDeclarationCstNode): Ast.FnDecl {
    const { Extern, Word, signature, block } = node.children;
    const span = this.x.of(node);
    const name = this.x.ident(only(Word));
    const extern = Extern !== undefined;
    const body = block ? this.x.block(only(block)) : undefined;
    if (!extern && !body && !node.recoveredNode && !signature?.[0]?.recoveredNode) this.problems.push({ kind: "body-missing", name: name.name, span: name.span });
    if (extern && body) this.problems.push({ kind: "body-surplus", name: name.name, span: name.span });
    return { kind: "fn", extern, name, doc: this.x.doc(span), signature: this.signature(only(signature)), body: extern ? undefined : (body ?? this.#empty(span)), span };
  }

  #empty(after: Span): Ast.Block {
    return { kind: "block", statements: [], result: undefined, span: this.x.span(after.end, after.end) };
  }

  signature(node: Cst.SignatureCstNode | undefined): Ast.Signature {
    return this.#signature(only(node?.children.inputs), only(node?.children.outputs), this.x.of(node));
  }

  #signature(inputs: Cst.InputsCstNode | undefined, outputs: Cst.OutputsCstNode | undefined, span: Span): Ast.Signature {
    const { params, statics, semicolon } = this.#inputs(inputs);
    if (semicolon) this.#sides(params, statics, semicolon);
    const { resultName, type, whereClauses } = outputs?.children ?? {};
    return {
      params, statics, resultName: resultName ? this.x.ident(only(resultName)) : undefined, result: type ? this.x.type(only(type)) : undefined,
      where: this.#where(only(whereClauses)), span,
    };
  }

  #inputs(node: Cst.InputsCstNode | undefined): { params: Ast.Param[]; statics: Ast.Param[]; semicolon: Span | undefined } {
    const { param, ListSign } = node?.children ?? {};
    const semicolon = this.x.separated("a parameter", param, ListSign);
    const all = (param ?? []).map((p) => this.x.field(p));
    if (!semicolon) return { params: all, statics: [], semicolon };
    return { params: all.filter((p) => p.span.start < semicolon.start), statics: all.filter((p) => p.span.start > semicolon.start), semicolon };
  }

  /** Tensors stand before `;`, compile-time values after it. */
  #sides(params: readonly Ast.Param[], statics: readonly Ast.Param[], semicolon: Span): void {
    for (const p of params) {
      const type = p.type?.kind === "list-type" ? p.type.element : p.type;
      const [name] = type?.kind === "named-type" ? type.path : [];
      if (type && name && STATIC_TYPES.has(name.name)) this.problems.push({ kind: "static-before-semicolon", name: p.name.name, type: name.name, semicolon, span: p.span });
    }
    for (const p of statics) if (p.type?.kind === "tensor-type" && p.type.axes.length > 0) this.problems.push({ kind: "tensor-after-semicolon", name: p.name.name, type: p.type.dtype, semicolon, span: p.span });
  }

  /** Parameters of what has compile-time ones only. */
  #params(node: Cst.InputsCstNode | undefined): Ast.Param[] {
    const { params, statics, semicolon } = this.#inputs(node);
    if (semicolon) this.problems.push({ kind: "unexpected", found: "`;`", expected: ["`,`: all parameters here are known at compile time"], span: semicolon });
    return [...params, ...statics];
  }

  #where(node: Cst.WhereClausesCstNode | undefined): Ast.Expr[] {
    return (node?.children.equation ?? []).map((e) => this.x.equation(e));
  }

  #const(node: Cst.LetStatementCstNode): Ast.LetDecl {
    const made = this.x.let(node);
    const [name] = made.names;
    if (made.destructures) this.problems.push({ kind: "unexpected", found: "several names", expected: ["one name: a constant of a module is one value"], span: made.span });
    return { kind: "const", name: name ?? { name: "", span: made.span }, type: made.type, value: made.value, doc: made.doc, span: made.span };
  }

  // ── records, sites, layers ──
  #record(node: Cst.RecordDeclarationCstNode): Ast.RecordDecl {
    const { Word, recordMember, Comma } = node.children;
    const span = this.x.of(node);
    this.x.apart("member", recordMember, Comma);
    const members = (recordMember ?? []).map((m) => m.children);
    return {
      kind: "record", name: this.x.ident(only(Word)), doc: this.x.doc(span),
      fields: members.flatMap((m) => m.field?.map((f) => this.x.field(f)) ?? []),
      lets: members.flatMap((m) => m.letStatement?.map((l) => this.x.let(l)) ?? []),
      methods: members.flatMap((m) => m.fnDeclaration?.map((f) => this.fn(f)) ?? []), span,
    };
  }

  #siteList(node: Cst.SiteListCstNode | undefined): { sites: { name: Ast.Ident; path: Ast.Ident[] | undefined }[]; places: Ast.SitesDecl["places"] } {
    const { site, Comma } = node?.children ?? {};
    this.x.apart("site", site, Comma);
    const all = (site ?? []).map((s) => ({ at: this.#selector(only(s.children.selector)), span: this.x.of(s), ...s.children }));
    for (const { at, StringText } of all) if (!StringText && (at.segments.length > 1 || at.segments[0]?.index)) this.problems.push({ kind: "unexpected", found: "a path", expected: ["one name, or a path with the name of a tensor: `blocks[0].keys = \"…\"`"], span: at.span });
    return {
      sites: all.flatMap(({ at, StringText, Equals, path }) => (StringText ? [] : [{ name: at.segments[0]?.name ?? { name: "", span: at.span }, path: Equals ? this.x.path(only(path)) : undefined }])),
      places: all.flatMap(({ at, StringText, axes, span }) => (StringText ? [{ at, tensor: { name: this.x.text(only(StringText)), span: this.x.at(only(StringText)) }, axes: axes?.[0] && this.x.axes(axes[0]), span }] : [])),
    };
  }

  #sites(node: Cst.SitesDeclarationCstNode): Ast.SitesDecl {
    const { name, model, siteList } = node.children;
    const span = this.x.of(node);
    return { kind: "sites", name: this.x.ident(only(name)), doc: this.x.doc(span), model: model ? this.x.ident(only(model)) : undefined, ...this.#siteList(only(siteList)), span };
  }

  #layer(node: Cst.LayerDeclarationCstNode): Ast.LayerDecl {
    const { Word, inputs, Offers, path, siteList, whereClauses, layerMember } = node.children;
    const span = this.x.of(node);
    this.x.apart("member", layerMember);
    const name = this.x.ident(only(Word));
    const forwards = (layerMember ?? []).flatMap((m) => m.children.forward ?? []);
    const [first] = forwards;
    for (const again of forwards.slice(1)) this.problems.push({ kind: "forward-again", layer: name.name, first: this.x.of(first), span: this.x.of(only(again.children.signature)) });
    const offered = this.#siteList(only(siteList)).sites.map((s) => ({ name: s.name, path: s.path ?? [s.name] }));
    return {
      kind: "layer", name, doc: this.x.doc(span), params: this.#params(only(inputs)), offers: Offers ? this.#path(only(path)) : undefined, offered, where: this.#where(only(whereClauses)),
      members: (layerMember ?? []).flatMap((m) => this.#layerMember(m)),
      forward: first ? { signature: this.signature(only(first.children.signature)), body: this.x.block(only(first.children.block)) } : undefined,
      methods: (layerMember ?? []).flatMap((m) => m.children.fnDeclaration?.map((f) => this.fn(f)) ?? []), span,
    };
  }

  #path(node: Cst.PathCstNode | undefined): Ast.Path {
    return { kind: "path", segments: this.x.path(node), span: this.x.of(node) };
  }

  #layerMember(node: Cst.LayerMemberCstNode): Ast.LayerMember[] {
    const { subLayer, weight, letStatement } = node.children;
    if (subLayer?.[0]) return [this.#subLayer(subLayer[0])];
    if (weight?.[0]) return [this.#weight(weight[0])];
    return letStatement?.[0] ? [this.x.let(letStatement[0])] : [];
  }

  #subLayer(node: Cst.SubLayerCstNode): Ast.SubLayer {
    const { Word, SquareHere, count, layer, naming, condition } = node.children;
    const span = this.x.of(node);
    return {
      kind: "sub-layer", name: this.x.ident(only(Word)), count: SquareHere ? this.x.expression(only(count)) : undefined, layer: this.#call(only(layer)),
      ...this.#naming(only(naming)), when: this.#condition(only(condition)), doc: this.x.doc(span), span,
    };
  }

  #naming(node: Cst.NamingCstNode | undefined): { named: string | undefined } {
    return { named: node ? this.x.text(only(node.children.StringText)) : undefined };
  }

  #condition(node: Cst.ConditionCstNode | undefined): Ast.Expr | undefined {
    return node ? this.x.expression(only(node.children.expression)) : undefined;
  }

  #weight(node: Cst.WeightCstNode): Ast.WeightParam {
    const { Word, type, Equals, expression, naming, condition } = node.children;
    const span = this.x.of(node);
    return {
      kind: "param", name: this.x.ident(only(Word)), type: this.x.tensorType(only(type)), ...this.#naming(only(naming)), when: this.#condition(only(condition)),
      default: Equals ? this.x.expression(only(expression)) : undefined, doc: this.x.doc(span), span,
    };
  }

  /** `Linear(a, b)`; anything else is a mistake. */
  #call(node: Cst.ExpressionCstNode | undefined): Ast.Call {
    const value = this.x.expression(node);
    if (value.kind === "call") return value;
    if (value.kind !== "name" || value.name !== "") this.problems.push({ kind: "call-expected", found: value.kind === "name" ? value.name : "", span: value.span });
    return { kind: "call", callee: value, args: [], span: value.span };
  }

  // ── folds, rewrites, decoders, tokenizers ──
  #fold(node: Cst.FoldDeclarationCstNode): Ast.FoldDecl {
    const { name, inputs, from, to, whereClauses, foldMember } = node.children;
    const span = this.x.of(node);
    this.x.apart("member", foldMember);
    return {
      kind: "fold", name: this.x.ident(only(name)), doc: this.x.doc(span), params: this.#params(only(inputs)), from: this.x.ident(only(from)), to: this.x.ident(only(to)),
      where: this.#where(only(whereClauses)), members: (foldMember ?? []).flatMap((m) => this.#foldMember(m)), span,
    };
  }

  #foldMember(node: Cst.FoldMemberCstNode): Ast.FoldMember[] {
    const { carry, hook, down, up, fnDeclaration, letStatement } = node.children;
    if (carry?.[0]) return [this.#carry(carry[0])];
    if (hook?.[0]) return [this.#hook(hook[0])];
    if (down?.[0]) return [this.#down(down[0])];
    if (up?.[0]) return [this.#up(up[0])];
    if (fnDeclaration?.[0]) return [this.fn(fnDeclaration[0])];
    return letStatement?.[0] ? [this.x.let(letStatement[0])] : [];
  }

  #carry(node: Cst.CarryCstNode): Ast.Carry {
    const { name, type, expression, by } = node.children;
    const span = this.x.of(node);
    return { kind: "carry", name: this.x.ident(only(name)), type: this.x.tensorType(only(type)), init: this.x.expression(only(expression)), by: this.x.ident(only(by)), doc: this.x.doc(span), span };
  }

  #hook(node: Cst.HookCstNode): Ast.Hook {
    const { Word, signature, condition, block } = node.children;
    const span = this.x.of(node);
    return {
      kind: "hook", site: this.x.ident(only(Word)), signature: this.signature(only(signature)), when: this.#condition(only(condition)), body: this.x.block(only(block)),
      doc: this.x.doc(span), span,
    };
  }

  #down(node: Cst.DownCstNode): Ast.Down | Ast.Companion {
    const { inputs, reads, outputs, block, name, by } = node.children;
    const span = this.x.of(node);
    if (!inputs && name) return { kind: "companion", name: this.x.ident(only(name)), by: this.x.ident(only(by)), span };
    const first = this.x.of(only(inputs));
    const last = [this.x.of(only(reads)), this.x.of(only(outputs))].reduce((end, s) => Math.max(end, s.end), first.end);
    return {
      kind: "down", signature: this.#signature(only(inputs), only(outputs), this.x.span(first.start, last)), reads: (reads?.[0]?.children.read ?? []).map((r) => this.#read(r)),
      body: this.x.block(only(block)), doc: this.x.doc(span), span,
    };
  }

  #read(node: Cst.ReadCstNode): Ast.Down["reads"][number] {
    const { name, site, type } = node.children;
    return { name: this.x.ident(only(name)), site: site ? this.x.ident(only(site)) : undefined, type: this.x.tensorType(only(type)) };
  }

  #up(node: Cst.UpCstNode): Ast.Up {
    const span = this.x.of(node);
    return { kind: "up", signature: this.signature(only(node.children.signature)), body: this.x.block(only(node.children.block)), doc: this.x.doc(span), span };
  }

  #rewrite(node: Cst.RewriteDeclarationCstNode): Ast.RewriteDecl {
    const { Word, inputs, whereClauses, rewriteMember } = node.children;
    const span = this.x.of(node);
    this.x.apart("member", rewriteMember);
    const members = (rewriteMember ?? []).flatMap(({ children: m }): (Ast.Hook | Ast.FnDecl | Ast.Let)[] =>
      m.hook?.[0] ? [this.#hook(m.hook[0])] : m.fnDeclaration?.[0] ? [this.fn(m.fnDeclaration[0])] : m.letStatement?.[0] ? [this.x.let(m.letStatement[0])] : []);
    return { kind: "rewrite", name: this.x.ident(only(Word)), doc: this.x.doc(span), params: this.#params(only(inputs)), where: this.#where(only(whereClauses)), members, span };
  }

  #decode(node: Cst.DecodeDeclarationCstNode): Ast.DecodeDecl {
    const { Word, inputs, whereClauses, decodeMember } = node.children;
    const span = this.x.of(node);
    this.x.apart("member", decodeMember);
    const members = (decodeMember ?? []).flatMap(({ children: m }): (Ast.FnDecl | Ast.Let | Ast.Carry)[] =>
      m.carry?.[0] ? [this.#carry(m.carry[0])] : m.fnDeclaration?.[0] ? [this.fn(m.fnDeclaration[0])] : m.letStatement?.[0] ? [this.x.let(m.letStatement[0])] : []);
    return { kind: "decode", name: this.x.ident(only(Word)), doc: this.x.doc(span), params: this.#params(only(inputs)), where: this.#where(only(whereClauses)), members, span };
  }

  #tokenizer(node: Cst.TokenizerDeclarationCstNode): Ast.TokenizerDecl {
    const { name, host, Equals, expression, inputs, tokenizerMember } = node.children;
    const span = this.x.of(node);
    const head = { kind: "tokenizer", name: this.x.ident(only(name)), doc: this.x.doc(span), span } as const;
    if (Equals) return { ...head, params: [], host: this.x.ident(only(host)), from: this.x.expression(only(expression)), methods: [], lets: [] };
    this.x.apart("member", tokenizerMember);
    const members = (tokenizerMember ?? []).map((m) => m.children);
    return {
      ...head, params: this.#params(only(inputs)), host: undefined, from: undefined,
      methods: members.flatMap((m) => m.method?.map((f) => this.#method(f)) ?? []), lets: members.flatMap((m) => m.letStatement?.map((l) => this.x.let(l)) ?? []),
    };
  }

  #method(node: Cst.MethodCstNode): Ast.FnDecl {
    const { Word, signature, block } = node.children;
    const span = this.x.of(node);
    return { kind: "fn", extern: false, name: this.x.ident(only(Word)), doc: this.x.doc(span), signature: this.signature(only(signature)), body: this.x.block(only(block)), span };
  }

  // ── models, data, pipelines ──
  #model(node: Cst.ModelDeclarationCstNode): Ast.ModelDecl {
    const { Word, Import, imported, layer, From, from } = node.children;
    const span = this.x.of(node);
    return {
      kind: "model", name: this.x.ident(only(Word)), doc: this.x.doc(span), layer: Import ? undefined : this.x.expression(only(layer)),
      from: From ? this.x.expression(only(from)) : undefined, imported: Import ? this.x.expression(only(imported)) : undefined, span,
    };
  }

  #data(node: Cst.DataDeclarationCstNode): Ast.DataDecl {
    const { Word, inputs, expression } = node.children;
    const span = this.x.of(node);
    return { kind: "data", name: this.x.ident(only(Word)), doc: this.x.doc(span), fields: this.#params(only(inputs)), from: this.x.expression(only(expression)), span };
  }

  #pipeline(node: Cst.PipelineDeclarationCstNode): Ast.PipelineDecl {
    const { Word, signature, block } = node.children;
    const span = this.x.of(node);
    return { kind: "pipeline", name: this.x.ident(only(Word)), doc: this.x.doc(span), signature: this.signature(only(signature)), body: this.x.block(only(block)), span };
  }

  #check(node: Cst.CheckDeclarationCstNode): Ast.CheckDecl {
    const span = this.x.of(node);
    return { kind: "check", title: this.x.text(only(node.children.StringText)), doc: this.x.doc(span), body: this.x.block(only(node.children.block)), span };
  }

  // ── compress ──
  #compress(node: Cst.CompressDeclarationCstNode): Ast.CompressDecl {
    const { target, alias, compressItem } = node.children;
    const span = this.x.of(node);
    this.x.apart("item", compressItem);
    return {
      kind: "compress", target: this.x.ident(only(target)), as: alias ? this.x.ident(only(alias)) : undefined, doc: this.x.doc(span),
      items: (compressItem ?? []).flatMap((i) => this.#item(i)), span,
    };
  }

  #item(node: Cst.CompressItemCstNode): Ast.CompressItem[] {
    const { placeFold, placeRewrite, requirement, expectation, precision } = node.children;
    if (placeFold?.[0]) return [this.#placeFold(placeFold[0])];
    if (placeRewrite?.[0]) {
      const [made] = placeRewrite;
      return [{ kind: "place-rewrite", region: this.#selector(only(made.children.selector)), with: this.#call(only(made.children.expression)), span: this.x.of(made) }];
    }
    if (requirement?.[0]) return [this.#require(requirement[0])];
    if (precision?.[0]) return [{ kind: "precision", of: this.x.ident(only(precision[0].children.Word)), span: this.x.of(precision[0]) }];
    if (!expectation?.[0]) return [];
    const { Word, Star, expression } = expectation[0].children;
    return [{ kind: "expect", what: this.x.ident(only(Word)), count: Star ? this.x.expression(only(expression)) : undefined, span: this.x.of(expectation[0]) }];
  }

  #placeFold(node: Cst.PlaceFoldCstNode): Ast.PlaceFold {
    const { axis, Protect, protect, Across, Each, In, region, afterSite, fold, unfold } = node.children;
    return {
      kind: "place-fold", axis: this.x.ident(only(axis)), protect: Protect ? this.x.expression(only(protect)) : undefined, mode: Across ? "across" : Each || In ? "each" : "at",
      region: this.#selector(only(region)), after: afterSite ? this.x.ident(only(afterSite)) : undefined, with: this.#call(only(fold)), up: this.#unfold(only(unfold)), span: this.x.of(node),
    };
  }

  #unfold(node: Cst.UnfoldCstNode | undefined): Ast.PlaceFold["up"] {
    if (!node) return undefined;
    const site = only(node.children.selector);
    return site ? { kind: "after", site: this.#selector(site) } : { kind: "none" };
  }

  #selector(node: Cst.SelectorCstNode | undefined): Ast.Selector {
    const segments = (node?.children.segment ?? []).map((s) => ({ name: this.x.ident(only(s.children.AnyWord)), index: this.#selectorIndex(s) }));
    return { kind: "selector", segments, span: this.x.of(node) };
  }

  #selectorIndex(node: Cst.SegmentCstNode): Ast.SelectorIndex | undefined {
    const { SquareHere, Star, place } = node.children;
    if (!SquareHere) return undefined;
    if (Star) return { kind: "all" };
    const value = this.x.place(only(place));
    return value.kind === "range" ? { kind: "range", from: value.from, to: value.to, step: value.step } : { kind: "at", value };
  }

  #require(node: Cst.RequirementCstNode): Ast.Require {
    const { Require, Drop, expression, On, Word } = node.children;
    const kind = Require ? "require" : "report";
    const value = this.x.expression(only(expression));
    const compares = value.kind === "binary" && (value.op === "<=" || value.op === ">=" || value.op === "<" || value.op === ">");
    if (kind === "require" && !compares && !(value.kind === "name" && value.name === "")) this.problems.push({ kind: "bound-missing", measure: "", span: value.span });
    const head = { kind, drop: Drop !== undefined, on: On ? this.x.ident(only(Word)) : undefined, span: this.x.of(node) } as const;
    if (compares) return { ...head, measure: value.left, comparison: value.op as NonNullable<Ast.Require["comparison"]>, bound: value.right };
    return { ...head, measure: value, comparison: undefined, bound: undefined };
  }
}
