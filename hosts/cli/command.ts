// How a command joins the command line: it adds itself to commander and gives back an exit code.
import type { Command } from "commander";
import type { ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";

export interface Context {
  readonly io: Io;
  /** What the command ended with. */
  finish(code: ExitCode): void;
}

export type AddCommand = (program: Command, context: Context) => void;

/** Examples under a command's help, one a line: what is typed, and what it does. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): Command {
  const width = Math.max(...lines.map(([typed]) => typed.length));
  return command.addHelpText("after", `\nExamples:\n${lines.map(([typed, does]) => `  $ ${typed.padEnd(width)}  # ${does}`).join("\n")}`);
}
