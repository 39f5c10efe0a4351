// Names of declarations and of what only they have: parts, weights, sites, what a fold carries, the regions of a `compress`.
import type * as Ast from "../../grammar/ast.ts";
import { BodyNames } from "./body-names.ts";
import { importedModel, importedPlace } from "./imported.ts";
import { follow, layerOfModel, type LayerType, named, part, sitesOf } from "./layers.ts";
import type { Occurrence } from "./meaning.ts";
import type { ModuleNames } from "./module-names.ts";
import { Scopes, type Table } from "./scopes.ts";
import type { Analysis } from "./analysis.ts";

/** Of one declaration. */
export class DeclarationNames {
  readonly #analysis: Analysis;
  readonly #module: ModuleNames;
  readonly #declaration: Ast.Declaration;
  readonly #body: BodyNames;

  /** See `namesOf`. */
  constructor(analysis: Analysis, module: ModuleNames, declaration: Ast.Declaration, withMembers: boolean) {
    this.#analysis = analysis;
    this.#module = module;
    this.#declaration = declaration;
    this.#body = new BodyNames(analysis, module, declaration, withMembers);
  }

  all(): readonly Occurrence[] {
    this.#visit(this.#declaration);
    return this.#body.found;
  }

  #visit(d: Ast.Declaration): void {
    const axes: Table = new Map();
    const scopes = new Scopes([this.#module.table, new Map()], axes);
    if (d.kind !== "check" && d.kind !== "compress") this.#body.add(d.name.span, this.#module.table.get(d.name.name));
    switch (d.kind) {
      case "fn": case "pipeline": this.#body.signature(d.signature, scopes, d.body); return;
      case "const": this.#body.type(d.type, scopes); this.#body.expr(d.value, scopes); return;
      case "check": this.#body.block(d.body, scopes); return;
      case "record":
        for (const f of d.fields) this.#body.param(f, scopes, "field");
        for (const l of d.lets) this.#body.let(l, scopes, "field");
        this.#methods(d.methods, scopes);
        return;
      case "sites":
        for (const s of d.sites) this.#body.bind(scopes, s.name, "site");
        this.#places(d);
        return;
      case "layer": this.#layer(d, scopes); return;
      case "fold": this.#fold(d, scopes); return;
      case "rewrite": case "decode":
        for (const p of d.params) this.#body.param(p, scopes, "parameter");
        for (const w of d.where) this.#body.expr(w, scopes);
        this.#members(d.members, scopes);
        return;
      case "tokenizer":
        for (const p of d.params) this.#body.param(p, scopes, "parameter");
        for (const l of d.lets) this.#body.let(l, scopes, "value");
        if (d.from) this.#body.expr(d.from, scopes);
        this.#methods(d.methods, scopes);
        return;
      case "model": for (const x of [d.layer, d.from, d.imported]) if (x) this.#body.expr(x, scopes); return;
      case "data": for (const f of d.fields) this.#body.param(f, scopes, "field"); return;
      case "compress": this.#compress(d, scopes); return;
    }
  }

  /** What a `sites … for MODEL` says of an imported file. */
  #places({ model, places }: Ast.SitesDecl): void {
    if (model) this.#body.add(model.span, this.#module.table.get(model.name));
    const imported = model && importedModel(this.#analysis, model.name);
    if (imported) for (const { at } of places) this.#selected(imported, at, true);
  }

  /** The names of a selector in an imported model: blocks, and with `withSite` a place of theirs at the end. The file is not asked. */
  #selected(model: Ast.ModelDecl, { segments }: Ast.Selector, withSite: boolean): void {
    segments.forEach(({ name }, i) => {
      const kind = withSite && i === segments.length - 1 ? "site" : "part";
      this.#body.add(name.span, this.#module.meaning({ name: name.name, span: importedPlace(this.#analysis, model, name.name) }, kind));
    });
  }

