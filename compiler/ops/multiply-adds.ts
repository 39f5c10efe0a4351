// What one node of a graph costs: multiply-adds of products, fused and carried ones too. How sizes that only a run knows count is the caller's.
import type { Node } from "../graph/node.ts";
import type { Dim } from "../types/dim.ts";

type SizeOf = (dim: Dim) => number;

/** 0 for what is no product, and where a shape is not known. */
export function multiplyAdds(node: Node, size: SizeOf): number {
  if (node.op !== "foreign") return COSTS[node.op]?.(node, size) ?? 0;
  const isKnown = node.attrs.domain === "" || node.attrs.domain === "com.microsoft";
  return (isKnown && COSTS[String(node.attrs.opType)]?.(node, size)) || 0;
}

type CostOf = (node: Node, size: SizeOf) => number;

const count = (dims: readonly Dim[], size: SizeOf): number => dims.reduce((product, dim) => product * size(dim), 1);
const dimsOf = (node: Node, input: number): readonly Dim[] => node.inputs[input]?.type.dims ?? [];

/** Every value of the result is a sum over the last axis of the left side, or the last but one where it is transposed. */
const product: CostOf = (node, size) => {
  const left = dimsOf(node, 0);
  const inner = left.at(node.attrs.transA === true ? -2 : -1);
  return inner ? count(node.type.dims, size) * size(inner) : 0;
};

/** Queries with keys, then weights with values: each pair of tokens costs the widths of both. */
const attention: CostOf = (node, size) => {
  const [q, k, v] = [dimsOf(node, 0), dimsOf(node, 1), dimsOf(node, 2)];
  if (q.length !== 3 || k.length !== 3 || v.length !== 3) return 0;
  const [batch, tokens, width] = q as [Dim, Dim, Dim];
  return size(batch) * size(tokens) * size(k[1] as Dim) * (size(width) + size(v[2] as Dim));
};

/** The maps of queries, keys and values, then the attention of every token to every token. */
const packed: CostOf = (node, size) => {
  const [batch, tokens] = dimsOf(node, 0) as [Dim, Dim];
  return size(batch) * size(tokens) * (count(dimsOf(node, 1), size) + size(tokens) * (size(node.attrs.keys as Dim) + size(node.attrs.values as Dim)));
};

/** Every value of the result is a sum over the window and the channels of one group, which is what the kernel holds for it. */
const convolutionWith = (kernel: number): CostOf => (node, size) => count(node.type.dims, size) * count(dimsOf(node, kernel).slice(1), size);
const convolution = convolutionWith(1);
/** Turned round: every value of the input goes into as many as the kernel holds for it. */
const transposed: CostOf = (node, size) => count(dimsOf(node, 0), size) * count(dimsOf(node, 1).slice(1), size);

const COSTS: Readonly<Record<string, CostOf>> = {
  matmul: product, linear: product, fusedMatmul: product, linearInt8: product,
  MatMul: product, Gemm: product, FusedMatMul: product, MatMulInteger: product, DynamicQuantizeMatMul: product, MatMulIntegerToFloat: product, QLinearMatMul: product, MatMulNBits: product,
  attention, MultiHeadAttention: attention, packedAttention: packed,
  conv: convolution, Conv: convolution, FusedConv: convolution, ConvInteger: convolution, QLinearConv: convolutionWith(3), ConvTranspose: transposed,
};
