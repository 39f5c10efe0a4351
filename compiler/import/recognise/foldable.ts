// Whether blocks can run on another count of tokens: they are made again with a symbol in its place, op by op, and every shape rule must still hold.
import { Build } from "../../graph/build.ts";
import { type Arena, Mismatch, type Node, topological } from "../../graph/node.ts";
import { madeOf, mixesTokens, type Seen } from "../../graph/per-record.ts";
import { substituteAttrs } from "../../graph/substitute.ts";
import { type Dim, asSymbol, substitute, symbol, symbolsOf } from "../../types/dim.ts";
import { operatorOf } from "../../ops/foreign.ts";
import { derived } from "../onnx-derive.ts";
import { retyped } from "../onnx-retype.ts";
import { companionOf } from "../recognised.ts";
import { printType } from "../../types/tensor.ts";
import { leftBehind } from "./companions.ts";
import { type Flow, between } from "./flow.ts";

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
  /** How many records there are. */
  readonly batch: Dim;
  readonly output: Node;
}

/** What stands in the way of another count of tokens between `input` and `output`; undefined: nothing. */
export function refusalOf(flow: Flow, region: Region): Refusal | undefined {
  return new Again(flow, region).refusal();
}

const operation = (node: Node): string => (node.op === "foreign" ? operatorOf(node) : node.op);

const NEW = symbol("folded:tokens");

class Again {
  readonly #flow: Flow;
  readonly #arena: Arena;
  readonly #build: Build;
  readonly #region: Region;
  readonly #old: Dim;
  readonly #made = new Map<Node, Node>();
  readonly #values: ReadonlyMap<string, Dim>;
  readonly #followed = new Map<Node, Seen | undefined>();
  #standIns = 0;

