// `precision: f16`: a compiled graph brought to half precision, and what its author is told of it.
import type * as Ast from "../grammar/ast.ts";
import type { Span } from "../grammar/source.ts";
import { type Problem, report } from "./diagnostics/define.ts";
import { gates } from "./diagnostics/gates.ts";
import { weights } from "./diagnostics/weights.ts";
import { constantRanges } from "./emit/ranges.ts";
import type { Graph } from "./graph/node.ts";
import type { Host } from "./host.ts";
import { verify } from "./graph/verify.ts";
import { infer } from "./ops/index.ts";
import { embeddingsApart } from "./passes/embed-norm.ts";
import { inHalf, type Precision } from "./passes/half.ts";
import { TARGETS, type TargetName } from "./targets/target.ts";

export type { Precision } from "./passes/half.ts";

/** What may be asked for; f32 is what everything is in without. */
export const PRECISIONS = ["f16"] as const;
export type PrecisionName = (typeof PRECISIONS)[number];

/** What a variant says of it, the place where it does, and what is wrong with that. */
export function precisionOf(compression: Ast.CompressDecl | undefined): { readonly name: PrecisionName | undefined; readonly span: Span | undefined; readonly problems: readonly Problem[] } {
  const [first, second] = (compression?.items ?? []).filter((item) => item.kind === "precision");
  const name = PRECISIONS.find((p) => p === first?.of.name);
  const why = second ? "it is said twice" : first && !name ? `there is no precision ${first.of.name}` : undefined;
  return { name, span: first?.span, problems: why === undefined ? [] : [report(gates.G641, second?.span ?? first?.of.span, { why, has: PRECISIONS })] };
}

/** Kept constants that are named in the message. */
const NAMED = 3;

/** The graph in half precision. Every constant is read once, to see which of them f16 can hold. */
export function withPrecision(graph: Graph<"fused">, target: TargetName, host: Host, span?: Span): { readonly graph: Graph<"fused">; readonly precision: Precision; readonly problems: readonly Problem[] } {
  const apart = embeddingsApart(graph);
  const made = inHalf(apart, TARGETS[target], constantRanges(apart, host));
  const [fault] = verify(made.graph, { target, infer, level: "onnx" });
  if (fault) throw new Error(`the graph in half precision is not one of level onnx: ${fault.says}`);
  const { kept } = made.precision;
  const large = kept.filter((k) => k.largest > 1).sort((a, b) => b.largest - a.largest);
  return {
    ...made,
    problems: [
      ...(made.precision.computes ? [] : [report(gates.G640, span, { target })]),
      ...(large.length > 0 ? [report(weights.W417, span, { count: large.length, kept: large.slice(0, NAMED) })] : []),
    ],
  };
}
