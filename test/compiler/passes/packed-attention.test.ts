// Self-attention takes its three maps in, where scores are held anyway.
import test from "ava";
import attention from "../../../compiler/passes/attention.ts";
import layout from "../../../compiler/passes/layout.ts";
import linear from "../../../compiler/passes/linear.ts";
import packedAttention from "../../../compiler/passes/packed-attention.ts";
import settle from "../../../compiler/passes/settle.ts";
import simplify from "../../../compiler/passes/simplify.ts";
import { attended, earlier, inHeads, mapped, parts } from "../../support/heads.ts";
import { C, N, number, opsOf, passCase, tokens, weight } from "../../support/pass-case.ts";

const passes = [simplify, linear, attention, layout, settle, packedAttention];
const termed = (b: Parameters<typeof attended>[0]) => attended(b, (s) => b.add(s, b.input("term", "f32", [1, 1, N, N])));

test("with a term that is added to the scores", async (t) => {
  const { after } = await passCase(t, { golden: "packed-attention/with a term", passes, make: termed });
  t.true(opsOf(after).includes("packedAttention"));
  t.false(opsOf(after).includes("linear"));
});

test("later tokens hidden", async (t) => {
  const { after } = await passCase(t, { golden: "packed-attention/causal", passes, make: (b) => attended(b, (s) => b.where(earlier(b), s, number(b, -1e30))) });
  t.true(opsOf(after).includes("packedAttention"));
});

test("keys without a bias get one of zeros, values may be of another width", async (t) => {
  const { after } = await passCase(t, {
    golden: "packed-attention/widths", passes,
    make: (b) => {
      const x = tokens(b);
      return attended(b, (s) => b.add(s, b.input("term", "f32", [1, 3, N, N])), { ...parts(b, x), k: inHeads(b, b.matmul(x, weight(b, [C, C], 2)), [0, 2, 3, 1]), v: inHeads(b, mapped(b, x, 3, 6)) });
    },
  });
  t.true(opsOf(after).includes("packedAttention"));
});

test("nothing added: the way that never holds all scores stays open", async (t) => {
  const { after } = await passCase(t, { golden: "packed-attention/no term", passes, make: (b) => attended(b) });
  t.false(opsOf(after).includes("packedAttention"));
});

test("keys of another value stay maps", async (t) => {
  const { after } = await passCase(t, { golden: "packed-attention/across", passes, make: (b) => attended(b, (s) => b.add(s, b.input("term", "f32", [1, 1, N, N])), { ...parts(b), q: parts(b, tokens(b, "other")).q }) });
  t.false(opsOf(after).includes("packedAttention"));
});

test("portable models know no such operator", async (t) => {
  const { after } = await passCase(t, { golden: "packed-attention/portable", passes, target: "portable", make: termed });
  t.false(opsOf(after).includes("packedAttention"));
});
