// Two ONNX models compared: their graphs, their weights, what they give, and how long they take.
import type { Problem } from "../compiler/diagnostics/define.ts";
import { type OnnxContent, readContent } from "../compiler/import/onnx-content.ts";
import { compareRuns, type RunDiff, type RunOptions, UnequalInputs } from "./diff-outputs.ts";
import { compareStructure, type StructureDiff } from "./diff-structure.ts";
import { compareWeights, type WeightsDiff } from "./diff-weights.ts";
import { openModel } from "./model-host.ts";
import type { NodeHost } from "./node-host.ts";

export interface DiffOptions extends RunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly stage: string; readonly done: number; readonly total: number }) => void;
}

interface Diff {
  readonly structure: StructureDiff;
  readonly weights: WeightsDiff;
  /** Undefined where the models cannot be given the same inputs; `apart` says why. */
  readonly run: RunDiff | undefined;
  readonly apart: string | undefined;
  /** Every output of both is the other's, within the tolerance. */
  readonly equal: boolean;
}

/** Models by their paths. Mistakes in files come back as problems; rejects with `RuntimeError` where a model does not load or run, and with `UnequalInputs` where given inputs do not fit. */
export async function diff(a: string, b: string, { signal, onProgress, ...options }: DiffOptions): Promise<{ readonly value: Diff | undefined; readonly problems: readonly Problem[] }> {
  const open: NodeHost[] = [];
  const problems: Problem[] = [];
  try {
    const read = (path: string): OnnxContent | undefined => {
      const opened = openModel(path, path);
      if (opened.host) open.push(opened.host);
      const found = opened.host ? readContent(opened.host, opened.name) : { value: undefined, problems: [opened.problem] };
      problems.push(...found.problems);
      return found.value;
    };
    const [x, y] = [read(a), read(b)];
    const [hostA, hostB] = open;
    if (!x || !y || !hostA || !hostB) return { value: undefined, problems };
    const structure = compareStructure(x, y);
    const weights = await compareWeights({ host: hostA, weights: x.weights }, { host: hostB, weights: y.weights }, {
      ...(signal ? { signal } : {}), onWeight: (done, total) => onProgress?.({ stage: "weights", done, total }),
    });
    let [run, apart]: [RunDiff | undefined, string | undefined] = [undefined, undefined];
    try {
      run = await compareRuns(a, b, [x, y], options);
    } catch (error) {
      if (!(error instanceof UnequalInputs) || !error.ofModels) throw error;
      apart = error.message;
    }
    return { value: { structure, weights, run, apart, equal: run?.outputs.every((o) => o.equal) ?? false }, problems };
  } finally {
    for (const host of open) host.close();
  }
}
