// Reports as people and tools read them: marks under the very place, whatever the line holds; JSON, annotations and SARIF.
import { createHash } from "node:crypto";
import test from "ava";
import type { Label, Problem } from "../../../compiler/diagnostics/define.ts";
import { annotation, inOrder, type Paint, render, tally, toJson } from "../../../compiler/diagnostics/render.ts";
import { sarif } from "../../../compiler/diagnostics/sarif.ts";
import { source, span, type Source } from "../../../grammar/source.ts";

const sourcesOf = (...all: Source[]): ReadonlyMap<string, Source> => new Map(all.map((s) => [s.path, s]));

/** A problem at the text between « and » of a file. */
function at(text: string, says = "It is so.", labels: readonly Label[] = [], file = "a.kiri"): { problem: Problem; sources: ReadonlyMap<string, Source> } {
  const start = text.indexOf("«");
  const end = text.indexOf("»") - 1;
  const from = source(file, text.replace(/[«»]/g, ""));
  return { problem: { code: "T301", severity: "error", title: "A title", says, next: "Do that.", span: span(file, start, end), labels, fixes: [] }, sources: sourcesOf(from) };
}
const shown = (text: string, says?: string, columns?: number): string[] => {
  const { problem, sources } = at(text, says);
  return render(problem, sources, columns === undefined ? {} : { columns }).split("\n");
};

test("the code, the title and the place; the line with marks; what is so; what to do", (t) => {
  t.deepEqual(shown("let a = 1\nlet b = «a + c»\n"), [
    `T301  A title${" ".repeat(49)}a.kiri:2:9`, "   2 | let b = a + c", "     |         ^^^^^", "It is so.", "Do that.   More: kiri explain T301", "",
  ]);
});

test("marks stand under the place where tabs and wide characters stand before it", (t) => {
  const [, line, marks] = shown("\tlet «x» = 1\n");
  t.is(line, "   1 |     let x = 1");
  t.is(marks, "     |         ^");
  const [, wide, under] = shown('"折り紙é" «y»\n');
  t.is(wide, '   1 | "折り紙é" y');
  // Three characters of two columns, an e with a combining accent of one, two quotes, a space.
  t.is(under, `     | ${" ".repeat(10)}^`);
});

test("a long line is cut around the place, on both sides", (t) => {
  const [, line = "", marks = ""] = shown(`${"a".repeat(300)} «wrong» ${"b".repeat(300)}\n`, undefined, 80);
  t.true(line.length <= 80, line);
  t.regex(line, /^ {3}1 \| ….*wrong.*…$/);
  t.is(line.slice(marks.indexOf("^"), marks.lastIndexOf("^") + 1), "wrong");
});

test("marks of a place longer than the window end with it", (t) => {
  const [, line = "", marks = ""] = shown(`«${"a".repeat(300)}»\n`, undefined, 60);
  t.true(line.length <= 60 && marks.length <= 60);
  t.true(marks.endsWith("^"));
});

test("a place of several lines is marked on each, a long one on its first two and its last", (t) => {
  t.deepEqual(shown("f(«a,\n  b»)\n").slice(1, 5), ["   1 | f(a,", "     |   ^^", "   2 |   b)", "     |   ^"]);
  const long = shown("«a\nb\nc\nd\ne\nf»\n");
  t.deepEqual(long.slice(1, 8), ["   1 | a", "     | ^", "   2 | b", "     | ^", "   ⋮ |", "   6 | f", "     | ^"]);
});

test("a place at the end of a file without a line end", (t) => {
  t.deepEqual(shown("let a =«»").slice(1, 3), ["   1 | let a =", "     |        ^"]);
  t.deepEqual(shown("«»").slice(0, 3), [`T301  A title${" ".repeat(49)}a.kiri:1:1`, "   1 |", "     | ^"]);
});

test("second places: on the same line, in the file, in another file, and in one without a text", (t) => {
  const from = source("a.kiri", "fn f(x: A) { x }\nuse it\n");
  const other = source("std:b.kiri", "\n  wanted\n");
  const labels = [
    { span: span("a.kiri", 8, 9), says: "declared here" }, { span: span("a.kiri", 17, 23), says: "used here" },
    { span: span("std:b.kiri", 3, 9), says: "wanted here" }, { span: span("gone.kiri", 0, 1), says: "not shown" },
  ];
  const problem: Problem = { code: "T302", severity: "error", title: "B", says: "So.", next: undefined, span: span("a.kiri", 13, 14), labels, fixes: [] };
  t.deepEqual(render(problem, sourcesOf(from, other)).split("\n").slice(1), [
    "   1 | fn f(x: A) { x }", "     |              ^", "     |         - declared here", "   2 | use it", "     | ------ used here",
    "     in std:b.kiri:2:3", "   2 |   wanted", "     |   ------ wanted here", "     in gone.kiri", "     not shown", "So.", "More: kiri explain T302", "",
  ]);
});

test("what differs between found and wanted is marked, where they can be compared in pairs", (t) => {
  const says = (found: string, wanted: string): string[] => shown("«a»\n", `So.\n  found  ${found}\n  wanted ${wanted}`).slice(4, -2);
  t.deepEqual(says("f32[B, N, C = 4]", "f32[B, N, C = 8]"), ["  found  f32[B, N, C = 4]", "                   -----", "  wanted f32[B, N, C = 8]"]);
  t.deepEqual(says("i64[B, N]", "f32[B, N]")[1], "         ---");
  t.is(says("f32[B]", "f32[B, N]").length, 2);
  t.is(says("Int 3", "a tensor").length, 2);
});

