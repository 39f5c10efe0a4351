// A call of an imported model: the file's graph made again on the arguments. The count of tokens that enters a stack of blocks
// becomes a symbol, and what the exporter had baked in of it is found again behind; the places of the blocks become sites.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { Mismatch, type Node, topological } from "../graph/node.ts";
import { substituteAttrs } from "../graph/substitute.ts";
import type { InputSizes } from "../import/onnx-graph.ts";
import { mixesRecords } from "../import/onnx-batch.ts";
import { type Swap, derived } from "../import/onnx-derive.ts";
import { companionOf, countedPositions, type RecognisedSite } from "../import/recognised.ts";
import { isOpaque } from "../ops/foreign.ts";
import { asNumber, asSymbol, constant, type Dim, substitute, symbolsOf } from "../types/dim.ts";
import { BATCH, BATCH_SIZE } from "./boundary.ts";
import { canonical } from "./canonical.ts";
import type { Elaboration } from "./elaboration.ts";
import { asTensor, evaluate } from "./evaluate.ts";
import { fail } from "./fail.ts";
import type { ImportedModel } from "./imported-model.ts";
import type { Scope } from "./scope.ts";
import { describe, showTensor, type Tensor, tensor, type Value } from "./value.ts";

/** Runs the file on the arguments of a call: its only output, or a record of them. */
export function callImported(e: Elaboration, model: ImportedModel, call: Ast.Call, scope: Scope): Value {
  const given = argumentsOf(e, model, call, scope);
  if (!given) return { kind: "poison" };
  const sizes = otherSizes(e, given);
  const same = sameSizes(model, given);
  const fitting = (sizes.size + same.size > 0 && model.resized(sizes, same)) || model;
  const ports = fitting.imported.graph.inputs;
  const again = new Again(e, fitting, given.map((a, i) => ({ ...a, port: ports[i]?.node ?? a.port })), call.span);
  const outputs = fitting.imported.results.map(({ name, node }) => [identifier(name), again.result(node)] as const);
  again.nameSites();
  const [first] = outputs;
  return first && outputs.length === 1 ? first[1] : { kind: "record", type: undefined, fields: new Map(outputs) };
}

/** A name of the file as a name of the language. */
const identifier = (name: string): string => name.replace(/[^\p{L}\p{N}_]/gu, "_").replace(/^(?=\p{N})/u, "_");

interface Argument {
  readonly name: string;
  /** What the file calls it. */
  readonly file: string;
  readonly port: Node;
  readonly value: Tensor;
}

function argumentsOf(e: Elaboration, model: ImportedModel, call: Ast.Call, scope: Scope): readonly Argument[] | undefined {
  const ports = model.imported.graph.inputs;
  const named = new Map<number, Ast.Argument>();
  let next = 0;
  for (const argument of call.args) {
    const { name } = argument;
    const at = name ? ports.findIndex((p) => identifier(p.name) === name.name) : next++;
    if (name && at < 0) fail(shapes.T305, name.span, { name: name.name, of: model.name, near: nearest(name.name, ports.map((p) => identifier(p.name))) });
    if (at >= ports.length || named.has(at)) fail(shapes.T304, argument.span, { of: model.name, count: ports.length });
    named.set(at, argument);
  }
  const values = ports.map((port, i): Argument | undefined => {
    const argument = named.get(i) ?? fail(shapes.T303, call.span, { param: identifier(port.name), of: model.name, wanted: typeText(model, port.node) });
    const value = evaluate(e, argument.value, scope);
    if (value.kind === "poison") return undefined;
    const { span } = argument.value;
    const what = `${identifier(port.name)} of ${model.name}`;
    const found = asTensor(e, value, undefined, { span }) ?? fail(shapes.T302, span, { param: what, found: describe(value), wanted: typeText(model, port.node) });
    if (found.node.type.dtype !== port.node.type.dtype) fail(shapes.T311, span, { what: `${what} has another element type.`, found: showTensor(found), wanted: typeText(model, port.node) });
    if (found.axes.length !== port.node.type.dims.length) fail(shapes.T302, span, { param: what, found: showTensor(found), wanted: typeText(model, port.node) });
    return { name: identifier(port.name), file: port.name, port: port.node, value: found };
  });
  return values.includes(undefined) ? undefined : (values as Argument[]);
}

