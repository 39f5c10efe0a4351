#!/usr/bin/env node
// The process around the command line: signals, broken pipes, the exit code.
import process from "node:process";
import { removeUnfinished } from "../artifact-writer.ts";
import { main } from "./command-line.ts";
import { EXIT } from "./exit.ts";

const abort = new AbortController();

/** Nothing half-written stays behind; who is impatient asks once and has it. */
process.once("SIGINT", () => {
  abort.abort();
  removeUnfinished();
  process.exit(EXIT.interrupted);
});
process.once("SIGTERM", () => {
  abort.abort();
  removeUnfinished();
  process.exit(143);
});
// `kiri … | head`: the reader has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.success);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, cwd: process.cwd(), env: process.env, signal: abort.signal });
