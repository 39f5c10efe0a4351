// Maps of the same folds in PyTorch, computed once and kept: what ours are compared with.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MADE } from "./files.ts";
import { PHOTOS } from "./photos.ts";
import { bytesOf, floatsOf } from "./seen.ts";
import type { Side } from "./variants.ts";

const REFERENCE = fileURLToPath(new URL("reference.py", import.meta.url));

/** Of the map, which lies between 0 and 1. */
export const EXACT = 1e-4;

/** Scores lie below 1, where numbers of 32 bits are further apart than this or as far. */
const TOLD_APART = 2 ** -24;

export interface Exactness {
  /** The largest difference of a map, from 32 bits or, where it is more than the bar, from 64. */
  readonly most: number;
  /** Photos with more than the bar. */
  readonly beyond: readonly Beyond[];
  /** Photos on which PyTorch in 64 bits folds otherwise than in 32, or which merge by scores that 32 bits do not tell apart: rounding decides there, so they do not count. */
  readonly left: readonly string[];
}

/** Differences from PyTorch's 64 bits. */
interface Beyond {
  readonly photo: string;
  readonly ours: number;
  /** Of PyTorch's own 32 bits. */
  readonly single: number;
  /** Where all but what comes before the fold is in 64 bits; undefined where folds stand in each block. */
  readonly before: number | undefined;
}

/** Variants that `reference.py` knows; what `dropped` keeps is drawn by the compiler. */
export const isKnown = (name: string): boolean => /^(plain|merged|clustered|grid|pooled)/.test(name);

export const worst = (a: Float32Array, b: Float32Array): number => a.reduce((most, v, i) => Math.max(most, Math.abs(v - (b[i] as number))), 0);

export class PyTorch {
  readonly #side: Side;
  readonly #python: string;
  readonly #folder: string;
  readonly #isAnew: boolean;

  /** `python`: one with torch and onnx. `isAnew`: also where there are maps of an earlier run. */
  constructor(side: Side, pictures: readonly Float32Array[], python: string, isAnew: boolean) {
    this.#side = side;
    this.#python = python;
    this.#isAnew = isAnew;
    this.#folder = join(MADE, `reference-${side}`);
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, "pixels.f32"), Buffer.concat(pictures.map(bytesOf)));
  }

  /** Of the maps of all photos. */
  compare(name: string, maps: readonly Float32Array[]): Exactness {
    if (this.#isAnew || !existsSync(this.#file(name))) this.#ask([name]);
    const single = this.#maps(name);
    const apart = maps.map((map, i) => worst(map, single[i] as Float32Array));
    const far = apart.flatMap((v, i) => (v > EXACT ? [i] : []));
    if (far.length > 0) this.#ask(["--double", far.join(","), name]);
    const double = far.length > 0 ? this.#maps(`${name}-double`) : [];
    const margins = far.length > 0 ? floatsOf(readFileSync(this.#file(`${name}-margin`))) : [];
    const judged = far.map((i, at) => {
      const truth = double[at] as Float32Array;
      return { at: i, truth, isTold: (margins[at] ?? Infinity) >= TOLD_APART, photo: PHOTOS[i]?.name ?? "", ours: worst(maps[i] as Float32Array, truth), single: worst(single[i] as Float32Array, truth) };
    });
    const left = judged.filter((photo) => photo.single > EXACT || !photo.isTold);
    const beyond = judged.filter((photo) => photo.ours > EXACT && !left.includes(photo));
    const isAcross = !name.startsWith("merged");
    if (isAcross && beyond.length > 0) this.#ask(["--double", beyond.map((b) => b.at).join(","), "--single-before", name]);
    const before = isAcross && beyond.length > 0 ? this.#maps(`${name}-before`) : [];
    // Of two results in 32 bits that differ, the one in 64 bits says how far ours is off.
    const counted = apart.flatMap((v, i) => (left.some((l) => l.at === i) ? [] : [judged.find((j) => j.at === i)?.ours ?? v]));
    return { most: Math.max(...counted), beyond: beyond.map(({ truth, photo, ours, single: own }, i) => ({ photo, ours, single: own, before: before[i] && worst(before[i], truth) })), left: left.map((l) => l.photo) };
  }

  #file(name: string): string { return join(this.#folder, `${name}.f32`); }

  #ask(what: readonly string[]): void {
    const { status } = spawnSync(this.#python, [REFERENCE, String(this.#side), join(this.#folder, "pixels.f32"), this.#folder, ...what], { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`${REFERENCE} failed`);
  }

  #maps(name: string): Float32Array[] {
    const [values, size] = [floatsOf(readFileSync(this.#file(name))), this.#side ** 2];
    return Array.from({ length: values.length / size }, (_, i) => values.subarray(i * size, (i + 1) * size));
  }
}
