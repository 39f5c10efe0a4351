// Problems of several phases and variants brought together: each is told once.
import type { Problem } from "./define.ts";

/** Without what a declaration was told already: used with real sizes it fails at the same place in other words. */
export function news(found: readonly Problem[], known: readonly Problem[]): Problem[] {
  const place = (p: Problem): string => `${p.code} ${p.span?.file} ${p.span?.start}`;
  const told = new Set(known.map(place));
  return found.filter((p) => !told.has(place(p)));
}

/** What several variants have in common is told once. */
export function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((p) => [`${p.code}|${p.span?.file}|${p.span?.start}|${p.says}`, p])).values()];
}