test("nothing in a file or a name reaches the terminal as a command", (t) => {
  const { problem } = at("«a»", "a\u001b[31mb\rc");
  const evil = source("e\u001b]0;x\u0007.kiri", "x\u001b[2Jy \u202etext\n");
  const text = render({ ...problem, span: span(evil.path, 0, 5) }, sourcesOf(evil));
  for (const character of ["\u001b", "\u0007", "\r", "\u202e"]) t.false(text.includes(character));
  t.regex(text, /x\ufffd\[2Jy/);
});

test("colours are the host's: the text without them is the same", (t) => {
  const { problem, sources } = at("let «a» = 1\n");
  const paint: Paint = (role, text) => (text === "" ? "" : `<${role}>${text}</>`);
  const painted = render(problem, sources, { paint });
  t.regex(painted, /<error>T301<\/>/);
  t.is(painted.replace(/<[^>]*>/g, ""), render(problem, sources));
});

test("a warning says that it is one; the tally counts", (t) => {
  const { problem, sources } = at("«a»\n");
  const warning: Problem = { ...problem, severity: "warning" };
  t.regex(render(warning, sources), /^T301 warning {2}A title/);
  t.is(tally([problem, warning, warning]), "1 error, 2 warnings");
  t.is(tally([]), "");
});

test("problems are told in the order of files and lines", (t) => {
  const p = (file: string, start: number): Problem => ({ ...at("«a»").problem, span: span(file, start, start) });
  t.deepEqual(inOrder([p("b", 1), p("a", 9), p("a", 2)]).map((x) => `${x.span?.file}${x.span?.start}`), ["a2", "a9", "b1"]);
});

test("JSON: places from 1 with their ends, found and wanted by themselves", (t) => {
  const { problem, sources } = at("let a =\n  «b»\n", "No.\n  found  f32[B]\n  wanted i64[B]");
  t.deepEqual(toJson(problem, sources), {
    code: "T301", severity: "error", title: "A title", message: "No.\n  found  f32[B]\n  wanted i64[B]", found: "f32[B]", wanted: "i64[B]", next: "Do that.",
    place: { file: "a.kiri", line: 2, column: 3, endLine: 2, endColumn: 4, start: 10, end: 11 }, labels: [],
  });
  t.is(toJson({ ...problem, span: undefined, next: undefined }, sources).place, null);
});

test("annotations: one line, what is special is escaped, the path starts at the repository", (t) => {
  const { problem, sources } = at("«a»\n", "50 %:\nso");
  t.is(annotation({ ...problem, title: "A, b: c" }, sources, "sub/"), "::error file=sub/a.kiri,line=1,endLine=1,col=1,endColumn=2,title=T301 A%2C b%3A c::50 %25:%0Aso%0ADo that.\n");
  t.is(annotation({ ...problem, span: undefined, severity: "warning" }, sources), "::warning title=T301 A title::50 %25:%0Aso%0ADo that.\n");
});

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
interface Log {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly { readonly ruleId: string; readonly ruleIndex: number; readonly level: string; readonly partialFingerprints: Record<string, string>; readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region?: object } }[]; readonly relatedLocations?: readonly object[] }[];
  }[];
}
const log = (problems: readonly Problem[], sources: ReadonlyMap<string, Source>): Log => sarif(problems, sources, { version: "1.0.0", prefix: "packages/a b/", digest, file: "main.kiri" }) as Log;

test("SARIF: stable rules, paths relative to the repository, one region a result", (t) => {
  const { problem, sources } = at("let a = 1\nlet b = «c»\n", undefined, [{ span: span("a.kiri", 4, 5), says: "here" }, { span: span("std:b.kiri", 0, 1), says: "library" }]);
  const { version, runs: [run] } = log([problem, { ...problem, code: "F302", span: undefined }], sources);
  t.is(version, "2.1.0");
  t.deepEqual(run?.tool.driver.rules.map((r) => r.id), ["F302", "T301"]);
  const [first, second] = run?.results ?? [];
  t.is(run?.tool.driver.rules[first?.ruleIndex ?? -1]?.id, "T301");
  t.deepEqual(first?.locations[0]?.physicalLocation, { artifactLocation: { uri: "packages/a%20b/a.kiri" }, region: { startLine: 2, startColumn: 9, endLine: 2, endColumn: 10, charOffset: 18, charLength: 1 } });
  t.is(first?.relatedLocations?.length, 1);
  t.deepEqual(second?.locations[0]?.physicalLocation, { artifactLocation: { uri: "packages/a%20b/main.kiri" } });
});

test("SARIF: fingerprints survive lines that come above, and tell equal lines apart", (t) => {
  const print = (text: string): string => {
    const { problem, sources } = at(text);
    return log([problem], sources).runs[0]?.results[0]?.partialFingerprints["kirigami/v1"] ?? "";
  };
  t.is(print("let b = «c»\n"), print("// more\n\n  let b = «c»\n"));
  t.not(print("let b = «c»\n"), print("let b = «d»\n"));
  const { problem, sources } = at("let b = «c»\n");
  const [one, two] = log([problem, problem], sources).runs[0]?.results ?? [];
  t.not(one?.partialFingerprints["kirigami/v1"], two?.partialFingerprints["kirigami/v1"]);
});
