// Names in force at a place of a declaration: those of its blocks from the inside out, then the module's.
import type { Meaning } from "./meaning.ts";

export type Table = Map<string, Meaning>;

export class Scopes {
  readonly #tables: readonly Table[];
  /** Axes, which belong to the declaration as a whole. */
  readonly axes: Table;

  constructor(tables: readonly Table[], axes: Table) {
    this.#tables = tables;
    this.axes = axes;
  }

  get(name: string): Meaning | undefined {
    for (let i = this.#tables.length - 1; i >= 0; i--) {
      const found = this.#tables[i]?.get(name);
      if (found) return found;
    }
    return undefined;
  }

  inner(): Scopes {
    return new Scopes([...this.#tables, new Map()], this.axes);
  }

  set(meaning: Meaning): void {
    if (meaning.name !== "") this.#tables[this.#tables.length - 1]?.set(meaning.name, meaning);
  }
}
