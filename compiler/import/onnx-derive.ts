// Numbers that an exporter has baked in, found again: where a node is made on inputs of other sizes, its target shape, the
// ends of its slices and its stretched axes follow from these, as far as the sizes decide it. What they do not decide stays
// as it was, so that the node's own rule refuses it.
import type { Build } from "../graph/build.ts";
import { BROADCASTS, SINGLE } from "../graph/elementwise.ts";
import type { Attrs, Literal, Node } from "../graph/node.ts";
import { Mismatch } from "../graph/node.ts";
import { type Dim, asNumber, constant, divideExactly, multiply, product } from "../types/dim.ts";
import { BITS } from "../types/tensor.ts";
import { retyped } from "./onnx-retype.ts";

/** A size of the file and what stands for it. */
export interface Swap {
  readonly from: Dim;
  readonly to: Dim;
}

/** A node on other inputs. `before`: the types that its inputs had; `attrs`: its attributes, symbols replaced already. */
interface Again {
  readonly node: Node;
  readonly attrs: Attrs;
  readonly inputs: readonly Node[];
  readonly before: readonly (readonly Dim[])[];
}

/** The node made again. Throws `Mismatch` where its rule refuses the new sizes. */
export function derived(b: Build, { node, attrs, inputs, before }: Again, swaps: readonly Swap[]): Node {
  const now = inputs.map((x) => x.type.dims);
  const changed = now.some((dims, i) => !sameDims(dims, before[i] ?? []));
  if (!changed) return b.make(node.op, inputs, attrs);
  const [x, old, dims] = [inputs[0] as Node, before[0] ?? [], now[0] ?? []];
  switch (node.op) {
    case "reshape": return b.make("reshape", inputs, { ...attrs, dims: realigned(old, attrs.dims as readonly Dim[], dims, swaps) ?? (attrs.dims as readonly Dim[]) });
    case "expand": return b.make("expand", inputs, { ...attrs, dims: (attrs.dims as readonly Dim[]).map((d, i) => (old.length === 0 || isOne(dims[i]) ? d : (dims[i] ?? d))) });
    case "slice": {
      const axis = attrs.axis as number;
      const [from, to] = [attrs.from as Dim, attrs.to as Dim];
      return b.make("slice", inputs, { ...attrs, from, to: to.key === old[axis]?.key ? (dims[axis] as Dim) : to });
    }
    case "concat": return b.concat(levelled(b, inputs, attrs.axis as number), attrs.axis as number);
    case "foreign": return b.make("foreign", inputs, foreignAttrs(b, node, inputs, attrs));
    default: return x ? b.make(node.op, BROADCASTS.has(node.op) ? together(b, inputs, swaps) : inputs, attrs) : node;
  }
}

/** Operands of which one counts by a size that stands for the other's: what repeats a value so often repeats it as often as is wanted. */
function together(b: Build, inputs: readonly Node[], swaps: readonly Swap[]): readonly Node[] {
  let parts = inputs;
  for (const axis of inputs.reduce<readonly Node[]>((a, x) => (x.type.dims.length > a.length ? x.type.dims.map(() => x) : a), []).keys())
    for (const { from, to } of swaps)
      if (parts.some((p) => p.type.dims[axis]?.key === to.key)) parts = parts.map((p) => (p.type.dims[axis]?.key === from.key ? (repeated(b, p, axis, from, to) ?? p) : p));
  return parts;
}

/** A value that is the same all along an axis, with another size there; undefined where that is not seen. */
function repeated(b: Build, node: Node, axis: number, from: Dim, to: Dim): Node | undefined {
  if (node.type.dims[axis]?.key !== from.key) return node;
  const dims = node.type.dims.map((d, i) => (i === axis ? to : d));
  const [x] = node.inputs;
  if (node.op === "fill") return b.make("fill", [], { ...node.attrs, dims });
  if (node.op === "const") return evenly(b, node, dims);
  if (node.op === "expand" && x) {
    const inner = x.type.dims.length === 0 || isOne(x.type.dims[axis]) ? x : repeated(b, x, axis, from, to);
    return inner && b.expand(inner, dims);
  }
  if (isTensorwise(node)) {
    const [values, ...scale] = node.inputs as readonly [Node, ...Node[]];
    const inner = repeated(b, values, axis, from, to);
    return inner && b.make("foreign", [inner, ...scale], foreignAttrs(b, node, [inner, ...scale], node.attrs));
  }
  if (!BROADCASTS.has(node.op) && !SINGLE.has(node.op)) return undefined;
  const inputs = node.inputs.map((input) => (input.type.dims.length === 0 ? input : repeated(b, input, axis, from, to)));
  return inputs.includes(undefined) ? undefined : b.make(node.op, inputs as Node[], node.attrs);
}

/** Quantized, or read again, with one scale for the whole tensor. */
const isTensorwise = ({ op, attrs, inputs }: Node): boolean => op === "foreign" && (attrs.opType === "QuantizeLinear" || attrs.opType === "DequantizeLinear") && inputs.slice(1).every((x) => x.type.dims.every(isOne));

/** What is not known of a foreign node stays as the file has it: facts tell whether it holds. */
function foreignAttrs(b: Build, node: Node, inputs: readonly Node[], attrs: Attrs): Attrs {
  try {
    return retyped(b.arena, node, inputs, attrs);
  } catch (error) {
    if (error instanceof Mismatch) return attrs;
    throw error;
  }
}

