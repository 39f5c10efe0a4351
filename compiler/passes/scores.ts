// Reads the scores of attention, whichever way they are spelled, as scale · q·kᵀ + terms, and whether later tokens are hidden.
import type { Node } from "../graph/node.ts";
import { type Because, because, isBecause } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import type { Dim, Facts } from "../types/dim.ts";

export interface Scores {
  /** [B, H, N, D] */
  readonly q: Node;
  /** [B, H, D, M] */
  readonly k: Node;
  readonly scale: number;
  readonly terms: readonly Term[];
  readonly causal: boolean;
}
/** What is added to the scores. */
export type Term =
  | { readonly kind: "sum"; readonly node: Node; readonly factor: number }
  /** Where `condition` is not `shown`, nothing is seen. */
  | { readonly kind: "hide"; readonly condition: Node; readonly shown: boolean; readonly value: number };

/** From here on a score leaves nothing of what it is added to, in 32 bits. */
const HIDDEN = -1e20;

export function readScores(node: Node, facts: Facts): Scores | Because {
  return read(node, 1, facts);
}

function read(node: Node, factor: number, facts: Facts): Scores | Because {
  const [a, b] = node.inputs as readonly [Node, Node];
  switch (node.op) {
    case "matmul": return product(a, b, factor, facts);
    case "neg": return read(a, -factor, facts);
    case "div": return isNumber(b, facts) ? read(a, factor / (splatOf(b) as number), facts) : because("the scores are divided by more than a number", node);
    case "mul": {
      if (isNumber(b, facts)) return read(a, factor * (splatOf(b) as number), facts);
      return isNumber(a, facts) ? read(b, factor * (splatOf(a) as number), facts) : because("the scores are multiplied by more than a number", node);
    }
    case "add": case "sub": return sum(node, a, b, factor, facts);
    case "where": return choice(node, factor, facts);
    default: return because(`the scores come from ${node.op}, not from a product of queries and keys`, node);
  }
}

/** One number everywhere that does not spread the scores out. */
const isNumber = (node: Node, facts: Facts): boolean => splatOf(node) !== undefined && node.type.dims.every((d) => facts.number(d) === 1);

function product(a: Node, b: Node, factor: number, facts: Facts): Scores | Because {
  if (a.type.dims.length !== 4 || b.type.dims.length !== 4) return because("queries and keys have no axis of heads", b);
  const [q, byQ] = unscaled(a, facts);
  const [k, byK] = unscaled(b, facts);
  return { q, k, scale: factor * byQ * byK, terms: [], causal: false };
}

/** Queries or keys that were scaled before. */
function unscaled(node: Node, facts: Facts): readonly [Node, number] {
  const [a, b] = node.inputs as readonly [Node, Node];
  if (node.op === "mul" && isNumber(b, facts)) return [a, splatOf(b) as number];
  if (node.op === "mul" && isNumber(a, facts)) return [b, splatOf(a) as number];
  if (node.op === "div" && isNumber(b, facts)) return [a, 1 / (splatOf(b) as number)];
  return [node, 1];
}

function sum(node: Node, a: Node, b: Node, factor: number, facts: Facts): Scores | Because {
  const left = read(a, factor, facts);
  if (!isBecause(left)) return withTerm(left, b, node.op === "add" ? factor : -factor, facts);
  if (node.op === "sub") return left;
  const right = read(b, factor, facts);
  return isBecause(right) ? left : withTerm(right, a, factor, facts);
}

function withTerm(scores: Scores, node: Node, factor: number, facts: Facts): Scores | Because {
  const number = splatOf(node);
  // The softmax does not see a number that is added everywhere.
  if (number !== undefined && Number.isFinite(number)) return scores;
  if (node.type.dims.length !== 4) return because("what is added to the scores has another rank", node);
  const hidden = hiding(node, factor);
  if (!hidden) return { ...scores, terms: [...scores.terms, { kind: "sum", node, factor }] };
  return hide(scores, hidden.condition, hidden.shown, hidden.value, facts);
}