  #methods(methods: readonly Ast.FnDecl[], scopes: Scopes): void {
    for (const m of methods) this.#body.bind(scopes, m.name, "method", m);
    for (const m of methods) this.#body.signature(m.signature, scopes.inner(), m.body);
  }

  #layer(d: Ast.LayerDecl, scopes: Scopes): void {
    for (const p of d.params) this.#body.param(p, scopes, "parameter");
    for (const w of d.where) this.#body.expr(w, scopes);
    if (d.offers) this.#body.path(d.offers.segments, scopes);
    for (const m of d.members) {
      if (m.kind === "let") this.#body.let(m, scopes, "value");
      else if (m.kind === "param") {
        this.#body.type(m.type, scopes);
        if (m.when) this.#body.expr(m.when, scopes);
        if (m.default) this.#body.expr(m.default, scopes);
        this.#body.bind(scopes, m.name, "weight", m);
      } else {
        const inner = scopes.inner();
        if (m.count) this.#body.expr(m.count, scopes);
        this.#body.expr(m.layer, inner);
        if (m.when) this.#body.expr(m.when, scopes);
        this.#body.bind(scopes, m.name, "part", m);
      }
    }
    const own: LayerType = { kind: "layer-type", decl: d, scope: this.#analysis.module.scope };
    const contract = d.offers && named(pathExpr(d.offers.segments), this.#analysis.module.scope);
    for (const { name, path } of d.offered) {
      const site = contract?.kind === "sites" ? contract.decl.sites.find((s) => s.name.name === name.name) : undefined;
      if (site) this.#body.add(name.span, this.#module.meaning(site.name, "site"));
      let layer: LayerType | undefined = own;
      for (const segment of path) {
        const found: ReturnType<typeof part> = layer && part(layer, segment.name);
        const ident = found?.member.name ?? (layer && sitesOf(layer).find((s) => s.name === segment.name && s.ident !== name)?.ident);
        if (ident) this.#body.add(segment.span, this.#module.meaning(ident, found ? "part" : "site"));
        layer = found?.layer;
      }
    }
    if (d.forward) this.#body.signature(d.forward.signature, scopes.inner(), d.forward.body);
    this.#methods(d.methods, scopes);
  }

  #fold(d: Ast.FoldDecl, scopes: Scopes): void {
    for (const p of d.params) this.#body.param(p, scopes, "parameter");
    this.#body.axis(d.from, scopes);
    this.#body.axis(d.to, scopes);
    for (const w of d.where) this.#body.expr(w, scopes);
    this.#members(d.members, scopes);
  }

  #members(members: readonly (Ast.FoldMember | Ast.LetDecl)[], scopes: Scopes): void {
    for (const m of members) {
      if (m.kind === "fn") this.#body.bind(scopes, m.name, "method", m);
      if (m.kind === "carry") {
        this.#body.type(m.type, scopes);
        this.#body.expr(m.init, scopes);
        this.#body.bind(scopes, m.name, "carry", m);
      }
    }
    const down = members.find((m) => m.kind === "down");
    for (const m of members) {
      switch (m.kind) {
        case "fn": this.#body.signature(m.signature, scopes.inner(), m.body); break;
        case "let": this.#body.let(m, scopes, "value"); break;
        case "carry": case "companion": this.#body.add(m.by.span, scopes.get(m.by.name)?.kind === "method" ? scopes.get(m.by.name) : undefined); break;
        case "hook":
          if (m.when) this.#body.expr(m.when, scopes);
          this.#body.signature(m.signature, scopes.inner(), m.body);
          break;
        case "down": this.#down(m, scopes); break;
        case "up": this.#body.signature(m.signature, this.#insideUp(down, scopes), m.body); break;
        default: break;
      }
    }
  }

  #down(m: Ast.Down, scopes: Scopes): void {
    const inner = scopes.inner();
    for (const r of m.reads) {
      this.#body.type(r.type, inner);
      if (r.site) this.#body.add(r.site.span, scopes.get(r.site.name));
      this.#body.bind(inner, r.name, "value");
    }
    this.#body.signature(m.signature, inner, m.body);
  }

  /** `up` sees what `down` names only behind `down.`, which values tell. */
  #insideUp(down: Ast.Down | undefined, scopes: Scopes): Scopes {
    const inner = scopes.inner();
    if (!down) return inner;
    const names = [...down.signature.params.map((p) => p.name), ...down.reads.map((r) => r.name), ...(down.signature.resultName ? [down.signature.resultName] : []), ...down.body.statements.flatMap((s) => (s.kind === "let" ? s.names : []))];
    for (const name of names) inner.set({ ...this.#module.meaning(name, "value"), name: `down.${name.name}` });
    return inner;
  }

  #compress(d: Ast.CompressDecl, scopes: Scopes): void {
    const { program } = this.#analysis;
    this.#body.add(d.target.span, this.#module.table.get(d.target.name));
    if (d.as) this.#body.add(d.as.span, this.#module.meaning(d.as, "variant"));
    const root = layerOfModel(this.#analysis, d.target.name);
    const model = root ? undefined : importedModel(this.#analysis, d.target.name);
    const along = (selector: Ast.Selector, isSite = false): LayerType | undefined => {
      if (model) this.#selected(model, selector, isSite);
      if (!root) return undefined;
      const { idents, layer } = follow(root, selector);
      selector.segments.forEach(({ name, index }, i) => {
        const ident = idents[i];
        if (ident) this.#body.add(name.span, this.#module.meaning(ident, "part"));
        if (index?.kind === "at") this.#body.expr(index.value, scopes);
        if (index?.kind === "range") for (const x of [index.from, index.to, index.step]) if (x) this.#body.expr(x, scopes);
      });
      return layer;
    };
    for (const item of d.items) {
      if (item.kind === "place-rewrite") {
        along(item.region);
        this.#body.expr(item.with, scopes);
      } else if (item.kind === "place-fold") {
        const layer = along(item.region);
        const sites = layer ? sitesOf(layer) : [];
        const at = item.after && sites.find((s) => s.name === item.after?.name);
        if (item.after && model) this.#selected(model, { kind: "selector", segments: [{ name: item.after, index: undefined }], span: item.after.span }, true);
        if (item.after && at) this.#body.add(item.after.span, this.#module.meaning(at.ident, "site"));
        if (item.protect) this.#body.expr(item.protect, scopes);
        if (item.up?.kind === "after") along(item.up.site, true);
        this.#body.expr(item.with, scopes);
        for (const a of item.with.args) {
          const { value } = a;
          const site = value.kind === "name" && !scopes.get(value.name) ? sites.find((s) => s.name === value.name) : undefined;
          if (site) this.#body.add(value.span, this.#module.meaning(site.ident, "site"));
        }
      } else if (item.kind === "require" || item.kind === "report") {
        const data = program.data.find((x) => x.name.name === item.on?.name);
        const inner = scopes.inner();
        for (const f of data?.fields ?? []) inner.set(this.#module.meaning(f.name, "field", { node: f }));
        this.#body.expr(item.measure, inner);
        if (item.bound) this.#body.expr(item.bound, scopes);
        if (item.on && data) this.#body.add(item.on.span, this.#module.declared(data, data.name));
      } else if (item.kind === "expect" && item.count) this.#body.expr(item.count, scopes);
    }
  }
}

const pathExpr = (segments: readonly Ast.Ident[]): Ast.Expr | undefined => {
  const [first, ...rest] = segments;
  if (!first) return undefined;
  return rest.reduce<Ast.Expr>((object, name) => ({ kind: "member", object, name, span: name.span }), { kind: "name", name: first.name, span: first.span });
};
