// One function of the language as a graph: how measures, checks and conformance run library code by itself.
import type * as Ast from "../grammar/ast.ts";
import type { Span } from "../grammar/source.ts";
import type { Outcome } from "./compile.ts";
import type { Problem } from "./diagnostics/define.ts";
import { names } from "./diagnostics/names.ts";
import { shapes } from "./diagnostics/shapes.ts";
import { nearest } from "./diagnostics/suggest.ts";
import { graphInput } from "./elaborate/boundary.ts";
import { argumentValuesOf, callFunction } from "./elaborate/call.ts";
import { Elaboration } from "./elaborate/elaboration.ts";
import { asTensor } from "./elaborate/evaluate.ts";
import { fail } from "./elaborate/fail.ts";
import { fromJson, paramType, type StaticType } from "./elaborate/static.ts";
import { describe, type FnValue, type Value } from "./elaborate/value.ts";
import { type Graph, type GraphOutput, quietOutputs, topological } from "./graph/node.ts";
import type { Host } from "./host.ts";
import { openProgram, type Program } from "./program.ts";
import { constant, type Dim, symbol } from "./types/dim.ts";
import type { DType } from "./types/tensor.ts";

export interface FunctionInput {
  /** Of a parameter; `block.query` is the field `query` of a parameter that takes a record. */
  readonly name: string;
  readonly dtype: DType;
  /** A number, or a name for a size that a run decides. */
  readonly dims: readonly (number | string)[];
}

interface FunctionRequest {
  /** The `.kiri` file, relative to the project's root. */
  readonly file: string;
  readonly text?: string;
  /** A function of that file or one that it imports: `mean_iou`, `iou.mean_iou`. */
  readonly fn: string;
  readonly inputs: readonly FunctionInput[];
  /** Compile-time arguments as JSON; a string stands for a word where the parameter wants one, null for the default. */
  readonly statics?: Readonly<Record<string, unknown>>;
}

/** The function on inputs of these types. Outputs: `result`, or `result.<field>` and `result.<i>` for records and tuples. */
export function compileFunction(host: Host, request: FunctionRequest): Outcome<Graph<"tensor">> {
  const opened = openProgram(host, request.file, request.text);
  if (!opened.value || opened.problems.some((p) => p.severity === "error")) return { value: undefined, problems: opened.problems, sources: opened.sources };
  const made = functionGraph(opened.value, request);
  return { value: made.value, problems: [...opened.problems, ...made.problems], sources: opened.value.modules.sources() };
}

/** The same, of a program that is open already. */
export function functionGraph(program: Program, request: Omit<FunctionRequest, "file" | "text">): { value: Graph<"tensor"> | undefined; problems: readonly Problem[] } {
  const e = new Elaboration(program.host, false);
  const outputs = e.attempt(() => {
    const fn = find(program, request.fn);
    const span = fn.decl.name.span;
    const result = callFunction(e, fn, argumentValuesOf(e, fn.decl.signature, request.fn, given(e, fn, request, span), fn.scope, span), span);
    return result.kind === "poison" ? undefined : outputsOf(e, result, "result", span);
  });
  if (!outputs || e.problems.some((p) => p.severity === "error")) return { value: undefined, problems: e.problems };
  const all = [...outputs, ...quietOutputs(e.arena, outputs)];
  const needed = new Set(topological(all.map((o) => o.node)));
  return {
    value: { level: "tensor", arena: e.arena, inputs: e.inputs.filter((i) => needed.has(i.node)), outputs: all, guards: e.guards },
    problems: e.problems,
  };
}

function find(program: Program, path: string): FnValue {
  const [first = "", ...rest] = path.split(".");
  const { scope, ast } = program.main;
  let value = scope.get(first);
  for (const part of rest) value = value?.kind === "module" && value.module.declared.has(part) ? value.module.scope.get(part) : undefined;
  const known = [...program.main.declared.keys(), ...ast.uses.flatMap((u) => (u.names ?? []).map((n) => n.name))];
  if (!value) return fail(names.N205, undefined, { name: path, near: nearest(path, known) });
  return value.kind === "fn" ? value : fail(shapes.T310, undefined, { found: describe(value) });
}

/** Inputs of the graph and JSON values, by parameter. */
function given(e: Elaboration, fn: FnValue, request: Omit<FunctionRequest, "file" | "text">, span: Span): Map<string, Value> {
  const { signature } = fn.decl;
  const known = [...signature.params, ...signature.statics].map((p) => p.name.name);
  const values = new Map<string, Value>();
  const claim = (name: string): void => {
    if (!known.includes(name)) fail(shapes.T305, span, { name, of: request.fn, near: nearest(name, known) });
  };
  for (const input of request.inputs) {
    const [name = "", field] = input.name.split(".");
    claim(name);
    const param = field === undefined ? signature.params.find((p) => p.name.name === name) : undefined;
    const value = graphInput(e, input.name, input.dtype, input.dims.map((d) => sizeOf(e, d)), axisNames(e, param, input.dims.length));
    const before = values.get(name);
    values.set(name, field === undefined ? value : { kind: "record", fields: new Map([...(before?.kind === "record" ? before.fields : []), [field, value]]), type: undefined });
  }
  for (const [name, json] of Object.entries(request.statics ?? {})) {
    claim(name);
    if (json === null) continue;
    const param = [...signature.statics, ...signature.params].find((p) => p.name.name === name);
    values.set(name, fromArgument(param ? paramType(param, fn.scope) : undefined, json, span));
  }
  return values;
}

function sizeOf(e: Elaboration, size: number | string): Dim {
  if (typeof size === "number") return constant(size);
  if (!e.inputs.some((i) => i.node.type.dims.some((d) => d.key === size))) e.fresh(size);
  return symbol(size);
}

/** The names that the signature gives, where it names every axis. */
function axisNames(e: Elaboration, param: Ast.Param | undefined, rank: number): string[] {
  const axes = param?.type?.kind === "tensor-type" ? param.type.axes : [];
  return Array.from({ length: rank }, (_, i) => {
    const axis = axes.length === rank ? axes[i] : undefined;
    return axis?.kind === "axis" || axis?.kind === "some" ? axis.name.name : e.named.anonymous();
  });
}

function fromArgument(type: StaticType | undefined, json: unknown, span: Span): Value {
  if (type?.isWord && typeof json === "string") return { kind: "word", name: json, span };
  if (type?.isWord && Array.isArray(json) && json.every((x) => typeof x === "string")) return { kind: "words", names: json };
  return fromJson(json);
}

function outputsOf(e: Elaboration, value: Value, name: string, span: Span): GraphOutput[] {
  if (value.kind === "tuple") return value.items.flatMap((item, i) => outputsOf(e, item, `${name}.${i}`, span));
  if (value.kind === "record") return [...value.fields].flatMap(([field, item]) => outputsOf(e, item, `${name}.${field}`, span));
  const made = asTensor(e, value, undefined, { span });
  if (!made) return fail(shapes.T309, span, { of: name, found: describe(value), wanted: "a tensor, or a record or tuple of tensors" });
  return [{ name, node: made.node, axes: made.axes }];
}
