// Whether a device works, found out by asking it: the smallest model there is, opened and run on it.
import { emitModel } from "../../compiler/emit/onnx.ts";
import { Build } from "../../compiler/graph/build.ts";
import { Arena } from "../../compiler/graph/node.ts";
import { infer } from "../../compiler/ops/index.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import { Graph } from "../../runtime/graph.ts";

/** exp(x) of one number, in operators of the standard only. */
function smallestModel(): Uint8Array {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [1]);
  const graph = { level: "tensor", arena: b.arena, inputs: [{ name: "x", node: x, axes: [""] }], outputs: [{ name: "y", node: b.exp(x), axes: [""] }], guards: [] } as const;
  return emitModel(graph, { target: "portable", name: "trial" }).model;
}

/** Why the device does not work here; undefined where it does. Takes as long as the device takes to start: milliseconds, for CUDA about a second. */
export async function whyNot(device: string): Promise<string | undefined> {
  try {
    await using graph = await Graph.open(smallestModel(), { device });
    const { y } = await graph.run({ x: { dtype: "f32", dims: [1], data: Float32Array.of(0) } });
    return y && Number(y.data[0]) === 1 ? undefined : "it computes wrongly: exp(0) is not 1";
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return error.says.replace(/^The device `[^`]*` does not work here: /, "").replace(/^\/\S+ \S+ .*(?:was false|failed)\. /, "");
  }
}
