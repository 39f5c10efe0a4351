/** Compiles `.kiri` texts in tests, as if they were files of `pipelines/`, and runs what comes out. */
import { compile, type Compiled, type CompileRequest } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import type { Initializer } from "../../compiler/emit/onnx.ts";
import { type Graph, type Node, topological, type WeightRef } from "../../compiler/graph/node.ts";
import type { Host, Value } from "../../compiler/host.ts";
import { NodeHost } from "../../hosts/node-host.ts";
import { numbers, runGraph } from "./evaluate.ts";

export const ROOT = new URL("../..", import.meta.url).pathname;

/** A project other than this one: its root, and the file's place in it. */
export type Place = { readonly root?: string; readonly file?: string };

export function attempted(text: string, request: Partial<CompileRequest> & Place = {}): { readonly value: Compiled | undefined; readonly problems: readonly Problem[] } {
  const { root = ROOT, ...rest } = request;
  return compile(new NodeHost({ root }), { file: "pipelines/test.kiri", target: "cpu", text, ...rest });
}

/** Compiles or throws with everything that the compiler said. */
export function compiled(text: string, request: Partial<CompileRequest> & Place = {}): Compiled {
  const { value, problems } = attempted(text, request);
  if (!value) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("\n"));
  return value;
}

/** Codes and sentences of what was said, one line each. */
export const told = (problems: readonly Problem[]): string[] => problems.map((p) => `${p.code} ${p.says}`);

/** As the passes left it, or as it was woven. */
export type Spelling = "fused" | "plain";
export const SPELLINGS: readonly Spelling[] = ["fused", "plain"];

export const graphAs = (spelling: Spelling, of: Compiled): Graph => (spelling === "fused" ? of.fused : of.graph);

export async function run(of: Compiled, inputs: Readonly<Record<string, Value>>, spelling: Spelling = "fused", target: CompileRequest["target"] = "cpu"): Promise<Record<string, Value>> {
  const graph = graphAs(spelling, of);
  return runGraph(graph, inputs, { target, initializers: weightsOf(graph, of.program.host) });
}

/** Weights as they are stored, inside the model: one that comes as bytes may not name files. */
function weightsOf(graph: Graph, host: Host): Map<Node, Initializer> {
  const inside = new Map<Node, Initializer>();
  for (const node of topological(graph.outputs.map((o) => o.node))) {
    if (node.op !== "weight") continue;
    const ref = node.attrs.ref as WeightRef;
    inside.set(node, { kind: "inline", dtype: ref.dtype, dims: ref.shape, bytes: host.readRange(ref.file, ref.offset, ref.length) });
  }
  return inside;
}

/** One output as numbers. */
export function output(outputs: Readonly<Record<string, Value>>, name: string): number[] {
  const value = outputs[name];
  if (!value) throw new Error(`no output "${name}"; there are: ${Object.keys(outputs).join(", ")}`);
  return numbers(value);
}
