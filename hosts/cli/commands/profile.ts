// `kiri profile`: where a run spends its time, by line of the source.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { MANIFEST } from "../../../compiler/emit/manifest.ts";
import type { Profile } from "../../../runtime/session.ts";
import { madeUpRecord } from "../../made-up-record.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { wholeNumber } from "../numbers.ts";
import { printJson } from "../problems.ts";
import { ProgressLines } from "../progress.ts";
import { recordsOf } from "../records.ts";
import { runnable } from "../runnable.ts";
import { percent, table } from "../table.ts";
import { addVariantOptions, type VariantOptions } from "../variant.ts";

interface Options extends VariantOptions {
  readonly runs: number;
  readonly top: number;
  readonly device: string;
  readonly threads?: number;
  readonly set: readonly string[];
  readonly nodes?: boolean;
  readonly json?: boolean;
}

export function addProfile(program: Command, context: Context): void {
  const command = addVariantOptions(
    program.command("profile").description("time a run by line of the source").argument("<what>", "an artefact, or a .kiri file").argument("[inputs...]", "as for run; made up unless given"),
  )
    .option("--set <name=value>", "an input that all records share; may be repeated", (value: string, before: string[]) => [...before, value], [] as string[])
    .option("--runs <count>", "how often each record runs", wholeNumber, 20)
    .option("--top <count>", "lines that are shown", wholeNumber, 20)
    .option("--device <name>", "as for run", "auto")
    .option("--threads <count>", "threads inside of one operator", wholeNumber)
    .option("--nodes", "by node of the graph instead")
    .option("--json", "print JSON")
    .action(async (what: string, inputs: string[], options: Options) => context.finish(await profile(context.io, what, inputs, options)));
  examples(command, [
    ["kiri profile build/digits 3.png", "by line, slowest first"],
    ["kiri profile pipelines/digits.kiri --variant lite --runs 100", "on made-up pictures"],
    ["kiri profile build/digits --json > build/digits/profile.json", "for editors, whose hovers tell the times"],
  ]);
}

async function profile(io: Io, what: string, inputs: readonly string[], options: Options): Promise<ExitCode> {
  const progress = new ProgressLines(io, options.json);
  const made = await runnable(io, what, options, "profile", progress);
  if (typeof made === "number") return made;
  const { Session } = await import("../../../runtime/session.ts");
  try {
    await using session = await Session.load(made.directory, { device: options.device, profile: true, signal: io.signal, ...(options.threads === undefined ? {} : { threads: options.threads }) });
    const isMadeUp = inputs.length === 0 && options.set.length === 0;
    const records = isMadeUp ? [madeUpRecord(session.manifest)] : (await recordsOf(io, session.manifest, inputs, options.set)).map((r) => r.record);
    // The first runs allocate; their times are thrown away.
    for (const record of records) await session.run(record, { signal: io.signal });
    await session.profile();
    for (let i = 0; i < options.runs; i++) {
      for (const record of records) await session.run(record, { signal: io.signal });
      progress.update({ stage: "profiling", done: i + 1, total: options.runs });
    }
    progress.end();
    const found = await session.profile();
    if (options.json) printJson(io, "profile", EXIT.success, [], { inputs: isMadeUp ? "made up" : "given", manifest: createHash("sha256").update(readFileSync(join(made.directory, MANIFEST))).digest("hex"), profile: found });
    else io.stdout.write(`${options.nodes ? nodesTable(found, options.top) : linesTable(found, options.top)}${found.runs} runs${isMadeUp ? " on made-up inputs" : ""} on ${found.device}, ${(found.milliseconds / Math.max(1, found.runs)).toFixed(3)} ms each in the nodes\n`);
    return EXIT.success;
  } finally {
    progress.end();
    await made[Symbol.asyncDispose]();
  }
}

const right = (title: string): { title: string; align: "right" } => ({ title, align: "right" });
const each = (milliseconds: number, runs: number): string => (milliseconds / Math.max(1, runs)).toFixed(3);

function linesTable({ lines, runs }: Profile, top: number): string {
  const shown = lines.slice(0, top);
  const rest = lines.slice(top);
  const rows = shown.map((l) => [l.line || "(put in by ONNX Runtime)", each(l.milliseconds, runs), percent(l.share), some(l.ops), some(places(l.by, l.paths))]);
  if (rest.length > 0) rows.push([`${rest.length} more`, each(rest.reduce((s, l) => s + l.milliseconds, 0), runs), percent(rest.reduce((s, l) => s + l.share, 0)), "", ""]);
  return table([{ title: "line" }, right("ms a run"), right("share"), { title: "ops" }, { title: "in" }], rows);
}

function nodesTable({ nodes, runs, milliseconds }: Profile, top: number): string {
  const rows = nodes.slice(0, top).map((n) => [n.name, n.op, n.provider, each(n.milliseconds, runs), percent(n.milliseconds / milliseconds), n.origin[0] ?? ""]);
  return table([{ title: "node" }, { title: "op" }, { title: "on" }, right("ms a run"), right("share"), { title: "line" }], rows);
}

/** Folds first; the blocks of a list are told once: `blocks[*]`. */
const places = (by: readonly string[], paths: readonly string[]): string[] => [...new Set([...by, ...paths.map((p) => p.replace(/\[\d+\]/g, "[*]"))])];

const some = (names: readonly string[]): string => (names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", "));
