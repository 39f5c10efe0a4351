// What decides the bytes of the data file, as one digest: where it is what it was, weights need not be read again.
import { type Attr, topological, type WeightRef } from "../graph/node.ts";
import type { Host } from "../host.ts";
import { type Dim, type Facts, isDim } from "../types/dim.ts";
import type { TensorType } from "../types/tensor.ts";
import type { Plan } from "./constants.ts";

/** Hex. Plans of one digest have one data file: the same operations on the same parts of files with the same content, at the same places. */
export async function planDigest({ tensors, facts, options }: Plan, host: Host): Promise<string> {
  const order = topological(tensors.map((t) => t.node));
  const numbers = new Map(order.map((node, i) => [node, i]));
  const files = new Set(order.flatMap((node) => (node.op === "weight" ? [(node.attrs.ref as WeightRef).file] : [])));
  const contents = new Map<string, string>();
  for (const file of files) contents.set(file, await host.digestFile(file));
  const told = (attr: Attr): unknown => {
    if (typeof attr === "number") return numberOf(attr);
    if (typeof attr !== "object") return attr;
    if (isDim(attr)) return sizeOf(attr, facts);
    if (!("kind" in attr)) return attr.map((one) => (isDim(one) ? sizeOf(one, facts) : typeof one === "number" ? numberOf(one) : one));
    if (attr.kind === "literal") return [attr.dtype, host.digest(attr.bytes)];
    return [contents.get(attr.file), attr.offset, attr.length, attr.dtype, attr.shape];
  };
  const nodes = order.map((node) => [node.op, node.inputs.map((input) => numbers.get(input)), node.types.map((type) => typeOf(type, facts)), Object.entries(node.attrs).map(([name, attr]) => [name, told(attr)])]);
  const places = tensors.map(({ node, offset, length }) => [numbers.get(node), offset, length]);
  return host.digest(new TextEncoder().encode(JSON.stringify([nodes, places, options.unchecked ?? false])));
}

/** JSON has neither infinities nor a negative zero. */
const numberOf = (value: number): number | string => (Number.isFinite(value) && !Object.is(value, -0) ? value : `${Object.is(value, -0) ? "-0" : value}`);
const sizeOf = (dim: Dim, facts: Facts): number | string => facts.number(dim) ?? dim.key;
const typeOf = ({ dtype, dims }: TensorType, facts: Facts): unknown => [dtype, ...dims.map((dim) => sizeOf(dim, facts))];
