// Weaving: folds into a graph, at sites, by making the graph again behind them. That the rest can be made again on another
// number of tokens, a number that nothing is known of, is the proof that the region is polymorphic in its axis.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { report } from "../diagnostics/define.ts";
import { folds } from "../diagnostics/folds.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { BATCH_SIZE } from "../elaborate/boundary.ts";
import { applySignature } from "../elaborate/call.ts";
import type { Elaboration, Site } from "../elaborate/elaboration.ts";
import { asFloat, asSize, evaluate, evaluateBlock } from "../elaborate/evaluate.ts";
import { Fail, fail } from "../elaborate/fail.ts";
import { carriesOf, downOf, type Folded, hooksOf, runDown, runUp, upOf } from "../elaborate/fold.ts";
import type { LayerInstance } from "../elaborate/layer.ts";
import { Scope } from "../elaborate/scope.ts";
import { describe, type FnValue, type FoldInstance, showTensor, sizeValue, type Tensor, tensor, type Value } from "../elaborate/value.ts";
import { type GraphOutput, Mismatch, type Node, topological } from "../graph/node.ts";
import { mixesTokens, type Seen } from "../graph/per-record.ts";
import { substituteAttrs } from "../graph/substitute.ts";
import { asSymbol, constant, type Dim, divideExactly, isDim, subtract, symbol, symbolsOf } from "../types/dim.ts";
import { printType } from "../types/tensor.ts";
import { type Control, controlFold, controlledCompanions, isControl } from "./control.ts";
import { companionsOf, type Fallen, foldAlong, ruleOf } from "./companion.ts";
import { Ragged } from "./ragged.ts";
import { mentions, remakeSeen } from "./rebuild.ts";
import { noSite, select, showSelector } from "./selector.ts";
import { groupOf, memberOf, TRACE } from "./trace.ts";

/** One `fold …` line, resolved to sites of the model. */
interface Placement {
  readonly item: Ast.PlaceFold;
  readonly fold: FoldInstance;
  readonly protect: number;
  /** The layers that its selector chose. */
  readonly instances: readonly LayerInstance[];
  /** Where it folds: the layer and the value in it. */
  readonly downs: readonly Fall[];
  /** Consumers below these paths see the folded value; undefined: all do. */
  readonly region: readonly string[] | undefined;
  /** Where it unfolds, undefined: nowhere. */
  up: Site | undefined;
  /** Where it would unfold if the types need it. */
  readonly lastOutput: Site | undefined;
}

/** One place where a placement folds, and with what: `in each` may give every layer its own arguments. */
interface Fall {
  readonly instance: LayerInstance;
  readonly site: Site;
  readonly fold: FoldInstance;
}

/** What folds call where tokens stood. */
const POSITIONS = "positions";

type Counts = ReadonlyMap<string, Dim>;
const NONE: Counts = new Map();
interface View extends Seen {
  readonly counts: Counts;
}

/** One fold that is down at the moment. */
interface Active {
  readonly placement: Placement;
  /** The symbol of the tokens in the model as it was written. */
  readonly name: string;
  readonly fallen: Fallen;
  /** Position of the folded axis. */
  readonly at: number;
  /** Values of the model that it folds along (`down mask by max`), by the name of the rule. */
  readonly companions: ReadonlyMap<Node, Ast.Companion>;
  readonly followed: Map<Node, View | undefined>;
  /** What was carried before it. */
  readonly carriedBefore: Carried;
}
type Carried = ReadonlyMap<Ast.FoldDecl, ReadonlyMap<string, Tensor>>;

interface Woven {
  readonly outputs: readonly GraphOutput[];
  /** The group of each original token, i64[B, N], where it was asked for and every fold tells it, by its `up` or by a rule for what goes along. */
  readonly trace?: GraphOutput | undefined;
  readonly selectors: readonly { readonly selector: string; readonly resolved: readonly string[] }[];
  /** Places where a control stands for a fold. */
  readonly controls: number;
}

interface WeaveOptions {
  readonly trace?: boolean | undefined;
  /** Stands for every fold that drops tokens. */
  readonly control?: Control | undefined;
}

/** Places the folds of a `compress` block into the graph behind `outputs`. Sites then mean the values as woven. */
export function placeFolds(e: Elaboration, root: LayerInstance, items: readonly Ast.PlaceFold[], scope: Scope, outputs: readonly GraphOutput[], options: WeaveOptions = {}): Woven {
  const placements = items.map((item) => resolve(e, root, item, scope));
  const selectors = placements.map((p) => ({ selector: `${p.item.mode} ${showSelector(p.item.region)}`, resolved: p.downs.map((d) => d.site.path) }));
  if (placements.length === 0) return { outputs, selectors, controls: 0 };
  const before = new Map(e.sites);
  const open = placements.filter((p) => p.item.up === undefined && p.up === undefined && upOf(p.fold.decl) && p.lastOutput);
  try {
    return { ...new Weaver(e, root, placements, outputs, options.control).weave(options.trace ?? false), selectors };
  } catch (error) {
    if (!(error instanceof Fail) || open.length === 0) throw explained(error, placements);
    // The types need as many tokens as before: the folds open again where their region ends.
    for (const p of open) {
      p.up = p.lastOutput;
      refuseStandstill(p);
    }
    e.sites.clear();
    for (const [path, site] of before) e.sites.set(path, site);
    return { ...new Weaver(e, root, placements, outputs, options.control).weave(options.trace ?? false), selectors };
  }
}

