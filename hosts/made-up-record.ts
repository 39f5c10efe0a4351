// A record for an artefact when the user gives none: noise for pictures and tensors, a sentence for texts. Good for timing, not for results.
import type { Boundary, Manifest } from "../runtime/artifact.d.ts";
import type { InputValue } from "../runtime/record.ts";
import { madeUpValues, noise } from "./made-up-tensors.ts";
import { type InputRecord, nested } from "./record-fields.ts";

/** Open sizes of tensors become this. */
const OPEN_SIZE = 64;
const SENTENCE = "Paper that is folded and cut becomes a house, a bird or a letter.";

export function madeUpRecord(manifest: Manifest): InputRecord {
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
      return { dtype: input.dtype ?? "f32", dims, data: madeUpValues(input.dtype ?? "f32", noise(dims.reduce((p, d) => p * d, 1), seed)) };
    }
  }
}
