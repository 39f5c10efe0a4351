// Computes constant nodes in TypeScript, a box at a time: what a box of the result needs of each weight is all that is ever in memory.
import { type Literal, type Node, topological, type WeightRef } from "../graph/node.ts";
import { opOf } from "../ops/index.ts";
import { sample } from "../ops/sample.ts";
import type { Dim, Facts } from "../types/dim.ts";
import { BITS, type DType, isFloat } from "../types/tensor.ts";
import { binaryOf, mapBinary, mapChoice, mapUnary, type Operand, unaryOf } from "./arithmetic.ts";
import { type Box, type Target, copyStrided, count, dot, indices, isPacked, layout, packedStrides, panels, stridesInOrder, whole } from "./boxes.ts";
import { converter, decode, encode, numbers, type Numbers, numbersIn, roundTo, workingBytes } from "./numbers.ts";
import { reshapePieces } from "./reshape-pieces.ts";
import type { WeightReader } from "./weight-reader.ts";

/** Elements of a panel: of what is computed at once, and the most for a result whose rows are columns of the file. */
const PANEL = 2 ** 20;
const LARGEST_PANEL = 2 ** 24;
const LARGEST_COMPUTED = 2 ** 21;
/** Values this small are kept while one result is computed, if several ask for them. */
const KEPT = 2 ** 18;
/** A shared part is computed again for each user; beyond this many visits the host's evaluator is the better way. */
const MOST_VISITS = 200;
const REDUCTIONS = new Set(["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2"]);
const GENERATED = new Set(["const", "iota", "fill", "sizeOf", "random", "windowMask", "poolMatrix"]);
const VIEWS = new Set(["weight", "cast", "reshape", "transpose", "slice", "concat", "expand", ...GENERATED]);

export class ConstantValues {
  readonly #facts: Facts;
  readonly #reader: WeightReader;
  readonly #kept = new Map<Node, Numbers>();
  readonly #scratch = new Scratch();

  constructor(facts: Facts, reader: WeightReader) {
    this.#facts = facts;
    this.#reader = reader;
  }

