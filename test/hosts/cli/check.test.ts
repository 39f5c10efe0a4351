// `kiri check`, and the forms of its reports; what is meant when little is said.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { check } from "../../../hosts/compile.ts";
import { answer, kiri } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const GOOD = "pipeline half(x: f32[N]) -> { y: f32[N] } { { y: x * 0.5 } }\n";
const BAD = "use nn.activation (gelu)\n\npipeline half(x: f32[N]) -> { y: f32[N] } {\n  { y: x * hlaf }\n}\n";

/** A project with files by path. */
function project(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [path, text] of Object.entries({ "package.json": "{}", ...files })) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test("a good program: a line on standard output, nothing else", async (t) => {
  const ran = await kiri({ cwd: project({ "a.kiri": GOOD }) }, "check");
  t.deepEqual([ran.code, ran.out, ran.err], [0, "a.kiri: 1 pipeline, 0 variants, no problems\n", ""]);
});

test("errors: reports on standard error, exit code 1", async (t) => {
  const { code, out, err } = await kiri({ cwd: project({ "a.kiri": BAD }) }, "check", "a.kiri");
  t.is(code, 1);
  t.is(out, "");
  t.regex(err, /^N204 warning {2}This import is never used {2,}a\.kiri:1:20\n/);
  t.regex(err, /\nN205 {2}This name means nothing here {2,}a\.kiri:4:12\n {3}4 \| {3}\{ y: x \* hlaf \}\n {5}\| {12}\^\^\^\^\n/);
  t.regex(err, /\n1 error, 1 warning\n$/);
});

test("warnings fail only where fewer are allowed", async (t) => {
  const cwd = project({ "a.kiri": `use nn.activation (gelu)\n${GOOD}` });
  t.is((await kiri({ cwd }, "check")).code, 0);
  t.is((await kiri({ cwd }, "check", "--max-warnings", "1")).code, 0);
  t.is((await kiri({ cwd }, "check", "--max-warnings", "0")).code, 1);
  t.is((await kiri({ cwd }, "check", "--max-warnings", "few")).code, 2);
});

test("JSON has one shape", async (t) => {
  const ran = await kiri({ cwd: project({ "a.kiri": BAD }) }, "check", "--json");
  const { problems, ...rest } = answer(ran);
  t.is(ran.err, "");
  t.like(rest, { format: 1, command: "check", ok: false, exit: 1 });
  t.regex(rest.kirigami, /^\d+\.\d+\.\d+/);
  t.deepEqual(rest.programs, [{ file: "a.kiri", pipelines: ["half"], variants: [], open: {} }]);
  t.deepEqual(problems.map((p) => [p.code, p.severity, p.place?.file, p.place?.line, p.place?.column]), [["N204", "warning", "a.kiri", 1, 20], ["N205", "error", "a.kiri", 4, 12]]);
  t.deepEqual(answer(await kiri({ cwd: project({ "a.kiri": BAD }) }, "check", "--format", "json")).problems, problems);
});

test("SARIF and annotations, with paths from the repository's root", async (t) => {
  const root = project({ ".git/HEAD": "", "packages/vision/package.json": "{}", "packages/vision/a.kiri": BAD });
  const cwd = join(root, "packages", "vision");
  const sarif = await kiri({ cwd }, "check", "--format", "sarif");
  t.is(sarif.code, 1);
  const log = JSON.parse(sarif.out) as { version: string; runs: { results: { ruleId: string; locations: { physicalLocation: { artifactLocation: { uri: string } } }[] }[] }[] };
  t.is(log.version, "2.1.0");
  t.deepEqual(log.runs[0]?.results.map((r) => [r.ruleId, r.locations[0]?.physicalLocation.artifactLocation.uri]), [["N204", "packages/vision/a.kiri"], ["N205", "packages/vision/a.kiri"]]);
  const github = await kiri({ cwd }, "check", "--format", "github");
  t.is(github.code, 1);
  t.regex(github.out, /^::warning file=packages\/vision\/a\.kiri,line=1,.*\n::error file=packages\/vision\/a\.kiri,line=4,.*title=N205 .*\n$/);
  const clean = JSON.parse((await kiri({ cwd: project({ "a.kiri": GOOD }) }, "check", "--format", "sarif")).out) as typeof log;
  t.deepEqual(clean.runs[0]?.results, []);
});

test("a program on standard input", async (t) => {
  const cwd = project({});
  t.is((await kiri({ cwd, stdin: GOOD }, "check", "-")).code, 0);
  const bad = await kiri({ cwd, stdin: BAD }, "check", "-");
  t.is(bad.code, 1);
  t.regex(bad.err, /stdin\.kiri:4:12/);
});

