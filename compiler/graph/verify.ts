// Checks that a graph is what its level promises: legal ops, types that follow from inputs, sizes that a run can know.
import type { Dim } from "../types/dim.ts";
import { printType, type TensorType } from "../types/tensor.ts";
import { type Target, legalOps } from "./level.ts";
import { dimsIn, type Graph, type Infer, type Level, type Node, nodesOf } from "./node.ts";

/** What is wrong, and where. These are faults of the compiler, never of a program. */
interface Fault {
  readonly says: string;
  readonly node: Node | undefined;
}

export interface VerifyOptions {
  readonly target: Target;
  readonly infer: Infer;
  /** The level to hold the graph to; its own unless said otherwise. */
  readonly level?: Level;
  /** Nodes whose types and uses were found right before: nodes never change, so they are not looked at again. Those of this graph join them. */
  readonly right?: Set<Node>;
}

export function verify(graph: Graph, { target, infer, level = graph.level, right = new Set() }: VerifyOptions): Fault[] {
  const order = nodesOf(graph);
  const legal = legalOps(level, target);
  const faults = [...ports(graph)];
  for (const node of order) {
    if (!legal.has(node.op)) faults.push({ says: `${node.op} is not legal at level ${level} for ${target}`, node });
    if (right.has(node)) continue;
    const own = [...types(node, graph, infer), ...uses(node)];
    if (own.length === 0) right.add(node);
    faults.push(...own);
  }
  return level === "onnx" ? [...faults, ...sizes(graph, order)] : faults;
}

function* ports(graph: Graph): Iterable<Fault> {
  const declared = new Set(graph.inputs.map((i) => i.node));
  for (const node of nodesOf(graph))
    if (node.op === "input" && !declared.has(node)) yield { says: `the input ${String(node.attrs.name)} is used and not declared`, node };
  for (const { name, node } of graph.inputs) if (node.op !== "input" || node.attrs.name !== name) yield { says: `${name} is declared as an input and is ${node.op} ${String(node.attrs.name ?? "")}`, node };
  const [names, twice] = [new Set<string>(), new Set<string>()];
  for (const { name } of [...graph.inputs, ...graph.outputs]) (names.has(name) ? twice : names).add(name);
  for (const name of twice) yield { says: `two inputs or outputs are called ${name}`, node: undefined };
  for (const { name, node, axes } of [...graph.inputs, ...graph.outputs])
    if (axes.length !== node.type.dims.length) yield { says: `${name} has ${axes.length} axis names and type ${printType(node.type)}`, node };
}

function* types(node: Node, graph: Graph, infer: Infer): Iterable<Fault> {
  try {
    const { facts } = graph.arena;
    const again = infer(node.op, node.inputs, node.attrs, facts);
    // A size may have become known since the node was made: `N` and what it is are the same.
    const isSame = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && a.dims.length === b.dims.length && a.dims.every((d, i) => facts.equal(d, b.dims[i] as Dim));
    if (again.length !== node.types.length || !again.every((t, i) => isSame(t, node.types[i] as TensorType)))
      yield { says: `${node.op} has type ${node.types.map(printType).join(", ")}, and its inputs give ${again.map(printType).join(", ")}`, node };
  } catch (error) {
    yield { says: `${node.op} cannot be typed: ${(error as Error).message}`, node };
  }
}

function* uses(node: Node): Iterable<Fault> {
  for (const input of node.inputs)
    if (input.types.length > 1 && node.op !== "item") yield { says: `${node.op} uses ${input.op}, which has ${input.types.length} outputs, without saying which`, node };
}

/** Symbols that stand in attributes, in no input, and that no node makes cannot be computed by a run. Nodes whose results alone tell their sizes are read like inputs. */
function* sizes(graph: Graph, order: readonly Node[]): Iterable<Fault> {
  const { facts } = graph.arena;
  const readable = new Set<string>();
  const read = (node: Node): void => { for (const type of node.types) for (const dim of type.dims) facts.symbolsOf(dim, readable); };
  for (const { node } of graph.inputs) read(node);
  for (const node of order) {
    // A foreign node's attributes say what comes out; they need no size.
    if (node.op !== "foreign")
      for (const dim of Object.values(node.attrs).flatMap(dimsIn))
        for (const name of facts.symbolsOf(dim))
          if (!readable.has(name) && !graph.arena.makerOf(name)) yield { says: `${node.op} needs the size ${name}, which no input has`, node };
    if (node.op === "foreign" || node.op === "choose") read(node);
  }
}
