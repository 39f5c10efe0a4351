// Transpositions sink towards where they cancel, and reductions read through them.
import test from "ava";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import layout from "../../../compiler/passes/layout.ts";
import { D, H, inHeads, together } from "../../support/heads.ts";
import { B, N, number, passCase, tokens } from "../../support/pass-case.ts";

const count = (graph: { readonly outputs: readonly { readonly node: Node }[] }, op: string): number => topological(graph.outputs.map((o) => o.node)).filter((n) => n.op === op).length;

test("the mean over heads reads what was not transposed", async (t) => {
  const { after } = await passCase(t, { golden: "layout/mean over heads", passes: [layout], make: (b) => b.reduce("reduceMean", inHeads(b, tokens(b)), [1], false) });
  t.is(count(after, "transpose"), 0);
});

test("a reduction whose other axes change places keeps its transposition", async (t) => {
  const { after } = await passCase(t, { golden: "layout/mean over tokens", passes: [layout], make: (b) => b.reduce("reduceMean", b.transpose(tokens(b), [2, 1, 0]), [1], false) });
  t.is(count(after, "transpose"), 1);
});

test("heads that are changed one by one are not moved", async (t) => {
  const { after } = await passCase(t, {
    golden: "layout/changed in heads", passes: [layout],
    make: (b) => { const x = inHeads(b, tokens(b)); return together(b, b.concat([b.unary("neg", b.slice(x, 3, 2, D)), b.mul(b.slice(x, 3, 0, 2), number(b, 2))], 3)); },
  });
  t.is(count(after, "transpose"), 0);
});

test("where one of two would have to be transposed anew, both stay", async (t) => {
  const { after } = await passCase(t, { golden: "layout/two sides", passes: [layout], make: (b) => together(b, b.add(inHeads(b, tokens(b)), b.input("other", "f32", [B, H, N, D]))) });
  t.is(count(after, "transpose"), 2);
});

test("queries, keys and values that were put in front are taken where they stand", async (t) => {
  const { after } = await passCase(t, {
    golden: "layout/parts put in front", passes: [layout],
    make: (b) => {
      const parts = b.transpose(b.reshape(tokens(b), [B, N, 3, 2, 2]), [2, 0, 3, 1, 4]);
      const part = (i: number) => b.reshape(b.transpose(b.reshape(b.slice(parts, 0, i, i + 1), [B, 2, N, 2]), [0, 2, 1, 3]), [B, N, 4]);
      return b.concat([part(0), part(2), part(1)], 2);
    },
  });
  t.is(count(after, "transpose"), 0);
});
