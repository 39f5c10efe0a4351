// From a new project to results: every command that makes or runs artefacts, on the small made-up model of `kiri new`.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { answer, kiri, type Ran } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const parent = temporaryFolder();
const cwd = join(parent, "my-paper");
const program = "pipelines/my_paper.kiri";
const picture = "pictures/fold.png";
const run = (...args: string[]): Promise<Ran> => kiri({ cwd }, ...args);

test.before(async (t) => {
  const made = await kiri({ cwd: parent }, "new", "my-paper");
  t.is(made.code, 0, made.err);
  const compiled = await run("compile", program, "--variant", "lite");
  t.is(compiled.code, 0, compiled.err);
  t.is(compiled.out, "build/my_paper-lite\n");
});

test("new: the project is clean, its checks hold, nothing is ever overwritten", async (t) => {
  t.is((await run("check", program)).out, `${program}: 1 pipeline, 1 variant, no problems\n`);
  t.is((await run("fmt", "--check", program)).code, 0);
  t.regex((await run("test", program)).out, /1 of 1 claims hold/);
  const again = await kiri({ cwd: parent }, "new", "my-paper");
  t.is(again.code, 2);
  t.regex(again.err, /not empty/);
  t.is((await kiri({ cwd: parent }, "new", "My Paper")).code, 2);
});

test("compile: JSON has the manifest, and a failing build leaves what was there", async (t) => {
  const out = join(cwd, "build", "other");
  const { artifact, manifest, ok } = answer(await run("compile", program, "-o", "build/other", "--json")) as unknown as { artifact: string; manifest: { inputs: object[]; pipeline: object }; ok: boolean };
  t.true(ok);
  t.is(artifact, out);
  t.like(manifest, { inputs: [{ name: "picture", type: "image" }], pipeline: { name: "my_paper" } });
  const before = readFileSync(join(out, "manifest.json"));
  const failing = readFileSync(join(cwd, program), "utf8").replace("attention * 4", "attention * 5");
  writeFileSync(join(cwd, "failing.kiri"), failing);
  const failed = await run("compile", "failing.kiri", "--variant", "lite", "-o", "build/other");
  t.is(failed.code, 1);
  t.is(failed.out, "");
  t.regex(failed.err, /G604/);
  t.deepEqual(readFileSync(join(out, "manifest.json")), before);
});

test("compile: a place that holds something else is left alone", async (t) => {
  const failed = await run("compile", program, "-o", "pictures", "--json");
  t.is(failed.code, 1);
  t.deepEqual(answer(failed).problems.map((p) => p.code), ["A502"]);
  t.true(existsSync(join(cwd, picture)));
});

interface Result {
  readonly label: number;
  readonly confidence: number;
}
const lines = (ran: Ran): Result[] => ran.out.trimEnd().split("\n").map((l) => JSON.parse(l) as Result);

test("run: a picture, a folder, JSON Lines, standard input, all the same", async (t) => {
  const [first] = lines(await run("run", "build/my_paper-lite", picture));
  t.true(first !== undefined && [0, 1, 2].includes(first.label) && first.confidence > 1 / 3 && first.confidence <= 1);
  t.deepEqual(lines(await run("run", "build/my_paper-lite", "pictures")), [first]);
  writeFileSync(join(cwd, "records.jsonl"), `{"picture": "pictures/fold.png"}\n\n{"picture": "pictures/fold.png"}\n`);
  t.deepEqual(lines(await run("run", "build/my_paper-lite", "records.jsonl", "--batch", "2")), [first, first]);
  t.deepEqual(lines(await kiri({ cwd, stdin: readFileSync(join(cwd, picture)) }, "run", "build/my_paper-lite", "-")), [first]);
  t.deepEqual(lines(await kiri({ cwd, stdin: `{"picture": "${picture}"}\n` }, "run", "build/my_paper-lite", "-")), [first]);
  t.deepEqual(lines(await run("run", "build/my_paper-lite", "--set", `picture=${picture}`)), [first]);
  t.deepEqual(lines(await run("run", program, "--variant", "lite", picture)), [first]);
});

