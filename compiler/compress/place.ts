// Weaving: folds into a graph, at sites, by making the graph again behind them. That the rest can be made again on another
// number of tokens, a number that nothing is known of, is the proof that the region is polymorphic in its axis.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { report } from "../diagnostics/define.ts";
import { folds } from "../diagnostics/folds.ts";
import { applySignature } from "../elaborate/call.ts";
import type { Elaboration, Site } from "../elaborate/elaboration.ts";
import { asFloat, evaluate, evaluateBlock } from "../elaborate/evaluate.ts";
import { Fail, fail } from "../elaborate/fail.ts";
import { carriesOf, downOf, type Folded, hooksOf, runDown, runUp, upOf } from "../elaborate/fold.ts";
import type { LayerInstance } from "../elaborate/layer.ts";
import { Scope } from "../elaborate/scope.ts";
import { describe, type FoldInstance, showTensor, type Tensor, tensor, type Value } from "../elaborate/value.ts";
import { type GraphOutput, Mismatch, type Node, topological } from "../graph/node.ts";
import { asSymbol, constant, type Dim, subtract, symbol, symbolsOf } from "../types/dim.ts";
import { remake, substituteAttrs } from "./rebuild.ts";
import { select, showSelector } from "./selector.ts";

/** One `fold …` line, resolved to sites of the model. */
interface Placement {
  readonly item: Ast.PlaceFold;
  readonly fold: FoldInstance;
  readonly protect: number;
  /** Where it folds: the layer and the value in it. */
  readonly downs: readonly { readonly instance: LayerInstance; readonly site: Site }[];
  /** Consumers below these paths see the folded value; undefined: all do. */
  readonly region: readonly string[] | undefined;
  /** Where it unfolds, undefined: nowhere. */
  up: Site | undefined;
  /** Where it would unfold if the types need it. */
  readonly lastOutput: Site | undefined;
}

/** One fold that is down at the moment. */
interface Active {
  readonly placement: Placement;
  readonly folded: Folded;
  readonly before: Dim;
  readonly head: Tensor | undefined;
}

type Counts = ReadonlyMap<string, Dim>;
const NONE: Counts = new Map();

export interface Woven {
  readonly outputs: readonly GraphOutput[];
  readonly selectors: readonly { readonly selector: string; readonly resolved: readonly string[] }[];
}

/** Places the folds of a `compress` block into the graph behind `outputs`. Sites then mean the values as woven. */
export function placeFolds(e: Elaboration, root: LayerInstance, items: readonly Ast.PlaceFold[], scope: Scope, outputs: readonly GraphOutput[]): Woven {
  const placements = items.map((item) => resolve(e, root, item, scope));
  const selectors = placements.map((p) => ({ selector: `${p.item.mode} ${showSelector(p.item.region)}`, resolved: p.downs.map((d) => d.site.path) }));
  if (placements.length === 0) return { outputs, selectors };
  const before = new Map(e.sites);
  const open = placements.filter((p) => p.item.up === undefined && p.up === undefined && upOf(p.fold.decl) && p.lastOutput);
  try {
    return { outputs: new Weaver(e, root, placements, outputs).weave(), selectors };
  } catch (error) {
    if (!(error instanceof Fail) || open.length === 0) throw explained(error, placements);
    // The types need as many tokens as before: the folds open again where their region ends.
    for (const p of open) p.up = p.lastOutput;
    e.sites.clear();
    for (const [path, site] of before) e.sites.set(path, site);
    return { outputs: new Weaver(e, root, placements, outputs).weave(), selectors };
  }
}

/** A one-way fold before something that needs every token is told as that. */
function explained(error: unknown, placements: readonly Placement[]): unknown {
  const oneWay = placements.find((p) => !p.up);
  if (!(error instanceof Fail) || error.problem.code !== "F302" || !oneWay) return error;
  const why = upOf(oneWay.fold.decl) ? "it is told to stay down (`up none`)" : "it has no `up`";
  return new Fail(report(folds.F303, oneWay.item.span, { fold: oneWay.fold.decl.name.name, why }, error.problem.span ? [{ span: error.problem.span, says: "this needs every token" }] : []));
}

