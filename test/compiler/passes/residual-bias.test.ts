// Biases that join the sum with a norm go into that norm.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import layerNorm from "../../../compiler/passes/layer-norm.ts";
import linear from "../../../compiler/passes/linear.ts";
import residualBias from "../../../compiler/passes/residual-bias.ts";
import { C, passCase, tokens, weight } from "../../support/pass-case.ts";

const passes = [layerNorm, linear, residualBias];
const biased = (graph: { readonly outputs: readonly { readonly node: Node }[] }): number => topological(graph.outputs.map((o) => o.node)).filter((n) => n.op === "linear" && n.inputs.length === 3).length;
const normed = (b: Build, x: Node): Node => b.layerNorm(x, weight(b, [C], 90), weight(b, [C], 91), 1e-5);

test("a block whose norms come after the sums", async (t) => {
  const { after } = await passCase(t, {
    golden: "residual-bias/post-norm", passes, level: "fused",
    make: (b) => { const y = normed(b, tokens(b)); return normed(b, b.add(b.linear(b.unary("tanh", b.linear(y, weight(b, [C, 7], 1), weight(b, [7], 2))), weight(b, [7, C], 3), weight(b, [C], 4)), y)); },
  });
  t.is(biased(after), 1);
});

test("no bias of the norm before: it gets one", async (t) => {
  const { after } = await passCase(t, {
    golden: "residual-bias/norm without", passes, level: "fused",
    make: (b) => { const y = b.layerNorm(tokens(b), weight(b, [C], 90), undefined, 1e-5); return b.unary("abs", b.add(y, b.linear(b.unary("tanh", b.linear(y, weight(b, [C, 7], 1), weight(b, [7], 2))), weight(b, [7, C], 3), weight(b, [C], 4)))); },
  });
  t.is(biased(after), 1);
});

test("a norm that something else reads keeps its bias, and so does the map", async (t) => {
  const { record } = await passCase(t, {
    golden: "residual-bias/read elsewhere", passes, level: "fused",
    make: (b) => { const y = normed(b, tokens(b)); return [b.add(y, b.linear(b.unary("tanh", y), weight(b, [C, C], 3), weight(b, [C], 4))), b.unary("abs", y)]; },
  });
  t.is(record.fired("biases of residuals", "bias into the norm before"), 0);
});

test("a sum with what is no norm is left alone", async (t) => {
  const { record } = await passCase(t, { golden: "residual-bias/pre-norm", passes, level: "fused", make: (b) => { const x = b.unary("tanh", tokens(b)); return normed(b, b.add(x, b.linear(x, weight(b, [C, C], 3), weight(b, [C], 4)))); } });
  t.is(record.fired("biases of residuals", "bias into the norm before"), 0);
});

test("a map whose bias moves on reads no norm that takes one in", async (t) => {
  const { record } = await passCase(t, {
    golden: "residual-bias/crosswise", passes, level: "fused",
    make: (b) => {
      const [y, z] = [normed(b, tokens(b)), b.layerNorm(tokens(b, "other"), weight(b, [C], 92), weight(b, [C], 93), 1e-5)];
      const first = b.add(y, b.linear(b.unary("tanh", tokens(b, "third")), weight(b, [C, C], 3), weight(b, [C], 4)));
      return [first, b.add(z, b.linear(y, weight(b, [C, C], 5), weight(b, [C], 6)))];
    },
  });
  t.is(record.fired("biases of residuals", "bias into the norm before"), 1);
});
