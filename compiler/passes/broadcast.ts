// Questions of broadcasting that several passes ask.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
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
