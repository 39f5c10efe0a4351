/** Formatting: every file of the project is as the formatter leaves it, and crooked ones come out straight. */
import test from "ava";
import { format, WIDTH } from "../../grammar/format.ts";
import { parse, parsePieces } from "../../grammar/parse.ts";
import { source } from "../../grammar/source.ts";
import { kiriFiles, withoutSpans } from "./files.ts";

const formatted = (text: string): string => format(source("a.kiri", text)).text;

for (const { path, text } of kiriFiles) test(`${path} keeps its tree and comes out the same twice`, (t) => {
  const once = formatted(text);
  t.deepEqual(withoutSpans(parse(source("a.kiri", once)).ast), withoutSpans(parse(source("a.kiri", text)).ast));
  t.is(formatted(once), once);
  for (const row of once.split("\n")) if (!row.trimStart().startsWith("//")) t.true(row.length <= WIDTH, row);
});

const CASES: Readonly<Record<string, readonly [string, string]>> = {
  spaces: ["let a=1+2 *  - 3\nlet b : f32[B,N , C]=f( x ,y:1 ;over : C )[ 0 .. step 2 ]\n", "let a = 1 + 2 * -3\nlet b: f32[B, N, C] = f(x, y: 1; over: C)[0.. step 2]\n"],
  "empty lines": ["\n\n// c\n\n\n\nlet a = 1\n\n\n\nlet b = 2\nlet c = 3\n\n\n", "// c\n\nlet a = 1\n\nlet b = 2\nlet c = 3\n"],
  blocks: ["fn f(x) {x}\nfn g(x) {\n\n x }\nfn h(x) { let a = x; a }\nfn i(x) { let a = x;\n a }\n", "fn f(x) { x }\nfn g(x) {\n  x\n}\nfn h(x) { let a = x; a }\nfn i(x) {\n  let a = x\n  a\n}\n"],
  "trailing commas": ["let a = f(1, 2,)\nlet b = (1,)\nlet c = [1,2,]\n", "let a = f(1, 2)\nlet b = (1,)\nlet c = [1, 2]\n"],
  "chosen breaks": ["let a = f(\n1,\n   2)\n", "let a = f(\n  1,\n  2\n)\n"],
  heads: ["layer L()\n offers S\n where a = b\n{\n (x: f32) -> f32 { x }\n}\n", "layer L()\n  offers S\n  where a = b\n{\n  (x: f32) -> f32 { x }\n}\n"],
  comments: ["let a = f( // one\n  1, // two\n  // three\n  2\n  // four\n) // five\nfn f(x) {\n  // six\n  x // seven\n  // eight\n}\n// nine", "let a = f( // one\n  1, // two\n  // three\n  2\n  // four\n) // five\nfn f(x) {\n  // six\n  x // seven\n  // eight\n}\n// nine\n"],
  folds: ["fold f(r:Int):N->K where K=N-r{down(x:f32)reads k=m:f32->c:f32{x}}\n", "fold f(r: Int) : N -> K where K = N - r { down(x: f32) reads k = m: f32 -> c: f32 { x } }\n"],
  records: ["record R{h:Int,w:Int\nlet a=h}\n", "record R {\n  h: Int, w: Int\n  let a = h\n}\n"],
  places: ["sites s for m{bs[ 0 ].k=\"x\"as[B*H,N],c=\"y\"}\n", "sites s for m { bs[0].k = \"x\" as [B * H, N], c = \"y\" }\n"],
  "open values": ["compress m as l { fold tokens in each b[*] with t( r : [?  in 2 .. 9 ;6][ index ],k:?,s: ? in[a ,b]) }\n", "compress m as l { fold tokens in each b[*] with t(r: [? in 2..9; 6][index], k: ?, s: ? in [a, b]) }\n"],
  compress: ["compress m as l{fold tokens protect 1 in each b[ * ]after s with t( r:4 )up none\nrequire drop of a(l)<=0.1 on d\nprecision :f16}\n", "compress m as l {\n  fold tokens protect 1 in each b[*] after s with t(r: 4) up none\n  require drop of a(l) <= 0.1 on d\n  precision: f16\n}\n"],
};

for (const [name, [before, after]] of Object.entries(CASES)) test(name, (t) => {
  t.is(formatted(before), after);
  t.is(formatted(after), after);
});

test("what is too long is broken: lists into rows of items, sums behind operators", (t) => {
  const long = "a".repeat(50);
  t.is(formatted(`let x = f(${long}, ${long}, ${long})`), `let x = f(\n  ${long}, ${long},\n  ${long}\n)\n`);
  t.is(formatted(`let x = ${long} + ${long} + ${long}`), `let x = ${long} + ${long} +\n  ${long}\n`);
  t.is(formatted(`fn f(x) { if ${long} { ${long} } else { ${long} } }`), `fn f(x) {\n  if ${long} {\n    ${long}\n  } else {\n    ${long}\n  }\n}\n`);
});

test("a pattern stays on its line where what it is bound to can break", (t) => {
  const long = "a".repeat(45);
  t.is(formatted(`fn f(x) {\n  let (a, b, c) = (${long}, ${long}, ${long})\n  a\n}\n`), `fn f(x) {\n  let (a, b, c) = (\n    ${long}, ${long},\n    ${long}\n  )\n  a\n}\n`);
  t.is(formatted(`fn f(x) {\n  let (a, b) = ${long} + ${long} + ${long}\n  a\n}\n`), `fn f(x) {\n  let (a, b) = ${long} + ${long} +\n    ${long}\n  a\n}\n`);
});

/** The same text with names that are longer by `more` letters, so that lines break elsewhere. */
function lengthened(text: string, more: number): string {
  const words = parsePieces(source("a.kiri", text)).layout.chunks.flat().filter((token) => token.tokenType.name === "Identifier" && /^(?!bool$)[a-z_]{4,}$/.test(token.image));
  return words.reduceRight((whole, { startOffset, image }) => `${whole.slice(0, startOffset)}${image}${"x".repeat(more)}${whole.slice(startOffset + image.length)}`, text);
}

test("whatever breaks, the tree stays: every file with longer names", (t) => {
  let broken = 0;
  for (const { path, text } of kiriFiles)
    for (const more of [6, 30]) {
      const longer = lengthened(text, more);
      const before = parse(source("a.kiri", longer));
      t.deepEqual(before.problems, [], path);
      const once = formatted(longer);
      if (once !== longer) broken++;
      t.is(JSON.stringify(withoutSpans(parse(source("a.kiri", once)).ast)), JSON.stringify(withoutSpans(before.ast)), `${path} with names longer by ${more}`);
      t.is(formatted(once), once, `${path} with names longer by ${more}`);
    }
  t.true(broken > kiriFiles.length / 2, `only ${broken} of ${2 * kiriFiles.length} files broke otherwise`);
});

test("a file with problems is left alone", (t) => {
  const { text, problems } = format(source("a.kiri", "let  a = \n"));
  t.is(text, "let  a = \n");
  t.is(problems.length, 1);
});

test("line ends stay as they are", (t) => t.is(formatted("let  a = 1\r\nlet b = 2\r\n"), "let a = 1\r\nlet b = 2\r\n"));

test("the library and the pipelines are laid out", (t) => {
  for (const { path, text } of kiriFiles) t.is(format(source(path, text)).text, text, path);
});
