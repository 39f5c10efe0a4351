// What exporters put around attention: a softmax that is made safe against rows in which nothing is seen, and masks that are spread out early.
import type { BinaryOp, Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Rule, because, identities, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import type { Dim } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { pass } from "./pass.ts";

// 1. where(spread-out c, a, b) with numbers a and b: spread out afterwards
const late: Rule = rule("a choice between numbers before it is spread out", ["root", "c", "a", "b"], {
  find: (o, { root, c, a, b }) => o.as(root, o.where(o.expand(c), o.splat(a), o.splat(b))),
  when: ({ root, c, a, b }, { facts }) =>
    (c.type.dims.length === root.type.dims.length && [a, b].every((n) => n.type.dims.every((d) => isOne(d, facts)))) || because("the numbers spread out too", root),
  put: (o, { root, c, a, b }) => o.expand(o.where(c, number(o, a), number(o, b)), root.type.dims),
});

const number = (o: Build, splat: Node): Node => o.scalar(splat.type.dtype, splatOf(splat) as number);

// 2. x + spread-out y, where x has all sizes already, and so on
const stretched: readonly Rule[] = (["add", "sub", "mul", "div", "and", "or"] as const).flatMap((op: BinaryOp) => [0, 1].map((side) => rule(`${op} with what is spread out`, ["root", "x", "y"], {
  find: (o, { root, x, y }) => o.as(root, side === 0 ? o.binary(op, x, o.expand(y)) : o.binary(op, o.expand(y), x)),
  when: ({ root, x, y }, { facts }) => (y.type.dims.length === root.type.dims.length && sameDims(x.type.dims, root.type.dims, facts)) || because("it spreads the other side out", root),
  put: (o, { x, y }) => (side === 0 ? o.binary(op, x, y) : o.binary(op, y, x)),
})));

/** Hides as well as -∞ does where anything else is seen, and gives numbers where nothing is. */
const HIDDEN = -1e30;

// 3. joined heads of where(isnan(p), 0, p) · v with p = softmax(scores, hidden by -∞): rows in which nothing is seen give 0, so they are taken out at the end
const safe: Rule = rule("softmax that is 0 where nothing is seen", ["root", "moved", "p", "scores", "v"], {
  find: (o, { root, moved, p, scores, v }) => {
    const probs = o.as(p, o.softmax(scores, 3));
    return o.as(root, o.reshape(o.as(moved, o.sole(o.transpose(o.sole(o.matmul(o.sole(o.where(o.sole(o.unary("isnan", probs)), o.number(0), probs)), v)), [0, 2, 1, 3])))));
  },
  when: ({ root, moved, scores }, { facts }) => {
    const [batch, tokens] = moved.type.dims as [Dim, Dim];
    if (!sameDims(root.type.dims.slice(0, 2), [batch, tokens], facts) || root.type.dims.length !== 3) return because("the heads are not joined afterwards", root);
    const mask = maskOf(scores);
    if (!mask) return because("nothing hides scores by -∞", scores);
    return (mask.condition.type.dims.length === 4 && isOne(mask.condition.type.dims[1] as Dim, facts)) || because("each head has a mask of its own", mask.condition);
  },
  put: (o, { root, moved, scores, v }) => {
    const { condition, hide } = maskOf(scores) as Mask;
    const { dtype } = root.type;
    const joined = o.reshape(o.transpose(o.matmul(o.softmax(hide(o, o.scalar(dtype, HIDDEN)), 3), v), moved.attrs.perm as readonly number[]), root.type.dims);
    const seen = o.reduce("reduceMax", o.cast(condition, dtype), [3], true); // [B or 1, 1, N or 1, 1]
    const [batch, , tokens] = condition.type.dims as [Dim, Dim, Dim];
    return o.mul(joined, o.reshape(seen, [batch, tokens, 1]));
  },
});

// 4. where(isnan(p), 0, p) with p = softmax(scores) of sums that no infinity joins: p is a number
const needless: Rule = rule("softmax of numbers is a number", ["p", "scores"], {
  find: (o, { p, scores }) => {
    const probs = o.as(p, o.softmax(scores));
    return o.where(o.unary("isnan", probs), o.number(0), probs);
  },
  when: ({ scores }) => isOfNumbers(scores) || because("what is added to the scores may be infinite", scores),
  put: (_, { p }) => p,
});

/** Sums of products, and of choices between numbers: finite as long as what comes in is. */
function isOfNumbers(node: Node): boolean {
  const splat = splatOf(node);
  if (splat !== undefined) return Number.isFinite(splat);
  switch (node.op) {
    case "matmul": return true;
    case "add": case "sub": case "mul": return node.inputs.every(isOfNumbers);
    case "div": return isOfNumbers(node.inputs[0] as Node) && (splatOf(node.inputs[1] as Node) ?? 0) !== 0;
    case "where": return node.inputs.slice(1).every(isOfNumbers);
    case "reshape": case "expand": return isOfNumbers(node.inputs[0] as Node);
    default: return false;
  }
}

const permOf = (node: Node): readonly number[] => node.attrs.perm as readonly number[];

// 5. heads put into the batch, turned, and taken out again: turned where they are
const apart: Rule = rule("heads in the batch and out again", ["root", "moved", "joined", "x"], {
  find: (o, { root, moved, joined, x }) => o.as(root, o.reshape(o.as(moved, o.transpose(o.as(joined, o.reshape(x)))))),
  when: ({ root, moved, joined, x }, { facts }) => {
    const lead = x.type.dims.length - joined.type.dims.length + 1;
    if (lead < 2 || permOf(moved)[0] !== 0 || root.type.dims.length !== x.type.dims.length) return because("the first axis does not stay", moved);
    const isJoin = sameDims(joined.type.dims.slice(1), x.type.dims.slice(lead), facts);
    return (isJoin && sameDims(root.type.dims, [...x.type.dims.slice(0, lead), ...moved.type.dims.slice(1)], facts)) || because("other axes are joined", joined);
  },
  put: (o, { moved, joined, x }) => {
    const lead = x.type.dims.length - joined.type.dims.length + 1;
    return o.transpose(x, [...Array.from({ length: lead }, (_, i) => i), ...permOf(moved).slice(1).map((p) => p + lead - 1)]);
  },
});

interface Mask {
  /** True where a key is seen. */
  readonly condition: Node;
  /** The scores, hidden by another number. */
  readonly hide: (o: Build, by: Node) => Node;
}

/** scores = s + where(c, 0, -∞), or where(c, s, -∞). */
function maskOf(scores: Node): Mask | undefined {
  const [a, b] = scores.inputs as readonly [Node, Node, Node];
  if (scores.op === "where") {
    const [condition, shown, hidden] = scores.inputs as readonly [Node, Node, Node];
    return splatOf(hidden) === -Infinity ? { condition, hide: (o, by) => o.where(condition, shown, by) } : undefined;
  }
  if (scores.op !== "add") return undefined;
  for (const [term, rest] of [[b, a], [a, b]] as const) {
    if (term.op !== "where") continue;
    const [condition, shown, hidden] = term.inputs as readonly [Node, Node, Node];
    if (splatOf(shown) === 0 && splatOf(hidden) === -Infinity) return { condition, hide: (o, by) => o.add(rest, o.where(condition, shown, by)) };
  }
  return undefined;
}

export default pass("imported attention", { needs: "tensor", leaves: "tensor", exact: true, rules: [...identities([late, ...stretched, apart]), needless, safe] });
