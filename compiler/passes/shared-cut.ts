// Parts of one value that are cut along a second axis in the same way: cut there once, before they are parted.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import { countUsers } from "../graph/users.ts";
import type { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
import type { Dim } from "../types/dim.ts";
import { pass } from "./pass.ts";

// 1. at least two slices along one axis, of slices of one value along another that nothing else reads
export default pass("shared cuts", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => shared(graph, record) });

function shared(graph: Graph, record: Recorder): Graph {
  const o = new Build(graph.arena);
  const order = nodesOf(graph);
  const users = countUsers(graph);
  const alike = new Map<string, number>();
  for (const node of order) {
    const key = keyOf(node, users);
    if (key !== undefined) alike.set(key, (alike.get(key) ?? 0) + 1);
  }
  return replace(graph, (node, now) => {
    if ((alike.get(keyOf(node, users) ?? "") ?? 0) < 2) return undefined;
    const [first] = node.inputs as readonly [Node];
    return { rule: "the common cut first", node: o.make("slice", [o.make("slice", [now(first.inputs[0] as Node)], node.attrs)], first.attrs) };
  }, { pass: "shared cuts", record });
}

/** Of a second cut: what was cut before, and how it is cut along the second axis. */
function keyOf(node: Node, users: ReadonlyMap<Node, number>): string | undefined {
  const first = node.op === "slice" ? node.inputs[0] : undefined;
  if (first?.op !== "slice" || users.get(first) !== 1 || first.attrs.axis === node.attrs.axis) return undefined;
  const { axis, from, to, step } = node.attrs as { axis: number; from: Dim; to: Dim; step: number };
  return `${first.inputs[0]?.id} ${axis} ${from.key} ${to.key} ${step}`;
}
