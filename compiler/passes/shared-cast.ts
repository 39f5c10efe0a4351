// One value cast once, however often it is given another shape: a mask that is read by attention and by a pooling.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, topological } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { remake } from "../rewrite/run.ts";
import { pass } from "./pass.ts";

// 1. casts to one type of reshapes of one value, at least two of them
export default pass("shared casts", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => shared(graph, record) });

function shared(graph: Graph, record: Recorder): Graph {
  const { arena } = graph;
  const o = new Build(arena);
  const order = topological(graph.outputs.map((out) => out.node));
  const casts = new Map<string, Set<Node>>();
  for (const node of order) {
    const x = source(node);
    if (x) casts.set(key(node, x), (casts.get(key(node, x)) ?? new Set()).add(node));
  }
  const now = new Map<Node, Node>();
  for (const node of order) {
    const x = source(node);
    const made = x && (casts.get(key(node, x))?.size ?? 0) > 1 ? o.reshape(o.cast(now.get(x) ?? x, node.type.dtype), node.type.dims) : undefined;
    if (made) {
      for (const origin of arena.originsOf(node)) arena.addOrigin(made, origin);
      record.step({ pass: "shared casts", rule: "cast before it is given another shape", before: node, after: made });
    }
    now.set(node, made ?? remake(arena, node, node.inputs.map((i) => now.get(i) ?? i)));
  }
  return { ...graph, outputs: graph.outputs.map((out) => ({ ...out, node: now.get(out.node) ?? out.node })) };
}

/** What a cast is of, before it was given another shape. */
function source(node: Node): Node | undefined {
  if (node.op !== "cast") return undefined;
  const [x] = node.inputs as readonly [Node];
  return x.op === "reshape" ? x.inputs[0] : x;
}

const key = (node: Node, x: Node): string => `${x.id} ${node.type.dtype}`;
