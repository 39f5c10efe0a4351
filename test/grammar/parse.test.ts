/** What snippets parse to, what is said of broken ones, and that all files of the project are clean. */
import test from "ava";
import { syntaxProblem } from "../../compiler/diagnostics/syntax.ts";
import { parse } from "../../grammar/parse.ts";
import { position, source } from "../../grammar/source.ts";
import { kiriFiles } from "./files.ts";

/** A tree as a line of text: kinds and names, no places. */
function brief(node: unknown): string {
  if (Array.isArray(node)) return `[${node.map(brief).join(" ")}]`;
  if (typeof node !== "object" || node === null) return JSON.stringify(node) ?? "-";
  const { kind, name, span: _, ...rest } = node as Record<string, unknown>;
  if (kind === undefined && typeof name === "string" && Object.keys(rest).length === 0) return name;
  if (kind === "name") return String(name);
  if (kind === "number" || kind === "string" || kind === "bool") return JSON.stringify(rest.value);
  if (kind === "binary") return `(${brief(rest.left)} ${rest.op} ${brief(rest.right)})`;
  if (kind === "unary") return `(${rest.op} ${brief(rest.operand)})`;
  const parts = Object.entries(name === undefined ? rest : { name, ...rest }).filter(([, v]) => v !== undefined && v !== false && !(Array.isArray(v) && v.length === 0));
  return `${kind ?? ""}{${parts.map(([k, v]) => `${k}:${brief(v)}`).join(" ")}}`;
}

const declarations = (text: string): string => {
  const { ast, problems } = parse(source("a.kiri", text));
  return problems.length ? problems.map((p) => `${p.kind} ${p.span.start}..${p.span.end}`).join("\n") : ast.declarations.map(brief).join("\n");
};
const value = (text: string): string => declarations(`let a = ${text}`).replace(/^const\{name:a value:(.*)\}$/s, "$1");

const VALUES: Readonly<Record<string, string>> = {
  "1 + 2 * 3": "(1 + (2 * 3))",
  "(1 + 2) * 3": "((1 + 2) * 3)",
  "a - b - c": "((a - b) - c)",
  "2 ^ 3 ^ 4": "(2 ^ (3 ^ 4))",
  "-x ^ 2": "(- (x ^ 2))",
  "2 ^ -x": "(2 ^ (- x))",
  "not a and b or c": "(((not a) and b) or c)",
  "a < b == c": "((a < b) == c)",
  "x ~= y % 2": "(x ~= (y % 2))",
  "- - x": "(- (- x))",
  "1_000 + 1e-6 + 0.5": "((1000 + 0.000001) + 0.5)",
  "\"a\\n\\u0041\\u{1F600}\\\"\"": JSON.stringify("a\nA😀\""),
  "x as [B, N', D = 2]": "as-axes{value:x axes:[axis{name:B} axis{name:N'} axis{name:D size:2}]}",
  "-x as [N]": "(- as-axes{value:x axes:[axis{name:N}]})",
  "f(x, y: 1; over: C)": "call{callee:f args:[{value:x} {name:y value:1} {name:over value:C isStatic:true}]}",
  "f(; n + 1 as J)": "call{callee:f args:[{value:as-name{name:J value:(n + 1)} isStatic:true}]}",
  "split(x; C into (H = h, D))": "call{callee:split args:[{value:x} {value:into{from:C to:tuple{elements:[(H == h) D]}} isStatic:true}]}",
  "x[N: 0..step]": "index{object:x items:[{axis:N value:range{from:0 to:step}}]}",
  "x[N: 0..step - 1 step step]": "index{object:x items:[{axis:N value:range{from:0 to:(step - 1) step:step}}]}",
  "x[N: 0.. step 2][1]": "index{object:index{object:x items:[{axis:N value:range{from:0 step:2}}]} items:[{value:1}]}",
  "x[..n, 1..-1]": "index{object:x items:[{value:range{to:n}} {value:range{from:1 to:(- 1)}}]}",
  "m.in.let.from": "member{name:from object:member{name:let object:member{name:in object:m}}}",
  "[f(i) for i in 0..n]": "comprehension{name:i element:call{callee:f args:[{value:i}]} source:range{from:0 to:n}}",
  "[1, 2,]": "list{elements:[1 2]}",
  "()": "tuple{}",
  "(a,)": "tuple{elements:[a]}",
  "{ in: 1, b: 2 }": "record-literal{fields:[{name:in value:1} {name:b value:2}]}",
  "Merge { kept: k }": "record-literal{type:Merge fields:[{name:kept value:k}]}",
  "if a { b } else if c { d } else { e }": "if{condition:a then:block{result:b} otherwise:block{result:if{condition:c then:block{result:d} otherwise:block{result:e}}}}",
  "repeat n from c = x { f(c) }": "repeat{name:c count:n from:x body:block{result:call{callee:f args:[{value:c}]}}}",
  "repeat i in 0..n from c = x { c }": "repeat{name:c index:i range:range{from:0 to:n} from:x body:block{result:c}}",
  "größe": "größe",
};