test("run: a table, JSON, tensors, a file", async (t) => {
  const [first] = lines(await run("run", "build/my_paper-lite", picture));
  t.regex((await run("run", "build/my_paper-lite", picture, "--format", "table")).out, /^input {3,}label {2}confidence\n─+ {2}─+ {2}─+\npictures\/fold\.png {2,}\d {2,}0\.\d+\n$/);
  t.like(answer(await run("run", "build/my_paper-lite", picture, "--json")), { command: "run", device: { name: "cpu" }, results: [{ input: picture, output: first }] });
  const { bytes } = await run("run", "build/my_paper-lite", "pictures", "--format", "safetensors");
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString()) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  t.deepEqual(Object.keys(header), ["label", "confidence"]);
  t.deepEqual(header.label?.shape, [1]);
  t.is(bytes.length, 8 + Number(bytes.readBigUInt64LE()) + (header.confidence?.data_offsets[1] ?? 0));
  t.is((await run("run", "build/my_paper-lite", picture, "-o", "result.jsonl")).out, "");
  t.deepEqual(JSON.parse(readFileSync(join(cwd, "result.jsonl"), "utf8")), first);
});

test("run: tensors and numbers in, lists out", async (t) => {
  writeFileSync(join(cwd, "sum.kiri"), "pipeline sum_up(x: f32[N], by: Float) -> { y: f32[N], total: f32 } { { y: x * by, total: sum(x; over: N) } }\n");
  t.is((await run("compile", "sum.kiri", "-o", "build/sum")).code, 0);
  writeFileSync(join(cwd, "sum.jsonl"), `{"x": [1, 2, 3], "by": 2}\n{"x": [0.1], "by": 1}\n`);
  t.deepEqual(lines(await run("run", "build/sum", "sum.jsonl")) as unknown, [{ y: [2, 4, 6], total: 6 }, { y: [0.1], total: 0.10000000149011612 }].map((r) => ({ ...r, total: Math.fround(r.total) })));
  t.is((await run("run", "build/sum", "sum.jsonl", "--format", "safetensors", "-o", "y.safetensors")).code, 2);
  writeFileSync(join(cwd, "sum.jsonl"), `{"x": [1, 2, 3], "by": 2}\n{"x": [4, 5, 6], "by": 2}\n`);
  t.is((await run("run", "build/sum", "sum.jsonl", "--format", "safetensors", "-o", "y.safetensors")).code, 0);
  // Results of one run are the inputs of the next: y is [2, 3], so it is two records of x.
  writeFileSync(join(cwd, "again.kiri"), "pipeline again(y: f32[N]) -> { z: f32[N] } { { z: y + 1.0 } }\n");
  t.deepEqual(lines(await run("run", "again.kiri", "y.safetensors")) as unknown, [{ z: [3, 5, 7] }, { z: [9, 11, 13] }]);
});

test("run: what cannot be an input is refused, exit code 2", async (t) => {
  writeFileSync(join(cwd, "broken.jsonl"), "{\n");
  writeFileSync(join(cwd, "broken.png"), "no picture");
  for (const [args, says] of [
    [["build/my_paper-lite", "nothing.png"], /nothing\.png does not exist/],
    [["build/my_paper-lite"], /Nothing was given for picture \(image\)/],
    [["build/my_paper-lite", "broken.jsonl"], /broken\.jsonl:1 is not JSON/],
    [["build/my_paper-lite", "broken.png"], /R\d{3} {2}/],
    [["build/my_paper-lite", picture, "--set", "a=b"], /the names are picture/],
    [["build/my_paper-lite", picture, "--plain"], /compiled already/],
    [["build/my_paper-lite", picture, "--device", "quantum"], /R721/],
    [["package.json", picture], /neither an artefact nor a program/],
    [["build", picture], /no \.kiri file/],
  ] as const) {
    const ran = await run("run", ...args);
    t.is(ran.code, 2, args.join(" "));
    t.is(ran.out, "");
    t.regex(ran.err, says);
  }
});

