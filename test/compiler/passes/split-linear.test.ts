// Packed queries, keys and values become maps of their own, where nothing reads the whole.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Graph, type Node, topological } from "../../../compiler/graph/node.ts";
import linear from "../../../compiler/passes/linear.ts";
import settle from "../../../compiler/passes/settle.ts";
import regroup from "../../../compiler/passes/regroup.ts";
import rowsFirst from "../../../compiler/passes/rows-first.ts";
import splitLinear from "../../../compiler/passes/split-linear.ts";
import { B, C, N, opsOf, passCase, tokens, weight } from "../../support/pass-case.ts";

const passes = [linear, splitLinear, settle, regroup, rowsFirst];
const maps = (graph: Graph): number => opsOf(graph).filter((op) => op === "linear").length;
const packed = (b: Build, x: Node = tokens(b)): Node => b.add(b.matmul(x, weight(b, [C, 3 * C])), b.reshape(weight(b, [3 * C], 2), [1, 1, 3 * C]));
/** Three parts along an axis of their own, each different. */
const three = (b: Build, parts: Node, axis: number, finish: (part: Node) => Node): Node[] => [0, 1, 2].map((i) => b.unary("abs", finish(b.slice(parts, axis, i, i + 1))));

test("parts side by side", async (t) => {
  const { after } = await passCase(t, { golden: "split-linear/side by side", passes, make: (b) => { const all = packed(b); return [0, 1, 2].map((i) => b.unary("abs", b.slice(all, 2, i * C, (i + 1) * C))); } });
  t.is(maps(after), 3);
});

test("parts of each head", async (t) => {
  const { after } = await passCase(t, { golden: "split-linear/of each head", passes, make: (b) => three(b, b.reshape(packed(b), [B, N, 2, 3, 6]), 3, (p) => b.reshape(p, [B, N, 12])) });
  t.is(maps(after), 3);
});

test("tokens before the batch: the parts share the transposition of the rows", async (t) => {
  const { after } = await passCase(t, {
    golden: "split-linear/tokens first", passes,
    make: (b) => three(b, b.transpose(b.reshape(packed(b, b.input("x", "f32", [N, B, C])), [N, B, 3, 2, 6]), [2, 1, 3, 0, 4]), 0, (p) => b.reshape(b.transpose(b.reshape(p, [B, 2, N, 6]), [0, 2, 1, 3]), [B, N, C])),
  });
  t.is(maps(after), 3);
  t.is(topological(after.outputs.map((o) => o.node)).filter((n) => n.op === "transpose" && n.type.dims.length === 3).length, 1);
});

test("a map that is read as a whole stays whole", async (t) => {
  const { record } = await passCase(t, { golden: "split-linear/read whole", passes: [linear, splitLinear], make: (b) => { const all = packed(b); return [b.slice(all, 2, 0, C), b.slice(all, 2, C, 3 * C), b.unary("abs", all)]; } });
  t.is(record.fired("parts of linear maps", "part of columns"), 0);
});

test("parts that share columns stay together", async (t) => {
  const { record } = await passCase(t, { golden: "split-linear/overlapping", passes: [linear, splitLinear], make: (b) => { const all = packed(b); return [b.slice(all, 2, 0, 2 * C), b.slice(all, 2, C, 3 * C)]; } });
  t.is(record.fired("parts of linear maps", "part of columns"), 0);
});