const isOne = (d: Dim | undefined): boolean => d !== undefined && asNumber(d) === 1;
const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean => a.length === b.length && a.every((d, i) => d.key === b[i]?.key);

/** Parts of a concatenation, of which some have one row where the others have the rows of a batch. */
function levelled(b: Build, parts: readonly Node[], axis: number): Node[] {
  const rank = parts[0]?.type.dims.length ?? 0;
  const wanted = Array.from({ length: rank }, (_, i) => parts.map((p) => p.type.dims[i] as Dim).find((d) => !isOne(d)) ?? constant(1));
  return parts.map((p) => {
    const dims = p.type.dims.map((d, i) => (i !== axis && isOne(d) ? (wanted[i] as Dim) : d));
    return sameDims(dims, p.type.dims) ? p : b.expand(p, dims);
  });
}

/** A constant that holds one number everywhere, in another shape. */
function evenly(b: Build, node: Node, dims: readonly Dim[]): Node | undefined {
  const { dtype, bytes } = node.attrs.value as Literal;
  const width = BITS[dtype] / 8;
  const isEven = width >= 1 && bytes.length > 0 && bytes.every((v, i) => v === bytes[i % width]);
  return isEven ? b.expand(b.const(dtype, dims.map(() => 1), { kind: "literal", dtype, bytes: bytes.subarray(0, width) }), dims) : undefined;
}

/**
 * The shape that a reshape from `old` to `target` means on `now`. Both are cut into the smallest runs of equal products,
 * from the left; what changed in a run of `old` changed in the run of `target`. Undefined where that is not decided.
 */
export function realigned(old: readonly Dim[], target: readonly Dim[], now: readonly Dim[], swaps: readonly Swap[]): readonly Dim[] | undefined {
  const runs = runsOf(old, target);
  if (!runs || now.length !== old.length) return undefined;
  const out: Dim[] = [];
  for (const { from, to } of runs) {
    const [was, is, wanted] = [old.slice(...from), now.slice(...from), target.slice(...to)];
    if (sameDims(was, is)) out.push(...wanted);
    else {
      const found = refilled(was, is, wanted, swaps);
      if (!found) return undefined;
      out.push(...found);
    }
  }
  return out;
}

type Range = readonly [from: number, to: number];

function runsOf(a: readonly Dim[], b: readonly Dim[]): readonly { readonly from: Range; readonly to: Range }[] | undefined {
  const runs: { from: Range; to: Range }[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const start: Range = [i, j];
    let [left, right] = [i < a.length ? (a[i++] as Dim) : constant(1), j < b.length ? (b[j++] as Dim) : constant(1)];
    while (left.key !== right.key) {
      const grows = grower(left, right);
      if (grows === "left" && i < a.length) left = multiply(left, a[i++] as Dim);
      else if (grows === "right" && j < b.length) right = multiply(right, b[j++] as Dim);
      else if (i < a.length && j >= b.length) left = multiply(left, a[i++] as Dim);
      else if (j < b.length && i >= a.length) right = multiply(right, b[j++] as Dim);
      else return undefined;
    }
    runs.push({ from: [start[0], i], to: [start[1], j] });
  }
  return runs;
}

/** Which of two products has to take another factor. */
function grower(left: Dim, right: Dim): "left" | "right" | undefined {
  const [x, y] = [asNumber(left), asNumber(right)];
  if (x !== undefined && y !== undefined) return x < y ? "left" : "right";
  if (divideExactly(right, left)) return "left";
  if (divideExactly(left, right)) return "right";
  // `B` and `6`: the next factors decide.
  return x !== undefined ? "left" : y !== undefined ? "right" : undefined;
}

/** One run of the target on what stands in the run of the input by now. */
function refilled(was: readonly Dim[], is: readonly Dim[], wanted: readonly Dim[], swaps: readonly Swap[]): readonly Dim[] | undefined {
  const total = product(is);
  if (wanted.length === 0) return asNumber(total) === 1 ? [] : undefined;
  if (wanted.length === 1) return [total];
  const changes: Swap[] = [...was.flatMap((from, i) => (from.key === is[i]?.key ? [] : [{ from, to: is[i] as Dim }])), ...swaps];
  // Each size of the target stays, or becomes what stands for it; the first that fits, changes further left before others.
  const tried = (at: number, so: readonly Dim[]): readonly Dim[] | undefined => {
    if (at === wanted.length) return product(so).key === total.key ? so : undefined;
    const here = wanted[at] as Dim;
    for (const to of [...changes.filter((c) => c.from.key === here.key).map((c) => c.to), here]) {
      const found = tried(at + 1, [...so, to]);
      if (found) return found;
    }
    return undefined;
  };
  return wanted.length > 8 ? undefined : (tried(0, []) ?? remaining(wanted, total));
}

/** One size of the target takes what the others leave. */
function remaining(wanted: readonly Dim[], total: Dim): readonly Dim[] | undefined {
  for (const at of wanted.keys()) {
    const rest = divideExactly(total, product(wanted.filter((_, i) => i !== at)));
    if (rest) return wanted.map((d, i) => (i === at ? rest : d));
  }
  return undefined;
}