/** A fold that goes down where its tokens come back: by default it stands behind a layer, and behind the last one they are needed again. */
function refuseStandstill({ item, downs, up }: Placement): void {
  const standing = downs.find((d) => d.site.tensor.node === up?.tensor.node);
  if (standing) fail(folds.F314, item.span, { fold: standing.fold.decl.name.name, site: standing.site.path });
}

/** A one-way fold before something that needs every token is told as that. */
function explained(error: unknown, placements: readonly Placement[]): unknown {
  const oneWay = placements.find((p) => !p.up);
  if (!(error instanceof Fail) || error.problem.code !== "F302" || !oneWay) return error;
  const why = upOf(oneWay.fold.decl) ? "it is told to stay down (`up none`)" : "it has no `up`";
  return new Fail(report(folds.F303, oneWay.item.span, { fold: oneWay.fold.decl.name.name, why }, error.problem.labels.slice(0, 1).map(({ span }) => ({ span, says: "this needs every token" }))));
}

function resolve(e: Elaboration, root: LayerInstance, item: Ast.PlaceFold, scope: Scope): Placement {
  const value = placed(e, item, scope, 0);
  const { instances, site } = select(e, root, item.region, scope);
  const [first, last] = [instances[0] as LayerInstance, instances[instances.length - 1] as LayerInstance];
  const protect = item.protect ? protectedTokens(e, item.protect, scope) : 0;
  const siteOf = (instance: LayerInstance, name: string): Site => e.sites.get(instance.sitePath(name)) ?? (item.after?.name === name ? noSite(e, instance, item.after) : fail(folds.F301, item.region.span, { selector: `${showSelector(item.region)} after ${name}`, of: instance.place.path, near: [] }));
  const across = item.mode === "across";
  const name = item.after?.name ?? site ?? (across ? "input" : "output");
  const differs = mentionsName(item.with.args, "index");
  const downs = across ? [{ instance: first, site: siteOf(first, name), fold: value }] : instances.map((instance, i) => ({ instance, site: siteOf(instance, name), fold: differs && i > 0 ? placed(e, item, scope, i) : value }));
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
  const placement = { item, fold: value, protect, instances, downs, region, up, lastOutput };
  refuseStandstill(placement);
  return placement;
}

/** The fold at the `index`-th of the layers that are chosen. */
function placed(e: Elaboration, item: Ast.PlaceFold, scope: Scope, index: number): FoldInstance {
  const own = new Scope(scope);
  if (item.mode === "each") own.set("index", sizeValue(constant(index)));
  const value = evaluate(e, item.with, own);
  return value.kind === "fold" ? value : fail(folds.F304, item.with.span, { fold: describe(value), part: "`down`: only folds can be placed" });
}

