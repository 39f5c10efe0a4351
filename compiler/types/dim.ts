// Sizes: integer polynomials over named symbols in normal form; floor, ceil, mod, min and max are opaque atoms.
// There is no solver: two sizes are equal when their normal forms are, or when known values make them so.

/** A size. Immutable; `key` is its normal form as text and decides equality. */
export interface Dim {
  readonly kind: "dim";
  readonly terms: readonly Term[];
  readonly key: string;
}
interface Term {
  readonly coefficient: number;
  /** Sorted by key; a power is a repeated atom. */
  readonly atoms: readonly Atom[];
}
export type AtomFunction = "floor" | "ceil" | "mod" | "min" | "max";
export type Atom =
  | { readonly kind: "symbol"; readonly name: string; readonly key: string }
  | { readonly kind: "opaque"; readonly fn: AtomFunction; readonly args: readonly [Dim, Dim]; readonly key: string };

const monomial = (atoms: readonly Atom[]): string => atoms.map((a) => a.key).join("*");

function normal(terms: Iterable<Term>): Dim {
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const key = monomial(term.atoms);
    const old = sums.get(key);
    sums.set(key, { coefficient: (old?.coefficient ?? 0) + term.coefficient, atoms: term.atoms });
  }
  const kept = [...sums.entries()].filter(([, t]) => t.coefficient !== 0);
  // Higher degree first, constants last, so that `N - 1` prints the way people write it.
  kept.sort(([a, x], [b, y]) => y.atoms.length - x.atoms.length || (a < b ? -1 : a > b ? 1 : 0));
  const sorted = kept.map(([, t]) => t);
  return { kind: "dim", terms: sorted, key: print(sorted) };
}

function print(terms: readonly Term[]): string {
  if (terms.length === 0) return "0";
  return terms
    .map((t, i) => {
      const size = Math.abs(t.coefficient);
      const body = t.atoms.length === 0 ? `${size}` : size === 1 ? monomial(t.atoms) : `${size}*${monomial(t.atoms)}`;
      return i === 0 ? (t.coefficient < 0 ? `-${body}` : body) : t.coefficient < 0 ? ` - ${body}` : ` + ${body}`;
    })
    .join("");
}

export function constant(value: number): Dim {
  return normal([{ coefficient: value, atoms: [] }]);
}

export function symbol(name: string): Dim {
  return normal([{ coefficient: 1, atoms: [{ kind: "symbol", name, key: name }] }]);
}

export const isDim = (value: unknown): value is Dim =>
  typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "dim";

/** The number a size is, where it is one. */
export function asNumber(dim: Dim): number | undefined {
  if (dim.terms.length === 0) return 0;
  const [only] = dim.terms;
  return dim.terms.length === 1 && only && only.atoms.length === 0 ? only.coefficient : undefined;
}

/** The symbol a size is, where it is exactly one. */
export function asSymbol(dim: Dim): string | undefined {
  const [only] = dim.terms;
  if (dim.terms.length !== 1 || !only || only.coefficient !== 1 || only.atoms.length !== 1) return undefined;
  const [atom] = only.atoms;
  return atom?.kind === "symbol" ? atom.name : undefined;
}

export const add = (a: Dim, b: Dim): Dim => normal([...a.terms, ...b.terms]);
export const negate = (a: Dim): Dim => normal(a.terms.map((t) => ({ ...t, coefficient: -t.coefficient })));
export const subtract = (a: Dim, b: Dim): Dim => add(a, negate(b));

export function multiply(a: Dim, b: Dim): Dim {
  const terms: Term[] = [];
  for (const x of a.terms)
    for (const y of b.terms)
      terms.push({
        coefficient: x.coefficient * y.coefficient,
        atoms: [...x.atoms, ...y.atoms].sort((p, q) => (p.key < q.key ? -1 : p.key > q.key ? 1 : 0)),
      });
  return normal(terms);
}

