/** `kiri optimise`: a model and its data written together or not at all, for each target, on a small model with large weights. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { answer, kiri } from "../support/command-line.ts";
import { f32, numbers, runModel } from "../support/evaluate.ts";
import { folderOf, modelBytes, type ModelText, node, port, tensorProto } from "../support/onnx-model.ts";
import { readModel } from "../support/onnx.ts";

const wave = (count: number, by: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 0.37 + by) / 4);
/** A norm, a linear map of 64 KiB, a GELU; every weight is used as it is, or turned. */
const text: ModelText = {
  node: [
    node("LayerNormalization", ["x", "gain", "shift"], ["n"]), node("Gemm", ["n", "w", "b"], ["l"], { transB: 1 }), node("Div", ["l", "r2"], ["d"]), node("Erf", ["d"], ["e"]),
    node("Add", ["e", "one"], ["e1"]), node("Mul", ["l", "e1"], ["m"]), node("Mul", ["m", "half"], ["g"]), node("MatMul", ["g", "v"], ["y"]),
  ],
  initializer: [
    tensorProto("gain", "f32", [128], wave(128, 1)), tensorProto("shift", "f32", [128], wave(128, 2)), tensorProto("w", "f32", [128, 128], wave(128 * 128, 3)), tensorProto("b", "f32", [128], wave(128, 4)), tensorProto("v", "f32", [128, 4], wave(512, 5)),
    tensorProto("r2", "f32", [], [Math.SQRT2]), tensorProto("one", "f32", [], [1]), tensorProto("half", "f32", [], [0.5]),
  ],
  input: [port("x", "f32", ["rows", 128])], output: [port("y", "f32", ["rows", 4])],
};
const inputs = { x: f32([3, 128], wave(384, 6)) };

test("the model and its data are written, for each target, and compute the same", async (t) => {
  const cwd = folderOf({ "m.onnx": modelBytes(text) });
  const wanted = numbers((await runModel(join(cwd, "m.onnx"), inputs)).y as Value);
  for (const [flags, gelu] of [[[], "BiasGelu"], [["--portable"], "Gelu"], [["--target", "portable"], "Gelu"]] as const) {
    const ran = await kiri({ cwd }, "optimise", "m.onnx", "-o", "out/fast.onnx", ...flags);
    t.is(ran.code, 0, ran.err);
    t.is(ran.out, "out/fast.onnx\nout/fast.onnx.data\n");
    t.regex(ran.err, /8 nodes to \d+, .*fused: .*layerNorm × 1/);
    const ours = numbers((await runModel(join(cwd, "out/fast.onnx"), inputs)).y as Value);
    for (const [i, x] of wanted.entries()) t.true(Math.abs(x - (ours[i] as number)) < 1e-5);
    const { nodes } = readModel(readFileSync(join(cwd, "out/fast.onnx")));
    t.true(nodes.some((n) => n.opType === gelu), nodes.map((n) => n.opType).join(", "));
    if (flags.length > 0) t.true(nodes.every((n) => n.domain === ""));
    t.deepEqual(readdirSync(join(cwd, "out")).sort(), ["fast.onnx", "fast.onnx.data"]);
  }
});

test("a model may take its own place, and be optimised again", async (t) => {
  const cwd = folderOf({ "m.onnx": modelBytes(text) });
  const wanted = numbers((await runModel(join(cwd, "m.onnx"), inputs)).y as Value);
  let nodes = Infinity;
  for (let times = 0; times < 3; times++) {
    const { ok, nodes: counted } = answer(await kiri({ cwd }, "optimise", "m.onnx", "--out", "m.onnx", "--json")) as unknown as { ok: boolean; nodes: { after: number } };
    t.true(ok);
    t.true(counted.after <= nodes);
    nodes = counted.after;
    const ours = numbers((await runModel(join(cwd, "m.onnx"), inputs)).y as Value);
    for (const [i, x] of wanted.entries()) t.true(Math.abs(x - (ours[i] as number)) < 1e-5);
  }
});

