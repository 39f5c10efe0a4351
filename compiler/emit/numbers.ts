// Elements as JavaScript numbers: stored bytes are decoded into typed arrays, computed in, and encoded again.
import type { DType } from "../types/tensor.ts";

/** Arrays that are computed in. f16 and bf16 are held exactly in 32 bits; i64 as doubles, exact to 2^53. */
export type Numbers = Float64Array | Float32Array | Int32Array | Int16Array | Int8Array | Uint16Array | Uint8Array;
type Constructor = { new (buffer: ArrayBuffer, offset: number, length: number): Numbers; readonly BYTES_PER_ELEMENT: number };

const ARRAYS: Readonly<Record<DType, Constructor>> = {
  f64: Float64Array, f32: Float32Array, f16: Float32Array, bf16: Float32Array, i64: Float64Array, i32: Int32Array,
  i16: Int16Array, i8: Int8Array, u16: Uint16Array, u8: Uint8Array, i4: Int8Array, u4: Uint8Array, bool: Uint8Array,
};

/** Bytes an element takes while it is computed with. */
export const workingBytes = (dtype: DType): number => ARRAYS[dtype].BYTES_PER_ELEMENT;

export function numbersIn(buffer: ArrayBuffer, dtype: DType, length: number): Numbers {
  return new ARRAYS[dtype](buffer, 0, length);
}
export const numbers = (dtype: DType, length: number): Numbers => numbersIn(new ArrayBuffer(length * workingBytes(dtype)), dtype, length);

/** A value that doubles cannot hold; the caller takes another way. */
export class Inexact extends Error {
  override readonly name = "Inexact";
}

/** Stored bytes into `out` from `start`. */
export function decode(dtype: DType, bytes: Uint8Array, out: Numbers, start: number, count: number): void {
  switch (dtype) {
    case "f16": return lookUp(halves(), bytes, out, start, count);
    case "bf16": return decodeBf16(bytes, out as Float32Array, start, count);
    case "i64": return decodeI64(bytes, out, start, count);
    case "i4": case "u4": return decodeNibbles(dtype, bytes, out, start, count);
    default: {
      const stored = aligned(bytes, workingBytes(dtype));
      out.set(new ARRAYS[dtype](stored.buffer as ArrayBuffer, stored.byteOffset, count), start);
    }
  }
}

/** `count` numbers from `start` as stored bytes. They may share memory with `from`. */
export function encode(dtype: DType, from: Numbers, start: number, count: number): Uint8Array {
  switch (dtype) {
    case "f16": return encodeSmall(from, start, count, F16);
    case "bf16": return encodeSmall(from, start, count, BF16);
    case "i64": return encodeI64(from, start, count);
    case "i4": case "u4": return encodeNibbles(from, start, count);
    default: return new Uint8Array(from.buffer as ArrayBuffer, from.byteOffset + start * from.BYTES_PER_ELEMENT, count * from.BYTES_PER_ELEMENT);
  }
}

/**
 * Brings computed numbers to what the type can hold. Stores into typed arrays round by themselves, except for the small floats.
 * Throws `Inexact` for integers that doubles do not hold.
 */
export function roundTo(dtype: DType, values: Numbers, count: number): void {
  const small = dtype === "f16" ? F16 : dtype === "bf16" ? BF16 : undefined;
  if (small) for (let i = 0; i < count; i++) values[i] = numberOf(bitsOf(values[i] as number, small), small);
  if (dtype === "i64") for (let i = 0; i < count; i++) if (!Number.isSafeInteger(values[i])) throw new Inexact(`${values[i]} is no integer below 2^53`);
}

/** The value that a number takes when it is converted to a type. */
export function converter(from: DType, to: DType): (x: number) => number {
  if (to === "bool") return (x) => (x === 0 ? 0 : 1);
  if (to === "f16" || to === "bf16") {
    const small = to === "f16" ? F16 : BF16;
    return (x) => numberOf(bitsOf(x, small), small);
  }
  // Integers are cut towards zero; the narrow arrays then keep the low bits, as ONNX Runtime does.
  return to === "i64" && (from === "f64" || from === "f32" || from === "f16" || from === "bf16") ? Math.trunc : (x) => x;
}

/** The first element that is NaN or infinite, or -1. */
export function firstNonFinite(values: Numbers, start: number, count: number): number {
  for (let i = start; i < start + count; i++) {
    const x = values[i] as number;
    // Infinity minus itself is NaN, and NaN is not 0.
    if (x - x !== 0) return i;
  }
  return -1;
}

const aligned = (bytes: Uint8Array, width: number): Uint8Array => (bytes.byteOffset % width === 0 ? bytes : bytes.slice());

