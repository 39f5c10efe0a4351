// `check "…" { … }`: every expression of its body is a claim. They become one graph a check, which the host evaluates.
import type { Source, Span } from "../grammar/source.ts";
import { type Problem, report } from "./diagnostics/define.ts";
import { gates } from "./diagnostics/gates.ts";
import { type Comparison, elaborateCheck, type ElaboratedCheck } from "./elaborate/claim.ts";
import { emitModel, type Initializer } from "./emit/onnx.ts";
import { values } from "./graph/build.ts";
import { type Graph, type Node, topological, type WeightRef } from "./graph/node.ts";
import type { Host, Value } from "./host.ts";
import { runPasses } from "./passes/order.ts";
import { openProgram } from "./program.ts";
import { isClose, TOLERANCE } from "./types/tolerance.ts";

export interface ClaimResult {
  readonly title: string;
  readonly span: Span;
  /** As it is written. */
  readonly claim: string;
  readonly holds: boolean;
  /** How far off it is; empty where it holds. */
  readonly detail: string;
}

interface Claims {
  readonly claims: readonly ClaimResult[];
  /** What is wrong with the file, and G609 for each claim that does not hold. */
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** Runs every check of a file. */
export async function runClaims(host: Host, file: string, text?: string): Promise<Claims> {
  const opened = openProgram(host, file, text);
  if (!opened.value || opened.problems.some((p) => p.severity === "error")) return { claims: [], problems: opened.problems, sources: opened.sources };
  const claims: ClaimResult[] = [];
  const problems: Problem[] = [...opened.problems];
  for (const decl of opened.value.checks) {
    const made = elaborateCheck(host, opened.value.main, decl);
    problems.push(...made.problems);
    if (made.problems.some((p) => p.severity === "error")) continue;
    for (const claim of await decided(host, decl.title, made)) {
      claims.push(claim);
      if (!claim.holds) problems.push(report(gates.G609, claim.span, { title: claim.title, claim: claim.claim, detail: claim.detail === "" ? "" : `: ${claim.detail}` }));
    }
  }
  return { claims, problems, sources: opened.value.modules.sources() };
}

// ── evaluation ──
async function decided(host: Host, title: string, check: ElaboratedCheck): Promise<ClaimResult[]> {
  const outputs = check.graph.outputs.length === 0 ? {} : await outputsOf(host, check.graph);
  return check.claims.map((claim) => {
    const place = { title, span: claim.span, claim: claim.text };
    if (claim.kind === "known") return { ...place, holds: claim.holds, detail: claim.detail };
    if (typeof outputs === "string") return { ...place, holds: false, detail: outputs };
    const detail = claim.kind === "truth" ? untrue(outputs[claim.output] as Value) : apart(claim.comparison, outputs[claim.left] as Value, outputs[claim.right] as Value);
    return { ...place, holds: detail === "", detail };
  });
}

/** The outputs, or why there are none. */
async function outputsOf(host: Host, graph: Graph<"tensor">): Promise<Record<string, Value> | string> {
  if (!host.evaluate) return "nothing here can run it (install onnxruntime-node)";
  const fused = runPasses(graph, "cpu");
  try {
    return await host.evaluate(emitModel(fused, { target: "cpu", name: "check", initializers: weightsOf(fused, host) }).model, {});
  } catch (error) {
    return `it cannot be computed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Weights stand in the model itself: it has no file beside it. */
function weightsOf(graph: Graph, host: Host): Map<Node, Initializer> {
  const inside = new Map<Node, Initializer>();
  for (const node of topological(graph.outputs.map((o) => o.node))) {
    if (node.op !== "weight") continue;
    const ref = node.attrs.ref as WeightRef;
    inside.set(node, { kind: "inline", dtype: ref.dtype, dims: ref.shape, bytes: host.readRange(ref.file, ref.offset, ref.length) });
  }
  return inside;
}

const numbersOf = (value: Value): number[] => values({ kind: "literal", dtype: value.dtype, bytes: value.bytes });

function untrue(value: Value): string {
  const all = numbersOf(value);
  const wrong = all.filter((v) => v === 0).length;
  return wrong === 0 ? "" : all.length === 1 ? "it is false" : `${wrong} of ${all.length} are false`;
}

const HOLDS: Readonly<Record<Exclude<Comparison, "~=">, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
};

/** Empty where every element of `left` stands to that of `right` as claimed; else how many do not, and the worst of them. */
function apart(comparison: Comparison, left: Value, right: Value): string {
  const [a, b] = [numbersOf(left), numbersOf(right)];
  const dims = left.dims.length >= right.dims.length ? left.dims.map((d, i) => Math.max(d, right.dims[i] ?? 1)) : [...right.dims];
  const [atLeft, atRight] = [reader(dims, left.dims), reader(dims, right.dims)];
  const count = dims.reduce((p, d) => p * d, 1);
  const tolerance = TOLERANCE[left.dtype];
  const holds = comparison === "~=" ? (x: number, y: number): boolean => isClose(x, y, tolerance) : HOLDS[comparison];
  let [wrong, worst, worstAt] = [0, -1, 0];
  for (let i = 0; i < count; i++) {
    const [x, y] = [a[atLeft(i)] ?? Number.NaN, b[atRight(i)] ?? Number.NaN];
    if (holds(x, y)) continue;
    wrong++;
    const off = Number.isNaN(x - y) ? Number.POSITIVE_INFINITY : Math.abs(x - y);
    if (off > worst) [worst, worstAt] = [off, i];
  }
  if (wrong === 0) return "";
  const [x, y] = [a[atLeft(worstAt)], b[atRight(worstAt)]];
  const place = dims.length === 0 ? "" : ` at [${indexOf(worstAt, dims).join(", ")}]`;
  const bound = comparison === "~=" ? `, allowed are ${tolerance.absolute} + ${tolerance.relative}·|right|` : "";
  return `${wrong} of ${count} ${count === 1 ? "does" : "do"} not hold; the furthest apart are ${x} and ${y}${place}, ${Number.isFinite(worst) ? `${worst.toPrecision(3)} off` : "not comparable"}${bound}`;
}

/** Position in a tensor of sizes `own` (1 stretches) for a position in one of sizes `dims`. */
function reader(dims: readonly number[], own: readonly number[]): (position: number) => number {
  if (own.length === 0) return () => 0;
  return (position) => {
    let [rest, stride, at] = [position, 1, 0];
    for (let i = dims.length - 1; i >= 0; i--) {
      const size = dims[i] as number;
      const index = rest % size;
      rest = (rest - index) / size;
      if (own[i] !== 1) at += index * stride;
      stride *= own[i] as number;
    }
    return at;
  };
}

function indexOf(position: number, dims: readonly number[]): number[] {
  const out: number[] = [];
  let rest = position;
  for (let i = dims.length - 1; i >= 0; i--) {
    const size = dims[i] as number;
    out.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return out;
}
