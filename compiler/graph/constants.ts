// Which nodes do not depend on a run: what can be computed while compiling and stored as initializers.
import { type Facts, isDim } from "../types/dim.ts";
import { type Attr, type Graph, type Node, nodesOf } from "./node.ts";

/** Nodes that a run would only repeat: made from weights and literals alone, with all sizes known. In the order of `nodesOf`. */
export function constantNodes(graph: Graph): Set<Node> {
  const constant = new Set<Node>();
  for (const node of nodesOf(graph))
    if (node.op !== "input" && node.op !== "foreign" && node.inputs.every((x) => constant.has(x)) && isKnown(node, graph.arena.facts)) constant.add(node);
  return constant;
}

/** The constant nodes that something else needs: users that are not constant, or outputs. */
export function constantRoots(graph: Graph): Node[] {
  const constant = constantNodes(graph);
  const roots = new Set<Node>();
  for (const node of nodesOf(graph))
    if (!constant.has(node)) for (const input of node.inputs) if (constant.has(input)) roots.add(input);
  for (const output of graph.outputs) if (constant.has(output.node)) roots.add(output.node);
  // In the order of computation, so that the same graph always gives the same list.
  return [...constant].filter((node) => roots.has(node));
}

function isKnown(node: Node, facts: Facts): boolean {
  const sized = (attr: Attr): boolean => {
    if (isDim(attr)) return facts.number(attr) !== undefined;
    return !Array.isArray(attr) || attr.every((a: Attr) => !isDim(a) || facts.number(a) !== undefined);
  };
  return node.types.every((t) => t.dims.every((d) => facts.number(d) !== undefined)) && Object.values(node.attrs).every(sized);
}
