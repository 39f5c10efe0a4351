// The engine: what matches, what stops it, what is recorded, and that origins follow.
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, type Graph, type Node, topological } from "../../../compiler/graph/node.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { Recorder } from "../../../compiler/rewrite/record.ts";
import { because, type Rule, rule } from "../../../compiler/rewrite/rule.ts";
import { rewrite } from "../../../compiler/rewrite/run.ts";
import { splatOf } from "../../../compiler/rewrite/splat.ts";
import { graphOf } from "../../support/evaluate.ts";
import { B, C, N, number, tokens as x, weight } from "../../support/pass-case.ts";

const build = (): Build => new Build(new Arena(infer));
function run(b: Build, nodes: readonly Node[], rules: readonly Rule[]): { readonly outputs: readonly Node[]; readonly record: Recorder; readonly graph: Graph } {
  const record = new Recorder();
  const graph = rewrite(graphOf(b.arena, ...nodes), rules, { pass: "test", record });
  return { outputs: graph.outputs.map((o) => o.node), record, graph };
}

const toTanh: Rule = rule("exp(x) · exp(x)", ["x"], { find: (o, { x }) => o.mul(o.exp(x), o.exp(x)), put: (o, { x }) => o.tanh(x) });

test("a hole that stands twice is one node", (t) => {
  const b = build();
  const [same, other] = [b.mul(b.exp(x(b)), b.exp(x(b))), b.mul(b.exp(x(b)), b.exp(b.neg(x(b))))];
  const { outputs, record } = run(b, [same, other], [toTanh]);
  t.is(outputs[0], b.tanh(x(b)));
  t.is(outputs[1], other);
  t.is(record.fired("test", "exp(x) · exp(x)"), 1);
  t.true(record.nearest().some((m) => m.says === "x stands for two different things"));
});

test("what commutes matches either way round, what does not only as written", (t) => {
  const find = (op: "add" | "sub"): Rule => rule(op, ["x"], { find: (o, { x }) => o.binary(op, o.number(1), o.neg(x)), put: (o, { x }) => o.exp(x) });
  const b = build();
  const [one, minus] = [number(b, 1), b.neg(x(b))];
  const { outputs } = run(b, [b.add(one, minus), b.add(minus, one), b.sub(one, minus), b.sub(minus, one)], [find("add"), find("sub")]);
  t.deepEqual(outputs.map((n) => n.op), ["exp", "exp", "exp", "sub"]);
});

test("what others use is not computed twice, and the record says so", (t) => {
  const rules = [rule("exp of tanh", ["x"], { find: (o, { x }) => o.exp(o.sole(o.tanh(x))), put: (o, { x }) => o.sigmoid(x) })];
  const b = build();
  t.is(run(b, [b.exp(b.tanh(x(b)))], rules).outputs[0]?.op, "sigmoid");
  const shared = run(b, [b.exp(b.tanh(x(b))), b.neg(b.tanh(x(b)))], rules);
  t.is(shared.outputs[0]?.op, "exp");
  t.true(shared.record.nearest().some((m) => m.says === "tanh is also used elsewhere"));
});

test("a declined rule names its reason and the node to blame", (t) => {
  const b = build();
  const inner = b.tanh(x(b));
  const { outputs, record } = run(b, [b.exp(inner)], [rule("never", ["y"], { find: (o, { y }) => o.exp(y), when: ({ y }) => because("not today", y), put: (_, { y }) => y })]);
  t.is(outputs[0]?.op, "exp");
  t.deepEqual(record.nearest().map((m) => [m.says, m.node === inner, m.depth]), [["not today", true, "all"]]);
});

test("users of what was replaced read what came in its place, all along the graph", (t) => {
  const b = build();
  const before = b.exp(b.add(b.neg(b.neg(x(b))), number(b, 3)));
  const { outputs } = run(b, [before], [rule("-(-x)", ["x"], { find: (o, { x }) => o.neg(o.neg(x)), put: (_, { x }) => x })]);
  t.is(outputs[0], b.exp(b.add(x(b), number(b, 3))));
});

test("origins of everything that was matched are those of what was made, and of nodes that only moved", (t) => {
  const b = build();
  const at = (start: number): { span: { file: string; start: number; end: number }; path: string; by: undefined } => ({ span: { file: "a.kiri", start, end: start + 1 }, path: `p${start}`, by: undefined });
  const first = b.arena.within(at(1), () => b.exp(x(b)));
  const product = b.arena.within(at(2), () => b.mul(first, first));
  const last = b.arena.within(at(3), () => b.neg(product));
  const { outputs } = run(b, [last], [toTanh]);
  const [made] = outputs as [Node];
  t.deepEqual(b.arena.originsOf(made).map((o) => o.path), ["p3"]);
  t.deepEqual(b.arena.originsOf(made.inputs[0] as Node).map((o) => o.path).sort(), ["p1", "p2"]);
});

test("a rule that changes a type is a fault of the compiler, named", (t) => {
  const b = build();
  const rules = [rule("wrong", ["x"], { find: (o, { x }) => o.exp(x), put: (o, { x }) => o.reduce("reduceSum", x, [0], false) })];
  t.throws(() => run(b, [b.exp(x(b))], rules), { message: /rule "wrong" of "test" turned f32\[B, N, 12\] into f32\[N, 12\]/ });
});

test("rules that undo each other are a fault of the compiler, named", (t) => {
  const b = build();
  const rules = [
    rule("there", ["x"], { find: (o, { x }) => o.exp(x), put: (o, { x }) => o.tanh(x) }),
    rule("back", ["x"], { find: (o, { x }) => o.tanh(x), put: (o, { x }) => o.exp(x) }),
  ];
  t.throws(() => run(b, [b.exp(x(b))], rules), { message: /never come to rest; last fired: (there, back|back, there)/ });
});

test("one number everywhere is seen through movement, and differing ones are not", (t) => {
  const b = build();
  t.is(splatOf(b.transpose(b.expand(b.reshape(number(b, 2.5), [1, 1]), [3, N]), [1, 0])), 2.5);
  t.is(splatOf(b.fill("i64", [B, N], -4)), -4);
  t.is(splatOf(b.tensor("f32", [3], [7, 7, 7])), 7);
  t.is(splatOf(b.tensor("f32", [3], [7, 7, 8])), undefined);
  t.is(splatOf(weight(b, [C])), undefined);
  t.is(splatOf(x(b)), undefined);
});

test("twice the graph is twice the work", (t) => {
  const chain = (length: number): number => {
    const b = build();
    let at = x(b);
    for (let i = 0; i < length; i++) at = b.mul(b.exp(at), b.exp(at));
    const counted = { tries: 0 };
    const rules = [rule("counted", ["x"], { find: (o, { x }) => o.mul(x, x), when: ({ x }) => { counted.tries++; return because("only counted", x); }, put: (_, { x }) => x }), toTanh];
    const { graph } = run(b, [at], rules);
    t.is(topological(graph.outputs.map((o) => o.node)).filter((n) => n.op === "tanh").length, length);
    return counted.tries;
  };
  t.is(chain(400), 2 * chain(200));
});