test("the nearest project upward, a directory, its pipelines/", async (t) => {
  const root = project({ "pipelines/a.kiri": GOOD, "pipelines/b.kiri": GOOD.replace("half", "other"), "deep/er/x.txt": "", "one/c.kiri": GOOD });
  t.is((await kiri({ cwd: join(root, "deep", "er") }, "check")).out.match(/no problems/g)?.length, 2);
  t.regex((await kiri({ cwd: root }, "check", "one")).out, /^one\/c\.kiri: /);
  t.is((await kiri({ cwd: root }, "check", "deep")).code, 2);
  const both = await kiri({ cwd: root }, "compile");
  t.is(both.code, 2);
  t.regex(both.err, /There are several programs: pipelines\/a\.kiri, pipelines\/b\.kiri\.\nName one of them\./);
  const none = await kiri({ cwd: project({}) }, "check");
  t.is(none.code, 2);
  t.regex(none.err, /kiri new/);
});

test("input that is not there: exit code 2, with near names", async (t) => {
  const { code, out, err } = await kiri({ cwd: project({ "scenes.kiri": GOOD }) }, "check", "scene.kiri");
  t.deepEqual([code, out, err], [2, "", "kiri: scene.kiri does not exist.\nDid you mean scenes.kiri?\n"]);
});

test("a model is no program", async (t) => {
  for (const command of [["check"], ["tune"], ["bench", "folds"]]) {
    const { code, out, err } = await kiri({ cwd: project({ "m.onnx": "x" }) }, ...command, "m.onnx");
    t.deepEqual([code, out, err], [2, "", 'kiri: m.onnx is a model, and a program is wanted.\nName a .kiri file that has `model m = import "m.onnx"`, or see `kiri inspect m.onnx`.\n']);
  }
});

test("pipelines are looked at even where declarations have errors, and nothing is told twice", async (t) => {
  const text = `fn f(x: f32[B, N], y: f32[B, M]) -> f32[B, N] { x + y }\npipeline p(x: f32[N = 4], y: f32[M = 5]) -> { z: f32[N = 4] } {\n  let a = f(x, y)\n  { z: a + nothing }\n}\n`;
  const { problems } = answer(await kiri({ cwd: project({ "a.kiri": text }) }, "check", "--json"));
  t.deepEqual(problems.map((p) => [p.code, p.place?.line]), [["T301", 1], ["N205", 4]]);
});

test("a compression of a pipeline without a model has nothing to compress", async (t) => {
  const text = `use folds.tome (tome)\n${GOOD}compress half as lite { fold tokens in each blocks[*] after attended with tome(r: 1) }\n`;
  t.deepEqual(answer(await kiri({ cwd: project({ "a.kiri": text }) }, "check", "--json")).problems.map((p) => p.code), ["F312"]);
});

test("a pipeline and a variant that are not there: G601, G602", async (t) => {
  const cwd = project({ "a.kiri": GOOD + GOOD.replace("half", "other") });
  const codes = async (...args: string[]): Promise<[number, string[]]> => {
    const ran = await kiri({ cwd }, "compile", "a.kiri", "--json", ...args);
    return [ran.code, answer(ran).problems.map((p) => p.code)];
  };
  t.deepEqual(await codes(), [1, ["G601"]]);
  t.deepEqual(await codes("--pipeline", "haf"), [1, ["G601"]]);
  t.deepEqual(await codes("--pipeline", "half", "--variant", "lite"), [1, ["G602"]]);
});

test("the command and the function tell the same, of pipelines beside declarations with errors too", async (t) => {
  const wrong = "fn twice(x: f32[N]) -> f32[N] { x * tow }\n\npipeline half(x: f32[N], y: f32[M]) -> { y: f32[N] } {\n  { y: x + y }\n}\n\npipeline third(x: f32[N]) -> { y: f32[N] } {\n  { y: x / thre }\n}\n";
  const root = project({ "a.kiri": wrong });
  const found = check({ root, file: "a.kiri" });
  const { problems } = answer(await kiri({ cwd: root }, "check", "--json"));
  t.deepEqual(problems.map((p) => p.code).sort(), found.problems.map((p) => p.code).sort());
  t.deepEqual(problems.map((p) => [p.code, p.place?.line]).slice(0, 3), [["N205", 1], ["T301", 4], ["N205", 8]]);
  // The same text from an editor.
  t.deepEqual(check({ root, file: "b.kiri", text: wrong }).problems.map((p) => p.code), found.problems.map((p) => p.code));
});
