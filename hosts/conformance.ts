// `npm run conformance -- DIR [--json]`: every golden vector below DIR through the library entry that implements its operation.
// Exit code 0: every case of a system in the table held. 1: one did not. 2: the cases cannot be read.
import { fileURLToPath } from "node:url";
import type { Problem } from "../compiler/diagnostics/define.ts";
import { emitModel } from "../compiler/emit/onnx.ts";
import { compileFunction } from "../compiler/function.ts";
import { values } from "../compiler/graph/build.ts";
import type { Host, Value } from "../compiler/host.ts";
import { runPasses } from "../compiler/passes/order.ts";
import { isFloat } from "../compiler/types/tensor.ts";
import { type Entry, TABLE } from "./conformance-table.ts";
import { readVectors, UnreadableVector, type Vector, vectorFiles } from "./conformance-vectors.ts";
import { evaluator } from "./evaluator.ts";
import { NodeHost } from "./node-host.ts";

interface CaseResult {
  readonly system: string;
  readonly op: string;
  readonly case: string;
  /** `held`, `failed`, or `not implemented` where the table has no entry. */
  readonly state: "held" | "failed" | "not implemented";
  /** Worst over all float outputs; relative to the expected value. */
  readonly absolute: number;
  readonly relative: number;
  /** Why it failed. */
  readonly detail: string;
}

/** Runs every case below a directory. */
export async function conformance(host: Host, directory: string, table: readonly Entry[] = TABLE): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const file of vectorFiles(directory))
    for (const vector of readVectors(file)) {
      const entry = table.find((e) => e.system === vector.system && e.op === vector.op);
      results.push(entry ? await runCase(host, entry, vector) : { ...nameOf(vector), state: "not implemented", absolute: 0, relative: 0, detail: "" });
    }
  return results;
}

const nameOf = (v: Vector): Pick<CaseResult, "system" | "op" | "case"> => ({ system: v.system, op: v.op, case: v.case });
const failed = (v: Vector, detail: string): CaseResult => ({ ...nameOf(v), state: "failed", absolute: Number.POSITIVE_INFINITY, relative: Number.POSITIVE_INFINITY, detail });

async function runCase(host: Host, entry: Entry, vector: Vector): Promise<CaseResult> {
  const file = `${vector.system}-${vector.op}.kiri`;
  const { value: graph, problems } = compileFunction(host, {
    file, text: entry.text, fn: "run",
    inputs: [...vector.inputs].map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
    statics: { ...Object.fromEntries(Object.entries(vector.params).map(([name, value]) => [vector.inputs.has(name) ? `${name}_param` : name, value])), ...vector.plain },
  });
  if (!graph) return failed(vector, problems.filter((p) => p.severity === "error").map(told).join("; "));
  if (!host.evaluate) return failed(vector, "nothing here can run it: install onnxruntime-node");
  let found: Record<string, Value>;
  try {
    found = await host.evaluate(emitModel(runPasses(graph, "cpu"), { target: "cpu", name: "conformance" }).model, Object.fromEntries([...vector.inputs].filter(([name]) => graph.inputs.some((i) => i.name === name))));
  } catch (error) {
    return failed(vector, error instanceof Error ? error.message : String(error));
  }
  let [absolute, relative] = [0, 0];
  const wrong: string[] = [];
  for (const [name, expected] of vector.outputs) {
    const difference = compare(found[`result.${name}`], expected, vector.tolerance(name));
    [absolute, relative] = [Math.max(absolute, difference.absolute), Math.max(relative, difference.relative)];
    if (difference.detail !== "") wrong.push(`${name}: ${difference.detail}`);
  }
  if (vector.outputs.size === 0) wrong.push("the case has no outputs");
  return { ...nameOf(vector), state: wrong.length === 0 ? "held" : "failed", absolute, relative, detail: wrong.join("; ") };
}

const told = (p: Problem): string => `${p.code} ${p.says}`;

