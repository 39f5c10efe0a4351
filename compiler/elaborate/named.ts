// Arithmetic on tensors by the names of their axes: works out positions, inserts the reshapes and transposes, and leaves a positional graph.
// Throws `Mismatch`; the evaluator knows the place in the source.
import type { BinaryOp, Build, ReduceOp, Size, UnaryOp } from "../graph/build.ts";
import { Mismatch, type Node } from "../graph/node.ts";
import { type Dim, add, constant, divideExactly, floorDivide, product } from "../types/dim.ts";
import { type DType, isFloat } from "../types/tensor.ts";
import { type SizedName, type Tensor, dimOf, showTensor, tensor } from "./value.ts";

export class Named {
  readonly b: Build;
  #anonymous = 0;

  constructor(b: Build) {
    this.b = b;
  }

  /** A name for an axis that its author did not name; it binds by position only. */
  anonymous(): string {
    return `_${this.#anonymous++}`;
  }

  axis(x: Tensor, name: string): number {
    const at = x.axes.indexOf(name);
    if (at < 0) throw new Mismatch(`there is no axis ${name} here`, showTensor(x), `an axis ${name}`, { name, known: x.axes.filter((a) => !a.startsWith("_")) });
    return at;
  }

  // ── elementwise ──
  unary(op: UnaryOp, x: Tensor): Tensor {
    return tensor(this.b.unary(op, x.node), x.axes);
  }

  /** Aligned by name: the axes of one operand must all stand in the other. */
  binary(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
    const axes = this.union(a, b);
    return tensor(this.b.binary(op, this.aligned(a, axes), this.aligned(b, axes)), axes);
  }

