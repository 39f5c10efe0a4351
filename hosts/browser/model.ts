// The ONNX file of a compiled pipeline, in memory: for a page, which has no disk to stream weights to.
import type { Compiled } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { DATA_FILE, planConstants, streamConstants, UnusableWeight } from "../../compiler/emit/constants.ts";
import { emitModel } from "../../compiler/emit/onnx.ts";
import type { Host } from "../../compiler/host.ts";

export interface HeldModel {
  readonly model: Uint8Array;
  /** Large weights, which the model names by a path: ONNX Runtime Web takes them as `externalData`. */
  readonly data: { readonly path: string; readonly data: Uint8Array } | undefined;
}

/** Undefined where a weight cannot be used, which a problem tells. */
export async function heldModel(host: Host, compiled: Compiled): Promise<{ readonly value: HeldModel | undefined; readonly problems: readonly Problem[] }> {
  const { value: plan, problems } = await planConstants(compiled.fused, host);
  if (problems.some((p) => p.severity === "error")) return { value: undefined, problems };
  const { model } = emitModel(compiled.fused, { target: compiled.target, name: compiled.pipeline.name.name, initializers: plan.initializers, position: compiled.place });
  const data = new Uint8Array(plan.bytes);
  let at = 0;
  try {
    for await (const chunk of streamConstants(plan, host)) {
      data.set(chunk, at);
      at += chunk.length;
    }
  } catch (error) {
    if (!(error instanceof UnusableWeight)) throw error;
    return { value: undefined, problems: [...problems, error.problem] };
  }
  return { value: { model, data: plan.bytes > 0 ? { path: DATA_FILE, data } : undefined }, problems };
}