  /** Whether everything behind the node can be computed here. */
  supports(root: Node): boolean {
    const visits = new Map<Node, number>();
    for (const node of topological([root])) {
      const sum = node.inputs.reduce((total, x) => total + (visits.get(x) as number), 1);
      visits.set(node, !this.#supportsOp(node) || sum > MOST_VISITS ? Infinity : this.#isKept(node) ? 1 : sum);
    }
    return visits.get(root) !== Infinity;
  }

  /** The value as stored bytes, panel by panel. A panel is overwritten when the next one is asked for. */
  *stream(root: Node): Generator<Uint8Array> {
    const sizes = this.sizes(root);
    const stored = storedWeight(root);
    if (stored) return yield* this.#copy(stored);
    const { dtype } = root.type;
    const most = this.#panelSize(root, count(sizes));
    const buffer = this.#scratch.take(Math.min(count(sizes), most + (sizes[sizes.length - 1] ?? 1)) * workingBytes(dtype));
    for (const box of panels(sizes, most)) {
      const length = count(box.sizes);
      const panel = length * workingBytes(dtype) <= buffer.byteLength ? numbersIn(buffer, dtype, length) : numbers(dtype, length);
      this.fill(root, box, { array: panel, start: 0, strides: packedStrides(box.sizes) });
      yield encode(dtype, panel, 0, length);
    }
    this.#scratch.give(buffer);
    this.#forget();
  }

  sizes(node: Node): number[] {
    return node.type.dims.map((d) => this.#size(d));
  }

  /** Computes a box of the node into its target, whose array holds numbers of the node's type. */
  fill(node: Node, box: Box, target: Target): void {
    if (count(box.sizes) === 0) return;
    const kept = this.#kept.get(node) ?? this.#keep(node);
    if (kept) return copyStrided(box.sizes, this.#part(node, kept, box), target);
    const [x] = node.inputs as readonly [Node, ...Node[]];
    switch (node.op) {
      case "weight": return this.#reader.box(node.attrs.ref as WeightRef, box, target);
      case "cast": return this.#cast(x, node.type.dtype, box, target);
      case "transpose": return this.#transpose(node, x, box, target);
      case "slice": return this.#slice(node, x, box, target);
      case "concat": return this.#concat(node, box, target);
      case "reshape": return this.#reshape(node, x, box, target);
      case "expand": return this.#expand(x, box, target);
      case "gather": return this.#gather(node, box, target);
      default: return REDUCTIONS.has(node.op) ? this.#reduce(node, x, box, target) : this.#elementwise(node, box, target);
    }
  }

  #size(dim: Dim): number {
    const size = this.#facts.number(dim);
    if (size === undefined) throw new Error(`the size ${dim.key} of a constant is not known`);
    return size;
  }

  #supportsOp(node: Node): boolean {
    const { dtype } = (node.inputs[0] ?? node).type;
    if (node.types.length !== 1) return false;
    if (VIEWS.has(node.op) || node.op === "gather" || node.op === "where") return true;
    if (REDUCTIONS.has(node.op)) return isFloat(dtype) || node.op === "reduceMax" || node.op === "reduceMin";
    return node.inputs.length === 1 ? unaryOf(node.op) !== undefined : node.inputs.length === 2 && binaryOf(node.op, dtype) !== undefined;
  }

  /** Copies of whole rows want few and large panels, others small ones; a result whose rows are columns of the file is worth more memory, for fewer passes over the file. */
  #panelSize(root: Node, total: number): number {
    if (this.#majorAxis(root) === 0) return PANEL;
    const most = onlyViews(root) ? LARGEST_PANEL : LARGEST_COMPUTED;
    return Math.min(most, Math.max(PANEL, Math.ceil(total / 8)));
  }

  /** The axis along which neighbours lie furthest apart in the file. */
  #majorAxis(node: Node): number {
    const [x] = node.inputs;
    if (!x) return 0;
    if (node.op === "transpose") return (node.attrs.perm as readonly number[]).indexOf(this.#majorAxis(x));
    if (node.op === "reshape") return this.#majorAxis(x) === 0 ? 0 : node.type.dims.length - 1;
    const from = node.inputs.find((i) => i.type.dims.length === node.type.dims.length) ?? x;
    const axis = this.#majorAxis(from);
    return REDUCTIONS.has(node.op) || node.op === "gather" ? 0 : axis;
  }

  *#copy(ref: WeightRef): Generator<Uint8Array> {
    const step = (PANEL * BITS[ref.dtype]) / 8;
    for (let at = 0; at < ref.length; at += step) yield this.#reader.stored(ref, at, Math.min(step, ref.length - at));
  }

  // ── values that are kept ──

