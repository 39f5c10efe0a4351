// `kiri view`: a graph as a page to look at, of an artefact, an ONNX file or a program; two side by side where there is something to compare.
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { compileProgram } from "../../../compiler/compile.ts";
import type { Problem } from "../../../compiler/diagnostics/define.ts";
import { distinct } from "../../../compiler/diagnostics/merge.ts";
import { openProgram } from "../../../compiler/program.ts";
import { openManifest } from "../../../runtime/artifact-folder.ts";
import { MODEL_FILE } from "../../artifact.ts";
import { writeFileWhole } from "../../artifact-writer.ts";
import { openModel } from "../../model-host.ts";
import { NodeHost } from "../../node-host.ts";
import type { Drawing } from "../../view/drawing.ts";
import { drawingOf } from "../../view/from-graph.ts";
import { drawingOfOnnx } from "../../view/from-onnx.ts";
import { pageOf } from "../../view/html.ts";
import { pageParts } from "../../view/page-parts.ts";
import { serve } from "../../view/serve.ts";
import { large } from "../../amounts.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { wholeNumber } from "../numbers.ts";
import { exitOf, printJson, printProblems, type Report } from "../problems.ts";
import { timesOf } from "../profile-times.ts";
import { oneProgram } from "../project.ts";
import { isArtifact } from "../runnable.ts";
import { UsageError } from "../usage-error.ts";
import { addVariantOptions, chosenVariant, refuseChoices, type VariantOptions } from "../variant.ts";

interface Options extends VariantOptions {
  readonly out?: string;
  readonly against?: string;
  readonly profile?: string;
  readonly serve?: boolean;
  readonly port: number;
  readonly json?: boolean;
}

export function addView(program: Command, context: Context): void {
  const command = addVariantOptions(program.command("view").description("show a graph as a page: blocks, sites, folds and costs by line").argument("[what]", "an artefact, an .onnx file, or a program"))
    .option("-o, --out <file>", "where the page goes (default: build/NAME.html); it needs nothing else")
    .option("--against <other>", "another artefact, file or program, shown at the left")
    .option("--profile <file>", "times by node: what kiri profile --json printed")
    .option("--serve", "show it on this machine instead, made anew whenever it is loaded")
    .option("--port <number>", "with --serve; any free one unless given", wholeNumber, 0)
    .option("--json", "print the drawings as JSON; no page is written")
    .action(async (what: string | undefined, options: Options) => context.finish(await view(context.io, what, options)));
  examples(command, [
    ["kiri view pipelines/digits.kiri --variant lite", "the plain model beside the folded one"],
    ["kiri view build/digits -o digits.html", "an artefact"],
    ["kiri view faster.onnx --against model.onnx", "before and after kiri optimise"],
    ["kiri view pipelines/digits.kiri --serve", "in a browser; reload it after an edit"],
  ]);
}

interface Drawn {
  readonly drawings: readonly Drawing[];
  readonly reports: readonly Report[];
}

async function view(io: Io, what: string | undefined, options: Options): Promise<ExitCode> {
  const title = titleOf(what);
  if (options.out !== undefined && !/\.html?$/i.test(options.out)) throw new UsageError(`${options.out} is no .html file.`, "The page is written as one, so that it takes the place of nothing else.");
  const drawn = await drawAll(io, what, options);
  const code = exitOf(drawn.reports);
  if (options.json) printJson(io, "view", code, drawn.reports, { drawings: drawn.drawings });
  else printProblems(io, drawn.reports);
  if (options.json || code !== EXIT.success) return code;
  const parts = await pageParts();
  if (options.serve) {
    const page = async (): Promise<string> => {
      const now = await drawAll(io, what, options);
      printProblems(io, now.reports);
      if (now.drawings.length === 0) throw new UsageError("There are errors; the terminal tells them.");
      return pageOf(title, now.drawings, parts);
    };
    try {
      await serve(page, { port: options.port, signal: io.signal, onListening: (address) => void io.stdout.write(`${address}\n`) });
    } catch (error) {
      throw new UsageError(`Port ${options.port} cannot be used: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`, "Name another one, or none.");
    }
    return EXIT.interrupted;
  }
  const file = resolve(io.cwd, options.out ?? join("build", `${title.replace(/\.(onnx|kiri)$/, "")}.html`));
  await writeFileWhole(file, pageOf(title, drawn.drawings, parts));
  const [last] = drawn.drawings.slice(-1);
  const total = last?.lines.reduce((sum, l) => sum + l.multiplyAdds, 0) ?? 0;
  io.stderr.write(`${drawn.drawings.map((d) => `${d.title}: ${d.nodes.length} boxes`).join("; ")}${total > 0 ? `; ${large(total)} multiply-adds` : ""}\n`);
  const shown = relative(io.cwd, file);
  io.stdout.write(`${shown.startsWith("..") ? file : shown}\n`);
  return EXIT.success;
}

