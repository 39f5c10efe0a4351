// Constants that only ONNX Runtime can compute, where it is installed: it is an optional peer of the compiler.
import type { Host } from "../compiler/host.ts";
import { evaluate } from "../runtime/evaluate.ts";
import { onnxRuntimeVersion } from "../runtime/onnxruntime.ts";

/** The runtime's evaluator; undefined where `onnxruntime-node` is not installed. It is loaded when it is first used. */
export const evaluator = (): Host["evaluate"] => (onnxRuntimeVersion() === undefined ? undefined : evaluate);