  #isKept(node: Node): boolean {
    return GENERATED.has(node.op) || (REDUCTIONS.has(node.op) && count(this.sizes(node)) <= KEPT);
  }

  #keep(node: Node): Numbers | undefined {
    if (!this.#isKept(node)) return undefined;
    const values = GENERATED.has(node.op) ? this.#generate(node) : this.#reduced(node, node.inputs[0] as Node, whole(this.sizes(node)));
    this.#kept.set(node, values);
    return values;
  }

  /** Small reductions stay for the next result: the scale of a weight is also a constant of its own. */
  #forget(): void {
    let sum = 0;
    for (const [node, values] of this.#kept) {
      sum += values.byteLength;
      if (GENERATED.has(node.op) || sum > 2 ** 24) this.#kept.delete(node);
    }
  }

  /** A node's values from its attributes alone. A `fill` is one number, however large. */
  #generate(node: Node): Numbers {
    const { dtype } = node.type;
    const length = node.op === "fill" ? 1 : count(this.sizes(node));
    const values = numbers(dtype, length);
    if (node.op === "fill") {
      values[0] = node.attrs.value as number;
      roundTo(dtype, values, 1);
    } else if (node.op === "random") {
      values.set(sample(node.attrs.distribution as "normal" | "uniform", node.attrs.seed as number, length));
    } else {
      const made = opOf(node.op).elements?.(node, this.#facts) as Literal | undefined;
      if (!made) throw new Error(`${node.op} has no values of its own`);
      decode(dtype, made.bytes, values, 0, length);
    }
    return values;
  }

  #part(node: Node, values: Numbers, box: Box): Target {
    if (node.op === "fill") return { array: values, start: 0, strides: box.sizes.map(() => 0) };
    const strides = packedStrides(this.sizes(node));
    return { array: values, start: dot(box.from, strides), strides };
  }

  // ── movement ──

  #transpose(node: Node, x: Node, box: Box, target: Target): void {
    const perm = node.attrs.perm as readonly number[];
    const back = perm.map((_, axis) => perm.indexOf(axis));
    const turned = (list: readonly number[]): number[] => back.map((at) => list[at] as number);
    this.fill(x, { from: turned(box.from), sizes: turned(box.sizes) }, { ...target, strides: turned(target.strides) });
  }

  #slice(node: Node, x: Node, box: Box, target: Target): void {
    const { axis, step } = node.attrs as { axis: number; step: number };
    const start = this.#size(node.attrs.from as Dim) + (box.from[axis] as number) * step;
    const covered = ((box.sizes[axis] as number) - 1) * step + 1;
    const inner = { from: replaced(box.from, axis, start), sizes: replaced(box.sizes, axis, covered) };
    if (step === 1) return this.fill(x, inner, target);
    this.#with(x, inner, (values) => {
      const strides = packedStrides(inner.sizes);
      copyStrided(box.sizes, { array: values, start: 0, strides: replaced(strides, axis, (strides[axis] as number) * step) }, target);
    });
  }

  #concat(node: Node, box: Box, target: Target): void {
    const axis = node.attrs.axis as number;
    const [from, to] = [box.from[axis] as number, (box.from[axis] as number) + (box.sizes[axis] as number)];
    let at = 0;
    for (const part of node.inputs) {
      const end = at + this.#size(part.type.dims[axis] as Dim);
      const [low, high] = [Math.max(from, at), Math.min(to, end)];
      if (low < high) {
        const start = target.start + (low - from) * (target.strides[axis] as number);
        this.fill(part, { from: replaced(box.from, axis, low - at), sizes: replaced(box.sizes, axis, high - low) }, { ...target, start });
      }
      at = end;
    }
  }

  #reshape(node: Node, x: Node, box: Box, target: Target): void {
    const pieces = reshapePieces(this.sizes(x), this.sizes(node), box);
    const write = (packed: Numbers, start: number): void => {
      for (const piece of pieces) this.fill(x, piece.box, { array: packed, start: start + piece.start, strides: piece.strides });
    };
    if (isPacked(box.sizes, target.strides)) return write(target.array, target.start);
    const buffer = this.#scratch.take(count(box.sizes) * workingBytes(node.type.dtype));
    const values = numbersIn(buffer, node.type.dtype, count(box.sizes));
    write(values, 0);
    copyStrided(box.sizes, { array: values, start: 0, strides: packedStrides(box.sizes) }, target);
    this.#scratch.give(buffer);
  }

  #expand(x: Node, box: Box, target: Target): void {
    const order = box.sizes.map((_, axis) => axis);
    const { values, strides, buffer } = this.#operand(x, box, order);
    copyStrided(box.sizes, { array: values, start: 0, strides }, target);
    this.#scratch.give(buffer);
  }

  /** Rows that indices name; neighbours that stay neighbours are read together. */
  #gather(node: Node, box: Box, target: Target): void {
    const [x, indexNode] = node.inputs as readonly [Node, Node];
    const axis = node.attrs.axis as number;
    const rank = indexNode.type.dims.length;
    const size = this.#size(x.type.dims[axis] as Dim);
    const around = (list: readonly number[], own: number): number[] => [...list.slice(0, axis), own, ...list.slice(axis + rank)];
    const named = { from: box.from.slice(axis, axis + rank), sizes: box.sizes.slice(axis, axis + rank) };
    this.#with(indexNode, named, (list) => {
      const places = [...indices(named.sizes)].map((at) => dot(at, target.strides.slice(axis, axis + rank)));
      for (let i = 0; i < places.length; ) {
        const first = wrapped(list[i] as number, size);
        const step = (places[i + 1] ?? 0) - (places[i] as number);
        let run = 1;
        while (i + run < places.length && wrapped(list[i + run] as number, size) === first + run && (places[i + run] as number) - (places[i + run - 1] as number) === step) run++;
        this.fill(x, { from: around(box.from, first), sizes: around(box.sizes, run) }, { array: target.array, start: target.start + (places[i] as number), strides: around(target.strides, step) });
        i += run;
      }
    });
  }

  // ── arithmetic ──

  #cast(x: Node, to: DType, box: Box, target: Target): void {
    const from = x.type.dtype;
    // The small floats are held in 32 bits, so that widening them is no work at all.
    if (to === "f32" && (from === "f16" || from === "bf16")) return this.fill(x, box, target);
    this.#produce(to, box, target, (out, order) => {
      const { values, buffer } = this.#operand(x, box, order);
      const convert = converter(from, to);
      if (to === "i8") out.set(values);
      else for (let i = 0; i < out.length; i++) out[i] = convert(values[i] as number);
      this.#scratch.give(buffer);
    });
  }

  #elementwise(node: Node, box: Box, target: Target): void {
    const { dtype } = node.type;
    const [x] = node.inputs as readonly [Node, ...Node[]];
    this.#produce(dtype, box, target, (out, order) => {
      if (node.inputs.length === 1 && x.type.dtype === dtype) {
        this.fill(x, box, { array: out, start: 0, strides: stridesInOrder(box.sizes, order) });
        mapUnary(node.op, out, out.length);
      } else {
        const operands = node.inputs.map((input) => this.#operand(input, box, order));
        if (operands.length > 1) mapRows(node, order.map((axis) => box.sizes[axis] as number), operands, out);
        else {
          const { values } = operands[0] as Prepared;
          mapUnary(node.op, values, out.length);
          out.set(values);
        }
        for (const { buffer } of operands) this.#scratch.give(buffer);
      }
      roundTo(dtype, out, out.length);
    });
  }

  /** Has a box made without gaps, in the order of its target: in the target itself, if it has no gaps either. */
  #produce(dtype: DType, box: Box, target: Target, make: (out: Numbers, order: readonly number[]) => void): void {
    const order = layout(box.sizes, target.strides);
    const length = count(box.sizes);
    const strides = stridesInOrder(box.sizes, order);
    if (box.sizes.every((s, axis) => s === 1 || strides[axis] === target.strides[axis])) return make(target.array.subarray(target.start, target.start + length), order);
    const buffer = this.#scratch.take(length * workingBytes(dtype));
    const out = numbersIn(buffer, dtype, length);
    make(out, order);
    copyStrided(box.sizes, { array: out, start: 0, strides }, target);
    this.#scratch.give(buffer);
  }

  /** An operand for a box of the result, without gaps; `strides` are those of the result's axes in the given order. */
  #operand(x: Node, box: Box, order: readonly number[]): Prepared {
    const inner = this.#broadcastBox(x, box);
    const length = count(inner.sizes);
    const buffer = this.#scratch.take(length * workingBytes(x.type.dtype));
    const values = numbersIn(buffer, x.type.dtype, length);
    const own = inner.sizes.length === 0 ? [] : stridesInOrder(inner.sizes, order);
    this.fill(x, inner, { array: values, start: 0, strides: own });
    return { values, strides: order.map((axis) => (inner.sizes[axis] === box.sizes[axis] ? (own[axis] as number) : 0)), buffer };
  }

  /** What an operand has to give for a box of the result: one element where its size of 1 stretches. */
  #broadcastBox(x: Node, box: Box): Box {
    const sizes = this.sizes(x);
    if (sizes.length === 0) return { from: [], sizes: [] };
    return { from: box.from.map((f, axis) => (sizes[axis] === 1 ? 0 : f)), sizes: box.sizes.map((s, axis) => (sizes[axis] === 1 ? 1 : s)) };
  }

  #reduce(node: Node, x: Node, box: Box, target: Target): void {
    copyStrided(box.sizes, { array: this.#reduced(node, x, box), start: 0, strides: packedStrides(box.sizes) }, target);
  }

  /** A box of a reduction, packed. The input is visited in panels along the axis that its file is ordered by. */
  #reduced(node: Node, x: Node, box: Box): Numbers {
    const axes = node.attrs.axes as readonly number[];
    const sizes = this.sizes(x);
    let next = 0;
    const outAxis = sizes.map((_, axis) => {
      if (!axes.includes(axis)) return next++;
      if (node.attrs.keep) next++;
      return -1;
    });
    const inner: Box = { from: sizes.map((_, a) => (outAxis[a] === -1 ? 0 : (box.from[outAxis[a] as number] as number))), sizes: sizes.map((s, a) => (outAxis[a] === -1 ? s : (box.sizes[outAxis[a] as number] as number))) };
    const outStrides = packedStrides(box.sizes);
    const steps = sizes.map((_, a) => (outAxis[a] === -1 ? 0 : (outStrides[outAxis[a] as number] as number)));
    const sums = new Float64Array(count(box.sizes)).fill(START[node.op] as number);
    // Panels lie in the order of the file, so that nothing is turned around only to be summed.
    const order = this.#fileOrder(x);
    for (const part of this.#reductionPanels(inner, order)) {
      const { values, buffer } = this.#operand(x, part, order);
      const start = dot(part.from.map((f, a) => f - (inner.from[a] as number)), steps);
      accumulate(node.op, values, order.map((a) => part.sizes[a] as number), sums, start, order.map((a) => steps[a] as number));
      this.#scratch.give(buffer);
    }
    const reduced = axes.reduce((product, a) => product * (sizes[a] as number), 1);
    const out = numbers(node.type.dtype, sums.length);
    for (let i = 0; i < sums.length; i++) out[i] = node.op === "reduceMean" ? (sums[i] as number) / reduced : node.op === "reduceL2" ? Math.sqrt(sums[i] as number) : (sums[i] as number);
    roundTo(node.type.dtype, out, out.length);
    return out;
  }

  #fileOrder(x: Node): number[] {
    const order = x.type.dims.map((_, axis) => axis);
    const major = this.#majorAxis(x);
    if (major > 0) order.unshift(...order.splice(major, 1));
    return order;
  }

  *#reductionPanels(box: Box, order: readonly number[]): Generator<Box> {
    for (const panel of panels(order.map((a) => box.sizes[a] as number), PANEL))
      yield {
        from: box.from.map((f, a) => f + (panel.from[order.indexOf(a)] as number)),
        sizes: box.sizes.map((_, a) => panel.sizes[order.indexOf(a)] as number),
      };
  }

  /** Runs `body` on a box of a node, packed. */
  #with(x: Node, box: Box, body: (values: Numbers, length: number) => void): void {
    const length = count(box.sizes);
    const buffer = this.#scratch.take(length * workingBytes(x.type.dtype));
    const values = numbersIn(buffer, x.type.dtype, length);
    this.fill(x, box, { array: values, start: 0, strides: packedStrides(box.sizes) });
    body(values, length);
    this.#scratch.give(buffer);
  }
}

