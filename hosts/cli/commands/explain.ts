// `kiri explain CODE`: the page of a diagnostic, nearest codes where there is none. `kiri explain --fusions FILE`: what kept operators apart.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { elaborate } from "../../../compiler/compile.ts";
import type { Problem } from "../../../compiler/diagnostics/define.ts";
import { nearest } from "../../../compiler/diagnostics/suggest.ts";
import { runPassesInside } from "../../../compiler/inside.ts";
import { openProgram, type Program } from "../../../compiler/program.ts";
import { Recorder } from "../../../compiler/rewrite/record.ts";
import { NodeHost, packageRoot } from "../../node-host.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { type Fused, fusionsOf, fusionText } from "../fusions.ts";
import type { Io } from "../io.ts";
import { exitOf, printJson, printProblems } from "../problems.ts";
import { oneProgram } from "../project.ts";
import { UsageError } from "../usage-error.ts";
import { addVariantOptions, chosenVariant, type VariantOptions } from "../variant.ts";

interface Options extends VariantOptions {
  readonly fusions?: boolean;
  readonly json?: boolean;
}

export function addExplain(program: Command, context: Context): void {
  const command = addVariantOptions(
    program.command("explain").description("what a diagnostic means and how to mend it; or what kept operators from fusing").argument("[code]", "such as F302; without it, all codes are listed. With --fusions: a program"),
  )
    .option("--fusions", "near misses of the fused operators of a program")
    .option("--json", "print JSON")
    .action((code: string | undefined, options: Options) => context.finish(options.fusions ? fusions(context.io, code, options) : code === undefined ? list(context.io, options) : page(context.io, code, options)));
  examples(command, [
    ["kiri explain F302", "one diagnostic, with a wrong and a right program"],
    ["kiri explain", "all codes with their titles"],
    ["kiri explain --fusions pipelines/digits.kiri --variant lite", "why expect fused … fails"],
  ]);
}

/** `docs/errors/` of this package. */
const pagesDirectory = (): string => join(packageRoot(), "docs", "errors");

const codes = (): string[] => readdirSync(pagesDirectory()).filter((f) => f.endsWith(".md")).map((f) => f.slice(0, -".md".length)).sort();
const pageOf = (code: string): string => readFileSync(join(pagesDirectory(), `${code}.md`), "utf8");
const titleOf = (text: string): string => (text.split("\n", 1)[0] ?? "").replace(/^# \S+ /, "");

function page(io: Io, asked: string, options: Options): ExitCode {
  const code = asked.toUpperCase();
  if (!/^[A-Z]\d+$/.test(code) || !existsSync(join(pagesDirectory(), `${code}.md`))) {
    const near = nearest(code, codes());
    throw new UsageError(`There is no diagnostic ${asked}.`, near.length > 0 ? `Nearest: ${near.join(", ")}.` : "kiri explain lists all.");
  }
  const text = pageOf(code);
  if (options.json) printJson(io, "explain", EXIT.success, [], { code, title: titleOf(text), page: text });
  else io.stdout.write(text);
  return EXIT.success;
}

function list(io: Io, options: Options): ExitCode {
  const all = codes().map((code) => ({ code, title: titleOf(pageOf(code)) }));
  if (options.json) printJson(io, "explain", EXIT.success, [], { codes: all });
  else for (const { code, title } of all) io.stdout.write(`${code}  ${title}\n`);
  return EXIT.success;
}

function fusions(io: Io, file: string | undefined, options: Options): ExitCode {
  const program = oneProgram(io.cwd, file);
  const variant = chosenVariant(program, options);
  const host = new NodeHost({ root: program.root });
  try {
    const opened = openProgram(host, program.file);
    const problems = [...opened.problems];
    // Not `compile`: it ends where `expect fused` fails, and that is what one comes here for.
    const fused = opened.value && !problems.some((p) => p.severity === "error") ? fusedIn(opened.value, options, variant, problems) : undefined;
    const report = { program, problems, sources: opened.sources };
    const code = fused ? EXIT.success : exitOf([report]);
    if (options.json) printJson(io, "explain", code, [report], fused ? { fused: Object.fromEntries(fused.record.fused), fusions: fusionsOf(fused) } : {});
    else if (fused) io.stdout.write(fusionText(fused));
    else printProblems(io, [report]);
    return code;
  } finally {
    host.close();
  }
}

function fusedIn(program: Program, { pipeline: name, target }: Options, variant: string | undefined, problems: Problem[]): Fused | undefined {
  const pipeline = name === undefined && program.pipelines.length === 1 ? program.pipelines[0] : program.pipelines.find((p) => p.name.name === name);
  if (!pipeline) throw new UsageError(`Which pipeline? There is ${program.pipelines.map((p) => p.name.name).join(", ") || "none"}.`, "Name one with --pipeline.");
  const compression = program.compressions.find((c) => (c.as?.name ?? c.target.name) === variant);
  if (variant !== undefined && !compression) throw new UsageError(`There is no variant ${variant}.`, `kiri inspect ${program.main.path} lists them.`);
  const { value, problems: found } = elaborate(program, pipeline, compression);
  problems.push(...found);
  if (!value) return undefined;
  const record = new Recorder();
  runPassesInside(value.graph, { host: program.host, target, record });
  return { ...value, record };
}
