// Places that a choice finds stand as a column where rows are read by them, and what is cut whole is handed out by one operator.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Graph, type Node, topological } from "../../../compiler/graph/node.ts";
import columns from "../../../compiler/passes/columns.ts";
import parts from "../../../compiler/passes/parts.ts";
import unitRows from "../../../compiler/passes/unit-rows.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { readModel } from "../../support/onnx.ts";
import { B, N, passCase } from "../../support/pass-case.ts";

const operators = (graph: Graph): Record<string, number> => {
  const found: Record<string, number> = {};
  for (const { opType } of readModel(emitModel(graph as Graph<"fused">, { target: "cpu", name: "m" }).model).nodes) found[opType] = (found[opType] ?? 0) + 1;
  return found;
};
const count = (graph: Graph, op: string): number => topological(graph.outputs.map((o) => o.node)).filter((n) => n.op === op).length;
const scores = (b: Build): Node => b.input("scores", "f32", [B, 40, 9]);
const rows = (b: Build): Node => b.input("rows", "f32", [B, 40, 5]);
/** The seven with the highest best score, one of them never. */
const chosen = (b: Build, most = 40): Node => {
  const best = b.reduce("reduceMax", scores(b), [2], false);
  const open = b.where(b.reshape(b.binary("ge", b.iota(40), b.scalar("i64", 1)), [1, 40]), best, b.scalar("f32", -1e30));
  return b.slice(b.item(b.topk(open, most, 1), 1), 1, 0, 7);
};

test("rows at places that a masked choice finds, and what they are put together with", async (t) => {
  const { after, record } = await passCase(t, {
    golden: "columns/chosen", passes: [columns],
    make: (b) => b.put(b.input("into", "f32", [B, 9, 5]), b.argmax(b.take(scores(b), chosen(b), 1), 2), b.take(rows(b), chosen(b), 1), 1, "add"),
  });
  t.is(record.fired("columns", "rows by a column"), 3);
  t.is(count(after, "topk"), 1);
  t.is(operators(after).Unsqueeze, 1, "only the numbers of the records");
});

test("places that something else reads too are laid flat for it, and found once", async (t) => {
  const { after } = await passCase(t, { golden: "columns/read flat", passes: [columns], make: (b) => [b.take(rows(b), chosen(b), 1), b.add(chosen(b), b.scalar("i64", 1))] });
  t.is(count(after, "topk"), 1);
  t.is(count(after, "reduceMax"), 1);
});

test("a partner is looked up among partners that stand", async (t) => {
  const { after, record } = await passCase(t, { golden: "columns/looked up", passes: [columns], make: (b) => b.take(b.input("others", "f32", [B, 9, 5]), b.take(b.argmax(scores(b), 2), chosen(b), 1), 1) });
  t.is(record.fired("columns", "rows by a column"), 1);
  t.is(count(after, "gatherElements"), 1);
});

test("places from outside, and a mask that a run decides, stay", async (t) => {
  const { record } = await passCase(t, {
    golden: "columns/from outside", passes: [columns],
    make: (b) => {
      const best = b.where(b.input("mask", "bool", [B, 40]), b.reduce("reduceMax", scores(b), [2], false), b.scalar("f32", -1));
      return [b.take(rows(b), b.binary("mod", b.input("places", "i64", [B, N]), b.scalar("i64", 40)), 1), b.take(rows(b), b.item(b.topk(best, 3, 1), 1), 1)];
    },
  });
  t.is(record.fired("columns", "rows by a column"), 0);
});

test("rows of length 1 by the operator that norms rows, where they are short", async (t) => {
  const of = (golden: string, width: number, target: "cpu" | "portable" = "cpu"): ReturnType<typeof passCase> =>
    passCase(t, { golden: `unit-rows/${golden}`, passes: [unitRows], target, make: (b) => { const x = b.input("x", "f32", [B, N, width]); return b.div(x, b.reduce("reduceL2", x, [2], true)); } });
  t.is(count((await of("short", 12)).after, "rmsNorm"), 1);
  t.is(count((await of("long", 200)).after, "rmsNorm"), 0);
  t.is(count((await of("portable", 12, "portable")).after, "rmsNorm"), 0);
});

test("all parts of a value at once", async (t) => {
  const { after, record } = await passCase(t, {
    golden: "parts/all", passes: [parts],
    make: (b) => { const x = rows(b); return [b.exp(b.slice(x, 2, 0, 4)), b.unary("abs", b.slice(x, 2, 4, 5)), b.neg(b.slice(x, 1, 30, 40)), b.sqrt(b.unary("abs", b.slice(x, 1, 0, 10))), b.exp(b.slice(x, 1, 10, 30))]; },
  });
  t.is(record.fired("parts", "all parts at once"), 5);
  t.deepEqual([count(after, "split"), count(after, "slice")], [2, 0]);
});

test("parts that overlap, leave something out, or stride are cut one by one", async (t) => {
  const { record } = await passCase(t, {
    golden: "parts/not all", passes: [parts],
    make: (b) => {
      const [x, y, z] = [rows(b), b.input("y", "f32", [B, 8, 6]), b.input("z", "f32", [B, N, 6])];
      return [b.exp(b.slice(x, 1, 0, 30)), b.neg(b.slice(x, 1, 20, 40)), b.exp(b.slice(y, 1, 0, 4)), b.neg(b.slice(y, 1, 5, 8)), b.exp(b.slice(y, 2, 0, 6, 2)), b.neg(b.slice(y, 2, 1, 6, 2)), b.exp(b.slice(z, 1, 0, 1)), b.neg(b.slice(z, 1, 1, N))];
    },
  });
  t.is(record.fired("parts", "all parts at once"), 0);
});