for (const [text, tree] of Object.entries(VALUES)) test(`value: ${text}`, (t) => t.is(value(text), tree));

const DECLARATIONS: Readonly<Record<string, string>> = {
  "fn f(x: f32[..., C]; n: Int = 2) -> y: f32[B, some K <= N] where K = n, n > 0 { let (a, b) = x\n size := a\n a }":
    "fn{name:f signature:{params:[{name:x type:tensor-type{dtype:\"f32\" axes:[rest{} axis{name:C}]}}] statics:[{name:n type:named-type{path:[Int]} default:2}] resultName:y result:tensor-type{dtype:\"f32\" axes:[axis{name:B} some{name:K bound:N}]} where:[(K == n) (n > 0)]} body:block{statements:[let{names:[a b] destructures:true value:x} assign{name:size value:a}] result:a}}",
  "extern fn g(x)": "fn{name:g extern:true signature:{params:[{name:x}]}}",
  "sites S for m { a, b = c.in\n d }": "sites{name:S model:m sites:[{name:a} {name:b path:[c in]} {name:d}]}",
  "sites S for m { bs[0].a = \"x\" as [B * H, N], c = \"y\" }":
    "sites{name:S model:m places:[{at:selector{segments:[{name:bs index:at{value:0}} {name:a}]} tensor:x axes:[sized{size:(B * H)} axis{name:N}]} {at:selector{segments:[{name:c}]} tensor:y}]}",
  "record R { h: Int, let area = h * h\n in: [Int] = []\n fn at(i: Int) -> Int { i } }":
    "record{name:R fields:[{name:h type:named-type{path:[Int]}} {name:in type:list-type{element:named-type{path:[Int]}} default:list{}}] lets:[let{names:[area] value:(h * h)}] methods:[fn{name:at signature:{params:[{name:i type:named-type{path:[Int]}}] result:named-type{path:[Int]}} body:block{result:i}}]}",
  "layer L(w: Int) offers S { a = b.c } where w > 0 {\n use bs[2] = B(w) named \"x\" when w > 1\n param k: f32[O = w] = 0 named \"k\"\n (x: f32) -> f32 { x }\n}":
    "layer{name:L params:[{name:w type:named-type{path:[Int]}}] offers:path{segments:[S]} offered:[{name:a path:[b c]}] where:[(w > 0)] members:[sub-layer{name:bs count:2 layer:call{callee:B args:[{value:w}]} named:\"x\" when:(w > 1)} param{name:k type:tensor-type{dtype:\"f32\" axes:[axis{name:O size:w}]} named:\"k\" default:0}] forward:{signature:{params:[{name:x type:tensor-type{dtype:\"f32\"}}] result:tensor-type{dtype:\"f32\"}} body:block{result:x}}}",
  "fold f(r: Int) : N -> K where K = N - r {\n carry s: f32[B, N] = 1 down by sum\n at scores(s: f32) when r > 0 { s }\n down mask by any\n down(x: f32) reads k = metric: f32 -> c: f32 { x }\n up(y: f32) -> f32 { y }\n}":
    "fold{name:f params:[{name:r type:named-type{path:[Int]}}] from:N to:K where:[(K == (N - r))] members:[carry{name:s type:tensor-type{dtype:\"f32\" axes:[axis{name:B} axis{name:N}]} init:1 by:sum} hook{site:scores signature:{params:[{name:s type:tensor-type{dtype:\"f32\"}}]} when:(r > 0) body:block{result:s}} companion{name:mask by:any} down{signature:{params:[{name:x type:tensor-type{dtype:\"f32\"}}] resultName:c result:tensor-type{dtype:\"f32\"}} reads:[{name:k site:metric type:tensor-type{dtype:\"f32\"}}] body:block{result:x}} up{signature:{params:[{name:y type:tensor-type{dtype:\"f32\"}}] result:tensor-type{dtype:\"f32\"}} body:block{result:y}}]}",
  "rewrite q() { at linear(x: f32) -> f32 { x } }": "rewrite{name:q members:[hook{site:linear signature:{params:[{name:x type:tensor-type{dtype:\"f32\"}}] result:tensor-type{dtype:\"f32\"}} body:block{result:x}}]}",
  "decode d(k: Int) { carry n: i64[B] = 0 down by first\n fn draft(x: f32) -> f32 { x } }":
    "decode{name:d params:[{name:k type:named-type{path:[Int]}}] members:[carry{name:n type:tensor-type{dtype:\"i64\" axes:[axis{name:B}]} init:0 by:first} fn{name:draft signature:{params:[{name:x type:tensor-type{dtype:\"f32\"}}] result:tensor-type{dtype:\"f32\"}} body:block{result:x}}]}",
  "tokenizer w = text from \"d\"": "tokenizer{name:w host:text from:\"d\"}",
  "tokenizer T(l: [Int]) { let h = 1\n encode(z: f32) -> (f32, i64) { (z, z) } }":
    "tokenizer{name:T params:[{name:l type:list-type{element:named-type{path:[Int]}}}] methods:[fn{name:encode signature:{params:[{name:z type:tensor-type{dtype:\"f32\"}}] result:tuple-type{elements:[tensor-type{dtype:\"f32\"} tensor-type{dtype:\"i64\"}]}} body:block{result:tuple{elements:[z z]}}}] lets:[let{names:[h] value:1}]}",
  "model m = import \"a.onnx\"\nmodel n = v.C(head: 3) from random(seed: 1)":
    "model{name:m imported:\"a.onnx\"}\nmodel{name:n layer:call{callee:member{name:C object:v} args:[{name:head value:3}]} from:call{callee:random args:[{name:seed value:1}]}}",
  "compress m as lite {\n fold tokens protect 1 in each b[*].c[2..] after s with t(r: 4) up none\n fold tokens across b[-1] with t() up after n\n fold tokens at b[0.. step 3] with t()\n rewrite b with q()\n require drop of acc(l) <= 0.1 on d\n report speedup on cpu\n expect fused attention * 6\n precision: f16\n}":
    "compress{target:m as:lite items:[place-fold{axis:tokens protect:1 mode:\"each\" region:selector{segments:[{name:b index:all{}} {name:c index:range{from:2}}]} after:s with:call{callee:t args:[{name:r value:4}]} up:none{}} place-fold{axis:tokens mode:\"across\" region:selector{segments:[{name:b index:at{value:(- 1)}}]} with:call{callee:t} up:after{site:selector{segments:[{name:n}]}}} place-fold{axis:tokens mode:\"at\" region:selector{segments:[{name:b index:range{from:0 step:3}}]} with:call{callee:t}} place-rewrite{region:selector{segments:[{name:b}]} with:call{callee:q}} require{drop:true on:d measure:call{callee:acc args:[{value:l}]} comparison:\"<=\" bound:0.1} report{on:cpu measure:speedup} expect{what:attention count:6} precision{of:f16}]}",
  "data d: (p: image, l: Int) = \"x.json\"": "data{name:d fields:[{name:p type:named-type{path:[image]}} {name:l type:named-type{path:[Int]}}] from:\"x.json\"}",
  "pipeline p(x: image) -> { l: Int } { { l: x } }": "pipeline{name:p signature:{params:[{name:x type:named-type{path:[image]}}] result:record-type{fields:[{name:l type:named-type{path:[Int]}}]}} body:block{result:record-literal{fields:[{name:l value:x}]}}}",
  "check \"t\" { let a = 1; a == 1 }": "check{title:\"t\" body:block{statements:[let{names:[a] value:1}] result:(a == 1)}}",
};

