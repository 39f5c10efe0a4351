/** The committed pictures as raw bytes, read by sharp. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import type { Value } from "../../compiler/host.ts";
import { expectedOf, readSafetensors } from "./golden.ts";
import { ROOT } from "./program.ts";

const SCENES = `${ROOT}pipelines/data/scenes/`;
const DIGITS = `${ROOT}pipelines/data/digits/digits.safetensors`;

/** Pictures u8[B, 1, 64, 64] and labels u8[B, 64, 64] of these records of the index, or of all. */
export async function scenes(records?: readonly number[]): Promise<{ readonly pictures: Value; readonly labels: Value }> {
  const index = JSON.parse(readFileSync(`${SCENES}index.json`, "utf8")) as { readonly picture: string; readonly label: string }[];
  const chosen = (records ?? index.map((_, i) => i)).map((i) => index[i] as { readonly picture: string; readonly label: string });
  return {
    pictures: { dtype: "u8", dims: [chosen.length, 1, 64, 64], bytes: await grey(chosen.map((r) => SCENES + r.picture)) },
    labels: { dtype: "u8", dims: [chosen.length, 64, 64], bytes: await grey(chosen.map((r) => SCENES + r.label)) },
  };
}

async function grey(paths: readonly string[]): Promise<Uint8Array> {
  const parts = await Promise.all(paths.map((path) => sharp(path).extractChannel(0).raw().toBuffer()));
  return new Uint8Array(Buffer.concat(parts));
}

/** Pictures u8[B, 1, 28, 28] and labels of these rows, or of all 1000. */
export function digits(rows?: readonly number[]): { readonly pictures: Value; readonly labels: number[] } {
  const file = readSafetensors(DIGITS);
  const [picture, label] = [expectedOf(file, "picture").data as Uint8Array, Array.from(expectedOf(file, "label").data, Number)];
  const chosen = rows ?? label.map((_, i) => i);
  const size = 28 * 28;
  return {
    pictures: { dtype: "u8", dims: [chosen.length, 1, 28, 28], bytes: new Uint8Array(Buffer.concat(chosen.map((row) => picture.subarray(row * size, (row + 1) * size)))) },
    labels: chosen.map((row) => label[row] as number),
  };
}
