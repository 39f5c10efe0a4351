// What would mend a problem, as data: editors offer it, and nobody has to read it out of a sentence.

export type Fix =
  /** Another word for the one that stands within the problem's span. */
  | { readonly kind: "replace"; readonly what: string; readonly by: string }
  /** What is marked is of no use. */
  | { readonly kind: "delete" }
  /** The fold says how it folds the value of this name. */
  | { readonly kind: "companion"; readonly name: string }
  /** The fold gets a way back. */
  | { readonly kind: "up"; readonly fold: string };

/** One fix for each near name. */
export const respelt = (what: string, near: readonly string[]): readonly Fix[] => near.map((by) => ({ kind: "replace", what, by }));
