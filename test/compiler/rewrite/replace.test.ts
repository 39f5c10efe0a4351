// Nodes put in the place of others, in one walk: who reads them, where they came from, and what is recorded.
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, type Node } from "../../../compiler/graph/node.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { Recorder } from "../../../compiler/rewrite/record.ts";
import { replace } from "../../../compiler/rewrite/replace.ts";
import { graphOf } from "../../support/evaluate.ts";
import { number, tokens } from "../../support/pass-case.ts";

test("what was made carries the origins of what it stands for, shared parts those of both, and what stood before its own", (t) => {
  const b = new Build(new Arena(infer));
  const by = (path: string, make: () => Node): Node => b.arena.within({ span: { file: "a.kiri", start: 0, end: 1 }, path, by: undefined }, make);
  const pathsOf = (node: Node): string[] => b.arena.originsOf(node).map((o) => o.path).sort();
  const x = by("x", () => tokens(b));
  const moved = by("moved", () => b.neg(x));
  const [left, right] = [by("left", () => b.mul(moved, number(b, 2))), by("right", () => b.mul(moved, number(b, 4)))];
  const last = by("last", () => b.add(left, right));
  const record = new Recorder();
  // Twice is a sum with itself; four times that of what is twice.
  const { outputs } = replace(graphOf(b.arena, last, moved), (node, now) => {
    if (node !== left && node !== right) return undefined;
    const twice = b.add(now(moved), now(moved));
    return { rule: "sums", node: node === left ? b.neg(b.neg(twice)) : b.add(twice, twice) };
  }, { pass: "test", record });
  const [sum, kept] = outputs.map((o) => o.node) as [Node, Node];
  const [a, c] = sum.inputs as readonly [Node, Node];
  const twice = c.inputs[0] as Node;
  t.is(kept, moved);
  t.is(a.inputs[0]?.inputs[0], twice);
  t.deepEqual([sum, a, a.inputs[0] as Node, c, twice, kept].map(pathsOf), [["last"], ["left"], ["left"], ["right"], ["left", "right"], ["moved"]]);
  t.deepEqual(record.steps.map((s) => [s.before, s.after]), [[left, a], [right, c]]);
});

test("a graph in which nothing is put stays the same nodes", (t) => {
  const b = new Build(new Arena(infer));
  const graph = graphOf(b.arena, b.neg(tokens(b)));
  const record = new Recorder();
  t.is(replace(graph, () => undefined, { pass: "test", record }).outputs[0]?.node, graph.outputs[0]?.node);
  t.is(record.steps.length, 0);
});
