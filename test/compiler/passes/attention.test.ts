// Attention: every way in which the library's models spell it is one op, with nothing moved around it.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import attention from "../../../compiler/passes/attention.ts";
import layout from "../../../compiler/passes/layout.ts";
import linear from "../../../compiler/passes/linear.ts";
import settle from "../../../compiler/passes/settle.ts";
import simplify from "../../../compiler/passes/simplify.ts";
import type { Attrs } from "../../../compiler/graph/node.ts";
import { B, C, M, N, number, passCase, tokens, weight } from "../../support/pass-case.ts";
import { attended, D, earlier, H, inHeads, mapped, ofKeys, parts, together } from "../../support/heads.ts";

const passes = [simplify, linear, attention, layout, settle];

interface Form {
  readonly make: (b: Build) => Node;
  readonly inputs?: number;
  readonly causal?: boolean;
  readonly scale?: number;
}
const HIDDEN = -1e30;
const FORMS: Readonly<Record<string, Form>> = {
  "scores divided": { make: (b) => attended(b) },
  "scores multiplied on the left": { make: (b) => { const { q, k, v } = parts(b); return together(b, b.matmul(b.softmax(b.mul(number(b, 0.3), b.matmul(q, k)), 3), v)); }, scale: 0.3 },
  "queries scaled before": { make: (b) => { const { q, k, v } = parts(b); return together(b, b.matmul(b.softmax(b.matmul(b.mul(q, number(b, 0.25)), k), 3), v)); }, scale: 0.25 },
  "keys transposed twice": { make: (b) => { const x = tokens(b); return attended(b, undefined, { ...parts(b, x), k: b.transpose(inHeads(b, mapped(b, x, 2)), [0, 1, 3, 2]) }); } },
  "a term of the keys": { make: (b) => attended(b, (s) => b.add(s, ofKeys(b))), inputs: 4 },
  "a term on the left, scaled after": { make: (b) => attended(b, (s) => b.mul(b.add(b.input("term", "f32", [1, H, N, N]), s), number(b, 2))), inputs: 4, scale: 2 / Math.sqrt(D) },
  "two terms": { make: (b) => attended(b, (s) => b.sub(b.add(s, ofKeys(b)), b.input("term", "f32", [1, H, N, N]))), inputs: 4 },
  "hidden by a condition": { make: (b) => attended(b, (s) => b.where(b.reshape(b.input("seen", "bool", [B, N]), [B, 1, 1, N]), s, number(b, HIDDEN))), inputs: 4 },
  "hidden where a condition holds": { make: (b) => attended(b, (s) => b.where(b.unary("not", b.reshape(b.input("seen", "bool", [B, N]), [B, 1, 1, N])), number(b, -Infinity), s)), inputs: 4 },
  "causal by a choice": { make: (b) => attended(b, (s) => b.where(earlier(b), s, number(b, HIDDEN))), causal: true },
  "causal by a term": { make: (b) => attended(b, (s) => b.add(s, b.where(earlier(b), number(b, 0), number(b, HIDDEN)))), causal: true },
  "causal, later ones named": {
    make: (b) => { const at = b.iota(N); return attended(b, (s) => b.where(b.reshape(b.binary("gt", b.reshape(at, [1, N]), b.reshape(at, [N, 1])), [1, 1, N, N]), number(b, HIDDEN), s)); }, causal: true,
  },
  "causal by positions that every row has": {
    make: (b) => {
      const at = b.expand(b.reshape(b.iota(N), [1, N]), [B, N]);
      const seen = b.binary("ge", b.expand(b.reshape(at, [B, N, 1]), [B, N, N]), b.reshape(at, [B, 1, N]));
      return attended(b, (s) => b.where(b.reshape(seen, [B, 1, N, N]), s, number(b, HIDDEN)));
    }, causal: true,
  },
  "by positions of each row": {
    make: (b) => {
      const at = b.add(b.expand(b.reshape(b.iota(N), [1, N]), [B, N]), b.input("from", "i64", [B, N]));
      const seen = b.binary("ge", b.expand(b.reshape(at, [B, N, 1]), [B, N, N]), b.reshape(at, [B, 1, N]));
      return attended(b, (s) => b.where(b.reshape(seen, [B, 1, N, N]), s, number(b, HIDDEN)));
    }, inputs: 4,
  },
  "causal with a term of the keys": { make: (b) => attended(b, (s) => b.where(earlier(b), b.add(s, ofKeys(b)), number(b, HIDDEN))), causal: true, inputs: 4 },
  "the other way round is a term": {
    make: (b) => { const at = b.iota(N); return attended(b, (s) => b.where(b.reshape(b.binary("ge", b.reshape(at, [1, N]), b.reshape(at, [N, 1])), [1, 1, N, N]), s, number(b, HIDDEN))); }, inputs: 4,
  },
  "queries of other tokens": {
    make: (b) => { const [x, y] = [tokens(b), b.input("other", "f32", [B, M, C])]; return attended(b, undefined, { q: inHeads(b, mapped(b, y, 1)), k: inHeads(b, mapped(b, x, 2), [0, 2, 3, 1]), v: inHeads(b, mapped(b, x, 3)) }); },
  },
  "values of another width": { make: (b) => { const x = tokens(b); return attended(b, undefined, { ...parts(b, x), v: inHeads(b, mapped(b, x, 3, 2 * C)) }); } },
  "heads rotated and shared": { make: rotated, causal: true },
  "keys of one head for all": {
    make: (b) => { const x = tokens(b); return attended(b, undefined, { q: inHeads(b, mapped(b, x, 1)), k: inHeads(b, mapped(b, x, 2, D), [0, 2, 3, 1], 1), v: inHeads(b, mapped(b, x, 3, D), [0, 2, 1, 3], 1) }); },
  },
};

