// Where a fused operator was near and did not come about: the rule, the line, and what stood in its way.
import { type Sources, placeOf } from "../../compiler/diagnostics/render.ts";
import type { Arena } from "../../compiler/graph/node.ts";
import { ORDER } from "../../compiler/passes/order.ts";
import simplify from "../../compiler/passes/simplify.ts";
import type { Recorder } from "../../compiler/rewrite/record.ts";
import type { Rule } from "../../compiler/rewrite/rule.ts";

/** A pipeline, or an imported model, that went through the passes. */
export interface Fused {
  readonly record: Recorder;
  readonly elaboration: { readonly arena: Arena };
  readonly program: { readonly modules: { sources(): Sources } };
}

interface Fusion {
  readonly pass: string;
  readonly rule: string;
  /** Whether the whole pattern was there, and a condition was not. */
  readonly isWhole: boolean;
  readonly why: string;
  readonly op: string;
  readonly path: string;
  readonly place: string | null;
}

/** Passes that make fused operators tidy up with the rules of `simplify` too; those that did not fire say nothing. */
const MAKERS: ReadonlySet<string> = new Set(ORDER.filter((p) => p.makes).map((p) => p.name));
const TIDYING: ReadonlySet<string> = new Set((Array.isArray(simplify.rules) ? simplify.rules : []).map((r: Rule) => r.name));

export function fusionsOf(compiled: Fused): Fusion[] {
  const { record, elaboration, program } = compiled;
  const sources = program.modules.sources();
  return record.nearest().filter((m) => MAKERS.has(m.pass) && !TIDYING.has(m.rule)).map((m) => {
    const origin = elaboration.arena.originsOf(m.node)[0] ?? elaboration.arena.originsOf(m.root)[0];
    return { pass: m.pass, rule: m.rule, isWhole: m.depth === "all", why: m.says, op: m.node.op, path: origin?.path ?? "", place: origin ? placeOf(origin.span, sources) : null };
  });
}

/** Places that are shown of one reason. */
const SHOWN = 3;

export function fusionText(compiled: Fused): string {
  const fused = [...compiled.record.fused].filter(([, n]) => n > 0).map(([op, n]) => `${op} × ${n}`);
  const misses = fusionsOf(compiled);
  // A condition that failed tells more than a pattern that never was there.
  const ranked = [...misses.filter((m) => m.isWhole), ...misses.filter((m) => !m.isWhole)];
  const told = new Map<string, Fusion[]>();
  for (const m of ranked) {
    const says = `${m.pass}, ${m.rule}: ${m.isWhole ? "the pattern is there, but " : ""}${m.why}`;
    told.set(says, [...(told.get(says) ?? []), m]);
  }
  const lines = [...told].map(([says, all]) => `${says}\n${all.slice(0, SHOWN).map((m) => `    ${m.op} in ${m.path || "the pipeline"}${m.place ? `  ${m.place}` : ""}\n`).join("")}${all.length > SHOWN ? `    and ${all.length - SHOWN} more\n` : ""}`);
  return `fused: ${fused.join(", ") || "nothing"}\n${lines.length ? `\nnearest misses:\n${lines.join("")}` : "no rule came near without firing\n"}`;
}
