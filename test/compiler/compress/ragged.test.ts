/** Folds that leave each row of a batch as many tokens as its data say: no row depends on the others, and padding is never mixed with tokens. */
import test from "ava";
import type { Value } from "../../../compiler/host.ts";
import { i64 } from "../../support/evaluate.ts";
import { attempted, compiled, output, run, SPELLINGS, told } from "../../support/program.ts";

const program = (result: string, body: string, fold = "in each blocks[1..2] after input with mrt5_text(gate: by_channel)"): string => `
use model.bert
use folds.mrt5 (mrt5_text)
use folds.tome (tome)
model encoder = bert.Encoder from "models/tiny-random-minilm"
/// Keeps tokens whose fourth channel is positive.
fn by_channel(x: f32[B, N, C]) -> f32[B, N] { select(x[C: 3] > 0.0, 0.0, -30.0) }
fn none_at_all(x: f32[B, N, C]) -> f32[B, N] { x[C: 3] * 0.0 - 30.0 }
fn all_of_them(x: f32[B, N, C]) -> f32[B, N] { x[C: 3] * 0.0 }
compress encoder as folded { fold tokens ${fold} }
pipeline probe(ids: i64[N], mask: i64[N]) -> ${result} {
  let hidden = encoder(ids, mask, ids * 0)
  let weight = cast(mask; to: f32)
  ${body}
}`;
const POOLED = program("{ vector: f32[C] }", "{ vector: sum(hidden * weight; over: N) / sum(weight; over: N) }");
const TOKENS = program("{ tokens: f32[some K <= N, C], there: i64[some K <= N] }", "{ tokens: hidden, there: mask }");
const problems = (text: string): string[] => told(attempted(text, { variant: "folded" }).problems.filter((p) => p.severity === "error"));

/** Token ids of three texts; 0 is padding. */
const ROWS = [[2, 17, 23, 9, 31, 12, 3, 0, 0, 0], [2, 5, 6, 7, 8, 9, 10, 11, 12, 3], [2, 4, 3, 0, 0, 0, 0, 0, 0, 0]];
const texts = (rows: readonly (readonly number[])[]): { ids: Value; mask: Value } => {
  const dims = [rows.length, rows[0]?.length ?? 0];
  return { ids: i64(dims, rows.flat()), mask: i64(dims, rows.flat().map((id) => (id === 0 ? 0 : 1))) };
};
const close = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((v, i) => Math.abs(v - (b[i] as number)) <= 1e-5);

test("a text has the same vector alone, without its padding, and beside longer texts", async (t) => {
  const model = compiled(POOLED, { variant: "folded" });
  for (const spelling of SPELLINGS) {
    const batch = output(await run(model, texts(ROWS), spelling), "vector");
    for (const [i, row] of ROWS.entries()) {
      const own = batch.slice(i * 32, i * 32 + 32);
      t.true(close(output(await run(model, texts([row]), spelling), "vector"), own));
      t.true(close(output(await run(model, texts([row.filter((id) => id !== 0)]), spelling), "vector"), own));
    }
    t.false(close(batch.slice(0, 32), output(await run(compiled(POOLED), texts(ROWS.slice(0, 1)), spelling), "vector")));
  }
});

test("an output whose type says `some K <= N` has the tokens that are left, the mask as many", async (t) => {
  const model = compiled(TOKENS, { variant: "folded" });
  const batch = await run(model, texts(ROWS));
  const there = output(batch, "there");
  const counts = ROWS.map((_, i) => there.slice((i * there.length) / 3, ((i + 1) * there.length) / 3).filter((v) => v === 1).length);
  t.is(there.length, 3 * Math.max(...counts));
  t.true(new Set(counts).size > 1);
  t.deepEqual(batch.tokens?.dims, [3, Math.max(...counts), 32]);
  for (const [i, row] of ROWS.entries()) t.deepEqual((await run(model, texts([row]))).tokens?.dims, [1, counts[i], 32]);
});

test("all kept but padding: nothing changes; none kept: the first token stays, and no number is lost", async (t) => {
  const plain = output(await run(compiled(POOLED), texts(ROWS)), "vector");
  const kept = output(await run(compiled(POOLED.replace("gate: by_channel", "gate: all_of_them"), { variant: "folded" }), texts(ROWS)), "vector");
  t.true(close(kept, plain));
  const alone = await run(compiled(TOKENS.replace("gate: by_channel", "gate: none_at_all"), { variant: "folded" }), texts(ROWS));
  t.deepEqual(alone.tokens?.dims, [3, 1, 32]);
  t.true(output(alone, "tokens").every(Number.isFinite));
});

