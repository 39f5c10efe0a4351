// Sub-graphs of nodes that are carried through (the branches of an If, the body of a Loop) go through the passes like the graph around them.
import { emitInside } from "./emit/onnx.ts";
import { withInnerNames } from "./emit/inner-names.ts";
import { concatenated } from "./emit/wire.ts";
import { Build } from "./graph/build.ts";
import { constantNodes, constantRoots } from "./graph/constants.ts";
import { legalOps } from "./graph/level.ts";
import { type Graph, type Literal, type Node, topological } from "./graph/node.ts";
import type { Host } from "./host.ts";
import { attributeField, graphField, renamedValue } from "./import/onnx-encode.ts";
import { type OnnxAttribute, type OnnxGraph, readAttributes } from "./import/onnx-file.ts";
import { type Imported, importInside } from "./import/onnx-graph.ts";
import { Unusable } from "./import/onnx-inline.ts";
import { sizesIn } from "./import/onnx-retype.ts";
import { type State, bodyTypes } from "./import/onnx-body.ts";
import { type Value, asValue, valueWith } from "./import/onnx-value.ts";
import { Corrupt, Window, memory } from "./import/protobuf.ts";
import { CAPTURED, INNER, OPAQUE, isOpaque } from "./ops/foreign.ts";
import { runPasses } from "./passes/order.ts";
import { Recorder } from "./rewrite/record.ts";
import { replace } from "./rewrite/replace.ts";
import { remake } from "./rewrite/run.ts";
import type { TargetName } from "./targets/target.ts";
import { type Dim, symbol, symbolsOf } from "./types/dim.ts";
import type { TensorType } from "./types/tensor.ts";

/** A sub-graph that went through the passes; those inside of it have entries of their own, in front of its. */
export interface Inside {
  /** What the node goes by that it belongs to, from the outermost one on. */
  readonly path: string;
  readonly opType: string;
  /** The attribute that holds it: `then_branch`. */
  readonly graph: string;
  readonly nodes: { readonly before: number; readonly after: number };
}

interface InsideOptions {
  readonly host: Host;
  readonly target: TargetName;
  readonly record: Recorder;
  /** In front of the paths of nodes. */
  readonly path?: string;
}

/** A graph and its sub-graphs through the passes. A sub-graph that cannot be imported by itself stays as the file has it. */
export function runPassesInside(graph: Graph<"tensor">, options: InsideOptions): { readonly graph: Graph<"fused">; readonly inside: readonly Inside[] } {
  const { target, record } = options;
  const around = runPasses(graph, target, { record });
  const { arena } = around;
  const inside: Inside[] = [];
  const passed = replace(around, (node, now) => {
    if (node.op !== "foreign" || node.attrs.opType === "Constant") return undefined;
    const made = remake(arena, node, node.inputs.map(now));
    const holder = new Holder(around, made, options).passed(inside);
    return holder === made ? undefined : { rule: "sub-graphs", node: holder };
  // What was done in them is told by their own records.
  }, { pass: "inside", record: new Recorder() });
  return { graph: passed, inside };
}

/** Constants up to so many bytes stand where they are used; larger ones are made once, outside. */
const SMALL = 1024;
/** A body is read anew with what is known of its state weakened, until the round gives what it was given; then nothing is known of it. */
const MOST_ROUNDS = 4;

const graphsOf = ({ value }: OnnxAttribute): readonly OnnxGraph[] => (value.kind === "graph" ? [value.value] : value.kind === "graphs" ? value.values : []);

/** One node with sub-graphs. */
class Holder {
  readonly #graph: Graph<"fused">;
  readonly #node: Node;
  readonly #options: InsideOptions;
  readonly #build: Build;
  readonly #path: string;
  readonly #window: Window;
  /** Values that sub-graphs take from outside, by their numbers: those that they took, then constants that were made of others. */
  readonly #outside: Node[];
  readonly #used = new Set<string>();

