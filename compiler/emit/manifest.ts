// The manifest of an artefact: what a runtime needs to know besides the graph. The same input gives the same bytes: no dates, no absolute paths, keys in order.
import type { Manifest, Boundary as ManifestBoundary, NamedSize, Size, Step, TensorPort } from "../../runtime/artifact.d.ts";
import type { Compiled } from "../compile.ts";
import type { Boundary } from "../elaborate/pipeline.ts";
import type { GraphInput, GraphOutput } from "../graph/node.ts";
import type { Host } from "../host.ts";
import { asNumber, type Dim, type Facts } from "../types/dim.ts";
import type { ArtifactFile, WrittenFile } from "./artifact-file.ts";
import { opsetOf } from "./onnx.ts";

/** Version of the manifest's format, as in `runtime/artifact.schema.json`. */
const FORMAT = 1;
export const MANIFEST = "manifest.json";
/** What a runtime reads of a tokenizer. */
export const REQUIRED_TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"];
const TOKENIZER_FILES = [...REQUIRED_TOKENIZER_FILES, "special_tokens_map.json"];

interface ManifestFacts {
  /** Of this compiler. */
  readonly version: string;
  /** sha256 by path, of every source: `digestSources`. */
  readonly digests: Readonly<Record<string, string>>;
  /** Every other file of the artefact. */
  readonly files: ReadonlyMap<string, WrittenFile>;
}

/** `manifest.json`, which is written last: it knows the digests of the other files. */
export function manifestFile(compiled: Compiled, facts: Omit<ManifestFacts, "files">): ArtifactFile {
  return { path: MANIFEST, bytes: undefined, chunks: (files) => [new TextEncoder().encode(`${JSON.stringify(manifestOf(compiled, { ...facts, files }), undefined, 2)}\n`)] };
}

export function manifestOf(compiled: Compiled, { version, digests, files }: ManifestFacts): Manifest {
  const { fused, program, pipeline, compression, cost } = compiled;
  const { facts } = fused.arena;
  const sizes = definitions(compiled);
  const variant = compression && (compression.as?.name ?? compression.target.name);
  return {
    format: FORMAT,
    kirigami: version,
    pipeline: { name: pipeline.name.name, file: program.main.path, ...(variant === undefined ? {} : { variant }), ...(pipeline.doc === undefined ? {} : { doc: pipeline.doc }) },
    target: compiled.target,
    opset: opsetOf(fused),
    inputs: compiled.inputs.map((b) => boundary(b, facts)),
    outputs: compiled.outputs.map((b) => boundary(b, facts)),
    graph: { inputs: fused.inputs.map((i) => port(i, facts)), outputs: fused.outputs.map((o) => port(o, facts)) },
    steps: stepsOf(compiled),
    ...(sizes.length === 0 ? {} : { sizes }),
    guards: fused.guards.map((g) => {
      const at = compiled.place(g.span);
      return { left: size(g.left, facts), comparison: g.comparison, right: size(g.right, facts), says: g.says, place: `${g.span.file}:${at.line}:${at.column}` };
    }),
    selectors: compiled.selectors.map(({ selector, resolved }) => ({ selector, resolved: [...resolved] })),
    cost: { total: cost.total, blocks: cost.blocks, folds: cost.folds, weightBytes: cost.weightBytes },
    fused: sorted(compiled.record.fused),
    ...(compiled.precision ? { precision: precisionOf(compiled.precision) } : {}),
    files: sorted(files),
    digests: { ...digests },
  };
}

const precisionOf = ({ computes, half, single, casts, stored, kept }: NonNullable<Compiled["precision"]>): NonNullable<Manifest["precision"]> => ({ computes, half, single: single.map((s) => ({ ...s })), casts, stored, kept: kept.map((k) => ({ ...k })) });

