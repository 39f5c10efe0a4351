// Problems on their way to the user: as text, JSON, SARIF or annotations of a build log; and the exit code that follows.
import { createHash } from "node:crypto";
import { Option } from "commander";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { annotation, inOrder, type JsonProblem, render, type Sources, tally, toJson } from "../../compiler/diagnostics/render.ts";
import { sarif } from "../../compiler/diagnostics/sarif.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Io, painter } from "./io.ts";
import { type ProgramFile, repositoryPrefix } from "./project.ts";
import { version } from "../version.ts";
import { countFrom0 } from "./numbers.ts";

const FORMATS = ["pretty", "json", "sarif", "github"] as const;
export type Format = (typeof FORMATS)[number];

export const formatOption = (): Option => new Option("--format <form>", "how problems are reported").choices(FORMATS).default("pretty");
export const maxWarningsOption = (): Option =>
  new Option("--max-warnings <count>", "fail when there are more warnings than this").argParser(countFrom0);

/** Problems of one program. */
export interface Report {
  readonly program: ProgramFile;
  readonly problems: readonly Problem[];
  readonly sources: Sources;
}

/** Errors fail; warnings do where there are more than allowed. */
export function exitOf(reports: readonly Report[], maxWarnings?: number): ExitCode {
  const all = reports.flatMap((r) => r.problems);
  const warnings = all.filter((p) => p.severity === "warning").length;
  return all.length > warnings || (maxWarnings !== undefined && warnings > maxWarnings) ? EXIT.failed : EXIT.success;
}

/** To people, on standard error. */
export function printProblems(io: Io, reports: readonly Report[]): void {
  const paint = painter(io, io.stderr);
  // Lines of a program are up to 140 wide; a file or a build log holds them whole.
  const columns = io.stderr.isTTY ? Math.max(40, io.stderr.columns ?? 100) : 150;
  for (const { problems, sources } of reports) for (const p of inOrder(problems)) io.stderr.write(`${render(p, sources, { paint, columns })}\n`);
  const total = tally(reports.flatMap((r) => r.problems));
  if (total) io.stderr.write(`${total}\n`);
}

/** What every `--json` answer holds; `data` is the command's own. A `line` is one of several answers. */
export function printJson(io: Io, command: string, code: ExitCode, reports: readonly Report[], data: object, form: "document" | "line" = "document"): void {
  const problems: JsonProblem[] = reports.flatMap((r) => inOrder(r.problems).map((p) => toJson(p, r.sources)));
  io.stdout.write(`${JSON.stringify({ format: 1, kirigami: version(), command, ok: code === EXIT.success, exit: code, problems, ...data }, undefined, form === "line" ? 0 : 2)}\n`);
}

/** For code scanning, on standard output: one log for all programs of one repository. */
export function printSarif(io: Io, reports: readonly Report[]): void {
  const logs = reports.map((r) =>
    sarif(inOrder(r.problems), r.sources, { version: version(), prefix: repositoryPrefix(r.program.root), file: r.program.file, digest: (text) => createHash("sha256").update(text).digest("hex") }),
  ) as { runs: object[] }[];
  const [first] = logs;
  io.stdout.write(`${JSON.stringify({ ...first, runs: logs.flatMap((l) => l.runs) }, undefined, 2)}\n`);
}

export function printAnnotations(io: Io, reports: readonly Report[]): void {
  for (const r of reports) for (const p of inOrder(r.problems)) io.stdout.write(annotation(p, r.sources, repositoryPrefix(r.program.root)));
}