for (const [text, tree] of Object.entries(DECLARATIONS)) test(`declaration: ${text.split("\n")[0]}`, (t) => t.is(declarations(text), tree));

test("a bracket at the start of a line begins a statement; inside brackets lines do not matter", (t) => {
  t.is(declarations("fn f(x) {\n  let a = x\n  (a)\n}"), "fn{name:f signature:{params:[{name:x}]} body:block{statements:[let{names:[a] value:x}] result:a}}");
  t.is(declarations("fn f(x) {\n  let a = x\n  [a]\n  -a\n}"), "fn{name:f signature:{params:[{name:x}]} body:block{statements:[let{names:[a] value:x} expression{value:list{elements:[a]}}] result:(- a)}}");
  t.is(value("(f\n  (x)\n  [1]\n  - y)"), "(index{object:call{callee:f args:[{value:x}]} items:[{value:1}]} - y)");
  t.is(value("a\n  .b"), "member{name:b object:a}");
});

test("documentation belongs to what it stands before, and what stands apart at the top to the module", (t) => {
  const { ast, comments } = parse(source("a.kiri", "/// About\n/// the file.\n\n/// One.\n// aside\nlet a = 1 /// no doc\nlet b = 2\n/// Three.\nlet c = 3\n"));
  t.is(ast.doc, "About\nthe file.");
  t.deepEqual(ast.declarations.map((d) => d.doc), ["One.", undefined, "Three."]);
  t.is(comments.length, 6);
});

