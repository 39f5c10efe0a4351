// A value that is cut into all of its parts: one operator hands them out.
import { Build } from "../graph/build.ts";
import { constantNodes } from "../graph/constants.ts";
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
import type { Dim, Facts } from "../types/dim.ts";
import { pass } from "./pass.ts";

// 1. slices along one axis that lie side by side from its start to its end, whose places are known
export default pass("parts", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => parted(graph, record) });

interface Cut {
  readonly from: number;
  readonly to: number;
}

function parted(graph: Graph, record: Recorder): Graph {
  const o = new Build(graph.arena);
  const { facts } = graph.arena;
  const constant = constantNodes(graph);
  const groups = new Map<string, Map<Node, Cut>>();
  for (const node of nodesOf(graph)) {
    const cut = cutOf(node, facts);
    if (!cut || constant.has(node)) continue;
    const key = keyOf(node);
    groups.set(key, (groups.get(key) ?? new Map<Node, Cut>()).set(node, cut));
  }
  const sizes = new Map<Node, readonly number[]>();
  const index = new Map<Node, number>();
  for (const cuts of groups.values()) {
    const sorted = [...cuts].sort(([, a], [, b]) => a.from - b.from);
    const [first] = sorted.map(([node]) => node) as [Node, ...Node[]];
    const whole = facts.number(first.inputs[0]?.type.dims[first.attrs.axis as number] as Dim);
    if (sorted.length < 2 || sorted.some(([, { from }], i) => from !== (sorted[i - 1]?.[1].to ?? 0)) || sorted.at(-1)?.[1].to !== whole) continue;
    for (const [i, [node]] of sorted.entries()) {
      sizes.set(node, sorted.map(([, { from, to }]) => to - from));
      index.set(node, i);
    }
  }
  return replace(graph, (node, now) => {
    const list = sizes.get(node);
    return list && { rule: "all parts at once", node: o.item(o.split(now(node.inputs[0] as Node), list, node.attrs.axis as number), index.get(node) as number) };
  }, { pass: "parts", record });
}

const keyOf = (node: Node): string => `${node.inputs[0]?.id} ${node.attrs.axis}`;

function cutOf({ op, attrs }: Node, facts: Facts): Cut | undefined {
  if (op !== "slice" || attrs.step !== 1) return undefined;
  const [from, to] = [facts.number(attrs.from as Dim), facts.number(attrs.to as Dim)];
  return from !== undefined && to !== undefined && to > from ? { from, to } : undefined;
}
