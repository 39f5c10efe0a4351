// Whether blocks can run on another count of tokens: they are made again with a symbol in its place, op by op, and every shape rule must still hold.
import { type Arena, type Attr, type Attrs, Mismatch, type Node } from "../../graph/node.ts";
import { foreignAttrs, isOpaque } from "../../ops/foreign.ts";
import { type Dim, asNumber, constant, divideExactly, isDim, multiply, product, substitute, symbol, asSymbol } from "../../types/dim.ts";
import { type TensorType, printType } from "../../types/tensor.ts";
import { leftBehind } from "./companions.ts";
import { type Flow, between, opOf, operatorOf } from "./flow.ts";

interface Refusal {
  /** What is to blame: the node that cannot be made again, or a table that it is given. */
  readonly node: Node;
  /** Where it was met. */
  readonly at: Node;
  readonly why: string;
}

interface Region {
  readonly input: Node;
  readonly axis: number;
  readonly output: Node;
}

/** What stands in the way of another count of tokens between `input` and `output`; undefined: nothing. */
export function refusalOf(flow: Flow, region: Region): Refusal | undefined {
  return new Again(flow, region).refusal();
}

const NEW = symbol("folded:tokens");

class Again {
  readonly #flow: Flow;
  readonly #arena: Arena;
  readonly #region: Region;
  readonly #old: Dim;
  readonly #made = new Map<Node, Node>();
  readonly #values: ReadonlyMap<string, Dim>;
  #standIns = 0;

