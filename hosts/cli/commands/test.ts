// `kiri test`: the checks of programs, each claim computed.
import type { Command } from "commander";
import { type ClaimResult, runClaims } from "../../../compiler/claims.ts";
import { placeOf, type Sources } from "../../../compiler/diagnostics/render.ts";
import { evaluator } from "../../evaluator.ts";
import { NodeHost } from "../../node-host.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { exitOf, maxWarningsOption, printJson, printProblems, type Report } from "../problems.ts";
import { type ProgramFile, programs } from "../project.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly json?: boolean;
  readonly maxWarnings?: number;
}

export function addTest(program: Command, context: Context): void {
  const command = program
    .command("test")
    .description("compute the claims of the checks of programs")
    .argument("[files...]", "programs or directories")
    .addOption(maxWarningsOption())
    .option("--json", "print JSON")
    .action(async (files: string[], options: Options) => context.finish(await testFiles(context.io, files, options)));
  examples(command, [
    ["kiri test", "the programs of the nearest project"],
    ["kiri test folds/mine.kiri", "one of them"],
  ]);
}

interface Tested {
  readonly report: Report;
  readonly claims: readonly ClaimResult[];
}

async function testFiles(io: Io, files: readonly string[], options: Options): Promise<ExitCode> {
  if (!evaluator()) throw new UsageError("Claims are computed by ONNX Runtime, and onnxruntime-node is not installed.", "npm install onnxruntime-node");
  const tested: Tested[] = [];
  for (const program of programs(io.cwd, files)) {
    io.signal.throwIfAborted();
    tested.push(await testProgram(program));
  }
  const reports = tested.map((t) => t.report);
  const code = exitOf(reports, options.maxWarnings);
  if (options.json) {
    printJson(io, "test", code, reports, { claims: tested.flatMap(({ report, claims }) => claims.map((c) => ({ check: c.title, claim: c.claim, place: placeOf(c.span, report.sources), holds: c.holds, detail: c.detail }))) });
    return code;
  }
  printProblems(io, reports);
  for (const { report, claims } of tested) io.stdout.write(told(claims, report.sources));
  const all = tested.flatMap((t) => t.claims);
  const held = all.filter((c) => c.holds).length;
  io.stdout.write(all.length === 0 && code === EXIT.success ? "There are no checks.\n" : `${held} of ${all.length} claims hold\n`);
  return code;
}

async function testProgram(program: ProgramFile): Promise<Tested> {
  const host = new NodeHost({ root: program.root, evaluate: evaluator() });
  try {
    const { claims, problems, sources } = await runClaims(host, program.file);
    return { report: { program, problems, sources }, claims };
  } finally {
    host.close();
  }
}

/** A line a check: it holds when all its claims do. */
function told(claims: readonly ClaimResult[], sources: Sources): string {
  const checks = new Map<string, ClaimResult[]>();
  for (const c of claims) checks.set(c.title, [...(checks.get(c.title) ?? []), c]);
  return [...checks].map(([title, own]) => `${own.every((c) => c.holds) ? "holds" : "FAILS"}  ${title}  ${own[0] ? placeOf(own[0].span, sources) : ""}\n`).join("");
}
