/** What was folded comes back in order, and what goes along stays with its token: stated of results, whatever the fold decided. */
import test from "ava";
import { f32 } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { scenes } from "../../support/pictures.ts";
import { compiled, output, run } from "../../support/program.ts";

const [COUNT, WIDTH] = [11, 4];
const TOKENS = Array.from({ length: COUNT * WIDTH }, (_, i) => Math.sin(1 + i * i * 0.37));
const token = (x: readonly number[], i: number): readonly number[] => x.slice(i * WIDTH, (i + 1) * WIDTH);
const given = { x: f32([1, COUNT, WIDTH], TOKENS) };
const found = async (body: string, result = "f32[N, C]", uses = "use folds.tome (tome)"): Promise<number[]> =>
  output(await run(compiled(`${uses}\npipeline probe(x: f32[N, C = ${WIDTH}]) -> { found: ${result} } { ${body} }`), given), "found");

for (const r of [0, 1, 3, 5])
  test(`merging ${r} and unmerging: every token has the mean of its group, at its own place`, async (t) => {
    const y = await found(`let f = tome(r: ${r})\n let down = f.down(x, like: x) as [B, K, C]\n { found: f.up(down) as [B, N, C] }`);
    const members = Array.from({ length: COUNT }, (_, i) => Array.from({ length: COUNT }, (_, j) => j).filter((j) => token(y, j).join() === token(y, i).join()));
    t.is(new Set(members.map((m) => m.join())).size, COUNT - r);
    for (const [i, group] of members.entries()) {
      const mean = Array.from({ length: WIDTH }, (_, c) => group.reduce((sum, j) => sum + (token(TOKENS, j)[c] as number), 0) / group.length);
      t.true(difference(token(y, i), mean).relative <= 1e-6, `token ${i}`);
    }
  });

test("`first` is the member of a group that stands first, and `spread` finds each token's group", async (t) => {
  for (const [r, guarded] of [[3, 0], [4, 1], [3, 2], [3, 3]] as const) {
    const body = (value: string): string => `let plan = bipartite(x; r: ${r}, protected: ${guarded})\n { found: ${value} }`;
    const uses = "use folds.plan (bipartite)";
    const firsts = await found(body("plan.first(x)"), "f32[K, C]", uses);
    const spread = (await found(body(`plan.spread(plan.first(x) * 0.0 + cast(iota(plan.first(x).K as K); to: f32)) as [B, N, C]`), "f32[N, C]", uses)).map(Math.round);
    const groups = spread.filter((_, i) => i % WIDTH === 0);
    t.is(groups.length, COUNT);
    t.is(firsts.length, (COUNT - r) * WIDTH);
    t.deepEqual([...new Set(groups)].sort((a, b) => a - b), Array.from({ length: COUNT - r }, (_, i) => i));
    for (let k = 0; k < COUNT - r; k++) t.deepEqual(token(firsts, k), token(TOKENS, groups.indexOf(k)).map(Math.fround), `group ${k} of r ${r}, protect ${guarded}`);
    t.deepEqual(groups.slice(0, guarded), Array.from({ length: guarded }, (_, i) => i));
  }
});

test("tokens that a grid keeps come back as they were, at their own places", async (t) => {
  for (const fold of ["uniform(from: (1, 11), to: (1, 4))", "random_drop(from: (1, 11), to: (1, 4))"]) {
    const uses = `use folds.control (${fold.slice(0, fold.indexOf("("))})`;
    const kept = await found(`{ found: ${fold}.down(x[N: 0..11]) as [B, K, C] }`, "f32[K, C]", uses);
    const y = await found(`let f = ${fold}\n let kept = f.down(x[N: 0..11]) as [B, K, C]\n { found: f.up(kept) as [B, M, C] }`, "f32[M, C]", uses);
    const places = Array.from({ length: 4 }, (_, k) => Array.from({ length: COUNT }, (_, i) => i).findIndex((i) => token(TOKENS, i).map(Math.fround).join() === token(kept, k).join()));
    t.deepEqual(places, [...places].sort((a, b) => a - b));
    for (const [k, i] of places.entries()) t.deepEqual(token(y, i), token(kept, k), `${fold}: ${i}`);
    // Every other one has the value of the nearest kept one, the first of equals.
    for (let i = 0; i < COUNT; i++) {
      const nearest = places.reduce((best, p) => (Math.abs(p - i) < Math.abs(best - i) ? p : best));
      t.deepEqual(token(y, i), token(TOKENS, nearest).map(Math.fround));
    }
  }
});

const segmenter = (fold: string): string => `
use model.vit
use image
use folds.expedite (expedite)
model transformer = vit.Segmenter from "models/digit-scenes-segmenter"
${fold ? `compress transformer as folded { fold tokens protect 1 ${fold} }` : ""}
pipeline probe(picture: image) -> { logits: f32[Classes, H, W] } { { logits: transformer(image.prepare(picture; transformer.processor)) } }`;

test("clustering a model's tokens onto their own grid changes nothing", async (t) => {
  const { pictures } = await scenes([1]);
  const plain = output(await run(compiled(segmenter("")), { picture: pictures }), "logits");
  for (const residual of [false, true]) {
    const same = compiled(segmenter(`across blocks[4..] with expedite(from: (16, 16), to: (16, 16), t: 50.0, near: 4, residual: ${residual})`), { variant: "folded" });
    const { relative } = difference(output(await run(same, { picture: pictures }), "logits"), plain);
    t.true(relative <= 1e-4, `residual ${residual}: ${relative}`);
  }
  const fewer = compiled(segmenter("across blocks[4..] with expedite(from: (16, 16), to: (8, 8), near: 4)"), { variant: "folded" });
  t.true(difference(output(await run(fewer, { picture: pictures }), "logits"), plain).relative > 1e-2);
});
