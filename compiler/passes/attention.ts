// Multi-head attention: softmax(scale · q·kᵀ + bias) · v, on [B, N, H·D] values. What moves heads about cancels afterwards.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { type Because, type Rule, because, isBecause, rule } from "../rewrite/rule.ts";
import { type Dim, type Facts, multiply } from "../types/dim.ts";
import { expandTo } from "./broadcast.ts";
import { pass } from "./pass.ts";
import { type Scores, type Term, readScores } from "./scores.ts";

// 1. scores scaled before or after, by any number; terms added; later tokens hidden by a choice or by a term; keys shared by heads
const attention: Rule = rule("softmax(scores) · v", ["root", "scores", "probs", "v"], {
  find: (o, { root, scores, probs, v }) => o.as(root, o.matmul(o.as(probs, o.sole(o.softmax(scores))), v)),
  when: ({ root, scores, probs, v }, { facts }) => {
    if (root.type.dims.length !== 4) return because("there is no axis of heads", root);
    if (v.type.dims.length !== 4) return because("the values have no axis of heads", v);
    if (probs.attrs.axis !== 3) return because("the softmax is not over the keys", probs);
    if (facts.number(root.type.dims[1] as Dim) === undefined) return because("the number of heads is not known", root);
    const read = readScores(scores, facts);
    return isBecause(read) ? read : fits(read, scores, facts);
  },
  put: (o, { root, scores, v }) => {
    const read = readScores(scores, o.arena.facts);
    return isBecause(read) ? read : put(o, root, scores, v, read);
  },
});

export default pass("attention", { needs: "fused", leaves: "fused", exact: true, makes: ["attention"], rules: [attention] });

function fits({ terms, causal }: Scores, scores: Node, facts: Facts): true | Because {
  const [, , n, m] = scores.type.dims as readonly [Dim, Dim, Dim, Dim];
  if (causal && !facts.equal(n, m)) return because("later tokens are hidden, and there are not as many keys as queries", scores);
  for (const term of terms) {
    const node = term.kind === "sum" ? term.node : term.condition;
    if (!node.type.dims.every((d, axis) => facts.number(d) === 1 || facts.equal(d, scores.type.dims[axis] as Dim))) return because("what is added to the scores makes them larger", node);
  }
  return true;
}

function put(o: Build, root: Node, scores: Node, v: Node, { q, k, scale, terms, causal }: Scores): Node {
  const [, , n, m] = scores.type.dims as readonly [Dim, Dim, Dim, Dim];
  // Values may have records and heads that the scores have once for all.
  const [batch, h] = root.type.dims as readonly [Dim, Dim];
  const each = q.type.dims[3] as Dim;
  const eachOut = v.type.dims[3] as Dim;
  const { dtype } = root.type;
  const bias = terms.map((t) => asNode(o, t, dtype)).reduce<Node | undefined>((sum, t) => (sum ? o.add(sum, t) : t), undefined);
  const made = o.attention(
    joined(o, expandTo(o, q, [batch, h, n, each]), [0, 2, 1, 3]),
    joined(o, expandTo(o, k, [batch, h, each, m]), [0, 3, 1, 2]),
    joined(o, expandTo(o, v, [batch, h, m, eachOut]), [0, 2, 1, 3]),
    bias, { heads: o.arena.facts.number(h) as number, scale, causal });
  return o.transpose(o.reshape(made, [batch, n, h, eachOut]), [0, 2, 1, 3]);
}

/** [B, tokens, H·D] of what `perm` brings to [B, tokens, H, D]. */
function joined(o: Build, x: Node, perm: readonly number[]): Node {
  const apart = o.transpose(x, perm);
  const [batch, tokens, h, each] = apart.type.dims as readonly [Dim, Dim, Dim, Dim];
  return o.reshape(apart, [batch, tokens, multiply(h, each)]);
}

function asNode(o: Build, term: Term, dtype: Node["type"]["dtype"]): Node {
  if (term.kind === "sum") return term.factor === 1 ? term.node : o.mul(term.node, o.scalar(dtype, term.factor));
  const [zero, value] = [o.scalar(dtype, 0), o.scalar(dtype, term.value)];
  return term.shown ? o.where(term.condition, zero, value) : o.where(term.condition, value, zero);
}
