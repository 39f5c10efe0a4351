// What an imported graph costs: parameters, and multiply-adds of its products and convolutions, in all and by block.
import type { Graph, Node } from "../../graph/node.ts";
import { multiplyAdds } from "../../ops/multiply-adds.ts";
import type { Dim } from "../../types/dim.ts";
import { isFloat } from "../../types/tensor.ts";
import type { Recognised } from "../recognised.ts";
import { Flow, between } from "./flow.ts";

interface Work {
  /** Numbers of weights, each once; quantized ones as the whole numbers that they are. */
  readonly parameters: number;
  /** Sizes that only a run knows count as one. */
  readonly multiplyAdds: number;
}
export interface ModelWork extends Work {
  readonly blocks: ReadonlyMap<string, Work>;
}

export function workOf(graph: Graph, { stacks }: Pick<Recognised, "stacks">): ModelWork {
  const flow = new Flow(graph);
  const sizes = graph.arena.facts.evaluator(() => 1);
  const count = (dims: readonly Dim[]): number => dims.reduce((p, d) => p * size(d), 1);
  const size = (d: Dim): number => {
    const found = sizes(d);
    // What is left of a picture of one pixel is no size.
    return Number.isFinite(found) ? Math.max(found, 1) : 1;
  };
  const work = (nodes: readonly Node[]): Work => ({
    parameters: weightsBehind(flow, nodes).reduce((sum, w) => sum + count(w.type.dims), 0),
    multiplyAdds: nodes.reduce((sum, node) => sum + multiplyAdds(node, size), 0),
  });
  const blocks = stacks.flatMap((s) => s.blocks).map(({ path, sites }): [string, Work] => {
    const [input, output] = [sites.get("input")?.node, sites.get("output")?.node];
    return [path, work(input && output ? between(flow, input, output) : [])];
  });
  return { ...work(flow.order), blocks: new Map(blocks) };
}

/** Numbers that nodes are computed with, not shapes and places: reals, and what quantized weights are stored as. */
function weightsBehind(flow: Flow, nodes: readonly Node[]): readonly Node[] {
  const seen = new Set(nodes);
  const found: Node[] = [];
  for (const node of seen) {
    if (node.op === "weight" || (node.op === "const" && node.type.dims.length > 0)) {
      if (isFloat(node.type.dtype) || ["i8", "u8", "i4", "u4"].includes(node.type.dtype)) found.push(node);
    }
    for (const x of node.inputs) if (!flow.isActive(x)) seen.add(x);
  }
  return found;
}
