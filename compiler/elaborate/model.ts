// Models: a layer bound to a checkpoint. Configuration is read into the layer's `Config` record, weights stay references.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { names } from "../diagnostics/names.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { bindWeights, type Checkpoint, openCheckpoint } from "../import/checkpoint.ts";
import { asNumber } from "../types/dim.ts";
import { staticArguments } from "./call.ts";
import type { Elaboration } from "./elaboration.ts";
import { evaluate, member } from "./evaluate.ts";
import { Fail, fail, Silent } from "./fail.ts";
import { callImported } from "./imported-call.ts";
import { type ImportedModel, openImported } from "./imported-model.ts";
import { forward, type LayerInstance, instantiate } from "./layer.ts";
import { Scope } from "./scope.ts";
import { fromJson, paramType, recordFromJson } from "./static.ts";
import { describe, POISON, type Value } from "./value.ts";

type ModelValue = Extract<Value, { kind: "model" }>;

interface Bound {
  readonly instance: LayerInstance;
  readonly checkpoint: Checkpoint | undefined;
  /** Set where the model is a file. */
  readonly file: ImportedModel | undefined;
}

/** One instance a model and elaboration, however often it is called. */
const bound = new WeakMap<Elaboration, Map<Ast.ModelDecl, Bound | "making">>();

export function modelInstance(e: Elaboration, model: ModelValue, span: Span): LayerInstance {
  return bind(e, model, span).instance;
}

/** Runs the model on the arguments of a call. */
export function callModel(e: Elaboration, model: ModelValue, call: Ast.Call, scope: Scope): Value {
  const { file, instance } = bind(e, model, call.span);
  return file ? callImported(e, file, call, scope) : forward(e, instance, call, scope);
}

export function models(e: Elaboration): ReadonlyMap<string, LayerInstance> {
  const out = new Map<string, LayerInstance>();
  for (const [decl, made] of bound.get(e) ?? []) if (made !== "making") out.set(decl.name.name, made.instance);
  return out;
}

function bind(e: Elaboration, model: ModelValue, span: Span): Bound {
  const table = bound.get(e) ?? new Map<Ast.ModelDecl, Bound | "making">();
  bound.set(e, table);
  const known = table.get(model.decl);
  if (known === "making") return fail(shapes.T320, span, { name: model.decl.name.name });
  if (known) return known;
  table.set(model.decl, "making");
  try {
    const made = make(e, model);
    table.set(model.decl, made);
    return made;
  } catch (error) {
    table.delete(model.decl);
    throw error;
  }
}

function make(e: Elaboration, { decl, module }: ModelValue): Bound {
  const { layer, from, imported } = decl;
  if (imported) {
    const file = openImported(e, decl, imported, module);
    return { instance: file.instance, checkpoint: undefined, file };
  }
  if (!layer) throw new Silent();
  const call: Ast.Call = layer.kind === "call" ? layer : { kind: "call", callee: layer, args: [], span: layer.span };
  const type = evaluate(e, call.callee, module.scope);
  if (type.kind !== "layer-type") return fail(shapes.T310, call.callee.span, { found: describe(type) });
  const source = from ? weightsFrom(e, from, module.scope) : { checkpoint: undefined, seed: undefined };
  const scope = configured(e, type, call, module.scope, source.checkpoint);
  const before = e.weights;
  const wanted: { name: string; shape: readonly number[]; span: Span }[] = [];
  e.weights = { checkpoint: source.checkpoint, wanted, seed: source.seed };
  try {
    const instance = instantiate(e, type.decl, scope, { path: decl.name.name, prefix: "" }, decl.span);
    if (source.checkpoint && source.seed === undefined) for (const problem of bindWeights(wanted, source.checkpoint, decl.span)) e.report(problem);
    return { instance, checkpoint: source.checkpoint, file: undefined };
  } finally {
    e.weights = before;
  }
}

function weightsFrom(e: Elaboration, from: Ast.Expr, scope: Scope): { checkpoint: Checkpoint | undefined; seed: number | undefined } {
  if (from.kind === "call" && from.callee.kind === "name" && from.callee.name === "random") {
    const seed = from.args[0] ? evaluate(e, from.args[0].value, scope) : undefined;
    return { checkpoint: undefined, seed: seed?.kind === "size" ? (asNumber(seed.dim) ?? 0) : 0 };
  }
  const directory = projectPath(e, evaluate(e, from, scope), from.span);
  const opened = openCheckpoint(e.host, directory, from.span);
  for (const problem of opened.problems) e.report(problem);
  if (!opened.value) throw new Fail(opened.problems[0] ?? failing(directory, from.span));
  for (const file of opened.value.files) e.files.add(file);
  return { checkpoint: opened.value, seed: undefined };
}

const failing = (path: string, span: Span): Fail["problem"] => {
  try {
    return fail(names.N207, span, { path, why: "it could not be opened" });
  } catch (error) {
    return (error as Fail).problem;
  }
};

/** A path written in a file: relative to it, inside the project. */
export function projectPath(e: Elaboration, value: Value | undefined, span: Span): string {
  if (value?.kind !== "text") return fail(shapes.T302, span, { param: "this path", found: value ? describe(value) : "nothing", wanted: "a path in quotes" });
  const located = e.host.locate(value.value, span.file.startsWith("std:") ? undefined : span.file);
  if (!located) return fail(names.N208, span, { path: value.value, root: e.host.root });
  if (!e.host.stat(located)) return fail(names.N207, span, { path: value.value, why: "there is nothing of that name" });
  return located;
}

/** The layer's parameters: those given, and its `Config` records from `config.json`. */
function configured(e: Elaboration, type: Extract<Value, { kind: "layer-type" }>, call: Ast.Call, caller: Scope, checkpoint: Checkpoint | undefined): Scope {
  const given = new Set(call.args.map((a) => a.name?.name));
  const positional = call.args.filter((a) => !a.name).length;
  const filled = new Map<string, Value>();
  type.decl.params.forEach((p, i) => {
    const wanted = paramType(p, type.scope);
    if (i < positional || given.has(p.name.name) || !wanted.record || !checkpoint) return;
    if (checkpoint.json("config.json") === undefined) fail(names.N207, call.span, { path: `${checkpoint.shown}/config.json`, why: "the model has no such file, and the layer wants its configuration" });
    filled.set(p.name.name, recordFromJson(e, wanted.record, checkpoint.json("config.json"), "config.json", call.span));
  });
  const inner = new Scope(type.scope);
  for (const p of type.decl.params) {
    const value = filled.get(p.name.name);
    if (value) inner.set(p.name.name, value);
  }
  const rest = type.decl.params.filter((p) => !filled.has(p.name.name));
  const bound = staticArguments(e, rest, type.decl.name.name, call, caller, inner);
  return bound;
}

/** `classifier.processor`, `classifier.config`, or a part of the layer. */
export function modelMember(e: Elaboration, model: ModelValue, name: Ast.Ident): Value {
  const made = bind(e, model, name.span);
  const files: Readonly<Record<string, string>> = { config: "config.json", processor: "preprocessor_config.json", generation: "generation_config.json" };
  const file = files[name.name];
  if (file && made.checkpoint) {
    const json = made.checkpoint.json(file);
    if (json === undefined) return fail(names.N207, name.span, { path: `${made.checkpoint.directory}/${file}`, why: "the model has no such file" });
    return fromJson(json);
  }
  return made.instance ? member(e, { kind: "layer", instance: made.instance }, name) : POISON;
}
