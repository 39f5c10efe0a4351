/** `precision: f16` of a program: built, run, shown, and measured against the plain model in f32. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { build } from "../../hosts/build.ts";
import { Session } from "../../runtime/session.ts";
import { answer, kiri } from "../support/command-line.ts";
import { PROGRAM, smallProject } from "../support/small-project.ts";

const HALF = `${PROGRAM}
compress small as half {
  precision: f16
  require drop of accuracy(label) <= 0.0 on held_out
  report cosine(scores) on held_out
}
`;
const project = (): string => {
  const root = smallProject();
  writeFileSync(join(root, "main.kiri"), HALF);
  return root;
};

test("a variant in half precision is measured against the plain one in f32, and says in its manifest and report what it is", async (t) => {
  const root = project();
  for (const target of ["cpu", "portable"] as const) {
    const out = join(root, "build", target);
    const { problems, manifest, report } = await build({ root, file: "main.kiri", variant: "half", target, out, ...(target === "cpu" ? {} : { gates: false }) });
    t.deepEqual(problems.map((p) => p.code), target === "cpu" ? ["G640"] : ["G608"]);
    t.is(manifest?.precision?.computes, target !== "cpu");
    t.deepEqual(manifest?.graph.outputs.map((o) => o.dtype), ["i64", "f32"]);
    if (target === "cpu") {
      t.deepEqual(report?.gates.map((g) => [g.says, g.plain]), [["require drop of accuracy(label) <= 0.0 on held_out", 0.75], ["report cosine(scores) on held_out", undefined]]);
      t.deepEqual(JSON.parse(readFileSync(join(out, "report.json"), "utf8")).precision, manifest?.precision);
    } else t.deepEqual(manifest?.precision?.single.map((s) => [s.op, s.why]), [["argmax", "a choice or a comparison"]]);
    const plain = join(root, "build", `${target}-plain`);
    t.is((await build({ root, file: "main.kiri", target, out: plain })).manifest?.precision, undefined);
    await using half = await Session.load(out);
    await using full = await Session.load(plain);
    const x = { dtype: "f32" as const, dims: [4], data: Float32Array.of(0.3, 1.7, -2.1, 0.9) };
    const [a, b] = [await half.run({ x }), await full.run({ x })] as unknown as { label: number; scores: { dtype: string; data: Float32Array } }[];
    t.is(a?.label, b?.label);
    t.is(a?.scores.dtype, "f32");
    // A product of four and a bias, everything rounded once.
    const top = Math.max(...(b?.scores.data ?? []).map(Math.abs));
    for (const [i, y] of (b?.scores.data ?? []).entries()) t.true(Math.abs(y - (a?.scores.data[i] ?? 0)) <= 4 * 2 ** -11 * top);
  }
});

test("kiri compile and kiri inspect ask for it from outside and show it", async (t) => {
  const cwd = project();
  const compiled = await kiri({ cwd }, "compile", "main.kiri", "--plain", "--precision", "f16", "--target", "portable", "--no-gates", "-o", "half");
  t.is(compiled.code, 0, compiled.err);
  t.regex(compiled.err, /in f16: \d+ operations and 2 constants, with \d+ conversions\nin f32 +because it is/);
  t.regex((await kiri({ cwd }, "inspect", "half")).out, /in f16: [\s\S]*argmax +1 +a choice or a comparison/);
  t.regex((await kiri({ cwd }, "inspect", "main.kiri", "--variant", "half")).out, /in f16: 0 weights; all results in f32/);
  const seen = answer(await kiri({ cwd }, "inspect", "main.kiri", "--variant", "half", "--target", "cuda", "--json")) as unknown as { precision: { computes: boolean; half: number } };
  t.true(seen.precision.computes && seen.precision.half > 0);
  t.is((answer(await kiri({ cwd }, "inspect", "main.kiri", "--plain", "--json")) as unknown as { precision: unknown }).precision, null);
});

test("a precision that is none, or stands twice, is refused", async (t) => {
  const cwd = project();
  for (const [text, why] of [["precision: f32", /there is no precision f32/], ["precision: f16\n  precision: f16", /it is said twice/]] as const) {
    writeFileSync(join(cwd, "main.kiri"), `${PROGRAM}compress small as odd {\n  ${text}\n}\n`);
    const { problems } = answer(await kiri({ cwd }, "check", "main.kiri", "--json"));
    // Another variant of the program expects what a linear map has not.
    t.deepEqual(problems.map((p) => p.code).filter((code) => code !== "G604"), ["G641"]);
    t.regex((await kiri({ cwd }, "compile", "main.kiri", "--variant", "odd")).err, why);
  }
});
