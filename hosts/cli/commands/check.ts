// `kiri check`: every problem of a program, its pipelines and its variants, without running anything.
import { join } from "node:path";
import type { Command } from "commander";
import type { TargetName } from "../../../compiler/targets/target.ts";
import { check as checkOne } from "../../compile.ts";
import { rootOf } from "../../project-root.ts";
import { type Context, examples } from "../command.ts";
import type { ExitCode } from "../exit.ts";
import { type Io, readStdin } from "../io.ts";
import { exitOf, type Format, formatOption, maxWarningsOption, printAnnotations, printJson, printProblems, printSarif, type Report } from "../problems.ts";
import { type ProgramFile, programs, show } from "../project.ts";
import { UsageError } from "../usage-error.ts";
import { targetOption } from "../variant.ts";
import { type Round, watchInputs } from "../watch.ts";

interface Options {
  readonly format: Format;
  readonly json?: boolean;
  readonly maxWarnings?: number;
  readonly target: TargetName;
  readonly watch?: boolean;
}

export function addCheck(program: Command, context: Context): void {
  const command = program
    .command("check")
    .description("report every problem of programs, their pipelines and variants; runs nothing")
    .argument("[files...]", "programs or directories; - reads one from standard input")
    .addOption(formatOption())
    .option("--json", "short for --format json")
    .addOption(maxWarningsOption())
    .addOption(targetOption("what fusing is checked for"))
    .option("--watch", "check again whenever the content of a program, a model or another input changes; with --json a line for each check")
    .action(async (files: string[], options: Options) => context.finish(await check(context.io, files, options)));
  examples(command, [
    ["kiri check", "the programs of the nearest project"],
    ["kiri check pipelines/scenes.kiri", "one of them"],
    ["kiri check --watch", "again after each edit"],
    ["kiri check --format sarif > kiri.sarif", "for code scanning"],
    ["kiri check --format github --max-warnings 0", "in a build"],
  ]);
}

async function check(io: Io, files: readonly string[], options: Options): Promise<ExitCode> {
  if (options.watch) return checkAgain(io, files, options);
  const checked = files.includes("-") ? [checkText(io, (await readStdin(io)).toString("utf8"), options.target)] : programs(io.cwd, files).map((p) => checkProgram(p, undefined, options.target));
  return print(io, checked, options);
}

function checkAgain(io: Io, files: readonly string[], options: Options): Promise<ExitCode> {
  const format = options.json ? "json" : options.format;
  if (files.includes("-")) throw new UsageError("Standard input is read once; it cannot be watched.", "Name files or directories.");
  if (format === "sarif" || format === "github") throw new UsageError(`--format ${format} is for one check.`, "Leave --watch out, or take --json: a line for each check.");
  // Files that are not there at the start are a slip; later ones come and go.
  const names = (): readonly string[] => programs(io.cwd, files).map((p) => show(io.cwd, p));
  names();
  const run = (round: Round): ExitCode => print(io, programs(io.cwd, files).map((p) => checkProgram(p, undefined, options.target, round)), options, round);
  return watchInputs(io, { command: "check", isJson: format === "json", run, names });
}

function print(io: Io, checked: readonly Checked[], options: Options, round?: Round): ExitCode {
  const reports = checked.map((c) => c.report);
  const code = exitOf(reports, options.maxWarnings);
  const format = options.json ? "json" : options.format;
  if (format === "json") printJson(io, "check", code, reports, { programs: checked.map((c) => c.summary), ...(round ? { watch: round.facts() } : {}) }, round ? "line" : "document");
  else if (format === "sarif") printSarif(io, reports);
  else if (format === "github") printAnnotations(io, reports);
  else {
    printProblems(io, reports);
    for (const { report, summary } of checked)
      if (report.problems.length === 0) io.stdout.write(`${show(io.cwd, report.program)}: ${count(summary.pipelines.length, "pipeline")}, ${count(summary.variants.length, "variant")}, no problems${openText(summary.open)}\n`);
  }
  return code;
}

const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

/** `; lite leaves r and metric open`. */
const openText = (open: Checked["summary"]["open"]): string => Object.entries(open).map(([variant, names]) => `; ${variant} leaves ${names.join(", ")} open (kiri tune)`).join("");

interface Checked {
  readonly report: Report;
  readonly summary: { readonly file: string; readonly pipelines: readonly string[]; readonly variants: readonly string[]; readonly open: Readonly<Record<string, readonly string[]>> };
}

function checkText(io: Io, text: string, target: TargetName): Checked {
  const root = rootOf(io.cwd, `${io.cwd}/stdin.kiri`);
  return checkProgram({ root, file: "stdin.kiri" }, text, target);
}

function checkProgram(program: ProgramFile, text: string | undefined, target: TargetName, round?: Round): Checked {
  round?.inputs.nothing(join(program.root, program.file));
  const { problems, sources, pipelines, variants, open } = checkOne({ root: program.root, file: program.file, target, ...(text === undefined ? {} : { text }) }, round ? { observer: round.inputs, digests: round.digests } : {});
  return { report: { program, problems, sources }, summary: { file: program.file, pipelines, variants, open } };
}
