// The compiler as other programs use it: `import { build, check } from "kirigami/compile"`.
import { type BuildOptions, type BuildResult, build, type Looking, openHost } from "./build.ts";
import { type Checked, checked, type ProgramText } from "./check-program.ts";

export type { Label, Problem, Severity } from "../compiler/diagnostics/define.ts";
export type { TargetName } from "../compiler/targets/target.ts";
export type { Source, Span } from "../grammar/source.ts";
export type { Manifest } from "../runtime/artifact.d.ts";
export type { BuildOptions, BuildResult, Progress } from "./build.ts";
export type { Checked } from "./check-program.ts";
export type { MeasuredGate, Report } from "./evaluation/report.ts";

/** Compiles a pipeline into an artefact and measures its gates; see `BuildOptions`. Mistakes come back as problems, aborting rejects. */
export const compile: (options: BuildOptions) => Promise<BuildResult> = build;

export interface CheckOptions extends ProgramText {
  /** The project: no path leaves it. */
  readonly root: string;
}

/** Every problem of a program, its pipelines and its variants, each told once; pipelines are looked at even where declarations have errors. Nothing is written or run. */
export function check(options: CheckOptions, looking: Looking = {}): Checked {
  const opened = openHost({ ...options, ...looking });
  if (!opened.host) return { pipelines: [], variants: [], open: {}, problems: [opened.problem], sources: new Map() };
  const { host } = opened;
  try {
    return checked(host, options);
  } finally {
    host.close();
  }
}
