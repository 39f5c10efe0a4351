// `kiri compile`: a pipeline into an artefact, its gates measured before the artefact takes its place.
import { join, relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import type { PrecisionName } from "../../../compiler/precision.ts";
import type { Report as GateReport } from "../../evaluation/report.ts";
import { build } from "../../build.ts";
import { DigestMemory } from "../../digest-memory.ts";
import { HUB_TYPES, type HubType } from "../../hugging-face.ts";
import { bytes, large } from "../../amounts.ts";
import { cacheFolder } from "../cache-folder.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { exitOf, maxWarningsOption, printJson, printProblems } from "../problems.ts";
import { precisionOption, precisionText } from "../precision.ts";
import { ProgressLines } from "../progress.ts";
import { oneProgram, type ProgramFile } from "../project.ts";
import { table } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { addVariantOptions, chosenVariant, type VariantOptions } from "../variant.ts";
import { type Round, watchInputs } from "../watch.ts";

interface Options extends VariantOptions {
  readonly out?: string;
  readonly gates: boolean;
  readonly layout: "artefact" | "hf";
  readonly dtype?: HubType;
  readonly precision?: PrecisionName;
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly verify?: boolean;
  readonly maxWarnings?: number;
}

export function addCompile(program: Command, context: Context): void {
  const command = addVariantOptions(program.command("compile").description("compile a pipeline into an artefact: one ONNX graph with all that runs it").argument("[file]", "a program, or a directory with one"))
    .option("-o, --out <directory>", "where the artefact goes (default: build/PIPELINE, or build/PIPELINE-VARIANT)")
    .option("--no-gates", "measure nothing that is required")
    .addOption(new Option("--layout <name>", "hf: a directory of the Hugging Face hub, which transformers.js loads").choices(["artefact", "hf"]).default("artefact"))
    .addOption(new Option("--dtype <name>", "with --layout hf: what the model is stored as, which names its file; found by its weights unless given").choices(HUB_TYPES))
    .addOption(precisionOption())
    .addOption(maxWarningsOption())
    .option("--json", "print JSON")
    .option("--verify", "hash every input in full, whatever is remembered of large files that are as they were")
    .option("--watch", "build again whenever the content of a source, a model or another input changes; with --json a line for each build")
    .action(async (file: string | undefined, options: Options) => context.finish(await compileFile(context.io, file, options)));
  examples(command, [
    ["kiri compile pipelines/digits.kiri", "the plain model"],
    ["kiri compile pipelines/digits.kiri --variant lite -o build/lite", "a variant, its gates measured"],
    ["kiri compile pipelines/embed.kiri --layout hf -o hub/embed", "for transformers.js: onnx/model.onnx, config.json, tokenizer.json"],
    ["kiri compile pipelines/embed.kiri --precision f16 --target portable", "in half precision, as `precision: f16` in a `compress` says it"],
    ["kiri compile pipelines/digits.kiri --no-gates --watch", "again after each edit"],
    ["kiri compile --variant lite --no-gates --json", "in a script, measuring nothing"],
  ]);
}

async function compileFile(io: Io, arg: string | undefined, options: Options): Promise<ExitCode> {
  if (options.dtype !== undefined && options.layout !== "hf") throw new UsageError("--dtype names a file of the Hugging Face layout.", "Give --layout hf too, or leave --dtype out.");
  const program = oneProgram(io.cwd, arg);
  const digests = new DigestMemory(options.verify ? undefined : cacheFolder(io.env));
  if (!options.watch) {
    const code = await compileProgram(io, program, options, { digests });
    await digests.save().catch(() => undefined);
    return code;
  }
  return watchInputs(io, { command: "compile", isJson: options.json ?? false, digests, run: (round) => compileProgram(io, program, options, { digests, round }) });
}

async function compileProgram(io: Io, program: ProgramFile, options: Options, { digests, round }: { readonly digests: DigestMemory; readonly round?: Round }): Promise<ExitCode> {
  // A program that cannot be opened now may be there later.
  round?.inputs.nothing(join(program.root, program.file));
  const variant = chosenVariant(program, options);
  const progress = new ProgressLines(io, options.json);
  const name = options.pipeline ?? program.file.replace(/^.*\//, "").replace(/\.kiri$/, "");
  const out = resolve(io.cwd, options.out ?? join("build", variant === undefined ? name : `${name}-${variant}`));
  const result = await build({
    root: program.root, file: program.file, target: options.target, out, gates: options.gates, layout: options.layout, ...(options.dtype ? { hubType: options.dtype } : {}), ...(options.precision ? { precision: options.precision } : {}), signal: io.signal, onProgress: progress.update,
    ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }), ...(variant === undefined ? {} : { variant }),
  }, { digests, ...(round ? { observer: round.inputs, data: round.data } : {}) }).finally(() => progress.end());
  const reports = [{ program, problems: result.problems, sources: result.sources }];
  const code = exitOf(reports, options.maxWarnings);
  if (options.json) {
    printJson(io, "compile", code, reports, { artifact: result.artifact ?? null, manifest: result.manifest ?? null, report: result.report ?? null, ...(round ? { watch: round.facts() } : {}) }, round ? "line" : "document");
    return code;
  }
  printProblems(io, reports);
  if (result.report) io.stderr.write(gatesTable(result.report));
  if (result.artifact === undefined || !result.manifest) return code === EXIT.success ? EXIT.failed : code;
  const { files, cost, fused } = result.manifest;
  const size = Object.values(files).reduce((sum, f) => sum + f.bytes, 0);
  const counts = Object.entries(fused).filter(([, n]) => n > 0).map(([op, n]) => `${op} × ${n}`);
  io.stderr.write(`${bytes(size)}, ${large(cost.total)} multiply-adds${counts.length ? `, fused: ${counts.join(", ")}` : ""}\n${precisionText(result.manifest.precision)}`);
  const shown = relative(io.cwd, result.artifact);
  io.stdout.write(`${shown.startsWith("..") ? result.artifact : shown}\n`);
  return code;
}

/** What was required, and what was measured. */
function gatesTable({ gates }: GateReport): string {
  if (gates.length === 0) return "";
  return table(
    [{ title: "gate" }, { title: "measured", align: "right" }, { title: "" }],
    gates.map((g) => [g.says, `${Number(g.value.toPrecision(5))}`, g.holds === undefined ? "" : g.holds ? "holds" : "fails"]),
  );
}
