// Types of nodes that are carried through, where these are made again on inputs of other sizes: by the same table that importing goes by.
import { Build } from "../graph/build.ts";
import { type Arena, type Attrs, type Literal, Mismatch, type Node } from "../graph/node.ts";
import { OPAQUE, isOpaque } from "../ops/foreign.ts";
import { type Dim, asNumber } from "../types/dim.ts";
import { type TensorType, printType } from "../types/tensor.ts";
import { type OnnxNode, readAttributes } from "./onnx-file.ts";
import { outputTypes } from "./onnx-types.ts";
import { Use } from "./onnx-use.ts";
import { Value, asValue } from "./onnx-value.ts";
import { Window, memory } from "./protobuf.ts";

/** What a foreign node stands for, its attributes read again. */
function asInFile(node: Node): OnnxNode {
  const { opType, domain, wanted, attributes } = node.attrs as { opType: string; domain: string; wanted: readonly number[]; attributes: Literal };
  return { opType, domain, name: "", overload: "", inputs: [], outputs: wanted.map((w, i) => (w ? `${i}` : "")), attributes: readAttributes(new Window(memory(attributes.bytes))), metadata: [] };
}

/**
 * Attributes of the foreign `node` on other inputs: `attrs` where these have the types that they had, else with the types
 * that follow. Throws `Mismatch` where it is not known what follows.
 */
export function retyped(arena: Arena, node: Node, inputs: readonly Node[], attrs: Attrs): Attrs {
  const isSame = inputs.every((x, i) => sameTypes(x, node.inputs[i] as Node));
  if (isSame || node.types.every(isOpaque)) return attrs;
  const operator = asInFile(node);
  const use = givenUse(arena, node, operator, inputs);
  const unknown = (): never => {
    throw new Mismatch(`nothing is known of how the type of ${operator.opType} follows from its inputs`, inputs.map((x) => printType(x.type)).join(", "), node.inputs.map((x) => printType(x.type)).join(", "));
  };
  const found = outputTypes(operator.domain, operator.opType, {
    inputs: use.values, outputs: operator.outputs.length, fresh: unknown,
    int: (name, otherwise) => use.of.int(name, otherwise), ints: (name) => use.of.ints(name), text: (name, otherwise) => use.of.text(name, otherwise),
  });
  const types = operator.outputs.flatMap((wanted, i): TensorType[] => (wanted === "" ? [] : [found[i] ?? unknown()]));
  if (types.some((type, i) => type.dims.length !== node.types[i]?.dims.length)) return unknown();
  return { ...attrs, dims: types.flatMap((type) => type.dims) };
}

const sameTypes = (a: Node, b: Node): boolean => a === b || (a.type.dims.length === b.type.dims.length && a.type.dims.every((d, i) => d.key === b.type.dims[i]?.key));

function givenUse(arena: Arena, node: Node, operator: OnnxNode, inputs: readonly Node[]): { readonly of: Use; readonly values: readonly (Value | undefined)[] } {
  let at = 0;
  const values = (node.attrs.present as readonly number[]).map((given) => (given ? valueAt(inputs[at++]) : undefined));
  return { of: new Use(operator, new Build(arena), values, new Set()), values };
}

/** A node as a value, with the sizes that its elements are where it was made of sizes. */
function valueAt(node: Node | undefined): Value {
  if (!node) return new Value(OPAQUE, undefined, () => { throw new Error("a foreign node has fewer inputs than it says"); });
  const sizes = sizesIn(node);
  return sizes ? new Value(node.type, sizes, () => node) : asValue(node);
}

/** The sizes that the elements of a node are, where it was made of sizes. */
export function sizesIn(node: Node): readonly Dim[] | undefined {
  const [x] = node.inputs;
  if (node.op === "sizeOf") return [node.attrs.dim as Dim];
  if (node.op === "const") return asValue(node).sizes;
  if ((node.op === "reshape" || node.op === "cast") && x && (asNumber(node.type.dims[0] ?? x.type.dims[0] ?? OPAQUE.dims[0] as Dim) ?? 1) <= 64) return sizesIn(x);
  if (node.op !== "concat" || node.inputs.length > 64) return undefined;
  const parts = node.inputs.map(sizesIn);
  return parts.includes(undefined) ? undefined : (parts as (readonly Dim[])[]).flat();
}
