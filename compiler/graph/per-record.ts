// Values that differ from record to record where a graph has one for all of them. Positions 0, 1, … are the same in every record,
// until a fold keeps other tokens of each: then what is made of them is made again with the records as one more axis in front,
// up to where it meets values that count the records themselves.
import type { Build } from "./build.ts";
import { BROADCASTS, SINGLE } from "./elementwise.ts";
import { type Attrs, Mismatch, type Node } from "./node.ts";
import { asNumber, constant, type Dim, divideExactly } from "../types/dim.ts";
import { printType } from "../types/tensor.ts";

export interface Seen {
  readonly node: Node;
  /** It has an axis of records in front of those that the graph's own value has. */
  readonly isPerRecord?: boolean | undefined;
  /** Whole numbers that are made of positions: where tokens stood, not where they stand by now. */
  readonly isPosition?: boolean | undefined;
}

/**
 * `node` on other inputs. `attrs`: its attributes by now; `plain`: the node on these inputs where none is per record.
 * Throws `Mismatch` where it cannot be made, or would read tokens at positions that they no longer stand at.
 */
export function madeOf(b: Build, node: Node, inputs: readonly Seen[], attrs: Attrs, batch: Dim, plain: () => Node): Seen {
  const isOf = inputs.some((i) => i.isPosition);
  if (isOf) refuseMisreading(node, inputs);
  const made: Seen = inputs.some((i) => i.isPerRecord) ? madePerRecord(b, node, inputs, attrs, batch) : { node: plain() };
  return isOf && ["i64", "i32"].includes(made.node.type.dtype) ? { ...made, isPosition: true } : made;
}

/** Positions are good for tables that have a row for each. In what was folded itself another token stands there. */
function refuseMisreading(node: Node, inputs: readonly Seen[]): void {
  const [x, places] = inputs;
  const old = node.inputs[0] as Node;
  if (!x || (node.op === "gather" || node.op === "gatherElements" ? !places?.isPosition : node.op !== "foreign")) return;
  const along = (axis: number): boolean => x.node.type.dims[x.isPerRecord ? axis + 1 : axis]?.key !== old.type.dims[axis]?.key;
  if (node.op === "foreign" ? x.node !== old && !x.isPosition : along(node.attrs.axis as number))
    throw new Mismatch(`${node.op === "foreign" ? String(node.attrs.opType) : node.op}: tokens are read at positions that they no longer stand at`, printType(x.node.type), printType(old.type));
}

/**
 * Whether single elements of a value are made of several tokens of what it is given, `counts` telling sizes that count tokens: a
 * running sum, differences of neighbours. It cannot be made again of some tokens, but like any value it has a part for each of them.
 */
export function mixesTokens(node: Node, counts: (size: Dim) => boolean): boolean {
  const along = (axis: unknown, x = node.inputs[0]): boolean => { const d = x?.type.dims[axis as number]; return d !== undefined && counts(d); };
  const { op, attrs, inputs } = node;
  if (op === "slice") return along(attrs.axis) && !(asNumber(attrs.from as Dim) === 0 && (attrs.to as Dim).key === inputs[0]?.type.dims[attrs.axis as number]?.key);
  if (op === "concat") return inputs.some((x) => along(attrs.axis, x));
  if (op === "matmul") return along((inputs[0]?.type.dims.length ?? 0) - 1);
  if (REDUCES.has(op)) return (attrs.axes as readonly number[]).some((axis) => along(axis));
  if (op === "foreign") return !EACH_CARRIED.has(`${attrs.domain}${attrs.opType}`);
  return (ALONG.has(op) || op === "topk" || op === "gather" || op === "gatherElements") && along(attrs.axis);
}

/** Operators of ONNX that were carried through and do the same to each element; what they are given besides has no axes. */
const EACH_CARRIED: ReadonlySet<string> = new Set(["Clip"]);
const ALONG: ReadonlySet<string> = new Set(["slice", "softmax", "cumsum", "argmax", "argmin"]);
const REDUCES: ReadonlySet<string> = new Set(["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2"]);

/** `node` on inputs of which some are per record. Throws `Mismatch` where its meaning for single records is not known. */
function madePerRecord(b: Build, node: Node, inputs: readonly Seen[], attrs: Attrs, batch: Dim): Seen {
  const [x, y] = inputs as readonly [Seen, Seen | undefined];
  const { op } = node;
  const nodes = inputs.map((i) => i.node);
  const inFront = (made: Node): Seen => ({ node: made, isPerRecord: true });
  if (SINGLE.has(op)) return inFront(b.make(op, nodes, attrs));
  if (BROADCASTS.has(op)) return broadcast(b, op, inputs, attrs, batch, 0);
  if (ALONG.has(op)) return inFront(b.make(op, nodes, { ...attrs, axis: (attrs.axis as number) + 1 }));
  if (REDUCES.has(op)) return inFront(b.make(op, nodes, { ...attrs, axes: (attrs.axes as readonly number[]).map((a) => a + 1) }));
  switch (op) {
    case "reshape": return inFront(b.reshape(x.node, [batch, ...(attrs.dims as readonly Dim[])]));
    case "transpose": return inFront(b.transpose(x.node, [0, ...(attrs.perm as readonly number[]).map((p) => p + 1)]));
    case "expand": return expanded(b, x.node, attrs.dims as readonly Dim[], batch);
    case "concat": return inFront(b.concat(inputs.map((i) => inFrontOf(b, i, batch)), (attrs.axis as number) + 1));
    case "matmul": return product(b, inputs as readonly [Seen, Seen], batch);
    case "gather": case "gatherElements": return gathered(b, node, x, y as Seen, attrs.axis as number, batch);
    case "foreign": if (EACH_CARRIED.has(`${attrs.domain}${attrs.opType}`)) return inFront(b.make(op, nodes, { ...attrs, dims: x.node.type.dims, ranks: [x.node.type.dims.length] }));
  }
  throw new Mismatch(`${op}: positions that differ from record to record are not known here`, nodes.map((n) => printType(n.type)).join(", "), node.inputs.map((n) => printType(n.type)).join(", "));
}

