/** Programs in, problems and types out: checks a text as a file of `pipelines/` and shows what was found as text. */
import { compile } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { compileFunction, type FunctionInput } from "../../compiler/function.ts";
import { printGraph } from "../../compiler/graph/text.ts";
import { printType } from "../../compiler/types/tensor.ts";
import { openProgram } from "../../compiler/program.ts";
import { NodeHost } from "../../hosts/node-host.ts";
import { ROOT } from "./program.ts";

const FILE = "pipelines/test.kiri";
/** One host for all texts, as in an editor: the library is parsed and checked once. */
export const host = new NodeHost({ root: ROOT });

/** `T301 at "x + y"` for each problem, in the order of the file; labels follow as `(label "…")`. */
export function problemsOf(text: string): string[] {
  const opened = openProgram(host, FILE, text);
  const all = opened.value && opened.value.pipelines.length > 0 && !opened.problems.some((p) => p.severity === "error") ? compile(host, { file: FILE, text, target: "cpu" }).problems : opened.problems;
  return [...all].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0)).map((p) => shown(p, text));
}

/** The same with what the message says. */
export function messagesOf(text: string): string[] {
  return openProgram(host, FILE, text).problems.map((p) => `${p.code} ${p.says}`);
}

function shown(p: Problem, text: string): string {
  const at = (span: Problem["span"]): string => (!span ? "nowhere" : span.file === FILE ? JSON.stringify(text.slice(span.start, span.end)) : span.file);
  return `${p.code} at ${at(p.span)}`;
}

/** Types of the outputs of `fn`, on symbolic inputs `name: dtype[dims]`: `result: f32[B, K, C]`. */
export function typesOf(text: string, inputs: readonly FunctionInput[] = [], statics: Readonly<Record<string, unknown>> = {}, fn = "f"): string[] {
  const { value, problems } = compileFunction(host, { file: FILE, text, fn, inputs, statics });
  if (!value) return problems.map((p) => shown(p, text));
  return value.outputs.map((o) => `${o.name}: ${printType(o.node.type)} (${o.axes.join(", ")})`);
}

/** The graph of `fn` as text. */
export function graphOf(text: string, inputs: readonly FunctionInput[] = [], statics: Readonly<Record<string, unknown>> = {}, fn = "f"): string {
  const { value, problems } = compileFunction(host, { file: FILE, text, fn, inputs, statics });
  if (!value) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("\n"));
  return printGraph(value);
}

/** `x: f32[B, 3]` as an input. */
export function input(text: string): FunctionInput {
  const match = /^(\w+): (\w+)\[(.*)\]$/.exec(text);
  if (!match) throw new Error(`no input: ${text}`);
  const [, name = "", dtype = "f32", dims = ""] = match;
  return { name, dtype: dtype as FunctionInput["dtype"], dims: dims === "" ? [] : dims.split(", ").map((d) => (/^\d+$/.test(d) ? Number(d) : d)) };
}
