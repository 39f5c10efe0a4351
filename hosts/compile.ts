// The compiler as other programs use it: `import { build, check } from "kirigami/compile"`.
import { programProblems } from "../compiler/compile.ts";
import { isOpen, openingsOf } from "../compiler/compress/open.ts";
import type { Problem } from "../compiler/diagnostics/define.ts";
import { distinct, news } from "../compiler/diagnostics/merge.ts";
import { openProgram } from "../compiler/program.ts";
import { ModuleCache } from "../compiler/resolve/cache.ts";
import type { TargetName } from "../compiler/targets/target.ts";
import type { Source } from "../grammar/source.ts";
import { type BuildOptions, type BuildResult, build, type Looking, openHost } from "./build.ts";

export type { Label, Problem, Severity } from "../compiler/diagnostics/define.ts";
export type { TargetName } from "../compiler/targets/target.ts";
export type { Source, Span } from "../grammar/source.ts";
export type { Manifest } from "../runtime/artifact.d.ts";
export type { BuildOptions, BuildResult, Progress } from "./build.ts";
export type { MeasuredGate, Report } from "./evaluation/report.ts";

/** Compiles a pipeline into an artefact and measures its gates; see `BuildOptions`. Mistakes come back as problems, aborting rejects. */
export const compile: (options: BuildOptions) => Promise<BuildResult> = build;

export interface CheckOptions {
  /** The project: no path leaves it. */
  readonly root: string;
  /** The `.kiri` file, relative to the project. */
  readonly file: string;
  /** Text that stands for the file's content: what an editor holds. */
  readonly text?: string;
  /** What fusing is checked for; `cpu` unless given. */
  readonly target?: TargetName;
}

export interface CheckResult {
  readonly pipelines: readonly string[];
  readonly variants: readonly string[];
  /** Values that variants leave open for `kiri tune`, by the variant. */
  readonly open: Readonly<Record<string, readonly string[]>>;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** What is known of the standard library. A warm process reads and checks it once, whatever the project. */
const LIBRARY = new ModuleCache();

/** Every problem of a program, its pipelines and its variants, each told once; pipelines are looked at even where declarations have errors. Nothing is written or run. */
export function check(options: CheckOptions, looking: Looking = {}): CheckResult {
  const opened = openHost({ ...options, ...looking });
  if (!opened.host) return { pipelines: [], variants: [], open: {}, problems: [opened.problem], sources: new Map() };
  const { host } = opened;
  try {
    const { value: program, problems, sources } = openProgram(host, options.file, options.text, new ModuleCache(LIBRARY));
    const pipelines = program?.pipelines.map((p) => p.name.name) ?? [];
    const variants = program?.compressions.map((c) => c.as?.name ?? c.target.name) ?? [];
    // A file that could not be read to its end would only be told what follows from that.
    const isRead = program && !problems.some((p) => p.code.startsWith("S") && p.severity === "error");
    const more = isRead ? news(programProblems(program, options.target ?? "cpu"), problems) : [];
    const open = Object.fromEntries((program?.compressions ?? []).filter(isOpen).map((c) => [c.as?.name ?? c.target.name, program ? openingsOf(program, c).openings.map((o) => o.name) : []]));
    return { pipelines, variants, open, problems: distinct([...problems, ...more]), sources };
  } finally {
    host.close();
  }
}
