/** Graphs on which bench/fuzz.py found us wrong, as small as they could be made: the same results as ONNX Runtime gives for the file itself. */
import { join } from "node:path";
import test from "ava";
import type { Value } from "../../../compiler/host.ts";
import { optimise } from "../../../hosts/optimise.ts";
import { f32, numbers, runModel, tensor } from "../../support/evaluate.ts";
import { folderOf, type ModelText, modelBytes, node, port, tensorProto } from "../../support/onnx-model.ts";

const wave = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + 1) / 2);
const weight = (name: string, dims: readonly number[]) => tensorProto(name, "f32", dims, wave(dims.reduce((a, b) => a * b, 1)));
const whole = (name: string, ...values: readonly number[]) => tensorProto(name, "i64", [values.length], values);
const noise = (...dims: readonly number[]): Value => f32(dims, wave(dims.reduce((a, b) => a * b, 1)));

interface Case {
  readonly text: ModelText;
  /** Several runs: what a size is may differ. */
  readonly runs: readonly Readonly<Record<string, Value>>[];
}

const cut = (starts: readonly number[], ends: readonly number[], axes: readonly number[]): Case => ({
  text: { node: [node("Slice", ["x", "starts", "ends", "axes"], ["y"])], initializer: [whole("starts", ...starts), whole("ends", ...ends), whole("axes", ...axes)], input: [port("x", "f32", ["N", 3])], output: [port("y", "f32", ["K", 3])] },
  runs: [1, 2, 3, 6].map((n) => ({ x: noise(n, 3) })),
});

