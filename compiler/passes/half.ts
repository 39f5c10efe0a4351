// Half precision, where it was asked for: weights in f16, and results too where the target gains by it. Not exact, so it stands in no list of passes.
import { Build } from "../graph/build.ts";
import { constantNodes } from "../graph/constants.ts";
import { type Graph, type Node, nodesOf, topological } from "../graph/node.ts";
import { remake } from "../rewrite/run.ts";
import type { TargetTable } from "../targets/target.ts";
import type { DType } from "../types/tensor.ts";
import { isMadeOfWeights } from "./constant.ts";
import { Network, SINK, SOURCE } from "./least-cut.ts";
import { carries, deciding, type Kind, kindOf, type Reason } from "./half-kinds.ts";

/** The largest number of f16; from 65520 on a number would round to infinity. */
const LARGEST = 65504;
const TOO_LARGE = 65520;
/** Below the smallest normal number of f16 digits are lost, one a halving. */
const SMALLEST = 2 ** -14;
/** Elements of a constant from which a second copy of it is too much, and one in 16 bits worth a conversion. */
const LARGE = 256;

/** The largest size of a number in each f32 constant that a run uses, infinities left out. Of one that is not here nothing is known. */
type Ranges = ReadonlyMap<Node, number>;

/** What has become of a graph. */
export interface Precision {
  /** Whether results are in f16 too; else only weights are stored so. */
  readonly computes: boolean;
  /** Operations in f16. */
  readonly half: number;
  /** Operations in f32, by what they are and why. */
  readonly single: readonly { readonly op: string; readonly why: Reason; readonly count: number; readonly path: string }[];
  /** Conversions that a run makes of what it computes. */
  readonly casts: number;
  readonly stored: number;
  /** Constants with numbers that f16 cannot hold. */
  readonly kept: readonly { readonly name: string; readonly largest: number }[];
}

export function inHalf(graph: Graph<"fused">, target: TargetTable, ranges: Ranges): { readonly graph: Graph<"fused">; readonly precision: Precision } {
  return new Half(graph, target, ranges).made();
}

class Half {
  readonly #graph: Graph<"fused">;
  readonly #o: Build;
  readonly #ranges: Ranges;
  readonly #computes: boolean;
  readonly #isPortable: boolean;
  readonly #order: readonly Node[];
  readonly #constant: ReadonlySet<Node>;
  /** Numbers beyond the range of f16 may come out of these. */
  readonly #outside = new Set<Node>();
  readonly #kinds = new Map<Node, Kind>();
  readonly #isHalf = new Set<Node>();
  readonly #stored = new Set<Node>();
  readonly #now = new Map<Node, Node>();
  readonly #converted = new Map<Node, Node>();
  readonly #casts = new Set<Node>();

  constructor(graph: Graph<"fused">, target: TargetTable, ranges: Ranges) {
    this.#graph = graph;
    this.#o = new Build(graph.arena);
    this.#ranges = ranges;
    this.#computes = target.half === "computed";
    this.#isPortable = target.name === "portable";
    this.#order = nodesOf(graph);
    this.#constant = constantNodes(graph);
  }

