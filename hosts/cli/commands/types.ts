// `kiri types`: declarations beside programs, so that `tsc` and editors know what an import of one gives, without a build.
import { relative } from "node:path";
import type { Command } from "commander";
import type { Problem } from "../../../compiler/diagnostics/define.ts";
import { openProgram } from "../../../compiler/program.ts";
import { openHost } from "../../build.ts";
import { moduleTypings } from "../../module-typings.ts";
import { outdatedTypings, writeTypings } from "../../typings-beside.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { exitOf, printJson, printProblems, type Report } from "../problems.ts";
import { type ProgramFile, programs } from "../project.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly check?: boolean;
  readonly json?: boolean;
}

export function addTypes(program: Command, context: Context): void {
  const command = program
    .command("types")
    .description("write the declarations that TypeScript looks for beside an imported program")
    .argument("[files...]", "programs or directories")
    .option("--check", "write nothing; exit with 1 where a declaration is missing or another")
    .option("--json", "print JSON")
    .action(async (files: string[], options: Options) => context.finish(await types(context.io, files, options)));
  examples(command, [
    ["kiri types", "of the programs of the nearest project"],
    ["kiri types src/digits.kiri", "src/digits.d.kiri.ts and src/digits.kiri-queries.d.ts"],
    ["kiri types --check", "in a build"],
  ]);
}

async function types(io: Io, files: readonly string[], options: Options): Promise<ExitCode> {
  const reports: Report[] = [];
  const changed: string[] = [];
  for (const program of programs(io.cwd, files)) {
    const { report, typings } = await typed(program);
    reports.push(report);
    try {
      changed.push(...(await (options.check ? outdatedTypings : writeTypings)(program.root, program.file, typings)).map((path) => relative(io.cwd, path)));
    } catch (error) {
      throw new UsageError(`The declarations of ${program.file} cannot be written: ${(error as Error).message}`);
    }
  }
  const code = options.check && changed.length > 0 ? EXIT.failed : exitOf(reports);
  if (options.json) {
    printJson(io, "types", code, reports, { changed });
    return code;
  }
  printProblems(io, reports);
  io.stdout.write(changed.map((path) => `${path}\n`).join(""));
  io.stderr.write(`${changed.length} ${changed.length === 1 ? "declaration" : "declarations"} ${options.check ? "would change" : "written"}\n`);
  return code;
}

async function typed(program: ProgramFile): Promise<{ readonly report: Report; readonly typings: Readonly<Record<string, string>> }> {
  const opened = openHost({ root: program.root });
  if (!opened.host) return { report: { program, problems: [opened.problem], sources: new Map() }, typings: {} };
  const { host } = opened;
  try {
    const { value, problems, sources } = openProgram(host, program.file);
    const isWrong = (found: readonly Problem[]): boolean => found.some((p) => p.severity === "error");
    if (!value || isWrong(problems)) return { report: { program, problems, sources }, typings: {} };
    const { files, problems: more } = await moduleTypings(value);
    return { report: { program, problems: [...problems, ...more], sources: value.modules.sources() }, typings: isWrong(more) ? {} : files };
  } finally {
    host.close();
  }
}
