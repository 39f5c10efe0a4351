// `kiri new`: a project that compiles and runs at once, with a small model of made-up weights in the place of a trained one.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { printJson } from "../problems.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly json?: boolean;
}

export function addNew(program: Command, context: Context): void {
  const command = program
    .command("new")
    .description("make a project that compiles and runs at once")
    .argument("<directory>", "where; it must not exist, or be empty")
    .option("--json", "print JSON")
    .action(async (directory: string, options: Options) => context.finish(await make(context.io, directory, options)));
  examples(command, [["kiri new my-project", "then: cd my-project && npm install && npm start"]]);
}

async function make(io: Io, directory: string, options: Options): Promise<ExitCode> {
  const place = resolve(io.cwd, directory);
  const name = basename(place);
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name)) throw new UsageError(`${name} cannot be the name of a project.`, "Small letters, digits, dots, dashes and underscores can be.");
  if (existsSync(place) && readdirSync(place).length > 0) throw new UsageError(`${directory} exists and is not empty.`, "Nothing is ever overwritten: choose another name.");
  // Brings the encoder of pictures along, which no other command needs at its start.
  const { starterFiles } = await import("../starter.ts");
  const files = await starterFiles(name);
  for (const [path, text] of files) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    // Not even one that came into being a moment ago.
    writeFileSync(join(place, path), text, { flag: "wx" });
  }
  const paths = [...files.keys()];
  if (options.json) printJson(io, "new", EXIT.success, [], { directory: place, files: paths });
  else {
    io.stdout.write(paths.map((p) => `${join(directory, p)}\n`).join(""));
    io.stderr.write(`\nNext:\n  cd ${directory}\n  npm install\n  npm start\n`);
  }
  return EXIT.success;
}
