// `kiri explain CODE`: the page of a diagnostic; nearest codes where there is none.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { nearest } from "../../../compiler/diagnostics/suggest.ts";
import { packageRoot } from "../../node-host.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { printJson } from "../problems.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly json?: boolean;
}

export function addExplain(program: Command, context: Context): void {
  const command = program
    .command("explain")
    .description("what a diagnostic means, and how to mend it")
    .argument("[code]", "such as F302; without it, all codes are listed")
    .option("--json", "print JSON")
    .action((code: string | undefined, options: Options) => context.finish(code === undefined ? list(context.io, options) : page(context.io, code, options)));
  examples(command, [
    ["kiri explain F302", "one diagnostic, with a wrong and a right program"],
    ["kiri explain", "all codes with their titles"],
  ]);
}

/** `docs/errors/` of this package. */
export const pagesDirectory = (): string => join(packageRoot(), "docs", "errors");

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
