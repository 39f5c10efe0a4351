// The one graph type: frozen nodes, interned in an arena by (op, inputs, attributes), so `===` is structural equality.
import type { Span } from "../../grammar/source.ts";
import { type Dim, Facts, isDim } from "../types/dim.ts";
import type { DType, TensorType } from "../types/tensor.ts";

/** Little-endian bytes of a small tensor that stands in the graph itself. */
export interface Literal {
  readonly kind: "literal";
  readonly dtype: DType;
  readonly bytes: Uint8Array;
}

/** Where a weight lies in a file: never its values. */
export interface WeightRef {
  readonly kind: "weight-ref";
  /** The name in the checkpoint, for messages. */
  readonly name: string;
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The model that it belongs to, for messages; no part of what the weight is. */
  readonly span?: Span;
}

export type Attr = number | string | boolean | Dim | Literal | WeightRef | readonly number[] | readonly Dim[] | readonly string[];
export type Attrs = Readonly<Record<string, Attr>>;

export interface Node {
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly Node[];
  readonly attrs: Attrs;
  /** Type of the (first) output. */
  readonly type: TensorType;
  /** All outputs; ops with several are read through `item` nodes. */
  readonly types: readonly TensorType[];
}

/** Where a node came from. A node that several lines made has several. */
interface Origin {
  readonly span: Span;
  /** Instance path in the model: `blocks[3].attention`; empty outside of layers. */
  readonly path: string;
  /** The fold, rewrite or pass that made it: `tome`, `int8`. */
  readonly by: string | undefined;
}

/** Inputs that do not fit an op. Caught by whoever asked for the node; it knows the place in the source. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
  readonly found: string;
  readonly wanted: string;
  /** A name that was looked for, and those that there are. */
  readonly missing: { readonly name: string; readonly known: readonly string[] } | undefined;
  constructor(says: string, found: string, wanted: string, missing?: { readonly name: string; readonly known: readonly string[] }) {
    super(says);
    this.found = found;
    this.wanted = wanted;
    this.missing = missing;
  }
}

/** What the arena needs to know of an op; `compiler/ops` provides it, so that the graph points to nothing. */
export type Infer = (op: string, inputs: readonly Node[], attrs: Attrs, facts: Facts) => readonly TensorType[];

const FEW = 16;
const keyOf = ({ path, by, span }: Origin): string => `${span.file}\n${span.start}\n${span.end}\n${by ?? ""}\n${path}`;

export class Arena {
  readonly facts = new Facts();
  readonly origins = new Map<Node, Origin[]>();
  /** Versions of operator sets that nodes of imported files need at least, by domain. */
  readonly operatorSets = new Map<string, number>();
  readonly #infer: Infer;
  readonly #nodes = new Map<string, Node>();
  readonly #literals = new Map<string, Literal[]>();
  /** Of the attributes of nodes, with which passes make them again. */
  readonly #attrsKeys = new WeakMap<Attrs, string>();
  readonly #makers = new Map<string, Node>();
  readonly #originKeys = new Map<Node, Set<string>>();
  #origin: Origin | undefined;

  constructor(infer: Infer) {
    this.#infer = infer;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The node of this op, inputs and attributes. Throws `Mismatch` where they do not fit. */
  make(op: string, inputs: readonly Node[], attrs: Attrs = {}): Node {
    let ids = "";
    for (const input of inputs) ids += `${input.id},`;
    const attrsKey = this.#attrsKeys.get(attrs) ?? this.#attrsKey(attrs);
    const key = `${op}(${ids}){${attrsKey}}`;
    let node = this.#nodes.get(key);
    if (!node) {
      const types = this.#infer(op, inputs, attrs, this.facts);
      const [type] = types;
      if (!type) throw new Error(`op ${op} has no output`);
      node = Object.freeze({ id: this.#nodes.size, op, inputs: Object.freeze([...inputs]), attrs: Object.freeze({ ...attrs }), type, types });
      this.#nodes.set(key, node);
      this.#attrsKeys.set(node.attrs, attrsKey);
      if (isDim(attrs.some)) this.#makers.set(attrs.some.key, node);
    }
    if (this.#origin) this.addOrigin(node, this.#origin);
    return node;
  }

  /** Runs `body` so that every node it makes carries `origin`. */
  within<T>(origin: Origin | undefined, body: () => T): T {
    const before = this.#origin;
    this.#origin = origin;
    try {
      return body();
    } finally {
      this.#origin = before;
    }
  }

  get origin(): Origin | undefined {
    return this.#origin;
  }

  addOrigin(node: Node, origin: Origin): void {
    const list = this.origins.get(node);
    if (!list) this.origins.set(node, [origin]);
    else if (list.length < FEW ? !list.some((o) => keyOf(o) === keyOf(origin)) : !this.#keysOf(node, list).has(keyOf(origin))) {
      list.push(origin);
      this.#originKeys.get(node)?.add(keyOf(origin));
    }
  }

  /** A constant may be shared by every node of a file; then a list takes too long to look through. */
  #keysOf(node: Node, list: readonly Origin[]): Set<string> {
    const keys = this.#originKeys.get(node) ?? new Set(list.map(keyOf));
    this.#originKeys.set(node, keys);
    return keys;
  }

  originsOf(node: Node): readonly Origin[] {
    return this.origins.get(node) ?? [];
  }

  /** The node whose data decide what this symbol is, the newest of them: passes make it again. */
  makerOf(symbol: string): Node | undefined {
    return this.#makers.get(symbol);
  }

  /** What a node needs besides its inputs: those that make the sizes in its attributes. `order`: nodes that are preferred as makers. */
  sizeMakers(order: Iterable<Node>): (node: Node) => readonly Node[] {
    if (this.#makers.size === 0) return () => [];
    const makers = new Map(this.#makers);
    for (const node of order) if (isDim(node.attrs.some)) makers.set(node.attrs.some.key, node);
    return (node) => {
      const names = new Set(Object.values(node.attrs).flatMap(dimsIn).flatMap((d) => [...this.facts.symbolsOf(d)]));
      return [...names].flatMap((name) => makers.get(name) ?? []).filter((maker) => maker !== node);
    };
  }

  #attrsKey(attrs: Attrs): string {
    return Object.keys(attrs).sort().map((k) => `${k}=${this.#attrKey(attrs[k] as Attr)}`).join(";");
  }

  #attrKey(value: Attr): string {
    if (Array.isArray(value)) return `[${value.map((v) => this.#attrKey(v as Attr)).join(",")}]`;
    if (isDim(value)) return value.key;
    if (typeof value === "object") {
      if ((value as Literal).kind === "literal") return this.#literalKey(value as Literal);
      const ref = value as WeightRef;
      return `${ref.file}@${ref.offset}+${ref.length}:${ref.dtype}[${ref.shape.join(",")}]`;
    }
    // -0 and 0 are different numbers to a graph.
    return Object.is(value, -0) ? "-0" : JSON.stringify(value) + (typeof value === "number" && !Number.isFinite(value) ? String(value) : "");
  }

  #literalKey(value: Literal): string {
    const key = `${value.dtype}:${value.bytes.length}:${checksum(value.bytes)}`;
    const same = this.#literals.get(key) ?? [];
    let at = same.findIndex((other) => other === value || equalBytes(other.bytes, value.bytes));
    if (at < 0) {
      at = same.length;
      this.#literals.set(key, [...same, value]);
    }
    return `${key}#${at}`;
  }
}

/** The sizes that an attribute holds. */
export function dimsIn(attr: Attr): readonly Dim[] {
  if (isDim(attr)) return [attr];
  return Array.isArray(attr) ? attr.filter(isDim) : [];
}

function checksum(bytes: Uint8Array): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ (bytes[i] as number), 2654435761);
    b = Math.imul(b ^ (bytes[i] as number), 1597334677);
  }
  return `${(a >>> 0).toString(16)}${(b >>> 0).toString(16)}`;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A condition on sizes that only a run can decide; the runtime checks it before it computes. */
