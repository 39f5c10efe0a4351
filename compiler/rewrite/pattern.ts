// What a rule looks for, written as the graph it looks for: the methods of `Build` over holes instead of nodes.
import type { BinaryOp, ReduceOp, UnaryOp } from "../graph/build.ts";
import type { Attr, Node } from "../graph/node.ts";
import { splatOf } from "./splat.ts";

export type Pattern = Hole | OpPattern | Alternatives | Test;

/** Binds a node to a name; a second use of the name must be the same node. With `inner`, the node must look like that as well. */
export interface Hole {
  readonly kind: "hole";
  readonly name: string;
  readonly inner: Pattern | undefined;
}
export interface OpPattern {
  readonly kind: "op";
  readonly op: string;
  /** `undefined`: any inputs. */
  readonly inputs: readonly Pattern[] | undefined;
  /** Those named must be equal; others may be anything. */
  readonly attrs: Readonly<Record<string, Attr>>;
  /** No other node may use the matched one. */
  readonly sole: boolean;
}
interface Alternatives {
  readonly kind: "any";
  readonly of: readonly Pattern[];
}
interface Test {
  readonly kind: "test";
  /** What is wanted, for the nearest miss. */
  readonly wants: string;
  readonly holds: (node: Node) => boolean;
  readonly inner: Pattern | undefined;
}

/** Operands of these may stand either way round. */
export const COMMUTES: ReadonlySet<string> = new Set(["add", "mul", "min", "max", "and", "or", "eq"]);

export class PatternBuild {
  op(op: string, inputs?: readonly Pattern[], attrs: Readonly<Record<string, Attr | undefined>> = {}): OpPattern {
    const named = Object.entries(attrs).filter((entry): entry is [string, Attr] => entry[1] !== undefined);
    return { kind: "op", op, inputs, attrs: Object.fromEntries(named), sole: false };
  }

  // ── what is not an op ──
  /** The first alternative that leads to a whole match. */
  any(...of: readonly Pattern[]): Alternatives { return { kind: "any", of }; }
  /** Binds what `inner` matches. */
  as(hole: Hole, inner: Pattern): Hole { return { ...hole, inner }; }
  /** Nothing else may use what `inner` matches: it would be computed twice. */
  sole(inner: OpPattern): OpPattern { return { ...inner, sole: true }; }
  test(wants: string, holds: (node: Node) => boolean, inner?: Pattern): Test { return { kind: "test", wants, holds, inner }; }
  /** The same known number everywhere. */
  splat(inner?: Pattern): Test { return this.test("one known number", (n) => splatOf(n) !== undefined, inner); }
  /** That number everywhere, to f32 precision. */
  number(value: number): Test { return this.test(`the number ${value}`, (n) => isNear(splatOf(n), value)); }

  // ── elementwise ──
  unary(op: UnaryOp, x: Pattern): OpPattern { return this.op(op, [x]); }
  binary(op: BinaryOp, a: Pattern, b: Pattern): OpPattern { return this.op(op, [a, b]); }
  add(a: Pattern, b: Pattern): OpPattern { return this.op("add", [a, b]); }
  sub(a: Pattern, b: Pattern): OpPattern { return this.op("sub", [a, b]); }
  mul(a: Pattern, b: Pattern): OpPattern { return this.op("mul", [a, b]); }
  div(a: Pattern, b: Pattern): OpPattern { return this.op("div", [a, b]); }
  pow(a: Pattern, b: Pattern): OpPattern { return this.op("pow", [a, b]); }
  max(a: Pattern, b: Pattern): OpPattern { return this.op("max", [a, b]); }
  neg(x: Pattern): OpPattern { return this.op("neg", [x]); }
  exp(x: Pattern): OpPattern { return this.op("exp", [x]); }
  log(x: Pattern): OpPattern { return this.op("log", [x]); }
  sqrt(x: Pattern): OpPattern { return this.op("sqrt", [x]); }
  erf(x: Pattern): OpPattern { return this.op("erf", [x]); }
  tanh(x: Pattern): OpPattern { return this.op("tanh", [x]); }
  sigmoid(x: Pattern): OpPattern { return this.op("sigmoid", [x]); }
  where(condition: Pattern, a: Pattern, b: Pattern): OpPattern { return this.op("where", [condition, a, b]); }
  cast(x: Pattern): OpPattern { return this.op("cast", [x]); }

