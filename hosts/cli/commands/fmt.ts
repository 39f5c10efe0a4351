// `kiri fmt`: lays programs out in the one way; `--check` only tells which are not.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import type { Problem } from "../../../compiler/diagnostics/define.ts";
import { syntaxProblem } from "../../../compiler/diagnostics/syntax.ts";
import { format } from "../../../grammar/format.ts";
import { type Source, source } from "../../../grammar/source.ts";
import { writeFileWhole } from "../../artifact-writer.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { type Io, readStdin } from "../io.ts";
import { exitOf, printJson, printProblems, type Report } from "../problems.ts";
import { programs } from "../project.ts";

interface Options {
  readonly check?: boolean;
  readonly json?: boolean;
}

export function addFmt(program: Command, context: Context): void {
  const command = program
    .command("fmt")
    .description("lay out .kiri files in the one way; files with syntax errors are left alone")
    .argument("[files...]", "files, or directories with all files below them; - from standard input to standard output")
    .option("--check", "change nothing; exit with 1 where something would change")
    .option("--json", "print JSON")
    .action(async (files: string[], options: Options) => context.finish(files.includes("-") ? await formatStdin(context.io, options) : await formatFiles(context.io, files, options)));
  examples(command, [
    ["kiri fmt", "the programs of the nearest project"],
    ["kiri fmt --check stdlib pipelines", "in a build"],
    ["kiri fmt - < a.kiri", "from an editor"],
  ]);
}

interface Formatted {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly source: Source;
  readonly problems: readonly Problem[];
}

function formatted(cwd: string, path: string, before: string): Formatted {
  const from = source(relative(cwd, path) || path, before);
  const { text, problems } = format(from);
  return { path, before, after: text, source: from, problems: problems.map(syntaxProblem) };
}

async function formatStdin(io: Io, options: Options): Promise<ExitCode> {
  const one = formatted(io.cwd, resolve(io.cwd, "stdin.kiri"), (await readStdin(io)).toString("utf8"));
  const code = ended([reportOf(io, one)], options.check === true && one.after !== one.before);
  if (options.json) printJson(io, "fmt", code, [reportOf(io, one)], { changed: one.after === one.before ? [] : ["-"], text: one.after });
  else {
    printProblems(io, [reportOf(io, one)]);
    if (!options.check && one.problems.length === 0) io.stdout.write(one.after);
  }
  return code;
}

async function formatFiles(io: Io, args: readonly string[], options: Options): Promise<ExitCode> {
  const paths = args.length === 0 ? programs(io.cwd, []).map((p) => join(p.root, p.file)) : args.flatMap((a) => below(io.cwd, a));
  const all = paths.map((path) => formatted(io.cwd, path, readFileSync(path, "utf8")));
  const changed = all.filter((f) => f.after !== f.before);
  if (!options.check) for (const f of changed) await writeFileWhole(f.path, f.after);
  const reports = all.filter((f) => f.problems.length > 0).map((f) => reportOf(io, f));
  const code = ended(reports, options.check === true && changed.length > 0);
  const names = changed.map((f) => f.source.path);
  if (options.json) printJson(io, "fmt", code, reports, { files: all.length, changed: names });
  else {
    printProblems(io, reports);
    io.stdout.write(names.map((n) => `${n}\n`).join(""));
    io.stderr.write(`${names.length} of ${all.length} files ${options.check ? "would change" : "changed"}\n`);
  }
  return code;
}

const ended = (reports: readonly Report[], wouldChange: boolean): ExitCode => (wouldChange ? EXIT.failed : exitOf(reports));
const reportOf = (io: Io, f: Formatted): Report => ({ program: { root: io.cwd, file: f.source.path }, problems: f.problems, sources: new Map([[f.source.path, f.source]]) });

/** A file, or every `.kiri` file below a directory. */
function below(cwd: string, arg: string): string[] {
  const path = resolve(cwd, arg);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return programs(cwd, [arg]).map((p) => join(p.root, p.file));
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names.filter((f) => f.endsWith(".kiri") && !/(^|[/\\])node_modules[/\\]/.test(f)).map((f) => join(path, f)).sort();
}
