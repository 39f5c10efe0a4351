// Names inside of declarations: signatures, types, blocks and expressions, walked with the scopes in force.
import type { Value } from "../../compiler/elaborate/value.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { named } from "./layers.ts";
import type { Meaning, NameKind, Occurrence } from "./meaning.ts";
import { memberOf } from "./member-names.ts";
import type { ModuleNames } from "./module-names.ts";
import { observed } from "./observed.ts";
import { paramsOf } from "./parameters.ts";
import type { Scopes } from "./scopes.ts";
import type { Analysis } from "./analysis.ts";

/** Of one declaration. */
export class BodyNames {
  readonly #analysis: Analysis;
  readonly #module: ModuleNames;
  readonly #declaration: Ast.Declaration;
  readonly #withMembers: boolean;
  readonly found: Occurrence[] = [];

  /** See `namesOf`. */
  constructor(analysis: Analysis, module: ModuleNames, declaration: Ast.Declaration, withMembers: boolean) {
    this.#analysis = analysis;
    this.#module = module;
    this.#declaration = declaration;
    this.#withMembers = withMembers;
  }

  add(span: Span, means: Meaning | undefined): void {
    if (means && span.end > span.start) this.found.push({ span, means });
  }

  bind(scopes: Scopes, name: Ast.Ident, kind: NameKind, node?: Meaning["node"]): void {
    const means = this.#module.meaning(name, kind, node ? { node } : {});
    scopes.set(means);
    this.add(name.span, means);
  }

  signature(s: Ast.Signature, scopes: Scopes, body: Ast.Block | undefined): void {
    for (const p of [...s.params, ...s.statics]) this.param(p, scopes, "parameter");
    if (s.resultName) this.bind(scopes, s.resultName, "value");
    this.type(s.result, scopes);
    for (const w of s.where) this.expr(w, scopes);
    if (body) this.block(body, scopes);
  }

  param(p: Ast.Param, scopes: Scopes, kind: NameKind): void {
    this.type(p.type, scopes);
    if (p.default) this.expr(p.default, scopes);
    this.bind(scopes, p.name, kind, p);
  }

  let(l: Ast.Let, scopes: Scopes, kind: NameKind): void {
    this.type(l.type, scopes);
    this.expr(l.value, scopes);
    for (const name of l.names) this.bind(scopes, name, kind, l);
  }

