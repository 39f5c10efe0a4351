// Linear maps: products with weights, biases, and what depends on the run.
import test from "ava";
import linear from "../../../compiler/passes/linear.ts";
import settle from "../../../compiler/passes/settle.ts";
import { literal } from "../../../compiler/graph/build.ts";
import { B, C, N, passCase, tokens, weight } from "../../support/pass-case.ts";

const passes = [linear, settle];

test("a transposed weight and a bias", async (t) => {
  const { record } = await passCase(t, {
    golden: "linear/transposed weight", passes,
    make: (b) => b.add(b.matmul(tokens(b), b.transpose(weight(b, [7, C]), [1, 0])), b.reshape(weight(b, [7], 2), [1, 1, 7])),
  });
  t.is(record.fused.get("linear"), 1);
});

test("the bias on the left, and none", async (t) => {
  const { record } = await passCase(t, {
    golden: "linear/bias on the left", passes,
    make: (b) => { const first = b.add(b.reshape(weight(b, [7], 2), [1, 1, 7]), b.matmul(tokens(b), weight(b, [C, 7]))); return b.matmul(b.tanh(first), weight(b, [7, 3], 3)); },
  });
  t.is(record.fused.get("linear"), 2);
});

test("a bias for each token stays a sum", async (t) => {
  const { record } = await passCase(t, { golden: "linear/bias of tokens", passes, make: (b) => b.add(b.matmul(tokens(b), weight(b, [C, C])), tokens(b)) });
  t.is(record.fused.get("linear"), 1);
  t.true(record.nearest().some((m) => m.says === "the bias is not one value a column"));
});

test("a product that is read without its bias keeps it apart", async (t) => {
  await passCase(t, {
    golden: "linear/read without bias", passes,
    make: (b) => { const y = b.matmul(tokens(b), weight(b, [C, C])); return [b.add(y, b.reshape(weight(b, [C], 2), [1, 1, C])), b.exp(y)]; },
  });
});

test("a matrix that the run makes is no weight", async (t) => {
  const { record } = await passCase(t, { golden: "linear/matrix of the run", passes, make: (b) => b.matmul(b.input("x", "f32", [B, N]), b.input("w", "f32", [N, 5])) });
  t.is(record.fused.get("linear"), 0);
  t.true(record.nearest().some((m) => m.says === "the right side depends on the run"));
});

for (const target of ["cpu", "cuda", "portable"] as const)
  test(`a bias joins a product in 8 bits, for ${target}`, async (t) => {
    const { record } = await passCase(t, {
      golden: "linear/8 bits", passes, target,
      make: (b) => {
        const w = b.const("i8", [C, 5], literal("i8", Array.from({ length: C * 5 }, (_, i) => ((i * 37) % 255) - 127)));
        return b.add(b.linearInt8(tokens(b), w, b.tensor("f32", [5], [0.01, 0.02, 0.005, 0.03, 0.04]), undefined), b.reshape(weight(b, [5]), [1, 1, 5]));
      },
    });
    t.is(record.fused.get("linear_int8"), 1);
  });