/** Rotary positions, and one head of keys and values for several of queries: as in model/llama.kiri. */
function rotated(b: Build): Node {
  const x = tokens(b);
  const angles = b.matmul(b.reshape(b.cast(b.iota(N), "f32"), [N, 1]), b.reshape(weight(b, [D / 2], 9), [1, D / 2]));
  const [c, s] = (["cos", "sin"] as const).map((f) => b.reshape(b.unary(f, angles), [1, 1, N, D / 2])) as [Node, Node];
  const turned = (y: Node): Node => {
    const [first, second] = [b.slice(y, 3, 0, D / 2), b.slice(y, 3, D / 2, D)];
    return b.concat([b.sub(b.mul(first, c), b.mul(second, s)), b.add(b.mul(second, c), b.mul(first, s))], 3);
  };
  const group = b.tensor("i64", [H], [0, 0, 1]);
  const keys = b.gather(turned(inHeads(b, mapped(b, x, 2, 2 * D), [0, 2, 1, 3], 2)), group, 1);
  const values = b.gather(inHeads(b, mapped(b, x, 3, 2 * D), [0, 2, 1, 3], 2), group, 1);
  return attended(b, (scores) => b.where(earlier(b), scores, number(b, HIDDEN)), { q: turned(inHeads(b, mapped(b, x, 1))), k: b.transpose(keys, [0, 1, 3, 2]), v: values });
}

for (const [name, { make, inputs = 3, causal = false, scale = 1 / Math.sqrt(D) }] of Object.entries(FORMS))
  for (const target of ["cpu", "portable"] as const)
    test(`${name}, for ${target}`, async (t) => {
      const { after, record } = await passCase(t, { golden: `attention/${name}`, passes, make, target });
      t.is(record.fused.get("attention"), 1);
      const order = topological(after.outputs.map((o) => o.node));
      const made = order.find((n) => n.op === "attention") as { inputs: readonly Node[]; attrs: Attrs };
      t.is(made.inputs.length, inputs);
      t.is(made.attrs.causal, causal);
      t.true(Math.abs((made.attrs.scale as number) - scale) < 1e-7);
      t.false(order.some((n) => n.op === "transpose" && n.inputs.some((x) => x.op !== "random")), "nothing that the run makes is transposed");
    });

const LEFT: Readonly<Record<string, { readonly make: (b: Build) => Node | Node[]; readonly says: string }>> = {
  "probabilities that are read": {
    make: (b) => { const { q, k, v } = parts(b); const probs = b.softmax(b.matmul(q, k), 3); return [together(b, b.matmul(probs, v)), b.reduce("reduceMax", probs, [3], false)]; },
    says: "softmax is also used elsewhere",
  },
  "a softmax over the queries": { make: (b) => { const { q, k, v } = parts(b); return together(b, b.matmul(b.softmax(b.matmul(q, k), 2), v)); }, says: "the softmax is not over the keys" },
  "scores of something else": { make: (b) => { const { q, k, v } = parts(b); return together(b, b.matmul(b.softmax(b.unary("tanh", b.matmul(q, k)), 3), v)); }, says: "the scores come from tanh, not from a product of queries and keys" },
  "hidden by too little": {
    make: (b) => attended(b, (s) => b.where(earlier(b), s, number(b, -4))),
    says: "the scores are chosen by a condition, and what hides them is not negative enough to vanish",
  },
  "no axis of heads": { make: (b) => { const x = tokens(b); return b.matmul(b.softmax(b.matmul(x, b.transpose(x, [0, 2, 1])), 2), x); }, says: "there is no axis of heads" },
};

for (const [name, { make, says }] of Object.entries(LEFT))
  test(`left alone: ${name}`, async (t) => {
    const { record } = await passCase(t, { golden: `attention/left-alone-${name}`, passes, make });
    t.is(record.fused.get("attention"), 0);
    t.true(record.nearest().some((m) => m.pass === "attention" && m.says === says), record.nearest().map((m) => m.says).join("; "));
  });