  type(type: Ast.TypeExpr | undefined, scopes: Scopes): void {
    switch (type?.kind) {
      case "tensor-type": this.#axes(type.axes, scopes); return;
      case "named-type": this.path(type.path, scopes); return;
      case "list-type": this.type(type.element, scopes); return;
      case "tuple-type": for (const t of type.elements) this.type(t, scopes); return;
      case "record-type": for (const f of type.fields) { this.type(f.type, scopes); this.add(f.name.span, this.#module.meaning(f.name, "field", { node: f })); } return;
      default: return;
    }
  }

  #axes(axes: readonly Ast.AxisExpr[], scopes: Scopes): void {
    for (const a of axes) {
      if (a.kind === "axis" || a.kind === "some") this.axis(a.name, scopes);
      if (a.kind === "axis" && a.size) this.expr(a.size, scopes);
      if (a.kind === "sized") this.expr(a.size, scopes);
      if (a.kind === "some") this.expr(a.bound, scopes);
    }
  }

  axis(name: Ast.Ident, scopes: Scopes): void {
    const means = scopes.axes.get(name.name) ?? this.#module.meaning(name, "axis");
    if (name.name !== "") scopes.axes.set(name.name, means);
    this.add(name.span, means);
  }

  path(path: readonly Ast.Ident[], scopes: Scopes): void {
    const [first, second] = path;
    const means = first && (scopes.get(first.name) ?? this.#module.prelude(first.name));
    if (first) this.add(first.span, means);
    const declaration = second && means?.module?.declared.get(second.name);
    if (second && declaration && declaration.kind !== "check" && declaration.kind !== "compress") this.add(second.span, this.#module.declared(declaration, declaration.name));
  }

  block(block: Ast.Block, outer: Scopes): void {
    const scopes = outer.inner();
    for (const s of block.statements) {
      if (s.kind === "let") this.let(s, scopes, "value");
      else if (s.kind === "assign") {
        this.add(s.name.span, scopes.get(s.name.name));
        this.expr(s.value, scopes);
      } else this.expr(s.value, scopes);
    }
    if (block.result) this.expr(block.result, scopes);
  }

  expr(x: Ast.Expr, scopes: Scopes): void {
    switch (x.kind) {
      case "number": case "string": case "bool": return;
      case "name": this.#name(x, scopes); return;
      case "member": this.expr(x.object, scopes); this.#member(x, scopes); return;
      case "call": this.#call(x, scopes); return;
      case "index":
        this.expr(x.object, scopes);
        for (const item of x.items) {
          if (item.axis) this.axis(item.axis, scopes);
          this.#rangeOrExpr(item.value, scopes);
        }
        return;
      case "unary": this.expr(x.operand, scopes); return;
      case "binary": this.expr(x.left, scopes); this.expr(x.right, scopes); return;
      case "if": this.expr(x.condition, scopes); this.block(x.then, scopes); this.block(x.otherwise, scopes); return;
      case "repeat": {
        if (x.range) this.#rangeOrExpr(x.range, scopes);
        if (x.count) this.expr(x.count, scopes);
        this.expr(x.from, scopes);
        const inner = scopes.inner();
        if (x.index) this.bind(inner, x.index, "value");
        this.bind(inner, x.name, "value");
        this.block(x.body, inner);
        return;
      }
      case "list": case "tuple": for (const e of x.elements) this.expr(e, scopes); return;
      case "comprehension": {
        this.#rangeOrExpr(x.source, scopes);
        const inner = scopes.inner();
        this.bind(inner, x.name, "value");
        this.expr(x.element, inner);
        return;
      }
      case "record-literal": {
        if (x.type) this.expr(x.type, scopes);
        const type = x.type && named(x.type, this.#analysis.module.scope);
        for (const f of x.fields) {
          const field = type?.kind === "record-type" ? type.decl.fields.find((p) => p.name.name === f.name.name) : undefined;
          this.add(f.name.span, field ? this.#module.meaning(field.name, "field", { node: field }) : this.#output(f.name) ?? this.#module.meaning(f.name, "field"));
          this.expr(f.value, scopes);
        }
        return;
      }
      case "as-axes": this.expr(x.value, scopes); this.#axes(x.axes, scopes); return;
      case "as-name": this.expr(x.value, scopes); this.axis(x.name, scopes); return;
      case "into": this.expr(x.from, scopes); this.expr(x.to, scopes); return;
    }
  }

  /** A field of what a pipeline promises. */
  #output(name: Ast.Ident): Meaning | undefined {
    const d = this.#declaration;
    const type = d?.kind === "pipeline" ? d.signature.result : undefined;
    const field = type?.kind === "record-type" ? type.fields.find((f) => f.name.name === name.name) : undefined;
    return field && this.#module.meaning(field.name, "field", { node: field });
  }

  #rangeOrExpr(x: Ast.Expr | Ast.Range, scopes: Scopes): void {
    if (x.kind !== "range") this.expr(x, scopes);
    else for (const e of [x.from, x.to, x.step]) if (e) this.expr(e, scopes);
  }

  #name(x: Ast.Name, scopes: Scopes): void {
    const means = scopes.get(x.name);
    if (means) return this.add(x.span, means);
    const axis = scopes.axes.get(x.name);
    if (axis) return this.add(x.span, axis);
    const prelude = this.#module.prelude(x.name);
    if (prelude) return this.add(x.span, prelude);
    // A bare word with a capital that nothing binds is an axis that an operation makes.
    if (/^\p{Lu}/u.test(x.name)) this.axis(x, scopes);
  }

  #call(x: Ast.Call, scopes: Scopes): void {
    this.expr(x.callee, scopes);
    const params = this.#paramsOf(x.callee, scopes);
    for (const a of x.args) {
      if (a.name) {
        const p = params.find((q) => q.name.name === a.name?.name);
        if (p) this.add(a.name.span, this.#module.meaning(p.name, "parameter", { node: p }));
      }
      this.expr(a.value, scopes);
    }
  }

  #paramsOf(callee: Ast.Expr, scopes: Scopes): readonly Ast.Param[] {
    if (callee.kind === "name") {
      const means = scopes.get(callee.name) ?? this.#module.prelude(callee.name);
      const node = means?.node;
      if (node && "kind" in node && node.kind === "fn") return paramsOf(node);
      if (means?.declaration) return paramsOf(means.declaration);
      if (node && "kind" in node && node.kind === "sub-layer") {
        const value = named(node.layer.callee, this.#analysis.module.scope);
        return value?.kind === "layer-type" && value.decl.forward ? [...value.decl.forward.signature.params, ...value.decl.forward.signature.statics] : [];
      }
      return [];
    }
    const value = named(callee, this.#analysis.module.scope) ?? this.#valueOf(callee);
    return value && "decl" in value && value.kind !== "model" && value.kind !== "sites" ? paramsOf(value.decl) : [];
  }

  #valueOf(x: Ast.Expr): Value | undefined {
    return this.#withMembers && this.#declaration ? observed(this.#analysis, this.#declaration).values.get(x) : undefined;
  }

  #member(x: Ast.Member, scopes: Scopes): void {
    const { object, name } = x;
    if (object.kind === "name") {
      if (object.name === "down" && scopes.get(`down.${name.name}`)) {
        const means = scopes.get(`down.${name.name}`) as Meaning;
        return this.add(name.span, { ...means, name: name.name });
      }
      const declaration = scopes.get(object.name)?.module?.declared.get(name.name);
      if (declaration && declaration.kind !== "check" && declaration.kind !== "compress") return this.add(name.span, this.#module.declared(declaration, declaration.name));
    }
    const value = this.#valueOf(object);
    const means = value && memberOf(value, name, scopes, this.#module);
    if (means) this.add(name.span, means);
  }
}
