// Every name of a file: where it is bound, and everywhere it is meant.
import { DeclarationNames } from "./declaration-names.ts";
import type { Occurrence } from "./meaning.ts";
import { ModuleNames } from "./module-names.ts";
import type { Analysis } from "./analysis.ts";

/** `withMembers`: what stands behind a `.` as well, for which declarations are elaborated. */
export function namesOf(analysis: Analysis, withMembers: boolean): readonly Occurrence[] {
  const key = withMembers ? whole : lexical;
  const before = key.get(analysis);
  if (before) return before;
  const module = new ModuleNames(analysis);
  const made = [...module.found, ...analysis.module.ast.declarations.flatMap((d) => new DeclarationNames(analysis, module, d, withMembers).all())];
  key.set(analysis, made);
  return made;
}
const whole = new WeakMap<Analysis, readonly Occurrence[]>();
const lexical = new WeakMap<Analysis, readonly Occurrence[]>();

/** The occurrence that the cursor touches; of several the shortest. */
export function nameAt(analysis: Analysis, offset: number): Occurrence | undefined {
  const touching = namesOf(analysis, true).filter(({ span }) => span.file === analysis.module.path && span.start <= offset && offset <= span.end);
  return touching.sort((a, b) => a.span.end - a.span.start - (b.span.end - b.span.start))[0];
}
