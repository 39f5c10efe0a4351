/** The TextMate grammar: every pattern is a regular expression, and words and signs get the colours of the table. */
import test from "ava";
import { textMate, type TextMateRule } from "../../grammar/highlight.ts";
import { TABLE } from "../../grammar/tokens.ts";

/** The scope of the rule that matches first, as an editor picks it; the earliest match wins, then the order. */
function scopeAt(line: string, offset: number): string | undefined {
  for (const rule of textMate.patterns) {
    const pattern = rule.match ?? rule.begin;
    if (pattern === undefined) continue;
    for (const match of line.matchAll(new RegExp(pattern, "gu"))) {
      if (match.index > offset || match.index + match[0].length <= offset) continue;
      if (rule.captures) {
        const index = Object.keys(rule.captures).find((k) => match[Number(k)] !== undefined && line.indexOf(match[Number(k)] ?? "", match.index) <= offset && line.indexOf(match[Number(k)] ?? "", match.index) + (match[Number(k)] ?? "").length > offset);
        if (index !== undefined) return rule.captures[index]?.name;
        continue;
      }
      return rule.name;
    }
  }
  return undefined;
}

test("every pattern compiles", (t) => {
  const visit = (rule: TextMateRule): void => {
    for (const pattern of [rule.match, rule.begin, rule.end]) if (pattern !== undefined) t.notThrows(() => new RegExp(pattern, "u"), pattern);
    for (const inner of rule.patterns ?? []) visit(inner);
  };
  for (const rule of textMate.patterns) visit(rule);
});

test("every word and sign of the table has a colour", (t) => {
  for (const row of TABLE) {
    if (row.role !== "reserved" && row.role !== "soft" && row.role !== "sign") continue;
    t.truthy(scopeAt(` ${String(row.pattern)} `, 1), row.name);
  }
});

test("words are names behind a point and before a colon", (t) => {
  t.is(scopeAt("  if a", 2), "keyword.control.kiri");
  t.is(scopeAt("  m.if", 4), "variable.other.kiri");
  t.is(scopeAt("f(from: 1)", 2), "variable.other.kiri");
  t.is(scopeAt("layer Block(", 6), "entity.name.kiri");
  t.is(scopeAt("layer Block(", 0), "storage.type.kiri");
  t.is(scopeAt("/// doc", 4), "comment.line.documentation.kiri");
  t.is(scopeAt("// aside", 4), "comment.line.double-slash.kiri");
  t.is(scopeAt("a + 1e-6", 4), "constant.numeric.kiri");
  t.is(scopeAt("\"text\"", 0), "string.quoted.double.kiri");
});