interface Prepared {
  readonly values: Numbers;
  readonly strides: readonly number[];
  readonly buffer: ArrayBuffer;
}

const replaced = (list: readonly number[], at: number, value: number): number[] => list.map((x, i) => (i === at ? value : x));
const wrapped = (index: number, size: number): number => (index < 0 ? index + size : index);

/** The weight whose stored bytes are the value of this node: it is only seen in another shape, if that. */
function storedWeight(node: Node): WeightRef | undefined {
  if (node.op === "weight") return node.attrs.ref as WeightRef;
  return node.op === "reshape" ? storedWeight(node.inputs[0] as Node) : undefined;
}

function onlyViews(node: Node): boolean {
  return VIEWS.has(node.op) && node.inputs.every(onlyViews);
}

const START: Readonly<Record<string, number>> = { reduceSum: 0, reduceMean: 0, reduceL2: 0, reduceProd: 1, reduceMax: -Infinity, reduceMin: Infinity };

/** Takes values, row by row, into the sums that `start` and `steps` point at. */
function accumulate(op: string, values: Numbers, sizes: readonly number[], sums: Float64Array, start: number, steps: readonly number[]): void {
  const row = sizes[sizes.length - 1] ?? 1;
  const step = steps[steps.length - 1] ?? 0;
  let v = 0;
  for (const index of indices(sizes.slice(0, -1))) {
    const at = start + dot(index, steps.slice(0, -1));
    const end = v + row;
    // NaN wins every comparison that is written so.
    if (op === "reduceMax") for (let i = at; v < end; v++, i += step) { if (!((values[v] as number) <= (sums[i] as number))) sums[i] = values[v] as number; }
    else if (op === "reduceMin") for (let i = at; v < end; v++, i += step) { if (!((values[v] as number) >= (sums[i] as number))) sums[i] = values[v] as number; }
    else if (op === "reduceProd") for (let i = at; v < end; v++, i += step) sums[i] = (sums[i] as number) * (values[v] as number);
    else if (op === "reduceL2") for (let i = at; v < end; v++, i += step) sums[i] = (sums[i] as number) + (values[v] as number) ** 2;
    else for (let i = at; v < end; v++, i += step) sums[i] = (sums[i] as number) + (values[v] as number);
  }
}

