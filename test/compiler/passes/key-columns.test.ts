// Terms of the scores that depend on the key alone become a channel: in weights where they are free, joined where not.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import attention from "../../../compiler/passes/attention.ts";
import keyColumns from "../../../compiler/passes/key-columns.ts";
import layout from "../../../compiler/passes/layout.ts";
import linear from "../../../compiler/passes/linear.ts";
import settle from "../../../compiler/passes/settle.ts";
import simplify from "../../../compiler/passes/simplify.ts";
import { attended, earlier, H, ofKeys, parts } from "../../support/heads.ts";
import { B, N, number, passCase } from "../../support/pass-case.ts";

const passes = [simplify, linear, attention, layout, keyColumns, settle];
/** log(size), as proportional attention adds it. */
const logSize = (b: Build): Node => b.unary("log", b.binary("max", b.unary("abs", ofKeys(b, "size")), number(b, 0.01)));

const FORMS: Readonly<Record<string, { readonly make: (b: Build) => Node | Node[]; readonly rule: string; readonly causal?: boolean }>> = {
  "sizes of tokens": { make: (b) => attended(b, (s) => b.add(s, logSize(b))), rule: "in the weights of queries and keys" },
  "sizes of 0": { make: (b) => attended(b, (s) => b.add(s, b.unary("log", b.unary("relu", ofKeys(b, "size"))))), rule: "in the weights of queries and keys" },
  "a padding mask": { make: (b) => attended(b, (s) => b.where(b.reshape(b.input("seen", "bool", [B, N]), [B, 1, 1, N]), s, number(b, -1e30))), rule: "in the weights of queries and keys" },
  "keys that are read": { make: (b) => { const p = parts(b); return [attended(b, (s) => b.add(s, logSize(b)), p), b.reduce("reduceMean", p.k, [1], false)]; }, rule: "in the weights of queries" },
  "queries that are read": { make: (b) => { const p = parts(b); return [attended(b, (s) => b.add(s, logSize(b)), p), b.reduce("reduceMean", p.q, [1], false)]; }, rule: "in the weights of keys" },
  "both are read": { make: (b) => { const p = parts(b); return [attended(b, (s) => b.add(s, logSize(b)), p), b.reduce("reduceMean", p.q, [1], false), b.reduce("reduceMean", p.k, [1], false)]; }, rule: "joined" },
  "a term for each head": { make: (b) => attended(b, (s) => b.add(s, b.input("term", "f32", [1, H, 1, N]))), rule: "in the weights of queries" },
  "causal, with sizes": { make: (b) => attended(b, (s) => b.where(earlier(b), b.add(s, logSize(b)), number(b, -1e30))), rule: "in the weights of queries and keys", causal: true },
};

for (const [name, { make, rule, causal = false }] of Object.entries(FORMS))
  test(name, async (t) => {
    const { after, record } = await passCase(t, { golden: `key-columns/${name}`, passes, make });
    t.is(record.fired("key columns", rule), 1);
    const order = topological(after.outputs.map((o) => o.node));
    const made = order.find((n) => n.op === "attention");
    t.is(made?.inputs.length, 3, "no tensor is added to the scores");
    t.is(made?.attrs.causal, causal);
    t.false(order.some((n) => n.type.dims.filter((d) => d.key === "N").length > 1), "nothing holds a number for each pair of tokens");
  });

test("a term that depends on the query too stays", async (t) => {
  const { record } = await passCase(t, { golden: "key-columns/of queries too", passes, make: (b) => attended(b, (s) => b.add(s, b.input("term", "f32", [1, 1, N, N]))) });
  t.true(record.steps.every((s) => s.pass !== "key columns"));
});

test("a term that would overflow stays", async (t) => {
  const hidden = (b: Build): Node => b.where(b.reshape(b.input("seen", "bool", [B, N]), [B, 1, 1, N]), number(b, 0), number(b, -3.4e38));
  const { record } = await passCase(t, { golden: "key-columns/overflow", passes, make: (b) => attended(b, (s) => b.add(s, hidden(b))) });
  t.true(record.steps.every((s) => s.pass !== "key columns"));
});

test("a target that does not profit keeps the term", async (t) => {
  const { after } = await passCase(t, { golden: "key-columns/portable", passes, target: "portable", make: (b) => attended(b, (s) => b.add(s, logSize(b))) });
  t.is(topological(after.outputs.map((o) => o.node)).find((n) => n.op === "attention")?.inputs.length, 4);
});