test("two gates behind each other: padding of the first does not come back in the second", async (t) => {
  const twice = TOKENS.replace("blocks[1..2]", "blocks[*]").replace("gate: by_channel", "gate: by_channel");
  const model = compiled(twice, { variant: "folded" });
  const batch = await run(model, texts(ROWS));
  const [there, tokens] = [output(batch, "there"), output(batch, "tokens")];
  const slots = there.length / 3;
  for (const [i, row] of ROWS.entries()) {
    const one = await run(model, texts([row]));
    const count = output(one, "there").length;
    t.deepEqual(there.slice(i * slots, (i + 1) * slots), Array.from({ length: slots }, (_, j) => (j < count ? 1 : 0)));
    t.true(close(output(one, "tokens"), tokens.slice(i * slots * 32, (i * slots + count) * 32)));
  }
});

test("with a way back every token is there again, and may be reduced", async (t) => {
  const text = (gate: string): string => program("{ vector: f32[C], tokens: f32[N, C] }", "let unused = weight\n  { vector: mean(hidden; over: N), tokens: hidden }", `across blocks[1..] with returning(gate: ${gate})`).replace("use folds.tome (tome)", "use folds.keep (chosen, hiding, put_back)").replace("compress encoder", `
fold returning(gate: Any) : N -> K {
  carry term: f32[B, N] = 0 down by max
  at scores(s: f32[B, H, N', N]) { s + term }
  down mask by max
  down(x: f32[B, N, C]) reads mask: f32[B, N] -> f32[B, some K <= N, C] {
    let plan = chosen(gate(x) > -15.0 and mask > -1e8)
    term := hiding(plan.valid)
    plan.pick(x)
  }
  up(y: f32[B, K, C]) -> f32[B, N, C] { put_back(y, down.x, down.plan.places, down.plan.valid) }
}
compress encoder`);
  const model = compiled(text("by_channel"), { variant: "folded" });
  const batch = output(await run(model, texts(ROWS)), "tokens");
  for (const [i, row] of ROWS.entries()) t.true(close(output(await run(model, texts([row])), "tokens"), batch.slice(i * 320, (i + 1) * 320)));
  // Words are as in the plain model where all are kept; padding keeps what it was before.
  const [all, plain] = [output(await run(compiled(text("all_of_them"), { variant: "folded" }), texts(ROWS)), "tokens"), output(await run(compiled(text("all_of_them")), texts(ROWS)), "tokens")];
  for (const [i, row] of ROWS.entries()) {
    const words = row.filter((id) => id !== 0).length * 32;
    t.true(close(all.slice(i * 320, i * 320 + words), plain.slice(i * 320, i * 320 + words)));
  }
  t.false(close(batch, plain));
  // What a trace tells of each token: the kept ones count from 0, the others were dropped.
  const groups = output(await run(compiled(text("by_channel"), { variant: "folded", trace: true }), texts(ROWS.slice(0, 1))), "folds");
  t.deepEqual(groups.filter((g) => g >= 0), groups.filter((g) => g >= 0).map((_, i) => i));
  t.true(groups.includes(-1) && groups.includes(0));
});

test("what would mix padding with tokens is refused", (t) => {
  const refused = (body: string, op: string): void => {
    const [problem, ...more] = problems(program("{ vector: f32[C] }", `let unused = weight\n  { vector: ${body} }`));
    t.regex(problem ?? "", new RegExp(`^F313 mrt5_text .*\`${op}\``), body);
    t.is(more.length, 0);
  };
  refused("mean(hidden; over: N)", "reduceMean");
  refused("max(hidden; over: N)", "reduceMax");
  refused("hidden[N: -1]", "slice");
  refused("gather(hidden, kept(hidden[C: 0] > 0.0; over: N, some: K)[0]; over: N)[K: 0]", "choose");
  refused("put(hidden[N: 0..1] as [B, M, C], cast(hidden[C: 0] * 0.0; to: i64), hidden; over: M)[M: 0]", "put");
  refused("dot(softmax(hidden[C: 0]; over: N), hidden; over: N)", "softmax");
  // The first token is one of every row.
  t.deepEqual(problems(program("{ vector: f32[C] }", "let unused = weight\n  { vector: hidden[N: 0] }")), []);
});

test("another fold behind one is refused, and an output that promises every token as well", (t) => {
  const lines = "in each blocks[0..1] after input with mrt5_text(gate: by_channel)\n fold tokens in each blocks[1..2] after attended with tome(r: 1)";
  t.regex(problems(program("{ vector: f32[C] }", "let unused = weight\n  { vector: hidden[N: 0] }", lines))[0] ?? "", /^F313 mrt5_text .*`tome`/);
  t.regex(problems(program("{ tokens: f32[N, C] }", "let unused = weight\n  { tokens: hidden }"))[0] ?? "", /^F303 /);
});
