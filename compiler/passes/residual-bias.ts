// A bias that joins the sum with a normed value goes into the bias of that norm, and out again of every map that reads the norm:
// y + x·W + b with y = norm(s) is y' + x·W with y' = norm(s) + b, and y·V + c is y'·V + (c - b·V). One sum fewer behind each map of a post-norm block.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import { usersOf } from "../graph/users.ts";
import type { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
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
  const o = new Build(graph.arena);
  const moves = movesOf(graph);
  const bare = new Set([...moves.values()].map((m) => m.map));
  return replace(graph, (node, now) => {
    const move = moves.get(node);
    if (move) {
      const [x, gain, bias] = node.inputs.map(now) as [Node, Node, Node | undefined];
      return { rule: "bias into the norm before", node: o.layerNorm(x, gain, bias ? o.add(bias, move.bias) : move.bias, node.attrs.eps as number) };
    }
    const read = READERS.has(node.op) ? moves.get(node.inputs[0] as Node) : undefined;
    if (!read && !bare.has(node)) return undefined;
    const [x, w, bias, ...rest] = node.inputs.map(now) as [Node, Node, Node, ...Node[]];
    return read
      ? { rule: "bias out of what reads the norm", node: o.make(node.op, [x, w, o.sub(bias, product(o, read.bias, w)), ...rest], node.attrs) }
      : { rule: "bias out of the map", node: o.make(node.op, [x, w], node.attrs) };
  }, { pass: "biases of residuals", record });
}

/** What moves, by norms. */
function movesOf(graph: Graph): ReadonlyMap<Node, Move> {
  const order = nodesOf(graph);
  const users = usersOf(order);
  const read = new Set(graph.outputs.map((out) => out.node));
  const moves = new Map<Node, Move>();
  for (const node of order) {
    const move = moveOf(node, users, read, graph.arena.facts);
    if (move) moves.set(node, move);
  }
  // A map has either its bias taken out or an offset of what it reads, not both.
  for (const [norm, { map }] of moves) if (moves.has(map.inputs[0] as Node)) moves.delete(norm);
  return moves;
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
