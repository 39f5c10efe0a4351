// Functions of a model written out where they are called, in sub-graphs too.
import { imports } from "../diagnostics/import.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from "./onnx-file.ts";

/** Something in a model that cannot be imported. Caught where the import began. */
export class Unusable extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.title}: ${problem.says}`);
    this.problem = problem;
  }
}

const DEEPEST = 64;
/** Nodes of functions, written out: each of a few functions may call the next one twice. */
const MOST = 2 ** 17;

/** The model's graph without calls. Throws `Unusable` where functions call themselves. */
export function inlined(model: OnnxModel, file: string): OnnxGraph {
  if (model.functions.length === 0) return model.graph;
  return new Inliner(model, file).graph(model.graph, 0);
}

const countOf = (nodes: readonly OnnxNode[]): number =>
  nodes.reduce((sum, { attributes }) => [...attributes.values()].reduce((n, { value }) => n + (value.kind === "graph" ? countOf(value.value.nodes) : value.kind === "graphs" ? value.values.reduce((m, g) => m + countOf(g.nodes), 0) : 0), sum + 1), 0);

/** What the names and the attributes of a function's body stand for at a call. */
interface Call {
  readonly names: Map<string, string>;
  readonly prefix: string;
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  readonly version: number | undefined;
}

class Inliner {
  readonly #functions: ReadonlyMap<string, OnnxFunction>;
  readonly #version: number | undefined;
  readonly #file: string;
  #calls = 0;
  #written = 0;
  readonly #sizes = new Map<OnnxFunction, number>();

  constructor(model: OnnxModel, file: string) {
    this.#functions = new Map(model.functions.map((f) => [key(f.domain, f.name, f.overload), f]));
    this.#version = model.opsets.get("");
    this.#file = file;
  }

  /** Nodes of a body, those of its sub-graphs too. */
  #sizeOf(called: OnnxFunction): number {
    const known = this.#sizes.get(called) ?? countOf(called.nodes);
    this.#sizes.set(called, known);
    return known;
  }

  graph(graph: OnnxGraph, depth: number): OnnxGraph {
    return { ...graph, nodes: graph.nodes.flatMap((n) => this.#node(n, depth)) };
  }

  #node(node: OnnxNode, depth: number): OnnxNode[] {
    const called = this.#functions.get(key(node.domain, node.opType, node.overload));
    if (!called) return [this.#withGraphs(node, (g) => this.graph(g, depth))];
    this.#written += this.#sizeOf(called);
    if (depth >= DEEPEST || this.#written > MOST) throw new Unusable(report(imports.I508, undefined, { file: this.#file, node: node.name, name: called.name }));
    return this.#body(called, node).flatMap((n) => this.#node(n, depth + 1));
  }

  #body(called: OnnxFunction, node: OnnxNode): OnnxNode[] {
    const prefix = `@call${this.#calls++}/`;
    const names = new Map<string, string>([["", ""]]);
    for (const [i, name] of called.inputs.entries()) names.set(name, node.inputs[i] ?? "");
    const version = called.opsets.get("");
    const call: Call = { names, prefix, attributes: new Map([...called.defaults, ...node.attributes]), version: version === this.#version ? node.version : version };
    const copies: OnnxNode[] = [];
    for (const [i, name] of called.outputs.entries()) {
      const out = node.outputs[i] ?? "";
      if (out === "") continue;
      if (!names.has(name)) names.set(name, out);
      // An input, or another output, handed on under a second name.
      else copies.push({ opType: "Identity", domain: "", name: `${node.name}/${name}`, overload: "", inputs: [name], outputs: [name], attributes: new Map(), metadata: [] });
    }
    const body = called.nodes.map((n) => this.#renamed(n, call, node.name));
    return [...body, ...copies.map((c): OnnxNode => ({ ...c, inputs: [names.get(c.inputs[0] as string) as string], outputs: [node.outputs[called.outputs.lastIndexOf(c.outputs[0] as string)] as string] }))];
  }

  #renamed(node: OnnxNode, call: Call, caller: string): OnnxNode {
    const named = (name: string): string => {
      const known = call.names.get(name);
      if (known !== undefined) return known;
      const fresh = `${call.prefix}${name}`;
      call.names.set(name, fresh);
      return fresh;
    };
    const attributes = new Map<string, OnnxAttribute>();
    for (const [name, attribute] of node.attributes) {
      const given = attribute.refersTo === "" ? attribute : call.attributes.get(attribute.refersTo);
      // An optional attribute that the call leaves out is left out here too.
      if (given) attributes.set(name, given.name === name ? given : { ...given, name, place: undefined });
    }
    const moved: OnnxNode = {
      ...node, name: caller === "" ? node.name : `${caller}/${node.name}`, attributes, inputs: node.inputs.map(named), outputs: node.outputs.map(named), ...(call.version === undefined ? {} : { version: call.version }),
    };
    return this.#withGraphs(moved, (g) => this.#renamedGraph(g, call, moved.name));
  }

  /** A sub-graph of a body: its own names are told apart from those of other calls as well. */
  #renamedGraph(graph: OnnxGraph, call: Call, caller: string): OnnxGraph {
    const own = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.map((t) => t.name), ...graph.sparse.map((s) => s.values.name), ...graph.nodes.flatMap((n) => n.outputs)]);
    const names = new Map([...call.names].filter(([name]) => !own.has(name) || name === ""));
    const inner: Call = { ...call, names };
    const named = (name: string): string => names.get(name) ?? `${call.prefix}${name}`;
    return {
      ...graph,
      nodes: graph.nodes.map((n) => this.#renamed(n, inner, caller)),
      initializers: graph.initializers.map((t) => ({ ...t, name: named(t.name) })),
      sparse: graph.sparse.map((s) => ({ ...s, values: { ...s.values, name: named(s.values.name) } })),
      inputs: graph.inputs.map((v) => ({ ...v, name: named(v.name) })),
      outputs: graph.outputs.map((v) => ({ ...v, name: named(v.name) })),
    };
  }

  #withGraphs(node: OnnxNode, change: (graph: OnnxGraph) => OnnxGraph): OnnxNode {
    if (![...node.attributes.values()].some(({ value }) => value.kind === "graph" || value.kind === "graphs")) return node;
    const attributes = [...node.attributes].map(([name, a]): [string, OnnxAttribute] => {
      if (a.value.kind === "graph") return [name, { ...a, value: { kind: "graph", value: change(a.value.value) } }];
      return a.value.kind === "graphs" ? [name, { ...a, value: { kind: "graphs", values: a.value.values.map(change) } }] : [name, a];
    });
    return { ...node, attributes: new Map(attributes) };
  }
}

const key = (domain: string, name: string, overload: string): string => `${domain}\n${name}\n${overload}`;
