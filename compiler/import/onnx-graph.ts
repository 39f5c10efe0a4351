// An ONNX file as a graph of ours: what the graph has ops for is raised to them, everything else is carried through as it is.
import type { Span } from "../../grammar/source.ts";
import { imports } from "../diagnostics/import.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { concatenated } from "../emit/wire.ts";
import { Build } from "../graph/build.ts";
import type { Frame, Said } from "../graph/frame.ts";
import { Arena, type Graph, type GraphInput, type GraphOutput, Mismatch, type Node } from "../graph/node.ts";
import type { Host } from "../host.ts";
import { CAPTURED, INNER, OPAQUE, foreignAttrs, isOpaque } from "../ops/foreign.ts";
import { infer } from "../ops/index.ts";
import { type Dim, constant, symbol, symbolsOf } from "../types/dim.ts";
import type { DType, TensorType } from "../types/tensor.ts";
import { type GraphParts, attributeField, checkAttributes, graphBytes, graphField, nodeBytes, renamedSparse, renamedTensor, renamedValue } from "./onnx-encode.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from "./onnx-file.ts";
import { Unusable, inlined } from "./onnx-inline.ts";
import { type Around, NOW, upToDate } from "./onnx-opset.ts";
import { openModel } from "./onnx-open.ts";
import { raiseOf } from "./onnx-raise.ts";
import { ownNames, sorted } from "./onnx-sort.ts";
import { Tensors } from "./onnx-tensor.ts";
import { outputTypes } from "./onnx-types.ts";
import { Kept, Use } from "./onnx-use.ts";
import { Value, asValue } from "./onnx-value.ts";
import type { Window } from "./protobuf.ts";

export interface Imported {
  readonly graph: Graph<"tensor">;
  readonly frame: Frame;
  readonly name: string;
  /** Nodes of the file, functions written out. */
  readonly nodeCount: number;
  /** How many nodes were carried through, by operator. */
  readonly carried: ReadonlyMap<string, number>;
  /** All outputs of the file, those too that hand an input through, or another output. */
  readonly results: readonly { readonly name: string; readonly node: Node }[];
  /** What the file calls its values: those that only sizes are made of are nodes once they are asked for. */
  readonly values: { readonly names: () => Iterable<string>; readonly node: (name: string) => Node | undefined };
}

interface ImportOptions {
  /**
   * False: every node is carried through, which shows the way there and back by itself. "all": operators are spelled out too that no
   * pass puts together again, so that places within them have names; so it is done for a graph of ours.
   */
  readonly raise?: boolean | "all";
  /** Into a graph that holds more than the file: `prefix` keeps the names of its inputs and sizes apart, `span` is where it is imported. */
  readonly into?: { readonly build: Build; readonly prefix: string; readonly span: Span };
  /** Sizes of inputs in the place of those that the file fixes, by name and axis. */
  readonly sizes?: InputSizes;
  /** Which sizes that the file names are one size of those who call it, by what the file says of its inputs. Exporters do not always know. */
  readonly same?: (inputs: readonly OnnxValue[]) => ReadonlyMap<string, string>;
}

/** A sub-graph of a node that is carried through, as the attributes of the node in the graph hold it. */
interface InsideOptions {
  readonly window: Window;
  readonly graph: OnnxGraph;
  /** What the names stand for that it does not make itself: its inputs, and values from outside. */
  readonly given: ReadonlyMap<string, Value>;
  readonly into: NonNullable<ImportOptions["into"]>;
  /** Whether what the file tells of its values is believed: from round to round of a loop sizes may change. */
  readonly told: boolean;
}

/** A sub-graph in the arena that its node stands in. Throws `Unusable` and `Corrupt` where it cannot be. */
export function importInside(host: Host, { window, graph, given, into, told }: InsideOptions): Imported {
  const opsets = new Map([...into.build.arena.operatorSets, ["", Math.max(NOW, into.build.arena.operatorSets.get("") ?? 0)] as const]);
  const model: OnnxModel = {
    irVersion: 0, producer: "", producerVersion: "", domain: "", modelVersion: 0, doc: "", opsets, metadata: [], functions: [],
    graph: { ...graph, inputs: [], ...(told ? {} : { values: [], outputs: graph.outputs.map((o): OnnxValue => ({ ...o, type: { kind: "unknown" } })) }) },
  };
  return new Importer(host, window, model, undefined, into.span.file, true, into, undefined).inside(given);
}