/** Full sha256 of all that decided the artefact's bytes: program files, the library's too, configurations, weights, tokenizers. Paths are relative to the project. */
export async function digestSources(compiled: Compiled, host: Host, signal?: AbortSignal): Promise<Record<string, string>> {
  const found = new Map<string, string>();
  for (const module of compiled.program.modules.loaded.values()) found.set(module.path, host.digest(new TextEncoder().encode(module.source.text)));
  const files = new Set([...compiled.elaboration.files, ...[...tokenizerFolders(compiled).keys()].flatMap((folder) => tokenizerFiles(folder, host).map((name) => `${folder}/${name}`))]);
  for (const file of [...files].sort()) {
    signal?.throwIfAborted();
    if (host.stat(file)) found.set(shown(file, host), await host.digestFile(file));
  }
  return sorted(found);
}

/** Path relative to the project, with `/` on every system. */
export function shown(path: string, host: Host): string {
  return (path.startsWith(host.root) ? path.slice(host.root.length).replace(/^[/\\]+/, "") : path).replaceAll("\\", "/");
}

/** Where the files of each tokenizer's folder go in the artefact: `tokenizers/0`. */
export function tokenizerFolders(compiled: Compiled): ReadonlyMap<string, string> {
  const folders = new Map<string, string>();
  for (const step of compiled.hostSteps) if (step.kind === "text" && !folders.has(step.tokenizer)) folders.set(step.tokenizer, `tokenizers/${folders.size}`);
  return folders;
}

/** Names of the files that a tokenizer's folder has. */
export function tokenizerFiles(folder: string, host: Host): string[] {
  return TOKENIZER_FILES.filter((name) => host.stat(`${folder}/${name}`)?.isDirectory === false);
}

/** What the host does before the graph runs; steps whose tensors the graph does not use are left out, and a step that was asked for twice stands once. */
function stepsOf(compiled: Compiled): Step[] {
  const used = new Map(compiled.fused.inputs.map((i) => [i.name, i]));
  const folders = tokenizerFolders(compiled);
  const { facts } = compiled.fused.arena;
  const steps = new Map<string, Step>();
  for (const step of compiled.hostSteps) {
    if (step.kind === "image") {
      if (!used.has(step.tensor)) continue;
      const { kind, input, tensor, channels, height, width, resize } = step;
      const made = { kind, input, tensor, channels: channels as 1, height, width, resize: resize as "none" };
      steps.set(JSON.stringify(made), made);
    } else {
      const entries = (["ids", "mask", "types"] as const).flatMap((name) => (used.has(step.tensors[name]) ? [[name, step.tensors[name]] as const] : []));
      const length = entries.map(([, tensor]) => used.get(tensor)?.node.type.dims[1])[0];
      if (!length) continue;
      const made = { kind: step.kind, input: step.input, tokenizer: folders.get(step.tokenizer) ?? "", tensors: Object.fromEntries(entries), maxLength: step.maxLength, length: facts.bind(length).key };
      steps.set(JSON.stringify(made), made);
    }
  }
  return [...steps.values()];
}

function boundary({ name, type }: Boundary, facts: Facts): ManifestBoundary {
  if (type.kind !== "tensor") return { name, type: type.kind };
  return { name, type: "tensor", dtype: type.dtype, axes: type.axes.map((a) => ({ name: a.name, size: size(a.size, facts) })) };
}

function port({ name, node, axes }: GraphInput | GraphOutput, facts: Facts): TensorPort {
  return { name, dtype: node.type.dtype, axes: node.type.dims.map((d, i) => ({ name: axes[i] ?? "", size: size(d, facts) })) };
}

/** A number, or the text of what depends on the sizes of inputs and on defined ones. */
function size(dim: Dim, facts: Facts): Size {
  const known = facts.bind(dim);
  return asNumber(known) ?? known.key;
}

/** The defined sizes that the manifest mentions: what folds leave of tokens. */
function definitions(compiled: Compiled): NamedSize[] {
  const { arena, inputs, outputs, guards } = compiled.fused;
  const edges = [...compiled.inputs, ...compiled.outputs].flatMap(({ type }) => (type.kind === "tensor" ? type.axes.map((a) => a.size) : []));
  const mentioned = [...edges, ...[...inputs, ...outputs].flatMap(({ node }) => node.type.dims), ...guards.flatMap((g) => [g.left, g.right])];
  return [...arena.facts.definitions(mentioned)].map(([name, value]) => ({ name, size: size(value, arena.facts) }));
}

/** Keys in the order of their code points, so that the bytes do not depend on who came first. */
function sorted<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
