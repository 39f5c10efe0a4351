// Tuning a folded encoder on random tokens: what trying every value finds, nothing tried twice, and what is told where nothing can be found.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { compileProgram } from "../../../compiler/compile.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { literal } from "../../../compiler/graph/build.ts";
import { openProgram } from "../../../compiler/program.ts";
import { compare } from "../../../hosts/evaluation/compare.ts";
import { randomOf } from "../../../hosts/evaluation/search.ts";
import { tune, type TuneOptions } from "../../../hosts/evaluation/tune.ts";
import { NodeHost, packageRoot } from "../../../hosts/node-host.ts";
import { answer, kiri } from "../../support/command-line.ts";
import { temporaryFolder, writeSafetensors } from "../../support/safetensors-file.ts";

const COUNT = 24;
const [TOKENS, WIDTH] = [14, 8];
const COSINE = "cosine(vector) on some";

const HEAD = `/// Two blocks of made-up weights.
use nn.linear (Linear)
use nn.norm (LayerNorm)
use nn.attention (SelfAttention)
use nn.sites (TransformerBlock)
use folds.tome (tome)
use measure.cosine (cosine)
layer Block(width: Int)
  offers TransformerBlock { queries = attention.queries, keys = attention.keys, values = attention.values, scores = attention.scores, probs = attention.probs }
{
  use norm = LayerNorm(width)
  use attention = SelfAttention(width, 2)
  use widen = Linear(width, width)
  (x: f32[B, N, C]) -> f32[B, N, C] where C = width {
    let attended = x + attention(norm(x)) as [B, N, C]
    let mlp_input = norm(attended)
    attended + tanh(widen(mlp_input)) as [B, N, C]
  }
}
layer Headed() {
  (x: f32[B, P, C]) -> f32[B, N, C] where N = P + 1 { concat(x[P: 0..1], x; over: P) as [B, N, C] }
}
layer Stack() {
  use headed = Headed()
  use blocks[2] = Block(8)
  (x: f32[B, P, C]) -> f32[B, N, C] where N = P + 1, C = 8 { blocks(headed(x)) }
}
model encoder = Stack() from random(seed: 1)
data some: (x: f32[P = 14, C = 8]) = "some.safetensors"
`;
const PIPELINE = "pipeline embed(x: f32[P = 14, C = 8]) -> { vector: f32[C] } { { vector: max(encoder(x); over: N) } }\n";

const variant = (name: string, r: string, rest = ""): string => `
/// How many: ${name}.
compress encoder as ${name} {
  // merged early
  fold tokens protect 1 in each blocks[*] after input with tome(r: ${r}${rest})
  require drop of cosine(vector) <= 0.02 on some
}
`;

/** A project with a variant that leaves `r` open, and random tokens. */
function project(body: string): string {
  const root = temporaryFolder();
  const random = randomOf(7);
  const values = Array.from({ length: COUNT * TOKENS * WIDTH }, () => random() * 2 - 1);
  writeSafetensors(join(root, "some.safetensors"), { x: { dtype: "f32", shape: [COUNT, TOKENS, WIDTH], bytes: literal("f32", values).bytes } });
  writeFileSync(join(root, "main.kiri"), `${HEAD}${body}${PIPELINE}`);
  return root;
}

const quick = (root: string, more: Partial<TuneOptions> = {}): TuneOptions => ({ root, file: "main.kiri", objective: "flops", latency: false, ...more });

test("one value: the same as every variant written out and compared, and the front is theirs", async (t) => {
  const values = [0, 1, 2, 3];
  const all = await compare({ root: project(values.map((r) => variant(`r${r}`, `${r}`)).join("")), file: "main.kiri", latency: false, seeds: 0 });
  const plain = all.rows[0]?.measures[COSINE] ?? Number.NaN;
  const rows = all.rows.slice(1).map((row, r) => ({ r, flops: row.flopRatio ?? Number.NaN, cosine: row.measures[COSINE] ?? Number.NaN }));
  const kept = rows.filter((row) => plain - row.cosine <= 0.02).sort((a, b) => a.flops - b.flops);
  t.true(kept.length > 0 && kept.length < rows.length, "the budget parts them");

  const found = await tune(quick(project(variant("lite", "? in 0..4"))));
  t.deepEqual(found.problems.map((p) => p.code), []);
  t.deepEqual(found.winner?.values, { r: kept[0]?.r });
  t.is(found.winner?.flops, kept[0]?.flops);
  t.is(found.rows[0]?.measures[COSINE], plain);
  for (const row of found.tried) t.is(row.measures[COSINE], rows[Number(row.values?.r)]?.cosine, `r ${row.values?.r}`);
  t.deepEqual(found.budget, ["cosine_drop <= 0.02"]);
  t.is(found.searchedBy, "flops");
});

