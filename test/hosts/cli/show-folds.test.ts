// `kiri run --show folds`: text with marks on what went together, a drawing for pictures, groups for programs; refused where nothing tells them.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import test from "ava";
import sharp from "sharp";
import { answer, kiri, type Ran } from "../../support/command-line.ts";
import { ROOT } from "../../support/program.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const cwd = temporaryFolder();
const text = (fold: string): string => `
use model.bert
use folds.tome (tome)
tokenizer words = text from "models/tiny-random-minilm"
model encoder = bert.Encoder from "models/tiny-random-minilm"
fold first_half() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..K] }
  down mask by cut
  fn cut(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..K] }
}
compress encoder as folded { fold tokens ${fold} }
pipeline embed(sentence: text) -> { vector: f32[C] } {
  let tokens = words.encode(sentence)
  { vector: encoder(tokens.ids, tokens.mask, tokens.types)[N: 0] }
}
`;

test.before(async () => {
  writeFileSync(join(cwd, "package.json"), "{}");
  mkdirSync(join(cwd, "models"));
  cpSync(join(ROOT, "pipelines/models/tiny-random-minilm"), join(cwd, "models/tiny-random-minilm"), { recursive: true });
  cpSync(join(ROOT, "pipelines/models/tiny-vit-mnist"), join(cwd, "models/tiny-vit-mnist"), { recursive: true });
  const classifier = (more: string, fold: string): string => `
use model.vit
use image
${more}
model classifier = vit.Classifier from "models/tiny-vit-mnist"
compress classifier { ${fold} }
pipeline digits(picture: image) -> { label: Int } { { label: argmax(classifier(image.prepare(picture; classifier.processor)); over: Classes) } }
`;
  writeFileSync(join(cwd, "pruned.kiri"), classifier("use folds.todre (todre)", "fold tokens protect 1 across blocks[2..] with todre(k: 12, attention: blocks[1].probs)\n fold tokens protect 1 across blocks[4..] with todre(k: 6, attention: blocks[3].probs)"));
  writeFileSync(join(cwd, "mute.kiri"), classifier("fold first_half() : N -> K where K = ceil(N / 2) { down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..K] as [B, K, C] } }", "fold tokens in each blocks[3] with first_half()"));
  await sharp(join(ROOT, "pipelines/data/scenes/000.png")).resize(28, 28).toFile(join(cwd, "digit.png"));
  writeFileSync(join(cwd, "text.kiri"), text("protect 1 in each blocks[*] after attended with tome(r: 2)"));
  writeFileSync(join(cwd, "half.kiri"), text("in each blocks[0] with first_half()"));
  writeFileSync(join(cwd, "picture.kiri"), `
use model.vit
use image
use folds.tome (tome)
model classifier = vit.Classifier from "models/tiny-vit-mnist"
compress classifier { fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4) }
pipeline digits(picture: image) -> { label: Int } { { label: argmax(classifier(image.prepare(picture; classifier.processor)); over: Classes) } }
`);
});

const ESCAPE = String.fromCharCode(27);
const SENTENCE = "Fold and cut the paper, twice.";
const show = (...args: string[]): Promise<Ran> => kiri({ cwd }, "run", ...args, "--show", "folds");

interface Told {
  readonly tokens: number;
  readonly left: number;
  readonly merged: number;
  readonly into: number;
  readonly alone: number;
  readonly dropped: number;
  readonly groups: readonly number[];
  readonly pieces?: readonly { readonly token: string; readonly start: number; readonly end: number; readonly group: number }[];
  readonly grid?: object;
}
const told = (ran: Ran): { readonly output: object; readonly folds: Told }[] => answer(ran).results as never;

test("text: two merges in two blocks leave four tokens fewer, each with its place in the text", async (t) => {
  const [result] = told(await show("text.kiri", "--variant", "folded", SENTENCE, "--json"));
  t.deepEqual(Object.keys(result?.output ?? {}), ["vector"]);
  const folds = result?.folds as Told;
  t.is(folds.tokens, 14);
  t.is(folds.left, 10);
  t.is(folds.merged - folds.into, 4);
  t.is(folds.merged + folds.alone, 14);
  t.is(folds.dropped, 0);
  t.deepEqual(folds.pieces?.map((p) => p.group), [...folds.groups]);
  // The first token is protected, and special ones are no part of the text.
  t.is(folds.groups.filter((g) => g === folds.groups[0]).length, 1);
  t.deepEqual([folds.pieces?.[0], folds.pieces?.at(-1)].map((p) => [p?.token, p?.start, p?.end]), [["[CLS]", 0, 0], ["[SEP]", 0, 0]]);
  t.deepEqual(folds.pieces?.slice(1, 4).map((p) => SENTENCE.slice(p.start, p.end)), ["Fold", "and", "cut"]);
});

