// The compiler as pages use it: `import { check, compile, MemoryHost } from "kirigami/browser"`. Files in memory go in, an ONNX file comes out; nothing here is Node's.
import { compile as compileProgram } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { manifestOf } from "../../compiler/emit/manifest.ts";
import type { Source } from "../../grammar/source.ts";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { type Checked, checked, type ProgramText } from "../check-program.ts";
import type { MemoryHost } from "./memory-host.ts";
import { type HeldModel, heldModel } from "./model.ts";

export type { Label, Problem, Severity } from "../../compiler/diagnostics/define.ts";
export type { TargetName } from "../../compiler/targets/target.ts";
export type { Source, Span } from "../../grammar/source.ts";
export type { Checked, ProgramText } from "../check-program.ts";
export { MemoryHost, type MemoryHostOptions } from "./memory-host.ts";
export type { HeldModel } from "./model.ts";

export interface PageRequest extends ProgramText {
  /** Needed where the file holds several pipelines. */
  readonly pipeline?: string;
  /** The `compress … as NAME` to weave in; the plain model unless given. */
  readonly variant?: string;
}

/** What a manifest says of the pipeline; there are no files, and so no digests of any. */
export type Contract = Omit<Manifest, "kirigami" | "files" | "digests">;

export interface PageResult {
  /** Undefined where there are errors. */
  readonly built: (HeldModel & { readonly contract: Contract }) | undefined;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** Compiles a pipeline. Nothing is measured: what is required stays to be shown where the artefact is made. Mistakes come back as problems. */
export async function compile(host: MemoryHost, { file, text, pipeline, variant, target = "cpu" }: PageRequest): Promise<PageResult> {
  const { value: compiled, problems, sources } = compileProgram(host, { file, text, pipeline, variant, target });
  if (!compiled) return { built: undefined, problems, sources };
  const { value, problems: more } = await heldModel(host, compiled);
  const { kirigami: _compiler, files: _files, digests: _digests, ...contract } = manifestOf(compiled, { version: "", digests: {}, files: new Map() });
  return { built: value && { ...value, contract }, problems: [...problems, ...more], sources };
}

/** Every problem of a program, its pipelines and its variants, each told once. */
export const check = (host: MemoryHost, program: ProgramText): Checked => checked(host, program);