  made(): { readonly graph: Graph<"fused">; readonly precision: Precision } {
    this.#classify();
    if (this.#computes) this.#divide();
    this.#store();
    for (const node of this.#order) if (!this.#constant.has(node)) this.#now.set(node, this.#remade(node));
    const outputs = this.#graph.outputs.map((out) => ({ ...out, node: this.#constant.has(out.node) ? out.node : out.node.type.dtype === "f32" ? this.#single(out.node) : this.#of(out.node) }));
    return { graph: { ...this.#graph, outputs }, precision: this.#report() };
  }

  // ── what may be in 16 bits ──

  #classify(): void {
    const decide = deciding(this.#order);
    const counts = new Set<Node>();
    for (const node of this.#order) {
      if (this.#constant.has(node)) {
        if (node.type.dtype === "f32" && (this.#ranges.get(node) ?? 0) >= TOO_LARGE) this.#outside.add(node);
        continue;
      }
      const reals = node.inputs.filter(isSingle);
      if (carries(node) && reals.some((x) => this.#outside.has(x))) this.#outside.add(node);
      if (node.op === "fill" && Math.abs(node.attrs.value as number) >= TOO_LARGE && Number.isFinite(node.attrs.value)) this.#outside.add(node);
      const run = reals.filter((x) => !this.#constant.has(x));
      const kind = this.#kindOf(node, decide);
      const isCount = kind !== "half" && carries(node) && run.length > 0 && run.every((x) => counts.has(x));
      if (isCount || (node.op === "cast" && typeof kind === "object" && kind.single === "positions and counts")) counts.add(node);
      this.#kinds.set(node, isCount && kind === "free" ? { single: "positions and counts" } : kind);
    }
  }

  #kindOf(node: Node, decide: ReadonlySet<Node>): Kind {
    if (decide.has(node)) return { single: "what a choice is made by" };
    const kind = kindOf(node);
    if (typeof kind === "object") return kind;
    const inputs = isAttention(node) ? node.inputs.filter((_, i) => !isTerm(node, i)) : node.inputs;
    if (node.op !== "clip" && (this.#outside.has(node) || inputs.some((x) => this.#outside.has(x)))) return { single: "numbers beyond the range of f16" };
    return inputs.some((x) => isSingle(x) && this.#constant.has(x) && !this.#fits(x)) ? { single: "a constant beyond the range of f16" } : kind;
  }

  #fits(constant: Node): boolean {
    const largest = this.#ranges.get(constant);
    return largest !== undefined && largest < TOO_LARGE && (largest === 0 || largest >= SMALLEST);
  }

  // ── who is in 16 bits ──

  /** Of all ways to choose for what is free, one with the fewest conversions. */
  #divide(): void {
    const network = new Network();
    const points = new Map<Node, number>();
    const users = new Map<Node, Set<number>>();
    const pointOf = (node: Node): number => {
      const known = points.get(node) ?? network.point();
      points.set(node, known);
      return known;
    };
    for (const node of this.#order) {
      if (this.#constant.has(node)) continue;
      const real = node.inputs.filter((x) => isSingle(x) && !this.#constant.has(x));
      const makes = node.types.some((t) => t.dtype === "f32");
      if (node.op === "item") {
        if (!makes || node.type.dtype !== "f32") continue;
        // Its values are those of the op that it is of.
        for (const [a, b] of [[pointOf(node), pointOf(node.inputs[0] as Node)], [pointOf(node.inputs[0] as Node), pointOf(node)]] as const) network.edge(a, b, Infinity);
        continue;
      }
      const kind = this.#kinds.get(node);
      const point = makes ? pointOf(node) : SINK;
      if (makes && kind === "half") network.edge(SOURCE, point, Infinity);
      else if (makes && kind !== "free") network.edge(point, SINK, Infinity);
      // A conversion of the author's takes either.
      if (node.op === "cast" && node.type.dtype === "f16") continue;
      for (const [i, x] of node.inputs.entries()) if (real.includes(x)) users.set(x, (users.get(x) ?? new Set()).add(this.#takesSingle(node, i) ? SINK : point));
    }
    for (const { node } of this.#graph.outputs) if (isSingle(node) && !this.#constant.has(node)) users.set(node, (users.get(node) ?? new Set()).add(SINK));
    for (const [node, of] of users) {
      const [narrowed, widened] = [network.point(), network.point()];
      network.edge(pointOf(node), widened, 1);
      network.edge(narrowed, pointOf(node), 1);
      for (const user of of) {
        network.edge(widened, user, Infinity);
        if (user !== SINK) network.edge(user, narrowed, Infinity);
      }
    }
    const isSingleNow = network.withSink();
    for (const [node, point] of points) if (!isSingleNow[point]) this.#isHalf.add(node);
  }

  /** Where scores are written out their terms are added in 32 bits. */
  #takesSingle(node: Node, input: number): boolean {
    return this.#isPortable && isAttention(node) && isTerm(node, input);
  }

  // ── constants ──

  /** Each constant is held once: in 16 bits as soon as something can take it so. */
  #store(): void {
    for (const node of this.#order) {
      if (this.#constant.has(node)) continue;
      for (const [i, x] of node.inputs.entries()) {
        if (!isSingle(x) || !this.#constant.has(x) || !this.#fits(x) || this.#takesSingle(node, i)) continue;
        if (this.#computes ? this.#isHalf.has(node) : typeof kindOf(node) !== "object" && this.#isLarge(x) && x.type.dims.length > 1) this.#stored.add(x);
      }
    }
  }

  #isLarge(constant: Node): boolean {
    const { facts } = this.#graph.arena;
    return constant.type.dims.reduce((product, d) => product * (facts.number(d) ?? 1), 1) > LARGE;
  }

  /** A constant in 16 bits; what these cannot hold becomes the nearest that they do. */
  #narrowed(constant: Node): Node {
    const o = this.#o;
    const [x] = constant.inputs;
    if (constant.op === "cast" && x?.type.dtype === "f16") return x;
    if (constant.op === "fill") return o.fill("f16", constant.type.dims, Math.max(-LARGEST, Math.min(LARGEST, constant.attrs.value as number)));
    if (constant.op === "expand" && x) return o.expand(this.#narrowed(x), constant.type.dims);
    const held = (this.#ranges.get(constant) ?? 0) < TOO_LARGE ? constant : o.binary("max", o.binary("min", constant, o.scalar("f32", LARGEST)), o.scalar("f32", -LARGEST));
    return o.cast(held, "f16");
  }

  // ── the graph again ──

  #of(node: Node): Node {
    const made = this.#now.get(node);
    if (!made) throw new Error(`${node.op} is used before it is made`);
    return made;
  }

  /** A value in 32 bits. */
  #single(x: Node): Node {
    if (this.#constant.has(x)) return this.#stored.has(x) && (!this.#computes || this.#isLarge(x)) ? this.#o.make("cast", [this.#narrowed(x)], { to: "f32", atRun: true }) : x;
    const now = this.#of(x);
    return now.type.dtype === "f16" ? this.#cast(now, "f32", x) : now;
  }

  /** A value in 16 bits. What may be beyond them (the least number there is, for what attention must not see) is held within. */
  #narrow(x: Node): Node {
    if (this.#constant.has(x)) return this.#narrowed(x);
    const now = this.#of(x);
    if (now.type.dtype === "f16") return now;
    return this.#cast(this.#outside.has(x) ? this.#o.clip(now, -LARGEST, LARGEST) : now, "f16", x);
  }

  #cast(now: Node, to: DType, from: Node): Node {
    const known = this.#converted.get(now);
    if (known) return known;
    const { arena } = this.#graph;
    const made = arena.within(undefined, () => this.#o.cast(now, to));
    for (const origin of arena.originsOf(from)) arena.addOrigin(made, origin);
    this.#converted.set(now, made);
    // What weights alone decide is converted while the model is loaded.
    if (!isMadeOfWeights(from)) this.#casts.add(made);
    return made;
  }

  #remade(node: Node): Node {
    const { arena } = this.#graph;
    if (node.op === "item") return remake(arena, node, [this.#of(node.inputs[0] as Node)]);
    if (this.#isHalf.has(node)) {
      if (node.op === "cast" && (node.inputs[0] as Node).type.dtype === "f16") return this.#of(node.inputs[0] as Node);
      const inputs = node.inputs.map((x, i) => (!isSingle(x) ? this.#plain(x) : this.#takesSingle(node, i) ? this.#single(x) : this.#narrow(x)));
      const attrs = node.op === "cast" ? { ...node.attrs, to: "f16" } : node.op === "fill" ? { ...node.attrs, dtype: "f16" } : node.attrs;
      return remake(arena, node, inputs, attrs);
    }
    // A conversion of the author's that has come true already.
    if (node.op === "cast" && node.type.dtype === "f16" && this.#isHalf.has(node.inputs[0] as Node)) return this.#of(node.inputs[0] as Node);
    const [table, ...rest] = node.inputs;
    if (!this.#computes && table && (node.op === "gather" || node.op === "take") && this.#stored.has(table)) {
      // The rows that are read are converted, and the table stays as it is.
      const rows = remake(arena, node, [this.#narrowed(table), ...rest.map((x) => this.#plain(x))]);
      return this.#o.make("cast", [rows], { to: "f32" });
    }
    return remake(arena, node, node.inputs.map((x) => (isSingle(x) ? this.#single(x) : this.#plain(x))));
  }

  #plain(x: Node): Node {
    return this.#constant.has(x) ? x : this.#of(x);
  }

  // ── what people are told ──

  /** What a choice puts in a place, or is added to scores, hides something by being large; a lone number is no weight. */
  #isWeight(user: Node, input: number): boolean {
    return user.op !== "where" && !(isAttention(user) && isTerm(user, input)) && (user.inputs[input] as Node).type.dims.length > 0;
  }

  #report(): Precision {
    const { arena } = this.#graph;
    const single = new Map<string, { op: string; why: Reason; count: number; path: string }>();
    for (const [node, kind] of this.#kinds) {
      if (!this.#computes || typeof kind !== "object" || node.op === "input" || node.op === "item" || ![node, ...node.inputs].some((n) => isSingle(n) || n.types.some((t) => t.dtype === "f32"))) continue;
      const op = node.op === "foreign" ? String(node.attrs.opType) : node.op;
      const known = single.get(`${op} ${kind.single}`) ?? { op, why: kind.single, count: 0, path: arena.originsOf(node)[0]?.path ?? "" };
      single.set(`${op} ${kind.single}`, { ...known, count: known.count + 1 });
    }
    const weighed = new Set(this.#order.filter((n) => !this.#constant.has(n)).flatMap((n) => n.inputs.filter((x, i) => isSingle(x) && this.#constant.has(x) && this.#isWeight(n, i))));
    const kept = [...weighed].filter((x) => !this.#fits(x) && this.#ranges.has(x)).map((x) => ({ name: nameOf(x, this.#graph), largest: this.#ranges.get(x) as number }));
    return { computes: this.#computes, half: [...this.#isHalf].filter((n) => n.op !== "item").length, single: [...single.values()], casts: this.#casts.size, stored: this.#stored.size, kept };
  }
}

const isSingle = (node: Node): boolean => node.type.dtype === "f32";
const isAttention = (node: Node): boolean => node.op === "attention" || node.op === "packedAttention";
/** Whether this input of an attention is what is added to its scores. */
const isTerm = (node: Node, input: number): boolean => input === 3 && node.inputs.length > (node.attrs.shifted === true ? 4 : 3);

/** What a constant goes by: the weight that it is made of, or where it stands. */
function nameOf(constant: Node, { arena }: Graph): string {
  const made = topological([constant]);
  const weight = made.find((n) => n.op === "weight");
  const ref = weight?.attrs.ref as { readonly name: string } | undefined;
  return ref?.name ?? made.flatMap((n) => arena.originsOf(n)).find((origin) => origin.path !== "")?.path ?? constant.op;
}
