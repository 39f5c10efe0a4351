// The whole compiler on one page: program → graph → folds and rewrites → passes → artefact.
import type * as Ast from "../grammar/ast.ts";
import { position, type Source, type Span } from "../grammar/source.ts";
import { type Cost, costOf } from "./compress/cost.ts";
import { controlOf } from "./compress/control.ts";
import { filled, isOpen, type Levels, openingsOf, standIns } from "./compress/open.ts";
import { placeFolds } from "./compress/place.ts";
import { resolveGates, type Gate } from "./compress/require.ts";
import { placeRewrites } from "./compress/weigh.ts";
import { type Problem, report } from "./diagnostics/define.ts";
import { gates } from "./diagnostics/gates.ts";
import { nearest } from "./diagnostics/suggest.ts";
import { Elaboration, type Watch } from "./elaborate/elaboration.ts";
import type { HostStep } from "./elaborate/host-step.ts";
import type { LayerInstance } from "./elaborate/layer.ts";
import { modelInstance, models } from "./elaborate/model.ts";
import { type Boundary, elaboratePipeline, withSizes } from "./elaborate/pipeline.ts";
import type { Graph, GraphInput, GraphOutput } from "./graph/node.ts";
import { dimsIn, quietOutputs, topological } from "./graph/node.ts";
import type { Host } from "./host.ts";
import { runPassesInside } from "./inside.ts";
import { type Precision, type PrecisionName, precisionOf, withPrecision } from "./precision.ts";
import { openProgram, type Program } from "./program.ts";
import { Recorder } from "./rewrite/record.ts";
import type { TargetName } from "./targets/target.ts";

export interface CompileRequest {
  /** The `.kiri` file, relative to the project's root. */
  readonly file: string;
  readonly text?: string;
  /** Needed where a file holds several pipelines. */
  readonly pipeline?: string;
  /** The `compress … as NAME` to weave in; `undefined`: the plain model. */
  readonly variant?: string;
  readonly target: TargetName;
  /** What stands for the values that the variant leaves open, by their names. */
  readonly values?: Levels;
  /**
   * One more output `folds`, i64[B, N]: for each original token the position of its group in the folded sequence where most
   * folds are down, -1 where it was dropped. Absent where nothing is folded, or a fold has neither an `up` nor a rule for what goes along with its tokens.
   */
  readonly trace?: boolean;
  /** What the graph computes in, where the variant does not say; f32 without either. */
  readonly precision?: PrecisionName;
  /**
   * What the variant must beat: every fold that drops tokens is replaced by one that keeps as many of them, drawn by the seed, without
   * its hooks and carries. Rewrites stay, nothing is required. For batches of one: where the data decide a count, all rows keep as many.
   */
  readonly control?: { readonly seed: number };
}

