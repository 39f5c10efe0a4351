/** What an exporter has baked in, found again on other sizes; and what is truly fixed, refused with its node. */
import { join } from "node:path";
import test from "ava";
import { realigned } from "../../../compiler/import/onnx-derive.ts";
import { constant, type Dim, parseDim } from "../../../compiler/types/dim.ts";
import { f32, numbers, runModel } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { folderOf, modelBytes, type ModelText, node, port, tensorProto } from "../../support/onnx-model.ts";
import { attempted, compiled, output, run, told } from "../../support/program.ts";

const dims = (text: string): Dim[] => text.split(" ").map(parseDim);
const shown = (list: readonly Dim[] | undefined): string | undefined => list?.map((d) => d.key).join(" ");
const N = { from: constant(197), to: parseDim("N") };
const B = { from: constant(1), to: parseDim("B") };

test("a target shape on another count of tokens, where the sizes decide it", (t) => {
  const on = (old: string, target: string, now: string, ...swaps: { from: Dim; to: Dim }[]): string | undefined => shown(realigned(dims(old), dims(target), dims(now), swaps));
  t.is(on("B 197 384", "B 197 6 64", "B N 384", N), "B N 6 64");
  t.is(on("B 197 6 64", "B 197 384", "B N 6 64", N), "B N 384");
  t.is(on("B 6 197 64", "6*B 197 64", "B 6 N 64", N), "6*B N 64");
  t.is(on("6*B 197 64", "B 6 197 64", "6*B N 64", N), "B 6 N 64");
  t.is(on("B 197 384", "197*B 384", "B N 384", N), "B*N 384");
  t.is(on("197*B 384", "B 197 384", "B*N 384", N), "B N 384");
  t.is(on("1 197 384", "197 384", "B N 384", B, N), "B*N 384");
  t.is(on("197 384", "1 197 384", "B*N 384", B, N), "B N 384");
  t.is(on("197", "1 1 1 197", "N", N), "1 1 1 N");
  t.is(on("B 256 384", "B 16 16 384", "B M 384", { from: constant(256), to: parseDim("M") }), undefined, "a grid of patches is not any number of tokens");
});

const wave = (count: number, by: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 0.7 + by));
/** One block of attention without heads and an MLP, over 6 tokens of 4; what is added to the scores comes from outside. */
const block = (batch: number | string, bias: readonly number[]): ModelText => ({
  node: [
    node("MatMul", ["x", "wq"], ["q"]), node("MatMul", ["x", "wk"], ["k"]), node("MatMul", ["x", "wv"], ["v"]),
    node("Reshape", ["q", "split"], ["q4"]), node("Reshape", ["k", "split"], ["k4"]), node("Reshape", ["v", "split"], ["v4"]),
    node("Transpose", ["q4"], ["qh"], { perm: [0, 2, 1, 3] }), node("Transpose", ["k4"], ["kh"], { perm: [0, 2, 3, 1] }), node("Transpose", ["v4"], ["vh"], { perm: [0, 2, 1, 3] }),
    node("MatMul", ["qh", "kh"], ["s"]), node("Add", ["s", "bias"], ["sb"]), node("Softmax", ["sb"], ["p"], { axis: -1 }), node("MatMul", ["p", "vh"], ["c"]),
    node("Transpose", ["c"], ["ct"], { perm: [0, 2, 1, 3] }), node("Reshape", ["ct", "joined"], ["cj"]), node("MatMul", ["cj", "wo"], ["o"]), node("Add", ["x", "o"], ["a"]),
    node("MatMul", ["a", "w1"], ["h"]), node("Relu", ["h"], ["hr"]), node("MatMul", ["hr", "w2"], ["m"]), node("Add", ["a", "m"], ["y"]),
  ],
  initializer: [
    ...["wq", "wk", "wv", "wo", "w1", "w2"].map((name, i) => tensorProto(name, "f32", [4, 4], wave(16, i))), tensorProto("bias", "f32", [1, 1, bias.length / 6, 6], bias),
    tensorProto("split", "i64", [4], [typeof batch === "number" ? batch : 0, 6, 2, 2]), tensorProto("joined", "i64", [3], [typeof batch === "number" ? batch : 0, 6, 4]),
  ],
  input: [port("x", "f32", [batch, 6, 4])], output: [port("y", "f32", [batch, 6, 4])],
});
const program = `
fold halves() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
}
model m = import "m.onnx"
compress m as folded { fold tokens across blocks[*] with halves() }
pipeline p(x: f32[N = 6, C = 4]) -> { y: f32[N = 6, C = 4] } { { y: m(x) } }
`;