  // ── reductions and products ──
  reduce(op: ReduceOp, x: Pattern, axes?: readonly number[], keep?: boolean): OpPattern { return this.op(op, [x], { axes, keep }); }
  topk(x: Pattern): OpPattern { return this.op("topk", [x]); }
  item(x: Pattern, index?: number): OpPattern { return this.op("item", [x], { index }); }
  softmax(x: Pattern, axis?: number): OpPattern { return this.op("softmax", [x], { axis }); }
  matmul(a: Pattern, b: Pattern): OpPattern { return this.op("matmul", [a, b]); }

  // ── movement ──
  reshape(x: Pattern): OpPattern { return this.op("reshape", [x]); }
  transpose(x: Pattern, perm?: readonly number[]): OpPattern { return this.op("transpose", [x], { perm }); }
  expand(x: Pattern): OpPattern { return this.op("expand", [x]); }
  slice(x: Pattern): OpPattern { return this.op("slice", [x]); }
  gather(x: Pattern, indices: Pattern): OpPattern { return this.op("gather", [x, indices]); }
  take(x: Pattern, indices: Pattern): OpPattern { return this.op("take", [x, indices]); }
  concat(...parts: readonly Pattern[]): OpPattern { return this.op("concat", parts); }

  // ── fused ops ──
  layerNorm(x: Pattern, gain: Pattern, bias: Pattern): OpPattern { return this.op("layerNorm", [x, gain, bias]); }
  linear(x: Pattern, w: Pattern, bias?: Pattern): OpPattern { return this.op("linear", bias ? [x, w, bias] : [x, w]); }
}

function isNear(value: number | undefined, wanted: number): boolean {
  return value !== undefined && Math.abs(value - wanted) <= 2e-7 * Math.abs(wanted);
}

/** The ops that a node may have to match; undefined: any. */
export function opsOf(p: Pattern): readonly string[] | undefined {
  if (p.kind === "op") return [p.op];
  if (p.kind !== "any") return p.inner && opsOf(p.inner);
  const all = p.of.map(opsOf);
  return all.includes(undefined) ? undefined : all.flatMap((ops) => ops ?? []);
}

/**
 * Whether a pattern may match at a node, as far as the ops of the node and of its inputs tell. `nearly`: also where it gets past its
 * first input, which is near enough to be told.
 */
export function mayMatch(p: Pattern, node: Node, nearly: boolean): boolean {
  if (p.kind === "any") return p.of.some((q) => mayMatch(q, node, nearly));
  if (p.kind !== "op") return !p.inner || mayMatch(p.inner, node, nearly);
  if (p.op !== node.op) return false;
  if (!p.inputs) return true;
  if (p.inputs.length !== node.inputs.length) return false;
  const wanted = nearly ? p.inputs.slice(0, 1) : p.inputs;
  const fits = (inputs: readonly Node[]): boolean => wanted.every((q, i) => opsOf(q)?.includes((inputs[i] as Node).op) ?? true);
  return fits(node.inputs) || (COMMUTES.has(p.op) && fits([...node.inputs].reverse()));
}

/** How many ops a pattern has at least: what a near miss is measured against. */
export function sizeOfPattern(p: Pattern): number {
  if (p.kind === "any") return Math.min(...p.of.map(sizeOfPattern));
  if (p.kind === "op") return 1 + (p.inputs ?? []).reduce((sum, i) => sum + sizeOfPattern(i), 0);
  return p.inner ? sizeOfPattern(p.inner) : 0;
}