export interface Outcome<T> {
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** A pipeline as a graph at level "tensor", folds and rewrites woven in. */
interface Elaborated {
  readonly program: Program;
  readonly pipeline: Ast.PipelineDecl;
  readonly compression: Ast.CompressDecl | undefined;
  readonly elaboration: Elaboration;
  readonly inputs: readonly Boundary[];
  readonly outputs: readonly Boundary[];
  readonly hostSteps: readonly HostStep[];
  readonly graph: Graph<"tensor">;
  readonly models: ReadonlyMap<string, LayerInstance>;
  readonly selectors: readonly { readonly selector: string; readonly resolved: readonly string[] }[];
  readonly cost: Cost;
  /** Places where a control stands for a fold; 0 where none was asked for, or the variant drops no token or is a control itself. */
  readonly controls: number;
}

/** A pipeline ready to be emitted. */
export interface Compiled extends Elaborated {
  readonly target: TargetName;
  readonly fused: Graph<"fused">;
  readonly record: Recorder;
  readonly gates: readonly Gate[];
  /** What is in half precision and what is not; undefined where none was asked for. */
  readonly precision: Precision | undefined;
  readonly place: (span: Span) => { readonly line: number; readonly column: number };
}

const hasErrors = (problems: readonly Problem[]): boolean => problems.some((p) => p.severity === "error");

export function compile(host: Host, request: CompileRequest): Outcome<Compiled> {
  const opened = openProgram(host, request.file, request.text);
  if (!opened.value || hasErrors(opened.problems)) return { value: undefined, problems: opened.problems, sources: opened.sources };
  const compiled = compileProgram(opened.value, request);
  return { value: compiled.value, problems: unique([...opened.problems, ...compiled.problems]), sources: opened.value.modules.sources() };
}

/** One variant of one pipeline of a checked program. */
export function compileProgram(program: Program, request: Omit<CompileRequest, "file" | "text">): { value: Compiled | undefined; problems: readonly Problem[] } {
  const chosen = choose(program, request);
  if (!chosen.pipeline) return { value: undefined, problems: chosen.problems };
  const elaborated = elaborate(program, chosen.pipeline, chosen.compression, request);
  if (!elaborated.value || hasErrors(elaborated.problems)) return { value: undefined, problems: elaborated.problems };
  const record = new Recorder();
  const { graph: inFull } = runPassesInside(elaborated.value.graph, { host: program.host, target: request.target, record });
  const asked = precisionOf(chosen.compression);
  const half = (asked.name ?? request.precision) === "f16" ? withPrecision(inFull, request.target, program.host, asked.span) : undefined;
  const fused = half?.graph ?? inFull;
  const resolved = request.control ? { gates: [], problems: [] } : resolveGates(elaborated.value, record);
  const sources = program.modules.sources();
  const place = (span: Span): { line: number; column: number } => {
    const source = sources.get(span.file);
    return source ? position(source, span.start) : { line: 1, column: 1 };
  };
  return {
    value: hasErrors([...resolved.problems, ...asked.problems]) ? undefined : { ...elaborated.value, target: request.target, fused, record, gates: resolved.gates, precision: half?.precision, place },
    problems: [...elaborated.problems, ...asked.problems, ...(half?.problems ?? []), ...resolved.problems],
  };
}

/** Every problem of a program's pipelines, plain and with each compression of what they use. */
export function programProblems(program: Program, target: TargetName): readonly Problem[] {
  return unique([...problemsOneByOne(program, target)].flat());
}

/** The same a step at a time, a pipeline or a variant each, for who must be able to stop in between. */
export function* problemsOneByOne(program: Program, target: TargetName): Generator<readonly Problem[], void> {
  for (const pipeline of program.pipelines) {
    const plain = elaborate(program, pipeline, undefined);
    yield plain.problems;
    if (!plain.value) continue;
    for (const compression of compressionsOf(program, plain.value)) {
      const tried = standIns(openingsOf(program, compression).openings).map((values) => () => variantProblems(program, pipeline, compression, target, values));
      yield firstSound(tried);
    }
  }
}

/** What the first try without errors says, or else the first one. */
function firstSound(tries: readonly (() => readonly Problem[])[]): readonly Problem[] {
  const first = tries[0]?.() ?? [];
  if (!hasErrors(first)) return first;
  for (const again of tries.slice(1)) {
    const found = again();
    if (!hasErrors(found)) return found;
  }
  return first;
}

/** Passes, which take most of a compilation, run only where something is expected of them. */
function variantProblems(program: Program, pipeline: Ast.PipelineDecl, compression: Ast.CompressDecl, target: TargetName, values: Levels): readonly Problem[] {
  if (compression.items.some((item) => item.kind === "expect")) return compileProgram(program, { pipeline: pipeline.name.name, variant: compression.as?.name ?? compression.target.name, target, values }).problems;
  const woven = elaborate(program, pipeline, compression, { values });
  return [...woven.problems, ...precisionOf(compression).problems, ...(woven.value ? resolveGates(woven.value, new Recorder()).problems : [])];
}

/** The compressions of a model that the pipeline uses. */
export function compressionsOf(program: Program, plain: Pick<Elaborated, "models" | "pipeline">): readonly Ast.CompressDecl[] {
  return program.compressions.filter((c) => plain.models.has(c.target.name) || (c.target.name === plain.pipeline.name.name && program.models.length > 0));
}

function choose(program: Program, request: Omit<CompileRequest, "file" | "text">): { pipeline: Ast.PipelineDecl | undefined; compression: Ast.CompressDecl | undefined; problems: Problem[] } {
  const none = (problem: Problem): { pipeline: undefined; compression: undefined; problems: Problem[] } => ({ pipeline: undefined, compression: undefined, problems: [problem] });
  const names = program.pipelines.map((p) => p.name.name);
  const pipeline = request.pipeline === undefined ? (program.pipelines.length === 1 ? program.pipelines[0] : undefined) : program.pipelines.find((p) => p.name.name === request.pipeline);
  if (!pipeline) return none(report(gates.G601, undefined, { wanted: request.pipeline ?? "", has: names, file: program.main.path }));
  if (request.variant === undefined) return { pipeline, compression: undefined, problems: [] };
  const variants = program.compressions.flatMap((c) => (c.as ? [c.as.name] : []));
  const compression = program.compressions.find((c) => (c.as?.name ?? c.target.name) === request.variant);
  if (!compression) return none(report(gates.G602, undefined, { wanted: request.variant, near: nearest(request.variant, variants), file: program.main.path }));
  return { pipeline, compression, problems: [] };
}

/** The variant with values in its open places. */
function closed(program: Program, written: Ast.CompressDecl, values: Levels): { readonly compression: Ast.CompressDecl | undefined; readonly problems: readonly Problem[] } {
  const { openings, problems } = openingsOf(program, written);
  const missing = openings.filter((o) => values[o.name] === undefined);
  const [first] = missing;
  const untold = first ? [report(gates.G630, first.span, { variant: written.as?.name ?? written.target.name, open: missing.map((o) => o.name), file: program.main.path })] : [];
  return problems.length > 0 || first ? { compression: undefined, problems: problems.length > 0 ? problems : untold } : { compression: filled(written, openings, values), problems };
}

export function elaborate(program: Program, pipeline: Ast.PipelineDecl, written: Ast.CompressDecl | undefined, how: Pick<CompileRequest, "trace" | "control" | "values"> & { readonly watch?: Watch } = {}): { value: Elaborated | undefined; problems: readonly Problem[] } {
  const { compression, problems } = written && isOpen(written) ? closed(program, written, how.values ?? {}) : { compression: written, problems: [] };
  if (hasErrors(problems)) return { value: undefined, problems };
  const e = new Elaboration(program.host, false);
  e.watch = how.watch;
  const made = elaboratePipeline(e, program.main, pipeline);
  if (!made || hasErrors(e.problems)) return { value: undefined, problems: e.problems };
  const woven = e.attempt(() => weave(e, program, compression, made.graphOutputs, how));
  if (!woven || hasErrors(e.problems)) return { value: undefined, problems: e.problems };
  const outputs = [...woven.outputs, ...quietOutputs(e.arena, woven.outputs)];
  const graph: Graph<"tensor"> = { level: "tensor", arena: e.arena, inputs: usedInputs(e, outputs), outputs, guards: e.guards };
  return {
    value: {
      program, pipeline, compression, elaboration: e, inputs: made.inputs, outputs: [...made.outputs.map((o, i) => withSizes(o, woven.outputs[i] as GraphOutput)), ...woven.outputs.slice(made.outputs.length).map(traced)], hostSteps: e.hostSteps, graph,
      models: models(e), selectors: woven.selectors, cost: costOf(e.arena, woven.outputs), controls: woven.controls,
    },
    problems: e.problems,
  };
}

/** The inputs that outputs are computed from, and those of which nothing but a size is asked. */
function usedInputs(e: Elaboration, outputs: readonly GraphOutput[]): readonly GraphInput[] {
  const { facts } = e.arena;
  const order = topological(outputs.map((o) => o.node));
  const reached = new Set(order);
  const asked = new Set<string>();
  const told = new Set<string>();
  for (const dim of [...order.flatMap((n) => Object.values(n.attrs).flatMap(dimsIn)), ...e.guards.flatMap((g) => [g.left, g.right])]) facts.symbolsOf(dim, asked);
  for (const { node } of e.inputs) if (reached.has(node)) for (const dim of node.type.dims) facts.symbolsOf(dim, told);
  return e.inputs.filter(({ node }) => {
    const own = node.type.dims.flatMap((d) => [...facts.symbolsOf(d)]);
    const tells = !reached.has(node) && own.some((name) => asked.has(name) && !told.has(name));
    if (tells) for (const name of own) told.add(name);
    return tells || reached.has(node);
  });
}

function weave(e: Elaboration, program: Program, compression: Ast.CompressDecl | undefined, outputs: readonly GraphOutput[], { trace, control }: Pick<CompileRequest, "trace" | "control">): { outputs: readonly GraphOutput[]; selectors: Elaborated["selectors"]; controls: number } {
  if (!compression) return { outputs, selectors: [], controls: 0 };
  const root = targetOf(e, program, compression);
  const folds = compression.items.filter((i) => i.kind === "place-fold");
  const rewrites = compression.items.filter((i) => i.kind === "place-rewrite");
  const folded = placeFolds(e, root, folds, program.main.scope, outputs, { trace, control: control && controlOf(program.modules, control.seed) });
  const rewritten = placeRewrites(e, root, rewrites, program.main.scope, folded.trace ? [...folded.outputs, folded.trace] : folded.outputs);
  return { outputs: rewritten.outputs, selectors: [...folded.selectors, ...rewritten.selectors], controls: folded.controls };
}

/** The trace at the edge: an output behind those of the pipeline. */
const traced = ({ name, node, axes }: GraphOutput): Boundary => ({
  name, type: { kind: "tensor", dtype: node.type.dtype, axes: node.type.dims.slice(1).map((size, i) => ({ name: axes[i + 1] ?? "", size })) },
});

/** The model that a compression is of; a pipeline stands for its only model. */
function targetOf(e: Elaboration, program: Program, compression: Ast.CompressDecl): LayerInstance {
  const model = program.models.find((m) => m.name.name === compression.target.name) ?? program.models[0];
  if (!model) throw new Error("a compression without a model was let through");
  return modelInstance(e, { kind: "model", decl: model, module: program.main }, compression.target.span);
}

function unique(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter((p) => {
    const key = `${p.code}|${p.span?.file}|${p.span?.start}|${p.says}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
