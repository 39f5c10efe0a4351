// Which ops may stand in a graph at which level: what a person may write, then what passes make of it for a target.
import { BINARY_OPS, UNARY_OPS } from "./build.ts";
import type { Level } from "./node.ts";

/** What a graph is emitted for; `portable` uses only operators of the ONNX standard. */
export type Target = "cpu" | "cuda" | "portable";

/** What elaboration makes: ops that the library offers. */
const TENSOR: readonly string[] = [
  "input", "const", "weight", "iota", "fill", "sizeOf", "random", "windowMask", "poolMatrix",
  ...UNARY_OPS, ...BINARY_OPS, "where", "cast",
  "reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2", "argmax", "argmin", "topk", "item", "cumsum", "softmax",
  "matmul", "reshape", "transpose", "expand", "concat", "slice", "gather", "gatherElements", "take", "put", "choose",
  // An author says which products are taken in 8 bits; no pass does.
  "linearInt8",
  // What an imported file holds besides.
  "conv", "clip", "hardSigmoid", "foreign",
];

/** What passes make, and for which targets it pays. The standard has no operator that adds and norms, or scales a product. */
const FUSED: Readonly<Record<string, readonly Target[]>> = {
  layerNorm: ["cpu", "cuda", "portable"],
  rmsNorm: ["cpu", "cuda", "portable"],
  skipLayerNorm: ["cpu", "cuda"],
  embedNorm: ["cpu", "cuda"],
  gelu: ["cpu", "cuda", "portable"],
  silu: ["cpu", "cuda", "portable"],
  linear: ["cpu", "cuda", "portable"],
  fusedMatmul: ["cpu", "cuda"],
  attention: ["cpu", "cuda", "portable"],
  packedAttention: ["cpu"],
  split: ["cpu", "cuda", "portable"],
  weightedSum: ["cpu", "cuda", "portable"],
  windowMeans: ["cpu", "cuda", "portable"],
};

/** Ops that exist at a level. At `onnx` they are those of `fused`; what is checked besides, once all passes are through, is that every size can be had. */
export function legalOps(level: Level, target: Target): ReadonlySet<string> {
  return TABLE[level === "tensor" ? "tensor" : target];
}

const withFused = (target: Target): ReadonlySet<string> => new Set([...TENSOR, ...Object.keys(FUSED).filter((op) => FUSED[op]?.includes(target))]);

const TABLE: Readonly<Record<"tensor" | Target, ReadonlySet<string>>> = {
  tensor: new Set(TENSOR), cpu: withFused("cpu"), cuda: withFused("cuda"), portable: withFused("portable"),
};