test("in half precision the data are half as large, and what does not fit is told and kept", async (t) => {
  const broad = { ...text, initializer: text.initializer?.map((w) => (w.name === "v" ? tensorProto("v", "f32", [128, 4], wave(512, 5).map((x) => x * 4e5)) : w)) };
  const cwd = folderOf({ "m.onnx": modelBytes(text), "broad.onnx": modelBytes(broad) });
  const size = (name: string): number => readFileSync(join(cwd, name)).length;
  t.is((await kiri({ cwd }, "optimise", "m.onnx", "-o", "full.onnx")).code, 0);
  for (const [target, codes] of [["cpu", ["G640"]], ["cuda", []], ["portable", []]] as const) {
    const ran = answer(await kiri({ cwd }, "optimise", "m.onnx", "-o", "half.onnx", "--precision", "f16", "--target", target, "--json")) as unknown as { ok: boolean; problems: { code: string }[]; precision: { computes: boolean; kept: unknown[] } };
    t.true(ran.ok);
    t.deepEqual(ran.problems.map((p) => p.code), [...codes]);
    t.is(ran.precision.computes, target !== "cpu");
    t.deepEqual(ran.precision.kept, []);
    t.true(size("half.onnx.data") < 0.55 * size("full.onnx.data"));
    const [wanted, ours] = [numbers((await runModel(join(cwd, "m.onnx"), inputs)).y as Value), numbers((await runModel(join(cwd, "half.onnx"), inputs)).y as Value)];
    const top = Math.max(...wanted.map(Math.abs));
    // Eight roundings on the way (x, the norm, two weights, a bias, two products, the GELU), each of at most 2^-11 of its value.
    for (const [i, x] of wanted.entries()) t.true(Math.abs(x - (ours[i] as number)) <= 8 * 2 ** -11 * top);

    const kept = await kiri({ cwd }, "optimise", "broad.onnx", "-o", "broad-half.onnx", "--precision", "f16", "--target", target);
    t.is(kept.code, 0);
    t.regex(kept.err, /W417 [\s\S]*1 weight stays in f32.*: `v` reaches 100000/);
    const [large, half] = [numbers((await runModel(join(cwd, "broad.onnx"), inputs)).y as Value), numbers((await runModel(join(cwd, "broad-half.onnx"), inputs)).y as Value)];
    for (const [i, x] of large.entries()) t.true(Math.abs(x - (half[i] as number)) <= 8 * 2 ** -11 * top * 4e5);
  }
  t.is((await kiri({ cwd }, "optimise", "m.onnx", "-o", "x.onnx", "--precision", "f8")).code, 2);
});

test("where something is wrong, what was there stays", async (t) => {
  const cwd = folderOf({ "m.onnx": modelBytes({ ...text, node: (text.node ?? []).slice(1) }), "old.onnx": Uint8Array.of(1), "old.onnx.data": Uint8Array.of(2) });
  const failed = await kiri({ cwd }, "optimise", "m.onnx", "-o", "old.onnx", "--json");
  t.is(failed.code, 1);
  t.deepEqual(answer(failed).problems.map((p) => p.code), ["I502"]);
  t.deepEqual([...readFileSync(join(cwd, "old.onnx"))], [1]);
  // The data could be written, the model could not: both stay as they were.
  writeFileSync(join(cwd, "m.onnx"), modelBytes(text));
  mkdirSync(join(cwd, "blocked.onnx", "in the way"), { recursive: true });
  writeFileSync(join(cwd, "blocked.onnx.data"), "mine");
  const blocked = await kiri({ cwd }, "optimise", "m.onnx", "-o", "blocked.onnx");
  t.is(blocked.code, 1);
  t.regex(blocked.err, /A501/);
  t.is(readFileSync(join(cwd, "blocked.onnx.data"), "utf8"), "mine");
  t.true(existsSync(join(cwd, "blocked.onnx", "in the way")));
  t.deepEqual(readdirSync(cwd).sort(), ["blocked.onnx", "blocked.onnx.data", "m.onnx", "old.onnx", "old.onnx.data"]);
  const none = await kiri({ cwd }, "optimise", "none.onnx", "-o", "x.onnx");
  t.is(none.code, 1);
  t.regex(none.err, /I507.*\n.*none\.onnx: it does not exist/);
});
