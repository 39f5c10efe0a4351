// Every name of a file and what it stands for: where it is bound, and everywhere it is meant.
import type { Value } from "../../compiler/elaborate/value.ts";
import type { LoadedModule } from "../../compiler/resolve/modules.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { follow, layerOfModel, type LayerType, named, part, sitesOf } from "./layers.ts";
import { observed } from "./observed.ts";
import { fileOf } from "./places.ts";
import type { Analysis } from "./workspace.ts";

type NameKind = "declaration" | "parameter" | "value" | "axis" | "field" | "method" | "part" | "weight" | "site" | "module" | "variant" | "carry";

/** What a name stands for. Two are the same where they are bound at the same place. */
export interface Meaning {
  readonly name: string;
  readonly kind: NameKind;
  /** Absolute path of the file that binds it. */
  readonly file: string;
  readonly at: Span;
  /** What declares it, where that is a declaration. */
  readonly declaration?: Ast.Declaration;
  /** What says more of it: a parameter, a statement, a part. */
  readonly node?: Ast.Param | Ast.Let | Ast.SubLayer | Ast.WeightParam | Ast.FnDecl | Ast.Carry;
  readonly module?: LoadedModule;
}

interface Occurrence {
  readonly span: Span;
  readonly means: Meaning;
}

export const sameMeaning = (a: Meaning, b: Meaning): boolean => a.file === b.file && a.at.start === b.at.start && a.at.end === b.at.end && a.name === b.name;

/** `withMembers`: what stands behind a `.` as well, for which declarations are elaborated. */
export function namesOf(analysis: Analysis, withMembers: boolean): readonly Occurrence[] {
  const key = withMembers ? whole : lexical;
  const before = key.get(analysis);
  if (before) return before;
  const made = new Names(analysis, withMembers).all();
  key.set(analysis, made);
  return made;
}
const whole = new WeakMap<Analysis, readonly Occurrence[]>();
const lexical = new WeakMap<Analysis, readonly Occurrence[]>();

/** The occurrence that the cursor touches; of several the shortest. */
export function nameAt(analysis: Analysis, offset: number): Occurrence | undefined {
  const touching = namesOf(analysis, true).filter(({ span }) => span.file === analysis.module.path && span.start <= offset && offset <= span.end);
  return touching.sort((a, b) => a.span.end - a.span.start - (b.span.end - b.span.start))[0];
}

type Table = Map<string, Meaning>;

class Scopes {
  readonly #tables: readonly Table[];
  /** Axes, which belong to the declaration as a whole. */
  readonly axes: Table;

  constructor(tables: readonly Table[], axes: Table) {
    this.#tables = tables;
    this.axes = axes;
  }

  get(name: string): Meaning | undefined {
    for (let i = this.#tables.length - 1; i >= 0; i--) {
      const found = this.#tables[i]?.get(name);
      if (found) return found;
    }
    return undefined;
  }

  inner(): Scopes {
    return new Scopes([...this.#tables, new Map()], this.axes);
  }

  set(meaning: Meaning): void {
    if (meaning.name !== "") this.#tables[this.#tables.length - 1]?.set(meaning.name, meaning);
  }
}

class Names {
  readonly #analysis: Analysis;
  readonly #withMembers: boolean;
  readonly #found: Occurrence[] = [];
  readonly #module: Table = new Map();
  #declaration: Ast.Declaration | undefined;

  constructor(analysis: Analysis, withMembers: boolean) {
    this.#analysis = analysis;
    this.#withMembers = withMembers;
  }

  all(): readonly Occurrence[] {
    const { module } = this.#analysis;
    for (const d of module.ast.declarations) if (d.kind !== "check" && d.kind !== "compress") this.#module.set(d.name.name, this.#declared(d, d.name));
    for (const use of module.ast.uses) this.#use(use);
    for (const d of module.ast.declarations) {
      this.#declaration = d;
      this.#visit(d);
    }
    return this.#found;
  }

  // ── what names stand for ──
  #meaning(name: Ast.Ident, kind: NameKind, more: Pick<Meaning, "declaration" | "node" | "module"> = {}): Meaning {
    return { name: name.name, kind, file: fileOf(this.#analysis.root, name.span.file), at: name.span, ...more };
  }

  #declared(d: Ast.Declaration, name: Ast.Ident): Meaning {
    return this.#meaning(name, "declaration", { declaration: d });
  }

  #add(span: Span, means: Meaning | undefined): void {
    if (means && span.end > span.start) this.#found.push({ span, means });
  }

  #bind(scopes: Scopes, name: Ast.Ident, kind: NameKind, node?: Meaning["node"]): void {
    const means = this.#meaning(name, kind, node ? { node } : {});
    scopes.set(means);
    this.#add(name.span, means);
  }