test("text for people: marks without colours in a pipe, the same marks with them on a terminal", async (t) => {
  const { code, out } = await show("text.kiri", "--variant", "folded", SENTENCE);
  t.is(code, 0);
  const [head, marked = ""] = out.split("\n");
  t.regex(head ?? "", /^Fold and cut the paper, twice\.: 14 → 10 tokens: \d+ merged into \d+, \d+ kept, 0 dropped$/);
  // Without its marks the line is the text itself between the special tokens.
  t.is(marked.replace(/‹\d+›/g, ""), `  [CLS] ${SENTENCE} [SEP]`);
  const numbers = [...marked.matchAll(/‹(\d+)›/g)].map((m) => Number(m[1]));
  const { folds } = told(await show("text.kiri", "--variant", "folded", SENTENCE, "--json"))[0] ?? { folds: undefined };
  t.deepEqual([numbers.length, new Set(numbers).size], [folds?.merged, folds?.into]);
  t.false(out.includes(ESCAPE));
  const coloured = await kiri({ cwd, isTerminal: true }, "run", "text.kiri", "--variant", "folded", SENTENCE, "--show", "folds");
  t.true(coloured.out.includes(`${ESCAPE}[36m`));
  t.is(stripVTControlCharacters(coloured.out), out);
});

test("a fold that only drops tokens tells which: its rule for masks knows", async (t) => {
  const { folds } = told(await show("half.kiri", "--variant", "folded", SENTENCE, "--json"))[0] ?? { folds: undefined };
  t.deepEqual(folds?.groups, Array.from({ length: 14 }, (_, i) => (i < 7 ? i : -1)));
  t.deepEqual([folds?.left, folds?.alone, folds?.dropped, folds?.merged], [7, 7, 7, 0]);
  const [pruned] = told(await show("pruned.kiri", "digit.png", "--picture", "out/pruned.png", "--json"));
  // 12 of 49 patches and the class token stay, then 6: in their order, behind each other.
  t.deepEqual([pruned?.folds.left, pruned?.folds.dropped], [7, 43]);
  t.deepEqual(pruned?.folds.groups.filter((g) => g >= 0), [0, 1, 2, 3, 4, 5, 6]);
});

test("results still go where -o says, without the trace", async (t) => {
  await show("text.kiri", "--variant", "folded", SENTENCE, "-o", "vectors.jsonl");
  t.deepEqual(Object.keys(JSON.parse(readFileSync(join(cwd, "vectors.jsonl"), "utf8")) as object), ["vector"]);
});

test("pictures: the groups are drawn; an unnamed compression is meant where none is named", async (t) => {
  const { code, out, err } = await show("picture.kiri", "digit.png", "--picture", "out/digit.png");
  t.is(code, 0, err);
  t.regex(out, /^digit\.png: 50 → 34 tokens: .*\nDrawn: out\/digit\.png\n$/);
  const drawn = await sharp(join(cwd, "out/digit.png")).stats();
  t.true(drawn.channels.slice(0, 3).every((c) => c.stdev > 20), "the drawing is not blank");
  const [result] = told(await show("picture.kiri", "digit.png", "--picture", "out/again.png", "--json"));
  t.deepEqual(result?.folds.grid, { h: 7, w: 7, lead: 1 });
  t.is(new Set(result?.folds.groups).size, 34);
});

test("what cannot tell its folds is refused, and nothing is drawn", async (t) => {
  t.is((await kiri({ cwd }, "compile", "picture.kiri", "-o", "build/digits")).code, 0);
  for (const [args, says] of [
    [["build/digits", "digit.png"], /does not tell its folds\.\nGive the program .* --variant/],
    [["picture.kiri", "--plain", "digit.png"], /plain model folds nothing\.\nName a variant with --variant: classifier/],
    [["mute.kiri", "digit.png"], /folds of classifier cannot be shown: .*`up`.* nor a rule/],
  ] as const) {
    const ran = await show(...args);
    t.is(ran.code, 2, args.join(" "));
    t.is(ran.out, "");
    t.regex(ran.err, says);
  }
  t.false(existsSync(join(cwd, "folds.png")));
});
