// A term of the scores that depends on the key alone becomes one more channel of queries and keys:
// q' = [q | 1/scale], k' = [k | bias], so scale · q'·k' = scale · q·k + bias. No [N, M] tensor, and the memory-light path stays open.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { Pattern, PatternBuild } from "../rewrite/pattern.ts";
import { type Because, type Rule, because, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import { constant, type Dim, type Facts, multiply } from "../types/dim.ts";
import { expandTo } from "./broadcast.ts";
import { isMadeOfWeights } from "./constant.ts";
import { pass } from "./pass.ts";

/** Hides a key in 32 bits, and is far from overflowing. */
const LOWEST = -1e30;
const HOLES = ["root", "q", "k", "v", "bias"] as const;
type Holes = Readonly<Record<(typeof HOLES)[number], Node>>;

// 1. queries and keys are products with weights that nothing else uses: the channel is put into the weights
// 2. the same for queries, or for keys, alone   3. neither: the channel is joined to them
const rules: readonly Rule[] = [[true, true], [true, false], [false, true], [false, false]].map(([queries, keys]) => {
  const words = [queries ? "queries" : "", keys ? "keys" : ""].filter(Boolean).join(" and ");
  return rule(words ? `in the weights of ${words}` : "joined", HOLES, {
    find: (o, { root, q, k, v, bias }) => o.as(root, o.op("attention", [queries ? o.as(q, linear(o)) : q, keys ? o.as(k, linear(o)) : k, v, bias])),
    when: (m, { facts }) => {
      const fits = isOfKeys(m, facts);
      if (fits !== true) return fits;
      return !keys || facts.number(m.bias.type.dims[1] as Dim) === 1 || because("each head has a term of its own", m.bias);
    },
    put: (o, m) => put(o, m, queries === true, keys === true),
  });
});

export default pass("key columns", { needs: "fused", leaves: "fused", exact: true, for: (target) => target.attention.keyColumns, rules });

function linear(o: PatternBuild): Pattern {
  return o.test("a product with weights", (n) => n.inputs.slice(1).every(isMadeOfWeights), o.sole(o.op("linear")));
}

function isOfKeys({ root, bias }: Holes, facts: Facts): true | Because {
  const rows = bias.type.dims[2] as Dim;
  const width = root.inputs[0]?.type.dims[2];
  if (!width || facts.number(width) === undefined) return because("the width of the heads is not known", root);
  if (facts.number(rows) !== 1) return because("what is added depends on the query too", bias);
  return !isTooLarge(bias, root.attrs.scale as number) || because("what is added would overflow when it is divided by the scale", bias);
}

/** Whether a number that makes the term is too large to be divided by the scale. */
function isTooLarge(bias: Node, scale: number): boolean {
  const limit = 3e38 * Math.min(1, Math.abs(scale));
  let front = [bias];
  for (let depth = 0; depth < 8; depth++) {
    for (const node of front) if (Math.abs(splatOf(node) ?? 0) > limit) return true;
    front = [...new Set(front.flatMap((n) => n.inputs))];
  }
  return false;
}

function put(o: Build, { root, q, k, v, bias }: Holes, queries: boolean, keys: boolean): Node {
  const { heads, scale, causal } = root.attrs as { heads: number; scale: number; causal: boolean };
  const turned = o.transpose(bias, [0, 3, 1, 2]); // [B, M, H, 1]
  return o.attention(
    queries ? grown(o, q, heads, 1 / scale, undefined) : joined(o, q, heads, o.fill(q.type.dtype, [1, 1, 1, 1], 1 / scale)),
    keys ? grown(o, k, heads, 0, turned) : joined(o, k, heads, turned),
    v, undefined, { heads, scale, causal });
}

/** One more channel a head at the end: x[B, N, H·D] to [B, N, H·(D + 1)]. */
function joined(o: Build, x: Node, heads: number, channel: Node): Node {
  const apart = inHeads(o, x, heads);
  const [batch, n, h] = apart.type.dims as readonly [Dim, Dim, Dim, Dim];
  return together(o, o.concat([apart, expandTo(o, channel, [batch, n, h, constant(1)])], 3), 2);
}

/** The same by weights that are wider: `value` comes from the bias; `column`[B, N, 1, 1] is one more input of the product. */
function grown(o: Build, x: Node, heads: number, value: number, column: Node | undefined): Node {
  const [input, w, b] = x.inputs as readonly [Node, Node, Node | undefined];
  const { dtype } = x.type;
  const wide = widened(o, w, heads, 0);
  const each = (x.type.dims[2] as Dim);
  const needsBias = b !== undefined || value !== 0;
  const shift = needsBias ? widened(o, b ?? o.fill(dtype, [each], 0), heads, value) : undefined;
  if (!column) return o.linear(input, wide, shift);
  const [batch, n] = input.type.dims as readonly [Dim, Dim, Dim];
  // The product multiplies the term by the zeros of other channels too, so it has to be finite: log(0) is hidden just as well by a large number.
  const finite = o.binary("max", column, o.scalar(dtype, LOWEST));
  const spread = expandTo(o, o.reshape(finite, column.type.dims.slice(0, 3)), [batch, n, constant(1)]);
  const row = widened(o, o.fill(dtype, [1, each], 0), heads, 1);
  return o.linear(o.concat([input, spread], 2), o.concat([wide, row], 0), shift);
}

/** w[…, H·D] with one more channel a head, of one value: [..., H·(D + 1)]. */
function widened(o: Build, w: Node, heads: number, value: number): Node {
  const apart = inHeads(o, w, heads);
  const rest = apart.type.dims.slice(0, -1);
  return together(o, o.concat([apart, o.fill(w.type.dtype, [...rest, 1], value)], rest.length), rest.length - 1);
}

function inHeads(o: Build, x: Node, heads: number): Node {
  const width = x.type.dims.at(-1) as Dim;
  const each = o.arena.facts.number(width) as number / heads;
  return o.reshape(x, [...x.type.dims.slice(0, -1), heads, each]);
}

/** The last two axes as one. */
function together(o: Build, x: Node, at: number): Node {
  const merged = multiply(x.type.dims[at] as Dim, x.type.dims[at + 1] as Dim);
  return o.reshape(x, [...x.type.dims.slice(0, at), merged]);
}
