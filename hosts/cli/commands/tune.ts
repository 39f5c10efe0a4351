// `kiri tune`: values that a variant leaves open, searched for the fastest (or smallest) within a budget.
import { existsSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import type { TargetName } from "../../../compiler/targets/target.ts";
import type { Tuned } from "../../evaluation/tune.ts";
import type { TunedRow } from "../../evaluation/tune-front.ts";
import type { Objective } from "../../evaluation/tune-trials.ts";
import type { Chart, Mark } from "../../chart.ts";
import { bytes } from "../../amounts.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { countFrom0, minutes, wholeNumber } from "../numbers.ts";
import { exitOf, printJson, printProblems } from "../problems.ts";
import { ProgressLines } from "../progress.ts";
import { oneProgram, type ProgramFile } from "../project.ts";
import { table } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { targetOption } from "../variant.ts";

interface Options {
  readonly budget?: string;
  readonly for: Objective;
  readonly pipeline?: string;
  readonly variant?: string;
  readonly target: TargetName;
  readonly data?: string;
  readonly seed: number;
  readonly trials: number;
  readonly time?: number;
  readonly rounds?: number;
  readonly latency: boolean;
  readonly state?: string;
  readonly picture?: string;
  readonly output?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function addTune(program: Command, context: Context): void {
  const command = program
    .command("tune")
    .description("search the values that a variant leaves open (`r: ?`) for the best within a budget")
    .argument("[file]", "a program, or a directory with one")
    .option("--budget <bounds>", "what must hold, as `accuracy_drop <= 0.01 and flops <= 0.8`; what the variant requires unless given")
    .addOption(new Option("--for <what>", "what is to be small").choices(["latency", "flops", "size"]).default("latency"))
    .option("--pipeline <name>", "where the file has several")
    .option("--variant <name>", "where several leave values open")
    .addOption(targetOption("what graphs are made for"))
    .option("--data <name>", "measure on this data instead of what the measures name")
    .option("--seed <number>", "of the search, where it draws", countFrom0, 1)
    .option("--trials <count>", "variants measured on all data, those of earlier runs too; a first look at a part counts as that part", wholeNumber, 40)
    .option("--time <minutes>", "begin no trial after so long", minutes)
    .option("--rounds <count>", "rounds of timing of the front, at least 9", wholeNumber)
    .option("--no-latency", "time nothing at the end")
    .option("--state <file>", "where trials are kept; build/<file>.<variant>.tune.jsonl unless given")
    .option("--picture <file>", "draw all trials and the front; .svg or .png")
    .option("-o, --output <file>", "write the program with the values that were found")
    .option("--force", "replace the file that is there")
    .option("--json", "print JSON")
    .action(async (file: string | undefined, options: Options) => context.finish(await tuneOne(context.io, file, options)));
  examples(command, [
    ['kiri tune pipelines/digits_tune.kiri --budget "accuracy_drop <= 0.01"', "the fastest that loses a hundredth"],
    ["kiri tune --for flops --trials 100 --picture build/front.svg", "longer, with a picture of the front"],
    ["kiri tune -o tuned.kiri", "and write it down; after Ctrl-C the same command goes on"],
  ]);
}

async function tuneOne(io: Io, arg: string | undefined, options: Options): Promise<ExitCode> {
  const program = oneProgram(io.cwd, arg);
  if (options.picture !== undefined && !/\.(svg|png)$/i.test(options.picture)) throw new UsageError(`${options.picture} is neither .svg nor .png.`, "The picture's name says what is drawn.");
  if (options.output !== undefined) refuseTaken(io, program, options.output, options.force ?? false);
  const progress = new ProgressLines(io, options.json);
  const { tune } = await import("../../evaluation/tune.ts");
  let made = 0;
  // Told at once: the process ends with its signal, whatever is still under way.
  const interrupted = (): void => {
    progress.end();
    io.stderr.write(`Interrupted. ${made} new trials are kept; the same command goes on from there.\n`);
  };
  io.signal.addEventListener("abort", interrupted, { once: true });
  const found = await tune({
    root: program.root, file: program.file, target: options.target, objective: options.for, seed: options.seed, trials: options.trials, latency: options.latency, signal: io.signal, onProgress: progress.update, onTrial: () => made++,
    ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }), ...(options.variant === undefined ? {} : { variant: options.variant }), ...(options.budget === undefined ? {} : { budget: options.budget }),
    ...(options.data === undefined ? {} : { data: options.data }), ...(options.time === undefined ? {} : { seconds: options.time * 60 }), ...(options.rounds === undefined ? {} : { rounds: options.rounds }), ...(options.state === undefined ? {} : { state: resolve(io.cwd, options.state) }),
  }).finally(() => {
    io.signal.removeEventListener("abort", interrupted);
    progress.end();
  });
  const written = found.winner && options.output !== undefined ? await write(io, program, options.output, found) : undefined;
  const drawn = found.rows.length > 1 && options.picture !== undefined ? await draw(io, options.picture, found) : undefined;
  const reports = [{ program, problems: found.problems, sources: found.sources }];
  const code = exitOf(reports);
  if (options.json) printJson(io, "tune", code, reports, answerOf(io, found, written, drawn));
  else {
    printProblems(io, reports);
    if (found.rows.length > 0) io.stdout.write(`${tuneTable(found)}\n${footnote(io, found)}\n`);
    if (found.winner) io.stdout.write(`${chosen(found)}\n`);
    if (written !== undefined) io.stdout.write(`Written: ${written}\n`);
    if (drawn !== undefined) io.stdout.write(`Drawn: ${drawn}\n`);
  }
  return found.winner === undefined && code === EXIT.success ? EXIT.failed : code;
}

