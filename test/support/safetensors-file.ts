// Writes safetensors files for tests: whole and honest ones, and ones whose header lies.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DType } from "../../compiler/types/tensor.ts";

export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "kirigami-test-"));
}

/** A safetensors file of these tensors, in their order. */
export function safetensors(tensors: Readonly<Record<string, StoredTensor>>): Uint8Array {
  let at = 0;
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype: dtype.toUpperCase().replace(/^I(8|16|32|64)$/, "I$1"), shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  return withHeader(JSON.stringify(header), Object.values(tensors).map((t) => t.bytes));
}

/** A file with this header text, whatever it says; `claims` is the length that the first bytes give. */
export function withHeader(header: string | Uint8Array, data: readonly Uint8Array[] = [], claims?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const first = new Uint8Array(8);
  new DataView(first.buffer).setBigUint64(0, claims ?? BigInt(text.length), true);
  return Buffer.concat([first, text, ...data]);
}

export function writeSafetensors(file: string, tensors: Readonly<Record<string, StoredTensor>>): void {
  writeFileSync(file, safetensors(tensors));
}
