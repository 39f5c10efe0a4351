// An ONNX file made faster: imported, passed through the same passes as every pipeline, and written again.
import { basename, dirname, resolve } from "node:path";
import type { Problem } from "../compiler/diagnostics/define.ts";
import { heldFile } from "../compiler/emit/artifact-file.ts";
import { type Plan, planConstants, streamConstants } from "../compiler/emit/constants.ts";
import { emitModel } from "../compiler/emit/onnx.ts";
import { type Graph, nodesOf } from "../compiler/graph/node.ts";
import type { Host } from "../compiler/host.ts";
import { importModel } from "../compiler/import/onnx-graph.ts";
import { type Inside, runPassesInside } from "../compiler/inside.ts";
import { runPasses } from "../compiler/passes/order.ts";
import { type Precision, type PrecisionName, withPrecision } from "../compiler/precision.ts";
import { Recorder } from "../compiler/rewrite/record.ts";
import type { TargetName } from "../compiler/targets/target.ts";
import { writeFilesWhole } from "./artifact-writer.ts";
import { problemOf } from "./build.ts";
import { evaluator } from "./evaluator.ts";
import { type HubType, hubCompanions, hubName, hubPlaceOf } from "./hugging-face.ts";
import { openModel } from "./model-host.ts";

interface OptimiseOptions {
  /** The model, relative to the working directory. Its external data lies in its folder. */
  readonly input: string;
  /** The new model; large weights go to a file beside it, `<out>.data`. Both are replaced together, or not at all. */
  readonly out: string;
  /** `cpu` unless given; `portable` uses operators of the standard only. */
  readonly target?: TargetName;
  /** f32, as the model has it, unless given. */
  readonly precision?: PrecisionName;
  /** `hf`: `out` is a directory of the Hugging Face hub, to which configuration, tokenizer and processor of the model go along; see `hugging-face.ts`. */
  readonly layout?: "file" | "hf";
  /** As what the model is stored in such a directory; found by its weights unless given. */
  readonly hubType?: HubType;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly stage: string; readonly done: number; readonly total: number }) => void;
}

/** What has become of a model. */
export interface Optimised {
  /** Bytes of a ModelProto. */
  readonly model: Uint8Array;
  readonly plan: Plan;
  readonly graph: Graph<"fused">;
  readonly nodes: { readonly before: number; readonly after: number };
  /** What was done within them: sub-graphs, the innermost ones first. */
  readonly inside: readonly Inside[];
  /** Nodes carried through as they are, by operator. */
  readonly carried: ReadonlyMap<string, number>;
  /** Fused ops, by name. */
  readonly fused: ReadonlyMap<string, number>;
  /** What is in half precision and what is not; undefined where none was asked for. */
  readonly precision: Precision | undefined;
}

interface OptimiseResult {
  /** The model and, where it has large weights, its data, as absolute paths; undefined where there are errors, and then nothing has changed. */
  readonly files: readonly string[] | undefined;
  readonly optimised: Optimised | undefined;
  readonly problems: readonly Problem[];
}

/** What is done to a model, for whoever wants to see the parts of the way by themselves. */
interface Steps {
  readonly target: TargetName;
  /** Name of the data file beside the model; a function decides by what it is to hold. */
  readonly data: string | ((plan: Plan) => string);
  /** False: every node is carried through. */
  readonly raise?: boolean;
  readonly precision?: PrecisionName;
}

/** A model as bytes, its large weights still where they lie. */
export async function optimised(host: Host, path: string, { target, data, raise = true, precision }: Steps): Promise<{ readonly value: Optimised | undefined; readonly problems: readonly Problem[] }> {
  const { value: imported, problems } = importModel(host, path, { raise });
  if (!imported) return { value: undefined, problems };
  const record = new Recorder();
  const { graph: inFull, inside } = raise ? runPassesInside(imported.graph, { host, target, record }) : { graph: runPasses(imported.graph, target, { record, order: [] }), inside: [] };
  const half = precision === "f16" ? withPrecision(inFull, target, host) : undefined;
  const graph = half?.graph ?? inFull;
  const named = typeof data === "string" ? data : data((await planConstants(graph, host, { unchecked: true })).value);
  const planned = await planConstants(graph, host, { file: named, unchecked: true });
  const all = [...problems, ...(half?.problems ?? []), ...planned.problems];
  if (all.some((p) => p.severity === "error")) return { value: undefined, problems: all };
  const { model, nodeCount } = emitModel(graph, { target, name: imported.name, initializers: planned.value.initializers, frame: imported.frame });
  const counts = new Map<string, number>();
  for (const node of nodesOf(graph)) {
    const name = FUSED.get(node.op);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return { value: { model, plan: planned.value, graph, nodes: { before: imported.nodeCount, after: nodeCount }, inside, carried: imported.carried, fused: counts, precision: half?.precision }, problems: all };
}

/** What people look for in the result. */
const FUSED: ReadonlyMap<string, string> = new Map([...["attention", "layerNorm", "rmsNorm", "skipLayerNorm", "embedNorm", "gelu", "silu", "linear", "fusedMatmul"].map((op) => [op, op] as const), ["packedAttention", "attention"]]);

/** Writes the optimised model. Mistakes of users come back as problems; rejects with the reason of `signal` where it is aborted. */
export async function optimise({ input, out, target = "cpu", precision, layout = "file", hubType, signal, onProgress }: OptimiseOptions): Promise<OptimiseResult> {
  const failed = (...problems: readonly Problem[]): OptimiseResult => ({ files: undefined, optimised: undefined, problems });
  const opened = openModel(resolve(input), input, { evaluate: evaluator(), ...(onProgress ? { progress: (stage, done, total) => onProgress({ stage, done, total }) } : {}) });
  if (!opened.host) return failed(opened.problem);
  const { host, name } = opened;
  try {
    const placed = layout === "hf" ? hubPlaceOf(resolve(input), { shown: input, out }) : undefined;
    const hub = placed?.value;
    if (placed && !hub) return failed(...placed.problems);
    const fileOf = (plan: Plan): string => (hub ? hubName(hub, plan, hubType) : basename(out));
    const data = hub ? (plan: Plan): string => `${fileOf(plan)}_data` : `${basename(out)}.data`;
    const made = await optimised(host, name, { target, data, ...(precision ? { precision } : {}) });
    if (!made.value) return failed(...made.problems);
    const { model, plan } = made.value;
    const below = hub ? "onnx/" : "";
    const files = [
      ...(hub ? hubCompanions(hub, plan, { dtype: hubType, file: fileOf(plan) }) : []),
      ...(plan.bytes > 0 ? [{ path: `${below}${typeof data === "string" ? data : data(plan)}`, bytes: plan.bytes, chunks: () => streamConstants(plan, host) }] : []),
      heldFile(`${below}${fileOf(plan)}`, model),
    ];
    const folder = hub ? resolve(out) : dirname(resolve(out));
    await writeFilesWhole(folder, files, signal);
    return { files: files.map((f) => resolve(folder, f.path)).reverse(), optimised: made.value, problems: made.problems };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    return failed(problemOf(error, out));
  } finally {
    host.close();
  }
}
