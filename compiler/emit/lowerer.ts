// Collects the ONNX nodes that graph nodes lower to: names, shared constants, sizes computed during a run.
import { literal } from "../graph/build.ts";
import type { Arena, GraphInput, GraphOutput, Literal, Node } from "../graph/node.ts";
import { opOf } from "../ops/index.ts";
import { type ForeignNode, type Lowering, ONNX_TYPE, type OnnxAttrs, type Target } from "../ops/op.ts";
import type { Dim, Facts } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { encode } from "./numbers.ts";
import { Sizes } from "./sizes.ts";

/** What lowering needs of an arena. */
type Known = Pick<Arena, "facts" | "originsOf">;

export interface Lowered {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: OnnxAttrs;
  /** In place of `attrs`, for a node of an imported file. */
  readonly foreign?: { readonly attributes: Uint8Array; readonly captured: readonly string[] };
  /** The graph node that asked for it first. */
  readonly from: Node;
}
interface Constant {
  readonly dims: readonly number[];
  readonly value: Literal;
}

export class Lowerer implements Lowering {
  readonly target: Target;
  readonly facts: Facts;
  /** Small constants by name. */
  readonly constants = new Map<string, Constant>();
  readonly #arena: Known;
  readonly #nodes: Lowered[] = [];
  readonly #values = new Map<Node, readonly string[]>();
  readonly #shared = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #renamed = new Map<string, string>();
  readonly #sizes: Sizes;
  #now: { readonly node: Node; readonly base: string; count: number } | undefined;

  /** Names of inputs and outputs are the caller's; no other value gets them. */
  constructor(arena: Known, target: Target, inputs: readonly GraphInput[], outputs: readonly string[]) {
    this.#arena = arena;
    this.facts = arena.facts;
    this.target = target;
    for (const name of [...inputs.map((i) => i.name), ...outputs]) this.#taken.add(name);
    for (const { name, node } of inputs) this.#values.set(node, [name]);
    this.#sizes = new Sizes(this, inputs);
  }

