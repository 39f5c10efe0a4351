// What the body of a loop is given in each round, as far as it follows from the node.
import type { Node } from "../graph/node.ts";
import { OPAQUE, isOpaque } from "../ops/foreign.ts";
import { constant } from "../types/dim.ts";
import type { TensorType } from "../types/tensor.ts";
import type { OnnxAttribute, OnnxGraph } from "./onnx-file.ts";

/** An input of a body that an output of the round before becomes. */
export interface State {
  readonly input: number;
  readonly output: number;
}

/** Types of a body's inputs in the first round; state may have others in the next ones. Of operators that nothing is known of, inputs are opaque. */
export function bodyTypes(node: Node, attributes: readonly OnnxAttribute[], body: OnnxGraph): { readonly types: readonly TensorType[]; readonly states: readonly State[] } {
  const given = inputTypes(node);
  const count = body.inputs.length;
  if (node.attrs.domain !== "") return { types: body.inputs.map(() => OPAQUE), states: [] };
  if (node.attrs.opType === "Loop") {
    // A count is a number or a list of one, as the body declares it.
    const [, condition, ...states] = given;
    const counted = body.inputs.slice(0, 2).map(({ type }, i): TensorType => ({ dtype: i === 0 ? "i64" : "bool", dims: type.kind === "tensor" && type.dims?.length === 1 ? [constant(1)] : [] }));
    return {
      types: [counted[0] ?? OPAQUE, condition ?? counted[1] ?? OPAQUE, ...states.map((t) => t ?? OPAQUE)].slice(0, count).concat(Array.from({ length: Math.max(0, count - 2 - states.length) }, () => OPAQUE)),
      states: Array.from({ length: Math.max(0, count - 1) }, (_, i) => ({ input: i + 1, output: i })),
    };
  }
  if (node.attrs.opType === "Scan") {
    const value = (name: string): OnnxAttribute["value"] | undefined => attributes.find((a) => a.name === name)?.value;
    const [scanned, axes] = [value("num_scan_inputs"), value("scan_input_axes")];
    const first = count - (scanned?.kind === "int" ? scanned.value : count);
    const slice = (type: TensorType | undefined, at: number): TensorType => {
      if (!type || isOpaque(type) || type.dims.length === 0) return OPAQUE;
      const axis = (axes?.kind === "ints" ? axes.values[at] : undefined) ?? 0;
      return { ...type, dims: type.dims.filter((_, i) => i !== (axis < 0 ? axis + type.dims.length : axis)) };
    };
    return { types: body.inputs.map((_, i) => (i < first ? (given[i] ?? OPAQUE) : slice(given[i], i - first))), states: Array.from({ length: Math.max(0, first) }, (_, i) => ({ input: i, output: i })) };
  }
  return { types: body.inputs.map(() => OPAQUE), states: [] };
}

/** Types of a node's inputs by position; undefined for those that are left out. */
function inputTypes(node: Node): readonly (TensorType | undefined)[] {
  let at = 0;
  return (node.attrs.present as readonly number[]).map((given) => (given ? node.inputs[at++]?.type : undefined));
}
