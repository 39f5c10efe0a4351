// The native package, loaded when it is first needed: it is an optional peer, and a session's own thread does without.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type * as Ort from "onnxruntime-node";
import { reasonOf, refuse } from "./errors.ts";

const require = createRequire(import.meta.url);

export async function loadOnnxRuntime(): Promise<typeof Ort> {
  try {
    const loaded = (await import("onnxruntime-node")) as typeof Ort & { default?: typeof Ort };
    return loaded.default ?? loaded;
  } catch (error) {
    throw refuse("R723", { why: reasonOf(error) }, error);
  }
}

/** The folder of ONNX Runtime's own libraries on this system; undefined where the package is not installed. */
export function libraryFolder(): string | undefined {
  try {
    return join(dirname(require.resolve("onnxruntime-node/package.json")), "bin/napi-v6", process.platform, process.arch);
  } catch {
    return undefined;
  }
}

export function onnxRuntimeVersion(): string | undefined {
  try {
    return (require("onnxruntime-node/package.json") as { version: string }).version;
  } catch {
    return undefined;
  }
}
