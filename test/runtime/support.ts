// Artefacts for the runtime's tests: pipelines of the project compiled to temporary folders, and one-operator graphs with a manifest by hand.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import proto, { type onnx as Onnx } from "onnx-proto";
import Long from "long";
import { compile } from "../../compiler/compile.ts";
import { artifactFiles } from "../../hosts/artifact.ts";
import { writeArtifact } from "../../hosts/artifact-writer.ts";
import { NodeHost } from "../../hosts/node-host.ts";
import type { DType, Manifest } from "../../runtime/artifact.d.ts";

export const root = new URL("../..", import.meta.url).pathname;
export const inProject = (path: string): string => join(root, path);

const made: string[] = [];
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "kirigami-runtime-"));
  made.push(folder);
  return folder;
}
process.on("exit", () => { for (const folder of made) rmSync(folder, { recursive: true, force: true }); });

/** Compiles a pipeline of the project to a temporary artefact. */
export async function artifactOf(file: string, variant?: string): Promise<string> {
  const host = new NodeHost({ root });
  const { value, problems } = compile(host, { file, target: "cpu", ...(variant === undefined ? {} : { variant }) });
  if (!value) throw new Error(problems.map((p) => `${p.code}: ${p.says}`).join("\n"));
  const { files } = await artifactFiles(host, value);
  const out = join(temporary(), "artifact");
  await writeArtifact(out, files);
  return out;
}

const { onnx } = proto;
const TYPES: Readonly<Partial<Record<DType, number>>> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, f16: 10 };

export interface SmallPort {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes after the batch axis B. */
  readonly sizes: readonly (number | string)[];
}
export interface SmallNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly Onnx.IAttributeProto[];
}

/** A graph of a few nodes. */
export function smallModel(inputs: readonly SmallPort[], outputs: readonly SmallPort[], nodes: readonly SmallNode[]): Uint8Array {
  const port = ({ name, dtype, sizes }: SmallPort): Onnx.IValueInfoProto => ({
    name, type: { tensorType: { elemType: TYPES[dtype] ?? 0, shape: { dim: ["B", ...sizes].map((s) => (typeof s === "number" ? { dimValue: Long.fromNumber(s) } : { dimParam: s })) } } },
  });
  return onnx.ModelProto.encode({
    irVersion: 10, producerName: "test", opsetImport: [{ domain: "", version: 20 }],
    graph: {
      name: "small", input: inputs.map(port), output: outputs.map(port),
      node: nodes.map((n, i) => ({ name: `node_${i}`, opType: n.op, input: [...n.inputs], output: [...n.outputs], attribute: [...(n.attributes ?? [])] })),
    },
  }).finish();
}

export interface SmallArtifact {
  readonly manifest: Partial<Manifest>;
  readonly model: Uint8Array;
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

const axes = (sizes: readonly (number | string)[]): { name: string; size: number | string }[] => sizes.map((size) => ({ name: String(size), size }));
export const graphOf = (inputs: readonly SmallPort[], outputs: readonly SmallPort[]): Manifest["graph"] => ({
  inputs: inputs.map((p) => ({ name: p.name, dtype: p.dtype, axes: axes(["B", ...p.sizes]) })),
  outputs: outputs.map((p) => ({ name: p.name, dtype: p.dtype, axes: axes(["B", ...p.sizes]) })),
});
export const tensorBoundary = ({ name, dtype, sizes }: SmallPort): Manifest["inputs"][number] => ({ name, type: "tensor", dtype, axes: axes(sizes) });

export function manifestOf(part: Partial<Manifest>, files: Readonly<Record<string, Uint8Array>>): Manifest {
  return {
    format: 1, kirigami: "0.1.0", pipeline: { name: "small", file: "small.kiri" }, target: "cpu", opset: 20, inputs: [], outputs: [], graph: { inputs: [], outputs: [] },
    steps: [], guards: [], selectors: [], cost: { total: 0, blocks: 0, folds: 0, weightBytes: 0 }, fused: {}, digests: {},
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }])),
    ...part,
  };
}

/** Writes an artefact by hand: the model, other files, and a manifest that fits them but for `manifest`. */
export function writeSmall({ manifest, model, files = {} }: SmallArtifact): string {
  const folder = join(temporary(), "artifact");
  const all = { "model.onnx": model, ...files };
  for (const [name, bytes] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifestOf(manifest, all)));
  return folder;
}

/** `y = x + x` for x: f32[N, 2]. */
export function doubling(part: Partial<Manifest> = {}): string {
  const [x, y]: [SmallPort, SmallPort] = [{ name: "x", dtype: "f32", sizes: ["N", 2] }, { name: "y", dtype: "f32", sizes: ["N", 2] }];
  const model = smallModel([x], [y], [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }]);
  return writeSmall({ model, manifest: { inputs: [tensorBoundary(x)], outputs: [tensorBoundary(y)], graph: graphOf([x], [y]), ...part } });
}

export const f32 = (dims: readonly number[], values: readonly number[]): { dtype: "f32"; dims: readonly number[]; data: Float32Array } => ({ dtype: "f32", dims, data: Float32Array.from(values) });
export const readManifest = (artifact: string): Manifest => JSON.parse(readFileSync(join(artifact, "manifest.json"), "utf8")) as Manifest;
export const writeManifest = (artifact: string, manifest: unknown): void => writeFileSync(join(artifact, "manifest.json"), JSON.stringify(manifest));