/** A binary float of 16 bits, by the bits of its fraction and its exponent's bias. */
interface Small {
  readonly fraction: number;
  readonly bias: number;
  /** Bits of infinity. */
  readonly infinity: number;
}
const F16: Small = { fraction: 10, bias: 15, infinity: 0x7c00 };
const BF16: Small = { fraction: 7, bias: 127, infinity: 0x7f80 };

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);

/** Nearest, ties to even; from 64 bits at once, since rounding twice is not rounding. */
function bitsOf(value: number, { fraction, bias, infinity }: Small): number {
  if (Number.isNaN(value)) return infinity | (1 << (fraction - 1));
  scratch[0] = value;
  const high = words[1] as number;
  const sign = (high >>> 31) << 15;
  const size = Math.abs(value);
  if (size === Infinity) return sign | infinity;
  // Below the smallest normal exponent all numbers share one step.
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, 1 - bias);
  const units = roundEven(size * 2 ** (fraction - exponent));
  const bits = units < 2 ** fraction ? units : ((exponent + bias - 1) << fraction) + units;
  return sign | Math.min(bits, infinity);
}

function numberOf(bits: number, { fraction, bias, infinity }: Small): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const size = bits & 0x7fff;
  if (size >= infinity) return size === infinity ? sign * Infinity : Number.NaN;
  const exponent = size >>> fraction;
  const part = size & (2 ** fraction - 1);
  return sign * (exponent === 0 ? part * 2 ** (1 - bias - fraction) : (part + 2 ** fraction) * 2 ** (exponent - bias - fraction));
}

/** Nearest whole number, ties to even, for numbers that are not negative. */
const roundEven = (x: number): number => (x >= 2 ** 52 ? x : x + 2 ** 52 - 2 ** 52);

let table: Float32Array | undefined;
function halves(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => numberOf(bits, F16));
  return table;
}

function lookUp(from: Float32Array, bytes: Uint8Array, out: Numbers, start: number, count: number): void {
  const stored = aligned(bytes, 2);
  const bits = new Uint16Array(stored.buffer as ArrayBuffer, stored.byteOffset, count);
  for (let i = 0; i < count; i++) out[start + i] = from[bits[i] as number] as number;
}

function decodeBf16(bytes: Uint8Array, out: Float32Array, start: number, count: number): void {
  const stored = aligned(bytes, 2);
  const bits = new Uint16Array(stored.buffer as ArrayBuffer, stored.byteOffset, count);
  const upper = new Uint32Array(out.buffer as ArrayBuffer, out.byteOffset, out.length);
  for (let i = 0; i < count; i++) upper[start + i] = (bits[i] as number) << 16;
}

function encodeSmall(from: Numbers, start: number, count: number, small: Small): Uint8Array {
  const out = new Uint16Array(count);
  for (let i = 0; i < count; i++) out[i] = bitsOf(from[start + i] as number, small);
  return new Uint8Array(out.buffer);
}

function decodeI64(bytes: Uint8Array, out: Numbers, start: number, count: number): void {
  const stored = aligned(bytes, 4);
  const parts = new Int32Array(stored.buffer as ArrayBuffer, stored.byteOffset, 2 * count);
  for (let i = 0; i < count; i++) {
    const value = (parts[2 * i + 1] as number) * 2 ** 32 + ((parts[2 * i] as number) >>> 0);
    if (!Number.isSafeInteger(value)) throw new Inexact(`an integer beyond 2^53 stands at ${i}`);
    out[start + i] = value;
  }
}

function encodeI64(from: Numbers, start: number, count: number): Uint8Array {
  const out = new Int32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const value = from[start + i] as number;
    if (!Number.isSafeInteger(value)) throw new Inexact(`${value} is no integer below 2^53`);
    out[2 * i] = value % 2 ** 32;
    out[2 * i + 1] = Math.floor(value / 2 ** 32);
  }
  return new Uint8Array(out.buffer);
}

function decodeNibbles(dtype: "i4" | "u4", bytes: Uint8Array, out: Numbers, start: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const nibble = ((bytes[i >> 1] as number) >> (i & 1 ? 4 : 0)) & 15;
    out[start + i] = dtype === "i4" ? (nibble << 28) >> 28 : nibble;
  }
}

/** Two elements a byte, the first in the low half. */
function encodeNibbles(from: Numbers, start: number, count: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(count / 2));
  for (let i = 0; i < count; i++) out[i >> 1] = (out[i >> 1] as number) | (((from[start + i] as number) & 15) << (i & 1 ? 4 : 0));
  return out;
}