export const product = (dims: readonly Dim[]): Dim => dims.reduce(multiply, constant(1));

function opaque(fn: AtomFunction, a: Dim, b: Dim): Dim {
  const key = fn === "floor" || fn === "ceil" ? `${fn}((${a.key})/(${b.key}))` : `${fn}(${a.key}, ${b.key})`;
  return normal([{ coefficient: 1, atoms: [{ kind: "opaque", fn, args: [a, b], key }] }]);
}

/** `a / b` where it comes out without remainder for every value of the symbols. */
export function divideExactly(a: Dim, b: Dim): Dim | undefined {
  if (a.terms.length === 0) return a;
  if (a.key === b.key) return constant(1);
  const [divisor] = b.terms;
  if (!divisor || b.terms.length !== 1) {
    return longDivision(a, b);
  }
  const terms: Term[] = [];
  for (const term of a.terms) {
    const rest = [...term.atoms];
    for (const atom of divisor.atoms) {
      const at = rest.findIndex((r) => r.key === atom.key);
      if (at < 0) return undefined;
      rest.splice(at, 1);
    }
    if (term.coefficient % divisor.coefficient !== 0) return undefined;
    terms.push({ coefficient: term.coefficient / divisor.coefficient, atoms: rest });
  }
  return normal(terms);
}

function longDivision(a: Dim, b: Dim): Dim | undefined {
  let rest = a;
  let quotient = constant(0);
  const lead = b.terms[0];
  if (!lead) return undefined;
  for (let steps = 0; steps < 16 && rest.terms.length > 0; steps++) {
    const [head] = rest.terms;
    if (!head) break;
    const part = divideExactly(normal([head]), normal([lead]));
    if (!part) return undefined;
    quotient = add(quotient, part);
    rest = subtract(rest, multiply(part, b));
  }
  return rest.terms.length === 0 ? quotient : undefined;
}

function fold2(fn: AtomFunction, a: Dim, b: Dim, exact: (x: number, y: number) => number): Dim {
  const x = asNumber(a);
  const y = asNumber(b);
  return x !== undefined && y !== undefined ? constant(exact(x, y)) : opaque(fn, a, b);
}

export function floorDivide(a: Dim, b: Dim): Dim {
  return divideExactly(a, b) ?? fold2("floor", a, b, (x, y) => Math.floor(x / y));
}
export function ceilDivide(a: Dim, b: Dim): Dim {
  return divideExactly(a, b) ?? fold2("ceil", a, b, (x, y) => Math.ceil(x / y));
}
export function modulo(a: Dim, b: Dim): Dim {
  if (divideExactly(a, b)) return constant(0);
  return fold2("mod", a, b, (x, y) => x - y * Math.floor(x / y));
}
export function minimum(a: Dim, b: Dim): Dim {
  const gap = asNumber(subtract(a, b));
  if (gap !== undefined) return gap <= 0 ? a : b;
  const [x, y] = a.key <= b.key ? [a, b] : [b, a];
  return opaque("min", x, y);
}
export function maximum(a: Dim, b: Dim): Dim {
  const gap = asNumber(subtract(a, b));
  if (gap !== undefined) return gap >= 0 ? a : b;
  const [x, y] = a.key <= b.key ? [a, b] : [b, a];
  return opaque("max", x, y);
}

export const APPLY: Readonly<Record<AtomFunction, (a: Dim, b: Dim) => Dim>> = {
  floor: floorDivide, ceil: ceilDivide, mod: modulo, min: minimum, max: maximum,
};

export function symbolsOf(dim: Dim, into: Set<string> = new Set()): Set<string> {
  for (const term of dim.terms)
    for (const atom of term.atoms)
      if (atom.kind === "symbol") into.add(atom.name);
      else for (const arg of atom.args) symbolsOf(arg, into);
  return into;
}

