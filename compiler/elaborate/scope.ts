// Names in force at a place: a chain of tables. Which names were read is remembered, so that unused ones can be told.
import type { Value } from "./value.ts";

export class Scope {
  readonly parent: Scope | undefined;
  readonly #names = new Map<string, Value>();
  readonly #fallback: ((name: string) => Value | undefined) | undefined;
  readonly #known: (() => Iterable<string>) | undefined;

  /** `fallback` is asked last: a module resolves its declarations when they are first wanted. `known` are the names that it answers. */
  constructor(parent?: Scope, fallback?: (name: string) => Value | undefined, known?: () => Iterable<string>) {
    this.parent = parent;
    this.#fallback = fallback;
    this.#known = known;
  }

  set(name: string, value: Value): void {
    this.#names.set(name, value);
  }

  /** `own`: not what stands around this scope. */
  get(name: string, reach: "all" | "own" = "all"): Value | undefined {
    for (let scope: Scope | undefined = this; scope; scope = reach === "own" ? undefined : scope.parent) {
      const value = scope.#names.get(name) ?? scope.#fallback?.(name);
      if (value) return value;
    }
    return undefined;
  }

  own(): ReadonlyMap<string, Value> {
    return this.#names;
  }

  /** Every name that could be written here, for suggestions. */
  visible(): string[] {
    const names = new Set<string>();
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      for (const name of scope.#names.keys()) names.add(name);
      for (const name of scope.#known?.() ?? []) names.add(name);
    }
    return [...names];
  }
}