const CASES: Readonly<Record<string, Case>> = {
  "nothing joined to nothing": { text: { node: [node("Concat", ["a", "b"], ["y"], { axis: 0 })], initializer: [weight("a", [0, 2]), weight("b", [0, 2])], input: [], output: [port("y", "f32", [0, 2])] }, runs: [{}] },
  "a reciprocal in 16 bits": { text: { node: [node("Cast", ["x"], ["h"], { to: 10 }), node("Reciprocal", ["h"], ["r"]), node("Cast", ["r"], ["y"], { to: 1 })], input: [port("x", "f32", ["N"])], output: [port("y", "f32", ["N"])] }, runs: [{ x: f32([3], [0.5, 2, -3]) }] },
  "a slice from before the beginning of what may be short": cut([-3], [2147483647], [0]),
  "a slice up to a place before the beginning": cut([0], [-3], [0]),
  "a slice that ends before it starts where there is little": cut([2], [-1], [0]),
  "a slice of the first of what may be nothing": {
    text: {
      node: [node("Shape", ["x"], ["n"]), node("Div", ["n", "four"], ["q"]), node("ConstantOfShape", ["q"], ["ones"]), node("Slice", ["ones", "last", "end"], ["y"])],
      initializer: [whole("four", 4), whole("last", -1), whole("end", 2147483647)], input: [port("x", "f32", ["N"])], output: [port("y", "f32", ["K"])],
    },
    runs: [{ x: noise(3) }, { x: noise(9) }],
  },
  "a slice backwards to the greatest number, which is the beginning": {
    text: { node: [node("Slice", ["c", "from", "to", "axes", "steps"], ["y"])], initializer: [whole("c", 1, 2, 3), whole("from", 1), whole("to", 2147483647), whole("axes", 0), whole("steps", -1)], input: [], output: [port("y", "i64", ["K"])] },
    runs: [{}],
  },
  "a choice in which what is not chosen tells a size": {
    text: {
      node: [node("Reshape", ["x", "to"], ["a"]), node("Where", ["never", "a", "least"], ["y"])],
      initializer: [whole("to", -1, 2), tensorProto("never", "bool", [1, 1], [0]), tensorProto("least", "f32", [1, 1], [-1e9])], input: [port("x", "f32", ["B", "N"])], output: [port("y", "f32", ["K", 2])],
    },
    runs: [{ x: noise(2, 3) }],
  },
  "a sum at one more axis of what may be nothing": {
    text: {
      node: [node("NonZero", ["x"], ["at"]), node("Cast", ["at"], ["found"], { to: 1 }), node("Add", ["found", "one"], ["y"])],
      initializer: [tensorProto("one", "f32", [1, 1, 1], [1])], input: [port("x", "f32", ["N", "M"])], output: [port("y", "f32", [1, 2, "K"])],
    },
    runs: [{ x: f32([2, 2], [0, 0, 0, 0]) }, { x: noise(2, 3) }],
  },
  "a sum at one more axis of what a slice may leave nothing of": {
    text: {
      node: [node("Slice", ["x", "two", "three", "first", "three"], ["s"]), node("Add", ["s", "one"], ["y"])],
      initializer: [whole("two", 2), whole("three", 3), whole("first", 0), tensorProto("one", "f32", [1, 1, 1], [1])], input: [port("x", "f32", ["N", "M"])], output: [port("y", "f32", [1, "K", "M"])],
    },
    runs: [{ x: noise(1, 3) }, { x: noise(4, 3) }],
  },
  "attention whose values alone have records": {
    text: {
      node: [node("MatMul", ["q", "k"], ["s"]), node("Softmax", ["s"], ["p"], { axis: -1 }), node("MatMul", ["p", "v"], ["y"])],
      initializer: [weight("q", [1, 2, 3, 4]), weight("k", [1, 2, 4, 5])], input: [port("v", "f32", ["B", 2, 5, 4])], output: [port("y", "f32", ["B", 2, 3, 4])],
    },
    runs: [{ v: noise(3, 2, 5, 4) }],
  },
  "attention whose values alone have several heads": {
    text: {
      node: [node("MatMul", ["q", "k"], ["s"]), node("Softmax", ["s"], ["p"], { axis: -1 }), node("MatMul", ["p", "v"], ["y"])],
      initializer: [weight("k", [1, 1, 4, 5])], input: [port("q", "f32", ["B", 1, 3, 4]), port("v", "f32", ["B", 2, 5, 4])], output: [port("y", "f32", ["B", 2, 3, 4])],
    },
    runs: [{ q: noise(3, 1, 3, 4), v: noise(3, 2, 5, 4) }],
  },
  "the greatest number that 64 bits hold": {
    text: { node: [node("Reshape", ["c", "to"], ["all"]), node("Shape", ["x"], ["n"]), node("Less", ["n", "all"], ["y"])], initializer: [{ ...whole("c", 0), rawData: new Uint8Array([255, 255, 255, 255, 255, 255, 255, 127]) }, whole("to", -1)], input: [port("x", "f32", ["N"])], output: [port("y", "bool", [1])] },
    runs: [{ x: noise(3) }],
  },
  ...Object.fromEntries(([["LeakyRelu", {}], ["Elu", { alpha: { float: 0.5 } }], ["Selu", {}], ["Softplus", {}], ["Softsign", {}], ["ThresholdedRelu", {}], ["PRelu", {}]] as const).map(([op, attributes]): [string, Case] => [`${op} in 64 bits`, {
    text: {
      opset: 18, node: [node("Cast", ["x"], ["d"], { to: 11 }), node(op, op === "PRelu" ? ["d", "slopes"] : ["d"], ["e"], attributes), node("Cast", ["e"], ["y"], { to: 1 })],
      initializer: [tensorProto("slopes", "f64", [3], [0.5, 2, -1])], input: [port("x", "f32", ["N", 3])], output: [port("y", "f32", ["N", 3])],
    },
    runs: [{ x: f32([2, 3], [-2, -0.5, 0, 0.5, 2, 3]) }],
  }])),
  "Relu of whole numbers": { text: { opset: 18, node: [node("Relu", ["x"], ["y"])], input: [port("x", "i64", ["N"])], output: [port("y", "i64", ["N"])] }, runs: [{ x: tensor("i64", [3], [-2, 0, 5]) }] },
  "a branch that takes a constant which a pass has put together": {
    text: {
      domains: { "com.microsoft": 1 },
      node: [
        node("FastGelu", ["c"], ["g"], {}, { domain: "com.microsoft" }),
        node("If", ["which"], ["y"], { then_branch: { graph: { name: "a", node: [node("Add", ["x", "g"], ["t"])], output: [port("t", "f32", ["N", 3])] } }, else_branch: { graph: { name: "b", node: [node("Mul", ["x", "g"], ["e"])], output: [port("e", "f32", ["N", 3])] } } }),
      ],
      initializer: [weight("c", [3])], input: [port("x", "f32", ["N", 3]), port("which", "bool", [])], output: [port("y", "f32", ["N", 3])],
    },
    runs: [0, 1].map((which) => ({ x: noise(2, 3), which: tensor("bool", [], [which]) })),
  },
  "a norm over no axis": { text: { opset: 18, node: [node("ReduceL2", ["x", "axes"], ["y"], { noop_with_empty_axes: 1 })], initializer: [whole("axes")], input: [port("x", "f32", ["N"])], output: [port("y", "f32", ["N"])] }, runs: [{ x: f32([3], [-1, 2, -3]) }] },
};

