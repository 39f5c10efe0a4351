// Chains of reshapes and transpositions, as few of them as move the same: sizes are taken apart into factors, and only the order of these counts.
import { Build } from "../graph/build.ts";
import type { Graph, Node } from "../graph/node.ts";
import { countUsers } from "../graph/users.ts";
import { sameDims } from "../rewrite/match.ts";
import type { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
import { type Dim, type Facts, constant, divideExactly, product } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { pass } from "./pass.ts";

// 1. a chain whose nodes nothing else reads becomes at most a reshape, a transposition and a reshape, where that is fewer
export default pass("regroup", { needs: "fused", leaves: "fused", exact: true, run: regrouped });

/** So many steps of a chain are looked at from its end: every start among them is tried. */
const FARTHEST = 12;
/** A longer chain is gone through again, when its parts have become short: each time it has at most a quarter of its steps. */
const MOST_TIMES = 8;

function regrouped(graph: Graph, _: unknown, record: Recorder): Graph {
  const o = new Build(graph.arena);
  let current = graph;
  for (let times = 0; times < MOST_TIMES; times++) {
    const users = countUsers(current);
    let isCut = false;
    const next = replace(current, (node, now) => {
      if (!moves(node)) return undefined;
      const { chain, rest } = chainTo(node, users);
      isCut ||= rest;
      const found = shortened(o, chain, record);
      return found && { rule: "a chain of movement", node: found.way.reduce((x, step) => (step.kind === "reshape" ? o.reshape(x, step.dims) : o.transpose(x, step.perm)), now(found.from)) };
    }, { pass: "regroup", record });
    const isSame = next.outputs === current.outputs;
    current = next;
    if (!isCut || isSame) break;
  }
  return current;
}

const moves = (node: Node): boolean => node.op === "reshape" || node.op === "transpose";

type Step = { readonly kind: "reshape"; readonly dims: readonly Dim[] } | { readonly kind: "transpose"; readonly perm: readonly number[] };

/** The chain that ends in `root`, or its end where there is a rest. */
function chainTo(root: Node, users: ReadonlyMap<Node, number>): { readonly chain: readonly Node[]; readonly rest: boolean } {
  const chain: Node[] = [];
  for (let at = root; moves(at) && (at === root || users.get(at) === 1); at = at.inputs[0] as Node) {
    if (chain.length === FARTHEST) return { chain, rest: true };
    chain.unshift(at);
  }
  return { chain, rest: false };
}

/** The way from the source of a chain, for the source where it saves most. */
function shortened(o: Build, chain: readonly Node[], record: Recorder): { readonly from: Node; readonly way: readonly Step[] } | undefined {
  const { facts } = o.arena;
  let best: { from: Node; way: readonly Step[]; saved: number } | undefined;
  // A part saves at most all of its steps.
  for (let first = 0; first < chain.length - 1 && chain.length - first > (best?.saved ?? 0); first++) {
    const part = chain.slice(first);
    record.work.visits += part.length;
    const from = (part[0] as Node).inputs[0] as Node;
    const way = wayThrough(from, part, facts);
    if (way && part.length - way.length > (best?.saved ?? 0)) best = { from, way, saved: part.length - way.length };
  }
  return best;
}

/** A part of a size that moves as one. Split where a reshape cuts through it. */
class Factor {
  readonly size: Dim;
  parts: readonly Factor[] | undefined;
  constructor(size: Dim) {
    this.size = size;
  }
  get whole(): readonly Factor[] {
    return this.parts ? this.parts.flatMap((p) => p.whole) : [this];
  }
}
type Axes = readonly (readonly Factor[])[];

function wayThrough(from: Node, chain: readonly Node[], facts: Facts): readonly Step[] | undefined {
  const before: Axes = from.type.dims.map((d) => (isOne(d, facts) ? [] : [new Factor(d)]));
  let axes: Axes | undefined = before;
  for (const node of chain) axes = axes && (node.op === "transpose" ? (node.attrs.perm as readonly number[]).map((p) => (axes as Axes)[p] as readonly Factor[]) : reshaped(axes, node.type.dims, facts));
  if (!axes) return undefined;
  const whole = (list: Axes): Axes => list.map((axis) => axis.flatMap((f) => f.whole));
  return steps(from.type.dims, whole(before), (chain.at(-1) as Node).type.dims, whole(axes), facts);
}

/** The factors taken by the axes of another shape, in their order; undefined where a size cuts through what cannot be divided. */
function reshaped(axes: Axes, dims: readonly Dim[], facts: Facts): Axes | undefined {
  const left = axes.flatMap((axis) => axis.flatMap((f) => f.whole));
  const out: Factor[][] = [];
  for (const dim of dims) {
    const taken: Factor[] = [];
    for (let rest = dim; !isOne(rest, facts); ) {
      const next = left.shift();
      if (!next) return undefined;
      const after = facts.equal(next.size, rest) ? constant(1) : divideExactly(facts.bind(rest), facts.bind(next.size));
      if (after) {
        taken.push(next);
        rest = after;
        continue;
      }
      const inner = divideExactly(facts.bind(next.size), facts.bind(rest));
      if (!inner) return undefined;
      const parts = [new Factor(rest), new Factor(inner)] as const;
      next.parts = parts;
      taken.push(parts[0]);
      left.unshift(parts[1]);
      rest = constant(1);
    }
    out.push(taken);
  }
  return left.length === 0 ? out : undefined;
}

function steps(fromDims: readonly Dim[], from: Axes, toDims: readonly Dim[], to: Axes, facts: Facts): readonly Step[] {
  const reshape = (dims: readonly Dim[]): Step => ({ kind: "reshape", dims });
  const [source, result] = [from.flat(), to.flat()];
  if (source.every((f, i) => f === result[i])) return sameDims(fromDims, toDims, facts) ? [] : [reshape(toDims)];
  const turn = (before: Axes, after: Axes): Step => ({ kind: "transpose", perm: placesOf(before, after) });
  // The axes of one side, as far as they stay together on the other.
  if (staysTogether(from, result)) {
    const moved = ordered(from, result);
    const dims = moved.map((axis) => fromDims[from.indexOf(axis)] as Dim);
    const fits = sameAxes(moved, to);
    return fits ? [turn(from, fits)] : [turn(from, moved), ...(sameDims(dims, toDims, facts) ? [] : [reshape(toDims)])];
  }
  if (staysTogether(to, source)) {
    const before = ordered(to, source);
    return [reshape(before.map((axis) => toDims[to.indexOf(axis)] as Dim)), turn(before, to)];
  }
  const groups = runs(source, result);
  const moved = ordered(groups, result);
  const size = (axis: readonly Factor[]): Dim => product(axis.map((f) => f.size));
  const dims = moved.map(size);
  return [reshape(groups.map(size)), turn(groups, moved), ...(sameDims(dims, toDims, facts) ? [] : [reshape(toDims)])];
}

function staysTogether(axes: Axes, among: readonly Factor[]): boolean {
  return axes.every((axis) => { const at = axis.length === 0 ? 0 : among.indexOf(axis[0] as Factor); return axis.every((f, i) => among[at + i] === f); });
}

/** The axes in the order in which their factors stand in `among`; axes of size 1 come first. */
function ordered(axes: Axes, among: readonly Factor[]): Axes {
  const place = (axis: readonly Factor[]): number => (axis.length === 0 ? -1 : among.indexOf(axis[0] as Factor));
  return [...axes].sort((a, b) => place(a) - place(b));
}

/** `to` made of the very axes of `from`, where these are the same but for their order. */
function sameAxes(from: Axes, to: Axes): Axes | undefined {
  if (from.length !== to.length) return undefined;
  const left = [...from];
  const out: (readonly Factor[])[] = [];
  for (const axis of to) {
    const at = left.findIndex((a) => a.length === axis.length && a.every((f, i) => f === axis[i]));
    if (at < 0) return undefined;
    out.push(...left.splice(at, 1));
  }
  return out;
}

/** Where each axis of `after` stands in `before`: the very same lists. */
const placesOf = (before: Axes, after: Axes): readonly number[] => after.map((axis) => before.indexOf(axis));

/** Runs of factors that stand beside each other on both sides, in the order of the source. */
function runs(source: readonly Factor[], result: readonly Factor[]): Axes {
  const out: Factor[][] = [];
  for (const factor of source) {
    const last = out.at(-1);
    if (last && result[result.indexOf(last.at(-1) as Factor) + 1] === factor) last.push(factor);
    else out.push([factor]);
  }
  return out;
}
