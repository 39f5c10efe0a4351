/** Weights that are stored in 16 bits are widened, and computed with in f32: the same as if the rounded numbers had been stored in f32. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { difference, readSafetensors } from "../../support/golden.ts";
import { digits } from "../../support/pictures.ts";
import { compiled, output, ROOT, run } from "../../support/program.ts";
import { type StoredTensor, temporaryFolder, writeSafetensors } from "../../support/safetensors-file.ts";

const FROM = join(ROOT, "pipelines/models/tiny-vit-mnist");
const bitsOf = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0] as number;
const numberOf = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0] as number;

/** The nearest bf16, halves to even: the upper half of the f32. */
const brain = (x: number): number => {
  const bits = bitsOf(x);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
};
/** f16 by cutting off: enough for a test that widens it again. Numbers that are too small become 0. */
const half = (x: number): number => {
  const bits = bitsOf(x);
  const exponent = ((bits >>> 23) & 255) - 112;
  return exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
};
const KINDS = {
  bf16: { narrow: brain, widen: (bits: number): number => numberOf(bits << 16), error: 2 ** -8 },
  f16: { narrow: half, widen: (bits: number): number => ((bits & 0x7fff) === 0 ? 0 : numberOf(((bits & 0x8000) << 16) | ((((bits >>> 10) & 31) + 112) << 23) | ((bits & 0x3ff) << 13))), error: 2 ** -10 },
} as const;

/** A copy of the model whose weights went through 16 bits, and are stored there or in f32 again. */
function logits(kind: keyof typeof KINDS, stored: "f32" | keyof typeof KINDS): Promise<number[]> {
  const { narrow, widen } = KINDS[kind];
  const root = temporaryFolder();
  mkdirSync(join(root, "model"));
  for (const file of ["config.json", "preprocessor_config.json"]) copyFileSync(join(FROM, file), join(root, "model", file));
  const tensors = Object.fromEntries([...readSafetensors(join(FROM, "model.safetensors"))].map(([name, { dims, data }]): [string, StoredTensor] => {
    const bits = Uint16Array.from(data as Float32Array, narrow);
    const values = stored === "f32" ? Float32Array.from(bits, widen) : bits;
    return [name, { dtype: stored, shape: dims, bytes: new Uint8Array(values.buffer) }];
  }));
  writeSafetensors(join(root, "model", "model.safetensors"), tensors);
  return classified("model", root);
}

async function classified(folder: string, root: string): Promise<number[]> {
  const model = compiled(`
use model.vit
use image
model transformer = vit.Classifier from "${folder}"
pipeline probe(picture: image) -> { logits: f32[Classes] } { { logits: transformer(image.prepare(picture; transformer.processor)) } }`, { root, file: "test.kiri" });
  return output(await run(model, { picture: digits([0, 1, 2]).pictures }), "logits");
}

for (const kind of ["f16", "bf16"] as const)
  test(`a model in ${kind} gives what its numbers give in f32`, async (t) => {
    const narrow = await logits(kind, kind);
    t.deepEqual(narrow, await logits(kind, "f32"));
    const { relative } = difference(narrow, await classified("pipelines/models/tiny-vit-mnist", ROOT));
    t.true(relative > 0 && relative < 20 * KINDS[kind].error, `${relative}`);
  });
