// `kiri bench`: the variants of a program beside its plain model: quality, time, what is left of the work.
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Problem } from "../../../compiler/diagnostics/define.ts";
import type { TargetName } from "../../../compiler/targets/target.ts";
import type { Comparison, Row } from "../../evaluation/compare.ts";
import type { ShowOptions } from "../../evaluation/show-folds.ts";
import { bytes } from "../../amounts.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { countFrom0, wholeNumber } from "../numbers.ts";
import { exitOf, printJson, printProblems } from "../problems.ts";
import { ProgressLines } from "../progress.ts";
import { oneProgram } from "../project.ts";
import { table } from "../table.ts";
import { targetOption } from "../variant.ts";
import { addBenchFolds } from "./bench-folds.ts";

interface Options {
  readonly pipeline?: string;
  readonly variant?: readonly string[];
  readonly target: TargetName;
  readonly rounds?: number;
  readonly latency: boolean;
  readonly control: boolean;
  readonly seeds?: number;
  readonly picture?: string;
  readonly record: number;
  readonly json?: boolean;
}

export function addBench(program: Command, context: Context): void {
  const command = program
    .command("bench")
    .description("measure and time the variants of a program beside its plain model and a random control of each")
    .argument("[file]", "a program, or a directory with one")
    .option("--pipeline <name>", "where the file has several")
    .option("--variant <names...>", "these variants only, in this order")
    .addOption(targetOption("what graphs are made for"))
    .option("--rounds <count>", "rounds of timing, at least 9", wholeNumber)
    .option("--no-latency", "time nothing")
    .option("--no-control", "no variants beside those that the program has")
    .option("--seeds <count>", "draws of each control, of which quality is the mean; 3 unless given", wholeNumber)
    .option("--picture <file>", "draw what was folded and what comes out, as a PNG")
    .option("--record <index>", "the record of the data that is drawn", countFrom0, 0)
    .option("--json", "print JSON")
    .action(async (file: string | undefined, options: Options) => context.finish(await bench(context.io, file, options)));
  examples(command, [
    ["kiri bench pipelines/scenes.kiri", "all variants"],
    ["kiri bench --variant lite lite_int8 --rounds 31", "two of them, timed longer"],
    ["kiri bench pipelines/scenes.kiri --picture build/scenes.png", "with a picture of the folded groups"],
    ["kiri bench folds pipelines/scenes.kiri", "every fold of the library at one budget"],
  ]);
  addBenchFolds(command, context);
}

async function bench(io: Io, arg: string | undefined, options: Options): Promise<ExitCode> {
  const program = oneProgram(io.cwd, arg);
  const progress = new ProgressLines(io, options.json);
  const shared = { root: program.root, file: program.file, target: options.target, signal: io.signal, onProgress: progress.update, ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }), ...(options.variant ? { variants: options.variant } : {}) };
  const { compare } = await import("../../evaluation/compare.ts");
  const found = await compare({ ...shared, latency: options.latency, ...(options.control ? {} : { seeds: 0 }), ...(options.seeds === undefined || !options.control ? {} : { seeds: options.seeds }), ...(options.rounds === undefined ? {} : { rounds: options.rounds }) }).finally(() => progress.end());
  const picture = options.picture === undefined || found.rows.length === 0 ? undefined : await draw(io, options.picture, { ...shared, record: options.record, captions: captions(found) }).finally(() => progress.end());
  const problems = [...found.problems, ...found.rows.flatMap((r) => r.problems), ...(picture?.problems ?? [])];
  const reports = [{ program, problems, sources: found.sources }];
  const code = exitOf(reports);
  if (options.json) printJson(io, "bench", code, reports, { pipeline: found.pipeline, machine: found.machine, rows: found.rows.map(({ problems: own, ...row }) => ({ ...row, problems: own.map((p) => p.code) })), ...(picture?.file === undefined ? {} : { picture: picture.file }) });
  else {
    printProblems(io, reports);
    if (found.rows.length > 0) io.stdout.write(`${benchTable(found)}\n${footnote(found)}\n`);
    if (options.picture !== undefined) io.stdout.write(picture?.file === undefined ? "Nothing is drawn: it takes a pipeline with a picture, and data that holds some.\n" : `What was folded, drawn on the picture: ${picture.file}\n`);
  }
  return found.rows.length === 0 && code === EXIT.success ? EXIT.failed : code;
}

/** Draws the folded groups and results of one record; `file` is absent where there is nothing to draw. */
async function draw(io: Io, path: string, options: ShowOptions): Promise<{ readonly file: string | undefined; readonly problems: readonly Problem[] }> {
  const { foldPanels } = await import("../../evaluation/show-folds.ts");
  const { drawPanels } = await import("../../picture.ts");
  const { rows, problems } = await foldPanels(options);
  if (rows.length === 0) return { file: undefined, problems };
  await drawPanels(rows, resolve(io.cwd, path));
  return { file: path, problems };
}

/** What stands behind a variant's name in the picture: its measures. */
function captions({ rows }: Comparison): ReadonlyMap<string, string> {
  return new Map(rows.map((row) => [row.variant, Object.entries(row.measures).map(([name, value]) => `${name.replace(/\(.*$/, "")} ${value.toFixed(3)}`).join(", ")]));
}

/** One row a variant; times are of one record on one thread. */
export function benchTable({ rows }: Comparison): string {
  const measures = [...new Set(rows.flatMap((r) => Object.keys(r.measures)))];
  const hasTime = rows.some((r) => r.latencyMs !== undefined);
  const right = (title: string): { title: string; align: "right" } => ({ title, align: "right" });
  const columns = [{ title: "variant" }, ...measures.map((m) => right(shortened(m, measures))), ...(hasTime ? [right("latency"), right("speed-up")] : []), right("block FLOPs"), right("tokens"), right("size"), { title: "" }];
  return table(columns, rows.map((row) => [
    row.variant, ...measures.map((m) => row.measures[m]?.toFixed(3) ?? "–"), ...(hasTime ? [spread(row.latencyMs, row.latencySpread, " ms"), spread(row.ratioToPlain, row.ratioSpread, "")] : []),
    row.flopRatio?.toFixed(3) ?? "–", tokens(row), bytes(row.bytes), row.problems.some((p) => p.severity === "error") ? "fails" : "",
  ]));
}

/** `mean_iou` where that is enough to tell it from the others. */
function shortened(measure: string, all: readonly string[]): string {
  const short = (m: string): string => m.replace(/\(.*$/, "");
  return all.filter((m) => short(m) === short(measure)).length === 1 ? short(measure) : measure;
}

function spread(value: number | undefined, share: number | undefined, unit: string): string {
  if (value === undefined) return "–";
  return `${value.toFixed(2)}${unit}${share === undefined ? "" : ` ± ${(share * 100).toFixed(0)} %`}`;
}

const tokens = ({ tokens: t }: Row): string => (t === undefined || t.entering === t.leaving ? `${t?.leaving ?? "–"}` : `${t.entering ?? "–"} → ${t.leaving ?? "–"}`);

function footnote({ machine, rows }: Comparison): string {
  const measures = [...new Set(rows.flatMap((r) => Object.keys(r.measures)))].join(", ");
  const control = rows.some((r) => r.variant.endsWith(" / random")) ? "/ random: as many tokens as the variant keeps, drawn without looking; quality is the mean of all draws" : "";
  const times = rows.some((r) => r.latencyMs !== undefined) ? "; medians of one record on one thread, ± half the distance of the quartiles" : "";
  return [measures, control, `${machine.processor}, ONNX Runtime ${machine.onnxruntime}${times}`].filter(Boolean).join("\n");
}