const titleOf = (what: string | undefined): string => (what === undefined || /^\.*[/\\]?$/.test(what) ? "program" : basename(resolve(what)));

async function drawAll(io: Io, what: string | undefined, options: Options): Promise<Drawn> {
  const profile = options.profile === undefined ? undefined : timesOf(readText(io, options.profile), options.profile);
  const after = await draw(io, what, options, profile, options.against === undefined);
  if (options.against === undefined) return after;
  // Variants are named of what is looked at; what it is compared with speaks for itself.
  const before = await draw(io, options.against, { target: options.target }, undefined, false);
  return { drawings: exitOf([...before.reports, ...after.reports]) === EXIT.success ? [...before.drawings, ...after.drawings] : [], reports: [...before.reports, ...after.reports] };
}

function readText(io: Io, file: string): string {
  try {
    return readFileSync(resolve(io.cwd, file), "utf8");
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`);
  }
}

type Times = ReadonlyMap<string, number> | undefined;

async function draw(io: Io, what: string | undefined, options: VariantOptions, times: Times, both: boolean): Promise<Drawn> {
  const path = resolve(io.cwd, what ?? ".");
  const isCompiled = what !== undefined && isArtifact(io.cwd, what);
  if (what === undefined || !(isCompiled || (existsSync(path) && statSync(path).isFile() && !path.endsWith(".kiri")))) return drawProgram(io, what, options, both);
  refuseChoices(what, options);
  return isCompiled ? drawArtifact(what, path, times) : drawFile(what, path, times);
}

async function drawArtifact(what: string, directory: string, times: Times): Promise<Drawn> {
  const { pipeline, target, selectors } = (await openManifest(directory)).manifest;
  const facts = [...selectors.map((s) => `${s.selector}: ${s.resolved.length} ${s.resolved.length === 1 ? "place" : "places"}`), `for ${target}`];
  return drawFile(what, join(directory, MODEL_FILE), times, { title: pipeline.variant === undefined ? `${pipeline.name}, plain` : `${pipeline.name} as ${pipeline.variant}`, facts });
}

function drawFile(what: string, path: string, times: Times, about?: { readonly title: string; readonly facts: readonly string[] }): Drawn {
  const program = { root: dirname(path), file: what };
  const opened = openModel(path, what);
  if (!opened.host) return { drawings: [], reports: [{ program, problems: [opened.problem], sources: new Map() }] };
  const { host, name } = opened;
  try {
    const { value, problems } = drawingOfOnnx(host, name, { title: about?.title ?? basename(path), facts: about?.facts ?? [], ...(times ? { times } : {}) });
    return { drawings: value ? [value] : [], reports: [{ program, problems, sources: new Map() }] };
  } finally {
    host.close();
  }
}

/** `both`: the plain model beside the variant. */
function drawProgram(io: Io, what: string | undefined, options: VariantOptions, both: boolean): Drawn {
  const program = oneProgram(io.cwd, what);
  const variant = chosenVariant(program, options);
  const host = new NodeHost({ root: program.root });
  try {
    const opened = openProgram(host, program.file);
    const problems: Problem[] = [...opened.problems];
    const drawings: Drawing[] = [];
    if (opened.value && !problems.some((p) => p.severity === "error")) {
      for (const name of both && variant !== undefined ? [undefined, variant] : [variant]) {
        const made = compileProgram(opened.value, { target: options.target, ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }), ...(name === undefined ? {} : { variant: name }) });
        problems.push(...made.problems);
        if (made.value) drawings.push(drawingOf(made.value));
      }
    }
    const isWhole = !problems.some((p) => p.severity === "error");
    return { drawings: isWhole ? drawings : [], reports: [{ program, problems: distinct(problems), sources: opened.sources }] };
  } finally {
    host.close();
  }
}
