// How the weights of two models differ: equal ones are found by their digests, whatever they are called; of the others the largest difference. All of it streamed.
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { decode, Inexact, numbers } from "../compiler/emit/numbers.ts";
import type { Host } from "../compiler/host.ts";
import type { OnnxWeight } from "../compiler/import/onnx-content.ts";
import { BITS } from "../compiler/types/tensor.ts";

/** Bytes that are read at once; no element is cut. */
const BLOCK = 2 ** 20;

interface ChangedWeight {
  readonly name: string;
  readonly type: string;
  /** Values that are not the same, of so many. */
  readonly differing: number;
  readonly count: number;
  /** The largest difference, and that over the largest value of `a`; null where values cannot be told as numbers. Infinite where one is NaN and the other is not. */
  readonly absolute: number | null;
  readonly relative: number | null;
}

interface Share {
  readonly count: number;
  readonly bytes: number;
}

export interface WeightsDiff {
  readonly same: Share;
  /** Of them, those that have another name or shape. */
  readonly renamed: number;
  /** One name and type, other values; the largest difference first. */
  readonly changed: readonly ChangedWeight[];
  readonly onlyA: Share & { readonly names: readonly string[] };
  readonly onlyB: Share & { readonly names: readonly string[] };
}

/** A model's weights, and the host that reads them. */
interface WeightsOf {
  readonly host: Host;
  readonly weights: readonly OnnxWeight[];
}

interface Options {
  readonly signal?: AbortSignal;
  readonly onWeight?: (done: number, total: number) => void;
}

export async function compareWeights(a: WeightsOf, b: WeightsOf, { signal, onWeight }: Options = {}): Promise<WeightsDiff> {
  const total = a.weights.length + b.weights.length;
  let done = 0;
  const digests = async (of: WeightsOf): Promise<{ weight: OnnxWeight; digest: string }[]> => {
    const found: { weight: OnnxWeight; digest: string }[] = [];
    for (const weight of of.weights) {
      signal?.throwIfAborted();
      found.push({ weight, digest: digestOf(of.host, weight) });
      onWeight?.(++done, total);
      await setImmediate();
    }
    return found;
  };
  let [mine, theirs] = [await digests(a), await digests(b)];
  const same: OnnxWeight[] = [];
  let renamed = 0;
  /** Takes out what is in both by this key. */
  const match = (key: (of: (typeof mine)[number]) => string, found: (x: OnnxWeight, y: OnnxWeight) => void): void => {
    const waiting = new Map<string, typeof theirs>();
    for (const of of theirs) waiting.set(key(of), [...(waiting.get(key(of)) ?? []), of]);
    const taken = new Set<(typeof mine)[number]>();
    for (const of of mine) {
      const other = waiting.get(key(of))?.shift();
      if (!other) continue;
      taken.add(of).add(other);
      found(of.weight, other.weight);
    }
    [mine, theirs] = [mine.filter((x) => !taken.has(x)), theirs.filter((x) => !taken.has(x))];
  };
  match(({ weight, digest }) => `${typeOf(weight)} ${digest} ${weight.name}`, (x) => same.push(x));
  match(({ weight, digest }) => `${weight.dtype ?? "other"} ${digest}`, (x) => {
    same.push(x);
    renamed++;
  });
  const pairs: [OnnxWeight, OnnxWeight][] = [];
  match(({ weight }) => `${typeOf(weight)} ${weight.name}`, (x, y) => pairs.push([x, y]));
  const changed: ChangedWeight[] = [];
  for (const [x, y] of pairs) {
    signal?.throwIfAborted();
    changed.push(change(a.host, x, b.host, y));
    await setImmediate();
  }
  changed.sort((x, y) => (y.absolute ?? Infinity) - (x.absolute ?? Infinity));
  const only = (of: typeof mine): WeightsDiff["onlyA"] => ({ ...share(of.map((o) => o.weight)), names: of.map((o) => o.weight.name) });
  return { same: share(same), renamed, changed, onlyA: only(mine), onlyB: only(theirs) };
}

const typeOf = ({ dtype, dims }: OnnxWeight): string => `${dtype ?? "other"}[${dims.join(", ")}]`;
const lengthOf = ({ values }: OnnxWeight): number => (values.kind === "literal" ? values.bytes.length : values.length);
const share = (weights: readonly OnnxWeight[]): Share => ({ count: weights.length, bytes: weights.reduce((sum, w) => sum + lengthOf(w), 0) });

function block(host: Host, { values }: OnnxWeight, at: number): Uint8Array {
  if (values.kind === "literal") return values.bytes.subarray(at, at + BLOCK);
  return host.readRange(values.file, values.offset + at, Math.min(BLOCK, values.length - at));
}

function digestOf(host: Host, weight: OnnxWeight): string {
  const hash = createHash("sha256");
  for (let at = 0; at < lengthOf(weight); at += BLOCK) hash.update(block(host, weight, at));
  return hash.digest("hex");
}

function change(hostA: Host, a: OnnxWeight, hostB: Host, b: OnnxWeight): ChangedWeight {
  const { name, dtype, dims } = a;
  const count = dims.reduce((p, d) => p * d, 1);
  const unknown: ChangedWeight = { name, type: typeOf(a), differing: count, count, absolute: null, relative: null };
  if (dtype === undefined) return unknown;
  const [perBlock, length] = [(BLOCK * 8) / BITS[dtype], Math.min(count, (BLOCK * 8) / BITS[dtype])];
  const [x, y] = [numbers(dtype, length), numbers(dtype, length)];
  let [differing, absolute, largest] = [0, 0, 0];
  try {
    for (let first = 0; first < count; first += perBlock) {
      const held = Math.min(perBlock, count - first);
      const at = (first * BITS[dtype]) / 8;
      decode(dtype, block(hostA, a, at), x, 0, held);
      decode(dtype, block(hostB, b, at), y, 0, held);
      for (let i = 0; i < held; i++) {
        const [v, w] = [x[i] as number, y[i] as number];
        largest = Math.max(largest, Math.abs(v) || 0);
        if (Object.is(v, w)) continue;
        differing++;
        absolute = Math.max(absolute, Number.isNaN(v - w) ? Infinity : Math.abs(v - w));
      }
    }
  } catch (error) {
    if (error instanceof Inexact) return unknown;
    throw error;
  }
  return { ...unknown, differing, absolute, relative: absolute === 0 ? 0 : absolute / largest };
}