/** Replaces symbols; the result is in normal form again. */
export function substitute(dim: Dim, values: ReadonlyMap<string, Dim>): Dim {
  let changed = false;
  let sum = constant(0);
  for (const term of dim.terms) {
    let part = constant(term.coefficient);
    for (const atom of term.atoms) {
      let next: Dim;
      if (atom.kind === "symbol") {
        const value = values.get(atom.name);
        if (value) changed = true;
        next = value ?? symbol(atom.name);
      } else {
        const [a, b] = [substitute(atom.args[0], values), substitute(atom.args[1], values)];
        if (a === atom.args[0] && b === atom.args[1]) next = normal([{ coefficient: 1, atoms: [atom] }]);
        else {
          changed = true;
          next = APPLY[atom.fn](a, b);
        }
      }
      part = multiply(part, next);
    }
    sum = add(sum, part);
  }
  return changed ? sum : dim;
}

/**
 * Rounded quotients by a number in one form, so that `ceil((N - 1)/2) + ceil(N/2)` is `N`: whole multiples stand outside,
 * ceil is floor, and floor((x + 1)/2) is x - floor(x/2).
 */
function unrounded(dim: Dim): Dim {
  let sum = constant(0);
  for (const term of dim.terms) {
    let part = constant(term.coefficient);
    for (const atom of term.atoms) part = multiply(part, atom.kind === "symbol" ? symbol(atom.name) : unroundedAtom(atom.fn, unrounded(atom.args[0]), unrounded(atom.args[1])));
    sum = add(sum, part);
  }
  return sum;
}

function unroundedAtom(fn: AtomFunction, a: Dim, b: Dim): Dim {
  const by = asNumber(b);
  if ((fn !== "floor" && fn !== "ceil") || by === undefined || by < 1) return APPLY[fn](a, b);
  const { terms } = fn === "ceil" ? add(a, constant(by - 1)) : a;
  const whole = normal(terms.map((t) => ({ ...t, coefficient: Math.floor(t.coefficient / by) })));
  const rest = normal(terms.map((t) => ({ ...t, coefficient: t.coefficient - by * Math.floor(t.coefficient / by) })));
  const odd = by === 2 && rest.terms.some((t) => t.atoms.length === 0);
  const x = subtract(rest, constant(odd ? 1 : 0));
  return add(whole, odd ? subtract(x, floorDivide(x, b)) : floorDivide(rest, b));
}

/** How many known symbols a comparison looks behind before it gives up. */
const DEEPEST = 3;

/** What is known of symbols: `N = 257`. Sizes are compared modulo these. */
export class Facts {
  readonly #values = new Map<string, Dim>();
  readonly #resolved = new Map<string, Dim>();
  readonly #bound = new Map<string, Dim>();
  /** Where a declaration is checked by itself, what divisions of symbols give is taken on trust; its uses decide. */
  trusting = false;
  /** Symbols for what only a caller's values decide, such as the length of a list that is given. */
  readonly #open = new Set<string>();