export type InputSizes = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Reads a model. What is wrong with it comes back as problems. */
export function importModel(host: Host, path: string, { into, raise = into ? "all" : true, sizes, same }: ImportOptions = {}): { readonly value: Imported | undefined; readonly problems: readonly Problem[] } {
  const opened = openModel(host, path, ({ model, window, place, file }) => ({ value: new Importer(host, window, model, place, file, raise, into, sizes).imported(same), problems: replaceable(model, file) }));
  return into ? { ...opened, problems: opened.problems.map((p) => ({ ...p, span: into.span })) } : opened;
}

/** Until version 4 of the format every weight was an input as well; since then it means that callers may replace it. */
function replaceable({ irVersion, graph }: OnnxModel, file: string): Problem[] {
  if (irVersion < 4) return [];
  const weights = new Set(graph.initializers.map((t) => t.name));
  const names = graph.inputs.map((i) => i.name).filter((name) => weights.has(name));
  return names.length === 0 ? [] : [report(imports.I509, undefined, { file, count: names.length, names: names.slice(0, 3) })];
}

/** Give another value each time they are computed. */
const RANDOM: ReadonlySet<string> = new Set(["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"]);
/** Domains whose operators follow from their inputs alone, as far as is known. */
const PURE: ReadonlySet<string> = new Set(["", "com.microsoft", "ai.onnx.ml"]);
/** What the reader of sizes can name. */
const NAMEABLE = /^[\p{L}_@.$][\p{L}\p{N}_@.$':]*$/u;

class Importer {
  readonly #window: Window;
  readonly #model: OnnxModel;
  readonly #source: OnnxGraph;
  readonly #file: string;
  readonly #raise: boolean | "all";
  readonly #version: number;
  readonly #into: ImportOptions["into"];
  readonly #sizes: InputSizes | undefined;
  readonly #arena: Arena;
  readonly #o: Build;
  /** Before the names of inputs and sizes. */
  readonly #prefix: string;
  readonly #tensors: Tensors;
  readonly #values = new Map<string, Value>();
  readonly #told = new Map<string, OnnxType>();
  readonly #symbols = new Map<string, Dim>();
  /** Symbols that a run reads from the graph's inputs. */
  readonly #readable = new Set<string>();
  readonly #carried = new Map<string, number>();
  readonly #said = new Map<string, Said>();
  #fresh = 0;
  #names = 0;
  #copies = 0;

  constructor(host: Host, window: Window, model: OnnxModel, path: string | undefined, file: string, raise: boolean | "all", into: ImportOptions["into"], sizes: InputSizes | undefined) {
    this.#into = into;
    this.#sizes = sizes;
    this.#o = into?.build ?? new Build(new Arena(infer));
    this.#arena = this.#o.arena;
    this.#prefix = into?.prefix ?? "";
    this.#window = window;
    this.#model = model;
    this.#file = file;
    this.#raise = raise;
    this.#source = inlined(model, file);
    // Files from before operator sets had numbers do not say which.
    this.#version = model.opsets.get("") ?? (model.opsets.size > 0 ? 20 : 1);
    this.#tensors = new Tensors(host, window, path, file);
  }

  /** A graph in a graph: some names stand for values of the one around it. */
  inside(given: ReadonlyMap<string, Value>): Imported {
    for (const [name, value] of given) {
      this.#values.set(name, value);
      if (value.node.op === "input") for (const dim of value.type.dims) symbolsOf(dim, this.#readable);
    }
    return this.imported(undefined);
  }

  imported(same: ImportOptions["same"]): Imported {
    const source = this.#source;
    const weights = [...source.initializers.map((t) => t.name), ...source.sparse.map((s) => s.values.name)];
    const given = new Set(weights);
    // Until version 4 of the format every weight had to be an input too.
    const ports = source.inputs.filter((i) => !given.has(i.name));
    this.#refuseTwice(ports.map((i) => i.name), weights);
    for (const [name, other] of same?.(ports) ?? []) this.#symbols.set(name, this.#sizeOf(other));
    // What the file tells of its values is true at its own sizes only.
    if (!this.#sizes) for (const { name, type } of [...source.values, ...source.outputs]) this.#told.set(name, type);
    const inputs = ports.map(({ name, type }): GraphInput => {
      const { dtype, dims: told } = this.#typeOf(type) ?? OPAQUE;
      const dims = told.map((d, axis) => { const other = this.#sizes?.get(name)?.get(axis); return other === undefined ? d : constant(other); });
      const node = this.#o.input(`${this.#prefix}${name}`, dtype, dims);
      this.#values.set(name, asValue(node));
      for (const dim of dims) symbolsOf(dim, this.#readable);
      return { name, node, axes: dims.map(() => "") };
    });
    const order = sorted(source, this.#file, (name) => this.#values.has(name));
    for (const t of source.initializers) this.#values.set(t.name, this.#within(t.name, () => asValue(this.#tensors.node(this.#o, t))));
    for (const s of source.sparse) this.#values.set(s.values.name, this.#within(s.values.name, () => asValue(this.#tensors.sparse(this.#o, s))));
    this.#nodes(order);
    const { graphOutputs, frameOutputs, results } = this.#outputs(new Set(ports.map((p) => p.name)));
    return {
      graph: { level: "tensor", arena: this.#arena, inputs, outputs: graphOutputs, guards: [] },
      frame: {
        irVersion: this.#model.irVersion, opsets: this.#model.opsets, metadata: this.#model.metadata,
        inputs: ports.map((p) => renamedValue(this.#window, p, p.name)), outputs: frameOutputs,
        producer: this.#model.producer, producerVersion: this.#model.producerVersion, domain: this.#model.domain, modelVersion: this.#model.modelVersion, doc: this.#model.doc,
        graph: { doc: source.doc, metadata: source.metadata },
        nodes: this.#said,
      },
      name: source.name, nodeCount: order.length, carried: this.#carried, results,
      values: { names: () => this.#values.keys(), node: (name) => this.#values.get(name)?.node },
    };
  }

  #refuseTwice(...lists: readonly (readonly string[])[]): void {
    for (const names of lists) {
      const seen = new Set<string>();
      const twice = names.find((name) => name !== "" && (seen.has(name) || !seen.add(name)));
      if (twice !== undefined) throw new Unusable(report(imports.I503, undefined, { file: this.#file, node: "", value: twice }));
    }
  }

  #within<T>(name: string, body: () => T): T {
    return this.#arena.within({ span: this.#into?.span ?? { file: this.#file, start: 0, end: 0 }, path: name, by: undefined }, body);
  }

  // ── sizes and types that the file tells ──

  #freshSize = (): Dim => symbol(`${this.#prefix}#${this.#fresh++}`);

  #sizeOf(size: number | string | undefined): Dim {
    if (size === undefined) return this.#freshSize();
    if (typeof size === "number") return constant(size);
    let known = this.#symbols.get(size);
    if (!known) {
      known = NAMEABLE.test(size) ? symbol(`${this.#prefix}${size}`) : this.#freshSize();
      this.#symbols.set(size, known);
    }
    return known;
  }

  #typeOf(type: OnnxType | undefined): TensorType | undefined {
    if (type?.kind !== "tensor" || type.dtype === undefined || type.dims === undefined) return undefined;
    return { dtype: type.dtype, dims: type.dims.map((d) => this.#sizeOf(d)) };
  }

  readonly #around: Around = {
    file: "",
    rank: (name) => { const type = this.#values.get(name)?.type; return type && !isOpaque(type) ? type.dims.length : undefined; },
    dtype: (name): DType | undefined => { const type = this.#values.get(name)?.type; return type && !isOpaque(type) ? type.dtype : undefined; },
    fresh: () => `@made/${this.#names++}`,
  };

  // ── nodes ──

  #nodes(order: readonly OnnxNode[]): void {
    for (const node of order)
      for (const now of upToDate(node, this.#version, { ...this.#around, file: this.#file })) {
        if (node.doc !== undefined || node.metadata.length > 0) this.#said.set(nameOf(now), { doc: node.doc ?? "", metadata: node.metadata });
        this.#within(nameOf(now), () => this.#node(now));
      }
  }

  #node(node: OnnxNode): void {
    // What gives nothing is needed by nothing.
    if (node.outputs.every((name) => name === "")) return;
    const inputs = node.inputs.map((name) => (name === "" ? undefined : this.#values.get(name)));
    if (this.#raise !== false && this.#isDecided(node, inputs)) return;
    const made = this.#raise !== false ? this.#raised(node, inputs) : undefined;
    const values = made ?? this.#foreign(node, inputs);
    for (const [i, name] of node.outputs.entries()) if (name !== "") this.#values.set(name, values[i] as Value);
  }

  /** An If whose condition is known while importing: its branch stands in its place. */
  #isDecided(node: OnnxNode, inputs: readonly (Value | undefined)[]): boolean {
    const [condition] = inputs[0]?.numbers ?? [];
    if (node.opType !== "If" || node.domain !== "" || condition === undefined) return false;
    const branch = node.attributes.get(condition === 0 ? "else_branch" : "then_branch")?.value;
    if (branch?.kind !== "graph") return false;
    const { value: graph } = branch;
    const order = sorted(graph, this.#file, (name) => this.#values.has(name));
    if (!this.#sizes) for (const { name, type } of [...graph.values, ...graph.outputs]) this.#told.set(name, type);
    for (const t of graph.initializers) this.#values.set(t.name, asValue(this.#tensors.node(this.#o, t)));
    for (const s of graph.sparse) this.#values.set(s.values.name, asValue(this.#tensors.sparse(this.#o, s)));
    this.#nodes(order);
    for (const [i, { name }] of graph.outputs.entries()) {
      const value = this.#values.get(name);
      if (!value) throw new Unusable(report(imports.I502, undefined, { file: this.#file, node: node.name, opType: node.opType, value: name }));
      if (node.outputs[i]) this.#values.set(node.outputs[i], value);
    }
    return true;
  }

  /** What the outputs became in the graph's own ops; undefined where the node is carried through. */
  #raised(node: OnnxNode, inputs: readonly (Value | undefined)[]): readonly Value[] | undefined {
    const raise = raiseOf(node.domain, node.opType);
    if (!raise) return undefined;
    try {
      const made = raise(new Use(node, this.#o, inputs, this.#readable, this.#raise === "all"), (tensor) => this.#tensors.node(this.#o, named(tensor, node)));
      const list = Array.isArray(made) ? (made as readonly (Node | Value)[]) : [made as Node | Value];
      if (list.length < node.outputs.length) return undefined;
      return list.map((m, i) => (m instanceof Value ? this.#computable(m, node, inputs, i) : asValue(m)));
    } catch (error) {
      if (error instanceof Kept || error instanceof Mismatch) return undefined;
      throw error;
    }
  }

  /** Sizes that no input has cannot be written down from the sizes alone: where their numbers are wanted, the file's node makes them. */
  #computable(value: Value, node: OnnxNode, inputs: readonly (Value | undefined)[], output: number): Value {
    if (!value.sizes || inputs.includes(value)) return value;
    const isReadable = value.sizes.every((d) => [...symbolsOf(d)].every((name) => this.#readable.has(name)));
    if (isReadable || node.opType === "Shape") return value;
    return new Value(value.type, value.sizes, () => this.#within(node.name, () => (this.#foreign(node, inputs)[output] as Value).node));
  }

  #foreign(node: OnnxNode, inputs: readonly (Value | undefined)[]): readonly Value[] {
    const key = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
    this.#carried.set(key, (this.#carried.get(key) ?? 0) + 1);
    const captured = new Captured();
    const attributes = [...node.attributes.values()].map((a) => {
      if (a.value.kind === "graph") return graphField(a.name, [this.#graph(a.value.value, new Map(), captured)], false);
      if (a.value.kind === "graphs") return graphField(a.name, a.value.values.map((g) => this.#graph(g, new Map(), captured)), true);
      return attributeField(this.#window, a);
    });
    if (captured.nodes.length > 0) checkAttributes(concatenated(attributes), [...node.attributes.values()][0]?.place);
    for (const domain of captured.hasGraphs ? this.#model.opsets.keys() : [node.domain]) this.#needs(domain);
    const types = this.#types(node, inputs);
    const isApart = RANDOM.has(node.opType) || !PURE.has(node.domain) || captured.hasGraphs;
    const made = this.#o.make("foreign", [...inputs.flatMap((v) => (v ? [v.node] : [])), ...captured.nodes], foreignAttrs({
      opType: node.opType, domain: node.domain, attributes: concatenated(attributes), present: inputs.map((v) => v !== undefined), outputs: types, copy: isApart ? ++this.#copies : 0,
    }));
    let at = 0;
    const single = made.types.length === 1;
    return types.map((type) => (type ? asValue(single ? made : this.#o.item(made, at++)) : asValue(made)));
  }

  /** What is carried through means what it means in the file's version of its domain. */
  #needs(domain: string): void {
    const { operatorSets } = this.#arena;
    operatorSets.set(domain, Math.max(operatorSets.get(domain) ?? 1, this.#model.opsets.get(domain) ?? 1));
  }

  /** Types of the outputs that the node has; what follows from its inputs counts before what the file tells. */
  #types(node: OnnxNode, inputs: readonly (Value | undefined)[]): (TensorType | undefined)[] {
    const use = new Use(node, this.#o, inputs, this.#readable);
    const inferred = outputTypes(node.domain, node.opType, {
      inputs, outputs: node.outputs.length, fresh: this.#freshSize,
      int: (name, otherwise) => use.int(name, otherwise), ints: (name) => use.ints(name), text: (name, otherwise) => use.text(name, otherwise),
    });
    return node.outputs.map((name, i) => (name === "" ? undefined : (inferred[i] ?? this.#typeOf(this.#told.get(name)) ?? this.#constantType(node) ?? OPAQUE)));
  }

  #constantType({ opType, domain, attributes }: OnnxNode): TensorType | undefined {
    const value = attributes.get("value")?.value;
    if (opType !== "Constant" || domain !== "" || value?.kind !== "tensor" || value.value.dtype === undefined) return undefined;
    return { dtype: value.value.dtype, dims: value.value.dims.map(constant) };
  }

  // ── sub-graphs ──

  /** A sub-graph as bytes: its own values under names that no other value has, those from outside by their numbers. */
  #graph(graph: OnnxGraph, around: ReadonlyMap<string, string>, captured: Captured): Uint8Array {
    captured.hasGraphs = true;
    const names = new Map(around);
    const inner = (name: string): string => {
      const fresh = `${INNER}${captured.inner++}`;
      names.set(name, fresh);
      return fresh;
    };
    const parts: { -readonly [K in keyof GraphParts]: K extends "name" | "doc" | "metadata" ? GraphParts[K] : Uint8Array[] } = { name: graph.name, doc: graph.doc, metadata: graph.metadata, nodes: [], tensors: [], sparse: [], inputs: [], outputs: [] };
    const own = ownNames(graph);
    const order = sorted(graph, this.#file, (name) => around.has(name) || this.#values.has(name));
    for (const port of graph.inputs) parts.inputs.push(renamedValue(this.#window, port, inner(port.name)));
    for (const tensor of graph.initializers) {
      if (names.get(tensor.name)?.startsWith(INNER) && own.has(tensor.name) && graph.inputs.some((i) => i.name === tensor.name)) parts.tensors.push(renamedTensor(this.#window, tensor.place, names.get(tensor.name) as string));
      else if (this.#tensors.isLarge(tensor)) names.set(tensor.name, captured.add(this.#tensors.node(this.#o, tensor)));
      else parts.tensors.push(renamedTensor(this.#window, tensor.place, inner(tensor.name)));
    }
    for (const sparse of graph.sparse) parts.sparse.push(renamedSparse(this.#window, sparse.place, inner(sparse.values.name)));
    const inside = (name: string, node: OnnxNode): string => {
      if (name === "") return "";
      const known = names.get(name);
      if (known !== undefined) return known;
      const outside = this.#values.get(name);
      if (!outside) throw new Unusable(report(imports.I502, undefined, { file: this.#file, node: node.name, opType: node.opType, value: name }));
      const called = captured.add(outside.node);
      names.set(name, called);
      return called;
    };
    for (const node of order.flatMap((n) => upToDate(n, this.#version, { ...this.#around, file: this.#file, rank: () => undefined, dtype: () => undefined }))) {
      const tensor = node.opType === "Constant" && node.domain === "" ? node.attributes.get("value")?.value : undefined;
      if (tensor?.kind === "tensor" && this.#tensors.isLarge(tensor.value)) {
        names.set(node.outputs[0] as string, captured.add(this.#tensors.node(this.#o, named(tensor.value, node))));
        continue;
      }
      const inputs = node.inputs.map((name) => inside(name, node));
      const attributes = [...node.attributes.values()].map((a) => {
        if (a.value.kind === "graph") return graphField(a.name, [this.#graph(a.value.value, names, captured)], false);
        if (a.value.kind === "graphs") return graphField(a.name, a.value.values.map((g) => this.#graph(g, names, captured)), true);
        return attributeField(this.#window, a);
      });
      parts.nodes.push(nodeBytes({ ...node, inputs, outputs: node.outputs.map((name) => (name === "" ? "" : inner(name))) }, attributes));
    }
    for (const port of graph.outputs) {
      const copy: OnnxNode = { opType: "Identity", domain: "", name: "", overload: "", inputs: [port.name], outputs: [], attributes: new Map(), metadata: [] };
      let name = inside(port.name, copy);
      // A graph gives what it made itself; a value from outside is copied.
      if (!own.has(port.name) || name.startsWith(CAPTURED)) {
        const made = `${INNER}${captured.inner++}`;
        parts.nodes.push(nodeBytes({ ...copy, inputs: [name], outputs: [made] }, []));
        name = made;
      }
      parts.outputs.push(renamedValue(this.#window, port, name));
    }
    return graphBytes(parts);
  }

  // ── outputs ──

  #outputs(inputs: ReadonlySet<string>): { readonly graphOutputs: GraphOutput[]; readonly frameOutputs: Uint8Array[]; readonly results: Imported["results"] } {
    const results: { name: string; node: Node }[] = [];
    const graphOutputs: GraphOutput[] = [];
    const frameOutputs: Uint8Array[] = [];
    const seen = new Set<string>();
    for (const port of this.#source.outputs) {
      const { name } = port;
      const value = this.#values.get(name);
      if (!value) throw new Unusable(report(imports.I502, undefined, { file: this.#file, node: name, opType: "output", value: name }));
      frameOutputs.push(renamedValue(this.#window, port, name));
      results.push({ name, node: value.node });
      // An input that is handed through needs no node, and neither does a second mention.
      if (!inputs.has(name) && !seen.has(name)) graphOutputs.push({ name, node: value.node, axes: value.type.dims.map(() => "") });
      seen.add(name);
    }
    return { graphOutputs, frameOutputs, results };
  }
}

/** What a node goes by: many exporters leave names out, but values must have one. */
export const nameOf = (node: Pick<OnnxNode, "name" | "outputs">): string => (node.name === "" ? (node.outputs.find((o) => o !== "") ?? "") : node.name);

/** A tensor that stands in an attribute is called as what its node gives. */
const named = (tensor: OnnxTensor, node: OnnxNode): OnnxTensor => (tensor.name === "" ? { ...tensor, name: node.outputs[0] ?? node.name } : tensor);

/** What the sub-graphs of one node take from outside, and how many names they have used. */
class Captured {
  readonly nodes: Node[] = [];
  inner = 0;
  hasGraphs = false;

  add(node: Node): string {
    const known = this.nodes.indexOf(node);
    if (known >= 0) return `${CAPTURED}${known}`;
    this.nodes.push(node);
    return `${CAPTURED}${this.nodes.length - 1}`;
  }
}
