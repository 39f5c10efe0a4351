// `kiri inspect`: what a program, an artefact or an ONNX file is made of: its edge, sites, costs, what was fused, the graph itself.
import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { type Compiled, compileProgram } from "../../../compiler/compile.ts";
import type { Problem } from "../../../compiler/diagnostics/define.ts";
import { distinct } from "../../../compiler/diagnostics/merge.ts";
import type { Boundary } from "../../../compiler/elaborate/pipeline.ts";
import { printGraph } from "../../../compiler/graph/text.ts";
import { openProgram } from "../../../compiler/program.ts";
import type { Dim } from "../../../compiler/types/dim.ts";
import type { Manifest } from "../../../runtime/artifact.d.ts";
import { openManifest } from "../../../runtime/artifact-folder.ts";
import { NodeHost } from "../../node-host.ts";
import { bytes, large } from "../../amounts.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { fusionsOf, fusionText } from "../fusions.ts";
import type { Io } from "../io.ts";
import { exitOf, printJson, printProblems, type Report } from "../problems.ts";
import { precisionText } from "../precision.ts";
import { oneProgram, type ProgramFile } from "../project.ts";
import { isArtifact } from "../runnable.ts";
import { percent, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { addVariantOptions, chosenVariant, refuseChoices, type VariantOptions } from "../variant.ts";
import { inspectModel, isModel } from "./inspect-model.ts";

interface Options extends VariantOptions {
  readonly sites?: boolean;
  readonly costs?: boolean;
  readonly graph?: "tensor" | "fused" | true;
  readonly fusions?: boolean;
  readonly recognise?: boolean;
  readonly json?: boolean;
}

export function addInspect(program: Command, context: Context): void {
  const command = addVariantOptions(program.command("inspect").description("show what a program, an artefact or an ONNX file is made of").argument("[what]", "a program, an artefact, or an .onnx file"))
    .option("--sites", "every place that a fold can name, its type plain and folded")
    .option("--costs", "multiply-adds by the path of the layer")
    .addOption(new Option("--graph [level]", "the graph as text, before or after fusing").choices(["tensor", "fused"]))
    .option("--fusions", "where a fused operator was near, and what stood in its way")
    .option("--recognise", "of an ONNX file: how near every rule came to a block, and which node stood in its way")
    .option("--json", "print JSON")
    .action(async (what: string | undefined, options: Options) => context.finish(await inspect(context.io, what, options)));
  examples(command, [
    ["kiri inspect pipelines/digits.kiri", "its edge, variants and costs"],
    ["kiri inspect pipelines/digits.kiri --variant lite --sites", "types before and after the folds"],
    ["kiri inspect pipelines/digits.kiri --graph fused", "the graph that is emitted"],
    ["kiri inspect build/digits", "an artefact"],
    ["kiri inspect model.onnx --recognise", "the blocks of a model without source, and whether they fold"],
  ]);
}

async function inspect(io: Io, what: string | undefined, options: Options): Promise<ExitCode> {
  const isCompiled = what !== undefined && isArtifact(io.cwd, what);
  if (what !== undefined && (isCompiled || isModel(what))) {
    refuseChoices(what, options);
    return isCompiled ? inspectArtifact(io, what, options) : inspectModel(io, what, options);
  }
  if (options.recognise) throw new UsageError("--recognise is about ONNX files.", "The sites of a program are those that its layers offer: kiri inspect --sites");
  const program = oneProgram(io.cwd, what);
  const seen = compiled(program, chosenVariant(program, options), options);
  const code = exitOf([seen.report]);
  const { plain, woven } = seen;
  if (!plain || !woven) {
    if (options.json) printJson(io, "inspect", code, [seen.report], {});
    else printProblems(io, [seen.report]);
    return code === EXIT.success ? EXIT.failed : code;
  }
  if (options.json) printJson(io, "inspect", code, [seen.report], asJson(program, plain, woven, options));
  else {
    printProblems(io, [seen.report]);
    io.stdout.write(options.graph ? printGraph(options.graph === "tensor" ? woven.graph : woven.fused, { paths: true }) : asText(program, plain, woven, options));
  }
  return code;
}

interface Seen {
  readonly plain: Compiled | undefined;
  readonly woven: Compiled | undefined;
  readonly report: Report;
}

function compiled(program: ProgramFile, variant: string | undefined, options: Options): Seen {
  const host = new NodeHost({ root: program.root });
  try {
    const opened = openProgram(host, program.file);
    const problems: Problem[] = [...opened.problems];
    const failed = (): Seen => ({ plain: undefined, woven: undefined, report: { program, problems, sources: opened.sources } });
    if (!opened.value || problems.some((p) => p.severity === "error")) return failed();
    const request = { target: options.target, ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }) };
    const plain = compileProgram(opened.value, request);
    const woven = variant === undefined ? plain : compileProgram(opened.value, { ...request, variant });
    problems.push(...distinct([...plain.problems, ...woven.problems]));
    return { ...failed(), plain: plain.value, woven: woven.value };
  } finally {
    host.close();
  }
}

