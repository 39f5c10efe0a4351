// A program as its author wrote it: the files, checked, and what they declare. Nothing is compiled yet.
import type * as Ast from "../grammar/ast.ts";
import { checkDeclarations } from "./check/declarations.ts";
import { type Problem, report } from "./diagnostics/define.ts";
import { folds } from "./diagnostics/folds.ts";
import { nearest } from "./diagnostics/suggest.ts";
import { Elaboration } from "./elaborate/elaboration.ts";
import { evaluate } from "./elaborate/evaluate.ts";
import type { Value } from "./elaborate/value.ts";
import type { Host } from "./host.ts";
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

export interface Opened {
  readonly value: Program | undefined;
  readonly problems: readonly Problem[];
  /** Texts of all files, for rendering. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** What the declaration means where it is named. */
function declare(host: Host, module: LoadedModule, d: Ast.Declaration): Value {
  const { scope } = module;
  switch (d.kind) {
    case "fn": return { kind: "fn", decl: d, scope, extern: d.extern ? d.name.name : undefined };
    case "record": return { kind: "record-type", decl: d, scope };
    case "layer": return { kind: "layer-type", decl: d, scope };
    case "fold": return { kind: "fold-type", decl: d, scope };
    case "rewrite": return { kind: "rewrite-type", decl: d, scope };
    case "tokenizer": return d.host ? { kind: "tokenizer", decl: d, scope } : { kind: "tokenizer-type", decl: d, scope };
    case "model": return { kind: "model", decl: d, module };
    case "const": return constantValue(host, module, d);
    default: return { kind: "word", name: d.kind === "check" || d.kind === "compress" ? d.kind : d.name.name, span: d.span };
  }
}

/** Module-level constants are elaborated without a graph. */
function constantValue(host: Host, module: LoadedModule, d: Ast.LetDecl): Value {
  const e = new Elaboration(host, true);
  return e.attempt(() => evaluate(e, d.value, module.scope)) ?? { kind: "poison" };
}

/** Loads and checks the program whose main file is `path` (or is given as `text`). */
export function openProgram(host: Host, path: string, text?: string): Opened {
  const modules = new Modules(host, (module, d) => declare(host, module, d));
  const main = text === undefined ? modules.file(path) : modules.text(path, text);
  const problems: Problem[] = [...modules.problems];
  if (!main) return { value: undefined, problems, sources: modules.sources() };
  for (const module of modules.loaded.values()) problems.push(...checked(host, module));
  const of = <K extends Ast.Declaration["kind"]>(kind: K): Extract<Ast.Declaration, { kind: K }>[] =>
    main.ast.declarations.filter((d): d is Extract<Ast.Declaration, { kind: K }> => d.kind === kind);
  const program: Program = { host, main, modules, pipelines: of("pipeline"), compressions: of("compress"), data: of("data"), checks: of("check"), models: of("model") };
  problems.push(...compressionsOf(program));
  return { value: program, problems, sources: modules.sources() };
}

/** A compression must be of a model or pipeline of this file. */
function compressionsOf(program: Program): Problem[] {
  const known = [...program.models, ...program.pipelines].map((d) => d.name.name);
  return program.compressions
    .filter((c) => !known.includes(c.target.name))
    .map((c) => report(folds.F312, c.target.span, { name: c.target.name, near: nearest(c.target.name, known) }));
}

/** Library modules do not change under a process: each is checked once. */
const libraryChecks = new WeakMap<Ast.Module, readonly Problem[]>();

function checked(host: Host, module: LoadedModule): readonly Problem[] {
  if (!module.isLibrary) return checkDeclarations(host, module);
  const known = libraryChecks.get(module.ast);
  if (known) return known;
  const problems = checkDeclarations(host, module);
  libraryChecks.set(module.ast, problems);
  return problems;
}
