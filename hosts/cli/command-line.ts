// The command line as a function: arguments and streams in, an exit code out. `main.ts` is the process around it.
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { type AddCommand, type Context, examples } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";
import { mistakeText } from "./usage-error.ts";
import { version } from "../version.ts";

/** In the order of the help. A command is loaded when it is asked for: most of them bring much along. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  new: async () => (await import("./commands/new.ts")).addNew,
  check: async () => (await import("./commands/check.ts")).addCheck,
  compile: async () => (await import("./commands/compile.ts")).addCompile,
  run: async () => (await import("./commands/run.ts")).addRun,
  test: async () => (await import("./commands/test.ts")).addTest,
  fmt: async () => (await import("./commands/fmt.ts")).addFmt,
  types: async () => (await import("./commands/types.ts")).addTypes,
  inspect: async () => (await import("./commands/inspect.ts")).addInspect,
  view: async () => (await import("./commands/view.ts")).addView,
  optimise: async () => (await import("./commands/optimise.ts")).addOptimise,
  diff: async () => (await import("./commands/diff.ts")).addDiff,
  profile: async () => (await import("./commands/profile.ts")).addProfile,
  bench: async () => (await import("./commands/bench.ts")).addBench,
  tune: async () => (await import("./commands/tune.ts")).addTune,
  explain: async () => (await import("./commands/explain.ts")).addExplain,
  doctor: async () => (await import("./commands/doctor.ts")).addDoctor,
  lsp: async () => (await import("./commands/lsp.ts")).addLsp,
  completion: async () => (await import("./commands/completion.ts")).addCompletion,
};
/** Knows all the others. */
const OF_ALL = "completion";

/** The command line with the one command that is named, or with all where none is; `finish` is told what a command ended with. */
async function commandLine(named: string | undefined, context: Context): Promise<Command> {
  const program = new Command("kiri")
    .description("Fold and cut transformers: .kiri programs to one fused ONNX graph.")
    .version(version(), "-v, --version")
    .exitOverride()
    .configureOutput({ writeOut: (text) => void context.io.stdout.write(text), writeErr: (text) => void context.io.stderr.write(text) })
    .showHelpAfterError("(kiri --help shows what there is)");
  const isOne = named !== undefined && named !== OF_ALL && Object.hasOwn(COMMANDS, named);
  for (const [name, load] of Object.entries(COMMANDS)) if (!isOne || name === named) (await load())(program, context);
  examples(program, [
    ["kiri new my-project", "a project that compiles and runs at once"],
    ["kiri check", "every problem of its programs"],
    ["kiri compile pipelines/digits.kiri -o build/digits", "an artefact: one ONNX graph with its weights"],
    ["kiri run build/digits 3.png", "run it on a picture"],
    ["kiri bench pipelines/scenes.kiri", "its variants beside the plain model"],
    ["kiri tune pipelines/digits_tune.kiri", "the best values for what it leaves open"],
    ["kiri explain F301", "what a code means, and a way out"],
  ]);
  program.addHelpText("after", "\nExit codes: 0 success, 1 errors or a gate failed, 2 usage or unreadable input, 3 a bug of ours, 130 interrupted.");
  return program;
}

/** Runs one command. Never throws. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.success;
  try {
    const program = await commandLine(argv[0], { io, finish: (c) => { code = c; } });
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return EXIT.usage;
    }
    await program.parseAsync([...argv], { from: "user" });
    return io.signal.aborted ? EXIT.interrupted : code;
  } catch (error) {
    return failed(error, argv, io);
  }
}

function failed(error: unknown, argv: readonly string[], io: Io): ExitCode {
  if (io.signal.aborted) return EXIT.interrupted;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
  const says = mistakeText(error);
  if (says !== undefined) {
    io.stderr.write(says);
    return EXIT.usage;
  }
  if ((error as NodeJS.ErrnoException | undefined)?.code === "EPIPE") return EXIT.success;
  io.stderr.write(bug(error, argv));
  return EXIT.internal;
}

/** A bug of ours: what happened, and a file with all that we need to mend it. */
function bug(error: unknown, argv: readonly string[]): string {
  const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const report = `kirigami ${version()}, node ${process.version}, ${process.platform} ${process.arch}\n$ kiri ${argv.join(" ")}\n\n${said}\n`;
  const file = join(tmpdir(), `kirigami-bug-${process.pid}.txt`);
  let where = `\n${report}`;
  try {
    writeFileSync(file, report);
    where = ` It is written down in ${file}.`;
  } catch {
    // Without a place to write, all of it goes to the terminal.
  }
  const first = error instanceof Error ? error.message : said;
  return `kiri: this is a bug of kirigami, not of your program: ${first}\n${`Please report it with the program that led here.${where}`}\n`;
}