  get nodes(): readonly Lowered[] {
    if (this.#renamed.size === 0) return this.#nodes;
    const rename = (names: readonly string[]): string[] => names.map((n) => this.#renamed.get(n) ?? n);
    return this.#nodes.map((n) => ({
      ...n, inputs: rename(n.inputs), outputs: rename(n.outputs), ...(n.foreign ? { foreign: { ...n.foreign, captured: rename(n.foreign.captured) } } : {}),
    }));
  }

  /** Lowers a graph node whose inputs have been lowered. */
  lower(node: Node): void {
    if (this.#values.has(node)) return;
    this.#now = { node, base: this.#baseOf(node), count: 0 };
    const made = opOf(node.op).lower(node, this);
    this.#values.set(node, typeof made === "string" ? [made] : made);
    // A file's operator, or a choice, may find sizes that no input has.
    if (node.op === "foreign" || node.op === "choose") for (const [i, type] of node.types.entries()) this.#sizes.found(made[i] as string, type.dims);
    this.#now = undefined;
  }

  /** Declares that a node's value is an initializer; the caller writes it. */
  initializer(node: Node, name: string | undefined): string {
    const free = this.unique(name ?? this.#baseOf(node));
    this.#values.set(node, [free]);
    return free;
  }

  /** Gives outputs their names, and the element type if one is given. Inputs, constants and values that have a name already are copied. */
  finish(outputs: readonly GraphOutput[], dtype?: DType): void {
    const made = new Set(this.#nodes.flatMap((n) => n.outputs));
    for (const { name, node } of outputs) {
      const value = this.value(node);
      if (dtype && dtype !== node.type.dtype) this.#nodes.push({ opType: "Cast", domain: "", name: this.unique(`${name}/cast`), inputs: [value], outputs: [name], attrs: { to: ONNX_TYPE[dtype] }, from: node });
      else if (made.has(value) && !this.#renamed.has(value)) this.#renamed.set(value, name);
      else this.#nodes.push({ opType: "Identity", domain: "", name: this.unique(`${name}/copy`), inputs: [value], outputs: [name], attrs: {}, from: node });
    }
  }

  value(of: Node, index = 0): string {
    const value = this.#values.get(of)?.[index];
    if (value === undefined) throw new Error(`output ${index} of ${of.op} has not been lowered`);
    return value;
  }

  node(opType: string, inputs: readonly (string | undefined)[], attrs: OnnxAttrs = {}, domain = ""): string {
    return this.several(opType, inputs, attrs, domain, [true])[0] as string;
  }

  several(opType: string, inputs: readonly (string | undefined)[], attrs: OnnxAttrs, domain: string, outputs: readonly boolean[]): readonly string[] {
    return this.#add(opType, inputs, domain, outputs, { attrs });
  }
  foreign({ opType, domain, inputs, outputs, attributes, captured }: ForeignNode): readonly string[] {
    return this.#add(opType, inputs, domain, outputs, { attrs: {}, foreign: { attributes, captured } });
  }
  #add(opType: string, inputs: readonly (string | undefined)[], domain: string, outputs: readonly boolean[], rest: Pick<Lowered, "attrs" | "foreign">): readonly string[] {
    if (!this.#now) throw new Error("nodes are made while a graph node is lowered");
    const { node, base } = this.#now;
    const name = this.#now.count++ === 0 ? this.unique(base) : this.unique(`${base}.${opType}`);
    const names = outputs.map((wanted, i) => (wanted ? (i === 0 ? name : this.unique(`${name}:${i}`)) : ""));
    const given = inputs.map((x) => x ?? "");
    while (given.length > 0 && given[given.length - 1] === "") given.pop();
    this.#nodes.push({ opType, domain, name, inputs: given, outputs: names, ...rest, from: node });
    return names;
  }

  ints(values: readonly number[]): string {
    return this.tensor([values.length], literal("i64", values));
  }
  scalar(dtype: DType, value: number): string {
    if (dtype === "f16") return this.tensor([], { kind: "literal", dtype, bytes: encode(dtype, Float64Array.of(value), 0, 1) });
    if (dtype !== "bf16") return this.tensor([], literal(dtype, [value]));
    // Loading folds the conversion away.
    return this.shared(`${dtype} ${value}`, () => this.node("Cast", [this.scalar("f32", value)], { to: ONNX_TYPE[dtype] }));
  }
  tensor(dims: readonly number[], value: Literal): string {
    // Large ones come from nodes, which are made once already.
    if (value.bytes.length > 4096) return this.#constant(dims, value);
    return this.shared(`${value.dtype}[${dims}] ${String.fromCharCode(...value.bytes)}`, () => this.#constant(dims, value));
  }
  #constant(dims: readonly number[], value: Literal): string {
    const name = this.unique(`constant/${value.dtype}_${dims.join("x") || "scalar"}_${this.constants.size}`);
    this.constants.set(name, { dims, value });
    return name;
  }
  mayBeNone(dim: Dim): boolean {
    return this.#sizes.mayBeNone(dim);
  }
  dims(dims: readonly Dim[]): string {
    return this.#sizes.dims(dims);
  }
  dim(dim: Dim): string {
    return this.#sizes.dim(dim);
  }
  shared(key: string, make: () => string): string {
    let value = this.#shared.get(key);
    if (value === undefined) {
      value = make();
      this.#shared.set(key, value);
    }
    return value;
  }

  /** `blocks.3.attention/matmul_2`: where it stands in the model, what it is, and which of those. */
  #baseOf(node: Node): string {
    const path = (this.#arena.originsOf(node)[0]?.path ?? "").replace(/\[(\d+)\]/g, ".$1");
    const stem = path ? `${path}/${node.op}` : node.op;
    const count = this.#counts.get(stem) ?? 0;
    this.#counts.set(stem, count + 1);
    return `${stem}_${count}`;
  }

  /** A name that no value has had, like the one that is wished for. */
  unique(name: string): string {
    let free = name;
    for (let i = 2; this.#taken.has(free); i++) free = `${name}_${i}`;
    this.#taken.add(free);
    return free;
  }
}