  constructor(flow: Flow, region: Region) {
    this.#flow = flow;
    this.#arena = flow.graph.arena;
    this.#build = new Build(this.#arena);
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
    const seen = node.inputs.map((x): Seen => ({ node: this.#made.get(x) ?? x }));
    const first = this.#attempt(node, seen);
    // Values from outside that count the tokens as well: a mask, positions.
    const meets = node.inputs.some((x) => this.#made.has(x) && this.#counts(x));
    const outside = node.inputs.filter((x) => meets && !this.#made.has(x) && this.#counts(x));
    if (outside.length > 0) {
      const along = this.#attempt(node, seen.map((s) => (outside.includes(s.node) ? (this.#follow(s.node) ?? s) : s)));
      if (!(along instanceof Mismatch) && !along.isPerRecord && outside.every((x) => this.#follow(x))) return this.#keep(node, along.node);
      const lost = topological(outside).find((x) => this.#counts(x) && !this.#follow(x));
      if (lost && lost.inputs.length > 0) return { node: lost, at: node, why: `${operation(lost)} of what counts tokens: it is not known what it gives where tokens are missing` };
    }
    // An operator that was carried through has the sizes that were told: beside values from outside nobody knows what becomes of them.
    const beside = node.op === "foreign" ? node.inputs.find((x) => !this.#made.has(x) && this.#flow.isActive(x) && x.type.dims.length > 0) : undefined;
    if (beside) return { node, at: node, why: `${operation(node)} is carried through as it is, so nothing is known of another count` };
    if (!(first instanceof Mismatch) && outside.length === 0) return this.#keep(node, first.node);
    // A size that is fixed is found in numbers, which may mean something else: any of them may be the tokens.
    const fixed = node.inputs.flatMap((x, i) => (this.#made.has(x) || !x.type.dims.some((d) => this.#isOld(d)) ? [] : [i]));
    for (const axes of [(d: readonly number[]) => d, (d: readonly number[]) => d.slice(-1), (d: readonly number[]) => d.slice(0, 1)]) {
      if (fixed.length === 0) break;
      const put = seen.map(({ node: x }, i): Seen => ({ node: fixed.includes(i) ? this.#standIn(x, axes(x.type.dims.flatMap((d, at) => (this.#isOld(d) ? [at] : [])))) : x }));
      const made = this.#attempt(node, put);
      if (made instanceof Mismatch) continue;
      for (const i of fixed) {
        const left = leftBehind(this.#flow, node.inputs[i] as Node, this.#old);
        if (left) return { node: left.node, at: node, why: left.why };
      }
      return this.#keep(node, made.node);
    }
    const { found, wanted } = first instanceof Mismatch ? first : { found: printType(first.node.type), wanted: `${NEW.key} tokens` };
    return { node, at: node, why: `${operation(node)} holds for ${this.#old.key} tokens only: ${found}, wanted ${wanted}` };
  }

  /** A value beside the stream, folded along as weaving does it: made again of masks and positions that lost the same tokens. Undefined where that cannot be. */
  #follow(root: Node): Seen | undefined {
    for (const node of topological([root])) if (!this.#followed.has(node)) this.#followed.set(node, this.#counts(node) ? this.#along(node) : { node });
    return this.#followed.get(root);
  }

  #along(node: Node): Seen | undefined {
    const named = node.op === "input" ? companionOf(String(node.attrs.name)) : undefined;
    if (named !== undefined) return { node: this.#standIn(node, node.type.dims.flatMap((d, at) => (this.#isOld(d) ? [at] : []))), isPosition: named === "positions" };
    if (node.op === "iota") return { node: this.#arena.make("input", [], { name: `folded:${this.#standIns++}`, dtype: "i64", dims: [this.#region.batch, NEW] }), isPerRecord: true, isPosition: true };
    if (mixesTokens(node, (d) => this.#isCount(d)) && this.#isOfPositions(node)) return this.#taken(node);
    const isEven = this.#isEven(node);
    const inputs = isEven ? node.inputs.map((x): Seen => ({ node: x })) : node.inputs.map((x) => this.#followed.get(x));
    if (!isEven && (inputs.length === 0 || inputs.includes(undefined))) return undefined;
    const made = this.#attempt(node, inputs as Seen[], true);
    return made instanceof Mismatch ? undefined : made;
  }

  /** One value for every token, which is good for every count. */
  #isEven(node: Node): boolean {
    return (node.op === "fill" || node.op === "expand") && !node.inputs.some((x) => this.#counts(x));
  }

  /** Whether all that counts tokens in it is made of positions. */
  #isOfPositions(root: Node): boolean {
    const seen = new Set([root]);
    for (const node of seen) {
      const from = this.#isEven(node) ? [] : node.inputs.filter((x) => this.#counts(x));
      if (from.length === 0 && node.op !== "iota" && !this.#isEven(node) && !(node.op === "input" && companionOf(String(node.attrs.name)) === "positions")) return false;
      for (const x of from) seen.add(x);
    }
    return true;
  }

  /** What is made of several positions at once, taken along as it is. */
  #taken(node: Node): Seen | undefined {
    const { dims, dtype } = node.type;
    if (dims.some((d) => this.#isCount(d) && !this.#isOld(d))) return undefined;
    const left = dims.map((d) => (this.#isOld(d) ? NEW : d));
    const isPerRecord = dims[0]?.key !== this.#region.batch.key;
    return { node: this.#arena.make("input", [], { name: `folded:${this.#standIns++}`, dtype, dims: isPerRecord ? [this.#region.batch, ...left] : left }), isPerRecord, isPosition: true };
  }

  #isCount(dim: Dim): boolean {
    return [...this.#values.keys()].some((name) => symbolsOf(dim).has(name));
  }

  /** Whether it has as many of something as there are tokens. Of a number that the file fixes nobody knows. */
  #counts(node: Node): boolean {
    return node.types.some((t) => t.dims.some((d) => this.#isCount(d)));
  }

  #keep(node: Node, made: Node): undefined {
    this.#made.set(node, made);
  }

  /** As a call of the model derives it, so that what folds here folds there; beside the stream as weaving does, where an operator that was carried through must say what it gives. */
  #attempt(node: Node, inputs: readonly Seen[], isBeside = false): Seen | Mismatch {
    const before = node.inputs.map((x) => x.type.dims.map((d) => substitute(d, this.#values)));
    const attrs = substituteAttrs(node.attrs, this.#values);
    const plain = inputs.map((i) => i.node);
    try {
      return madeOf(this.#build, node, inputs, attrs, this.#region.batch, () =>
        isBeside && node.op === "foreign" ? this.#build.make("foreign", plain, retyped(this.#arena, node, plain, attrs)) : derived(this.#build, { node, attrs, inputs: plain, before }, [{ from: this.#old, to: NEW }]));
    } catch (error) {
      if (error instanceof Mismatch) return error;
      throw error;
    }
  }

  #isOld(dim: Dim): boolean {
    return this.#arena.facts.equal(dim, this.#old);
  }
}
