// A file that was written for one record, run on many: what each node may do with the axis that counts them.
import type { Node } from "../graph/node.ts";
import { type Dim, symbolsOf } from "../types/dim.ts";

/** Operators that work on each record by itself, the records being counted along their first axis. */
const APART: ReadonlySet<string> = new Set([
  "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "DepthToSpace", "SpaceToDepth",
  "LeakyRelu", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "ThresholdedRelu", "Clip", "Mish", "Reciprocal", "Tan", "Exp", "Log", "Sqrt", "Erf", "Tanh", "Sigmoid", "Relu", "Neg", "Abs", "Gelu", "FastGelu", "QuickGelu",
  "Cast", "QuantizeLinear", "DequantizeLinear",
]);
const ALONG: ReadonlySet<string> = new Set(["argmax", "argmin", "topk", "cumsum", "softmax", "gather", "gatherElements"]);

/** Why a node, made on inputs that count records by `batch`, would mix these; undefined where each stays by itself. */
export function mixesRecords(node: Node, batch: string): string | undefined {
  const counts = (d: Dim | undefined): boolean => d !== undefined && symbolsOf(d).has(batch);
  const { dims } = node.inputs[0]?.type ?? { dims: [] };
  const { attrs, op } = node;
  if (!node.inputs.some((x) => x.type.dims.some(counts))) return undefined;
  if (!node.type.dims.some(counts)) return "its result does not tell the records apart";
  if (op === "foreign") return APART.has(attrs.opType as string) && node.inputs.every((x, i) => (i === 0 ? x.type.dims.slice(1) : x.type.dims).every((d) => !counts(d))) ? undefined : `${attrs.opType as string} is carried through, and I do not know what it does with them`;
  if (op.startsWith("reduce")) return (attrs.axes as readonly number[]).some((axis) => counts(dims[axis])) ? "it takes them together" : undefined;
  if (ALONG.has(op)) return counts(dims[attrs.axis as number]) ? "it works along them" : undefined;
  if (op === "slice") return counts(dims[attrs.axis as number]) && dims[attrs.axis as number]?.key !== node.type.dims[attrs.axis as number]?.key ? "it cuts them" : undefined;
  if (op === "concat") return counts(node.type.dims[attrs.axis as number]) ? "it joins them with others" : undefined;
  if (op === "matmul") return counts(dims[dims.length - 1]) ? "it sums over them" : undefined;
  return undefined;
}
