// Runs a small model once: the compiler's `Host.evaluate`, which computes constants while an artefact is written.
import type { DType } from "./artifact.d.ts";
import { Graph } from "./graph.ts";
import { bytesOf, fromBytes } from "./tensor.ts";

/** A tensor as little-endian bytes. */
interface Bytes {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

/** External data is named by its path from the root of the file system, without the leading slash. */
export async function evaluate(model: Uint8Array, inputs: Readonly<Record<string, Bytes>>): Promise<Record<string, Bytes>> {
  const graph = await Graph.open(model, { dataFolder: "/", once: true });
  try {
    const given = Object.entries(inputs).map(([name, { dtype, dims, bytes }]) => [name, fromBytes(name, dtype, dims, bytes)] as const);
    const found = await graph.run(Object.fromEntries(given));
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, { dtype: tensor.dtype, dims: tensor.dims, bytes: bytesOf(tensor) }]));
  } finally {
    await graph.release();
  }
}
