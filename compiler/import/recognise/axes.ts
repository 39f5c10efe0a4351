// Names of axes by position, as the contract has them.
import type { Node } from "../../graph/node.ts";
import type { Facts } from "../../types/dim.ts";
import type { RecognisedSite } from "../recognised.ts";
import type { Attention } from "./attention.ts";
import { type Flow, opOf } from "./flow.ts";

const LEADING: Readonly<Record<number, readonly string[]>> = { 0: [], 1: ["B*H"], 2: ["B", "H"], 3: ["B", "W", "H"] };

/** Scores and probabilities: [B, H, N', N]. */
export function scoresAxes(node: Node): readonly string[] {
  const rank = node.type.dims.length;
  return rank < 2 ? node.type.dims.map(() => "") : [...(LEADING[rank - 2] ?? numbered(rank - 2)), "N'", "N"];
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `_${i}`);

/** An operand of a product, where it is easiest to name: scalings, a turn of the last two axes and heads put into the batch are looked behind. */
export function headed(flow: Flow, operand: Node, tokens: string, side: "rows" | "columns"): RecognisedSite {
  const rank = operand.type.dims.length;
  let axes: readonly string[] = [...(LEADING[rank - 2] ?? numbered(Math.max(rank - 2, 0))), ...(side === "rows" ? [tokens, "D"] : ["D", tokens])].slice(-rank);
  let node = operand;
  let best: RecognisedSite = { node, axes };
  for (let steps = 0; steps < 8; steps++) {
    const before = behind(flow, node, axes, axes[axes.length - 1] === tokens);
    if (!before) break;
    ({ node, axes } = before);
    if (!axes.includes("B*H") || best.axes.includes("B*H")) best = before;
  }
  return best;
}

function behind(flow: Flow, node: Node, axes: readonly string[], mayTurn: boolean): RecognisedSite | undefined {
  const [x, y] = node.inputs;
  const op = opOf(node);
  if (!x) return undefined;
  if ((op === "mul" || op === "div") && y && isOnes(y) && flow.isActive(x)) return { node: x, axes };
  if (op === "mul" && y && isOnes(x) && flow.isActive(y)) return { node: y, axes };
  if (op === "transpose" && mayTurn && Array.isArray(node.attrs.perm)) {
    const before = [...axes];
    for (const [i, p] of (node.attrs.perm as readonly number[]).entries()) before[p] = axes[i] as string;
    return { node: x, axes: before };
  }
  if (op !== "reshape" || !sameTail(node, x)) return undefined;
  if (axes.length === 4 && x.type.dims.length === 3) return { node: x, axes: ["B*H", ...axes.slice(2)] };
  return axes[0] === "B*H" && x.type.dims.length === 4 ? { node: x, axes: ["B", "H", ...axes.slice(1)] } : undefined;
}

const isOnes = (node: Node): boolean => node.type.dims.every((d) => d.key === "1");
const sameTail = (a: Node, b: Node): boolean => [-1, -2].every((i) => a.type.dims.at(i)?.key === b.type.dims.at(i)?.key);

/** The axis of the stream along which tokens stand: as many as the scores have rows; undefined where none fits. */
export function tokenAxisOf(input: Node, attention: Attention, facts: Facts): number | undefined {
  const { dims } = attention.product.type;
  const rows = dims[dims.length - 2];
  // Where a batch holds as many pictures as there are tokens: the axis next to the features.
  return input.type.dims.slice(0, -1).flatMap((d, axis) => (rows && facts.equal(d, rows) ? [axis] : [])).at(-1);
}

/** A tensor of the stream: [B, N, C], in whatever order the input of the block has its axes. */
export function streamAxes(node: Node, input: Node, attention: Attention, last: string): readonly string[] {
  const rank = node.type.dims.length;
  if (rank !== input.type.dims.length) return rank === 2 ? ["B*N", last] : [...numbered(Math.max(rank - 1, 0)), last].slice(-rank);
  const rows = attention.product.type.dims.at(-2);
  const tokens = rank === 3 && rows && input.type.dims[1]?.key !== rows.key && input.type.dims[0]?.key === rows.key ? 0 : rank - 2;
  return node.type.dims.map((_, i) => (i === rank - 1 ? last : i === tokens ? "N" : rank === 3 ? "B" : `_${i}`));
}
