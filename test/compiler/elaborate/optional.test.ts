/** Arguments that may be left out, records of tensors as inputs of a function, and sizes that only a run knows as numbers. */
import test from "ava";
import { compileFunction } from "../../../compiler/function.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { f32, numbers, runGraph } from "../../support/evaluate.ts";
import { ROOT, told } from "../../support/program.ts";

const host = new NodeHost({ root: ROOT });

async function ran(text: string, names: readonly string[], statics: Readonly<Record<string, unknown>> = {}, dims: readonly (number | string)[] = ["N"]): Promise<number[]> {
  const { value, problems } = compileFunction(host, { file: "optional.kiri", text, fn: "run", inputs: names.map((name) => ({ name, dtype: "f32", dims })), statics });
  if (!value) throw new Error(told(problems).join("\n"));
  const values = Object.fromEntries(names.map((name, i) => [name, f32([3], [1, 2, 3].map((x) => x * 10 ** i))]));
  return numbers((await runGraph(value, values)).result ?? f32([0], []));
}

const ADDED = `
fn added(x: f32[N], y: f32[N] = none; shift: Any = none) -> f32[N] {
  let sum = if given(y) { x + y } else { x }
  if given(shift) { sum + shift } else { sum }
}
fn run(x: f32[N], y: f32[N] = none; shift: Float = none) -> f32[N] { added(x, y; shift) }`;

test("given tells whether an argument was left out, also where it is handed on; null leaves one out", async (t) => {
  t.deepEqual(await ran(ADDED, ["x"]), [1, 2, 3]);
  t.deepEqual(await ran(ADDED, ["x", "y"]), [11, 22, 33]);
  t.deepEqual(await ran(ADDED, ["x"], { shift: 0.5 }), [1.5, 2.5, 3.5]);
  t.deepEqual(await ran(ADDED, ["x", "y"], { shift: null }), [11, 22, 33]);
});

test("inputs with a dot are the fields of a record", async (t) => {
  t.deepEqual(await ran("fn run(pair: Any) { pair.first as [N] - pair.second as [N] }", ["pair.first", "pair.second"]), [-9, -18, -27]);
  const { problems } = compileFunction(host, { file: "optional.kiri", text: "fn run(pair: Any) { pair.first as [N] }", fn: "run", inputs: [{ name: "pear.first", dtype: "f32", dims: [3] }] });
  t.regex(told(problems).join(), /^T305 run has no parameter pear/);
});

test("full takes a size that only a run knows", async (t) => {
  t.deepEqual(await ran("fn run(x: f32[N]) -> f32[N] { x + full(N; like: x) }", ["x"]), [4, 5, 6]);
});

test("a function of something that is not known while its caller is checked by itself is no error", async (t) => {
  t.deepEqual(await ran(`
fn halves(x: f32[N]) -> f32[N] { x / N }
fn of(part: Any) -> f32[N] { halves(part.first as [N]) }
fn run(pair: Any) { of(pair) }`, ["pair.first"], {}, [3]), [1 / 3, 2 / 3, 1].map(Math.fround));
});