  #use(use: Ast.Use): void {
    const path = `${use.path.map((p) => p.name).join("/")}.kiri`;
    const target = this.#analysis.module.imports.find((m) => m.path === path || m.path === `std:${path}` || m.path.endsWith(`/${path}`));
    const last = use.path[use.path.length - 1];
    if (!last) return;
    const file = target && { name: last.name, kind: "module" as const, file: fileOf(this.#analysis.root, target.path), at: { file: target.path, start: 0, end: 0 }, module: target };
    this.#add({ file: last.span.file, start: use.path[0]?.span.start ?? last.span.start, end: last.span.end }, file);
    if (!use.names) {
      const name = use.alias ?? last;
      if (file) this.#module.set(name.name, use.alias ? { ...this.#meaning(use.alias, "module"), ...(target ? { module: target } : {}) } : file);
      if (use.alias && file) this.#add(use.alias.span, this.#module.get(use.alias.name));
      return;
    }
    for (const name of use.names) {
      const declaration = target?.declared.get(name.name);
      if (!declaration || declaration.kind === "check" || declaration.kind === "compress") continue;
      const means = this.#declared(declaration, declaration.name);
      this.#module.set(name.name, means);
      this.#add(name.span, means);
    }
  }

  /** A name of the prelude. */
  #prelude(name: string): Meaning | undefined {
    const declaration = this.#analysis.module.imports.find((m) => m.path === "std:core.kiri")?.declared.get(name);
    return declaration && declaration.kind !== "check" && declaration.kind !== "compress" ? this.#declared(declaration, declaration.name) : undefined;
  }

  // ── declarations ──
  #visit(d: Ast.Declaration): void {
    const axes: Table = new Map();
    const scopes = new Scopes([this.#module, new Map()], axes);
    if (d.kind !== "check" && d.kind !== "compress") this.#add(d.name.span, this.#module.get(d.name.name));
    switch (d.kind) {
      case "fn": case "pipeline": this.#signature(d.signature, scopes, d.body); return;
      case "const": this.#type(d.type, scopes); this.#expr(d.value, scopes); return;
      case "check": this.#block(d.body, scopes); return;
      case "record":
        for (const f of d.fields) this.#param(f, scopes, "field");
        for (const l of d.lets) this.#let(l, scopes, "field");
        this.#methods(d.methods, scopes);
        return;
      case "sites": for (const s of d.sites) this.#bind(scopes, s.name, "site"); return;
      case "layer": this.#layer(d, scopes); return;
      case "fold": this.#fold(d, scopes); return;
      case "rewrite": case "decode":
        for (const p of d.params) this.#param(p, scopes, "parameter");
        for (const w of d.where) this.#expr(w, scopes);
        this.#members(d.members, scopes);
        return;
      case "tokenizer":
        for (const p of d.params) this.#param(p, scopes, "parameter");
        for (const l of d.lets) this.#let(l, scopes, "value");
        if (d.from) this.#expr(d.from, scopes);
        this.#methods(d.methods, scopes);
        return;
      case "model": for (const x of [d.layer, d.from, d.imported]) if (x) this.#expr(x, scopes); return;
      case "data": for (const f of d.fields) this.#param(f, scopes, "field"); return;
      case "compress": this.#compress(d, scopes); return;
    }
  }

  #methods(methods: readonly Ast.FnDecl[], scopes: Scopes): void {
    for (const m of methods) this.#bind(scopes, m.name, "method", m);
    for (const m of methods) this.#signature(m.signature, scopes.inner(), m.body);
  }

