// What was done within sub-graphs, in a few words.
import type { Inside } from "../../compiler/inside.ts";

/** "" where there are none. */
export function insideText(inside: readonly Inside[]): string {
  const sum = (of: (nodes: Inside["nodes"]) => number): number => inside.reduce((total, { nodes }) => total + of(nodes), 0);
  return inside.length === 0 ? "" : `in ${inside.length} sub-graph${inside.length === 1 ? "" : "s"} ${sum((n) => n.before)} to ${sum((n) => n.after)}`;
}
