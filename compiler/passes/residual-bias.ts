// A bias that joins the sum with a normed value goes into the bias of that norm, and out again of every map that reads the norm:
// y + x·W + b with y = norm(s) is y' + x·W with y' = norm(s) + b, and y·V + c is y'·V + (c - b·V). One sum fewer behind each map of a post-norm block.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, topological } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { remake } from "../rewrite/run.ts";
import type { Facts } from "../types/dim.ts";
import { sameDims } from "../rewrite/match.ts";
import { isStored } from "./constant.ts";
import { pass } from "./pass.ts";

export default pass("biases of residuals", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => moved(graph, record) });

/** What happens to one norm. */
interface Move {
  readonly bias: Node;
  /** The sum of the norm and the map, and the map in it. */
  readonly sum: Node;
  readonly map: Node;
}

function moved(graph: Graph, record: Recorder): Graph {
  const { arena } = graph;
  const o = new Build(arena);
  const order = topological(graph.outputs.map((out) => out.node));
  const users = new Map<Node, Node[]>();
  for (const node of order) for (const input of new Set(node.inputs)) users.set(input, [...(users.get(input) ?? []), node]);
  const read = new Set(graph.outputs.map((out) => out.node));
  const moves = new Map(order.flatMap((node) => { const move = moveOf(node, users, read, arena.facts); return move ? [[node, move] as const] : []; }));
  if (moves.size === 0) return graph;
  const bare = new Set([...moves.values()].map((m) => m.map));
  const now = new Map<Node, Node>();
  for (const node of order) {
    const inputs = node.inputs.map((x) => now.get(x) ?? x);
    const read = moves.get(node.inputs[0] as Node);
    const move = moves.get(node);
    let made: Node;
    if (move) {
      const [x, gain, bias] = inputs as [Node, Node, Node | undefined];
      made = o.layerNorm(x, gain, bias ? o.add(bias, move.bias) : move.bias, node.attrs.eps as number);
      record.step({ pass: "biases of residuals", rule: "bias into the norm before", before: node, after: made });
    } else if (READERS.has(node.op)) {
      const [x, w, bias, ...rest] = inputs as [Node, Node, Node, ...Node[]];
      const kept = bare.has(node) ? undefined : read ? o.sub(bias, product(o, read.bias, w)) : bias;
      made = remake(arena, node, [x, w, ...(kept ? [kept] : []), ...rest]);
    } else made = remake(arena, node, inputs);
    for (const origin of arena.originsOf(node)) arena.addOrigin(made, origin);
    now.set(node, made);
  }
  return { ...graph, outputs: graph.outputs.map((out) => ({ ...out, node: now.get(out.node) ?? out.node })) };
}

/** Maps whose third input is a bias that takes an offset of the first away. */
const READERS: ReadonlySet<string> = new Set(["linear", "packedAttention"]);

function moveOf(norm: Node, users: ReadonlyMap<Node, readonly Node[]>, read: ReadonlySet<Node>, facts: Facts): Move | undefined {
  if (norm.op !== "layerNorm" || norm.type.dtype !== "f32" || read.has(norm) || !norm.inputs.slice(1).every(isStored)) return undefined;
  const all = users.get(norm) ?? [];
  const sums = all.filter((u) => u.op === "add" && u.inputs[0] !== u.inputs[1]);
  const [sum] = sums;
  const map = sum?.inputs.find((x) => x !== norm);
  if (!sum || sums.length !== 1 || map?.op !== "linear" || map.inputs.length !== 3 || users.get(map)?.length !== 1 || read.has(map)) return undefined;
  if (map.inputs[0] === norm || !isStored(map.inputs[2] as Node) || !sameDims(map.type.dims, norm.type.dims, facts)) return undefined;
  const readers = all.filter((u) => u !== sum);
  const fits = readers.every((u) => READERS.has(u.op) && u.inputs.length >= 3 && u.inputs.every((x, i) => (x === norm) === (i === 0)) && u.inputs.slice(1, 3).every(isStored));
  return fits ? { bias: map.inputs[2] as Node, sum, map } : undefined;
}

/** b · W of weights, as a sum of rows: no runtime is needed to compute it. */
function product(o: Build, b: Node, w: Node): Node {
  const [rows] = w.type.dims;
  return o.reduce("reduceSum", o.mul(w, o.reshape(b, [rows ?? 0, 1])), [0], false);
}
