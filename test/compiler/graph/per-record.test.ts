/** Positions of each record in the place of positions for all: every op gives for a batch what it gives for each of its records alone. */
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, Mismatch, type Node, topological } from "../../../compiler/graph/node.ts";
import { madeOf, type Seen } from "../../../compiler/graph/per-record.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { constant, multiply, symbol } from "../../../compiler/types/dim.ts";
import { f32, graphOf, i64, numbers, runGraph } from "../../support/evaluate.ts";

const [B, N] = [symbol("B"), symbol("N")];
const POSITIONS = [[3, 0, 7, 5], [1, 2, 6, 4], [0, 1, 2, 9]];
const COUNT = 4;
/** Any numbers, the same in every run. */
const some = (count: number, seed: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed));

interface Given {
  readonly b: Build;
  readonly p: Node;
  readonly row: Node;
  readonly column: Node;
  readonly table: Node;
}
interface Case {
  readonly make: (given: Given, x: Node) => Node;
  /** Sizes of x for one record; the first one times the records is its first. */
  readonly beside?: readonly [number, ...number[]];
}
const real = (b: Build, x: Node): Node => b.cast(x, "f32");
const scaled = ({ b, column }: Given): Node => b.mul(real(b, column), b.tensor("f32", [1, 2], [0.5, 0.1]));

const CASES: Readonly<Record<string, Case>> = {
  "a causal mask": { make: ({ b, row, column }) => b.where(b.binary("le", row, column), b.scalar("f32", 0), b.scalar("f32", -1)) },
  "one that meets scores": { make: ({ b, row, column }, x) => b.add(x, b.reshape(real(b, b.binary("le", row, column)), [1, 1, N, N])), beside: [1, 2, COUNT, COUNT] },
  "one that meets scores with heads in the batch": { make: ({ b, row, column }, x) => b.add(x, b.reshape(real(b, b.sub(row, column)), [1, N, N])), beside: [2, COUNT, COUNT] },
  "one that is stretched over the batch first": { make: ({ b, row, column }, x) => b.add(x, b.expand(b.reshape(real(b, b.sub(row, column)), [1, 1, N, N]), [B, 2, N, N])), beside: [1, 2, COUNT, COUNT] },
  "one that is stretched over the heads in the batch": { make: ({ b, row, column }, x) => b.add(x, b.expand(b.reshape(real(b, b.sub(row, column)), [1, N, N]), [multiply(B, constant(2)), N, N])), beside: [2, COUNT, COUNT] },
  "rotary angles": { make: (g) => g.b.concat([g.b.unary("cos", scaled(g)), g.b.unary("sin", scaled(g))], 1) },
  "angles by a product": { make: ({ b, column }) => b.matmul(real(b, column), b.tensor("f32", [1, 3], [1, 2, 3])) },
  "angles by a product on the right": { make: ({ b, row }) => b.matmul(b.tensor("f32", [3, 1], [1, 2, 3]), real(b, row)) },
  "angles by a product of three axes": { make: ({ b, row }) => b.matmul(b.tensor("f32", [1, 3, 1], [1, 2, 3]), b.reshape(real(b, row), [1, 1, N])) },
  "a product with values of the records": { make: ({ b, row, column }, x) => b.matmul(b.reshape(real(b, b.sub(row, column)), [1, N, N]), x), beside: [1, COUNT, 3] },
  "a relative bias": { make: ({ b, row, column, table }) => b.transpose(b.gather(table, b.binary("min", b.unary("abs", b.sub(row, column)), b.fill("i64", [N, N], 5)), 0), [2, 0, 1]) },
  "rows of a table that lies turned": { make: ({ b, p, table }) => b.gather(b.transpose(table, [1, 0]), p, 1) },
  "the same places of each record": { make: ({ b, row, column }) => b.gather(b.sub(row, column), b.tensor("i64", [2], [0, 2]), 1) },
  "elements of a table": { make: ({ b, p, table }) => b.gatherElements(table, b.expand(b.reshape(p, [N, 1]), [N, 3]), 0) },
  "elements of what each record has": { make: ({ b, row, column }, x) => b.gatherElements(x, b.expand(b.reshape(b.binary("min", b.unary("abs", b.sub(row, column)), b.fill("i64", [N, N], 5)), [1, N, N]), [B, N, N]), 2), beside: [1, COUNT, 6] },
  "a part, a sum and what adds up": { make: ({ b, row, column }) => { const d = real(b, b.sub(row, column)); return b.concat([b.slice(d, 1, 1, 3), b.cumsum(b.slice(d, 1, 0, 2), 0), b.reduce("reduceSum", d, [1], true)], 1); } },
  "beside what is the same for all": { make: ({ b, column }) => b.concat([real(b, column), b.fill("f32", [N, 2], 0.5)], 1) },
  "a softmax": { make: ({ b, row, column }) => b.softmax(real(b, b.sub(row, column)), 1) },
};

