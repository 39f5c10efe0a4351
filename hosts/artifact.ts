// The files of an artefact, from a compiled pipeline: the model, its weights as a stream, tokenizers, types, and the manifest at the end.
import type { Compiled } from "../compiler/compile.ts";
import { artifacts } from "../compiler/diagnostics/artifacts.ts";
import { type Problem, report } from "../compiler/diagnostics/define.ts";
import { type ArtifactFile, heldFile } from "../compiler/emit/artifact-file.ts";
import { DATA_FILE, type Plan, planConstants, streamConstants } from "../compiler/emit/constants.ts";
import { digestSources, manifestFile, REQUIRED_TOKENIZER_FILES, shown, tokenizerFiles, tokenizerFolders } from "../compiler/emit/manifest.ts";
import { emitModel } from "../compiler/emit/onnx.ts";
import type { Host } from "../compiler/host.ts";
import { version } from "./version.ts";
import { typingFiles } from "./typings.ts";

export const MODEL_FILE = "model.onnx";

/** All files, the manifest last. With problems of severity "error" there are none. */
export async function artifactFiles(host: Host, compiled: Compiled, signal?: AbortSignal): Promise<{ readonly files: readonly ArtifactFile[]; readonly plan: Plan; readonly problems: readonly Problem[] }> {
  host.progress("constants", 0, 1);
  const { value: plan, problems } = await planConstants(compiled.fused, host);
  const tokenizers = tokenizersOf(host, compiled);
  const all = [...problems, ...tokenizers.problems];
  if (all.some((p) => p.severity === "error")) return { files: [], plan, problems: all };
  host.progress("constants", 1, 1);
  signal?.throwIfAborted();
  const { model } = emitModel(compiled.fused, { target: compiled.target, name: compiled.pipeline.name.name, initializers: plan.initializers, position: compiled.place });
  const files: ArtifactFile[] = [heldFile(MODEL_FILE, model)];
  if (plan.bytes > 0) files.push({ path: DATA_FILE, bytes: plan.bytes, chunks: () => streamConstants(plan, host) });
  const digests = await digestSources(compiled, host, signal);
  return { files: [...files, ...tokenizers.files, ...(await typingFiles(compiled)), manifestFile(compiled, { version: version(), digests })], plan, problems: all };
}

/** Tokenizers go along: an artefact needs nothing of the project. */
function tokenizersOf(host: Host, compiled: Compiled): { readonly files: readonly ArtifactFile[]; readonly problems: readonly Problem[] } {
  const files: ArtifactFile[] = [];
  const problems: Problem[] = [];
  for (const [folder, place] of tokenizerFolders(compiled)) {
    const names = tokenizerFiles(folder, host);
    for (const name of REQUIRED_TOKENIZER_FILES) if (!names.includes(name)) problems.push(report(artifacts.A504, undefined, { directory: shown(folder, host), name, found: host.list(folder).slice(0, 5) }));
    for (const name of names) {
      const path = `${folder}/${name}`;
      files.push({ path: `${place}/${name}`, bytes: host.stat(path)?.size, chunks: () => [host.read(path)] });
    }
  }
  return { files, problems };
}
