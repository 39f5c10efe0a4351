// How an operator is raised: what an entry of the table is, and what several entries check.
import type { Node } from "../graph/node.ts";
import { type Dim, asNumber } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import type { OnnxTensor } from "./onnx-file.ts";
import { Kept, type Use } from "./onnx-use.ts";
import { type Value, valueOfSizes } from "./onnx-value.ts";

type Made = Node | Value;
/** What each output became. Throws `Kept` or `Mismatch` where the operator is carried through. */
export type Raise = (u: Use, constantOf: (tensor: OnnxTensor) => Node) => Made | readonly Made[];

/** What arithmetic is written for; other types pass through casts that only the runtime should make. */
export const PLAIN: ReadonlySet<DType> = new Set(["f32", "f64", "f16", "i64", "i32", "bool"]);
export const plain = (node: Node): Node => {
  if (!PLAIN.has(node.type.dtype)) throw new Kept(`arithmetic of ${node.type.dtype}`);
  return node;
};
export const single = (node: Node): Node => {
  if (node.type.dtype !== "f32") throw new Kept(`only spelled out in 32 bits`);
  return node;
};
/** Other elements in the shape that the first input has. */
export const likeSizes = (u: Use, sizes: readonly Dim[], dtype: DType = u.value(0)?.type.dtype as DType): Value => valueOfSizes(u.o, dtype, sizes, u.dims(0).map((d) => asNumber(d) as number));
export const only = (holds: boolean, why: string): void => {
  if (!holds) throw new Kept(why);
};
