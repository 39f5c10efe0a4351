// Rows that are put together for a product and taken apart again: products where the tokens are.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import { type Dim, asNumber, multiply } from "../../../compiler/types/dim.ts";
import rows from "../../../compiler/passes/rows.ts";
import { B, C, N, passCase, tokens, weight } from "../../support/pass-case.ts";

const passes = [rows];
const both = multiply(B, N);
const flat = (b: Build): Node => b.reshape(tokens(b), [both, C]);

test("with a bias, and again behind it", async (t) => {
  const { record } = await passCase(t, {
    golden: "rows/with a bias", passes,
    make: (b) => {
      const first = b.reshape(b.add(b.matmul(flat(b), weight(b, [C, 7])), b.reshape(weight(b, [7], 2), [1, 7])), [B, N, 7]);
      return b.reshape(b.matmul(b.reshape(b.tanh(first), [both, 7]), weight(b, [7, 3], 3)), [B, N, 3]);
    },
  });
  t.is(record.fired("rows", "rows of a product with a bias") + record.fired("rows", "rows of a product"), 2);
});

test("in whole numbers, whose one scale is measured for all rows", async (t) => {
  const { record } = await passCase(t, {
    golden: "rows/quantized", passes,
    make: (b) => {
      const quantized = (x: Node, width: number, seed: number): Node => b.linearInt8(x, b.cast(b.mul(weight(b, [asNumber(x.type.dims[1] as Dim) as number, width], seed), b.scalar("f32", 60)), "i8"), b.tensor("f32", [width], Array.from({ length: width }, (_, i) => 0.01 + i / 1000)), undefined);
      const first = b.reshape(b.add(quantized(flat(b), 7, 1), b.reshape(weight(b, [7], 2), [1, 7])), [B, N, 7]);
      return b.reshape(quantized(b.reshape(b.tanh(first), [both, 7]), 3, 3), [B, N, 3]);
    },
  });
  t.is(record.fired("rows", "rows of a quantized product with a bias") + record.fired("rows", "rows of a quantized product"), 2);
});

test("rows that are read as they are stay", async (t) => {
  const { record } = await passCase(t, { golden: "rows/read as rows", passes, make: (b) => b.matmul(flat(b), weight(b, [C, 7])) });
  t.is(record.steps.length, 0);
});

test("rows that are taken apart in another way stay", async (t) => {
  const { record } = await passCase(t, { golden: "rows/another way", passes, make: (b) => b.reshape(b.matmul(flat(b), weight(b, [C, 6])), [both, 2, 3]) });
  t.true(record.nearest().some((m) => m.says === "the rows are taken apart in another way"));
});
