// Biases of linear maps, added by the operator behind them.
import test from "ava";
import { topological } from "../../../compiler/graph/node.ts";
import attention from "../../../compiler/passes/attention.ts";
import biases from "../../../compiler/passes/bias.ts";
import gelu from "../../../compiler/passes/gelu.ts";
import layout from "../../../compiler/passes/layout.ts";
import linear from "../../../compiler/passes/linear.ts";
import settle from "../../../compiler/passes/settle.ts";
import simplify from "../../../compiler/passes/simplify.ts";
import { attended, inHeads, mapped, parts } from "../../support/heads.ts";
import { C, N, number, passCase, tokens, weight } from "../../support/pass-case.ts";

const passes = [simplify, gelu, linear, attention, layout, settle, biases];

for (const way of ["none", "tanh"] as const)
  test(`gelu takes the bias: ${way}`, async (t) => {
    const { after } = await passCase(t, { golden: `bias/gelu ${way}`, passes, level: "fused", make: (b) => b.gelu(mapped(b, tokens(b), 1), way) });
    t.is(topological(after.outputs.map((o) => o.node)).find((n) => n.op === "gelu")?.inputs.length, 2);
  });

for (const [name, inputs, term] of [["attention", 4, false], ["attention with a term", 5, true]] as const)
  test(name, async (t) => {
    const { after } = await passCase(t, { golden: `bias/${name}`, passes, make: (b) => attended(b, (s) => (term ? b.add(s, b.input("term", "f32", [1, 1, N, N])) : s)) });
    const order = topological(after.outputs.map((o) => o.node));
    t.is(order.find((n) => n.op === "attention")?.inputs.length, inputs);
    t.true(order.filter((n) => n.op === "linear").every((n) => n.inputs.length === 2));
  });

test("keys without a bias leave the others theirs", async (t) => {
  const { after } = await passCase(t, {
    golden: "bias/keys without", passes,
    make: (b) => { const x = tokens(b); return attended(b, undefined, { ...parts(b, x), k: inHeads(b, b.matmul(x, weight(b, [C, C], 2)), [0, 2, 3, 1]) }); },
  });
  t.is(topological(after.outputs.map((o) => o.node)).find((n) => n.op === "attention")?.inputs.length, 3);
});

test("a map that is read elsewhere keeps its bias", async (t) => {
  await passCase(t, { golden: "bias/read elsewhere", passes, level: "fused", make: (b) => { const y = mapped(b, tokens(b), 1); return [b.gelu(y), b.mul(y, number(b, 2))]; } });
});

test("portable models know no such operators", async (t) => {
  const { after } = await passCase(t, { golden: "bias/portable", passes, level: "fused", target: "portable", make: (b) => b.gelu(mapped(b, tokens(b), 1)) });
  t.is(topological(after.outputs.map((o) => o.node)).find((n) => n.op === "gelu")?.inputs.length, 1);
});