function resolve(e: Elaboration, root: LayerInstance, item: Ast.PlaceFold, scope: Scope): Placement {
  const value = evaluate(e, item.with, scope);
  if (value.kind !== "fold") return fail(folds.F304, item.with.span, { fold: describe(value), part: "`down`: only folds can be placed" });
  const { instances, site } = select(e, root, item.region, scope);
  const [first, last] = [instances[0] as LayerInstance, instances[instances.length - 1] as LayerInstance];
  const protectValue = item.protect ? evaluate(e, item.protect, scope) : undefined;
  const protect = protectValue ? (asFloat(e, protectValue) ?? 0) : 0;
  const siteOf = (instance: LayerInstance, name: string): Site => e.sites.get(instance.sitePath(name)) ?? fail(folds.F301, item.region.span, { selector: `${showSelector(item.region)} after ${name}`, of: instance.place.path, near: [] });
  const across = item.mode === "across";
  const name = item.after?.name ?? site ?? (across ? "input" : "output");
  const downs = across ? [{ instance: first, site: siteOf(first, name) }] : instances.map((instance) => ({ instance, site: siteOf(instance, name) }));
  const lastOutput = e.sites.get(last.sitePath("output"));
  let up: Site | undefined = across && upOf(value.decl) ? lastOutput : undefined;
  if (item.up?.kind === "none") up = undefined;
  if (item.up?.kind === "after") {
    const at = select(e, root, item.up.site, scope);
    const target = at.instances[at.instances.length - 1] as LayerInstance;
    up = e.sites.get(target.sitePath(at.site ?? "output")) ?? fail(folds.F301, item.up.site.span, { selector: showSelector(item.up.site), of: root.place.path, near: [] });
    if (!upOf(value.decl)) fail(folds.F303, item.span, { fold: value.decl.name.name, why: "it has no `up`" });
  }
  const region = across ? instances.map((i) => i.place.path) : undefined;
  return { item, fold: value, protect, downs, region, up, lastOutput };
}

class Weaver {
  readonly #e: Elaboration;
  readonly #root: LayerInstance;
  readonly #outputs: readonly GraphOutput[];
  readonly #order: readonly Node[];
  readonly #index = new Map<Node, number>();
  /** The value that stands for an original node by now, and its token counts. */
  readonly #made = new Map<Node, Node>();
  readonly #counts = new Map<Node, Counts>();
  /** Folded for consumers in a region only. */
  readonly #regional = new Map<Node, { readonly node: Node; readonly counts: Counts; readonly paths: readonly string[] }>();
  readonly #downs = new Map<Node, { readonly placement: Placement; readonly instance: LayerInstance; readonly site: Site }[]>();
  readonly #ups = new Map<Node, { readonly placement: Placement; readonly site: Site }[]>();
  readonly #hooked = new Map<Node, string[]>();
  readonly #active: Active[] = [];
  readonly #carried = new Map<Ast.FoldDecl, Map<string, Tensor>>();
  /** What the folded counts are; hidden from everything but the folds themselves. */
  readonly #sizes = new Map<string, Dim>();

