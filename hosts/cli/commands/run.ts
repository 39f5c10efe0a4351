// `kiri run`: records through an artefact, or through a program that is compiled first.
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Session } from "../../../runtime/session.ts";
import { writeFileWhole } from "../../artifact-writer.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { colours, type Io } from "../io.ts";
import { wholeNumber } from "../numbers.ts";
import { printJson } from "../problems.ts";
import { ProgressLines } from "../progress.ts";
import { type NamedRecord, recordsOf } from "../records.ts";
import { jsonLine, type OutputRecord, plainValue, resultTable, resultTensors } from "../results.ts";
import { runnable } from "../runnable.ts";
import type { Traced } from "../shown-folds.ts";
import { UsageError } from "../usage-error.ts";
import { addVariantOptions, type VariantOptions } from "../variant.ts";

interface Options extends VariantOptions {
  readonly device: string;
  readonly batch: number;
  readonly threads?: number;
  readonly set: readonly string[];
  readonly format: "jsonl" | "table" | "safetensors";
  readonly out: string;
  readonly show?: "folds";
  readonly picture: string;
  readonly json?: boolean;
}

export function addRun(program: Command, context: Context): void {
  const command = addVariantOptions(
    program.command("run").description("run an artefact, or a program, on pictures, texts, JSON records or tensors")
      .argument("<what>", "an artefact, or a .kiri file")
      .argument("[inputs...]", "pictures or folders of them, texts, .txt, .json, .jsonl, .safetensors; - for standard input"),
  )
    .option("--set <name=value>", "an input that all records share; may be repeated", (value: string, before: string[]) => [...before, value], [] as string[])
    .option("--device <name>", "auto, cpu, cuda, tensorrt, webgpu, coreml or dml", "auto")
    .option("--batch <count>", "records that run together", wholeNumber, 1)
    .option("--threads <count>", "threads inside of one operator", wholeNumber)
    .addOption(new Option("--format <form>", "of the results").choices(["jsonl", "table", "safetensors"]).default("jsonl"))
    .option("-o, --out <file>", "where the results go; - is standard output", "-")
    .addOption(new Option("--show <what>", "which tokens went together, instead of the results; of a program's variant").choices(["folds"]))
    .option("--picture <file>", "where --show draws the folds of pictures, as a PNG", "folds.png")
    .option("--json", "print one JSON answer with all results")
    .action(async (what: string, inputs: string[], options: Options) => context.finish(await run(context.io, what, inputs, options)));
  examples(command, [
    ["kiri run build/digits 3.png 7.png", "classify two pictures"],
    ["kiri run build/digits pictures/ --format table", "all pictures of a folder"],
    ["echo 'fold and cut' | kiri run build/embed - > vectors.jsonl", "texts from a pipe"],
    ["kiri run build/embed texts.txt --format safetensors -o v.safetensors", "results as tensors"],
    ["kiri run pipelines/digits.kiri --variant lite 3.png", "compile, then run"],
    ["kiri run pipelines/digits.kiri --variant lite 3.png --show folds", "draw which patches went together"],
  ]);
}

async function run(io: Io, what: string, inputs: readonly string[], options: Options): Promise<ExitCode> {
  if (options.format === "safetensors" && options.out === "-" && io.stdout.isTTY && options.show === undefined) throw new UsageError("Tensors are not for a terminal.", "Name a file: -o results.safetensors");
  const progress = new ProgressLines(io, options.json || !io.stderr.isTTY);
  const made = await runnable(io, what, { ...options, trace: options.show === "folds" }, "run", progress);
  if (typeof made === "number") return made;
  const { Session } = await import("../../../runtime/session.ts");
  try {
    await using session = await Session.load(made.directory, { device: options.device, signal: io.signal, ...(options.threads === undefined ? {} : { threads: options.threads }) });
    const records = await recordsOf(io, session.manifest, inputs, options.set);
    if (options.show === "folds") await answerFolds(io, session, { directory: made.directory, variant: made.variant ?? "" }, records, options, progress);
    else await answer(io, session, records, options, progress);
    return EXIT.success;
  } finally {
    progress.end();
    await made[Symbol.asyncDispose]();
  }
}

async function answer(io: Io, session: Session, records: readonly NamedRecord[], options: Options, progress: ProgressLines): Promise<void> {
  const results: OutputRecord[] = [];
  const streams = options.format === "jsonl" && options.out === "-" && !options.json;
  for (let i = 0; i < records.length; i += options.batch) {
    const batch = records.slice(i, i + options.batch);
    const done = await session.run(batch.map((r) => r.record), { signal: io.signal });
    if (streams) for (const record of done) io.stdout.write(jsonLine(record));
    else results.push(...done);
    if (!streams && records.length > options.batch) progress.update({ stage: "running", done: Math.min(i + options.batch, records.length), total: records.length });
  }
  progress.end();
  if (streams) return;
  if (options.json) printResults(io, session, results.map((r, i) => ({ input: records[i]?.name ?? "", output: plainValue(r) })));
  else await putResults(io, records.map((r) => r.name), results, options);
}

/** Results go where `-o` says; standard output is for the folds. */
async function answerFolds(io: Io, session: Session, of: Traced, records: readonly NamedRecord[], options: Options, progress: ProgressLines): Promise<void> {
  const { drawFolds, foldsJson, foldsText, shownFolds } = await import("../shown-folds.ts");
  const shown = await shownFolds(session, of, records, { signal: io.signal, onRecord: (done, total) => progress.update({ stage: "running", done, total }) });
  const drawing = await drawFolds(shown, of.variant, resolve(io.cwd, options.picture));
  progress.end();
  if (options.out !== "-") await putResults(io, shown.map((s) => s.name), shown.map((s) => s.output), options);
  if (options.json) printResults(io, session, shown.map((s) => ({ input: s.name, output: plainValue(s.output), folds: foldsJson(s) })), drawing === undefined ? {} : { picture: options.picture });
  else {
    io.stdout.write(shown.map((s) => foldsText(s, colours(io, io.stdout))).join("\n"));
    if (drawing !== undefined) io.stdout.write(`Drawn${drawing.drawn < drawing.all ? ` (the first ${drawing.drawn} of ${drawing.all})` : ""}: ${options.picture}\n`);
  }
}

function printResults(io: Io, { device: { name, why } }: Session, results: readonly object[], more: object = {}): void {
  printJson(io, "run", EXIT.success, [], { device: { name, why }, results, ...more });
}

async function putResults(io: Io, names: readonly string[], results: readonly OutputRecord[], { out, format }: Options): Promise<void> {
  await put(io, out, format === "table" ? resultTable(names, results) : format === "safetensors" ? resultTensors(results) : results.map(jsonLine).join(""));
}

async function put(io: Io, out: string, content: string | Buffer): Promise<void> {
  if (out === "-") io.stdout.write(content);
  else await writeFileWhole(resolve(io.cwd, out), content);
}