/** Numbers that arguments have for sizes where the file fixes others. */
function otherSizes(e: Elaboration, given: readonly Argument[]): InputSizes {
  const out = new Map<string, ReadonlyMap<number, number>>();
  for (const { file, port, value } of given) {
    const found = value.node.type.dims;
    const other = port.type.dims.flatMap((wanted, axis): [number, number][] => {
      const size = found[axis];
      const [fixed, here] = [asNumber(wanted), size && e.arena.facts.number(size)];
      return fixed === undefined || here === undefined || fixed === here ? [] : [[axis, here]];
    });
    if (other.length > 0) out.set(file, new Map(other));
  }
  return out;
}

/** Sizes that the file leaves open under several names, where arguments have one: of each the name that stands for all. */
function sameSizes({ prefix }: ImportedModel, given: readonly Argument[]): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  const out = new Map<string, string>();
  for (const { port, value } of given)
    for (const [axis, wanted] of port.type.dims.entries()) {
      const found = value.node.type.dims[axis]?.key ?? "";
      const open = asSymbol(wanted)?.slice(prefix.length);
      if (open === undefined || open.startsWith("#")) continue;
      const known = first.get(found);
      if (known === undefined) first.set(found, open);
      else if (known !== open) out.set(open, known);
    }
  return out;
}

/** The type of an input as the file says it. */
function typeText(model: ImportedModel, { type }: Node): string {
  return `${type.dtype}[${type.dims.map((d) => d.key.replaceAll(`${model.prefix}#`, "?").replaceAll(model.prefix, "")).join(", ")}]`;
}

class Again {
  readonly #e: Elaboration;
  readonly #model: ImportedModel;
  readonly #arguments: readonly Argument[];
  readonly #span: Span;
  readonly #made = new Map<Node, Node>();
  /** What the file's sizes are here. */
  readonly #values = new Map<string, Dim>();
  readonly #swaps: Swap[] = [];
  /** Names of axes by their size: where an output has a size of an argument, it has its name. */
  readonly #axes = new Map<string, string>();
  /** The file counts one record where the pipeline counts many. */
  #isBatched = false;
  readonly #blockOf: ReadonlyMap<Node, string>;
  readonly #sites = new Map<Node, Tensor>();