/** Before a search that may take an hour. */
function refuseTaken(io: Io, program: ProgramFile, output: string, force: boolean): void {
  const place = resolve(io.cwd, output);
  if (!output.endsWith(".kiri")) throw new UsageError(`${output} is no .kiri file.`, "The tuned program is written as one.");
  if (existsSync(place) && statSync(place).isDirectory()) throw new UsageError(`${output} is a directory.`, "Name a file.");
  if (existsSync(place) && !force) throw new UsageError(`${output} is there already.`, place === resolve(program.root, program.file) ? "With --force the program itself is replaced." : "Name another file, or replace it with --force.");
}

async function write(io: Io, program: ProgramFile, output: string, { openings, winner, sources }: Tuned): Promise<string> {
  const { withValues } = await import("../../tuned-file.ts");
  const { writeFileWhole } = await import("../../artifact-writer.ts");
  const place = resolve(io.cwd, output);
  await writeFileWhole(place, withValues(program.file, sources.get(program.file)?.text ?? "", openings, winner?.values ?? {}));
  return output;
}

async function draw(io: Io, picture: string, found: Tuned): Promise<string> {
  const { drawChart } = await import("../../chart.ts");
  await drawChart(chartOf(found), resolve(io.cwd, picture));
  return picture;
}

const label = (row: TunedRow): string => (row.values ? Object.entries(row.values).map(([name, level]) => `${name} ${level}`).join(", ") : "plain");

/** Over multiply-adds, or over bytes or the speed of the front where only these are known. */
function chartOf(found: Tuned): Chart {
  const { rows, tried, winner, objective, budget } = found;
  const isSize = objective === "size";
  const isTimed = !isSize && rows.every((r) => r.flops === undefined || r.values === undefined);
  const x = (row: TunedRow): number | undefined => (isSize ? row.bytes / 1e6 : isTimed ? (row.values ? row.speedup : 1) : row.flops);
  const [first] = budget;
  const name = Object.keys(rows[0]?.measures ?? {})[0] ?? "";
  const isKnown = new Set(rows.map((r) => JSON.stringify(r.values)));
  const kindOf = (row: TunedRow): Mark["kind"] => (row.values === undefined ? "plain" : row === winner || JSON.stringify(row.values) === JSON.stringify(winner?.values) ? "winner" : isKnown.has(JSON.stringify(row.values)) ? "front" : "tried");
  const all = [...rows, ...tried.filter((r) => !isKnown.has(JSON.stringify(r.values)))];
  const marks = all.flatMap((row): Mark[] => {
    const [at, y] = [x(row), row.measures[name]];
    if (at === undefined || y === undefined || !Number.isFinite(at) || !Number.isFinite(y)) return [];
    const kind = kindOf(row);
    const text = label(row);
    return [{ x: at, y, kind, says: `${text}: ${y.toFixed(4)} at ${at.toFixed(3)}`, ...(kind === "plain" || kind === "winner" ? { label: text.length > 44 ? `${text.slice(0, 43)}…` : text } : {}) }];
  });
  return {
    title: `${found.pipeline}, ${found.variant}${first === undefined ? "" : `: ${budget.join(" and ")}`}`, xTitle: isSize ? "megabytes" : isTimed ? "times as fast as the plain model" : "block FLOPs against the plain model's",
    yTitle: name, marks, bound: boundOf(found),
  };
}

