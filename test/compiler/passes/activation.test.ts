// GELU, exact and by tanh, and SiLU: every way to write them is one op, and what only looks like them is left alone.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import gelu from "../../../compiler/passes/gelu.ts";
import silu from "../../../compiler/passes/silu.ts";
import simplify from "../../../compiler/passes/simplify.ts";
import { number, passCase, tokens } from "../../support/pass-case.ts";

type Form = (b: Build, x: Node, n: (value: number) => Node) => Node;
const [K, ROOT] = [0.044715, Math.sqrt(2 / Math.PI)];
const erf = (b: Build, x: Node): Node => b.add(b.erf(b.div(x, number(b, Math.SQRT2))), number(b, 1));

const EXACT: Readonly<Record<string, Form>> = {
  "half first": (b, x, n) => b.mul(b.mul(x, n(0.5)), b.add(n(1), b.erf(b.div(x, n(Math.SQRT2))))),
  "half last": (b, x, n) => b.mul(b.mul(x, erf(b, x)), n(0.5)),
  "half on the left": (b, x, n) => b.mul(n(0.5), b.mul(erf(b, x), x)),
  "times the reciprocal root": (b, x, n) => b.mul(b.mul(n(0.5), x), b.add(b.erf(b.mul(x, n(Math.SQRT1_2))), n(1))),
  "half of the sum": (b, x, n) => b.mul(x, b.mul(n(0.5), erf(b, x))),
  "divided by two": (b, x, n) => b.div(b.mul(x, erf(b, x)), n(2)),
  "half of erf and a half": (b, x, n) => b.mul(x, b.add(b.mul(b.erf(b.div(x, n(Math.SQRT2))), n(0.5)), n(0.5))),
};
const TANH: Readonly<Record<string, Form>> = {
  "cube from the left": (b, x, n) => b.mul(b.mul(x, n(0.5)), b.add(n(1), b.tanh(b.mul(n(ROOT), b.add(x, b.mul(b.mul(b.mul(n(K), x), x), x)))))),
  "cube as a power": (b, x, n) => b.mul(b.mul(n(0.5), x), b.add(n(1), b.tanh(b.mul(n(ROOT), b.add(x, b.mul(n(K), b.pow(x, n(3)))))))),
  "square of x": (b, x, n) => b.mul(n(0.5), b.mul(x, b.add(n(1), b.tanh(b.mul(b.mul(x, n(ROOT)), b.add(n(1), b.mul(n(K), b.mul(x, x)))))))),
};
const SILU: Readonly<Record<string, Form>> = {
  "times sigmoid": (b, x) => b.mul(x, b.sigmoid(x)),
  "over one and exp": (b, x, n) => b.div(x, b.add(n(1), b.exp(b.neg(x)))),
  "times one over one and exp": (b, x, n) => b.mul(x, b.div(n(1), b.add(b.exp(b.neg(x)), n(1)))),
};

for (const [kind, pass, forms, counted] of [["gelu", gelu, EXACT, "gelu"], ["gelu by tanh", gelu, TANH, "gelu"], ["silu", silu, SILU, "silu"]] as const)
  for (const [name, form] of Object.entries(forms))
    for (const target of ["cpu", "portable"] as const)
      test(`${kind}: ${name}, for ${target}`, async (t) => {
        const { record } = await passCase(t, { golden: `activation/${kind}, ${name}`, passes: [simplify, pass], make: (b) => form(b, tokens(b), (v) => number(b, v)), target });
        t.is(record.fused.get(counted), 1);
      });

test("another number inside is another function", async (t) => {
  const { record } = await passCase(t, {
    golden: "activation/another number", passes: [gelu],
    make: (b) => { const x = tokens(b); return b.mul(b.mul(x, number(b, 0.5)), b.add(b.erf(b.div(x, number(b, 1.41))), number(b, 1))); },
  });
  t.is(record.fused.get("gelu"), 0);
  t.true(record.nearest().some((m) => m.rule === "x · Φ(x)"));
});