  constructor(graph: Graph<"fused">, node: Node, options: InsideOptions) {
    this.#graph = graph;
    this.#node = node;
    this.#options = options;
    this.#build = new Build(graph.arena);
    const name = graph.arena.originsOf(node)[0]?.path ?? "";
    this.#path = options.path ? `${options.path}/${name}` : name;
    this.#window = new Window(memory((node.attrs.attributes as Literal).bytes));
    this.#outside = node.inputs.slice((node.attrs.present as readonly number[]).filter(Boolean).length);
  }

  passed(inside: Inside[]): Node {
    try {
      const attributes = [...readAttributes(this.#window).values()];
      const graphs = attributes.flatMap(graphsOf);
      // An input with a value of its own would have to stay one; no exporter makes such.
      const isOdd = graphs.some((g) => g.initializers.some((t) => g.inputs.some((i) => i.name === t.name)));
      return graphs.length === 0 || isOdd ? this.#node : this.#passed(attributes, inside);
    } catch (error) {
      if (error instanceof Unusable || error instanceof Corrupt) return this.#node;
      throw error;
    }
  }

  #passed(attributes: readonly OnnxAttribute[], inside: Inside[]): Node {
    const { arena } = this.#graph;
    const record = new Recorder();
    const entries: Inside[] = [];
    const fields = attributes.map((attribute) => {
      const graphs = graphsOf(attribute);
      if (graphs.length === 0) return attributeField(this.#window, attribute);
      return graphField(attribute.name, graphs.map((g) => this.#sub(g, attributes, attribute.name, record, entries)), attribute.value.kind === "graphs");
    });
    const kept = this.#outside.map((_, i) => `${CAPTURED}${i}`).filter((name) => this.#used.has(name));
    const numbers = this.#outside.map((_, i) => `${CAPTURED}${kept.indexOf(`${CAPTURED}${i}`)}`);
    const bytes = withInnerNames(concatenated(fields), numbers, (name) => name);
    const given = this.#node.inputs.filter((_, i) => i < (this.#node.attrs.present as readonly number[]).filter(Boolean).length);
    const made = remake(arena, this.#node, [...given, ...this.#outside.filter((_, i) => this.#used.has(`${CAPTURED}${i}`))], { ...this.#node.attrs, attributes: { kind: "literal", dtype: "u8", bytes } });
    inside.push(...entries);
    this.#options.record.include(record);
    return made;
  }

  #sub(graph: OnnxGraph, attributes: readonly OnnxAttribute[], name: string, record: Recorder, entries: Inside[]): Uint8Array {
    const { arena } = this.#graph;
    const { host, target } = this.#options;
    const { imported, inputs } = this.#imported(graph, attributes);
    const own = new Recorder();
    const whole: Graph<"tensor"> = {
      level: "tensor", arena, inputs: inputs.map((node) => ({ name: node.attrs.name as string, node, axes: node.type.dims.map(() => "") })),
      outputs: imported.results.map(({ node }, i) => ({ name: `${INNER}result ${i}`, node, axes: node.type.dims.map(() => "") })), guards: [],
    };
    const { graph: fused, inside } = runPassesInside(whole, { host, target, record: own, path: this.#path });
    const constants = constantRoots(fused).filter((node) => node.op !== "const" || (node.attrs.value as Literal).bytes.length > SMALL);
    const emitted = emitInside(fused, {
      target, name: graph.name, constants: constants.map((node) => ({ name: this.#taken(node), node, axes: [] })),
      frame: {
        inputs: graph.inputs.map((port) => renamedValue(this.#window, port, port.name)), outputs: graph.outputs.map((port, i) => renamedValue(this.#window, port, `${INNER}result ${i}`)),
        graph: { doc: graph.doc, metadata: graph.metadata }, nodes: imported.frame.nodes,
      },
    });
    for (const used of emitted.used) this.#used.add(used);
    for (const domain of emitted.domains) arena.operatorSets.set(domain, arena.operatorSets.get(domain) ?? 1);
    record.include(own);
    entries.push(...inside, { path: this.#path, opType: this.#node.attrs.opType as string, graph: name, nodes: { before: imported.nodeCount, after: emitted.nodeCount } });
    return emitted.graph;
  }

  /** The name under which sub-graphs take a constant. */
  #taken(node: Node): string {
    const known = this.#outside.indexOf(node);
    return `${CAPTURED}${known >= 0 ? known : this.#outside.push(node) - 1}`;
  }

  /** The sub-graph by itself: its own inputs, and those from outside that are no constants. */
  #imported(graph: OnnxGraph, attributes: readonly OnnxAttribute[]): { readonly imported: Imported; readonly inputs: readonly Node[] } {
    const constants = constantNodes({ ...this.#graph, outputs: this.#outside.map((node) => ({ name: "", node, axes: [] })) });
    // A constant is taken as what it is made of, where no pass has been there: what comes now goes through all of them.
    const early = legalOps("tensor", this.#options.target);
    const isOpen = (node: Node): boolean => constants.has(node) && topological([node]).every((n) => early.has(n.op));
    const outside = this.#outside.map((node, i) => (isOpen(node) ? node : this.#build.input(`${CAPTURED}${i}`, node.type.dtype, node.type.dims)));
    const { types: first, states } = bodyTypes(this.#node, attributes, graph);
    let types = first;
    for (let round = 0; ; round++) {
      const own = graph.inputs.map((port, i) => this.#build.input(port.name, (types[i] as TensorType).dtype, (types[i] as TensorType).dims));
      const readable = new Set([...own, ...outside].flatMap((node) => (node.op === "input" ? node.type.dims.flatMap((d) => [...symbolsOf(d)]) : [])));
      const given = new Map<string, Value>([
        ...graph.inputs.map((port, i): [string, Value] => [port.name, asValue(own[i] as Node)]),
        ...outside.map((node, i): [string, Value] => [`${CAPTURED}${i}`, known(node, this.#outside[i] as Node, readable)]),
      ]);
      const span = this.#graph.arena.originsOf(this.#node)[0]?.span ?? { file: "", start: 0, end: 0 };
      const imported = importInside(this.#options.host, { window: this.#window, graph, given, into: { build: this.#build, prefix: `@${this.#graph.arena.size}/`, span }, told: graph.inputs.length === 0 });
      const weaker = this.#weakened(types, states, imported, round);
      if (!weaker) return { imported, inputs: [...own, ...outside.filter((node) => node.op === "input")] };
      types = weaker;
    }
  }

  readonly #any = new Set<string>();
  #anySize(): Dim {
    const size = symbol(`@${this.#graph.arena.size}#${this.#any.size}`);
    this.#any.add(size.key);
    return size;
  }

  /** Types of a body's inputs, less being said of state that a round gives back as something else; undefined where all of it comes back as it went in. */
  #weakened(types: readonly TensorType[], states: readonly State[], imported: Imported, round: number): readonly TensorType[] | undefined {
    let isSame = true;
    const weaker = [...types];
    for (const { input, output } of states) {
      const [before, after] = [types[input] as TensorType, imported.results[output]?.node.type ?? OPAQUE];
      if (isOpaque(before)) continue;
      const isOther = isOpaque(after) || after.dtype !== before.dtype || after.dims.length !== before.dims.length;
      const dims = before.dims.map((d, i) => (this.#any.has(d.key) || d.key === after.dims[i]?.key ? d : this.#anySize()));
      if (!isOther && dims.every((d, i) => d === before.dims[i])) continue;
      isSame = false;
      weaker[input] = isOther || round >= MOST_ROUNDS ? OPAQUE : { ...before, dims };
    }
    return isSame ? undefined : weaker;
  }
}

/** A value from outside, with the sizes that its elements are where a run can read them inside too. */
function known(node: Node, outside: Node, readable: ReadonlySet<string>): Value {
  const sizes = sizesIn(outside);
  return sizes?.every((d) => [...symbolsOf(d)].every((name) => readable.has(name))) ? valueWith(node, sizes) : asValue(node);
}
