// Tensors of noise, the same for the same seed: what runs when nobody gives inputs.
import type { DType } from "../runtime/artifact.d.ts";
import type { TypedArray } from "../runtime/tensor.ts";

/** Numbers in [0, 1), the same for the same seed. Marsaglia's xorshift, 32 bits. */
export function noise(count: number, seed: number): number[] {
  let state = seed * 2654435761 >>> 0 || 1;
  return Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  });
}

/** Numbers of [0, 1) as an element type holds them; whole numbers are 1, or lie below `below`. */
export function madeUpValues(dtype: DType, of: readonly number[], below?: number): TypedArray {
  const whole = (v: number): number => (below === undefined ? 1 : Math.floor(v * below));
  switch (dtype) {
    case "f64": return Float64Array.from(of);
    case "i64": return BigInt64Array.from(of, (v) => BigInt(whole(v)));
    case "i32": return Int32Array.from(of, whole);
    case "i16": return Int16Array.from(of, whole);
    case "u16": return Uint16Array.from(of, whole);
    case "i8": return Int8Array.from(of, whole);
    case "u8": case "bool": return Uint8Array.from(of, (v) => Math.round(v));
    case "f16": return Uint16Array.from(of, half);
    default: return Float32Array.from(of);
  }
}

/** Bits of a 16-bit float from a number of magnitude 2^-14 to 2; smaller ones become 0. */
function half(value: number): number {
  const size = Math.abs(value);
  if (size < 2 ** -14) return 0;
  const exponent = Math.floor(Math.log2(size));
  const bits = (exponent + 15) * 1024 + Math.floor((size / 2 ** exponent - 1) * 1024);
  return value < 0 ? bits + 0x8000 : bits;
}
