// What `run`, `profile` and `inspect` are given: an artefact, or a program that is compiled into a temporary one first.
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { temporaryDirectory } from "../artifact-writer.ts";
import { build } from "../build.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";
import { exitOf, printJson, printProblems } from "./problems.ts";
import type { ProgressLines } from "./progress.ts";
import { oneProgram, type ProgramFile } from "./project.ts";
import { UsageError } from "./usage-error.ts";
import { chosenVariant, refuseChoices, variantNames, type VariantOptions } from "./variant.ts";

interface Runnable extends AsyncDisposable {
  readonly directory: string;
  /** Undefined where an artefact was given. */
  readonly program: ProgramFile | undefined;
  readonly variant: string | undefined;
}

export const isArtifact = (cwd: string, what: string): boolean => existsSync(join(resolve(cwd, what), "manifest.json"));

interface RunnableOptions extends VariantOptions {
  readonly json?: boolean;
  /** The folds must be told: see `BuildOptions`. Neither an artefact nor a plain model can. */
  readonly trace?: boolean;
}

/** The artefact, or the exit code of a program that has errors, which were printed. */
export async function runnable(io: Io, what: string, options: RunnableOptions, command: string, progress: ProgressLines): Promise<Runnable | ExitCode> {
  const path = resolve(io.cwd, what);
  if (isArtifact(io.cwd, what)) {
    if (options.trace) throw new UsageError(`${what} is compiled already, and an artefact does not tell its folds.`, "Give the program that it was compiled from, with --variant.");
    refuseChoices(what, options);
    return { directory: path, program: undefined, variant: undefined, async [Symbol.asyncDispose]() {} };
  }
  if (existsSync(path) && !statSync(path).isDirectory() && !path.endsWith(".kiri")) throw new UsageError(`${what} is neither an artefact nor a program.`, "Give the directory that kiri compile wrote, or a .kiri file.");
  const program = oneProgram(io.cwd, what);
  const variant = chosenVariant(program, options);
  if (options.trace && variant === undefined) throw new UsageError("The plain model folds nothing.", `Name a variant with --variant${namesOf(program)}.`);
  const folder = await temporaryDirectory();
  try {
    const result = await build({
      root: program.root, file: program.file, target: options.target, out: join(folder.path, "artifact"), gates: false, trace: options.trace ?? false, signal: io.signal, onProgress: progress.update,
      ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }), ...(variant === undefined ? {} : { variant }),
    });
    // Nothing is promised of what is run once; that gates were left out is no news.
    const reports = [{ program, problems: result.problems.filter((p) => p.code !== "G608"), sources: result.sources }];
    const code = exitOf(reports);
    if (result.artifact === undefined) {
      await folder[Symbol.asyncDispose]();
      progress.end();
      if (options.json) printJson(io, command, code, reports, {});
      else printProblems(io, reports);
      return code === EXIT.success ? EXIT.failed : code;
    }
    progress.end();
    printProblems(io, reports);
    return { directory: result.artifact, program, variant, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** `: lite, lite_int8`, where there are some. */
function namesOf(program: ProgramFile): string {
  const names = variantNames(program);
  return names.length === 0 ? "" : `: ${names.join(", ")}`;
}