const isOne = (d: Dim | undefined): boolean => d !== undefined && asNumber(d) === 1;
const lifted = (b: Build, x: Node): Node => b.reshape(x, [constant(1), ...x.type.dims]);
const inFrontOf = (b: Build, { node, isPerRecord }: Seen, batch: Dim): Node => (isPerRecord ? node : b.expand(lifted(b, node), [batch, ...node.type.dims]));

/** Elementwise: all get an axis of records, or those that have one in front lose it to the axis along which another counts records. `beside`: how many of the last axes multiply. */
function broadcast(b: Build, op: string, inputs: readonly Seen[], attrs: Attrs, batch: Dim, beside: number): Seen {
  const axis = axisOfRecords(inputs, batch, beside);
  if (axis === undefined) return { node: b.make(op, inputs.map((i) => (i.isPerRecord || i.node.type.dims.length === 0 ? i.node : lifted(b, i.node))), attrs), isPerRecord: true };
  const size = inputs.flatMap((i) => (i.isPerRecord || i.node.type.dims.length === 0 ? [] : [i.node.type.dims[axis] as Dim])).find((d) => !isOne(d)) ?? batch;
  return { node: b.make(op, inputs.map((i) => (i.isPerRecord ? merged(b, i.node, axis, size, batch) : i.node)), attrs) };
}

/** Where values that are not per record count records, and the others have one row. */
function axisOfRecords(inputs: readonly Seen[], batch: Dim, beside: number): number | undefined {
  const shared = inputs.filter((i) => !i.isPerRecord && i.node.type.dims.length > 0);
  const rank = shared[0]?.node.type.dims.length ?? 0;
  for (let axis = 0; axis < rank - beside; axis++)
    if (shared.some((i) => counts(i.node.type.dims[axis], batch)) && inputs.every((i) => !i.isPerRecord || isOne(i.node.type.dims[axis + 1]))) return axis;
  return undefined;
}

/** A size of as many records, or of as many times something (`B*H`). */
const counts = (size: Dim | undefined, batch: Dim): boolean => size !== undefined && (size.key === batch.key || (asNumber(batch) === undefined && divideExactly(size, batch) !== undefined));

/** [B, …, 1, …] as […, B, …], or with each record repeated to `size` rows. */
function merged(b: Build, x: Node, axis: number, size: Dim, batch: Dim): Node {
  const { dims } = x.type;
  const order = [...dims.keys()].slice(1);
  const turned = b.transpose(x, [...order.slice(0, axis), 0, ...order.slice(axis)]);
  const [before, after] = [dims.slice(1, axis + 1), dims.slice(axis + 2)];
  const times = divideExactly(size, batch);
  if (size.key === batch.key || !times) return b.reshape(turned, [...before, batch, ...after]);
  return b.reshape(b.expand(turned, [...before, batch, times, ...after]), [...before, size, ...after]);
}

function expanded(b: Build, x: Node, wanted: readonly Dim[], batch: Dim): Seen {
  const own = x.type.dims.slice(1);
  if (own.length !== wanted.length) throw new Mismatch("expand: a number for each record is repeated", printType(x.type), `rank ${wanted.length + 1}`);
  const axis = wanted.findIndex((d, i) => counts(d, batch) && isOne(own[i]));
  if (axis < 0) return { node: b.expand(x, [batch, ...wanted]), isPerRecord: true };
  const made = merged(b, x, axis, wanted[axis] as Dim, batch);
  return { node: made.type.dims.every((d, i) => d.key === wanted[i]?.key) ? made : b.expand(made, wanted) };
}

function product(b: Build, inputs: readonly [Seen, Seen], batch: Dim): Seen {
  const [x, y] = inputs;
  // A matrix of weights multiplies whatever stands before it.
  if (x.isPerRecord && !y.isPerRecord && y.node.type.dims.length === 2) return { node: b.matmul(x.node, y.node), isPerRecord: true };
  return broadcast(b, "matmul", inputs, {}, batch, 2);
}

/** Places that differ from record to record, in a table for all; or a table that does, at the same places. */
function gathered(b: Build, node: Node, x: Seen, places: Seen, axis: number, batch: Dim): Seen {
  if (node.op === "gatherElements") return { node: b.gatherElements(inFrontOf(b, x, batch), inFrontOf(b, places, batch), axis + 1), isPerRecord: true };
  if (x.isPerRecord && places.isPerRecord) throw new Mismatch("gather: both what is read and where differ from record to record", printType(x.node.type), printType((node.inputs[0] as Node).type));
  if (x.isPerRecord) return { node: b.gather(x.node, places.node, axis + 1), isPerRecord: true };
  const made = b.gather(x.node, places.node, axis);
  const order = [...made.type.dims.keys()];
  return { node: b.transpose(made, [axis, ...order.filter((i) => i !== axis)]), isPerRecord: true };
}
