// `kiri optimise`: an ONNX file made faster, with no program: the same passes, the same results.
import { dirname, relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import type { PrecisionName } from "../../../compiler/precision.ts";
import type { TargetName } from "../../../compiler/targets/target.ts";
import { HUB_TYPES, type HubType } from "../../hugging-face.ts";
import { type Optimised, optimise } from "../../optimise.ts";
import { bytes } from "../../amounts.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { insideText } from "../inside-text.ts";
import { exitOf, printJson, printProblems } from "../problems.ts";
import { precisionOption, precisionText } from "../precision.ts";
import { ProgressLines } from "../progress.ts";
import { UsageError } from "../usage-error.ts";
import { targetOption } from "../variant.ts";

interface Options {
  readonly out: string;
  readonly target: TargetName;
  readonly portable?: boolean;
  readonly precision?: PrecisionName;
  readonly layout: "file" | "hf";
  readonly dtype?: HubType;
  readonly json?: boolean;
}

export function addOptimise(program: Command, context: Context): void {
  const command = program
    .command("optimise")
    .description("make an ONNX file faster: constant and shape arithmetic folded, attention, norms and activations fused; the results stay the same")
    .argument("<model>", "an .onnx file; its external data lies in its folder")
    .requiredOption("-o, --out <file>", "the new model; large weights go to FILE.data beside it")
    .addOption(targetOption("what the graph is made for"))
    .addOption(new Option("--portable", "operators of the ONNX standard only; the same as --target portable").conflicts("target"))
    .addOption(precisionOption())
    .addOption(new Option("--layout <name>", "hf: --out is a directory of the Hugging Face hub, which transformers.js loads; the model's configuration and tokenizer go along").choices(["file", "hf"]).default("file"))
    .addOption(new Option("--dtype <name>", "with --layout hf: what the model is stored as, which names its file; found by its weights unless given").choices(HUB_TYPES))
    .option("--json", "print JSON")
    .action(async (model: string, options: Options) => context.finish(await optimiseFile(context.io, model, options)));
  examples(command, [
    ["kiri optimise model.onnx -o faster.onnx", "for ONNX Runtime on a CPU"],
    ["kiri optimise model.onnx -o faster.onnx --portable", "for any other runtime"],
    ["kiri optimise model.onnx -o half.onnx --precision f16 --target cuda", "half the size, computed in f16 but for the delicate parts"],
    ["kiri optimise hub/embed/onnx/model.onnx -o hub/half --layout hf --precision f16", "for transformers.js: onnx/model_fp16.onnx"],
  ]);
}

async function optimiseFile(io: Io, model: string, options: Options): Promise<ExitCode> {
  if (options.dtype !== undefined && options.layout !== "hf") throw new UsageError("--dtype names a file of the Hugging Face layout.", "Give --layout hf too, or leave --dtype out.");
  const progress = new ProgressLines(io, options.json);
  const input = resolve(io.cwd, model);
  const out = resolve(io.cwd, options.out);
  const result = await optimise({ input, out, target: options.portable ? "portable" : options.target, layout: options.layout, ...(options.dtype ? { hubType: options.dtype } : {}), signal: io.signal, onProgress: progress.update, ...(options.precision ? { precision: options.precision } : {}) }).finally(() => progress.end());
  const reports = [{ program: { root: dirname(input), file: model }, problems: result.problems, sources: new Map() }];
  const code = exitOf(reports);
  if (options.json) {
    const { optimised, files } = result;
    printJson(io, "optimise", code, reports, {
      files: files ?? null,
      nodes: optimised?.nodes ?? null, inside: optimised?.inside ?? null, fused: optimised ? Object.fromEntries(optimised.fused) : null, carried: optimised ? Object.fromEntries(optimised.carried) : null,
      precision: optimised?.precision ?? null,
    });
    return code;
  }
  printProblems(io, reports);
  if (!result.files || !result.optimised) return code === EXIT.success ? EXIT.failed : code;
  io.stderr.write(`${summary(result.optimised)}\n${precisionText(result.optimised.precision)}`);
  for (const file of result.files) {
    const shown = relative(io.cwd, file);
    io.stdout.write(`${shown.startsWith("..") ? file : shown}\n`);
  }
  return code;
}

/** What has become of the model, in one line. */
function summary({ nodes, inside, fused, model, plan }: Optimised): string {
  const counts = [...fused].map(([op, count]) => `${op} × ${count}`);
  const within = insideText(inside);
  return `${nodes.before} nodes to ${nodes.after}${within && `, ${within}`}, ${bytes(model.length + plan.bytes)}${counts.length > 0 ? `, fused: ${counts.join(", ")}` : ""}`;
}