test("a bias of tokens by tokens needs its count: the refusal names the file's node", (t) => {
  const root = folderOf({ "m.onnx": modelBytes(block("batch", wave(36, 9))) });
  const [first] = told(attempted(program, { root, file: "p.kiri", variant: "folded" }).problems);
  t.regex(first ?? "", /^F302 m\.blocks\[0\]\.Add_sb works for 6 tokens and no other number/);
  t.truthy(compiled(program, { root, file: "p.kiri" }));
});

test("a bias that is one number everywhere has as many tokens as are wanted", (t) => {
  const root = folderOf({ "m.onnx": modelBytes(block("batch", Array<number>(36).fill(0.5))) });
  t.is(compiled(program, { root, file: "p.kiri", variant: "folded" }).cost.tokens?.entering, 3);
});

test("a file for one record runs on many, each as by itself", async (t) => {
  const root = folderOf({ "m.onnx": modelBytes(block(1, wave(6, 9))) });
  const x = wave(3 * 24, 4);
  const ours = output(await run(compiled(program, { root, file: "p.kiri" }), { x: f32([3, 6, 4], x) }), "y");
  for (const b of [0, 1, 2]) {
    const alone = numbers((await runModel(join(root, "m.onnx"), { x: f32([1, 6, 4], x.slice(b * 24, b * 24 + 24)) })).y as never);
    t.true(difference(ours.slice(b * 24, b * 24 + 24), alone).absolute < 1e-5, `record ${b}`);
  }
});

test("what would mix the records of a batch is refused", (t) => {
  const mixing = (...nodes: ModelText["node"] & object): string[] => {
    const root = folderOf({ "m.onnx": modelBytes({ node: nodes, input: [port("x", "f32", [1, 6, 4])], output: [port("y", "f32", [1, 6, 4])] }) });
    return told(attempted('model m = import "m.onnx"\npipeline p(x: f32[N = 6, C = 4]) -> { y: f32[N = 6, C = 4] } { { y: m(x) } }', { root, file: "p.kiri" }).problems);
  };
  t.regex(mixing(node("Softmax", ["x"], ["y"], { axis: 0 })).join(), /^T324 m\.onnx takes a batch of 1, .* and the node `Softmax_y` stands in the way: it works along them\.$/s);
  t.regex(mixing(node("ReduceMean", ["x"], ["r"], { axes: [0], keepdims: 1 }), node("Add", ["x", "r"], ["y"])).join(), /^T324 .*ReduceMean_r/);
});

test("a file that is read again for the sizes of a call says what it says of itself", async (t) => {
  // Sums over an axis of 4, which may be of any length.
  const model = modelBytes({
    node: [node("ReduceSum", ["x", "axis"], ["s"], { keepdims: 0 }), node("Add", ["s", "z"], ["y"])], initializer: [tensorProto("axis", "i64", [1], [1])],
    input: [port("x", "f32", ["n", 4, "k"]), port("z", "f32", ["n", "k"])], output: [port("y", "f32", ["n", "k"])],
  });
  const place = { root: folderOf({ "m.onnx": model }), file: "p.kiri" };
  const pipeline = (axis: string): string => `model m = import "m.onnx"\npipeline p(x: f32[Y = 6, K], z: f32[${axis}]) -> { y: f32[${axis}] } { { y: m(x, m(x, z)) } }`;
  t.deepEqual(told(attempted(pipeline("L"), place).problems), ["T307 k is K (an input before), and here it is L."]);
  const made = await run(compiled(pipeline("K"), place), { x: f32([1, 6, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), z: f32([1, 2], [0.5, 0.25]) });
  t.deepEqual(output(made, "y"), [72.5, 84.25]);
});