function protectedTokens(e: Elaboration, expr: Ast.Expr, scope: Scope): number {
  const value = evaluate(e, expr, scope);
  const count = e.arena.facts.number(asSize(e, value, expr.span));
  return count !== undefined && count >= 0 ? count : fail(shapes.T302, expr.span, { param: "protect", found: describe(value), wanted: "a whole number of tokens" });
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
  /** Folded for consumers in a region only, the last fold at the end. */
  readonly #regional = new Map<Node, (View & { readonly paths: readonly string[] })[]>();
  readonly #downs = new Map<Node, { readonly placement: Placement; readonly fall: Fall }[]>();
  readonly #ups = new Map<Node, { readonly placement: Placement; readonly site: Site }[]>();
  readonly #hooked = new Map<Node, string[]>();
  readonly #active: Active[] = [];
  /** The folds that were down where most were, the last time. */
  #deepest: readonly Active[] = [];
  #carried: Carried = new Map();
  /** What the folded counts are; hidden from everything but the folds themselves. */
  readonly #sizes = new Map<string, Dim>();
  readonly #ragged = new Ragged();
  readonly #control: Control | undefined;
  #controls = 0;

  constructor(e: Elaboration, root: LayerInstance, placements: readonly Placement[], outputs: readonly GraphOutput[], control: Control | undefined) {
    this.#control = control;
    this.#e = e;
    this.#root = root;
    this.#outputs = outputs;
    this.#order = topological(outputs.map((o) => o.node));
    for (const [i, n] of this.#order.entries()) this.#index.set(n, i);
    for (const placement of placements) {
      for (const fall of placement.downs) push(this.#downs, fall.site.tensor.node, { placement, fall });
      if (placement.up) push(this.#ups, placement.up.tensor.node, { placement, site: placement.up });
    }
    this.#findHooks(placements);
  }

  weave(trace: boolean): Omit<Woven, "selectors"> {
    for (const node of this.#order) {
      const { made, counts } = this.#remade(node, (input) => this.#view(input, node));
      this.#made.set(node, made);
      if (counts.size > 0) this.#counts.set(node, counts);
      this.#hooks(node);
      if (this.#ragged.mixes(this.#made.get(node) as Node)) this.#refuseMixing(node);
      for (const up of this.#inReverse(this.#ups.get(node) ?? [])) this.#up(node, up.placement, up.site);
      for (const down of this.#downs.get(node) ?? []) this.#down(node, down.placement, down.fall);
    }
    const outputs = this.#outputs.map((o) => this.#output(o));
    const traced = trace ? this.#trace() : undefined;
    for (const [name, value] of this.#sizes) this.#e.arena.facts.know(name, value);
    for (const [path, site] of [...this.#e.sites]) {
      const made = this.#made.get(site.tensor.node);
      if (made) this.#e.sites.set(path, { ...site, tensor: tensor(made, site.tensor.axes) });
    }
    return { outputs, trace: traced, controls: this.#controls };
  }

  #trace(): GraphOutput | undefined {
    const [first, last] = [this.#deepest[0], this.#deepest[this.#deepest.length - 1]];
    const x = first?.placement.downs[0]?.site.tensor;
    if (!first || !last || !x || this.#deepest.some((a) => a.name !== first.name || a.at !== 1) || x.axes.length !== 3) return undefined;
    const { batch, after } = last.fallen;
    const node = this.#knowing(() => (this.#deepest.every(opens)
      ? groupOf(this.#e, {
        batch, count: after, width: x.node.type.dims[2] as Dim,
        open: (y) => this.#deepest.reduceRight((t, active) => this.#opened(active, t), tensor(y, x.axes)).node,
      })
      : memberOf(this.#e, { batch, count: first.fallen.before, fold: (y) => this.#deepest.reduce((t, active) => foldAlong(this.#e, active.fallen, this.#member(active) as FnValue, t, 1), y) })));
    return { name: TRACE, node, axes: x.axes.slice(0, 2) };
  }

  /** The rule that tells best which tokens a group has: all of them by sum or max, one by whatever else a companion is folded by. */
  #member({ fallen }: Pick<Active, "fallen">): FnValue | undefined {
    for (const rule of ["sum", "max", "first", ...companionsOf(fallen.fold.decl).map((c) => c.by.name)]) {
      const found = ruleOf(this.#e, fallen, rule);
      if (found) return found;
    }
    return undefined;
  }

  #output(o: GraphOutput): GraphOutput {
    const open = new Set((o.open ?? []).map((at) => o.node.type.dims[at]?.key));
    // What goes along with the tokens leaves with them.
    const last = this.#active.findLastIndex((a) => open.has(a.name));
    const along = last < 0 ? undefined : this.#followed(o.node, o.node, (this.#active[last] as Active).name, last);
    if (along) return { ...o, node: along.node };
    const counts = this.#counts.get(o.node) ?? NONE;
    for (const [name, count] of counts) {
      const mentioned = o.node.type.dims.some((d, at) => symbolsOf(d).has(name) && !o.open?.includes(at));
      if (mentioned && count.key !== name && !this.#e.arena.makerOf(name)) this.#refuse(o.node, `the output ${o.name} still has its tokens`, { found: count.key, wanted: name });
    }
    return { ...o, node: this.#made.get(o.node) ?? o.node };
  }

  #view(input: Node, consumer: Node): View {
    const paths = this.#regional.has(input) ? this.#e.arena.originsOf(consumer).map((o) => o.path) : [];
    return this.#regionalAt(input, paths) ?? this.#now(input);
  }

  #now(node: Node): View {
    return { node: this.#made.get(node) ?? node, counts: this.#counts.get(node) ?? NONE };
  }

  /** What stands for a value in layers at these paths, where it was folded for their region. */
  #regionalAt(node: Node, paths: readonly string[]): (View & { readonly paths: readonly string[] }) | undefined {
    return this.#regional.get(node)?.findLast((r) => paths.some((path) => r.paths.some((p) => path === p || path.startsWith(`${p}.`))));
  }

  /** Where several folds come back at one place, the one that went down last is the first. */
  #inReverse<T extends { readonly placement: Placement }>(ups: readonly T[]): readonly T[] {
    const down = (up: T): number => this.#active.findLastIndex((a) => a.placement === up.placement);
    return [...ups].sort((a, b) => down(b) - down(a));
  }

  /** `node` on the inputs as they are by now. */
  #remade(node: Node, view: (input: Node) => View): { made: Node; counts: Counts } {
    if (node.inputs.length === 0) return { made: node, counts: NONE };
    const views = this.#together(node, node.inputs.map(view));
    const counts = this.#renewed(node, views, this.#merged(node, views));
    try {
      const made = remakeSeen(this.#e.b, node, views, substituteAttrs(node.attrs, counts), this.#batch());
      // What is one for all records cannot stand where each has its own.
      if (made.isPerRecord) throw new Mismatch("positions differ from record to record, and this has no axis of records", printType(made.node.type), printType(node.type));
      return { made: made.node, counts };
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      return this.#refuse(node, error.message, error);
    }
  }

  /** How many records the folds that are down work on. */
  #batch(): Dim {
    return this.#active[this.#active.length - 1]?.fallen.batch ?? BATCH_SIZE;
  }

  /** The same, but where folded tokens meet others, these are folded along if the folds that are down say how. */
  #together(node: Node, views: readonly View[]): readonly View[] {
    for (const name of new Set(views.flatMap((v) => [...v.counts.keys()]))) {
      const level = this.#active.findLastIndex((a) => a.name === name);
      const count = this.#active[level]?.fallen.after.key;
      const isLeft = (view: View, i: number): boolean => (view.counts.get(name)?.key ?? name) !== count && mentions(node.inputs[i] as Node, name);
      if (count === undefined || !views.some((v) => v.counts.get(name)?.key === count) || !views.some(isLeft)) continue;
      return views.map((v, i) => (isLeft(v, i) ? (this.#followed(node.inputs[i] as Node, node, name, level) ?? v) : v));
    }
    return views;
  }

  /** `node` with the tokens that the first `level + 1` folds leave, where what it is made of can be folded along with them. */
  #followed(node: Node, consumer: Node, name: string, level: number): View | undefined {
    const view = this.#view(node, consumer);
    const active = this.#active[level];
    if (!active || !mentions(node, name)) return view.counts.has(name) ? undefined : view;
    if (view.counts.get(name)?.key === active.fallen.after.key) return view;
    if (active.name !== name) return this.#followed(node, consumer, name, level - 1);
    if (active.followed.has(node)) return active.followed.get(node);
    const companion = active.companions.get(node);
    const found = companion ? this.#companion(active, companion, this.#followed(node, consumer, name, level - 1)) : this.#fromFollowed(node, name, level);
    active.followed.set(node, found);
    return found;
  }

  #fromFollowed(node: Node, name: string, level: number): View | undefined {
    // What is made of several positions at once is taken along as they are.
    const positions = mixesTokens(node, (d) => symbolsOf(d).has(name)) ? this.#positionsIn(node, name, level) : undefined;
    if (positions) return node.type.dims.every((d) => d.key === name || !symbolsOf(d).has(name)) ? this.#companion(this.#active[level] as Active, positions, this.#followed(node, node, name, level - 1)) : undefined;
    // One value for every token, however many there are.
    if (isUniform(node, name)) return this.#remadeAs(node, node.inputs.map((input) => ({ node: input })), new Map([[name, (this.#active[level] as Active).fallen.after]]));
    const inputs = node.inputs.map((input) => this.#followed(input, node, name, level));
    if (inputs.length === 0 || inputs.includes(undefined)) return undefined;
    return this.#remadeAs(node, inputs as View[], this.#renewed(node, inputs as View[], this.#merged(node, inputs as View[])));
  }

  /** How a fold takes positions along, where all that counts tokens in `node` is made of them. */
  #positionsIn(node: Node, name: string, level: number): Ast.Companion | undefined {
    let found: Ast.Companion | undefined;
    const seen = new Set([node]);
    for (const at of seen) {
      const companion = this.#active[level]?.companions.get(at);
      const from = companion || isUniform(at, name) ? [] : at.inputs.filter((x) => mentions(x, name));
      if (companion ? companion.name.name !== POSITIONS : from.length === 0 && !isUniform(at, name)) return undefined;
      found = companion ?? found;
      for (const x of from) seen.add(x);
    }
    return found;
  }

  #remadeAs(node: Node, inputs: readonly Seen[], counts: Counts): View | undefined {
    try {
      const made = remakeSeen(this.#e.b, node, inputs, substituteAttrs(node.attrs, counts), this.#batch());
      this.#ragged.mixes(made.node);
      return { ...made, counts };
    } catch (error) {
      // It cannot be made on so many tokens; whoever needs it says what meets what.
      if (error instanceof Mismatch) return undefined;
      throw error;
    }
  }

  /** A count that data decide is another one where the data are. */
  #renewed(node: Node, views: readonly View[], counts: Counts): Counts {
    const { some } = node.attrs;
    if (!isDim(some) || views.every((v, i) => v.node === node.inputs[i])) return counts;
    return new Map([...counts, [some.key, this.#e.freshDim(some.key)]]);
  }

  /** A value of the model, folded by the rule that the fold names for it, along every axis of tokens. */
  #companion(active: Active, companion: Ast.Companion, view: View | undefined): View | undefined {
    const { fallen, name } = active;
    if (!view) return undefined;
    const { dims } = view.node.type;
    if (dims[0]?.key !== fallen.batch.key) {
      if (dims.some((d) => divideExactly(d, fallen.batch))) return undefined;
      // Counted once for all records: each of them loses tokens of its own.
      const own = this.#e.at(fallen.span, () => this.#e.b.expand(this.#e.b.reshape(view.node, [constant(1), ...dims]), [fallen.batch, ...dims]));
      return this.#companion(active, companion, { ...view, node: own, isPerRecord: true });
    }
    const rule = ruleOf(this.#e, fallen, companion.by.name) ?? fail(folds.F304, companion.span, { fold: fallen.fold.decl.name.name, part: `rule \`${companion.by.name}\`: a function of the fold, or of a record that \`down\` names` });
    return this.#knowing(() => {
      let { node } = view;
      for (const [at, dim] of view.node.type.dims.entries()) if (dim.key === fallen.before.key) node = foldAlong(this.#e, fallen, rule, node, at);
      if (this.#ragged.has(fallen.after)) this.#ragged.trust(node);
      return { node, counts: new Map([...view.counts, [name, fallen.after]]), isPerRecord: view.isPerRecord, isPosition: companion.name.name === POSITIONS };
    });
  }

  /** The counts that `node` works on: its inputs that carry an axis must agree on it. */
  #merged(node: Node, views: readonly View[]): Counts {
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

  /** The named value that a node is, or is made of: its first path, and what the layers of the fold call it, where `down NAME by …` looks for it. */
  #siteOf(node: Node, name: string): { readonly path: string; readonly called: string | undefined } | undefined {
    const layers = this.#active.flatMap((a) => a.placement.instances.map((i) => `${i.place.path}.`));
    // What could be folded along is not to blame.
    const left = (x: Node): boolean => mentions(x, name) && !this.#active.some((a) => a.name === name && a.followed.get(x));
    for (let at: Node | undefined = node; at; at = at.inputs.find(left) ?? at.inputs.find((x) => mentions(x, name))) {
      const paths = [...this.#e.sites].flatMap(([path, site]) => (site.tensor.node === at ? [path] : []));
      const [path] = paths;
      if (path !== undefined) return { path, called: nameOf(paths.find((p) => layers.some((layer) => p.startsWith(layer)) && nameOf(p)) ?? path) };
    }
    return undefined;
  }

  #meet(node: Node, name: string, a: { count: Dim; input: Node }, b: { count: Dim; input: Node }): never {
    const [old, folded] = a.count.key === name ? [a, b] : [b, a];
    const origin = this.#e.arena.originsOf(old.input)[0];
    const span = this.#span();
    const label = origin ? [{ span: origin.span, says: `this carries ${this.#describeCount(old.count)} tokens` }] : [];
    const site = this.#siteOf(old.input, name);
    return fail(folds.F307, span, {
      name: site?.called,
      first: site?.path ?? (origin?.path || "a value from before the fold"), second: this.#e.arena.originsOf(folded.input)[0]?.path || "the folded value",
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
    const counts = active ? this.#describeCount(active.fallen.before) : "its";
    return fail(folds.F302, active?.placement.item.span, { fold: active?.placement.fold.decl.name.name ?? "the fold", region, count: counts, why, found: types.found, wanted: types.wanted }, this.#label(node, "fixed here"));
  }

  #refuseMixing(node: Node | undefined, behind?: Placement): never {
    const active = this.#active.findLast((a) => this.#ragged.has(a.fallen.after));
    const path = node && this.#e.arena.originsOf(node)[0]?.path;
    const what = `\`${node?.op ?? behind?.fold.decl.name.name}\`${path ? ` in ${path}` : ""}`;
    const labels = node ? this.#label(node, "this takes all of them together") : behind ? [{ span: behind.item.span, says: "this takes all of them together" }] : [];
    return fail(folds.F313, active?.placement.item.span, { fold: active?.placement.fold.decl.name.name ?? "the fold", what }, labels);
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

  #down(node: Node, placement: Placement, { instance, site, fold }: Fall): void {
    const e = this.#e;
    const { protect } = placement;
    const down = downOf(fold.decl) ?? fail(folds.F304, fold.decl.span, { fold: fold.decl.name.name, part: "`down`" });
    const regional = this.#regionalAt(node, [instance.place.path]);
    const x = tensor((regional ?? this.#now(node)).node, site.tensor.axes);
    const at = tokenAxis(down, fold.decl, x);
    const before = x.node.type.dims[at] as Dim;
    const original = site.tensor.node.type.dims[at] as Dim;
    const name = asSymbol(original) ?? fail(folds.F306, placement.item.span, { site: site.path, found: showTensor(site.tensor) });
    if (this.#ragged.has(before) && !this.#carried.get(fold.decl)) this.#refuseMixing(undefined, placement);
    const reads = new Map(down.reads.map((read) => [read.name.name, this.#read(node, placement, { instance, site, fold }, read, name)]));
    this.#knowing(() => {
      const there = e.arena.facts.number(before);
      if (there !== undefined && protect > 0 && protect >= there)
        fail(shapes.T302, placement.item.protect?.span, { param: "protect", found: String(protect), wanted: `a number below ${there}: so many tokens come to ${site.path}, and one at least is left to fold` });
      const wraps = protect > 0 && !mentionsName(fold.decl, "protected");
      const carried = this.#carried.get(fold.decl) ?? new Map<string, Tensor>();
      const parts = wraps ? this.#protected(x, at, protect) : { head: undefined, tail: x };
      // Of attention between tokens both axes.
      const tail = (t: Tensor): Tensor => (wraps ? t.axes.filter((_, i) => t.node.type.dims[i]?.key === before.key).reduce((cut, axis) => e.named.slice(cut, axis, constant(protect), before), t) : t);
      const folded = runDown(e, fold, {
        x: parts.tail, protect: wraps ? 0 : protect,
        reads: new Map([...reads].map(([n, t]) => [n, tail(t)])),
        carried: new Map([...carried].map(([n, t]) => [n, tail(t)])),
      }, placement.item.with.span);
      this.#clipped(placement, folded);
      const result = parts.head ? e.named.concat([parts.head, folded.result], x.axes[at] as string) : folded.result;
      const instead = this.#control && this.#controlled(this.#control, placement, x, at, before, result.node.type.dims[at] as Dim);
      if (instead === "same") return;
      if (instead) this.#seal(node, placement, instead.fold, instead.folded, instead.result, at, name, before, protect > 0 ? constant(protect) : undefined, regional);
      else if (keepsCount(fold.decl, result.node.type.dims[at], before)) this.#replace(node, placement, result, regional);
      else this.#seal(node, placement, fold, folded, result, at, name, before, parts.head && constant(protect), regional);
    });
  }

  /** The control that leaves `count` of `before` tokens; `same` where nothing is dropped; undefined where the fold stays: it is a control itself, or adds tokens. */
  #controlled(control: Control, { fold, item, protect }: Placement, x: Tensor, at: number, before: Dim, count: Dim): { fold: FoldInstance; folded: Folded; result: Tensor } | "same" | undefined {
    const e = this.#e;
    if (isControl(fold.decl)) return undefined;
    if (count.key === before.key) return "same";
    if ((e.arena.facts.number(subtract(count, before)) ?? 0) > 0) return undefined;
    const instead = controlFold(e, control, this.#controls++, subtract(count, constant(protect)), item.with.span);
    const parts = protect > 0 ? this.#protected(x, at, protect) : { head: undefined, tail: x };
    const folded = runDown(e, instead, { x: parts.tail, protect: 0, reads: new Map(), carried: new Map() }, item.with.span);
    return { fold: instead, folded, result: parts.head ? e.named.concat([parts.head, folded.result], x.axes[at] as string) : folded.result };
  }

  /** As many tokens as before, other values: nothing has to come back, and what goes along stays as it is. */
  #replace(node: Node, placement: Placement, result: Tensor, regional: (View & { readonly paths: readonly string[] }) | undefined): void {
    const paths = placement.region ?? regional?.paths;
    if (paths) push(this.#regional, node, { node: result.node, counts: (regional ?? this.#now(node)).counts, paths });
    else this.#made.set(node, result.node);
  }

  /** From here on there are K tokens, and nothing that follows may know how many that is. */
  #seal(node: Node, placement: Placement, fold: FoldInstance, folded: Folded, result: Tensor, at: number, name: string, before: Dim, beside: Dim | undefined, regional: (View & { readonly paths: readonly string[] }) | undefined): void {
    const e = this.#e;
    const { item } = placement;
    const count = result.node.type.dims[at] as Dim;
    const after = e.sealedDim(`${name}.folded`, count);
    this.#sizes.set(after.key, count);
    // A control keeps the same tokens of every row, as many as the row that keeps most.
    if (!isControl(fold.decl) && this.#isRagged(fold.decl, count, before)) this.#ragged.open(after.key);
    const fallen: Fallen = { fold, folded, beside, before, after, batch: result.node.type.dims[0] as Dim, span: item.with.span };
    const sealed = (t: Tensor, position: number): Tensor => tensor(e.b.reshape(t.node, t.node.type.dims.map((d, i) => (i === position ? after : d))), t.axes);
    e.arena.within({ span: item.span, path: "", by: fold.decl.name.name }, () => {
      const made = sealed(result, at).node;
      const counts = new Map([...(regional ?? this.#now(node)).counts, [name, after]]);
      const paths = placement.region ?? regional?.paths;
      if (paths) push(this.#regional, node, { node: made, counts, paths });
      else {
        this.#made.set(node, made);
        this.#counts.set(node, counts);
      }
      const own = new Map<string, Tensor>();
      for (const carry of carriesOf(fold.decl)) {
        const value = folded.carried.get(carry.name.name) as Tensor;
        const axes = carry.type.axes.map((a) => (a.kind === "axis" ? a.name.name : e.named.anonymous()));
        const position = axes.indexOf(fold.decl.from.name);
        own.set(carry.name.name, position < 0 ? tensor(value.node, axes) : sealed(tensor(this.#widened(value, carry, beside, position), axes), position));
      }
      const carriedBefore = this.#carried;
      this.#carried = new Map([...this.#carriedAlong(fallen), ...(own.size > 0 ? [[fold.decl, own] as const] : [])]);
      this.#active.push({ placement, name, fallen, at, companions: this.#companions(placement, fold, name, after), followed: new Map(), carriedBefore });
      if (this.#active.length >= this.#deepest.length && (this.#active.every(opens) || this.#active.every((a) => this.#member(a)))) this.#deepest = [...this.#active];
    });
  }

  /** Whether rows may have counts of their own: data decide the count, or the fold says `some K <= N` and fills a fixed size. */
  #isRagged(decl: Ast.FoldDecl, count: Dim, before: Dim): boolean {
    const { arena } = this.#e;
    const type = downOf(decl)?.signature.result;
    const says = type?.kind === "tensor-type" && type.axes.some((a) => a.kind === "some" && a.name.name === decl.to.name);
    const decided = [...arena.facts.symbolsOf(count)].some((s) => (arena.makerOf(s)?.inputs[0]?.type.dims.length ?? 0) > 1);
    return decided || (says && !arena.facts.equal(count, before));
  }

  /** Values in the layers of the placement that carry the tokens' axis and that the fold says how to fold. */
  #companions(placement: Placement, fold: FoldInstance, name: string, count: Dim): Map<Node, Ast.Companion> {
    const found = new Map<Node, Ast.Companion>();
    for (const companion of isControl(fold.decl) ? controlledCompanions(placement.fold.decl) : companionsOf(fold.decl))
      for (const [path, site] of this.#e.sites)
        if (path.endsWith(`.${companion.name.name}`) && placement.instances.some((i) => this.#isSeenFrom(path, i.place.path, count)) && mentions(site.tensor.node, name)) found.set(site.tensor.node, companion);
    return found;
  }

  /** Inside of the layer; where tokens are padded, around it as well: whatever is done with them later must tell padding apart. */
  #isSeenFrom(site: string, layer: string, count: Dim): boolean {
    return site.startsWith(`${layer}.`) || (this.#ragged.has(count) && `${layer}.`.startsWith(site.slice(0, site.lastIndexOf(".") + 1)));
  }

  /** Protected tokens that stood beside the fold carry the first value. */
  #widened(value: Tensor, carry: Ast.Carry, beside: Dim | undefined, position: number): Node {
    if (!beside) return value.node;
    const e = this.#e;
    const init = asFloat(e, evaluate(e, carry.init, new Scope())) ?? 0;
    const dims = value.node.type.dims.map((d, i) => (i === position ? beside : d));
    return e.b.concat([e.b.fill(value.node.type.dtype, dims, init), value.node], position);
  }

  #protected(x: Tensor, at: number, protect: number): { head: Tensor; tail: Tensor } {
    const axis = x.axes[at] as string;
    const length = x.node.type.dims[at] as Dim;
    return { head: this.#e.named.slice(x, axis, constant(0), constant(protect)), tail: this.#e.named.slice(x, axis, constant(protect), length) };
  }

  #up(node: Node, placement: Placement, site: Site): void {
    const own = this.#active.filter((a) => a.placement === placement);
    const [first] = own;
    if (!first) return;
    this.#knowing(() => {
      let y = tensor(this.#made.get(node) as Node, site.tensor.axes);
      for (const active of own.reverse()) {
        y = this.#opened(active, y);
        this.#active.splice(this.#active.indexOf(active), 1);
      }
      const { before } = first.fallen;
      const counts = new Map(this.#counts.get(node) ?? NONE);
      if (before.key === first.name) counts.delete(first.name);
      else counts.set(first.name, before);
      this.#made.set(node, y.node);
      if (counts.size > 0) this.#counts.set(node, counts);
      else this.#counts.delete(node);
      this.#carried = first.carriedBefore;
    });
  }

  /** What one fold's `up` makes of tokens; those that stood beside it stay themselves. */
  #opened(active: Active, y: Tensor): Tensor {
    const e = this.#e;
    const { at, fallen: { fold, folded, beside, before } } = active;
    const { span } = active.placement.item;
    const axis = y.axes[at] as string;
    const length = y.node.type.dims[at] as Dim;
    const opened = runUp(e, fold, folded, beside ? e.named.slice(y, axis, beside, length) : y, span);
    // The count is told by its symbol again, so that what follows sees the tokens it knew.
    return e.arena.within({ span, path: "", by: fold.decl.name.name }, () => {
      const all = beside ? e.named.concat([e.named.slice(y, axis, constant(0), beside), opened], axis) : opened;
      return tensor(e.b.reshape(all.node, all.node.type.dims.map((d, i) => (i === at ? before : d))), y.axes);
    });
  }

  /** A site that the fold reads, as it is without this fold. Several are stacked along a first axis, and one where the fold declares such an axis. */
  #read(at: Node, placement: Placement, fall: Fall, read: Ast.Down["reads"][number], name: string): Tensor {
    const { b } = this.#e;
    const sites = this.#readSites(placement, fall, read);
    const values = sites.map((site) => this.#asTaken(site.tensor.node, at, name) ?? this.#before(site.tensor.node, this.#index.get(at) ?? 0, new Map()).node);
    const [first, axes] = [values[0] as Node, (sites[0] as Site).tensor.axes];
    const { axes: wanted } = read.type;
    const isStacked = values.length > 1 || (wanted.length === axes.length + 1 && !wanted.some((a) => a.kind === "rest"));
    if (!isStacked) return tensor(first, axes);
    return this.#e.at(placement.item.with.span, () => tensor(b.concat(values.map((v) => b.reshape(v, [constant(1), ...v.type.dims])), 0), [this.#e.named.anonymous(), ...axes]));
  }

  /** A value that the folds before have taken along with the tokens: as many as these are by now. */
  #asTaken(node: Node, at: Node, name: string): Node | undefined {
    const level = this.#active.findLastIndex((a) => a.name === name);
    return this.#active[level]?.companions.has(node) ? this.#followed(node, at, name, level)?.node : undefined;
  }

  /** One in the block that the fold stands in, or of the model itself (what enters an imported file, what was named by hand), or those that it was given a path to. */
  #readSites(placement: Placement, { instance, fold }: Fall, read: Ast.Down["reads"][number]): readonly Site[] {
    const chosen: Value | undefined = read.site ? fold.scope.get(read.site.name) : undefined;
    const missing = (site: string): never => fail(folds.F305, placement.item.with.span, { fold: fold.decl.name.name, site });
    if (chosen?.kind === "elsewhere") {
      const { instances, site = "output" } = select(this.#e, this.#root, chosen.selector, chosen.scope);
      return instances.map((one) => this.#e.sites.get(one.sitePath(site)) ?? missing(`${one.place.path}.${site}`));
    }
    const name = chosen?.kind === "word" ? chosen.name : (read.site?.name ?? read.name.name);
    return [this.#e.sites.get(instance.sitePath(name)) ?? this.#e.sites.get(this.#root.sitePath(name)) ?? missing(name)];
  }

  /** A node as it is before the fold at position `limit`, even where it is computed after that place. */
  #before(node: Node, limit: number, memo: Map<Node, View>): View {
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
      const { decl } = active.fallen.fold;
      if (seen.has(decl)) continue;
      seen.add(decl);
      const site = this.#e.sites.get(path) as Site;
      for (const hook of hooksOf(decl)) if (path.endsWith(`.${hook.site.name}`) || sameSite(this.#root, path, hook.site.name)) this.#apply(node, hook, active, site);
    }
  }

  #apply(node: Node, hook: Ast.Hook, active: Active, site: Site): void {
    const e = this.#e;
    const { fallen: { fold }, placement: { item } } = active;
    if (hook.when) {
      const on = evaluate(e, hook.when, fold.scope);
      if (on.kind !== "bool") fail(shapes.B321, hook.when.span, { what: "Whether this hook holds", found: describe(on) });
      else if (!on.value) return;
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
      else {
        this.#made.set(node, result.node);
        if (this.#ragged.has(active.fallen.after)) this.#ragged.trust(result.node);
      }
    } finally {
      e.by = before;
      e.path = "";
    }
  }

  /** What other folds carry with the same tokens, folded by this one as their `carry … down by` says. */
  #carriedAlong(fallen: Fallen): [Ast.FoldDecl, ReadonlyMap<string, Tensor>][] {
    return [...this.#carried].filter(([decl]) => decl !== fallen.fold.decl).map(([decl, values]) => {
      const along = [...values].map(([name, value]): [string, Tensor] => {
        const at = value.node.type.dims.findIndex((d) => d.key === fallen.before.key);
        if (at < 0) return [name, value];
        const by = carriesOf(decl).find((c) => c.name.name === name)?.by.name ?? "";
        const rule = ruleOf(this.#e, fallen, by) ?? fail(folds.F311, fallen.span, { carry: name, of: decl.name.name, fold: fallen.fold.decl.name.name, by });
        return [name, tensor(foldAlong(this.#e, fallen, rule, value.node, at), value.axes)];
      });
      return [decl, new Map(along)];
    });
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

/** Whether a node repeats what it is made of along the tokens: nothing that it is made of counts them. */
const isUniform = (node: Node, name: string): boolean => (node.op === "fill" || node.op === "expand") && node.inputs.every((x) => !mentions(x, name));

const opens = (active: Active): boolean => upOf(active.fallen.fold.decl) !== undefined;

/** A fold of N to N that has no way back, carries nothing and hooks nowhere. */
const keepsCount = (decl: Ast.FoldDecl, after: Dim | undefined, before: Dim): boolean => after?.key === before.key && !upOf(decl) && carriesOf(decl).length === 0 && hooksOf(decl).length === 0;

function callsOf(expr: unknown, name: string): Ast.Call[] {
  if (typeof expr !== "object" || expr === null) return [];
  const own = (expr as Ast.Call).kind === "call" && (expr as Ast.Call).callee.kind === "name" && ((expr as Ast.Call).callee as Ast.Name).name === name ? [expr as Ast.Call] : [];
  return [...own, ...Object.values(expr).flatMap((v) => (typeof v === "object" ? callsOf(v, name) : []))];
}

/** What a fold can call the value at this path. */
function nameOf(path: string | undefined): string | undefined {
  const name = path?.slice(path.lastIndexOf(".") + 1);
  return name === "input" || name === "output" ? undefined : name;
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

