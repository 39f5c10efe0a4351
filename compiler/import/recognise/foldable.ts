// Whether blocks can run on another count of tokens: they are made again with a symbol in its place, op by op, and every shape rule must still hold.
import { Build } from "../../graph/build.ts";
import { type Arena, Mismatch, type Node } from "../../graph/node.ts";
import { substituteAttrs } from "../../graph/substitute.ts";
import { type Dim, asSymbol, substitute, symbol } from "../../types/dim.ts";
import { derived } from "../onnx-derive.ts";
import { leftBehind } from "./companions.ts";
import { type Flow, between, operatorOf } from "./flow.ts";

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
  readonly #build: Build;
  readonly #region: Region;
  readonly #old: Dim;
  readonly #made = new Map<Node, Node>();
  readonly #values: ReadonlyMap<string, Dim>;
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
    // An operator that was carried through has the sizes that were told: beside values from outside nobody knows what becomes of them.
    const beside = node.op === "foreign" ? node.inputs.find((x) => !this.#made.has(x) && this.#flow.isActive(x) && x.type.dims.length > 0) : undefined;
    if (beside) return { node, at: node, why: `${operatorOf(node)} is carried through as it is, so nothing is known of another count` };
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

  #keep(node: Node, made: Node): undefined {
    this.#made.set(node, made);
  }

  /** As a call of the model derives it, so that what folds here folds there. */
  #attempt(node: Node, inputs: readonly Node[]): Node | Mismatch {
    const before = node.inputs.map((x) => x.type.dims.map((d) => substitute(d, this.#values)));
    try {
      return derived(this.#build, { node, attrs: substituteAttrs(node.attrs, this.#values), inputs, before }, [{ from: this.#old, to: NEW }]);
    } catch (error) {
      if (error instanceof Mismatch) return error;
      throw error;
    }
  }

  #isOld(dim: Dim): boolean {
    return this.#arena.facts.equal(dim, this.#old);
  }
}
