/** `kiri diff`: what is told of two models that differ in a known way, and of two that do not; small models, made by hand. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { Value } from "../../../compiler/host.ts";
import { answer, kiri } from "../../support/command-line.ts";
import { f32, numbers, runModel } from "../../support/evaluate.ts";
import { folderOf, modelBytes, type ModelText, node, port, tensorProto } from "../../support/onnx-model.ts";
import { writeSafetensors } from "../../support/safetensors-file.ts";

const wave = (count: number, by: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 0.37 + by) / 4);
/** A linear map of 64 KiB, a ReLU, a bias. */
const text = (change: Partial<ModelText> = {}, w: readonly number[] = wave(128 * 128, 3), slope = 0.1): ModelText => ({
  node: [node("MatMul", ["x", "w"], ["l"]), node("LeakyRelu", ["l"], ["r"], { alpha: { float: slope } }), node("Add", ["r", "b"], ["y"])],
  initializer: [tensorProto("w", "f32", [128, 128], w), tensorProto("b", "f32", [128], wave(128, 4))],
  input: [port("x", "f32", ["rows", 128])], output: [port("y", "f32", ["rows", 128])], ...change,
});

interface Found {
  readonly equal: boolean;
  readonly apart: string | null;
  readonly structure: { readonly nodes: object; readonly operators: readonly object[]; readonly removed: readonly object[]; readonly added: readonly object[]; readonly changed: readonly object[]; readonly inputs: readonly object[] };
  readonly weights: { readonly same: object; readonly renamed: number; readonly changed: readonly { readonly name: string; readonly differing: number; readonly absolute: number }[]; readonly onlyA: { readonly names: readonly string[] }; readonly onlyB: { readonly names: readonly string[] } };
  readonly run: { readonly inputs: readonly { readonly type: string }[]; readonly outputs: readonly { readonly name: string; readonly absolute: number; readonly relative: number; readonly beyond: number; readonly equal: boolean }[]; readonly speed?: { readonly ratio: { readonly median: number; readonly times: readonly number[] } } } | null;
}
const found = async (cwd: string, ...args: string[]): Promise<Found & { readonly exit: number }> => answer(await kiri({ cwd }, "diff", ...args, "--json")) as unknown as Found & { exit: number };

test("a model and what kiri optimise makes of it give the same, exit code 0", async (t) => {
  const cwd = folderOf({ "a.onnx": modelBytes(text()) });
  t.is((await kiri({ cwd }, "optimise", "a.onnx", "-o", "b.onnx")).code, 0);
  const ran = await kiri({ cwd }, "diff", "a.onnx", "b.onnx", "--rounds", "9");
  t.is(ran.code, 0, ran.err);
  t.regex(ran.out, /^input {5}x: f32\[rows, 128\]$/m);
  t.regex(ran.out, /^ran on {4}x: f32\[1, 128\]$/m);
  t.regex(ran.out, /^y +f32\[1, 128\] .* equal$/m);
  t.regex(ran.out, /a \/ b \d+\.\d{3} ± \d+ %/);
  t.regex(ran.out, /\nEqual outputs\.\n$/);
  // The large weight lies elsewhere now, and is the same.
  const { weights, run } = await found(cwd, "a.onnx", "b.onnx", "--rounds", "9");
  t.like(weights, { same: { count: 2, bytes: 4 * (128 * 128 + 128) } });
  t.is(run?.speed?.ratio.times.length, 9);
});

test("one number of a weight: which, by how much, and what comes out", async (t) => {
  const changed = wave(128 * 128, 3);
  changed[5] = (changed[5] ?? 0) + 0.5;
  const cwd = folderOf({ "a.onnx": modelBytes(text()), "b.onnx": modelBytes(text({}, changed)) });
  const inputs = { x: f32([2, 128], wave(256, 6)) };
  writeSafetensors(join(cwd, "x.safetensors"), { x: { dtype: "f32", shape: [2, 128], bytes: inputs.x.bytes } });
  const { exit, equal, weights, run, structure } = await found(cwd, "a.onnx", "b.onnx", "--inputs", "x.safetensors", "--no-latency");
  t.is(exit, 1);
  t.false(equal);
  t.like(structure, { nodes: { a: 3, b: 3 }, removed: [], added: [], changed: [] });
  t.is(weights.changed.length, 1);
  t.like(weights.changed[0], { name: "w", differing: 1, count: 128 * 128 });
  t.true(Math.abs((weights.changed[0]?.absolute ?? 0) - 0.5) < 1e-6);
  const [a, b] = await Promise.all(["a.onnx", "b.onnx"].map(async (name) => numbers((await runModel(join(cwd, name), inputs)).y as Value)));
  const worst = Math.max(...(a ?? []).map((v, i) => Math.abs(v - (b?.[i] ?? Number.NaN))));
  const [output] = run?.outputs ?? [];
  t.true(worst > 1e-3 && Math.abs((output?.absolute ?? 0) - worst) < 1e-7);
  t.is(output?.beyond, 2);
  t.is(run?.speed, undefined);
  t.is((await found(cwd, "a.onnx", "b.onnx", "--inputs", "x.safetensors", "--no-latency", "--tolerance", "1")).exit, 0);
});

