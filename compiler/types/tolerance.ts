// How far apart two numbers may be and still be called equal by `~=`: |a - b| <= absolute + relative·|b|.
import type { DType } from "./tensor.ts";

interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

const EXACT: Tolerance = { absolute: 0, relative: 0 };

/** Whole numbers and truth values are equal or they are not. NaN is equal to nothing. */
export const TOLERANCE: Readonly<Record<DType, Tolerance>> = {
  f64: { absolute: 1e-9, relative: 1e-9 },
  f32: { absolute: 1e-4, relative: 1e-4 },
  f16: { absolute: 2e-3, relative: 2e-3 },
  bf16: { absolute: 1e-2, relative: 1e-2 },
  i64: EXACT, i32: EXACT, i16: EXACT, i8: EXACT, u16: EXACT, u8: EXACT, i4: EXACT, u4: EXACT, bool: EXACT,
};

/** Equal infinities are equal; NaN never is. */
export const isClose = (a: number, b: number, { absolute, relative }: Tolerance): boolean => a === b || Math.abs(a - b) <= absolute + relative * Math.abs(b);
