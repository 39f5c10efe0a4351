// What models make of the photos, kept on the disk: a run that ends early goes on where it was, and one that only compares runs nothing.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MADE } from "./files.ts";
import { floats, runs } from "./variants.ts";

export interface Seen {
  readonly map: Float32Array;
  /** The class token behind the last norm; empty where the model does not give its tokens. */
  readonly whole: Float32Array;
}

export interface Asked {
  /** Names the model among those of one side, so that what an older one of that name made is thrown away. */
  readonly name: string;
  readonly side: number;
  readonly model: string;
  /** Also where it was run before. */
  readonly isAnew: boolean;
}

const KEPT = join(MADE, "seen");

/** Maps and class tokens of the pictures, in their order: of an earlier run, if model and pictures are the same to the byte. */
export async function seenBy({ name, side, model, isAnew }: Asked, pictures: readonly Float32Array[]): Promise<Seen[]> {
  const files = [model, `${model}.data`].filter((file) => existsSync(file));
  const digest = digestOf([...files.map((file) => readFileSync(file)), ...pictures.map(bytesOf)]);
  const path = join(KEPT, `${side}-${name}.${digest}.f32`);
  if (!isAnew && existsSync(path)) return opened(path, side, pictures.length);
  const seen: Seen[] = [];
  for await (const outputs of runs(model, pictures, side)) {
    const map = floats(outputs, outputs.map ? "map" : "output_importance");
    seen.push({ map, whole: outputs.tokens ? floats(outputs, "tokens").slice(0, outputs.tokens.dims[2]) : new Float32Array() });
  }
  mkdirSync(KEPT, { recursive: true });
  for (const old of readdirSync(KEPT)) if (old.startsWith(`${side}-${name}.`)) rmSync(join(KEPT, old));
  // Whole or not at all.
  writeFileSync(`${path}.part`, Buffer.concat(seen.flatMap(({ map, whole }) => [bytesOf(map), bytesOf(whole)])));
  renameSync(`${path}.part`, path);
  return seen;
}

function opened(path: string, side: number, count: number): Seen[] {
  const values = floatsOf(readFileSync(path));
  const each = values.length / count;
  return Array.from({ length: count }, (_, i) => {
    const one = values.subarray(i * each, (i + 1) * each);
    return { map: one.subarray(0, side * side), whole: one.subarray(side * side) };
  });
}

const digestOf = (parts: readonly Uint8Array[]): string => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex").slice(0, 16);
export const bytesOf = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
/** Copied, since a file's bytes may begin anywhere. */
export const floatsOf = (bytes: Buffer): Float32Array => new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