for (const [name, { text, runs }] of Object.entries(CASES))
  test(name, async (t) => {
    const folder = folderOf({ "m.onnx": modelBytes(text) });
    const input = join(folder, "m.onnx");
    for (const target of ["cpu", "portable"] as const) {
      const out = join(folder, `${target}.onnx`);
      const { files, problems } = await optimise({ input, out, target });
      t.deepEqual(problems, []);
      t.truthy(files);
      for (const inputs of runs) {
        // Its own passes may change odd graphs; what is meant is what it computes without them.
        const [wanted, found] = [await runModel(input, inputs, { graphOptimizationLevel: "disabled" }), await runModel(out, inputs, { graphOptimizationLevel: "disabled" })];
        const { y } = wanted;
        if (!y) return t.fail("there is no result");
        t.deepEqual([found.y?.dtype, found.y?.dims], [y.dtype, y.dims], target);
        const got = numbers(found.y as Value);
        for (const [i, want] of numbers(y).entries()) t.true(Math.abs((got[i] as number) - want) <= 1e-5 + 1e-5 * Math.abs(want), `${target}: ${got[i]} at ${i}, not ${want}`);
      }
    }
  });

for (const [what, shaped] of [["fewer", [2]], ["no number of", [-2]]] as const)
  test(`numbers in a shape that holds ${what} of them are left to the runtime, which says so`, async (t) => {
    const folder = folderOf({ "m.onnx": modelBytes({ node: [node("Reshape", ["c", "to"], ["r"]), node("Add", ["r", "c"], ["y"])], initializer: [whole("c", 1, 2, 3), whole("to", ...shaped)], input: [], output: [port("y", "i64", ["K"])] }) });
    const { files, problems } = await optimise({ input: join(folder, "m.onnx"), out: join(folder, "o.onnx") });
    t.deepEqual(problems, []);
    t.is(files?.length, 1);
    await t.throwsAsync(runModel(join(folder, "o.onnx"), {}), { message: /Reshape|Add/ });
  });

test("a filled tensor of 64 bits keeps a number that doubles do not hold", async (t) => {
  const folder = folderOf({ "m.onnx": modelBytes({ node: [node("Squeeze", ["c", "axes"], ["y"])], initializer: [{ ...whole("c", 0), rawData: new Uint8Array([254, 255, 255, 255, 255, 255, 255, 127]) }, whole("axes", 0)], input: [], output: [port("y", "i64", [])] }) });
  await optimise({ input: join(folder, "m.onnx"), out: join(folder, "o.onnx") });
  const { y } = await runModel(join(folder, "o.onnx"), {});
  t.deepEqual([...(y as Value).bytes], [...tensor("u8", [8], [254, 255, 255, 255, 255, 255, 255, 127]).bytes]);
});