export interface Guard {
  readonly left: Dim;
  readonly comparison: "==" | "<=" | ">=" | "<" | ">" | "!=";
  readonly right: Dim;
  /** What the author wrote, with its place. */
  readonly says: string;
  readonly span: Span;
}

export interface GraphInput {
  readonly name: string;
  readonly node: Node; // op "input"
  readonly axes: readonly string[];
}
export interface GraphOutput {
  readonly name: string;
  readonly node: Node;
  readonly axes: readonly string[];
  /** Positions of axes that may become shorter than the author's own: `some K <= N`. */
  readonly open?: readonly number[];
}

/** What flows between phases. The level names which ops are legal (`level.ts`). */
export type Level = "tensor" | "fused" | "onnx";
export interface Graph<L extends Level = Level> {
  readonly level: L;
  readonly arena: Arena;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly guards: readonly Guard[];
}

/** Every node that the outputs need, inputs (and what `besides` says) before users. Iterative: graphs are deeper than the stack. */
export function topological(roots: Iterable<Node>, besides: (node: Node) => readonly Node[] = () => []): Node[] {
  const done = new Set<Node>();
  const stack: { node: Node; needs: readonly Node[]; next: number }[] = [];
  const enter = (node: Node): void => {
    const more = besides(node);
    const needs = more.length === 0 ? node.inputs : [...node.inputs, ...more];
    if (needs.length === 0) done.add(node);
    else stack.push({ node, needs, next: 0 });
  };
  for (const root of roots) {
    if (done.has(root)) continue;
    enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as (typeof stack)[number];
      const input = top.needs[top.next];
      if (input === undefined) {
        stack.pop();
        done.add(top.node);
      } else {
        top.next++;
        if (!done.has(input)) enter(input);
      }
    }
  }
  // A set keeps the order in which its elements came.
  return [...done];
}

const orders = new WeakMap<readonly GraphOutput[], readonly Node[]>();

/** Every node that a graph needs, inputs before users. A list of outputs is gone through once, however many passes ask: so one that changes nothing hands on the same list. */
export function nodesOf({ outputs }: Pick<Graph, "outputs">): readonly Node[] {
  let order = orders.get(outputs);
  if (!order) {
    order = topological(outputs.map((o) => o.node));
    orders.set(outputs, order);
  }
  return order;
}

/** The outputs with other nodes in their places; the same list where none is another. */
export function replacedOutputs(outputs: readonly GraphOutput[], now: (node: Node) => Node): readonly GraphOutput[] {
  return outputs.every((o) => now(o.node) === o.node) ? outputs : outputs.map((o) => ({ ...o, node: now(o.node) }));
}

/** The same, with what makes sizes that only data decide. */
function needed(arena: Arena, roots: readonly Node[]): Node[] {
  return topological(roots, arena.sizeMakers(topological(roots)));
}

/** Makers of sizes that outputs need for nothing but the size, as outputs that nobody asks for: so every pass sees them. */
export function quietOutputs(arena: Arena, outputs: readonly GraphOutput[]): GraphOutput[] {
  const roots = outputs.map((o) => o.node);
  const reached = new Set(topological(roots));
  const makers = needed(arena, roots).filter((n) => isDim(n.attrs.some) && !reached.has(n));
  return makers.map((maker) => ({ name: `size ${(maker.attrs.some as Dim).key}`, node: arena.make("item", [maker], { index: 0 }), axes: maker.type.dims.map(() => "") }));
}
