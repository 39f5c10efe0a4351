// Which variant a command means: `--variant NAME`, `--plain`, or what the program says without either.
import { type Command, Option } from "commander";
import { openProgram, type Program } from "../../compiler/program.ts";
import { type TargetName, TARGETS } from "../../compiler/targets/target.ts";
import { NodeHost } from "../node-host.ts";
import type { ProgramFile } from "./project.ts";
import { UsageError } from "./usage-error.ts";

export interface VariantOptions {
  readonly variant?: string;
  readonly plain?: boolean;
  readonly pipeline?: string;
  readonly target: TargetName;
}

/** `what` the target is for. */
export const targetOption = (what: string): Option => new Option("--target <name>", what).choices(Object.keys(TARGETS)).default("cpu");

export function addVariantOptions(command: Command): Command {
  return command
    .option("--pipeline <name>", "where the file has several")
    .addOption(new Option("--variant <name>", "the `compress … as NAME` to weave in").conflicts("plain"))
    .option("--plain", "no compression, not even an unnamed one")
    .addOption(targetOption("what the graph is made for"));
}

/** Of an artefact or an ONNX file there is nothing to choose. */
export function refuseChoices(what: string, { variant, plain, pipeline }: VariantOptions): void {
  if (variant !== undefined || plain || pipeline !== undefined) throw new UsageError(`${what} is compiled already; --variant, --plain and --pipeline are for programs.`, "Name the program that it was compiled from, or one that imports it.");
}

/** Without a flag an unnamed `compress` is meant, where the file has one; else the plain model. */
export function chosenVariant(program: ProgramFile, { variant, plain }: VariantOptions): string | undefined {
  if (variant !== undefined || plain) return variant;
  return compressions(program).find((c) => c.as === undefined)?.target.name;
}

/** Every variant of the file by its name. */
export const variantNames = (program: ProgramFile): readonly string[] => compressions(program).map((c) => c.as?.name ?? c.target.name);

function compressions(program: ProgramFile): Program["compressions"] {
  const host = new NodeHost({ root: program.root });
  try {
    return openProgram(host, program.file).value?.compressions ?? [];
  } finally {
    host.close();
  }
}
