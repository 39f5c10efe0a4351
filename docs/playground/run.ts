// A compiled pipeline run in the page by ONNX Runtime Web: the same graph that an artefact holds, its weights handed over in memory.
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import type { Compiled } from "../../compiler/compile.ts";
import { TRACE } from "../../compiler/compress/trace.ts";
import { DATA_FILE, planConstants, streamConstants } from "../../compiler/emit/constants.ts";
import { emitModel } from "../../compiler/emit/onnx.ts";
import type { Host } from "../../compiler/host.ts";
import type { Ran } from "./messages.ts";
import { SIDE } from "./picture.ts";

env.wasm.wasmPaths = { wasm: new URL(wasm, import.meta.url).href };
// Threads need headers that a static site does not send.
env.wasm.numThreads = 1;
env.logLevel = "error";

/** Throws where the pipeline takes something else than one picture of 28 by 28. */
export async function run(host: Host, compiled: Compiled, picture: Uint8Array): Promise<Ran> {
  const { value: plan, problems } = await planConstants(compiled.fused, host);
  const [problem] = problems.filter((p) => p.severity === "error");
  if (problem) throw new Error(problem.says);
  const data = new Uint8Array(plan.bytes);
  let at = 0;
  for await (const chunk of streamConstants(plan, host)) {
    data.set(chunk, at);
    at += chunk.length;
  }
  const { model } = emitModel(compiled.fused, { target: compiled.target, name: compiled.pipeline.name.name, initializers: plan.initializers });
  const session = await InferenceSession.create(model, { executionProviders: ["wasm"], ...(plan.bytes > 0 ? { externalData: [{ path: DATA_FILE, data }] } : {}) });
  try {
    const [input, ...others] = compiled.fused.inputs;
    if (!input || others.length > 0 || picture.length !== SIDE * SIDE) throw new Error("The playground runs pipelines that take one picture.");
    const found = await session.run({ [input.name]: new Tensor("uint8", picture, [1, 1, SIDE, SIDE]) });
    const numbers = (tensor: Tensor | undefined): number[] => Array.from((tensor?.data ?? []) as ArrayLike<number | bigint>, Number);
    return {
      groups: numbers(found[TRACE]),
      outputs: Object.entries(found).flatMap(([name, tensor]) => (name === TRACE ? [] : [{ name, values: numbers(tensor).slice(0, 16) }])),
    };
  } finally {
    await session.release();
  }
}
