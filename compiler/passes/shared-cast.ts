// One value cast once, however often it is given another shape: a mask that is read by attention and by a pooling.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
import { pass } from "./pass.ts";

// 1. casts to one type of reshapes of one value, or of it and its reshapes, at least two of them
export default pass("shared casts", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => shared(graph, record) });

function shared(graph: Graph, record: Recorder): Graph {
  const o = new Build(graph.arena);
  const casts = new Map<string, number>();
  for (const node of nodesOf(graph)) {
    const key = keyOf(node);
    if (key !== undefined) casts.set(key, (casts.get(key) ?? 0) + 1);
  }
  return replace(graph, (node, now) => {
    const [reshaped] = node.inputs;
    if (reshaped?.op !== "reshape" || (casts.get(keyOf(node) ?? "") ?? 0) < 2) return undefined;
    return { rule: "cast before it is given another shape", node: o.reshape(o.cast(now(reshaped.inputs[0] as Node), node.type.dtype), node.type.dims) };
  }, { pass: "shared casts", record });
}

/** What is cast, before it was given another shape, and to what. */
function keyOf(node: Node): string | undefined {
  if (node.op !== "cast") return undefined;
  const [x] = node.inputs as readonly [Node];
  return `${(x.op === "reshape" ? (x.inputs[0] as Node) : x).id} ${node.type.dtype}`;
}