test("interrupted in the middle and begun again: no trial is made twice, and the end is that of a search without a break", async (t) => {
  const body = variant("lite", "[? in 0..4; 2][index]", ", metric: ? in [keys, mlp_input]");
  const root = project(body);
  const made: string[] = [];
  const stop = new AbortController();
  const options = quick(root, { trials: 9, seed: 5, onTrial: (line) => made.push(JSON.stringify([line.values, line.records])) });
  await t.throwsAsync(tune({ ...options, signal: stop.signal, onTrial: (line) => { options.onTrial?.(line); if (made.length === 4) stop.abort(new Error("enough")); } }), { message: "enough" });
  t.is(made.length, 4);
  // As a process that was killed in the middle of a line would leave it.
  const state = join(root, "build/main.lite.tune.jsonl");
  writeFileSync(state, `${readFileSync(state, "utf8")}{"values":{"r[0]`);
  const second = await tune(options);
  t.is(made.length, 9);
  t.is(new Set(made).size, 9);
  t.is(second.remembered, 4);
  t.is(second.trials, 9);
  const third = await tune(options);
  t.is(made.length, 9, "a finished search makes none");
  t.deepEqual(third.winner, second.winner);
  const whole = await tune(quick(project(body), { trials: 9, seed: 5 }));
  t.deepEqual(whole.tried.map((r) => r.values), second.tried.map((r) => r.values));
  t.deepEqual(whole.winner?.values, second.winner?.values);
  // Another program is another search.
  writeFileSync(join(root, "main.kiri"), readFileSync(join(root, "main.kiri"), "utf8").replace("Two blocks", "Both blocks"));
  const anew = await tune({ ...options, trials: 1 });
  t.true(anew.startedAnew && existsSync(`${state}.old`));
  t.is(anew.remembered, 0);
});

test("for size: the smallest of those that keep the budget, by the bytes of their artefacts", async (t) => {
  const values = [0, 1, 2, 3];
  const all = await compare({ root: project(values.map((r) => variant(`lit${r}`, `${r}`)).join("")), file: "main.kiri", latency: false, seeds: 0 });
  const [plain, ...rows] = all.rows;
  const kept = values.filter((r) => (plain?.measures[COSINE] ?? 0) - (rows[r]?.measures[COSINE] ?? 0) <= 0.02);
  const smallest = [...kept].sort((a, b) => (rows[a]?.bytes ?? 0) - (rows[b]?.bytes ?? 0))[0] ?? -1;
  const found = await tune(quick(project(variant("lite", "? in 0..4")), { objective: "size" }));
  t.is(found.searchedBy, "size");
  t.deepEqual(found.winner?.values, { r: smallest });
  // Every value is tried: only an artefact that was written has a size.
  t.deepEqual(found.tried.map((row) => Number(row.values?.r)).sort(), values);
  for (const row of found.tried) t.is(row.bytes, rows[Number(row.values?.r)]?.bytes ?? -1, `r ${row.values?.r}`);
});

test("a search whose time is over makes no trial, and goes on where it gets more", async (t) => {
  const options = quick(project(variant("lite", "[? in 0..4; 2][index]", ", metric: ? in [keys, mlp_input]")), { trials: 9, seed: 5 });
  const none = await tune({ ...options, seconds: 0 });
  t.is(none.trials, 0);
  t.is(none.winner, undefined);
  let made = 0;
  const some = await tune({ ...options, seconds: 3600, onTrial: () => made++ });
  t.is(some.trials, 9);
  t.is(made, 9);
  t.not(some.winner, undefined);
});

