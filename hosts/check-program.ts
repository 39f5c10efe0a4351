// Every problem of one program, whatever host its files are on.
import { programProblems } from "../compiler/compile.ts";
import { isOpen, openingsOf } from "../compiler/compress/open.ts";
import type { Problem } from "../compiler/diagnostics/define.ts";
import { distinct, news } from "../compiler/diagnostics/merge.ts";
import type { Host } from "../compiler/host.ts";
import { openProgram } from "../compiler/program.ts";
import { ModuleCache } from "../compiler/resolve/cache.ts";
import type { TargetName } from "../compiler/targets/target.ts";
import type { Source } from "../grammar/source.ts";

export interface ProgramText {
  /** The `.kiri` file, relative to the project. */
  readonly file: string;
  /** Text that stands for the file's content: what an editor holds. */
  readonly text?: string;
  /** What fusing is for; `cpu` unless given. */
  readonly target?: TargetName;
}

export interface Checked {
  readonly pipelines: readonly string[];
  readonly variants: readonly string[];
  /** Values that variants leave open for `kiri tune`, by the variant. */
  readonly open: Readonly<Record<string, readonly string[]>>;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** What is known of the standard library. A warm process reads and checks it once, whatever the project. */
const LIBRARY = new ModuleCache();

/** Each problem is told once; pipelines are looked at even where declarations have errors. Nothing is written or run. */
export function checked(host: Host, { file, text, target = "cpu" }: ProgramText): Checked {
  const { value: program, problems, sources } = openProgram(host, file, text, new ModuleCache(LIBRARY));
  const pipelines = program?.pipelines.map((p) => p.name.name) ?? [];
  const variants = program?.compressions.map((c) => c.as?.name ?? c.target.name) ?? [];
  // A file that could not be read to its end would only be told what follows from that.
  const isRead = program && !problems.some((p) => p.code.startsWith("S") && p.severity === "error");
  const more = isRead ? news(programProblems(program, target), problems) : [];
  const open = Object.fromEntries((program?.compressions ?? []).filter(isOpen).map((c) => [c.as?.name ?? c.target.name, program ? openingsOf(program, c).openings.map((o) => o.name) : []]));
  return { pipelines, variants, open, problems: distinct([...problems, ...more]), sources };
}