const sizeText = (c: Compiled, d: Dim): string => `${c.elaboration.arena.facts.number(d) ?? d.key}`;

function edge(c: Compiled, boundaries: readonly Boundary[]): { name: string; type: string }[] {
  return boundaries.map(({ name, type }) => ({ name, type: type.kind === "tensor" ? `${type.dtype}[${type.axes.map((a) => sized(a.name, sizeText(c, a.size))).join(", ")}]` : type.kind }));
}

const sized = (name: string, size: string): string => (name === "" || name.startsWith("_") ? size : name === size ? name : `${name} = ${size}`);

/** Every site with its type, and its type in the variant where that differs. */
function sitesOf(plain: Compiled, woven: Compiled): { path: string; plain: string; folded: string | null }[] {
  const type = (c: Compiled, path: string): string | undefined => {
    const tensor = c.elaboration.sites.get(path)?.tensor;
    return tensor && `${tensor.node.type.dtype}[${tensor.axes.map((a, i) => sized(a, sizeText(c, tensor.node.type.dims[i] as Dim))).join(", ")}]`;
  };
  return [...plain.elaboration.sites.keys()].map((path) => {
    const [before, after] = [type(plain, path) ?? "", type(woven, path) ?? null];
    return { path, plain: before, folded: after === before ? null : after };
  });
}

/** Multiply-adds by the path of the layer; without `isWhole`, what lies inside of a block counts for the block. */
function costsOf(plain: Compiled, woven: Compiled, isWhole: boolean): { path: string; plain: number; woven: number }[] {
  const grouped = (c: Compiled): Map<string, number> => {
    const out = new Map<string, number>();
    for (const [path, macs] of c.cost.byPath) {
      const key = isWhole ? path : (/^.*?\[\d+\]/.exec(path)?.[0] ?? path);
      out.set(key, (out.get(key) ?? 0) + macs);
    }
    return out;
  };
  const [a, b] = [grouped(plain), grouped(woven)];
  return [...new Set([...a.keys(), ...b.keys()])].map((path) => ({ path, plain: a.get(path) ?? 0, woven: b.get(path) ?? 0 }));
}

const fusedOf = (c: Compiled): Record<string, number> => Object.fromEntries([...c.record.fused].filter(([, n]) => n > 0));
const variantsOf = (c: Compiled): string[] => c.program.compressions.map((d) => d.as?.name ?? d.target.name);
const nameOf = (c: Compiled): string | undefined => (c.compression ? (c.compression.as?.name ?? c.compression.target.name) : undefined);

function asJson(program: ProgramFile, plain: Compiled, woven: Compiled, options: Options): object {
  const { total, blocks, folds, weightBytes } = woven.cost;
  return {
    file: program.file, pipeline: woven.pipeline.name.name, pipelines: woven.program.pipelines.map((p) => p.name.name), variant: nameOf(woven) ?? null, variants: variantsOf(woven), target: woven.target,
    inputs: edge(woven, woven.inputs), outputs: edge(woven, woven.outputs), selectors: woven.selectors, fused: fusedOf(woven), precision: woven.precision ?? null,
    cost: { total, blocks, folds, weightBytes, plainTotal: plain.cost.total, plainBlocks: plain.cost.blocks }, sites: sitesOf(plain, woven), costs: costsOf(plain, woven, true),
    ...(options.fusions ? { fusions: fusionsOf(woven) } : {}), ...(options.graph ? { graph: printGraph(options.graph === "tensor" ? woven.graph : woven.fused, { paths: true }) } : {}),
  };
}