  #layer(d: Ast.LayerDecl, scopes: Scopes): void {
    for (const p of d.params) this.#param(p, scopes, "parameter");
    for (const w of d.where) this.#expr(w, scopes);
    if (d.offers) this.#path(d.offers.segments, scopes);
    for (const m of d.members) {
      if (m.kind === "let") this.#let(m, scopes, "value");
      else if (m.kind === "param") {
        this.#type(m.type, scopes);
        if (m.when) this.#expr(m.when, scopes);
        if (m.default) this.#expr(m.default, scopes);
        this.#bind(scopes, m.name, "weight", m);
      } else {
        const inner = scopes.inner();
        if (m.count) this.#expr(m.count, scopes);
        this.#expr(m.layer, inner);
        if (m.when) this.#expr(m.when, scopes);
        this.#bind(scopes, m.name, "part", m);
      }
    }
    const own: LayerType = { kind: "layer-type", decl: d, scope: this.#analysis.module.scope };
    const contract = d.offers && named(pathExpr(d.offers.segments), this.#analysis.module.scope);
    for (const { name, path } of d.offered) {
      const site = contract?.kind === "sites" ? contract.decl.sites.find((s) => s.name.name === name.name) : undefined;
      if (site) this.#add(name.span, this.#meaning(site.name, "site"));
      let layer: LayerType | undefined = own;
      for (const segment of path) {
        const found: ReturnType<typeof part> = layer && part(layer, segment.name);
        const ident = found?.member.name ?? (layer && sitesOf(layer).find((s) => s.name === segment.name && s.ident !== name)?.ident);
        if (ident) this.#add(segment.span, this.#meaning(ident, found ? "part" : "site"));
        layer = found?.layer;
      }
    }
    if (d.forward) this.#signature(d.forward.signature, scopes.inner(), d.forward.body);
    this.#methods(d.methods, scopes);
  }

  #fold(d: Ast.FoldDecl, scopes: Scopes): void {
    for (const p of d.params) this.#param(p, scopes, "parameter");
    this.#axis(d.from, scopes);
    this.#axis(d.to, scopes);
    for (const w of d.where) this.#expr(w, scopes);
    this.#members(d.members, scopes);
  }

