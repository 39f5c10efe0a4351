// A record for an artefact when the user gives none: noise for pictures and tensors, a sentence for texts. Good for timing, not for results.
import type { Boundary, Manifest } from "../../runtime/artifact.d.ts";
import type { InputValue } from "../../runtime/record.ts";
import type { TypedArray } from "../../runtime/tensor.ts";
import { nested } from "./fields.ts";

/** Open sizes of tensors become this. */
const OPEN_SIZE = 16;
const SENTENCE = "Paper that is folded and cut becomes a house, a bird or a letter.";

export function madeUpRecord(manifest: Manifest): Record<string, InputValue> {
  return nested(Object.fromEntries(manifest.inputs.map((input, i) => [input.name, valueFor(input, manifest, i + 1)])));
}

function valueFor(input: Boundary, manifest: Manifest, seed: number): InputValue {
  switch (input.type) {
    case "image": {
      const step = manifest.steps.find((s) => s.kind === "image" && s.input === input.name);
      const [width, height] = step?.kind === "image" ? [step.width, step.height] : [64, 64];
      return { data: Uint8Array.from(noise(width * height * 3, seed), (v) => v * 256), width, height, channels: 3 };
    }
    case "text": case "audio": return SENTENCE;
    case "int": return 1;
    case "float": return 0.5;
    case "bool": return true;
    case "tensor": {
      const dims = (input.axes ?? []).map((a) => (typeof a.size === "number" ? a.size : OPEN_SIZE));
      return { dtype: input.dtype ?? "f32", dims, data: values(input.dtype ?? "f32", noise(dims.reduce((p, d) => p * d, 1), seed)) };
    }
  }
}

/** Numbers in [0, 1), the same for the same seed. Marsaglia's xorshift, 32 bits. */
function noise(count: number, seed: number): number[] {
  let state = seed * 2654435761 >>> 0 || 1;
  return Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  });
}

function values(dtype: string, of: readonly number[]): TypedArray {
  switch (dtype) {
    case "f64": return Float64Array.from(of);
    case "i64": return BigInt64Array.from(of, () => 1n);
    case "i32": return Int32Array.from(of, () => 1);
    case "i16": return Int16Array.from(of, () => 1);
    case "i8": return Int8Array.from(of, () => 1);
    case "u8": case "bool": return Uint8Array.from(of, (v) => Math.round(v));
    case "f16": return Uint16Array.from(of, () => 0x3800);
    default: return Float32Array.from(of);
  }
}
