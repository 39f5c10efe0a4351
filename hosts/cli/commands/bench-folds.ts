// `kiri bench folds`: every fold of the library that fits a model, side by side at one budget of work: quality, time, memory.
import { type Command, Option } from "commander";
import type { TargetName } from "../../../compiler/targets/target.ts";
import { bytes } from "../../amounts.ts";
import { LISTED } from "../../evaluation/fold-catalogue.ts";
import { type FoldRow, MEMORY_RECORDS, plainly, type SideBySide } from "../../evaluation/side-by-side.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { share, wholeNumber } from "../numbers.ts";
import { exitOf, printJson, printProblems } from "../problems.ts";
import { ProgressLines } from "../progress.ts";
import { type ProgramFile, programs, show } from "../project.ts";
import { markdownTable, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { targetOption } from "../variant.ts";

interface Options {
  readonly flops: number;
  readonly fold?: readonly string[];
  readonly pipeline?: string;
  readonly target: TargetName;
  readonly rounds?: number;
  readonly latency: boolean;
  readonly memory: boolean;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

const BUDGET = 0.6;
const NAMES = LISTED.map((l) => l.name);

/** Below `kiri bench`. */
export function addBenchFolds(bench: Command, context: Context): void {
  const command = bench
    .command("folds")
    .description("every fold of the library that fits a model, side by side at the same multiply-adds: quality, time, memory")
    .argument("[files...]", "programs; those of the project unless given, each model once")
    .option("--flops <share>", "what is left of the multiply-adds inside blocks, of the plain model's", share, BUDGET)
    .addOption(new Option("--fold <names...>", "these folds only").choices(NAMES))
    .option("--pipeline <name>", "where a file has several")
    .addOption(targetOption("what graphs are made for"))
    .option("--rounds <count>", "rounds of timing, at least 9", wholeNumber)
    .option("--no-latency", "time nothing")
    .option("--no-memory", "measure no memory")
    .addOption(new Option("--markdown", "print tables for a document").conflicts("json"))
    .option("--json", "print JSON")
    .action(async (files: readonly string[], _: unknown, own: Command) => {
      refuseOthers(bench);
      return context.finish(await benchFolds(context.io, files, own.optsWithGlobals<Options>()));
    });
  examples(command, [
    ["kiri bench folds pipelines/digits.kiri", "at 0.6 of the multiply-adds"],
    ["kiri bench folds --flops 0.5 --no-latency", "every model of the project, quality and memory only"],
    ["kiri bench folds mine.kiri --fold tome todre random_keep", "three folds on a model of one's own"],
  ]);
}

/** What `kiri bench` takes of a program's own variants: the parser lets it through here too. */
function refuseOthers(bench: Command): void {
  const given = ["variant", "control", "seeds", "picture", "record"].find((name) => bench.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  const flag = given === "control" ? "--no-control" : `--${given}`;
  throw new UsageError(`${flag} is of \`kiri bench\`, which measures the variants of a program; \`kiri bench folds\` makes its own.`, `Leave ${flag} out, or \`folds\`.`);
}

interface Found {
  readonly program: ProgramFile;
  readonly found: SideBySide;
}

async function benchFolds(io: Io, files: readonly string[], options: Options): Promise<ExitCode> {
  const progress = new ProgressLines(io, options.json);
  const { sideBySide } = await import("../../evaluation/side-by-side.ts");
  const { flops, fold, pipeline, target, rounds, latency, memory } = options;
  const known = new Map<string, string>();
  const all: Found[] = [];
  for (const program of programs(io.cwd, files)) {
    const found = await sideBySide({
      root: program.root, file: program.file, budget: flops, target, latency, memory, signal: io.signal, onProgress: progress.update, known,
      ...(fold === undefined ? {} : { folds: fold }), ...(pipeline === undefined ? {} : { pipeline }), ...(rounds === undefined ? {} : { rounds }),
    }).finally(() => progress.end());
    all.push({ program, found });
    if (!options.json && !options.markdown) io.stdout.write(told(io, { program, found }));
  }
  const reports = all.map(({ program, found }) => ({ program, problems: [...found.problems, ...found.rows.flatMap((r) => r.problems)], sources: found.sources }));
  const code = exitOf(reports);
  if (options.json) printJson(io, "bench folds", code, reports, { budget: flops, models: all.map(({ program, found }) => answerOf(program, found)) });
  else {
    printProblems(io, reports);
    if (options.markdown) io.stdout.write(all.filter(({ found }) => found.rows.length > 0).map((a) => `${markdown(io, a)}\n`).join("\n"));
  }
  return all.every(({ found }) => found.rows.length === 0) && code === EXIT.success ? EXIT.failed : code;
}

const measuresOf = (rows: readonly FoldRow[]): string[] => [...new Set(rows.flatMap((r) => Object.keys(r.measures)))];
const short = (measure: string): string => measure.replace(/\(.*$/s, "");
const withSpread = (value: number | undefined, spread: number | undefined): string => (value === undefined ? "–" : `${value.toFixed(2)}${spread === undefined ? "" : ` ± ${(value * spread).toFixed(2)}`}`);

interface Column {
  readonly title: string;
  readonly of: (row: FoldRow) => string;
}

/** All but the name and the setting, which stand to the left. */
function columnsOf(rows: readonly FoldRow[]): Column[] {
  const plain = rows[0];
  const has = (of: (row: FoldRow) => unknown): boolean => rows.some((r) => of(r) !== undefined);
  return [
    ...measuresOf(rows).map((m) => ({ title: short(m), of: (r: FoldRow) => r.measures[m]?.toFixed(3) ?? "–" })),
    { title: "block FLOPs", of: (r) => r.flopRatio?.toFixed(3) ?? "–" },
    ...(has((r) => r.ratioToPlain) ? [{ title: "latency", of: (r: FoldRow) => (r.latencyMs === undefined ? "–" : `${r.latencyMs.toFixed(2)} ms`) }, { title: "times as fast", of: (r: FoldRow) => withSpread(r.ratioToPlain, r.ratioSpread) }] : []),
    ...(has((r) => r.peakBytes) ? [{ title: "peak memory", of: (r: FoldRow) => (r.peakBytes === undefined ? "–" : bytes(r.peakBytes)) }, { title: "of plain", of: (r: FoldRow) => (r.peakBytes === undefined || !plain?.peakBytes ? "–" : (r.peakBytes / plain.peakBytes).toFixed(2)) }] : []),
  ];
}

/** Several lines are one place each: the first stands for all. */
const setting = ({ lines }: FoldRow): string => `${plainly(lines[0] ?? "")}${lines.length > 1 ? `, and ${lines.length - 1} more` : ""}`;

function told(io: Io, { program, found }: Found): string {
  const { rows, absent, refused, machine } = found;
  const title = show(io.cwd, program);
  if (refused !== undefined) return `${title}: ${refused}\n\n`;
  if (rows.length === 0) return "";
  const columns = columnsOf(rows);
  const lines = table([{ title: "fold" }, ...columns.map((c) => ({ title: c.title, align: "right" as const })), { title: "setting" }], rows.map((r) => [r.variant, ...columns.map((c) => c.of(r)), setting(r)]));
  return `${title}\n${lines}\n${[...absent.map(({ name, why }) => `${name}: ${why}`), ...notes(rows), `${machine.processor}, ONNX Runtime ${machine.onnxruntime}`].join("\n")}\n\n`;
}

function notes(rows: readonly FoldRow[]): string[] {
  return [
    ...measuresOf(rows), "random_keep: as many tokens, drawn without looking; quality is the mean of three draws",
    ...(rows.some((r) => r.ratioToPlain !== undefined) ? ["latency: one record on one thread; times as fast: against the plain model, round by round, ± half the distance of the quartiles"] : []),
    ...(rows.some((r) => r.peakBytes !== undefined) ? [`peak memory: what a run of ${MEMORY_RECORDS} records takes beyond the open model, in a process of its own`] : []),
  ];
}

function markdown(io: Io, { program, found: { rows } }: Found): string {
  const columns = columnsOf(rows);
  return `\`${show(io.cwd, program)}\`:\n\n${markdownTable(["fold", ...columns.map((c) => c.title), "setting"], rows.map((r) => [r.variant, ...columns.map((c) => c.of(r)), r.lines.length === 0 ? "" : `\`${setting(r)}\``]))}`;
}

function answerOf({ file }: ProgramFile, { pipeline, rows, absent, refused, machine }: SideBySide): object {
  return {
    file, pipeline, refused: refused ?? null, machine, absent,
    rows: rows.map(({ variant, measures, flopRatio, latencyMs, latencySpread, ratioToPlain, ratioSpread, peakBytes, bytes: size, lines }) => ({
      fold: variant, measures, flops: flopRatio ?? null, latencyMs: latencyMs ?? null, latencySpread: latencySpread ?? null, speedup: ratioToPlain ?? null, speedupSpread: ratioSpread ?? null, peakBytes: peakBytes ?? null, bytes: size, lines: lines.map(plainly),
    })),
  };
}