  constructor(e: Elaboration, root: LayerInstance, placements: readonly Placement[], outputs: readonly GraphOutput[]) {
    this.#e = e;
    this.#root = root;
    this.#outputs = outputs;
    this.#order = topological(outputs.map((o) => o.node));
    for (const [i, n] of this.#order.entries()) this.#index.set(n, i);
    for (const placement of placements) {
      for (const { instance, site } of placement.downs) push(this.#downs, site.tensor.node, { placement, instance, site });
      if (placement.up) push(this.#ups, placement.up.tensor.node, { placement, site: placement.up });
    }
    this.#findHooks(placements);
  }

  weave(): readonly GraphOutput[] {
    for (const node of this.#order) {
      const { made, counts } = this.#remade(node, (input) => this.#view(input, node));
      this.#made.set(node, made);
      if (counts.size > 0) this.#counts.set(node, counts);
      this.#hooks(node);
      for (const up of this.#ups.get(node) ?? []) this.#up(node, up.placement, up.site);
      for (const down of this.#downs.get(node) ?? []) this.#down(node, down.placement, down.instance, down.site);
    }
    const outputs = this.#outputs.map((o) => this.#output(o));
    for (const [name, value] of this.#sizes) this.#e.arena.facts.know(name, value);
    for (const [path, site] of [...this.#e.sites]) {
      const made = this.#made.get(site.tensor.node);
      if (made) this.#e.sites.set(path, { ...site, tensor: tensor(made, site.tensor.axes) });
    }
    return outputs;
  }

  #output(o: GraphOutput): GraphOutput {
    const counts = this.#counts.get(o.node) ?? NONE;
    for (const [name, count] of counts) {
      const mentioned = o.node.type.dims.some((d) => symbolsOf(d).has(name));
      if (mentioned && count.key !== name) this.#refuse(o.node, `the output ${o.name} still has its tokens`, { found: count.key, wanted: name });
    }
    return { ...o, node: this.#made.get(o.node) ?? o.node };
  }

  #view(input: Node, consumer: Node): { node: Node; counts: Counts } {
    const regional = this.#regional.get(input);
    if (regional && this.#e.arena.originsOf(consumer).some((o) => regional.paths.some((p) => o.path === p || o.path.startsWith(`${p}.`)))) return regional;
    return { node: this.#made.get(input) ?? input, counts: this.#counts.get(input) ?? NONE };
  }

  /** `node` on the inputs as they are by now. */
  #remade(node: Node, view: (input: Node) => { node: Node; counts: Counts }): { made: Node; counts: Counts } {
    if (node.inputs.length === 0) return { made: node, counts: NONE };
    const views = node.inputs.map(view);
    const counts = this.#merged(node, views);
    try {
      return { made: remake(this.#e.arena, node, views.map((v) => v.node), substituteAttrs(node.attrs, counts)), counts };
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      return this.#refuse(node, error.message, error);
    }
  }

  /** The counts that `node` works on: its inputs that carry an axis must agree on it. */
  #merged(node: Node, views: readonly { node: Node; counts: Counts }[]): Counts {
    if (views.every((v) => v.counts.size === 0)) return NONE;
    const out = new Map<string, { count: Dim; input: Node }>();
    views.forEach((view, i) => {
      const original = node.inputs[i] as Node;
      const names = new Set(original.types.flatMap((t) => t.dims.flatMap((d) => [...symbolsOf(d)])));
      for (const name of names) {
        const count = view.counts.get(name) ?? symbol(name);
        const other = out.get(name);
        if (other && other.count.key !== count.key) this.#meet(node, name, other, { count, input: original });
        if (!other) out.set(name, { count, input: original });
      }
    });
    return new Map([...out].filter(([name, { count }]) => count.key !== name).map(([name, { count }]) => [name, count]));
  }

  #describeCount(count: Dim): string {
    const known = this.#e.arena.facts.number(this.#sizes.get(count.key) ?? count);
    return known === undefined ? count.key : `${known}`;
  }

  #meet(node: Node, name: string, a: { count: Dim; input: Node }, b: { count: Dim; input: Node }): never {
    void name;
    const [old, folded] = a.count.key === name ? [a, b] : [b, a];
    const origin = this.#e.arena.originsOf(old.input)[0];
    const span = this.#span();
    const label = origin ? [{ span: origin.span, says: `this carries ${this.#describeCount(old.count)} tokens` }] : [];
    return fail(folds.F307, span, {
      first: origin?.path || "a value from before the fold", second: this.#e.arena.originsOf(folded.input)[0]?.path || "the folded value",
      left: this.#describeCount(old.count), right: this.#describeCount(folded.count),
    }, [...label, ...this.#label(node, "and here it meets the folded tokens")]);
  }

  #label(node: Node, says: string): { span: Span; says: string }[] {
    const origin = this.#e.arena.originsOf(node)[0];
    return origin ? [{ span: origin.span, says }] : [];
  }

  #span(): Span | undefined {
    return this.#active[this.#active.length - 1]?.placement.item.span;
  }

  #refuse(node: Node, why: string, types: { found: string; wanted: string }): never {
    const active = this.#active[this.#active.length - 1];
    const region = this.#e.arena.originsOf(node)[0]?.path || "what follows";
    const counts = active ? this.#describeCount(active.before) : "its";
    return fail(folds.F302, active?.placement.item.span, { fold: active?.placement.fold.decl.name.name ?? "the fold", region, count: counts, why, found: types.found, wanted: types.wanted }, this.#label(node, "fixed here"));
  }

  /** Bodies of folds know how many tokens there are; the region they are placed around does not. */
  #knowing<T>(body: () => T): T {
    const { facts } = this.#e.arena;
    for (const [name, value] of this.#sizes) facts.know(name, value);
    try {
      return body();
    } finally {
      for (const name of this.#sizes.keys()) facts.forget(name);
    }
  }

  #down(node: Node, placement: Placement, instance: LayerInstance, site: Site): void {
    const e = this.#e;
    const { fold, protect } = placement;
    const down = downOf(fold.decl) ?? fail(folds.F304, fold.decl.span, { fold: fold.decl.name.name, part: "`down`" });
    const x = tensor(this.#made.get(node) as Node, site.tensor.axes);
    const at = tokenAxis(down, fold.decl, x);
    const before = x.node.type.dims[at] as Dim;
    const original = site.tensor.node.type.dims[at] as Dim;
    const name = asSymbol(original) ?? fail(folds.F306, placement.item.span, { site: site.path, found: showTensor(site.tensor) });
    const reads = new Map(down.reads.map((read) => [read.name.name, this.#read(node, placement, instance, read)]));
    this.#knowing(() => {
      this.#carriedAlong(placement);
      const wraps = protect > 0 && !mentionsName(fold.decl, "protected");
      const carried = this.#carried.get(fold.decl) ?? new Map<string, Tensor>();
      const parts = wraps ? this.#protected(x, at, protect) : { head: undefined, tail: x };
      const tail = (t: Tensor): Tensor => (wraps && t.node.type.dims.some((d) => d.key === before.key) ? e.named.slice(t, t.axes[t.node.type.dims.findIndex((d) => d.key === before.key)] as string, constant(protect), before) : t);
      const folded = runDown(e, fold, {
        x: parts.tail, protect: wraps ? 0 : protect,
        reads: new Map([...reads].map(([n, t]) => [n, tail(t)])),
        carried: new Map([...carried].map(([n, t]) => [n, tail(t)])),
      }, placement.item.with.span);
      this.#clipped(placement, folded);
      const result = parts.head ? e.named.concat([parts.head, folded.result], x.axes[at] as string) : folded.result;
      this.#seal(node, placement, folded, result, at, name, before, parts.head);
    });
  }

  /** From here on there are K tokens, and nothing that follows may know how many that is. */
  #seal(node: Node, placement: Placement, folded: Folded, result: Tensor, at: number, name: string, before: Dim, head: Tensor | undefined): void {
    const e = this.#e;
    const count = result.node.type.dims[at] as Dim;
    const hidden = e.freshDim(`${name}.folded`);
    this.#sizes.set(hidden.key, count);
    e.arena.facts.know(hidden.key, count);
    const sealed = (t: Tensor, position: number): Tensor => tensor(e.b.reshape(t.node, t.node.type.dims.map((d, i) => (i === position ? hidden : d))), t.axes);
    const origin = { span: placement.item.span, path: "", by: placement.fold.decl.name.name };
    e.arena.within(origin, () => {
      const made = sealed(result, at).node;
      const counts = new Map([...(this.#counts.get(node) ?? NONE), [name, hidden]]);
      if (placement.region) this.#regional.set(node, { node: made, counts, paths: placement.region });
      else {
        this.#made.set(node, made);
        this.#counts.set(node, counts);
      }
      const carried = new Map<string, Tensor>();
      for (const carry of carriesOf(placement.fold.decl)) {
        const value = folded.carried.get(carry.name.name) as Tensor;
        const axes = carry.type.axes.map((a) => (a.kind === "axis" ? a.name.name : e.named.anonymous()));
        const position = axes.indexOf(placement.fold.decl.from.name);
        carried.set(carry.name.name, position < 0 ? tensor(value.node, axes) : sealed(tensor(this.#widened(value, carry, head, position), axes), position));
      }
      if (carried.size > 0) this.#carried.set(placement.fold.decl, carried);
      this.#active.push({ placement, folded, before, head });
    });
  }

  /** Protected tokens that stood beside the fold carry the first value. */
  #widened(value: Tensor, carry: Ast.Carry, head: Tensor | undefined, position: number): Node {
    if (!head) return value.node;
    const e = this.#e;
    const init = asFloat(e, evaluate(e, carry.init, new Scope())) ?? 0;
    const protect = head.node.type.dims[1] as Dim;
    const dims = value.node.type.dims.map((d, i) => (i === position ? protect : d));
    return e.b.concat([e.b.fill(value.node.type.dtype, dims, init), value.node], position);
  }

  #protected(x: Tensor, at: number, protect: number): { head: Tensor; tail: Tensor } {
    const axis = x.axes[at] as string;
    const length = x.node.type.dims[at] as Dim;
    return { head: this.#e.named.slice(x, axis, constant(0), constant(protect)), tail: this.#e.named.slice(x, axis, constant(protect), length) };
  }

  #up(node: Node, placement: Placement, site: Site): void {
    const e = this.#e;
    const own = this.#active.filter((a) => a.placement === placement);
    const last = own[own.length - 1];
    if (!last) return;
    this.#knowing(() => {
      const at = tokenAxis(downOf(placement.fold.decl) as Ast.Down, placement.fold.decl, site.tensor);
      let y = tensor(this.#made.get(node) as Node, site.tensor.axes);
      for (const active of own.reverse()) {
        const axis = y.axes[at] as string;
        const length = y.node.type.dims[at] as Dim;
        const protect = active.head?.node.type.dims[at];
        const opened = runUp(e, placement.fold, active.folded, protect ? e.named.slice(y, axis, protect, length) : y, placement.item.span);
        y = protect ? e.named.concat([e.named.slice(y, axis, constant(0), protect), opened], axis) : opened;
        // The count is told by its symbol again, so that what follows sees the tokens it knew.
        const dims = y.node.type.dims.map((d, i) => (i === at ? active.before : d));
        y = tensor(e.arena.within({ span: placement.item.span, path: "", by: placement.fold.decl.name.name }, () => e.b.reshape(y.node, dims)), y.axes);
        this.#active.splice(this.#active.indexOf(active), 1);
      }
      const name = asSymbol(site.tensor.node.type.dims[at] as Dim) as string;
      const counts = new Map(this.#counts.get(node) ?? NONE);
      const before = (own[own.length - 1] as Active).before;
      if (before.key === name) counts.delete(name);
      else counts.set(name, before);
      this.#made.set(node, y.node);
      if (counts.size > 0) this.#counts.set(node, counts);
      else this.#counts.delete(node);
      this.#carried.delete(placement.fold.decl);
    });
  }

  /** A site that the fold reads, as it is without this fold. */
  #read(at: Node, placement: Placement, instance: LayerInstance, read: Ast.Down["reads"][number]): Tensor {
    const chosen: Value | undefined = read.site ? placement.fold.scope.get(read.site.name) : undefined;
    const name = chosen?.kind === "word" ? chosen.name : (read.site?.name ?? read.name.name);
    const site = this.#e.sites.get(instance.sitePath(name)) ?? fail(folds.F305, placement.item.with.span, { fold: placement.fold.decl.name.name, site: name });
    return tensor(this.#before(site.tensor.node, this.#index.get(at) ?? 0, new Map()).node, site.tensor.axes);
  }

  /** A node as it is before the fold at position `limit`, even where it is computed after that place. */
  #before(node: Node, limit: number, memo: Map<Node, { node: Node; counts: Counts }>): { node: Node; counts: Counts } {
    const index = this.#index.get(node);
    if (index !== undefined && index <= limit) return { node: this.#made.get(node) as Node, counts: this.#counts.get(node) ?? NONE };
    const known = memo.get(node);
    if (known) return known;
    const { made, counts } = this.#remade(node, (input) => this.#before(input, limit, memo));
    const view = { node: made, counts };
    memo.set(node, view);
    return view;
  }

  // ── hooks ──
  #findHooks(placements: readonly Placement[]): void {
    const names = new Set(placements.flatMap((p) => hooksOf(p.fold.decl).map((h) => h.site.name)));
    if (names.size === 0) return;
    const visit = (instance: LayerInstance): void => {
      for (const name of names) {
        const site = instance.decl.offers ? this.#e.sites.get(instance.sitePath(name)) : undefined;
        if (site) push(this.#hooked, site.tensor.node, site.path);
      }
      for (const child of instance.children.values()) for (const one of Array.isArray(child) ? child : [child]) visit(one as LayerInstance);
    };
    visit(this.#root);
  }

  #hooks(node: Node): void {
    const [path] = this.#hooked.get(node) ?? [];
    const counts = this.#counts.get(node);
    if (!path || !counts) return;
    const seen = new Set<Ast.FoldDecl>();
    for (const active of [...this.#active]) {
      const { decl } = active.placement.fold;
      if (seen.has(decl)) continue;
      seen.add(decl);
      const site = this.#e.sites.get(path) as Site;
      for (const hook of hooksOf(decl)) if (path.endsWith(`.${hook.site.name}`) || sameSite(this.#root, path, hook.site.name)) this.#apply(node, hook, active, site);
    }
  }

  #apply(node: Node, hook: Ast.Hook, active: Active, site: Site): void {
    const e = this.#e;
    const { fold, item } = active.placement;
    if (hook.when) {
      const on = evaluate(e, hook.when, fold.scope);
      if (on.kind === "bool" && !on.value) return;
    }
    const old = tensor(this.#made.get(node) as Node, site.tensor.axes);
    const scope = new Scope(fold.scope);
    for (const [name, value] of this.#carried.get(fold.decl) ?? []) scope.set(name, value);
    const [param] = hook.signature.params;
    const before = e.by;
    e.by = fold.decl.name.name;
    e.path = site.path.slice(0, site.path.lastIndexOf("."));
    try {
      const result = applySignature(e, hook.signature, `${hook.site.name} of ${fold.decl.name.name}`, new Map([[param?.name.name ?? "", old]]), scope, item.with.span, (inner) => evaluateBlock(e, hook.body, inner));
      if (result.kind !== "tensor" || result.node.type.dtype !== old.node.type.dtype || result.node.type.dims.some((d, i) => d.key !== old.node.type.dims[i]?.key))
        fail(folds.F309, item.with.span, { fold: fold.decl.name.name, site: site.path, found: describe(result), wanted: showTensor(old) });
      else this.#made.set(node, result.node);
    } finally {
      e.by = before;
      e.path = "";
    }
  }

  /** What another fold carries with the same tokens must be folded too, or be refused by name. */
  #carriedAlong(placement: Placement): void {
    for (const [decl, values] of this.#carried) {
      if (decl === placement.fold.decl) continue;
      for (const name of values.keys()) fail(folds.F311, placement.item.span, { carry: name, of: decl.name.name, fold: placement.fold.decl.name.name });
    }
  }

  /** `K = N - min(r, …)`: more was asked for than there is. */
  #clipped(placement: Placement, folded: Folded): void {
    const e = this.#e;
    for (const clause of placement.fold.decl.where)
      for (const call of callsOf(clause, "min")) {
        const [asked, limit] = call.args.map((a) => evaluate(e, a.value, folded.scope));
        if (call.args[0]?.value.kind !== "name" || asked?.kind !== "size" || limit?.kind !== "size") continue;
        const gap = e.arena.facts.number(subtract(asked.dim, limit.dim));
        if (gap !== undefined && gap > 0)
          e.report(report(folds.F308, placement.item.with.span, { fold: placement.fold.decl.name.name, asked: `${call.args[0].value.name} = ${e.arena.facts.number(asked.dim)}`, given: `${e.arena.facts.number(limit.dim)}` }));
      }
  }
}

function callsOf(expr: unknown, name: string): Ast.Call[] {
  if (typeof expr !== "object" || expr === null) return [];
  const own = (expr as Ast.Call).kind === "call" && (expr as Ast.Call).callee.kind === "name" && ((expr as Ast.Call).callee as Ast.Name).name === name ? [expr as Ast.Call] : [];
  return [...own, ...Object.values(expr).flatMap((v) => (typeof v === "object" ? callsOf(v, name) : []))];
}

/** Whether the contract maps `name` to the site at `path`. */
function sameSite(root: LayerInstance, path: string, name: string): boolean {
  let found = false;
  const visit = (instance: LayerInstance): void => {
    if (found) return;
    if (instance.sitePath(name) === path) found = true;
    for (const child of instance.children.values()) for (const one of Array.isArray(child) ? child : [child]) visit(one as LayerInstance);
  };
  visit(root);
  return found;
}

/** The position of the folded axis: that of the fold's own N in what `down` takes. */
function tokenAxis(down: Ast.Down, decl: Ast.FoldDecl, x: Tensor): number {
  const type = down.signature.params[0]?.type;
  const axes = type?.kind === "tensor-type" ? type.axes : [];
  const at = axes.findIndex((a) => a.kind === "axis" && a.name.name === decl.from.name);
  const rest = axes.findIndex((a) => a.kind === "rest");
  return rest >= 0 && rest < at ? x.axes.length - (axes.length - at) : at;
}

function mentionsName(node: unknown, name: string): boolean {
  if (typeof node !== "object" || node === null) return false;
  if ((node as { kind?: string; name?: unknown }).kind === "name" && (node as { name?: unknown }).name === name) return true;
  return Object.values(node).some((v) => typeof v === "object" && mentionsName(v, name));
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