function asText(program: ProgramFile, plain: Compiled, woven: Compiled, options: Options): string {
  const name = nameOf(woven);
  const line = (title: string, text: string): string => (text ? `${title.padEnd(10)}${text}\n` : "");
  const ports = (of: readonly Boundary[]): string => edge(woven, of).map((b) => `${b.name}: ${b.type}`).join(", ");
  const { total, weightBytes, folds } = woven.cost;
  const head = [
    line("pipeline", `${woven.pipeline.name.name} (${program.file})${name === undefined ? "" : `, compressed as ${name}`}, for ${woven.target}`),
    line("takes", ports(woven.inputs)), line("gives", ports(woven.outputs)),
    line("variants", variantsOf(woven).join(", ")),
    ...woven.selectors.map((s) => line("selector", `${s.selector}  =  ${s.resolved.join(", ")}`)),
    line("fused", Object.entries(fusedOf(woven)).map(([op, n]) => `${op} × ${n}`).join(", ")),
    line("weights", bytes(weightBytes)),
    line("work", `${large(total)} multiply-adds a record${name === undefined ? "" : `, ${percent(total / plain.cost.total)} of the plain model; ${large(folds)} of them fold`}`),
  ].join("");
  const columns = (a: string, b: string): { title: string; align?: "right" }[] => [{ title: a }, { title: b, align: "right" }];
  const work = costsOf(plain, woven, options.costs === true);
  const costs = name === undefined
    ? table(columns("layer", "multiply-adds"), work.map((c) => [c.path, large(c.plain)]))
    : table([...columns("layer", "plain"), { title: name, align: "right" }], work.map((c) => [c.path, large(c.plain), large(c.woven)]));
  const sites = sitesOf(plain, woven);
  const places = name === undefined ? table([{ title: "site" }, { title: "type" }], sites.map((s) => [s.path, s.plain])) : table([{ title: "site" }, { title: "plain" }, { title: name }], sites.map((s) => [s.path, s.plain, s.folded ?? "same"]));
  return [head, ...(woven.precision ? [precisionText(woven.precision)] : []), costs, ...(options.sites ? [places] : []), ...(options.fusions ? [fusionText(woven)] : [])].join("\n");
}

/** A manifest has sums; what they are sums of is seen in the program, and in the graph itself. */
function refuseViews(directory: string, { pipeline, target }: Manifest, { sites, costs, graph, fusions, recognise }: Options): void {
  const level = typeof graph === "string" ? ` ${graph}` : "";
  const [asked] = [sites && "--sites", costs && "--costs", graph && `--graph${level}`, fusions && "--fusions", recognise && "--recognise"].flatMap((flag) => flag || []);
  if (asked === undefined) return;
  const choice = pipeline.variant === undefined ? "--plain" : `--variant ${pipeline.variant}`;
  const ofProgram = `kiri inspect ${pipeline.file} --pipeline ${pipeline.name} ${choice} --target ${target} ${asked}`;
  const ofModel = `kiri inspect ${join(directory, "model.onnx")}${asked === "--costs" ? "" : ` ${asked}`}`;
  throw new UsageError(`An artefact's manifest does not hold what ${asked} shows.`, asked === "--recognise" ? `Its graph is an ONNX file: ${ofModel}` : `Of the program that it was compiled from: ${ofProgram}\nOf the graph, as of any ONNX file: ${ofModel}`);
}

/** From the manifest alone; nothing is loaded. */
async function inspectArtifact(io: Io, directory: string, options: Options): Promise<ExitCode> {
  const { manifest } = await openManifest(resolve(io.cwd, directory));
  refuseViews(directory, manifest, options);
  if (options.json) {
    printJson(io, "inspect", EXIT.success, [], { artifact: resolve(io.cwd, directory), manifest });
    return EXIT.success;
  }
  const { pipeline, cost, fused, files } = manifest;
  const line = (title: string, text: string): string => (text ? `${title.padEnd(10)}${text}\n` : "");
  const ports = (of: Manifest["inputs"]): string => of.map((b) => `${b.name}: ${b.type === "tensor" ? `${b.dtype}[${(b.axes ?? []).map((a) => sized(a.name, `${a.size}`)).join(", ")}]` : b.type}`).join(", ");
  io.stdout.write([
    line("pipeline", `${pipeline.name} (${pipeline.file})${pipeline.variant === undefined ? "" : `, compressed as ${pipeline.variant}`}, for ${manifest.target}, by kirigami ${manifest.kirigami}`),
    line("takes", ports(manifest.inputs)), line("gives", ports(manifest.outputs)),
    ...manifest.steps.map((s) => line("before", s.kind === "image" ? `${s.input}: decoded to ${s.width}×${s.height}, ${s.channels} channel${s.channels === 1 ? "" : "s"}, ${s.resize === "none" ? "not resized" : s.resize}` : `${s.input}: cut into at most ${s.maxLength} tokens`)),
    ...manifest.guards.map((g) => line("guard", `${g.says}  (${g.place})`)),
    ...manifest.selectors.map((s) => line("selector", `${s.selector}  =  ${s.resolved.join(", ")}`)),
    line("fused", Object.entries(fused).filter(([, n]) => n > 0).map(([op, n]) => `${op} × ${n}`).join(", ")),
    line("weights", bytes(cost.weightBytes)),
    line("work", `${large(cost.total)} multiply-adds a record; ${large(cost.folds)} of them fold`),
    ...(manifest.precision ? ["\n", precisionText(manifest.precision)] : []),
    "\n", table([{ title: "file" }, { title: "size", align: "right" }, { title: "sha256" }], Object.entries(files).map(([path, f]) => [path, bytes(f.bytes), f.sha256.slice(0, 16)])),
  ].join(""));
  return EXIT.success;
}