interface Difference {
  readonly absolute: number;
  readonly relative: number;
  readonly detail: string;
}

/** Element by element: |found - expected| <= absolute + relative·|expected|; whole numbers and truth values are equal. NaN is equal to nothing. */
export function compare(found: Value | undefined, expected: Value, tolerance: { readonly absolute: number; readonly relative: number }): Difference {
  const off = (detail: string): Difference => ({ absolute: Number.POSITIVE_INFINITY, relative: Number.POSITIVE_INFINITY, detail });
  if (!found) return off("there is no such output");
  if (found.dims.join() !== expected.dims.join()) return off(`shape [${found.dims.join(", ")}], expected [${expected.dims.join(", ")}]`);
  if (isFloat(found.dtype) !== isFloat(expected.dtype) || (found.dtype === "bool") !== (expected.dtype === "bool")) return off(`element type ${found.dtype}, expected ${expected.dtype}`);
  const [a, b] = [found, expected].map((v) => values({ kind: "literal", dtype: v.dtype, bytes: v.bytes })) as [number[], number[]];
  const { absolute: abs, relative: rel } = isFloat(expected.dtype) ? tolerance : { absolute: 0, relative: 0 };
  let [absolute, relative, wrong, first] = [0, 0, 0, -1];
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    const gap = x === y ? 0 : Number.isNaN(x - y) ? Number.POSITIVE_INFINITY : Math.abs(x - y);
    absolute = Math.max(absolute, gap);
    if (gap > 0) relative = Math.max(relative, gap / Math.abs(y));
    if (gap <= abs + rel * Math.abs(y)) continue;
    wrong++;
    if (first < 0) first = i;
  }
  return { absolute, relative, detail: wrong === 0 ? "" : `${wrong} of ${b.length} differ, the first at ${first}: ${a[first]}, expected ${b[first]}` };
}

// ── the command ──
async function main(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const [directory = "test/golden-vectors"] = args.filter((a) => !a.startsWith("--"));
  const unknown = args.find((a) => a.startsWith("--") && a !== "--json");
  if (unknown) {
    process.stderr.write(`conformance: there is no option ${unknown}; write: conformance [DIR] [--json]\n`);
    return 2;
  }
  let results: CaseResult[];
  try {
    results = await conformance(new NodeHost({ root: fileURLToPath(new URL("..", import.meta.url)), evaluate: evaluator() }), directory);
  } catch (error) {
    if (!(error instanceof UnreadableVector)) throw error;
    process.stderr.write(`conformance: ${error.message}\n`);
    return 2;
  }
  const count = (state: CaseResult["state"]): number => results.filter((r) => r.state === state).length;
  const summary = { held: count("held"), failed: count("failed"), notImplemented: count("not implemented") };
  if (json) process.stdout.write(`${JSON.stringify({ cases: results.map((r) => ({ ...r, absolute: finite(r.absolute), relative: finite(r.relative) })), ...summary }, undefined, 2)}\n`);
  else {
    for (const r of results) process.stdout.write(`${line(r)}\n`);
    process.stdout.write(`${summary.held} held, ${summary.failed} failed, ${summary.notImplemented} not implemented\n`);
  }
  if (results.length === 0) process.stderr.write(`conformance: there is no case below ${directory}\n`);
  return summary.failed > 0 || results.length === 0 ? 1 : 0;
}

/** JSON has no infinity. */
const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);

function line(r: CaseResult): string {
  const name = [r.system.padEnd(12), r.op.padEnd(28), r.case.padEnd(28)].join(" ");
  if (r.state === "not implemented") return `${name} not implemented`;
  return `${name} abs ${r.absolute.toExponential(1).padEnd(8)} rel ${r.relative.toExponential(1).padEnd(8)} ${r.state === "held" ? "ok" : `FAILED ${r.detail}`}`;
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) process.exitCode = await main(process.argv.slice(2));