test("nodes and attributes are told by name", async (t) => {
  const other = text({ node: [node("MatMul", ["x", "w"], ["l"]), node("LeakyRelu", ["l"], ["r"], { alpha: { float: 0.25 } }), node("Sub", ["r", "b"], ["y"])] });
  const cwd = folderOf({ "a.onnx": modelBytes(text()), "b.onnx": modelBytes(other) });
  const ran = await kiri({ cwd }, "diff", "a.onnx", "b.onnx", "--no-latency");
  t.is(ran.code, 1);
  t.regex(ran.out, /^- Add Add_y$/m);
  t.regex(ran.out, /^\+ Sub Sub_y$/m);
  t.regex(ran.out, /^~ LeakyRelu LeakyRelu_r: alpha 0\.1\d* → 0\.25$/m);
  t.regex(ran.out, /^Sub +0 +1 +\+1$/m);
  t.regex(ran.out, /\nThe models differ\.\n$/);
});

test("ids are drawn below the rows of their table, open axes take the sizes that are asked for", async (t) => {
  const table = (rows: number): ModelText => ({
    node: [node("Cast", ["ids"], ["i"], { to: 7 }), node("Gather", ["t", "i"], ["y"])], initializer: [tensorProto("t", "f32", [rows, 4], wave(rows * 4, 1))],
    input: [port("ids", "i32", ["batch", "words"])], output: [port("y", "f32", ["batch", "words", 4])],
  });
  const cwd = folderOf({ "a.onnx": modelBytes(table(9)), "b.onnx": modelBytes(table(7)) });
  // Values 7 and 8 would be out of range in b, and its run would fail.
  const { run, equal } = await found(cwd, "a.onnx", "b.onnx", "--size", "batch=3", "--size", "words=50", "--seed", "4", "--no-latency");
  t.deepEqual(run?.inputs.map((i) => i.type), ["i32[3, 50]"]);
  t.true(equal, "the first seven rows are the same");
  const wrong = await kiri({ cwd }, "diff", "a.onnx", "b.onnx", "--size", "letters=3");
  t.is(wrong.code, 2);
  t.regex(wrong.err, /no input has an axis letters; open are batch, words/);
});

test("inputs that differ, or that do not fit, are told", async (t) => {
  const cwd = folderOf({ "a.onnx": modelBytes(text()), "b.onnx": modelBytes(text({ input: [port("z", "f32", ["rows", 128])], node: [node("MatMul", ["z", "w"], ["y"])] })), "cut.onnx": modelBytes(text()).slice(0, 500) });
  const other = await found(cwd, "a.onnx", "b.onnx");
  t.is(other.exit, 1);
  t.is(other.run, null);
  t.is(other.apart, "only a takes x, only b takes z");
  t.deepEqual(other.structure.inputs, [{ name: "x", a: "f32[rows, 128]", b: null }, { name: "z", a: null, b: "f32[rows, 128]" }]);
  writeSafetensors(join(cwd, "x.safetensors"), { x: { dtype: "f32", shape: [2, 64], bytes: f32([2, 64], wave(128, 6)).bytes } });
  writeFileSync(join(cwd, "text.txt"), "no model");
  for (const [args, code, says] of [
    [["a.onnx", "a.onnx", "--inputs", "x.safetensors"], 2, /x is f32\[2, 64\] in the file, and the models take f32\[rows, 128\]/],
    [["a.onnx", "a.onnx", "--inputs", "none.safetensors"], 2, /none\.safetensors does not exist/],
    [["a.onnx", "text.txt"], 2, /neither an \.onnx file nor an artefact/],
    [["a.onnx", "none.onnx"], 2, /none\.onnx does not exist/],
    [["a.onnx", "cut.onnx"], 1, /I501/],
    [["a.onnx", "a.onnx", "--tolerance", "-1"], 2, /A number from 0/],
  ] as const) {
    const ran = await kiri({ cwd }, "diff", ...args);
    t.is(ran.code, code, ran.err);
    t.regex(ran.err, says);
    t.is(ran.out, "");
  }
  t.is(readFileSync(join(cwd, "text.txt"), "utf8"), "no model");
});
