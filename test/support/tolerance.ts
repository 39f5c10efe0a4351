// How far two ways to compute one thing may lie apart. A test brings no tolerance of its own.
import type { DType } from "../../compiler/types/tensor.ts";

/**
 * `exact`: the same numbers in the same order. `reordered`: the same equation, its sums taken in another order.
 * `approximated`: ONNX Runtime's own polynomials for erf, exp and tanh stand on one side.
 * The largest difference, relative to the largest number that is wanted (at least 1).
 */
export type Kind = "exact" | "reordered" | "approximated";

const TABLE: Readonly<Partial<Record<DType, Readonly<Record<Kind, number>>>>> = {
  f64: { exact: 0, reordered: 1e-13, approximated: 1e-6 },
  f32: { exact: 0, reordered: 1e-5, approximated: 1e-5 },
  f16: { exact: 0, reordered: 4e-3, approximated: 4e-3 },
};

/** Whole numbers and truth values are always exact. */
export const tolerance = (dtype: DType, kind: Kind): number => TABLE[dtype]?.[kind] ?? 0;
