// A compiled pipeline run in the page by ONNX Runtime Web: the same graph that an artefact holds, its weights handed over in memory.
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import type { Compiled } from "../../compiler/compile.ts";
import { TRACE } from "../../compiler/compress/trace.ts";
import type { Host } from "../../compiler/host.ts";
import { heldModel } from "../../hosts/browser/model.ts";
import type { Ran } from "./messages.ts";
import { SIDE } from "./picture.ts";

env.wasm.wasmPaths = { wasm: new URL(wasm, import.meta.url).href };
// Threads need headers that a static site does not send.
env.wasm.numThreads = 1;
env.logLevel = "error";

/** Throws where the pipeline takes something else than one picture of 28 by 28. */
export async function run(host: Host, compiled: Compiled, picture: Uint8Array): Promise<Ran> {
  const { value: held, problems } = await heldModel(host, compiled);
  if (!held) throw new Error(problems.find((p) => p.severity === "error")?.says);
  const session = await InferenceSession.create(held.model, { executionProviders: ["wasm"], ...(held.data ? { externalData: [held.data] } : {}) });
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