test("SIGINT in the real process: exit code 130, and the same command goes on from the trials that were made", async (t) => {
  const root = project(variant("lite", "[? in 0..4; 2][index]", ", metric: ? in [keys, mlp_input]"));
  const state = join(root, "build/main.lite.tune.jsonl");
  const args = ["tune", "main.kiri", "--for", "flops", "--trials", "9", "--seed", "5", "--no-latency"];
  const lines = (): number => (existsSync(state) ? readFileSync(state, "utf8").split("\n").filter((line) => line.includes('"values":{')).length : 0);
  const { NODE_OPTIONS: _options, FORCE_COLOR: _colour, ...env } = process.env;
  const child = spawn(process.execPath, [`--import=${import.meta.resolve("tsx")}`, join(packageRoot(), "hosts/cli/main.ts"), ...args], { cwd: root, env });
  let err = "";
  child.stderr.on("data", (data: Buffer) => { err += data; });
  const watch = setInterval(() => {
    if (lines() < 3) return;
    clearInterval(watch);
    // Once: a second one ends the process as it stands.
    child.kill("SIGINT");
  }, 5);
  const code = await new Promise((resolve) => { child.on("close", resolve); });
  clearInterval(watch);
  t.is(code, 130, err);
  const made = lines();
  t.true(made >= 3 && made < 9, `${made} trials`);
  t.regex(err, /Interrupted\. \d new trials are kept; the same command goes on from there\./);
  const { trials, remembered } = answer(await kiri({ cwd: root }, ...args, "--json")) as unknown as { trials: number; remembered: number };
  t.deepEqual([trials, remembered], [9, made]);
});

test("the program that is written compiles to the bytes of the variant that was chosen, and keeps its comments", async (t) => {
  const root = project(variant("lite", "[? in 2..4; 2][index]", ", metric: ? in [keys, mlp_input], residual: ?"));
  const ran = await kiri({ cwd: root }, "tune", "main.kiri", "--budget", "cosine >= 0.1, flops <= 0.9", "--for", "flops", "--no-latency", "--trials", "4", "-o", "tuned.kiri", "--picture", "front.svg", "--json");
  t.is(ran.code, 0, ran.err);
  const said = answer(ran) as ReturnType<typeof answer> & { readonly winner: { readonly values: Record<string, number | string> } };
  const text = readFileSync(join(root, "tuned.kiri"), "utf8");
  t.regex(text, /\/\/ merged early/);
  t.false(text.includes("?"));
  t.is((await kiri({ cwd: root }, "fmt", "--check", "tuned.kiri")).code, 0);
  const host = new NodeHost({ root });
  const bytes = (file: string, values: Record<string, number | string> | undefined): Uint8Array => {
    const program = openProgram(host, file).value;
    if (!program) throw new Error(`${file} does not open`);
    const { value, problems } = compileProgram(program, { variant: "lite", target: "cpu", ...(values ? { values } : {}) });
    if (!value) throw new Error(problems.map((p) => p.says).join());
    return emitModel(value.fused, { target: "cpu", name: "same" }).model;
  };
  t.deepEqual(bytes("tuned.kiri", undefined), bytes("main.kiri", said.winner.values));
  t.regex(readFileSync(join(root, "front.svg"), "utf8"), /^<svg [^>]*>[\s\S]*<circle [\s\S]*<\/svg>\n$/);
  // What is there is not written over.
  const again = await kiri({ cwd: root }, "tune", "main.kiri", "-o", "tuned.kiri");
  t.is(again.code, 2);
  t.regex(again.err, /there already.*\n.*--force/);
});

