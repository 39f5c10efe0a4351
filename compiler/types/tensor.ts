// Element types and tensor types as the graph knows them: positions, no names.
import type { Dim } from "./dim.ts";

export const DTYPES = ["f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u16", "u8", "i4", "u4", "bool"] as const;
export type DType = (typeof DTYPES)[number];
export const isDType = (text: string): text is DType => (DTYPES as readonly string[]).includes(text);
export const isFloat = (d: DType): boolean => d === "f64" || d === "f32" || d === "f16" || d === "bf16";

/** Bits an element takes in storage. */
export const BITS: Readonly<Record<DType, number>> = {
  f64: 64, f32: 32, f16: 16, bf16: 16, i64: 64, i32: 32, i16: 16, i8: 8, u16: 16, u8: 8, i4: 4, u4: 4, bool: 8,
};

export interface TensorType {
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

export const printType = (t: TensorType): string => `${t.dtype}[${t.dims.map((d) => d.key).join(", ")}]`;
