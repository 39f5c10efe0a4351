// Transpositions go towards where values are made, as far as that takes one away: heads rotated or repeated in their place.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Rule, because, identities, rule } from "../rewrite/rule.ts";
import type { Dim, Facts } from "../types/dim.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";

const perm = (node: Node): readonly number[] => node.attrs.perm as readonly number[];

const ELEMENTWISE: ReadonlySet<string> = new Set(["add", "sub", "mul", "div", "min", "max", "neg", "exp", "log", "sqrt", "abs", "tanh", "erf", "sigmoid", "sin", "cos", "relu", "where"]);
const ALONG_AXIS: ReadonlySet<string> = new Set(["concat", "slice", "gather"]);
const SUNK: readonly string[] = [...ELEMENTWISE, ...ALONG_AXIS, "expand", "reshape"];
/** So far down is looked for a transposition that cancels: a rotation is five ops. */
const DEPTH = 8;

// 1. a transposition of ops on elements, concatenations, slices, gathers and repetitions, behind which it cancels
const sunk: Rule = rule("transpose of what was transposed before", ["root", "x"], {
  find: (o, { root, x }) => o.as(root, o.transpose(o.as(x, o.any(...SUNK.map((op) => o.op(op)))))),
  when: ({ root, x }, { facts }) => cancels(x, perm(root), facts, DEPTH, new Map()) === "cancels" || because("a transposition would remain", x),
  put: (o, { root, x }) => sink(o, x, perm(root)),
});

const REDUCTIONS = ["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2"] as const;

// 2. a reduction of a transposition that keeps the order of what is left
const reduced: readonly Rule[] = REDUCTIONS.map((op) => rule(`${op} of a transposition`, ["root", "moved", "x"], {
  find: (o, { root, moved, x }) => o.as(root, o.reduce(op, o.as(moved, o.transpose(x)))),
  when: ({ root, moved }) => {
    const axes = root.attrs.axes as readonly number[];
    const left = perm(moved).filter((_, i) => !axes.includes(i));
    const inOrder = left.every((p, i) => i === 0 || p > (left[i - 1] as number));
    return (inOrder && (root.attrs.keep === false || perm(moved).every((p, i) => p === i))) || because("the axes that stay change places", root);
  },
  put: (o, { root, moved, x }) => o.reduce(op, x, (root.attrs.axes as readonly number[]).map((axis) => perm(moved)[axis] as number).sort((a, b) => a - b), false),
}));

export default pass("layout", { needs: "fused", leaves: "fused", exact: true, rules: [...identities([sunk, ...reduced]), ...movement] });

/** `free`: transposing it costs nothing, and wins nothing. */
type Verdict = "cancels" | "free" | "stays";

function cancels(node: Node, order: readonly number[], facts: Facts, depth: number, seen: Map<Node, Verdict>): Verdict {
  const before = seen.get(node);
  if (before) return before;
  const verdict = look(node, order, facts, depth, seen);
  seen.set(node, verdict);
  return verdict;
}

function look(node: Node, order: readonly number[], facts: Facts, depth: number, seen: Map<Node, Verdict>): Verdict {
  if (node.type.dims.length === 0 || movesOnlyOnes(node, order, facts)) return "free";
  if (node.op === "transpose") return order.every((p, i) => perm(node)[p] === i) ? "cancels" : "stays";
  if (depth === 0) return "stays";
  if (node.op === "reshape") return placed(node, order, facts, depth) ? "cancels" : "stays";
  const all = moved(node).map((x) => cancels(x, order, facts, depth - 1, seen));
  if (all.length === 0 || all.includes("stays")) return "stays";
  // What is repeated is smaller before than after.
  return all.includes("cancels") || node.op === "expand" ? "cancels" : "free";
}

/** For a reshape that takes one axis of size 1 away: the order of its input, that axis where it stood before it was moved, behind which a transposition cancels. */
function placed(node: Node, order: readonly number[], facts: Facts, depth: number): readonly number[] | undefined {
  const [x] = node.inputs as readonly [Node];
  const { dims } = node.type;
  if (x.type.dims.length !== dims.length + 1) return undefined;
  const gone = x.type.dims.findIndex((d, axis) => facts.number(d) === 1 && sameDims([...x.type.dims.slice(0, axis), ...x.type.dims.slice(axis + 1)], dims, facts));
  if (gone < 0) return undefined;
  const kept = order.map((p) => (p < gone ? p : p + 1));
  const tried = Array.from({ length: kept.length + 1 }, (_, at) => [...kept.slice(0, at), gone, ...kept.slice(at)]);
  return tried.find((each) => cancels(x, each, facts, depth - 1, new Map()) === "cancels");
}

/** Inputs that have the axes of the result. */
function moved(node: Node): readonly Node[] {
  if (ELEMENTWISE.has(node.op) || node.op === "concat" || node.op === "slice" || (node.op === "expand" && node.inputs[0]?.type.dims.length === node.type.dims.length)) return node.inputs;
  return node.op === "gather" && node.inputs[1]?.type.dims.length === 1 ? node.inputs.slice(0, 1) : [];
}

function movesOnlyOnes(node: Node, order: readonly number[], facts: Facts): boolean {
  const large = order.filter((p) => facts.number(node.type.dims[p] as Dim) !== 1);
  return large.every((p, i) => i === 0 || p > (large[i - 1] as number));
}

function sink(o: Build, node: Node, order: readonly number[]): Node {
  const { facts } = o.arena;
  if (node.type.dims.length === 0) return node;
  if (movesOnlyOnes(node, order, facts)) return o.reshape(node, order.map((p) => node.type.dims[p] as Dim));
  if (node.op === "transpose") return node.inputs[0] as Node;
  if (node.op === "reshape") return o.reshape(sink(o, node.inputs[0] as Node, placed(node, order, facts, DEPTH) as readonly number[]), order.map((p) => node.type.dims[p] as Dim));
  const inputs = node.inputs.map((x, i) => (node.op === "gather" && i === 1 ? x : sink(o, x, order)));
  if (node.op === "expand") return o.expand(inputs[0] as Node, order.map((p) => node.type.dims[p] as Dim));
  const attrs = ALONG_AXIS.has(node.op) ? { ...node.attrs, axis: order.indexOf(node.attrs.axis as number) } : node.attrs;
  return o.make(node.op, inputs, attrs);
}