function seen(b: Build, root: Node, by: ReadonlyMap<Node, Seen>): Seen {
  const made = new Map(by);
  for (const node of topological([root])) {
    if (made.has(node)) continue;
    const inputs = node.inputs.map((x) => made.get(x) as Seen);
    made.set(node, node.inputs.length === 0 ? { node } : madeOf(b, node, inputs, node.attrs, B, () => b.make(node.op, inputs.map((i) => i.node), node.attrs)));
  }
  return made.get(root) as Seen;
}

function given(): Given {
  const b = new Build(new Arena(infer));
  const p = b.input("p", "i64", [N]);
  return { b, p, row: b.reshape(p, [1, N]), column: b.reshape(p, [N, 1]), table: b.tensor("f32", [10, 3], some(30, 1)) };
}

for (const [name, { make, beside }] of Object.entries(CASES))
  test(`${name}: a batch is its records`, async (t) => {
    const g = given();
    const { b, p } = g;
    const [first = 1, ...rest] = beside ?? [];
    const x = b.input("x", "f32", [multiply(B, constant(first)), ...rest.map((d) => (d === COUNT ? N : d))]);
    const root = make(g, x);
    const perRecord = seen(b, root, new Map([[p, { node: b.input("all", "i64", [B, N]), isPerRecord: true, isPosition: true }], [x, { node: x }]]));
    t.is(perRecord.isPerRecord ?? false, beside === undefined);
    const size = [first, ...rest].reduce((a, d) => a * d, 1);
    const values = some(size * POSITIONS.length, 2);
    const inputsOf = (from: number, to: number): Record<string, ReturnType<typeof f32>> => (beside ? { x: f32([first * (to - from), ...rest], values.slice(from * size, to * size)) } : {});
    const alone: number[] = [];
    for (const [i, positions] of POSITIONS.entries()) alone.push(...numbers(Object.values(await runGraph(graphOf(b.arena, root), { p: i64([COUNT], positions), ...inputsOf(i, i + 1) }))[0] as never));
    const all = Object.values(await runGraph(graphOf(b.arena, perRecord.node), { all: i64([POSITIONS.length, COUNT], POSITIONS.flat()), ...inputsOf(0, POSITIONS.length) }))[0];
    t.deepEqual(numbers(all as never).map((v) => v.toFixed(5)), alone.map((v) => v.toFixed(5)));
  });

test("tokens are not read at positions that they no longer stand at, and what is not known of records is refused", (t) => {
  const { b, p } = given();
  const positions: Seen = { node: b.input("all", "i64", [B, symbol("K")]), isPerRecord: true, isPosition: true };
  const tokens = b.input("tokens", "f32", [N, 3]);
  const read = b.gather(tokens, p, 0);
  const folded = b.input("folded", "f32", [symbol("K"), 3]);
  t.throws(() => madeOf(b, read, [{ node: folded }, positions], read.attrs, B, () => read), { instanceOf: Mismatch, message: /positions that they no longer stand at/ });
  t.is(madeOf(b, read, [{ node: tokens }, positions], read.attrs, B, () => read).isPerRecord, true);
  const sorted = b.topk(p, 2, 0);
  t.throws(() => madeOf(b, sorted, [positions], sorted.attrs, B, () => sorted), { instanceOf: Mismatch, message: /are not known here/ });
});
