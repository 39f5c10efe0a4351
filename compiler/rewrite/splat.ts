// Tensors that hold one known number everywhere: literals, fills, and what movement makes of them.
import { BITS } from "../types/tensor.ts";
import { values } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";

/** The number, or undefined where elements differ or are not known while compiling. */
export function splatOf(node: Node): number | undefined {
  if (node.op === "fill") return node.attrs.value as number;
  if (node.op === "const") return splatOfLiteral(node.attrs.value as Literal);
  if (!PASSES.has(node.op)) return undefined;
  // Behind a long way of movement it is asked for at each step.
  const way: Node[] = [];
  let at = node;
  for (; PASSES.has(at.op) && !moved.has(at); at = at.inputs[0] as Node) way.push(at);
  const found = moved.has(at) ? moved.get(at) : splatOf(at);
  for (const each of way) moved.set(each, found);
  return found;
}

/** Of what movement made. */
const moved = new WeakMap<Node, number | undefined>();

/** Movement never changes what stands in a splat. */
const PASSES: ReadonlySet<string> = new Set(["reshape", "expand", "transpose", "slice"]);

const known = new WeakMap<Literal, number | "differs">();

function splatOfLiteral(literal: Literal): number | undefined {
  let found = known.get(literal);
  if (found === undefined) {
    found = readSplat(literal);
    known.set(literal, found);
  }
  return found === "differs" ? undefined : found;
}

function readSplat({ dtype, bytes, kind }: Literal): number | "differs" {
  const width = BITS[dtype] / 8;
  if (bytes.length === 0 || width < 1 || dtype === "f16" || dtype === "bf16") return "differs";
  for (let i = width; i < bytes.length; i++) if (bytes[i] !== bytes[i - width]) return "differs";
  const [value] = values({ kind, dtype, bytes: bytes.subarray(0, width) });
  // A whole number beyond 2⁵³ would be another one.
  return value === undefined || (dtype === "i64" && !Number.isSafeInteger(value)) ? "differs" : value;
}
