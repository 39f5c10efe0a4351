// `kiri lsp`: the language server for editors, over standard input and output.
import process from "node:process";
import type { Command } from "commander";
import { type Context, examples } from "../command.ts";
import { EXIT } from "../exit.ts";

export function addLsp(program: Command, context: Context): void {
  const command = program
    .command("lsp")
    .description("serve an editor over standard input and output (Language Server Protocol)")
    // What editors add to the command line; there is no other way to talk.
    .option("--stdio", "talk over standard input and output, as always")
    .option("--clientProcessId <number>", "the editor; the server ends with it")
    .action(async () => {
      const { serve } = await import("../../lsp/server.ts");
      await serve(context.io.stdin, process.stdout);
      context.finish(EXIT.success);
    });
  examples(command, [["kiri lsp", "what an editor starts; see docs/editor.md"]]);
}
