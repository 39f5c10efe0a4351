// A program that is to be measured: its plain model compiled, a trial at hand, and both let go behind whoever wanted them.
import { type Compiled, compileProgram } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import type { Host } from "../../compiler/host.ts";
import { openProgram, type Program } from "../../compiler/program.ts";
import type { Source } from "../../grammar/source.ts";
import { type BuildOptions, openHost } from "../build.ts";
import { Trial, Untold } from "./trial.ts";

export type PlainOptions = Pick<BuildOptions, "root" | "file" | "pipeline" | "target" | "signal" | "onProgress">;

interface Plainly {
  readonly host: Host;
  readonly program: Program;
  readonly plain: Compiled;
  readonly trial: Trial;
  /** Warnings of the program. */
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** What `body` makes of the plain model, or `nothing` with what stands in the way. Rejects with the reason of `signal` where it is aborted. */
export async function withPlain<T>(options: PlainOptions, body: (given: Plainly) => Promise<T>, nothing: (problems: readonly Problem[], sources: Plainly["sources"]) => T): Promise<T> {
  const opened = openHost(options);
  if (!opened.host) return nothing([opened.problem], new Map());
  const { host } = opened;
  const trial = new Trial(host, options.signal);
  let known: Plainly["sources"] = new Map();
  try {
    const { value: program, problems, sources } = openProgram(host, options.file);
    known = sources;
    if (!program || problems.some((p) => p.severity === "error")) return nothing(problems, sources);
    const plain = compileProgram(program, { pipeline: options.pipeline, target: options.target ?? "cpu" });
    if (!plain.value) return nothing([...problems, ...plain.problems], sources);
    return await body({ host, program, plain: plain.value, trial, problems, sources });
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    if (error instanceof Untold) return nothing(error.problems, known);
    throw error;
  } finally {
    await trial[Symbol.asyncDispose]();
    host.close();
  }
}