  #members(members: readonly (Ast.FoldMember | Ast.LetDecl)[], scopes: Scopes): void {
    for (const m of members) {
      if (m.kind === "fn") this.#bind(scopes, m.name, "method", m);
      if (m.kind === "carry") {
        this.#type(m.type, scopes);
        this.#expr(m.init, scopes);
        this.#bind(scopes, m.name, "carry", m);
      }
    }
    const down = members.find((m) => m.kind === "down");
    for (const m of members) {
      switch (m.kind) {
        case "fn": this.#signature(m.signature, scopes.inner(), m.body); break;
        case "let": this.#let(m, scopes, "value"); break;
        case "carry": case "companion": this.#add(m.by.span, scopes.get(m.by.name)?.kind === "method" ? scopes.get(m.by.name) : undefined); break;
        case "hook":
          if (m.when) this.#expr(m.when, scopes);
          this.#signature(m.signature, scopes.inner(), m.body);
          break;
        case "down": this.#down(m, scopes); break;
        case "up": this.#signature(m.signature, this.#insideUp(down, scopes), m.body); break;
        default: break;
      }
    }
  }

  #down(m: Ast.Down, scopes: Scopes): void {
    const inner = scopes.inner();
    for (const r of m.reads) {
      this.#type(r.type, inner);
      if (r.site) this.#add(r.site.span, scopes.get(r.site.name));
      this.#bind(inner, r.name, "value");
    }
    this.#signature(m.signature, inner, m.body);
  }

  /** `up` sees what `down` names only behind `down.`, which values tell. */
  #insideUp(down: Ast.Down | undefined, scopes: Scopes): Scopes {
    const inner = scopes.inner();
    if (!down) return inner;
    const names = [...down.signature.params.map((p) => p.name), ...down.reads.map((r) => r.name), ...(down.signature.resultName ? [down.signature.resultName] : []), ...down.body.statements.flatMap((s) => (s.kind === "let" ? s.names : []))];
    for (const name of names) inner.set({ ...this.#meaning(name, "value"), name: `down.${name.name}` });
    return inner;
  }

  #compress(d: Ast.CompressDecl, scopes: Scopes): void {
    const { program } = this.#analysis;
    this.#add(d.target.span, this.#module.get(d.target.name));
    if (d.as) this.#add(d.as.span, this.#meaning(d.as, "variant"));
    const root = layerOfModel(this.#analysis, d.target.name);
    const along = (selector: Ast.Selector): LayerType | undefined => {
      if (!root) return undefined;
      const { idents, layer } = follow(root, selector);
      selector.segments.forEach(({ name, index }, i) => {
        const ident = idents[i];
        if (ident) this.#add(name.span, this.#meaning(ident, "part"));
        if (index?.kind === "at") this.#expr(index.value, scopes);
        if (index?.kind === "range") for (const x of [index.from, index.to, index.step]) if (x) this.#expr(x, scopes);
      });
      return layer;
    };
    for (const item of d.items) {
      if (item.kind === "place-rewrite") {
        along(item.region);
        this.#expr(item.with, scopes);
      } else if (item.kind === "place-fold") {
        const layer = along(item.region);
        const sites = layer ? sitesOf(layer) : [];
        const at = item.after && sites.find((s) => s.name === item.after?.name);
        if (item.after && at) this.#add(item.after.span, this.#meaning(at.ident, "site"));
        if (item.protect) this.#expr(item.protect, scopes);
        if (item.up?.kind === "after") along(item.up.site);
        this.#expr(item.with, scopes);
        for (const a of item.with.args) {
          const { value } = a;
          const site = value.kind === "name" && !scopes.get(value.name) ? sites.find((s) => s.name === value.name) : undefined;
          if (site) this.#add(value.span, this.#meaning(site.ident, "site"));
        }
      } else if (item.kind === "require" || item.kind === "report") {
        const data = program.data.find((x) => x.name.name === item.on?.name);
        const inner = scopes.inner();
        for (const f of data?.fields ?? []) inner.set(this.#meaning(f.name, "field", { node: f }));
        this.#expr(item.measure, inner);
        if (item.bound) this.#expr(item.bound, scopes);
        if (item.on && data) this.#add(item.on.span, this.#declared(data, data.name));
      } else if (item.kind === "expect" && item.count) this.#expr(item.count, scopes);
    }
  }

  // ── signatures, types, bodies ──
  #signature(s: Ast.Signature, scopes: Scopes, body: Ast.Block | undefined): void {
    for (const p of [...s.params, ...s.statics]) this.#param(p, scopes, "parameter");
    if (s.resultName) this.#bind(scopes, s.resultName, "value");
    this.#type(s.result, scopes);
    for (const w of s.where) this.#expr(w, scopes);
    if (body) this.#block(body, scopes);
  }

  #param(p: Ast.Param, scopes: Scopes, kind: NameKind): void {
    this.#type(p.type, scopes);
    if (p.default) this.#expr(p.default, scopes);
    this.#bind(scopes, p.name, kind, p);
  }

  #let(l: Ast.Let, scopes: Scopes, kind: NameKind): void {
    this.#type(l.type, scopes);
    this.#expr(l.value, scopes);
    for (const name of l.names) this.#bind(scopes, name, kind, l);
  }

  #type(type: Ast.TypeExpr | undefined, scopes: Scopes): void {
    switch (type?.kind) {
      case "tensor-type": this.#axes(type.axes, scopes); return;
      case "named-type": this.#path(type.path, scopes); return;
      case "list-type": this.#type(type.element, scopes); return;
      case "tuple-type": for (const t of type.elements) this.#type(t, scopes); return;
      case "record-type": for (const f of type.fields) { this.#type(f.type, scopes); this.#add(f.name.span, this.#meaning(f.name, "field", { node: f })); } return;
      default: return;
    }
  }

  #axes(axes: readonly Ast.AxisExpr[], scopes: Scopes): void {
    for (const a of axes) {
      if (a.kind === "axis" || a.kind === "some") this.#axis(a.name, scopes);
      if (a.kind === "axis" && a.size) this.#expr(a.size, scopes);
      if (a.kind === "sized") this.#expr(a.size, scopes);
      if (a.kind === "some") this.#expr(a.bound, scopes);
    }
  }

  #axis(name: Ast.Ident, scopes: Scopes): void {
    const means = scopes.axes.get(name.name) ?? this.#meaning(name, "axis");
    if (name.name !== "") scopes.axes.set(name.name, means);
    this.#add(name.span, means);
  }

  #path(path: readonly Ast.Ident[], scopes: Scopes): void {
    const [first, second] = path;
    const means = first && (scopes.get(first.name) ?? this.#prelude(first.name));
    if (first) this.#add(first.span, means);
    const declaration = second && means?.module?.declared.get(second.name);
    if (second && declaration && declaration.kind !== "check" && declaration.kind !== "compress") this.#add(second.span, this.#declared(declaration, declaration.name));
  }

  #block(block: Ast.Block, outer: Scopes): void {
    const scopes = outer.inner();
    for (const s of block.statements) {
      if (s.kind === "let") this.#let(s, scopes, "value");
      else if (s.kind === "assign") {
        this.#add(s.name.span, scopes.get(s.name.name));
        this.#expr(s.value, scopes);
      } else this.#expr(s.value, scopes);
    }
    if (block.result) this.#expr(block.result, scopes);
  }

  #expr(x: Ast.Expr, scopes: Scopes): void {
    switch (x.kind) {
      case "number": case "string": case "bool": return;
      case "name": this.#name(x, scopes); return;
      case "member": this.#expr(x.object, scopes); this.#member(x, scopes); return;
      case "call": this.#call(x, scopes); return;
      case "index":
        this.#expr(x.object, scopes);
        for (const item of x.items) {
          if (item.axis) this.#axis(item.axis, scopes);
          this.#rangeOrExpr(item.value, scopes);
        }
        return;
      case "unary": this.#expr(x.operand, scopes); return;
      case "binary": this.#expr(x.left, scopes); this.#expr(x.right, scopes); return;
      case "if": this.#expr(x.condition, scopes); this.#block(x.then, scopes); this.#block(x.otherwise, scopes); return;
      case "repeat": {
        if (x.range) this.#rangeOrExpr(x.range, scopes);
        if (x.count) this.#expr(x.count, scopes);
        this.#expr(x.from, scopes);
        const inner = scopes.inner();
        if (x.index) this.#bind(inner, x.index, "value");
        this.#bind(inner, x.name, "value");
        this.#block(x.body, inner);
        return;
      }
      case "list": case "tuple": for (const e of x.elements) this.#expr(e, scopes); return;
      case "comprehension": {
        this.#rangeOrExpr(x.source, scopes);
        const inner = scopes.inner();
        this.#bind(inner, x.name, "value");
        this.#expr(x.element, inner);
        return;
      }
      case "record-literal": {
        if (x.type) this.#expr(x.type, scopes);
        const type = x.type && named(x.type, this.#analysis.module.scope);
        for (const f of x.fields) {
          const field = type?.kind === "record-type" ? type.decl.fields.find((p) => p.name.name === f.name.name) : undefined;
          this.#add(f.name.span, field ? this.#meaning(field.name, "field", { node: field }) : this.#output(f.name) ?? this.#meaning(f.name, "field"));
          this.#expr(f.value, scopes);
        }
        return;
      }
      case "as-axes": this.#expr(x.value, scopes); this.#axes(x.axes, scopes); return;
      case "as-name": this.#expr(x.value, scopes); this.#axis(x.name, scopes); return;
      case "into": this.#expr(x.from, scopes); this.#expr(x.to, scopes); return;
    }
  }

  /** A field of what a pipeline promises. */
  #output(name: Ast.Ident): Meaning | undefined {
    const d = this.#declaration;
    const type = d?.kind === "pipeline" ? d.signature.result : undefined;
    const field = type?.kind === "record-type" ? type.fields.find((f) => f.name.name === name.name) : undefined;
    return field && this.#meaning(field.name, "field", { node: field });
  }

  #rangeOrExpr(x: Ast.Expr | Ast.Range, scopes: Scopes): void {
    if (x.kind !== "range") this.#expr(x, scopes);
    else for (const e of [x.from, x.to, x.step]) if (e) this.#expr(e, scopes);
  }

  #name(x: Ast.Name, scopes: Scopes): void {
    const means = scopes.get(x.name);
    if (means) return this.#add(x.span, means);
    const axis = scopes.axes.get(x.name);
    if (axis) return this.#add(x.span, axis);
    const prelude = this.#prelude(x.name);
    if (prelude) return this.#add(x.span, prelude);
    // A bare word with a capital that nothing binds is an axis that an operation makes.
    if (/^\p{Lu}/u.test(x.name)) this.#axis(x, scopes);
  }

  #call(x: Ast.Call, scopes: Scopes): void {
    this.#expr(x.callee, scopes);
    const params = this.#paramsOf(x.callee, scopes);
    for (const a of x.args) {
      if (a.name) {
        const p = params.find((q) => q.name.name === a.name?.name);
        if (p) this.#add(a.name.span, this.#meaning(p.name, "parameter", { node: p }));
      }
      this.#expr(a.value, scopes);
    }
  }

  #paramsOf(callee: Ast.Expr, scopes: Scopes): readonly Ast.Param[] {
    if (callee.kind === "name") {
      const means = scopes.get(callee.name) ?? this.#prelude(callee.name);
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
        return this.#add(name.span, { ...means, name: name.name });
      }
      const declaration = scopes.get(object.name)?.module?.declared.get(name.name);
      if (declaration && declaration.kind !== "check" && declaration.kind !== "compress") return this.#add(name.span, this.#declared(declaration, declaration.name));
    }
    const value = this.#valueOf(object);
    const means = value && this.#memberOf(value, name, scopes);
    if (means) this.#add(name.span, means);
  }

  #memberOf(value: Value, name: Ast.Ident, scopes: Scopes): Meaning | undefined {
    switch (value.kind) {
      case "tensor": return scopes.axes.get(name.name);
      case "record": {
        const decl = value.type?.decl;
        const field = decl?.fields.find((f) => f.name.name === name.name);
        if (field) return this.#meaning(field.name, "field", { node: field });
        const computed = decl?.lets.find((l) => l.names.some((n) => n.name === name.name));
        if (computed?.names[0]) return this.#meaning(computed.names.find((n) => n.name === name.name) ?? computed.names[0], "field", { node: computed });
        const method = decl?.methods.find((m) => m.name.name === name.name);
        return method && this.#meaning(method.name, "method", { node: method });
      }
      case "tokenizer": {
        const method = value.decl.methods.find((m) => m.name.name === name.name);
        return method && this.#meaning(method.name, "method", { node: method });
      }
      case "layer": {
        const { decl } = value.instance;
        const member = decl.members.find((m) => m.kind !== "let" && m.name.name === name.name);
        if (member && member.kind !== "let") return this.#meaning(member.name, member.kind === "param" ? "weight" : "part", { node: member });
        const method = decl.methods.find((m) => m.name.name === name.name);
        return method && this.#meaning(method.name, "method", { node: method });
      }
      default: return undefined;
    }
  }
}

/** What a call of a declaration can be given. */
export function paramsOf(d: Ast.Declaration): readonly Ast.Param[] {
  switch (d.kind) {
    case "fn": case "pipeline": return [...d.signature.params, ...d.signature.statics];
    case "layer": case "fold": case "rewrite": case "tokenizer": case "decode": return d.params;
    case "record": return d.fields;
    default: return [];
  }
}

const pathExpr = (segments: readonly Ast.Ident[]): Ast.Expr | undefined => {
  const [first, ...rest] = segments;
  if (!first) return undefined;
  return rest.reduce<Ast.Expr>((object, name) => ({ kind: "member", object, name, span: name.span }), { kind: "name", name: first.name, span: first.span });
};
