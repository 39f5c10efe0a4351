/** What cannot be folded or rewritten is refused with the name of what stands in the way, and less than was asked for is told. */
import test from "ava";
import { attempted, told } from "../../support/program.ts";

const classifier = (line: string): string => `
use model.vit
use image
use folds.tome (tome)
use rewrites.int8 (int8)
model transformer = vit.Classifier from "models/tiny-vit-mnist"
compress transformer as folded { ${line} }
pipeline probe(picture: image) -> { logits: f32[Classes] } { { logits: transformer(image.prepare(picture; transformer.processor)) } }
`;
const problems = (text: string): string[] => told(attempted(text, { variant: "folded" }).problems.filter((p) => p.code !== "N204"));

test("more merges than there are tokens for are clipped, with a warning", (t) => {
  t.deepEqual(problems(classifier("fold tokens protect 1 in each blocks[0..2] after attended with tome(r: 20)")), ["F308 tome was asked for r = 20 and can give 14."]);
});

test("a value from inside of another fold's region, where its tokens are back, counts less: the fold is named by what it leaves", (t) => {
  const two = classifier("fold tokens protect 1 across blocks[1..3] with aim_merge([2, 4])\n  fold tokens protect 1 in each blocks[2] after output with todre(k: 12, attention: blocks[1].probs)");
  const [problem] = attempted(two.replace("use image\n", "use image\nuse folds.aim (aim_merge)\nuse folds.todre (todre)\n"), { variant: "folded" }).problems.filter((p) => p.severity === "error");
  t.is(problem?.code, "T307");
  t.regex(problem?.next ?? "", /^`N\.folded\w*` is what another fold leaves of N: place this one where its tokens have come back/);
});

test("a rewrite where there is nothing to rewrite", (t) => {
  t.regex(problems(classifier("rewrite blocks[0].norm1 with int8()"))[0] ?? "", /^F310 blocks\[0\]\.norm1 holds no linear map that int8 could take/);
});

test("a site that the layers do not have is told by its own name, with those that are near", (t) => {
  const text = classifier("fold tokens protect 1 in each blocks[2..] after attendd with tome(r: 4)");
  const [problem] = attempted(text, { variant: "folded" }).problems.filter((p) => p.code === "F301");
  t.is(problem?.says, "transformer.blocks[2] has no attendd.");
  t.regex(problem?.next ?? "", /^Did you mean attended\b/);
  t.is(text.slice(problem?.span?.start, problem?.span?.end), "attendd");
});

test("a region that knows how many tokens there are", (t) => {
  const text = `
fold evens() : N -> K where K = ceil(N / 2) {
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] as [B, K, C] }
}
layer Begin() { (x: f32[B, M, C]) -> f32[B, N, C] where N = M + 0 { x as [B, N, C] } }
layer Biased() {
  param bias: f32[N = 8, C = 1]
  (x: f32[B, N, C]) -> f32[B, N, C] where N = 8 { x + bias }
}
layer Whole() {
  use begin = Begin()
  use first = Biased()
  use second = Biased()
  (x: f32[B, M, C]) -> f32[B, N, C] { second(first(begin(x))) }
}
model whole = Whole() from random(seed: 1)
compress whole as folded { fold tokens in each first after input with evens() }
pipeline probe(x: f32[N = 8, C = 1]) -> { tokens: f32[C] } { { tokens: whole(x)[N: 0] } }
`;
  const [problem] = problems(text);
  t.regex(problem ?? "", /^F302 whole\.first works for 8 tokens and no other number: /);
});

const tokens = (axis: string, fold: string, more = ""): string => `
${more}
fold evens() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
}
layer Step() { (x: f32[B, N, C]) -> f32[B, N, C] { x + sum(x; over: N) } }
layer Stack() {
  use blocks[2] = Step()
  (x: f32[B, N, C]) -> f32[B, N, C] { blocks(x) }
}
model stack = Stack() from random(seed: 1)
compress stack as folded { fold tokens ${fold} }
pipeline probe(x: f32[${axis}, C = 1]) -> { y: f32[N, C] } { { y: stack(x) } }
`;

test("a count that is a fixed number and no size of its own; that of an input is one", (t) => {
  t.deepEqual(problems(tokens("N = 8", "across blocks[1..] with evens()")), []);
  t.deepEqual(problems(tokens("N", "across blocks[1..] with evens()")), []);
  // Eight tokens of the model's own.
  const own = tokens("N", "across blocks[1..] with evens()").replace("(x: f32[B, N, C]) -> f32[B, N, C] { blocks(x) }", "(x: f32[B, M, C]) -> f32[B, N, C] { blocks(x[M: 0..8] as [B, N, C]) }").replace("y: f32[N, C] } { { y: stack(x)", "y: f32[C] } { { y: stack(x)[N: 0]");
  t.deepEqual(problems(own), ["F306 stack.blocks[1].input is f32[B, N = 8, C = 1]: its token count is a fixed number, not a size of its own."]);
});

test("as many protected tokens as there are, or more", (t) => {
  for (const protect of [50, 100])
    for (const place of ["across blocks[1..]", "in each blocks[1..] after attended"])
      t.regex(problems(classifier(`fold tokens protect ${protect} ${place} with tome(r: 1)`))[0] ?? "", new RegExp(`^T302 protect is\\n {2}found {2}${protect}\\n {2}wanted a number below 50: so many tokens come to transformer\\.blocks\\[1\\]`));
  t.deepEqual(problems(classifier("fold tokens protect 47 in each blocks[1] after attended with tome(r: 1)")), []);
});

test("a number of protected tokens that is none", (t) => {
  const refused = (protect: string): string => problems(tokens("N", `protect ${protect} across blocks[1..] with evens()`))[0] ?? "";
  t.regex(refused("0 - 1"), /^T302 protect is\n {2}found {2}Int -1\n {2}wanted a whole number of tokens/);
  t.regex(refused("1.5"), /^B321 This size is /);
  t.is(refused("2"), "");
});

test("a selector with a broken index", (t) => {
  t.regex(problems(tokens("N", "across blocks[1.5] with evens()"))[0] ?? "", /^B321 This size is /);
});
