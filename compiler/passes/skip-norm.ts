// A sum and the layer norm of it in one operator, which gives both; the bias of a linear map joins the sum there.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import { replace } from "../rewrite/replace.ts";
import { rewrite } from "../rewrite/run.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Rule, rule } from "../rewrite/rule.ts";
import type { Recorder } from "../rewrite/record.ts";
import { isMadeOfWeights } from "./constant.ts";
import { pass } from "./pass.ts";

// 1. layerNorm(x + skip): users of the sum get it from the same operator, which no rule at one node can say
export default pass("skip and norm", {
  needs: "fused", leaves: "fused", exact: true, makes: ["skipLayerNorm"], for: (target) => target.skipLayerNorm,
  run: (graph, _, record) => rewrite(joined(graph, record), biases, { pass: "skip and norm", record }),
});

// 2. either side is a linear map with a bias, which nothing else uses
const biases: readonly Rule[] = [0, 1].map((side) => rule(side === 0 ? "bias of the left side" : "bias of the right side", ["root", "x", "w", "b", "skip", "gain", "bias"], {
  find: (o, { root, x, w, b, skip, gain, bias }) => {
    const map = o.sole(o.op("linear", [x, w, b]));
    return o.as(root, o.op("skipLayerNorm", side === 0 ? [map, skip, gain, bias] : [skip, map, gain, bias]));
  },
  put: (o, { root, x, w, b, skip, gain, bias }) => o.make("skipLayerNorm", [o.linear(x, w, undefined), skip, gain, bias, b], root.attrs),
}));

function joined(graph: Graph, record: Recorder): Graph {
  const { arena } = graph;
  const o = new Build(arena);
  const order = nodesOf(graph);
  const normOf = new Map<Node, Node>();
  for (const node of order) {
    const sum = node.inputs[0];
    if (sum && !normOf.has(sum) && fits(node, sum, arena.facts)) normOf.set(sum, node);
  }
  return replace(graph, (node, now) => {
    const sum = normOf.has(node) ? node : normOf.get(node.inputs[0] as Node) === node ? (node.inputs[0] as Node) : undefined;
    const norm = sum && normOf.get(sum);
    if (!norm) return undefined;
    const [[x, skip], [, gain, bias]] = [sum.inputs as readonly [Node, Node], norm.inputs as readonly [Node, Node, Node]];
    const both = o.skipLayerNorm(now(x), now(skip), gain, bias, norm.attrs.eps as number);
    return sum === node ? { rule: "sum of a norm", node: o.item(both, 1) } : { rule: "norm of a sum", node: o.item(both, 0) };
  }, { pass: "skip and norm", record });
}

/** The operator wants both sides whole, of rank 2 or 3, and a gain and a bias that are there before the sum is. */
function fits(norm: Node, sum: Node, facts: Graph["arena"]["facts"]): boolean {
  const { dims } = sum.type;
  return norm.op === "layerNorm" && norm.inputs.length === 3 && sum.op === "add" && (dims.length === 2 || dims.length === 3)
    && sum.inputs.every((x) => sameDims(x.type.dims, dims, facts)) && norm.inputs.slice(1).every(isMadeOfWeights);
}
