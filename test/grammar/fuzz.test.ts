/** Random edits of every valid file: the parser never throws, never hangs, and blames places inside the file; the formatter keeps what is clean. */
import test from "ava";
import { syntaxProblem } from "../../compiler/diagnostics/syntax.ts";
import { format } from "../../grammar/format.ts";
import { parse } from "../../grammar/parse.ts";
import { source, type Source } from "../../grammar/source.ts";
import { edit, seeded } from "../support/edits.ts";
import { kiriFiles, withoutSpans } from "./files.ts";

const CASES = 2000;
/** Milliseconds of this process for one text. */
const SLOWEST = 2000;

const spent = (): number => process.cpuUsage().user / 1000;

/** Every span of a tree lies in the file and does not end before it starts. */
function outside(tree: unknown, from: Source): unknown[] {
  const wrong: unknown[] = [];
  const stack: unknown[] = [tree];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (typeof node !== "object" || node === null) continue;
    const { start, end, file } = node as { start?: unknown; end?: unknown; file?: unknown };
    if (typeof start === "number" || typeof end === "number") {
      const fits = typeof start === "number" && typeof end === "number" && start >= 0 && start <= end && end <= from.text.length && file === from.path;
      if (!fits) wrong.push(node);
    }
    for (const value of Object.values(node)) if (typeof value === "object" && value !== null) stack.push(value);
  }
  return wrong;
}

test("random edits", (t) => {
  const random = seeded(20251);
  let clean = 0;
  let slowest = 0;
  for (let i = 0; i < CASES; i++) {
    const file = kiriFiles[i % kiriFiles.length];
    if (!file) continue;
    let text = file.text.length > 6000 ? file.text.slice(0, 6000) : file.text;
    for (let k = 1 + Math.floor(random() * 3); k > 0; k--) text = edit(text, random);
    const from = source("fuzz.kiri", text);
    const began = spent();
    const parsed = parse(from);
    const shown = parsed.problems.map(syntaxProblem);
    const formatted = format(from);
    slowest = Math.max(slowest, spent() - began);
    const wrong = [...outside(parsed.ast, from), ...outside(shown.map((p) => [p.span, p.labels.map((l) => l.span)]), from)];
    if (wrong.length) t.fail(`case ${i}: ${JSON.stringify(wrong[0])} of ${text.length}\n${text}`);
    if (shown.some((p) => p.says.includes("undefined") || p.says.includes("NaN"))) t.fail(`case ${i}: ${JSON.stringify(shown)}`);
    if (parsed.problems.length) {
      if (formatted.text !== text) t.fail(`case ${i}: a file with problems was changed`);
      continue;
    }
    clean++;
    const lost = parsed.comments.filter((c) => !formatted.text.includes(c.text.trim()));
    if (lost.length) t.fail(`case ${i}: lost ${JSON.stringify(lost)}\n${text}\n-----\n${formatted.text}`);
    const again = source("fuzz.kiri", formatted.text);
    const reparsed = parse(again);
    if (JSON.stringify(withoutSpans(reparsed.ast)) !== JSON.stringify(withoutSpans(parsed.ast))) t.fail(`case ${i}: the tree changed\n${JSON.stringify(reparsed.problems[0])}\n${text}\n-----\n${formatted.text}`);
    else if (format(again).text !== formatted.text) t.fail(`case ${i}: not idempotent\n${text}\n-----\n${formatted.text}\n-----\n${format(again).text}`);
  }
  t.true(clean > CASES / 50, `only ${clean} cases stayed valid`);
  t.true(slowest < SLOWEST, `the slowest took ${slowest} ms`);
});

test("hostile texts end quickly with a diagnostic", (t) => {
  const hostile: Readonly<Record<string, string>> = {
    parentheses: `fn f(x) { ${"(".repeat(100_000)}x${")".repeat(100_000)} }`, brackets: `let x = ${"[".repeat(100_000)}`, braces: `fn f(x) { ${"if a { ".repeat(30_000)}`, closers: ")".repeat(100_000),
    signs: `let x = ${"-".repeat(200_000)}1`, powers: `let x = ${"2^".repeat(100_000)}1`, sums: `let x = ${"1+".repeat(100_000)}1`, members: `let x = a${".b".repeat(100_000)}`, calls: `let x = f${"()".repeat(100_000)}`,
    choices: `fn f(x) { ${"if a { b } else ".repeat(12_000)}{ c } }`, types: `let x: ${"[".repeat(50_000)}`, signs2: "@".repeat(200_000), large: "x".repeat(10_000_000), escapes: `let x = "${"\\q".repeat(100_000)}"`,
    nested: `let x = ${"(".repeat(60)}${"1+".repeat(250)}1${`${"+1".repeat(250)})`.repeat(60)}`,
  };
  for (const [name, text] of Object.entries(hostile)) {
    const began = spent();
    const from = source("hostile.kiri", text);
    const { ast, problems } = parse(from);
    t.true(problems.length > 0, name);
    t.deepEqual(outside([ast, problems], from), [], name);
    t.notThrows(() => JSON.stringify(ast), name);
    t.true(spent() - began < 5 * SLOWEST, `${name} took ${spent() - began} ms`);
    if (/^(parentheses|signs|powers|sums|members|calls|choices|nested)$/.test(name)) t.true(problems.some((p) => p.kind === "too-deep"), name);
  }
  t.is(parse(source("hostile.kiri", hostile.large ?? "")).problems[0]?.kind, "too-large");
});
