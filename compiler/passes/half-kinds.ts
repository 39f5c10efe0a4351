// What may be computed in half precision, op by op, and why the rest may not.
import type { Node } from "../graph/node.ts";
import { isMadeOfWeights } from "./constant.ts";

/** `half`: products, which gain by it, and tables, which are half as large. `free`: exact, or as good in 16 bits, so it goes with its neighbours. */
export type Kind = "half" | "free" | { readonly single: Reason };

/** Why something stays in 32 bits; for people. */
export type Reason =
  | "a softmax" | "a sum of many" | "a function that magnifies rounding" | "a quotient of results" | "a square" | "a choice or a comparison"
  | "what a choice is made by" | "scatters that add" | "a product in 8 bits" | "carried through as it is" | "soft clusters" | "positions and counts" | "numbers beyond the range of f16"
  | "a constant beyond the range of f16" | "the type at the edge of the graph";

/** What reads parts of a table. */
const READS: ReadonlySet<string> = new Set(["gather", "take", "slice"]);
const PRODUCTS: ReadonlySet<string> = new Set(["linear", "matmul", "fusedMatmul", "conv", "attention", "packedAttention"]);
/** They take values from place to place, or keep their size. Norms sum in 32 bits whatever they are given (`stash_type` of the operator). */
const FREE: ReadonlySet<string> = new Set([
  "layerNorm", "rmsNorm", "skipLayerNorm", "gelu", "silu", "relu", "tanh", "sigmoid", "hardSigmoid", "clip",
  "add", "sub", "mul", "neg", "abs", "min", "max", "where", "reduceMax", "reduceMin",
  "reshape", "transpose", "expand", "concat", "slice", "split", "gather", "gatherElements", "take", "item", "fill",
]);
/** What changes no value; a large number stays one. */
const MOVES: ReadonlySet<string> = new Set(["reshape", "transpose", "expand", "concat", "slice", "split", "gather", "gatherElements", "take", "put", "item", "where", "cast"]);
/** Elementwise arithmetic and extremes: what goes in too large comes out so, or nearly. */
const ARITHMETIC: ReadonlySet<string> = new Set(["add", "sub", "mul", "div", "neg", "abs", "min", "max", "relu", "reduceMax", "reduceMin", "reduceSum", "reduceMean", "cumsum"]);
/** Types whose every value f16 holds. */
const SMALL: ReadonlySet<string> = new Set(["bool", "u8", "i8", "u4", "i4", "f16"]);

const REASONS: Readonly<Record<string, Reason>> = {
  softmax: "a softmax", reduceSum: "a sum of many", reduceMean: "a sum of many", reduceL2: "a sum of many", reduceProd: "a sum of many", weightedSum: "a sum of many", cumsum: "a sum of many",
  div: "a quotient of results", put: "scatters that add", linearInt8: "a product in 8 bits", foreign: "carried through as it is", windowMeans: "soft clusters",
  argmax: "a choice or a comparison", argmin: "a choice or a comparison", topk: "a choice or a comparison", eq: "a choice or a comparison", lt: "a choice or a comparison", le: "a choice or a comparison",
  gt: "a choice or a comparison", ge: "a choice or a comparison", isnan: "a choice or a comparison", floor: "a choice or a comparison", ceil: "a choice or a comparison", round: "a choice or a comparison", sign: "a choice or a comparison", mod: "a choice or a comparison",
  input: "the type at the edge of the graph",
};

export const carries = (node: Node): boolean => MOVES.has(node.op) || ARITHMETIC.has(node.op);

/** What the op says by itself, whatever is around it. */
export function kindOf(node: Node): Kind {
  const { op, inputs } = node;
  if (PRODUCTS.has(op)) return inputs.some(isUnpacked) ? { single: "a product in 8 bits" } : "half";
  if (READS.has(op) && inputs[0] && inputs[0].type.dims.length > 1 && isMadeOfWeights(inputs[0])) return "half";
  // x² leaves the range where x is above 255.
  if (op === "mul" && inputs[0] === inputs[1]) return { single: "a square" };
  if (op === "cast") return SMALL.has((inputs[0] as Node).type.dtype) ? "free" : { single: (inputs[0] as Node).type.dtype === "f64" ? "the type at the edge of the graph" : "positions and counts" };
  if (op === "put" && node.attrs.how === "set") return "free";
  if (op === "div" && isMadeOfWeights(inputs[1] as Node)) return "free";
  return FREE.has(op) ? "free" : { single: REASONS[op] ?? "a function that magnifies rounding" };
}

/** A tensor in 8 bits, or fewer, that the file unpacks: a product with it is one of the runtime's own, in whole numbers. */
function isUnpacked(node: Node): boolean {
  let at = node;
  while (MOVES.has(at.op) && at.inputs[0]) at = at.inputs[0];
  return at.op === "foreign" && at.attrs.opType === "DequantizeLinear";
}

/** Runtime products that a choice is made by: the similarities of tokens before they are ranked. Weights in between separate the two. */
export function deciding(order: readonly Node[]): ReadonlySet<Node> {
  const reached = new Set<Node>();
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node;
    const decides = (REASONS[node.op] === "a choice or a comparison") || (node.op === "cast" && !isReal(node) && node.inputs.some(isReal));
    if (!decides && !(reached.has(node) && isSeenThrough(node))) continue;
    for (const input of node.inputs) if (isReal(input)) reached.add(input);
  }
  return new Set([...reached].filter((n) => n.op === "matmul" || n.op === "fusedMatmul"));
}

const isReal = (node: Node): boolean => node.types.some((t) => t.dtype === "f32");

function isSeenThrough({ op, inputs }: Node): boolean {
  if (op === "matmul" || op === "fusedMatmul") return !inputs.some(isMadeOfWeights);
  return !["linear", "conv", "attention", "packedAttention", "layerNorm", "rmsNorm", "skipLayerNorm", "linearInt8", "foreign"].includes(op);
}