/** The budget's first bound as a value of the measure. */
function boundOf({ budget, rows }: Tuned): number | undefined {
  const [first = ""] = budget;
  const bound = Number(/[<>]=?\s*(-?[\d.e+-]+)$/.exec(first)?.[1] ?? Number.NaN);
  const plain = Object.values(rows[0]?.measures ?? {})[0];
  if (!Number.isFinite(bound) || plain === undefined || first.startsWith("flops")) return undefined;
  return /_drop\s*[<>]/.test(first) ? plain - bound : bound;
}

function tuneTable({ rows, winner, budget, openings }: Tuned): string {
  const measures = [...new Set(rows.flatMap((r) => Object.keys(r.measures)))];
  const right = (title: string): { title: string; align: "right" } => ({ title, align: "right" });
  const hasSpeed = rows.some((r) => r.speedup !== undefined);
  const plain = rows[0];
  const columns = [...openings.map((o) => right(o.name)), ...measures.flatMap((m) => [right(m.replace(/\(.*$/s, "")), right("drop")]), right("block FLOPs"), ...(hasSpeed ? [right("speed-up")] : []), right("size"), { title: budget.join(" and ") }];
  return table(columns, rows.map((row) => [
    ...openings.map((o) => (row.values ? `${row.values[o.name] ?? ""}` : "plain")),
    ...measures.flatMap((m) => [row.measures[m]?.toFixed(4) ?? "–", row.values ? ((plain?.measures[m] ?? Number.NaN) - (row.measures[m] ?? Number.NaN)).toFixed(4) : ""]),
    row.flops?.toFixed(3) ?? "–", ...(hasSpeed ? [row.speedup === undefined ? "–" : `${row.speedup.toFixed(2)} ± ${((row.speedupSpread ?? 0) * 100).toFixed(0)} %`] : []),
    bytes(row.bytes), row === winner ? "← chosen" : row.values === undefined ? "" : row.keeps ? "kept" : "not kept",
  ]));
}

const SEARCHED: Readonly<Record<Tuned["searchedBy"], string>> = {
  flops: "searched by counted multiply-adds", time: "searched by times of each trial, since the data decide how many tokens are kept", size: "searched by the size of the artefact",
};

function footnote(io: Io, { trials, remembered, state, startedAnew, searchedBy, rows, machine }: Tuned): string {
  return [
    ...(startedAnew ? [`The program or its data have changed: the search began anew, and earlier trials lie in ${relative(io.cwd, state)}.old.`] : []),
    `${trials} trials${remembered > 0 ? `, ${remembered} of them from earlier runs` : ""}, kept in ${relative(io.cwd, state) || state}; ${SEARCHED[searchedBy]}${rows.some((r) => r.speedup !== undefined) ? "; the front was timed at the end" : ""}.`,
    ...(rows.some((r) => r.speedup !== undefined) ? [`${machine.processor}, ONNX Runtime ${machine.onnxruntime}; times of one record on one thread against the plain model, round by round, ± half the distance of the quartiles`] : []),
  ].join("\n");
}

const chosen = ({ winner, objective }: Tuned): string => `Best for ${objective}: ${Object.entries(winner?.values ?? {}).map(([name, level]) => `${name}: ${level}`).join(", ")}`;

function answerOf(io: Io, found: Tuned, written: string | undefined, drawn: string | undefined): object {
  const { pipeline, variant, objective, searchedBy, budget, rows, winner, trials, remembered, state, startedAnew, machine } = found;
  const plainRow = (row: TunedRow): object => ({ values: row.values ?? null, measures: row.measures, budget: row.figures, keeps: row.keeps, flops: row.flops ?? null, bytes: row.bytes, speedup: row.speedup ?? null, speedupSpread: row.speedupSpread ?? null });
  return {
    pipeline, variant, for: objective, searchedBy, budget, machine, trials, remembered, startedAnew, state: relative(io.cwd, state), rows: rows.map(plainRow), winner: winner ? plainRow(winner) : null,
    ...(written === undefined ? {} : { output: written }), ...(drawn === undefined ? {} : { picture: drawn }),
  };
}
