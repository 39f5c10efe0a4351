// A host for programs on pages: the project's own files, and over them a few that a page describes in a line each.
import { type FileFacts, HostError } from "../../compiler/host.ts";
import type { DType } from "../../compiler/types/tensor.ts";
import { evaluator } from "../../hosts/evaluator.ts";
import { NodeHost } from "../../hosts/node-host.ts";
import { safetensors, type StoredTensor, withHeader } from "./safetensors-file.ts";

export class PageHost extends NodeHost {
  readonly #files: ReadonlyMap<string, Uint8Array>;

  /** `files`: by path relative to the root. */
  constructor(root: string, files: ReadonlyMap<string, Uint8Array>) {
    super({ root, evaluate: evaluator() });
    this.#files = files;
  }

  override stat(path: string): FileFacts | undefined {
    const own = this.#own(path);
    if (own) return { size: own.length, isDirectory: false };
    return this.#below(path).length > 0 ? { size: 0, isDirectory: true } : super.stat(path);
  }

  override read(path: string): Uint8Array {
    return this.#own(path) ?? super.read(path);
  }

  override readRange(path: string, offset: number, length: number, into?: Uint8Array): Uint8Array {
    const own = this.#own(path);
    if (!own) return super.readRange(path, offset, length, into);
    if (offset + length > own.length) throw new HostError(`it ends at byte ${own.length}, and ${offset + length - own.length} more were to be read`, path);
    const bytes = into ?? new Uint8Array(length);
    bytes.set(own.subarray(offset, offset + length));
    return bytes;
  }

  override list(directory: string): readonly string[] {
    const own = this.#below(directory);
    return own.length > 0 ? own : super.list(directory);
  }

  #own(path: string): Uint8Array | undefined {
    return this.#files.get(this.#relative(path));
  }

  #below(directory: string): string[] {
    const prefix = `${this.#relative(directory)}/`;
    return [...new Set([...this.#files.keys()].filter((f) => f.startsWith(prefix)).map((f) => f.slice(prefix.length).split("/")[0] ?? ""))].sort();
  }

  #relative(path: string): string {
    return path.startsWith(`${this.root}/`) ? path.slice(this.root.length + 1) : path;
  }
}

/**
 * The file that a line of a page describes. Of a `.safetensors` file: its tensors, and what is wrong with it:
 * `weight F32[4, 4], bias F32[4]; cut to 60 bytes; header claims 900 bytes; weight at 0 to 12; nan in bias`. Else: the text itself.
 * `bytes ff fe` gives bytes in hexadecimal, `spaces 1000` a thousand spaces.
 */
export function madeFile(name: string, recipe: string): Uint8Array {
  if (recipe.startsWith("bytes ")) return Uint8Array.from(recipe.slice("bytes ".length).split(" "), (b) => Number.parseInt(b, 16));
  if (/^spaces \d+$/.test(recipe)) return new Uint8Array(Number(recipe.slice("spaces ".length))).fill(32);
  if (!name.endsWith(".safetensors")) return new TextEncoder().encode(recipe);
  const [tensors = "", ...damages] = recipe.split("; ");
  const made: Record<string, StoredTensor> = {};
  for (const [, tensor = "", dtype = "", sizes = ""] of tensors.matchAll(/(\S+) (\w+)\[([^\]]*)\]/g)) {
    const shape = sizes === "" ? [] : sizes.split(", ").map(Number);
    made[tensor] = { dtype: dtype as DType, shape, bytes: ramp(dtype, shape.reduce((p, s) => p * s, 1), damages.includes(`nan in ${tensor}`)) };
  }
  return damages.reduce((bytes, damage) => damaged(bytes, damage), safetensors(made));
}

/** f32 0, 0.01, 0.02, … with the last one not a number where that is asked for; zeros of other types. */
function ramp(dtype: string, count: number, hasNan: boolean): Uint8Array {
  if (dtype !== "f32") return new Uint8Array((count * Number(/\d+/.exec(dtype)?.[0] ?? 32)) / 8);
  const values = Float32Array.from({ length: count }, (_, i) => (hasNan && i === count - 1 ? Number.NaN : i / 100));
  return new Uint8Array(values.buffer);
}

function damaged(bytes: Uint8Array, damage: string): Uint8Array {
  const cut = /^cut to (\d+) bytes$/.exec(damage);
  if (cut) return bytes.slice(0, Number(cut[1]));
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const [header, data] = [new TextDecoder().decode(bytes.subarray(8, 8 + length)), bytes.subarray(8 + length)];
  const claims = /^header claims (\d+) bytes$/.exec(damage);
  if (claims) return withHeader(header, [data], BigInt(claims[1] ?? 0));
  const moved = /^(\S+) at (\d+) to (\d+)$/.exec(damage);
  if (moved) {
    const changed = JSON.parse(header) as Record<string, { data_offsets: number[] }>;
    (changed[moved[1] ?? ""] ?? { data_offsets: [] }).data_offsets = [Number(moved[2]), Number(moved[3])];
    return withHeader(JSON.stringify(changed), [data]);
  }
  if (damage.startsWith("nan in ")) return bytes;
  throw new Error(`no file is damaged by: ${damage}`);
}