  constructor(e: Elaboration, model: ImportedModel, given: readonly Argument[], span: Span) {
    this.#e = e;
    this.#model = model;
    this.#arguments = given;
    this.#span = span;
    for (const argument of given) this.#bind(argument);
    this.#blockOf = blocksOf(model);
    const roots = [...model.imported.results.map((r) => r.node), ...this.#places().map((s) => s.node)];
    const order = topological(roots);
    for (const node of order) for (const type of node.types) for (const dim of type.dims) for (const name of symbolsOf(dim)) this.#rename(name);
    const places = new Map<Node, RecognisedSite>();
    for (const site of this.#places()) if (!places.has(site.node)) places.set(site.node, site);
    const entries = new Set(model.blocks.flatMap((b) => (b.isFirst ? (b.sites.get("input")?.node ?? []) : [])));
    for (const node of order) {
      if (!this.#made.has(node)) this.#made.set(node, this.#again(node));
      const place = places.get(node);
      if (place) this.#place(node, place, entries.has(node));
    }
  }

  /** Argument to input: a size that the file leaves open is the argument's, one that it fixes must be the same. */
  #bind({ name, port, value }: Argument): void {
    const { facts } = this.#e.arena;
    port.type.dims.forEach((wanted, axis) => {
      const found = value.node.type.dims[axis] as Dim;
      const open = asSymbol(wanted);
      const known = open === undefined ? wanted : this.#values.get(open);
      if (open !== undefined && !known) this.#values.set(open, found);
      else if (known && !facts.equal(known, found)) {
        // Written for one record at a time: whether it runs on many is seen node by node.
        if (axis === 0 && asNumber(wanted) === 1 && found.key === BATCH_SIZE.key) this.#isBatched = true;
        else if (open !== undefined) fail(shapes.T307, this.#span, { axis: open.slice(this.#model.prefix.length), first: known.key, second: found.key, because: "an input before" });
        else fail(shapes.T302, this.#span, { param: `${name} of ${this.#model.name}`, found: showTensor(value), wanted: typeText(this.#model, port) });
      }
      // A number of the file that is a size of its own here, so that a fold may leave less: what it has baked in counts by that.
      else if (asNumber(wanted) !== undefined && asSymbol(found) && !this.#swaps.some((s) => s.to.key === found.key)) this.#swaps.push({ from: wanted, to: found });
      const axisName = value.axes[axis] as string;
      if (asNumber(found) === undefined && !axisName.startsWith("_") && !this.#axes.has(found.key)) this.#axes.set(found.key, axisName);
    });
    this.#made.set(port, value.node);
    if (this.#isBatched && !this.#swaps.some((s) => s.to.key === BATCH_SIZE.key)) this.#swaps.push({ from: constant(1), to: BATCH_SIZE });
  }

  /** A size that only the file's own nodes find is another one in every call. */
  #rename(name: string): void {
    if (name.startsWith(this.#model.prefix) && !this.#values.has(name)) this.#values.set(name, this.#e.freshDim(name));
  }

  #again(node: Node): Node {
    const { b, arena } = this.#e;
    const inputs = node.inputs.map((x) => this.#made.get(x) as Node);
    const attrs = substituteAttrs(node.attrs, this.#values);
    const block = this.#blockOf.get(node);
    const names = arena.originsOf(node).map((o) => o.path);
    try {
      const before = node.inputs.map((x) => x.type.dims.map((d) => substitute(d, this.#values)));
      const made = arena.within(undefined, () => derived(b, { node, attrs, inputs, before }, this.#swaps));
      for (const name of names.length > 0 ? names : [""]) arena.addOrigin(made, { span: this.#model.span, path: [block ?? this.#model.name, ...(name ? [name] : [])].join("."), by: undefined });
      const why = this.#isBatched ? mixesRecords(made, BATCH) : undefined;
      return why === undefined ? made : this.#refuseBatch(names[0], why);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      if (this.#isBatched) return this.#refuseBatch(names[0], error.message);
      return fail(shapes.T301, this.#span, { why: `${names[0] ? `the node \`${names[0]}\` of ${this.#model.file}` : this.#model.file} does not fit these sizes: ${error.message}`, found: error.found, wanted: error.wanted });
    }
  }

  #refuseBatch(node: string | undefined, why: string): never {
    return fail(shapes.T324, this.#span, { file: this.#model.file, node: node ?? "", why });
  }

  /** Every place of the model and of its blocks. */
  #places(): RecognisedSite[] {
    return [...this.#model.places.whole.values(), ...this.#model.blocks.flatMap((b) => [...b.sites.values()])];
  }

  /** A value in the order of axes of the contract, which folds read and replace; the file's own order is made of it again. */
  #place(node: Node, site: RecognisedSite, isEntry: boolean): void {
    const { b, arena } = this.#e;
    const made = this.#made.get(node) as Node;
    const origins = [...arena.originsOf(made)];
    arena.within(origins[0], () => {
      const found = canonical(b, made, site.axes, this.#sizesOf(node));
      if (!found) return;
      const sealed = isEntry ? this.#sealed(found.node, found.axes.indexOf("N")) : found.node;
      this.#sites.set(node, tensor(sealed, found.axes));
      const back = sealed === made ? made : found.back(sealed);
      this.#made.set(node, back);
      for (const origin of origins) arena.addOrigin(back, origin);
      // Who takes a block's input in the file's own order takes it inside of that block.
      if (back !== sealed) for (const block of this.#model.blocks) if (block.sites.get("input")?.node === node) arena.addOrigin(back, { span: this.#model.span, path: block.path, by: undefined });
    });
  }

  /** The token count as a size of its own, for which what the file has baked in of it is swapped. */
  #sealed(x: Node, axis: number): Node {
    const { b } = this.#e;
    const count = x.type.dims[axis];
    if (!count || asSymbol(count)) return x;
    const name = this.#e.sealedDim("N", count);
    this.#swaps.push({ from: count, to: name });
    this.#axes.set(name.key, "N");
    return b.reshape(x, x.type.dims.map((d, i) => (i === axis ? name : d)));
  }

  /** What is known of the axes around a place, where one of the file's axes holds several. */
  #sizesOf(node: Node): Map<string, Dim> {
    const sizes = new Map<string, Dim>();
    const first = this.#arguments[0]?.value;
    if (first?.axes[0] === BATCH) sizes.set("B", first.node.type.dims[0] as Dim);
    for (const block of this.#model.blocks) {
      const sites = [...block.sites.values()];
      if (!sites.some((s) => s.node === node)) continue;
      for (const site of sites) {
        const at = site.axes.indexOf("H");
        if (at >= 0) sizes.set("H", substitute(site.node.type.dims[at] as Dim, this.#values));
      }
      const entering = block.sites.get("input");
      const known = entering && this.#sites.get(entering.node);
      for (const [i, axis] of (known?.axes ?? []).entries()) if (axis === "N") sizes.set("N", known?.node.type.dims[i] as Dim).set("N'", known?.node.type.dims[i] as Dim);
      return sizes;
    }
    return sizes;
  }

  result(node: Node): Tensor {
    const made = this.#made.get(node) as Node;
    if (isOpaque(made.type)) return fail(shapes.T310, this.#span, { found: `a model of which an output is no tensor of a type that I know (${this.#model.file})` });
    const used = new Set<string>();
    const axes = made.type.dims.map((dim) => {
      const name = this.#axes.get(dim.key);
      const isFree = name !== undefined && !used.has(name);
      if (isFree) used.add(name);
      return isFree ? name : this.#e.named.anonymous();
    });
    return tensor(made, axes);
  }

  /** Sites of the blocks, and the inputs of the file: what masks and positions are called there. */
  nameSites(): void {
    const { sites } = this.#e;
    const { name: model, span } = this.#model;
    const set = (path: string, value: Tensor | undefined): void => { if (value) sites.set(path, { path, tensor: value, span }); };
    // Positions among its inputs count before those that the file counts by itself.
    const made = [...this.#made.values()].filter((node) => node.op === "iota");
    for (const block of this.#model.blocks) {
      const entering = block.sites.get("input");
      const positions = countedPositions(made, entering && this.#sites.get(entering.node));
      if (positions) set(`${block.path}.positions`, tensor(positions, ["N"]));
    }
    for (const { name, value } of this.#arguments) {
      set(`${model}.${name}`, value);
      const kind = companionOf(name);
      if (kind) for (const block of this.#model.blocks) set(`${block.path}.${kind}`, value);
    }
    for (const [name, site] of this.#model.places.whole) set(`${model}.${name}`, this.#sites.get(site.node));
    for (const block of this.#model.blocks) for (const [name, site] of block.sites) set(`${block.path}.${name}`, this.#sites.get(site.node));
  }
}

/** The block that each node belongs to: what is made of its input on the way to its output. */
function blocksOf(model: ImportedModel): Map<Node, string> {
  const out = new Map<Node, string>();
  for (const { path, sites } of model.blocks) {
    const [input, output] = [sites.get("input")?.node, sites.get("output")?.node];
    if (!input || !output) continue;
    const inside = new Set([input]);
    for (const node of topological([output])) if (node !== input && node.inputs.some((x) => inside.has(x))) inside.add(node);
    inside.delete(input);
    for (const node of inside) if (!out.has(node)) out.set(node, path);
  }
  return out;
}