  get values(): ReadonlyMap<string, Dim> {
    return this.#values;
  }
  /** Makes `name` such a symbol: while trusting, it fits every other size. */
  leaveOpen(name: string): void {
    this.#open.add(name);
  }
  know(name: string, value: Dim): void {
    this.#values.set(name, value);
    this.#changed();
  }
  forget(name: string): void {
    if (this.#values.delete(name)) this.#changed();
  }

  /** The size with every known symbol replaced, to the bottom. */
  resolve(dim: Dim): Dim {
    return this.#replaced(dim, this.#resolved, () => true);
  }
  /**
   * The same, but a symbol that is known only as a rounded or clipped size of others stays. Token counts behind each other
   * (`N - min(r, floor((N - 1) / 2))`) name the one before twice: written out, the last of 24 would have 2²⁴ terms.
   */
  bind(dim: Dim): Dim {
    return this.#replaced(dim, this.#bound, (value) => value.terms.every((t) => t.atoms.every((a) => a.kind === "symbol")));
  }
  /** The symbols that a size is made of at the bottom. */
  symbolsOf(dim: Dim, into: Set<string> = new Set(), seen: Set<string> = new Set()): Set<string> {
    for (const name of symbolsOf(dim)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const value = this.#values.get(name);
      if (value) this.symbolsOf(value, into, seen);
      else into.add(name);
    }
    return into;
  }

  equal(a: Dim, b: Dim): boolean {
    if (a.key === b.key) return true;
    let gap = unrounded(subtract(this.bind(a), this.bind(b)));
    for (let depth = 0; depth < DEEPEST && gap.terms.length > 0; depth++) {
      const newest = this.#newest(gap);
      if (newest === undefined) break;
      gap = unrounded(this.bind(substitute(gap, new Map([[newest, this.#values.get(newest) as Dim]]))));
    }
    return gap.terms.length === 0 || (this.trusting && gap.terms.some((t) => t.atoms.some((atom) => atom.kind === "opaque" || this.#open.has(atom.name))));
  }
  number(dim: Dim): number | undefined {
    return asNumber(dim) ?? asNumber(this.bind(dim));
  }

  /** The symbol that was learnt last: the others may be what it is made of. */
  #newest(dim: Dim): string | undefined {
    const inside = symbolsOf(dim);
    let newest: string | undefined;
    for (const name of this.#values.keys()) if (inside.has(name)) newest = name;
    return newest;
  }
  #replaced(dim: Dim, done: Map<string, Dim>, worth: (value: Dim) => boolean): Dim {
    let values: Map<string, Dim> | undefined;
    for (const name of symbolsOf(dim)) {
      const value = this.#values.get(name);
      if (!value) continue;
      let now = done.get(name);
      if (!now) {
        // A symbol that is said to be itself, round a corner, stays.
        done.set(name, symbol(name));
        const full = this.#replaced(value, done, worth);
        now = worth(full) ? full : symbol(name);
        done.set(name, now);
      }
      values ??= new Map<string, Dim>();
      values.set(name, now);
    }
    return values ? substitute(dim, values) : dim;
  }
  #changed(): void {
    this.#resolved.clear();
    this.#bound.clear();
  }
}

/** Reads what `key` prints: `N - 1`, `2*N*h + floor((N)/(2))`, `min(a, b)`. Throws on anything else (only our own text is read). */
export function parseDim(text: string): Dim {
  let at = 0;
  const space = (): void => { while (text[at] === " ") at++; };
  const expect = (c: string): void => {
    space();
    if (text[at] !== c) throw new Error(`size '${text}': expected '${c}' at ${at}`);
    at++;
  };
  const sum = (): Dim => {
    let left = term();
    for (;;) {
      space();
      if (text[at] === "+") { at++; left = add(left, term()); }
      else if (text[at] === "-") { at++; left = subtract(left, term()); }
      else return left;
    }
  };
  const term = (): Dim => {
    let left = factor();
    for (;;) {
      space();
      if (text[at] !== "*") return left;
      at++;
      left = multiply(left, factor());
    }
  };
  const factor = (): Dim => {
    space();
    if (text[at] === "-") { at++; return negate(factor()); }
    if (text[at] === "(") { at++; const inner = sum(); expect(")"); return inner; }
    const number = /^\d+/.exec(text.slice(at));
    if (number) { at += number[0].length; return constant(Number(number[0])); }
    const name = /^[\p{L}_@#.$][\p{L}\p{N}_@#.$':]*/u.exec(text.slice(at))?.[0];
    if (!name) throw new Error(`size '${text}': expected a name at ${at}`);
    at += name.length;
    if (text[at] !== "(" || !(name in APPLY)) return symbol(name);
    at++;
    const a = sum();
    space();
    if (text[at] === "/") at++;
    else expect(",");
    const b = sum();
    expect(")");
    return APPLY[name as AtomFunction](a, b);
  };
  const result = sum();
  space();
  if (at !== text.length) throw new Error(`size '${text}': surplus text at ${at}`);
  return result;
}
