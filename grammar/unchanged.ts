// Declarations whose text is as it was when the file was last parsed: their trees are taken again, moved to where they stand now.
import type * as Ast from "./ast.ts";

type Item = Ast.Use | Ast.Declaration;

interface Kept {
  readonly start: number;
  readonly item: Item;
}

/** What one parse leaves to the next one of the same file. */
export class Unchanged {
  #before = new Map<string, Kept>();
  #now = new Map<string, Kept>();

  /** Between two parses: what was not met again is forgotten. */
  turn(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }

  /** `key` is all that decides the tree; `start` where it begins. */
  take(key: string, start: number): Item | undefined {
    const known = this.#before.get(key);
    if (!known) return undefined;
    const item = known.start === start ? known.item : (moved(known.item, start - known.start) as Item);
    if (item !== known.item) originals.set(item, originalOf(known.item));
    this.#now.set(key, { start, item });
    return item;
  }

  keep(key: string, start: number, item: Item): void {
    this.#now.set(key, { start, item });
  }
}

const originals = new WeakMap<Item, Item>();

/** The tree as it was first read, wherever its text stands now: what does not depend on places is known of all its copies. */
export const originalOf = (item: Item): Item => originals.get(item) ?? item;

/** A copy of a tree with every span shifted. */
function moved(node: object, by: number): object {
  if (Array.isArray(node)) return node.map((n: unknown) => (typeof n === "object" && n !== null ? moved(n, by) : n));
  const out: Record<string, unknown> = { ...node };
  for (const key in out) {
    const value = out[key];
    if (typeof value !== "object" || value === null) continue;
    if (key === "span") {
      const { file, start, end } = value as Ast.Module["span"];
      out[key] = { file, start: start + by, end: end + by };
    } else out[key] = moved(value, by);
  }
  return out;
}