/** A tensor that is 0 where something may be seen and very negative where not. */
function hiding(node: Node, factor: number): { condition: Node; shown: boolean; value: number } | undefined {
  if (node.op !== "where") return undefined;
  const [condition, a, b] = node.inputs as readonly [Node, Node, Node];
  const [then, otherwise] = [splatOf(a), splatOf(b)];
  if (then === 0 && otherwise !== undefined && otherwise * factor <= HIDDEN) return { condition, shown: true, value: otherwise * factor };
  if (otherwise === 0 && then !== undefined && then * factor <= HIDDEN) return { condition, shown: false, value: then * factor };
  return undefined;
}

function choice(node: Node, factor: number, facts: Facts): Scores | Because {
  const [condition, a, b] = node.inputs as readonly [Node, Node, Node];
  const [then, otherwise] = [splatOf(a), splatOf(b)];
  const shown = otherwise !== undefined;
  const value = (otherwise ?? then ?? 0) * factor;
  if (!(value <= HIDDEN)) return because("the scores are chosen by a condition, and what hides them is not negative enough to vanish", node);
  const scores = read(shown ? a : b, factor, facts);
  return isBecause(scores) ? scores : hide(scores, condition, shown, value, facts);
}

function hide(scores: Scores, condition: Node, shown: boolean, value: number, facts: Facts): Scores | Because {
  if (isSeenBefore(condition, shown, facts)) return { ...scores, causal: true };
  const rank = condition.type.dims.length;
  if (rank !== 4) return because("what hides scores has another rank", condition);
  return { ...scores, terms: [...scores.terms, { kind: "hide", condition, shown, value }] };
}

/** Whether the condition says `shown` exactly where the key does not come after the query. */
function isSeenBefore(condition: Node, shown: boolean, facts: Facts): boolean {
  let at = condition;
  let wanted = shown;
  for (;;) {
    if (at.op === "not") wanted = !wanted;
    else if (!isStretched(at, facts)) break;
    at = at.inputs[0] as Node;
  }
  const [a, b] = at.inputs as readonly [Node, Node];
  const [rows, columns] = [(x: Node) => counts(x, 2, facts), (x: Node) => counts(x, 1, facts)];
  if (at.op === "ge" || at.op === "lt") return (at.op === "ge") === wanted && rows(a) && columns(b);
  if (at.op === "le" || at.op === "gt") return (at.op === "le") === wanted && columns(a) && rows(b);
  return false;
}

/** A reshape that only moves sizes of 1 about, or a repetition: of neither do the last two axes notice. */
function isStretched(node: Node, facts: Facts): boolean {
  const [x] = node.inputs as readonly [Node];
  if ((node.op !== "reshape" && node.op !== "expand") || x.type.dims.length < 2) return false;
  const lastTwo = (n: Node): readonly Dim[] => n.type.dims.slice(-2);
  return (node.op === "expand" || movesOnes(node, facts)) && lastTwo(x).every((d, i) => facts.equal(d, lastTwo(node)[i] as Dim));
}

/** Whether the node counts 0, 1, … along the axis that is the given one from behind, and is the same along all others. */
function counts(node: Node, fromBehind: number, facts: Facts): boolean {
  const { dims } = node.type;
  const place = dims.length - fromBehind;
  const [x] = node.inputs;
  if (place < 0) return false;
  if (node.op === "iota") return place === 0;
  if (!x) return false;
  const inner = x.type.dims;
  if (node.op === "cast") return counts(x, fromBehind, facts);
  if (node.op === "expand") return inner.length >= fromBehind && facts.equal(inner[inner.length - fromBehind] as Dim, dims[place] as Dim) && counts(x, fromBehind, facts);
  if (node.op !== "reshape" || !movesOnes(node, facts)) return false;
  // The same one of the axes that are larger than 1.
  const nth = larger(dims, facts).indexOf(place);
  const at = larger(inner, facts)[nth];
  return at !== undefined && counts(x, inner.length - at, facts);
}

/** Where the axes are that are not of size 1. */
const larger = (dims: readonly Dim[], facts: Facts): number[] => dims.flatMap((d, i) => (facts.number(d) === 1 ? [] : [i]));

function movesOnes(reshape: Node, facts: Facts): boolean {
  const [before, after] = [reshape.inputs[0]?.type.dims ?? [], reshape.type.dims];
  const [from, to] = [larger(before, facts), larger(after, facts)];
  return from.length === to.length && from.every((at, i) => facts.equal(before[at] as Dim, after[to[i] as number] as Dim));
}
