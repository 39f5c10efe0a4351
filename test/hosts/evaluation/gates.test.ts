// Gates: figures that can be worked out by hand, and builds that fail by them.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { type BuildResult, build } from "../../../hosts/build.ts";
import { PROGRAM, smallProject } from "../../support/small-project.ts";

const told = (result: Pick<BuildResult, "problems">): string => result.problems.map((p) => `${p.code} ${p.says}`).join("\n");
const built = (root: string, variant: string): Promise<BuildResult> => build({ root, file: "main.kiri", variant, out: join(root, "build/small") });

test("a gate that holds is in the report, which stands beside the artefact's files", async (t) => {
  const root = smallProject();
  const result = await built(root, "kept");
  t.is(told(result), "");
  const [gate] = result.report?.gates ?? [];
  t.deepEqual(gate, { says: "require accuracy(label) >= 0.75 on held_out", place: "main.kiri:9:26", required: true, value: 0.75, on: "held_out", comparison: ">=", bound: 0.75, holds: true });
  t.is(result.report?.data.held_out?.records, 4);
  t.deepEqual(JSON.parse(readFileSync(join(root, "build/small/report.json"), "utf8")), result.report);
  t.false(Object.hasOwn(result.manifest?.files ?? {}, "report.json"));
});

test("G603: a gate that fails fails the build, with the figure, and leaves nothing", async (t) => {
  const root = smallProject();
  const result = await built(root, "strict");
  t.is(told(result), "G603 accuracy(label) is 0.7500 on held_out (4 records); >= 0.9 is required.");
  t.is(result.artifact, undefined);
  t.is(result.report?.gates[0]?.holds, false);
  t.false(existsSync(join(root, "build/small")));
});

test("G603: where the place had an artefact, it stays", async (t) => {
  const root = smallProject();
  await built(root, "kept");
  const before = readFileSync(join(root, "build/small/manifest.json"), "utf8");
  await built(root, "strict");
  t.is(readFileSync(join(root, "build/small/manifest.json"), "utf8"), before);
});

test("a drop is measured against the plain model, and a truth that the data lacks is the plain model's output", async (t) => {
  const result = await built(smallProject(), "undropped");
  t.is(told(result), "");
  const [drop, cosine] = result.report?.gates ?? [];
  t.is(drop?.value, 0);
  t.is(drop?.plain, 0.75);
  // Not compressed at all, it points the same way.
  t.true(Math.abs((cosine?.value ?? 0) - 1) < 1e-6);
  t.is(cosine?.holds, undefined);
});

test("a speed-up is measured, and one that cannot be fails", async (t) => {
  const result = await built(smallProject(), "fast");
  t.regex(told(result), /^G603 speedup is \d+\.\d{4} on cpu; >= 1000 is required\.$/);
  const [gate] = result.report?.gates ?? [];
  t.true((gate?.value ?? 0) > 0.05 && (gate?.value ?? 0) < 20, "the same graph twice is about as fast");
});

test("G604: an expectation that does not hold fails before anything is written", async (t) => {
  const root = smallProject();
  const result = await built(root, "fused");
  t.is(told(result), "G604 0 of 2 attention fused.");
  t.false(existsSync(join(root, "build")));
});

for (const [what, from, to, says] of [
  ["no function", "accuracy(label) >= 0.75", "acuracy(label) >= 0.75", /G605 acuracy\(label\): there is no function acuracy here/],
  ["no output", "accuracy(label) >= 0.75", "accuracy(lable) >= 0.75", /G605 accuracy\(lable\): the pipeline has no output lable; it has label, scores/],
  ["a wrong type", "accuracy(label) >= 0.75", "accuracy(scores) >= 0.75", /G605 accuracy\(scores\): accuracy does not take predicted: f32\[4, 3\], truth: f32\[4, 3\]/],
  ["no such parameter", "accuracy(label) >= 0.75", "accuracy(label; classes: 3) >= 0.75", /G605 .*accuracy has no such compile-time parameter; it has none/],
  ["no data", "on held_out }\ncompress small as strict", "on hold_out }\ncompress small as strict", /G607 No `data hold_out` is declared here/],
  ["another target", "require accuracy(label) >= 0.75 on held_out", "require speedup >= 1 on cuda", /G605 speedup: this artefact is compiled for cpu/],
] as const)
  test(`G605, G607: ${what}`, async (t) => {
    const root = smallProject(PROGRAM.replace(from, to));
    const result = await built(root, "kept");
    t.regex(told(result), says);
    t.is(result.artifact, undefined);
  });

test("G605: for a gate of another target, both ways out are told", async (t) => {
  const result = await built(smallProject(PROGRAM.replace("require accuracy(label) >= 0.75 on held_out", "require speedup >= 1 on cuda")), "kept");
  t.deepEqual(result.problems.map((p) => p.next), ["Compile with `--target cuda`, or write `on cpu`."]);
});

for (const [what, data, says] of [
  ["no JSON", "{", /it is not valid JSON/],
  ["no list", "{}", /it is an object, not a list of records/],
  ["no records", "[]", /it has no records/],
  ["a field that is missing", `[{"x":[1,2,3,4]}]`, /record 0 has no field label/],
  ["a field of another type", `[{"x":[1,2,3,4],"label":"one"}]`, /label of record 0 is "one", and a whole number is wanted/],
  ["another size", `[{"x":[1,2,3],"label":1}]`, /x of record 0 has the shape \[3\], and \[4\] is wanted/],
  ["ragged lists", `[{"x":[[1],[2,3],[1],[1]],"label":1}]`, /x of record 0 has the shape \[4, 1\]/],
] as const)
  test(`G606: ${what}`, async (t) => {
    const root = smallProject();
    writeFileSync(join(root, "data/records.json"), data);
    const result = await built(root, "kept");
    t.regex(told(result), new RegExp(`^G606 data/records.json: .*${says.source}`));
    t.false(existsSync(join(root, "build/small")));
  });

test("G606: data that does not feed the pipeline", async (t) => {
  const root = smallProject(PROGRAM.replace("data held_out: (x: f32[C = 4], label: Int)", "data held_out: (label: Int)"));
  t.regex(told(await built(root, "kept")), /^G606 data\/records\.json: the pipeline takes `x`, and the data has no such field \(it has label\)/);
});

test("G606: no file, and a path that leaves the project", async (t) => {
  t.regex(told(await built(smallProject(PROGRAM.replace("data/records.json", "data/nothing.json")), "kept")), /^G606 data\/nothing\.json: there is no such file/);
  t.regex(told(await built(smallProject(PROGRAM.replace("data/records.json", "../../records.json")), "kept")), /^G606 \.\.\/\.\.\/records\.json: it leads out of/);
});

test("G608: gates that are not measured are told", async (t) => {
  const root = smallProject();
  const result = await build({ root, file: "main.kiri", variant: "strict", out: join(root, "build/small"), gates: false });
  t.is(told(result), "G608 1 requirements were left unmeasured, as asked.");
  t.truthy(result.artifact);
  t.is(result.report, undefined);
  t.false(existsSync(join(root, "build/small/report.json")));
});
