// A program as its author wrote it: the files, checked, and what they declare. Nothing is compiled yet.
import type * as Ast from "../grammar/ast.ts";
import { checkDeclarations } from "./check/declarations.ts";
import { type Problem, report } from "./diagnostics/define.ts";
import { folds } from "./diagnostics/folds.ts";
import { shapes } from "./diagnostics/shapes.ts";
import { nearest } from "./diagnostics/suggest.ts";
import { declaredValue } from "./elaborate/call.ts";
import { Elaboration } from "./elaborate/elaboration.ts";
import { evaluate } from "./elaborate/evaluate.ts";
import type { Value } from "./elaborate/value.ts";
import type { Host } from "./host.ts";
import { cacheOf, type ModuleCache } from "./resolve/cache.ts";
import { type LoadedModule, Modules } from "./resolve/modules.ts";
import type { Source } from "../grammar/source.ts";

export interface Program {
  readonly host: Host;
  readonly main: LoadedModule;
  readonly modules: Modules;
  readonly pipelines: readonly Ast.PipelineDecl[];
  readonly compressions: readonly Ast.CompressDecl[];
  readonly data: readonly Ast.DataDecl[];
  readonly checks: readonly Ast.CheckDecl[];
  readonly models: readonly Ast.ModelDecl[];
}

interface Opened {
  readonly value: Program | undefined;
  readonly problems: readonly Problem[];
  /** Texts of all files, for rendering. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** What the declaration means where it is named. */
function declare(host: Host, module: LoadedModule, d: Ast.Declaration, making: Making): Value {
  const { scope } = module;
  switch (d.kind) {
    case "fn": return { kind: "fn", decl: d, scope, extern: d.extern ? d.name.name : undefined };
    case "record": return { kind: "record-type", decl: d, scope };
    case "layer": return { kind: "layer-type", decl: d, scope };
    case "fold": return { kind: "fold-type", decl: d, scope };
    case "rewrite": return { kind: "rewrite-type", decl: d, scope };
    case "tokenizer": return d.host ? { kind: "tokenizer", decl: d, scope } : { kind: "tokenizer-type", decl: d, scope };
    case "sites": return { kind: "sites", decl: d };
    case "model": return { kind: "model", decl: d, module };
    case "const": return constantValue(host, module, d, making);
    default: return { kind: "word", name: d.kind === "check" || d.kind === "compress" ? d.kind : d.name.name, span: d.span };
  }
}

/** Constants that are being worked out, and those that turned out to need themselves. */
interface Making {
  readonly open: Set<Ast.LetDecl>;
  readonly problems: Problem[];
}

/** Module-level constants are elaborated without a graph. */
function constantValue(host: Host, module: LoadedModule, d: Ast.LetDecl, making: Making): Value {
  if (making.open.has(d)) {
    making.problems.push(report(shapes.T320, d.name.span, { name: d.name.name }));
    return { kind: "poison" };
  }
  making.open.add(d);
  const e = new Elaboration(host, true);
  const value = e.attempt(() => {
    const found = evaluate(e, d.value, module.scope);
    return d.type ? declaredValue(e, d.type, d.name.name, found, module.scope, d.value.span) : found;
  }) ?? { kind: "poison" };
  making.open.delete(d);
  return value;
}

/** Loads and checks the program whose main file is `path` (or is given as `text`). */
export function openProgram(host: Host, path: string, text?: string, cache: ModuleCache = cacheOf(host)): Opened {
  const making: Making = { open: new Set(), problems: [] };
  const modules = new Modules(host, cache, (module, d) => declare(host, module, d, making));
  const main = text === undefined ? modules.file(path) : modules.text(path, text);
  const problems: Problem[] = [...modules.problems];
  if (!main) return { value: undefined, problems, sources: modules.sources() };
  for (const module of modules.loaded.values()) problems.push(...cache.checks(module, (sound) => checkDeclarations(host, module, sound)));
  const of = <K extends Ast.Declaration["kind"]>(kind: K): Extract<Ast.Declaration, { kind: K }>[] =>
    main.ast.declarations.filter((d): d is Extract<Ast.Declaration, { kind: K }> => d.kind === kind);
  const program: Program = { host, main, modules, pipelines: of("pipeline"), compressions: of("compress"), data: of("data"), checks: of("check"), models: of("model") };
  problems.push(...making.problems, ...compressionsOf(program));
  return { value: program, problems: once(credible(problems, modules)), sources: modules.sources() };
}

/** Of a declaration that could not be read whole only that is told: what else is wrong with it may follow from what is missing. */
function credible(problems: readonly Problem[], modules: Modules): Problem[] {
  const isSyntax = (p: Problem): boolean => p.code.startsWith("S") && p.severity === "error";
  const touches = (d: Ast.Declaration, p: Problem): boolean => p.span !== undefined && p.span.file === d.span.file && p.span.start <= d.span.end && p.span.end >= d.span.start;
  const broken = [...modules.loaded.values()].flatMap((m) => m.ast.declarations.filter((d) => problems.some((p) => isSyntax(p) && touches(d, p))));
  return problems.filter((p) => p.code.startsWith("S") || !broken.some((d) => touches(d, p)));
}

/** A compression must be of a model or pipeline of this file. */
function compressionsOf(program: Program): Problem[] {
  // A pipeline stands for its model, so one without any has nothing to compress.
  const known = [...program.models, ...(program.models.length > 0 ? program.pipelines : [])].map((d) => d.name.name);
  return program.compressions
    .filter((c) => !known.includes(c.target.name))
    .map((c) => report(folds.F312, c.target.span, { name: c.target.name, near: nearest(c.target.name, known) }));
}

/** A mistake in a function shows again in everything that calls it: told once. */
function once(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter((p) => {
    const key = `${p.code} ${p.span?.file} ${p.span?.start} ${p.span?.end} ${p.span ? "" : p.says}`;
    return seen.size < seen.add(key).size;
  });
}