test("inspect: a program, its sites and its graph; an artefact", async (t) => {
  const plain = await run("inspect", program);
  t.regex(plain.out, /^takes {5}picture: image$/m);
  t.regex(plain.out, /^variants {2}lite$/m);
  const lite = await run("inspect", program, "--variant", "lite", "--sites");
  t.regex(lite.out, /^classifier\.blocks\[0\]\.output +f32\[B, N = 65, C = 48\] +f32\[B, N = 61, C = 48\]$/m);
  const json = answer(await run("inspect", program, "--variant", "lite", "--json")) as unknown as { cost: Record<string, number>; fused: Record<string, number>; selectors: { resolved: string[] }[]; sites: { path: string; folded: string | null }[] };
  t.is(json.fused.attention, 4);
  t.deepEqual(json.selectors[0]?.resolved, [0, 1, 2, 3].map((i) => `classifier.blocks[${i}].attended`));
  t.true((json.cost.blocks ?? 1) < (json.cost.plainBlocks ?? 0));
  t.regex((await run("inspect", program, "--graph", "fused")).out, /^graph fused\n/);
  t.regex((await run("inspect", "build/my_paper-lite")).out, /compressed as lite/);
  t.is((await run("inspect", program, "--variant", "none")).code, 1);
  t.regex((await run("inspect", "build/my_paper-lite", "--variant", "lite")).err, /compiled already/);
  // What a manifest does not hold is not left out in silence, and each command that is named answers.
  for (const flags of [["--sites"], ["--costs"], ["--graph", "fused"], ["--fusions"], ["--recognise"]]) {
    const refused = await run("inspect", "build/my_paper-lite", ...flags);
    t.is(refused.code, 2, flags.join(" "));
    t.true(refused.err.includes(`does not hold what ${flags.join(" ")} shows`), refused.err);
    for (const [, command = ""] of refused.err.matchAll(/: kiri (.*)$/gm)) t.is((await run(...command.split(" "))).code, 0, command);
  }
  // Sites and extensions have a manifest.json too.
  mkdirSync(join(cwd, "extension"), { recursive: true });
  writeFileSync(join(cwd, "extension/manifest.json"), `{ "manifest_version": 3 }`);
  for (const command of ["inspect", "view"]) {
    const ran = await run(command, "extension");
    t.is(ran.code, 2);
    t.regex(ran.err, /R70[34] {2}/);
  }
});

test("profile: time by line of the source", async (t) => {
  const { out } = await run("profile", "build/my_paper-lite", picture, "--runs", "3");
  t.regex(out, /^std:nn\/linear\.kiri:\d+ +\d/m);
  t.regex(out, /\n3 runs on cpu, \d+\.\d+ ms each in the nodes\n$/);
  const made = answer(await run("profile", "build/my_paper-lite", "--runs", "2", "--json")) as unknown as { inputs: string; profile: { runs: number; lines: { milliseconds: number }[] } };
  t.is(made.inputs, "made up");
  t.is(made.profile.runs, 2);
  t.true(made.profile.lines.length > 3 && made.profile.lines.every((l) => l.milliseconds >= 0));
});

test("bench: a table of the variants, whose times may be left out", async (t) => {
  const { code, out } = await run("bench", program, "--no-latency");
  t.is(code, 0);
  const [head, , plain, lite] = out.split("\n");
  t.regex(head ?? "", /^variant +block FLOPs +tokens +size$/);
  t.regex(plain ?? "", /^plain +1\.000 +65 +\d/);
  t.regex(lite ?? "", /^lite +0\.\d+ +65 → \d\d +\d/);
  t.notRegex(out, /medians|quartiles/, "nothing was timed");
  const { rows } = answer(await run("bench", program, "--no-latency", "--variant", "lite", "--json")) as unknown as { rows: { variant: string; flopRatio: number }[] };
  t.deepEqual(rows.map((r) => r.variant), ["plain", "lite", "lite / random"]);
  t.is((await run("bench", program, "--no-latency", "--variant", "heavy")).code, 1);
});

test("fmt: what is not laid out is laid out, or told", async (t) => {
  const text = "pipeline   p(x: f32[N]) -> { y: f32[N] } {  { y: x*2.0 } }\n";
  writeFileSync(join(cwd, "ugly.kiri"), text);
  t.deepEqual([(await run("fmt", "--check", "ugly.kiri")).code, readFileSync(join(cwd, "ugly.kiri"), "utf8")], [1, text]);
  const piped = await kiri({ cwd, stdin: text }, "fmt", "-");
  t.is((await run("fmt", "ugly.kiri")).out, "ugly.kiri\n");
  t.is(readFileSync(join(cwd, "ugly.kiri"), "utf8"), piped.out);
  t.is((await run("fmt", "--check", "ugly.kiri")).code, 0);
  writeFileSync(join(cwd, "broken.kiri"), "pipeline (\n");
  t.is((await run("fmt", "broken.kiri")).code, 1);
  t.is(readFileSync(join(cwd, "broken.kiri"), "utf8"), "pipeline (\n");
});

test("nothing temporary stays behind", async (t) => {
  t.deepEqual(readdirSync(join(cwd, "build")).filter((f) => f.includes("tmp")), []);
});
