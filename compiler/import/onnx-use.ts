// One node of an ONNX file while it is raised: its inputs and attributes, read the way operators want them.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { isOpaque } from "../ops/foreign.ts";
import { type Dim, type Facts, constant, symbolsOf } from "../types/dim.ts";
import type { OnnxNode, OnnxTensor } from "./onnx-file.ts";
import type { Value } from "./onnx-value.ts";

/** This node has no form in the graph's own ops; it is carried through. */
export class Kept extends Error {
  override readonly name = "Kept";
}

export class Use {
  readonly node: OnnxNode;
  readonly o: Build;
  /** Whether operators are spelled out too that no pass puts together again: places within them are to have names. */
  readonly unfuses: boolean;
  readonly #values: readonly (Value | undefined)[];
  /** Sizes that a run can read from the graph's inputs. */
  readonly #readable: ReadonlySet<string>;

  constructor(node: OnnxNode, o: Build, values: readonly (Value | undefined)[], readable: ReadonlySet<string>, unfuses = false) {
    this.node = node;
    this.unfuses = unfuses;
    this.o = o;
    this.#values = values;
    this.#readable = readable;
  }

  get facts(): Facts {
    return this.o.arena.facts;
  }
  get count(): number {
    return this.#values.length;
  }
  value(index: number): Value | undefined {
    return this.#values[index];
  }
  has(index: number): boolean {
    return this.#values[index] !== undefined;
  }
  /** An input as a node that ops can take. */
  x(index: number): Node {
    const value = this.#values[index];
    if (!value || isOpaque(value.type)) throw new Kept(`input ${index} has no type`);
    return value.node;
  }
  dims(index: number): readonly Dim[] {
    const value = this.#values[index];
    if (!value || isOpaque(value.type)) throw new Kept(`input ${index} has no type`);
    return value.type.dims;
  }
  sizes(index: number): readonly Dim[] {
    const sizes = this.#values[index]?.sizes;
    if (!sizes) throw new Kept(`input ${index} is not known`);
    return sizes;
  }
  numbers(index: number): readonly number[] {
    const numbers = this.#values[index]?.numbers;
    if (!numbers) throw new Kept(`input ${index} is not known`);
    return numbers;
  }
  wanted(index: number): boolean {
    return (this.node.outputs[index] ?? "") !== "";
  }

  int(name: string, otherwise: number): number {
    const value = this.node.attributes.get(name)?.value;
    return value?.kind === "int" ? value.value : otherwise;
  }
  float(name: string, otherwise: number): number {
    const value = this.node.attributes.get(name)?.value;
    return value?.kind === "float" ? value.value : otherwise;
  }
  text(name: string, otherwise: string): string {
    const value = this.node.attributes.get(name)?.value;
    return value?.kind === "string" ? value.value : otherwise;
  }
  ints(name: string): readonly number[] | undefined {
    const value = this.node.attributes.get(name)?.value;
    return value?.kind === "ints" ? value.values : undefined;
  }
  floats(name: string): readonly number[] | undefined {
    const value = this.node.attributes.get(name)?.value;
    return value?.kind === "floats" ? value.values : undefined;
  }
  tensor(name: string): OnnxTensor | undefined {
    const value = this.node.attributes.get(name)?.value;
    return value?.kind === "tensor" ? value.value : undefined;
  }

  /** An axis counted from the front. */
  axis(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank) throw new Kept(`there is no axis ${axis}`);
    return at;
  }
  /** Refuses sizes that a run could not compute where they are needed: of inputs, or of the given nodes, it can. */
  readable(dims: readonly Dim[], ...from: readonly Node[]): readonly Dim[] {
    const known = new Set(this.#readable);
    for (const node of from) for (const dim of node.type.dims) symbolsOf(dim, known);
    for (const dim of dims) for (const name of symbolsOf(dim)) if (!known.has(name)) throw new Kept(`the size ${name} is known too late`);
    return dims;
  }
  /** Whether a size is 1 at least, as sizes of inputs are taken to be. */
  holdsSome(dim: Dim): boolean {
    const isSome = ({ atoms }: Dim["terms"][number]): boolean => atoms.every((atom) => atom.kind === "symbol" && this.#readable.has(atom.name));
    return dim.terms.every((t) => t.coefficient > 0) && dim.terms.some(isSome);
  }
  /** A tensor with sizes of 1 put in front, up to a rank. */
  lifted(x: Node, rank: number): Node {
    const { dims } = x.type;
    return dims.length === rank ? x : this.o.reshape(x, [...Array.from({ length: rank - dims.length }, () => constant(1)), ...dims]);
  }
  /** Inputs brought to one rank; a rank of 0 fits every other. */
  levelled(xs: readonly Node[]): Node[] {
    const rank = Math.max(...xs.map((x) => x.type.dims.length));
    return xs.map((x) => (x.type.dims.length === 0 ? x : this.lifted(x, rank)));
  }
}