  where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
    const values = this.union(a, b);
    const axes = this.union({ ...a, axes: values }, condition);
    return tensor(this.b.where(this.aligned(condition, axes), this.aligned(a, axes), this.aligned(b, axes)), axes);
  }

  /** The axes of the result of an elementwise operation. */
  union(a: Tensor, b: { readonly axes: readonly string[]; readonly node: Node }): readonly string[] {
    const extraA = a.axes.filter((n) => !b.axes.includes(n));
    const extraB = b.axes.filter((n) => !a.axes.includes(n));
    if (extraB.length === 0) return a.axes;
    if (extraA.length === 0) return b.axes;
    throw new Mismatch(
      `these two are not aligned: ${extraA.join(", ")} stands only on the left, ${extraB.join(", ")} only on the right`,
      `${showTensor(a)} and ${showTensor({ kind: "tensor", node: b.node, axes: b.axes })}`,
      "one side to have all axes of the other (rename with `as [...]`)",
    );
  }

  /** `x` transposed and with sizes of 1 put in, so that its axes stand as in `axes`; rank 0 stays. */
  aligned(x: Tensor, axes: readonly string[]): Node {
    if (x.axes.length === 0) return x.node;
    const order = axes.filter((n) => x.axes.includes(n));
    const moved = this.permuted(x, order);
    if (order.length === axes.length) return moved.node;
    return this.b.reshape(moved.node, axes.map((n) => dimOf(moved, n) ?? constant(1)));
  }

  permuted(x: Tensor, axes: readonly string[]): Tensor {
    if (axes.length !== x.axes.length || new Set(axes).size !== axes.length)
      throw new Mismatch("an order names every axis once", showTensor(x), `the axes (${axes.join(", ")})`);
    return tensor(this.b.transpose(x.node, axes.map((n) => this.axis(x, n))), axes);
  }

  number(like: Tensor | DType, value: number): Tensor {
    const dtype = typeof like === "string" ? like : like.node.type.dtype;
    if (!Number.isInteger(value) && !isFloat(dtype)) throw new Mismatch(`${value} is no whole number`, `Float ${value}`, dtype);
    if (dtype === "f16" || dtype === "bf16") return tensor(this.b.cast(this.b.scalar("f32", value), dtype), []);
    return tensor(this.b.scalar(dtype, value), []);
  }

  /** A size as a run-time number of `like`'s element type. */
  sizeAs(like: Tensor | DType, dim: Dim): Tensor {
    const dtype = typeof like === "string" ? like : like.node.type.dtype;
    return tensor(this.b.cast(this.b.sizeOf(dim), dtype), []);
  }

  // ── reductions ──
  reduce(op: ReduceOp, x: Tensor, over: readonly string[]): Tensor {
    if (over.length === 0) return x;
    const axes = over.map((n) => this.axis(x, n)).sort((p, q) => p - q);
    return tensor(this.b.reduce(op, x.node, axes, false), x.axes.filter((n) => !over.includes(n)));
  }

  arg(op: "argmax" | "argmin", x: Tensor, over: string): Tensor {
    const at = this.axis(x, over);
    return tensor(op === "argmax" ? this.b.argmax(x.node, at) : this.b.argmin(x.node, at), x.axes.filter((n) => n !== over));
  }

  softmax(x: Tensor, over: string): Tensor {
    return tensor(this.b.softmax(x.node, this.axis(x, over)), x.axes);
  }

  cumsum(x: Tensor, over: string): Tensor {
    return tensor(this.b.cumsum(x.node, this.axis(x, over)), x.axes);
  }

  top(x: Tensor, count: Size, over: string, as: string, largest: boolean): [Tensor, Tensor] {
    const at = this.axis(x, over);
    const both = this.b.topk(x.node, count, at, largest);
    const axes = x.axes.map((n) => (n === over ? as : n));
    this.#distinct(axes, x);
    return [tensor(this.b.item(both, 0), axes), tensor(this.b.item(both, 1), axes)];
  }

  /** Positions along `over` where the condition holds, and which of them are some: `as` is their axis, of the size `some`. */
  choose(mask: Tensor, over: string, as: string, least: 0 | 1, some: (mask: Node) => Dim): [Tensor, Tensor] {
    const at = this.axis(mask, over);
    const rest = mask.axes.filter((n) => n !== over);
    const last = this.permuted(mask, [...rest, over]).node;
    const both = this.b.choose(last, some(last), least);
    const axes = [...rest, as];
    this.#distinct(axes, mask);
    const place = (index: number): Tensor => this.permuted(tensor(this.b.item(both, index), axes), [...rest.slice(0, at), as, ...rest.slice(at)]);
    return [place(0), place(1)];
  }

  // ── products ──
  /** Sums products over the named axes; other axes that both have go along in pairs. Result: shared and `a`'s axes in `a`'s order, then `b`'s own. */
  dot(a: Tensor, b: Tensor, over: readonly string[]): Tensor {
    for (const name of over) {
      const [left, right] = [dimOf(a, name), dimOf(b, name)];
      if (!left || !right) throw new Mismatch(`there is no axis ${name} on both sides`, `${showTensor(a)} and ${showTensor(b)}`, `${name} in both`);
      if (!this.b.arena.facts.equal(left, right)) throw new Mismatch(`${name} has two sizes`, `${showTensor(a)} and ${showTensor(b)}`, `one size for ${name}`);
    }
    const batch = a.axes.filter((n) => b.axes.includes(n) && !over.includes(n));
    const freeA = a.axes.filter((n) => !batch.includes(n) && !over.includes(n));
    const freeB = b.axes.filter((n) => !batch.includes(n) && !over.includes(n));
    const inner = product(over.map((n) => dimOf(a, n) as Dim));
    const sizesOf = (t: Tensor, names: readonly string[]): Dim[] => names.map((n) => dimOf(t, n) as Dim);

    const left = this.permuted(a, [...batch, ...freeA, ...over]);
    const right = this.permuted(b, [...batch, ...over, ...freeB]);
    const rows = batch.length === 0 ? sizesOf(a, freeA) : [product(sizesOf(a, freeA))];
    const columns = product(sizesOf(b, freeB));
    const lead = sizesOf(a, batch);
    const leftNode = this.#reshaped(left.node, [...lead, ...(rows.length === 0 ? [constant(1)] : rows), inner]);
    const rightNode = this.#reshaped(right.node, [...lead, inner, columns]);
    const out = this.b.matmul(leftNode, rightNode);
    const shaped = this.#reshaped(out, [...lead, ...sizesOf(a, freeA), ...sizesOf(b, freeB)]);
    const made = tensor(shaped, [...batch, ...freeA, ...freeB]);
    return this.permuted(made, [...a.axes.filter((n) => !over.includes(n)), ...freeB]);
  }

  #reshaped(x: Node, dims: readonly Dim[]): Node {
    const same = dims.length === x.type.dims.length && dims.every((d, i) => d.key === x.type.dims[i]?.key);
    return same ? x : this.b.reshape(x, dims);
  }

  // ── movement ──
  rename(x: Tensor, axes: readonly string[]): Tensor {
    if (axes.length !== x.axes.length) throw new Mismatch("`as` names every axis", showTensor(x), `${axes.length} axes`);
    this.#distinct(axes, x);
    return tensor(x.node, axes);
  }

  /** `C into (H = heads, D)`: one size may be left open. */
  split(x: Tensor, from: string, to: readonly SizedName[]): Tensor {
    const at = this.axis(x, from);
    const whole = x.node.type.dims[at] as Dim;
    const open = to.filter((t) => t.size === undefined);
    if (open.length > 1) throw new Mismatch("at most one size may be left open", `(${to.map((t) => t.name).join(", ")})`, "sizes for all parts but one");
    const given = product(to.flatMap((t) => (t.size ? [t.size] : [])));
    const facts = this.b.arena.facts;
    const rest = divideExactly(whole, given) ?? divideExactly(facts.bind(whole), facts.bind(given)) ?? floorDivide(facts.bind(whole), facts.bind(given));
    const sizes = to.map((t) => t.size ?? rest);
    const axes = [...x.axes.slice(0, at), ...to.map((t) => t.name), ...x.axes.slice(at + 1)];
    this.#distinct(axes, x);
    const dims = [...x.node.type.dims.slice(0, at), ...sizes, ...x.node.type.dims.slice(at + 1)];
    return tensor(this.b.reshape(x.node, dims), axes);
  }

  /** `(H, D) into C`: the first name varies slowest; C stands where the first one stood. */
  join(x: Tensor, from: readonly string[], to: string): Tensor {
    const [first] = from;
    if (!first) throw new Mismatch("nothing to join", "()", "at least one axis");
    for (const name of from) this.axis(x, name);
    const rest = x.axes.filter((n) => !from.includes(n));
    const at = x.axes.slice(0, this.axis(x, first)).filter((n) => !from.includes(n)).length;
    const moved = this.permuted(x, [...rest.slice(0, at), ...from, ...rest.slice(at)]);
    const axes = [...rest.slice(0, at), to, ...rest.slice(at)];
    this.#distinct(axes, x);
    const dims = axes.map((n) => (n === to ? product(from.map((f) => dimOf(x, f) as Dim)) : (dimOf(x, n) as Dim)));
    return tensor(this.#reshaped(moved.node, dims), axes);
  }

  concat(parts: readonly Tensor[], over: string): Tensor {
    let widest = parts[0] as Tensor;
    for (const p of parts) if (p.axes.length > widest.axes.length) widest = p;
    const nodes = parts.map((p) => {
      this.axis(p, over);
      const shape = this.aligned(p, this.union(widest, p));
      const dims = widest.axes.map((n) => (n === over ? (dimOf(p, over) as Dim) : (dimOf(widest, n) as Dim)));
      return shape.type.dims.every((d, i) => d.key === dims[i]?.key) ? shape : this.b.expand(shape, dims);
    });
    return tensor(this.b.concat(nodes, widest.axes.indexOf(over)), widest.axes);
  }

  slice(x: Tensor, over: string, from: Dim, to: Dim, step = 1): Tensor {
    return tensor(this.b.slice(x.node, this.axis(x, over), from, to, step), x.axes);
  }

  /** One position of an axis; the axis goes away. */
  at(x: Tensor, over: string, index: Dim): Tensor {
    const at = this.axis(x, over);
    const one = this.b.slice(x.node, at, index, add(index, constant(1)));
    return tensor(this.b.reshape(one, x.node.type.dims.filter((_, i) => i !== at)), x.axes.filter((n) => n !== over));
  }

  /** Rows of `x` along `over` at `indices`, whose axes take its place; axes that both have go along in pairs and then stand first. */
  gather(x: Tensor, indices: Tensor, over: string): Tensor {
    const batch = x.axes.filter((n) => n !== over && indices.axes.includes(n));
    const at = this.axis(x, over);
    if (batch.length === 0) {
      const axes = [...x.axes.slice(0, at), ...indices.axes, ...x.axes.slice(at + 1)];
      this.#distinct(axes, x);
      return tensor(this.b.gather(x.node, indices.node, at), axes);
    }
    const rest = x.axes.filter((n) => n !== over && !batch.includes(n));
    const free = indices.axes.filter((n) => !batch.includes(n));
    const rows = this.permuted(x, [...batch, over, ...rest]);
    const places = this.permuted(indices, [...batch, ...free]);
    const axes = [...batch, ...free, ...rest];
    this.#distinct(axes, x);
    return tensor(this.b.take(rows.node, places.node, batch.length), axes);
  }

  /** `x` with rows of `values` combined in along `over` at `indices`[batch…, J]. */
  put(x: Tensor, indices: Tensor, values: Tensor, over: string, how: "add" | "max" | "min" | "set"): Tensor {
    const batch = x.axes.filter((n) => n !== over && indices.axes.includes(n));
    const rest = x.axes.filter((n) => n !== over && !batch.includes(n));
    const free = indices.axes.filter((n) => !batch.includes(n));
    const [along] = free;
    if (free.length !== 1 || !along) throw new Mismatch("indices have one axis of their own", showTensor(indices), "one axis that the tensor has not");
    const target = this.permuted(x, [...batch, over, ...rest]);
    const places = this.permuted(indices, [...batch, along]);
    const rows = this.permuted(values, [...batch, along, ...rest]);
    const made = tensor(this.b.put(target.node, places.node, rows.node, batch.length, how), target.axes);
    return this.permuted(made, x.axes);
  }

  /** `x` repeated along further axes: the order of `axes`, sizes of those that `x` lacks in `sizes`. */
  expand(x: Tensor, axes: readonly string[], sizes: ReadonlyMap<string, Dim>): Tensor {
    const shape = x.axes.length === 0 && axes.length > 0 ? this.b.reshape(x.node, axes.map(() => 1)) : this.aligned(x, axes);
    return tensor(this.b.expand(shape, axes.map((n) => dimOf(x, n) ?? (sizes.get(n) as Dim))), axes);
  }

  #distinct(axes: readonly string[], x: Tensor): void {
    const twice = axes.find((n, i) => axes.indexOf(n) !== i);
    if (twice) throw new Mismatch(`two axes would be called ${twice}`, showTensor(x), `another name for one ${twice} (\`as [...]\`)`);
  }
}