test("byte order marks, carriage returns, tabs and composed letters are accepted", (t) => {
  const { ast, problems } = parse(source("a.kiri", "\uFEFFlet a = 1\r\n\r\nfn f(x) {\r\n\tlet e\u0301 = x\r\n\te\u0301\r\n}\r\n"));
  t.deepEqual(problems, []);
  t.is(brief(ast.declarations[1]), "fn{name:f signature:{params:[{name:x}]} body:block{statements:[let{names:[é] value:x}] result:é}}");
});

test("spans cover what they name", (t) => {
  const text = "let a = (x + y) * f(n; count: near as J)";
  const { ast } = parse(source("a.kiri", text));
  const spans: string[] = [];
  JSON.stringify(ast.declarations, (key, v: unknown) => {
    if (key === "span") spans.push(text.slice((v as { start: number }).start, (v as { end: number }).end));
    return v;
  });
  for (const wanted of ["(x + y) * f(n; count: near as J)", "x + y", "f(n; count: near as J)", "count: near as J", "near as J", "near", "J"]) t.true(spans.includes(wanted), wanted);
});

/** Broken texts and what is reported, as `code line:column "blamed text"`. */
const BROKEN: readonly (readonly [string, readonly string[]])[] = [
  ["let a = \nlet b: = 2\nfn f(x) { x + }\nlet c = 3", ["S124 1:8 \"\"", "S101 2:8 \"=\"", "S124 3:15 \"}\""]],
  ["fn f(x) {\n  let a = g(x\n  let b = 2\n  a\n}\n\nlet c = 1 ]\nmodle m = v.C", ["S102 2:12 \"(\"", "S103 7:11 \"]\"", "S109 8:1 \"modle\""]],
  ["layer L() {\n  (x: f32) -> f32 {\n    x\n\nlayer M() {\n  (x: f32) -> f32 { x }\n}", ["S102 1:11 \"{\"", "S102 2:19 \"{\""]],
  ["let a = \"abc\nlet b = \"\\q\"\nlet c = 1 $ 2", ["S104 1:9 \"\\\"abc\"", "S105 2:10 \"\\\\q\"", "S106 3:11 \"$\""]],
  ["fn f(x) {\n  a b\n  x\n    + 1\n  if x { 1 }\n}", ["S110 2:5 \"b\"", "S113 4:5 \"+\"", "S119 5:3 \"if\""]],
  ["let a = f(1,, 2)\nlet b = f(1; 2; 3)\nlet c = 12ab\nlet d: f23[N] = 0", ["S101 1:13 \",\"", "S118 2:15 \";\"", "S114 3:9 \"12\"", "S122 4:8 \"f23\""]],
];

for (const [text, reports] of BROKEN) test(`broken: ${JSON.stringify(text)}`, (t) => {
  const from = source("a.kiri", text);
  t.deepEqual(parse(from).problems.map((p) => {
    const { line, column } = position(from, p.span.start);
    return `${syntaxProblem(p).code} ${line}:${column} ${JSON.stringify(text.slice(p.span.start, p.span.end))}`;
  }), [...reports]);
});

test("a mistake leaves the other declarations whole", (t) => {
  const { ast } = parse(source("a.kiri", "let a = 1\nfn f(x { x }\nlet b = 2\n"));
  t.deepEqual(ast.declarations.map((d) => ("name" in d ? d.name.name : "")), ["a", "f", "b"]);
});

for (const { path, text } of kiriFiles) test(`${path} is clean`, (t) => t.deepEqual(parse(source(path, text)).problems, []));
