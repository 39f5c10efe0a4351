// The only way out of the compiler: files, weights, evaluation. Hosts implement it; tests fake it.
import type { DType } from "./types/tensor.ts";

/** A tensor with its values: little-endian bytes. */
export interface Value {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

export interface FileFacts {
  readonly size: number;
  readonly isDirectory: boolean;
}

export interface Host {
  /** Directory that no path may leave; all paths below are relative to it or absolute within it. */
  readonly root: string;
  /** Absolute path for a path written in `from` (a file or `undefined`: the root); `undefined` where it would leave the root, symlinks followed. */
  locate(path: string, from: string | undefined): string | undefined;
  stat(path: string): FileFacts | undefined;
  /** Whole file; for sources, configs and headers, not for weights. Throws `HostError` where it can't be read. */
  read(path: string): Uint8Array;
  /** Bytes of a file without reading the rest. Throws `HostError` where the file has fewer. A host may put them into `into`, which has that length, and return it. */
  readRange(path: string, offset: number, length: number, into?: Uint8Array): Uint8Array;
  list(directory: string): readonly string[];
  /** The text of a module of the standard library (`folds/tome`), or undefined. */
  library(path: string): string | undefined;
  libraryPaths(): readonly string[];
  /** Runs a small ONNX model (bytes of a ModelProto; external data by absolute path) and returns its outputs by name. `undefined`: no evaluator here. */
  readonly evaluate: ((model: Uint8Array, inputs: Readonly<Record<string, Value>>) => Promise<Record<string, Value>>) | undefined;
  /** sha256 of bytes, hex. */
  digest(bytes: Uint8Array): string;
  /** sha256 of a file, streamed, hex. */
  digestFile(path: string): Promise<string>;
  progress(stage: string, done: number, total: number): void;
}

export class HostError extends Error {
  override readonly name = "HostError";
  /** The message without the path, for who names the file anyway. */
  readonly reason: string;
  constructor(reason: string, path?: string) {
    super(path === undefined ? reason : `${path}: ${reason}`);
    this.reason = reason;
  }
}
