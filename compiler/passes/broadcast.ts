// Questions of broadcasting that several passes ask.
import type { Build } from "../graph/build.ts";
import { type Node, topological } from "../graph/node.ts";
import { sameDims } from "../rewrite/match.ts";
import type { Dim, Facts } from "../types/dim.ts";

/** `x` repeated to `dims`, which it broadcasts to. */
export function expandTo(o: Build, x: Node, dims: readonly Dim[]): Node {
  return sameDims(x.type.dims, dims, o.arena.facts) ? x : o.expand(x, dims);
}

/** Whether operands of these shapes give `dims` together. */
export function broadcastsTo(parts: readonly (readonly Dim[])[], dims: readonly Dim[], facts: Facts): boolean {
  const full = parts.filter((p) => p.length === dims.length);
  if (full.length === 0 && dims.length > 0) return false;
  return dims.every((d, axis) => full.some((p) => facts.equal(p[axis] as Dim, d)));
}

/** Whether what `x` is made of finds one of these sizes in its data, so that they can be read nowhere once nobody takes `x` any more. */
export function tellsSize(x: Node, dims: readonly Dim[], facts: Facts): boolean {
  const names = new Set<string>();
  for (const dim of dims) facts.symbolsOf(dim, names);
  const isTold = (node: Node): boolean => node.types.some((t) => t.dims.some((d) => [...facts.symbolsOf(d)].some((name) => names.has(name))));
  return names.size > 0 && topological([x]).some((node) => (node.op === "foreign" || node.op === "choose") && isTold(node));
}

export const isOne = (d: Dim, facts: Facts): boolean => facts.number(d) === 1;

/** The number of elements that stand beside each other in the last axis, where all other sizes are 1. */
export function isRow(node: Node, facts: Facts): boolean {
  const { dims } = node.type;
  return dims.length >= 1 && dims.slice(0, -1).every((d) => isOne(d, facts));
}

/** A row without its leading sizes of 1. */
export function asVector(o: Build, row: Node): Node {
  const [x] = row.inputs;
  if (row.op === "reshape" && x?.type.dims.length === 1) return x;
  const { dims } = row.type;
  return dims.length === 1 ? row : o.reshape(row, dims.slice(-1));
}