/** Elementwise over operands whose strides are those of the result's axes, in the order of `sizes`. */
function mapRows(node: Node, sizes: readonly number[], operands: readonly Prepared[], out: Numbers): void {
  const { dtype } = (node.inputs[node.op === "where" ? 1 : 0] as Node).type;
  // Without broadcasting, all is one long row.
  const isFlat = operands.every((o) => isPacked(sizes, o.strides));
  const row = isFlat ? out.length : (sizes[sizes.length - 1] ?? 1);
  let at = 0;
  for (const index of indices(isFlat ? [] : sizes.slice(0, -1))) {
    const rows = operands.map(({ values, strides }): Operand => ({
      array: values, start: dot(index, strides), step: isFlat ? 1 : (strides[strides.length - 1] ?? 0),
    }));
    const [a, b, c] = rows as [Operand, Operand, Operand | undefined];
    if (c) mapChoice(a, b, c, out, at, row);
    else mapBinary(node.op, dtype, a, b, out, at, row);
    at += row;
  }
}

/** Buffers that are used again, so that a model of gigabytes leaves no more garbage than a small one. */
class Scratch {
  #free: ArrayBuffer[] = [];

  take(bytes: number): ArrayBuffer {
    let best = -1;
    this.#free.forEach((buffer, i) => {
      if (buffer.byteLength >= bytes && (best < 0 || buffer.byteLength < (this.#free[best] as ArrayBuffer).byteLength)) best = i;
    });
    // A small wish does not take a large buffer away.
    if (best >= 0 && (this.#free[best] as ArrayBuffer).byteLength <= Math.max(4 * bytes, 2 ** 16)) return this.#free.splice(best, 1)[0] as ArrayBuffer;
    return new ArrayBuffer(Math.max(64, Math.ceil(bytes / 8) * 8));
  }

  give(buffer: ArrayBuffer): void {
    this.#free.push(buffer);
    let sum = this.#free.reduce((total, b) => total + b.byteLength, 0);
    while (sum > 2 ** 25) sum -= (this.#free.shift() as ArrayBuffer).byteLength;
  }
}