test("the front as a table and a PNG, timed against the plain model", async (t) => {
  const root = project(variant("lite", "? in [1, 3]"));
  const ran = await kiri({ cwd: root }, "tune", "--rounds", "9", "--picture", "front.png");
  t.is(ran.code, 0, ran.err);
  t.regex(ran.out, / r +cosine +drop +block FLOPs +speed-up +size +cosine_drop <= 0\.02\n/);
  t.regex(ran.out, /^plain +1\.0000 .* 1\.00 ± 0 %/m);
  t.regex(ran.out, /^ +1 .* ± \d+ % .*← chosen$/m);
  t.regex(ran.out, /^ +3 .* ± \d+ % .*not kept$/m);
  t.regex(ran.out, /trials, kept in build\/main\.lite\.tune\.jsonl; searched by counted multiply-adds; the front was timed at the end/);
  t.deepEqual([...readFileSync(join(root, "front.png")).subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
});

test("where the data decide how many tokens are kept, trials are ranked by their times", async (t) => {
  const root = project(`
fold longest(keep: Float) : N -> K {
  carry term: f32[B, N] = 0 down by max
  at scores(s: f32[B, H, N', N]) { s + term }
  down(x: f32[B, N, C]) -> f32[B, some K <= N, C] {
    let long = length(x; over: C)
    let plan = chosen(long > mean(long; over: N) * keep)
    term := hiding(plan.valid)
    plan.pick(x)
  }
}
compress encoder as lite {
  fold tokens protect 1 across blocks[1..] with longest(keep: ? in [0.5, 1.0]) up none
  require cosine(vector) >= 0.0 on some
}
`);
  const text = readFileSync(join(root, "main.kiri"), "utf8").replace("use folds.tome (tome)", "use folds.keep (chosen, hiding)").replace("max(encoder(x); over: N)", "encoder(x)[N: 0]");
  writeFileSync(join(root, "main.kiri"), text);
  const found = await tune({ root, file: "main.kiri", latency: false });
  t.deepEqual(found.problems.map((p) => `${p.code} ${p.says}`), []);
  t.is(found.searchedBy, "time");
  t.deepEqual(found.tried.map((r) => r.values?.keep).sort(), [0.5, 1]);
  t.true(found.tried.every((r) => r.flops === undefined));
});

test("where the plain model cannot be measured, each run says why: that is nothing to remember", async (t) => {
  const root = project(variant("lite", "? in 1..4").replace("cosine(vector)", "accuracy(vector)"));
  writeFileSync(join(root, "main.kiri"), readFileSync(join(root, "main.kiri"), "utf8").replace("use measure.cosine (cosine)", "use measure.accuracy (accuracy)"));
  for (const run of ["first", "second"]) {
    const found = await tune(quick(root));
    t.regex(found.problems.map((p) => `${p.code} ${p.says}`).join("\n"), /^G605 plain: accuracy does not take/, run);
    t.deepEqual(found.rows, []);
  }
});

test("nothing to tune, several that could be, a budget that cannot be read, one that nothing keeps", async (t) => {
  const codes = async (root: string, more: Partial<TuneOptions> = {}): Promise<string> => (await tune(quick(root, more))).problems.map((p) => `${p.code} ${p.says} ${p.next}`).join("\n");
  t.regex(await codes(project(variant("lite", "4"))), /^G631 No `compress` of main\.kiri that is meant here/);
  t.regex(await codes(project(variant("lite", "?") + variant("other", "?"))), /^G631 Several variants of main\.kiri leave values open: lite, other/);
  const root = project(variant("lite", "? in 1..4"));
  t.regex(await codes(root, { variant: "lit" }), /^G602 .*lit/);
  t.regex(await codes(root, { budget: "precision_drop <= 0.1" }), /^G632 .*nothing here measures precision_drop.* measured here: cosine, cosine_drop, flops/);
  t.regex(await codes(root, { budget: "cosine_drop" }), /^G632 .*no comparison/);
  t.regex(await codes(root, { budget: "cosine_drop <= label" }), /^G632 .*label is no number/);
  t.regex(await codes(root, { budget: "flops <= 0.5" }), /^G632 .*bounds no quality/);
  // A measure that is called by its module is named as a budget can call it.
  const byModule = project(variant("lite", "? in 1..4").replaceAll("cosine(vector)", "cosine.cosine(vector)"));
  writeFileSync(join(byModule, "main.kiri"), readFileSync(join(byModule, "main.kiri"), "utf8").replace("use measure.cosine (cosine)", "use measure.cosine"));
  t.regex(await codes(byModule, { budget: "flops <= 0.5" }), /^G632 .*bounds no quality.* measured here: cosine, cosine_drop\.$/);
  t.is(await codes(byModule, { budget: "cosine_drop <= 0.02" }), "");
  t.regex(await codes(root, { budget: "" }), /^G632 .*there is no bound/);
  t.regex(await codes(root, { data: "som" }), /^G607 .*som/);
  t.regex(await codes(root, { budget: "cosine_drop <= -0.5" }), /^G633 3 variants were tried, and none keeps cosine_drop <= -0\.5; the nearest is r = \d with cosine_drop = -?\d/);
  const ran = await kiri({ cwd: root }, "tune", "--budget", "cosine_drop <= -0.5", "--for", "flops", "--no-latency");
  t.is(ran.code, 1);
  t.regex(ran.err, /G633/);
  t.is((await kiri({ cwd: root }, "tune", "--picture", "front.gif")).code, 2);
  // Trials are kept in no folder and in no file of somebody else's, which stays as it was.
  const before = readFileSync(join(root, "main.kiri"), "utf8");
  for (const [state, says] of [[".", /trials cannot be kept there/], ["main.kiri", /something else than trials is there/], ["main.kiri/trials", /trials cannot be kept there/]] as const) {
    const refused = await kiri({ cwd: root }, "tune", "--for", "flops", "--no-latency", "--state", state);
    t.is(refused.code, 2);
    t.regex(refused.err, says);
  }
  t.is(readFileSync(join(root, "main.kiri"), "utf8"), before);
});
