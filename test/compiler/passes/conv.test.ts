// Convolutions: what stands behind them joins them, and nothing else does.
import test from "ava";
import proto from "onnx-proto";
import type { Build, Window } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import conv from "../../../compiler/passes/conv.ts";
import hardSigmoid from "../../../compiler/passes/hard-sigmoid.ts";
import { foreignAttrs } from "../../../compiler/ops/foreign.ts";
import settle from "../../../compiler/passes/settle.ts";
import { constant } from "../../../compiler/types/dim.ts";
import { node } from "../../support/onnx-model.ts";
import { B, opsOf, passCase, weight } from "../../support/pass-case.ts";

const passes = [hardSigmoid, conv, settle];
const window: Window = { strides: [2, 1], pads: [1, 0, 1, 2], dilations: [1, 2], group: 1, activation: "", params: [] };
const image = (b: Build): Node => b.input("x", "f32", [B, 4, 9, 7]);
const convolved = (b: Build, bias?: Node): Node => b.conv(image(b), weight(b, [6, 4, 3, 2]), bias, window);
const channel = (b: Build, seed: number): Node => b.reshape(weight(b, [6], seed), [1, 6, 1, 1]);

for (const target of ["cpu", "portable"] as const)
  test(`a batch norm and a rectifier, for ${target}`, async (t) => {
    const { record } = await passCase(t, { golden: `conv/norm and rectifier ${target}`, passes, target, make: (b) => b.unary("relu", b.add(b.mul(convolved(b, weight(b, [6], 2)), channel(b, 3)), channel(b, 4))) });
    t.is(record.fired("convolutions", "relu of a convolution"), target === "cpu" ? 1 : 0);
    t.is(record.fired("convolutions", "factor of channels"), 1);
  });

test("groups, without a bias, and a shift taken away", async (t) => {
  await passCase(t, { golden: "conv/groups", passes, make: (b) => b.sub(b.mul(b.conv(image(b), weight(b, [6, 2, 3, 3]), undefined, { ...window, group: 2 }), b.scalar("f32", 0.5)), channel(b, 4)) });
});

test("what another reader sees stays", async (t) => {
  const { record } = await passCase(t, { golden: "conv/another reader", passes, make: (b) => { const y = convolved(b); return [b.mul(y, channel(b, 3)), b.unary("relu", y)]; } });
  t.is(record.fired("convolutions", "factor of channels") + record.fired("convolutions", "relu of a convolution"), 0);
});

test("a factor for each column, or one that the run makes, stays", async (t) => {
  const { record } = await passCase(t, { golden: "conv/other factors", passes, make: (b) => b.add(b.mul(convolved(b), weight(b, [1, 1, 1, 7], 3)), b.input("shift", "f32", [1, 6, 1, 1])) });
  t.true(record.nearest().some((m) => m.says === "the factor is not one known number a channel"));
});

test("the straight sigmoid as exporters write it, as a gate and behind a convolution", async (t) => {
  const held = (b: Build, x: Node): Node => b.clip(b.add(x, b.scalar("f32", 3)), 0, 6);
  const { record } = await passCase(t, {
    golden: "conv/straight sigmoid", passes,
    make: (b) => { const y = convolved(b); return [b.div(b.mul(y, held(b, y)), b.scalar("f32", 6)), b.div(held(b, b.conv(image(b), weight(b, [6, 4, 1, 1], 8), undefined, { ...window, pads: [0, 0, 0, 0], dilations: [1, 1] })), b.scalar("f32", 6))]; },
  });
  t.is(record.fired("straight sigmoid", "y · clip(x + a, 0, b) / c"), 1);
  t.is(record.fired("convolutions", "hardSigmoid of a convolution"), 1);
});

test("held between other numbers it is no sigmoid", async (t) => {
  const { record } = await passCase(t, { golden: "conv/held", passes, make: (b) => b.div(b.clip(b.add(convolved(b), b.scalar("f32", 3)), 0, 6), b.scalar("f32", 5)) });
  t.true(record.nearest().some((m) => m.says === "the values do not end at 0 and 1"));
});

for (const [name, f] of Object.entries({ sigmoid: (b: Build, x: Node) => b.sigmoid(x), tanh: (b: Build, x: Node) => b.tanh(x), clip: (b: Build, x: Node) => b.clip(x, -0.25, 0.5) }))
  test(`${name} behind a convolution`, async (t) => {
    const { record } = await passCase(t, { golden: `conv/${name}`, passes, make: (b) => f(b, convolved(b)) });
    t.is(record.fired("convolutions", `${name} of a convolution`), 1);
  });

/** [B, 6, 19, 8] of a picture in `group` groups. */
function transposed(b: Build, group: number, bias?: Node): Node {
  const attributes = proto.onnx.NodeProto.encode({ attribute: node("ConvTranspose", [], [], { group, strides: [2, 1], kernel_shape: [3, 2] }).attribute ?? [] }).finish();
  const inputs = [image(b), weight(b, [4, 6 / group, 3, 2], 5), ...(bias ? [bias] : [])];
  return b.make("foreign", inputs, foreignAttrs({ opType: "ConvTranspose", domain: "", attributes, present: inputs.map(() => true), outputs: [{ dtype: "f32", dims: [B, ...[6, 19, 8].map(constant)] }], copy: 0 }));
}

for (const [group, hasBias] of [[1, false], [2, true]] as const)
  test(`a batch norm behind a transposed convolution, groups: ${group}`, async (t) => {
    const { after, record } = await passCase(t, { golden: `conv/transposed ${group}`, passes, make: (b) => b.unary("relu", b.sub(b.mul(transposed(b, group, hasBias ? weight(b, [6], 2) : undefined), channel(b, 3)), channel(b, 4))) });
    t.is(record.fired("convolutions", "factor of channels"), 1);
    t.deepEqual(opsOf(after).filter((op) => ["foreign", "relu"].includes(op)), ["foreign", "relu"]);
    t.is(after.outputs[0]?.node.inputs[0]?.op, "foreign");
  });

test("a transposed convolution that something else reads, or whose factor is not one a channel, stays", async (t) => {
  const { record } = await passCase(t, { golden: "conv/transposed and read", passes, make: (b) => { const y = transposed(b, 1); return [b.mul(y, channel(b, 3)), b.unary("exp", y), b.mul(transposed(b, 2), weight(b, [1, 1, 1, 8], 3))]; } });
  t.is(record.fired("convolutions", "factor of channels"), 0);
});
