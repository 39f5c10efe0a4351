// The one ordered list of passes, and what runs it: levels are verified before and after every pass.
import type { Graph, Node } from "../graph/node.ts";
import { verify } from "../graph/verify.ts";
import { infer } from "../ops/index.ts";
import { rewrite } from "../rewrite/run.ts";
import { Recorder } from "../rewrite/record.ts";
import { TARGETS, type TargetName } from "../targets/target.ts";
import attention from "./attention.ts";
import biases from "./bias.ts";
import bindSizes from "./bind-sizes.ts";
import blend from "./blend.ts";
import columns from "./columns.ts";
import convolutions from "./conv.ts";
import importedAttention from "./import-attention.ts";
import embeddings from "./embed-norm.ts";
import gelu from "./gelu.ts";
import hardSigmoid from "./hard-sigmoid.ts";
import keyColumns from "./key-columns.ts";
import lateExpand from "./late-expand.ts";
import layerNorm from "./layer-norm.ts";
import layout from "./layout.ts";
import linear from "./linear.ts";
import merge from "./merge.ts";
import packedAttention from "./packed-attention.ts";
import parts from "./parts.ts";
import type { Pass } from "./pass.ts";
import product from "./product.ts";
import regroup from "./regroup.ts";
import residualBias from "./residual-bias.ts";
import rmsNorm from "./rms-norm.ts";
import rows from "./rows.ts";
import rowsFirst from "./rows-first.ts";
import settle from "./settle.ts";
import sharedCast from "./shared-cast.ts";
import sharedCut from "./shared-cut.ts";
import silu from "./silu.ts";
import simplify from "./simplify.ts";
import skipNorm from "./skip-norm.ts";
import splitLinear from "./split-linear.ts";
import sumsApart from "./sums-apart.ts";
import tables from "./tables.ts";
import weightedSums from "./weighted-sum.ts";
import unitRows from "./unit-rows.ts";
import windowMeans from "./window-means.ts";
import windowTiles from "./window-means-tiles.ts";

/** Read from top to bottom; no pass works only because of an accident before it. */
export const ORDER: readonly Pass[] = [bindSizes, simplify, tables, lateExpand, rows, importedAttention, windowMeans, windowTiles, blend, merge, layerNorm, rmsNorm, gelu, silu, hardSigmoid, convolutions, linear, splitLinear, attention, layout, keyColumns, product, settle, regroup, rowsFirst, packedAttention, residualBias, unitRows, columns, sharedCast, weightedSums, sharedCut, parts, embeddings, skipNorm, biases, sumsApart];

interface PassOptions {
  readonly record?: Recorder;
  readonly order?: readonly Pass[];
}

export function runPasses(graph: Graph<"tensor">, target: TargetName, { record = new Recorder(), order = ORDER }: PassOptions = {}): Graph<"fused"> {
  const table = TARGETS[target];
  const done: string[] = [];
  const right = new Set<Node>();
  let current: Graph = graph;
  let held: Pick<Graph, "level" | "inputs" | "outputs"> | undefined;
  const hold = (what: string, level: Graph["level"]): void => {
    // A pass that found nothing to do leaves what has been held to this already.
    if (held?.level === level && held.inputs === current.inputs && held.outputs === current.outputs) return;
    const [fault] = verify(current, { target, infer, level, right });
    if (fault) throw new Error(`${what} is not a graph of level ${level}: ${fault.says} (passes before: ${done.join(", ") || "none"})`);
    held = { ...current, level };
  };
  for (const each of order) {
    if (each.for && !each.for(table)) continue;
    if (!each.exact) throw new Error(`"${each.name}" is not exact, and the compiler never approximates on its own`);
    // What a pass left has been looked at already.
    if (done.length === 0) hold(`what "${each.name}" is given`, current.level);
    const rules = typeof each.rules === "function" ? each.rules(table) : each.rules;
    if (rules) current = rewrite(current, rules, { pass: each.name, record });
    if (each.run) current = each.run(current, table, record);
    current = { ...current, level: each.leaves === "tensor" ? current.level : each.leaves };
    hold(`what "${each.name}" leaves`, current.level);
    if (each.makes) record.count(current, each.makes);
    done.push(each.name);
  }
  // What is emitted: besides legal ops and types, a run can know every size.
  hold("what is left to emit", "onnx");
  return { ...current, level: "fused" } as Graph<"fused">;
}