  constructor(flow: Flow, region: Region) {
    this.#flow = flow;
    this.#arena = flow.graph.arena;
    this.#region = region;
    this.#old = region.input.type.dims[region.axis] as Dim;
    const name = asSymbol(this.#old);
    this.#values = new Map(name === undefined ? [] : [[name, NEW]]);
  }

  refusal(): Refusal | undefined {
    const { input, output, axis } = this.#region;
    this.#made.set(input, this.#standIn(input, [axis]));
    for (const node of between(this.#flow, input, output)) {
      const refusal = this.#make(node);
      if (refusal) return refusal;
    }
    const left = this.#made.get(output)?.type.dims[axis];
    return left?.key === NEW.key ? undefined : { node: output, at: output, why: `it leaves with ${left?.key ?? "no"} tokens, not with as many as entered` };
  }

  #standIn(node: Node, axes: readonly number[]): Node {
    const dims = node.type.dims.map((d, i) => (axes.includes(i) ? NEW : d));
    return this.#arena.make("input", [], { name: `folded:${this.#standIns++}`, dtype: node.type.dtype, dims });
  }

  #make(node: Node): Refusal | undefined {
    const inputs = node.inputs.map((x) => this.#made.get(x) ?? x);
    const first = this.#attempt(node, inputs);
    if (!(first instanceof Mismatch)) return this.#keep(node, first);
    // Values from outside that count the tokens as well: a mask, positions.
    const outside = node.inputs.flatMap((x, i) => (this.#made.has(x) || !x.type.dims.some((d) => this.#isOld(d)) ? [] : [i]));
    for (const axes of [(d: readonly number[]) => d, (d: readonly number[]) => d.slice(-1), (d: readonly number[]) => d.slice(0, 1)]) {
      if (outside.length === 0) break;
      const put = inputs.map((x, i) => (outside.includes(i) ? this.#standIn(x, axes(x.type.dims.flatMap((d, at) => (this.#isOld(d) ? [at] : [])))) : x));
      const made = this.#attempt(node, put);
      if (made instanceof Mismatch) continue;
      for (const i of outside) {
        const left = leftBehind(this.#flow, node.inputs[i] as Node, this.#old);
        if (left) return { node: left.node, at: node, why: left.why };
      }
      return this.#keep(node, made);
    }
    return { node, at: node, why: `${node.op === "foreign" ? operatorOf(node) : node.op} holds for ${this.#old.key} tokens only: ${first.found}, wanted ${first.wanted}` };
  }

  #keep(node: Node, made: Node | Refusal): Refusal | undefined {
    if ("why" in made) return made;
    this.#made.set(node, made);
    return undefined;
  }

  #attempt(node: Node, inputs: readonly Node[]): Node | Refusal | Mismatch {
    try {
      const attrs = this.#attrs(node, inputs);
      return "why" in attrs && "node" in attrs ? (attrs as unknown as Refusal) : this.#arena.make(node.op, inputs, attrs as Attrs);
    } catch (error) {
      if (error instanceof Mismatch) return error;
      throw error;
    }
  }

  #isOld(dim: Dim): boolean {
    return this.#arena.facts.equal(dim, this.#old);
  }

  // ── attributes that hold the count ──

  #attrs(node: Node, inputs: readonly Node[]): Attrs | Refusal {
    const attrs = this.#substituted(node.attrs);
    const [x, made] = [node.inputs[0], inputs[0]];
    if (!x || !made || x === made) return node.op === "foreign" && inputs.some((n, i) => n !== node.inputs[i]) ? this.#foreign(node, inputs) : attrs;
    switch (node.op) {
      case "reshape": {
        const dims = reshaped(x.type.dims, made.type.dims, attrs.dims as readonly Dim[], this.#old, this.#values.size === 0 || this.#changed(x, made));
        return dims ? { ...attrs, dims } : { node, at: node, why: `a reshape from ${printType(x.type)} to ${printType(node.type)} holds for ${this.#old.key} tokens only` };
      }
      case "expand": return { ...attrs, dims: (attrs.dims as readonly Dim[]).map((d, i) => (asNumber(x.type.dims[i] as Dim) === 1 ? d : (made.type.dims[i] as Dim))) };
      case "slice": {
        const axis = attrs.axis as number;
        const [was, is] = [x.type.dims[axis] as Dim, made.type.dims[axis] as Dim];
        if (was.key === is.key) return attrs;
        if (this.#arena.facts.equal(node.attrs.to as Dim, was)) return { ...attrs, to: is };
        // The first few tokens, as a class token: there are as many whatever the count, as far as anybody can tell.
        if ((asNumber(node.attrs.to as Dim) ?? 2) <= 1 || this.#values.size > 0) return attrs;
        return { node, at: node, why: `a slice takes ${(node.attrs.from as Dim).key} to ${(node.attrs.to as Dim).key} of ${this.#old.key} tokens` };
      }
      case "foreign": return this.#foreign(node, inputs);
      default: return attrs;
    }
  }

  #changed(x: Node, made: Node): boolean {
    return x.type.dims.some((d, i) => d.key !== made.type.dims[i]?.key);
  }

  /** Where the count is a symbol of the file, it is replaced wherever it stands. */
  #substituted(attrs: Attrs): Attrs {
    if (this.#values.size === 0) return attrs;
    const out: Record<string, Attr> = {};
    for (const [key, value] of Object.entries(attrs)) {
      if (isDim(value)) out[key] = substitute(value, this.#values);
      else if (Array.isArray(value) && value.some(isDim)) out[key] = (value as readonly Dim[]).map((d) => substitute(d, this.#values));
      else out[key] = value;
    }
    return out;
  }

  /** An operator that was carried through has types that were told: only of those that compute each element by itself is it known what they become. */
  #foreign(node: Node, inputs: readonly Node[]): Attrs | Refusal {
    const [x, made] = [node.inputs[0] as Node, inputs[0] as Node];
    const isSame = node.types.length === 1 && !isOpaque(node.type) && node.type.dims.length === x.type.dims.length && node.type.dims.every((d, i) => d.key === x.type.dims[i]?.key);
    if (!isSame || !EACH.has(opOf(node))) return { node, at: node, why: `${operatorOf(node)} is carried through as it is, so nothing is known of another count` };
    const type: TensorType = { dtype: node.type.dtype, dims: made.type.dims };
    return foreignAttrs({
      opType: node.attrs.opType as string, domain: node.attrs.domain as string, copy: node.attrs.copy as number,
      attributes: (node.attrs.attributes as { bytes: Uint8Array }).bytes, present: (node.attrs.present as readonly number[]).map(Boolean), outputs: [type],
    });
  }
}

const EACH: ReadonlySet<string> = new Set(["reciprocal", "max", "relu", "sigmoid", "silu", "gelu", "erf", "tanh", "sqrt", "norm", "neg"]);

/**
 * The shape that a reshape leads to once its input has another count of tokens. Axes of both sides belong together in runs
 * of equal products; in the run that holds the tokens one axis changes. Undefined where none can: the tokens are laid out as a grid.
 */
function reshaped(was: readonly Dim[], is: readonly Dim[], to: readonly Dim[], old: Dim, isBaked: boolean): readonly Dim[] | undefined {
  if (!isBaked || product(is).key === product(to).key) return to;
  const out = [...to];
  for (const { from, into } of runs(was, to)) {
    const [before, after] = [product(from.map((i) => was[i] as Dim)), product(from.map((i) => is[i] as Dim))];
    if (before.key === after.key) continue;
    if (product(into.map((i) => to[i] as Dim)).key === after.key) continue;
    const ways = into.flatMap((at) => {
      const rest = product(into.filter((i) => i !== at).map((i) => to[i] as Dim));
      const size = divideExactly(after, rest);
      // Only an axis that held all tokens, perhaps with something else, changes.
      return size && divideExactly(to[at] as Dim, old) ? [{ at, size }] : [];
    });
    const [way] = ways;
    if (!way) return undefined;
    out[way.at] = way.size;
  }
  return product(is).key === product(out).key ? out : undefined;
}

/** Axes of both shapes in runs of equal products, as short as can be. */
function runs(from: readonly Dim[], into: readonly Dim[]): readonly { readonly from: readonly number[]; readonly into: readonly number[] }[] {
  const found: { from: number[]; into: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < into.length) {
    const run = { from: [] as number[], into: [] as number[] };
    let [a, b] = [constant(1), constant(1)];
    do {
      const takesLeft = i < from.length && (j >= into.length || run.from.length === 0 || (run.into.length > 0 && isLess(a, b)));
      if (takesLeft) { run.from.push(i); a = multiply(a, from[i++] as Dim); }
      else { run.into.push(j); b = multiply(b, into[j++] as Dim); }
    } while (a.key !== b.key && (i < from.length || j < into.length));
    found.push(run);
  }
  return found;
}

/** Whether the left product has to grow: it divides the other, or is the smaller number. */
function isLess(a: Dim, b: Dim): boolean {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined && y !== undefined) return x < y;
  return divideExactly(b, a) !== undefined;
}
