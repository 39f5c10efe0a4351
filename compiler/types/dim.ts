// Sizes: integer polynomials over named symbols in normal form; floor, ceil, mod, min and max are opaque atoms.
// There is no solver: two sizes are equal when their normal forms are, or when known values make them so.
//
// What is known of symbols (`Facts`) is of two kinds. A *name* stands for a number or a polynomial of others (`C = 64`,
// `M = N + 1`) and is replaced wherever sizes meet (`bind`). A *definition* is a rounded or clipped size, such as what a fold
// leaves of tokens (`K = N - min(r, floor((N - 1)/2))`): its symbol stays. A definition is never written out inside of
// another size, but to prove an equation (`equal`, a few definitions deep); to get a number it is worked out once (`evaluator`).
// So 24 folds behind each other are 24 short definitions: in types, in the graph (`emit/sizes.ts` computes each symbol once),
// in the manifest (`sizes`, in order) and in guards.

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
type AtomFunction = "floor" | "ceil" | "mod" | "min" | "max";
export type Atom =
  | { readonly kind: "symbol"; readonly name: string; readonly key: string }
  | { readonly kind: "opaque"; readonly fn: AtomFunction; readonly args: readonly [Dim, Dim]; readonly key: string };

const EXACT: Readonly<Record<AtomFunction, (x: number, y: number) => number>> = {
  floor: (x, y) => Math.floor(x / y), ceil: (x, y) => Math.ceil(x / y), mod: (x, y) => x - y * Math.floor(x / y), min: Math.min, max: Math.max,
};

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

const ZERO: Dim = { kind: "dim", terms: [], key: "0" };

export function constant(value: number): Dim {
  // Most sizes are numbers: no normal form has to be looked for.
  return value === 0 ? ZERO : { kind: "dim", terms: [{ coefficient: value, atoms: [] }], key: `${value}` };
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

export function add(a: Dim, b: Dim): Dim {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x === 0) return b;
  if (y === 0) return a;
  return x !== undefined && y !== undefined ? constant(x + y) : normal([...a.terms, ...b.terms]);
}
export const negate = (a: Dim): Dim => normal(a.terms.map((t) => ({ ...t, coefficient: -t.coefficient })));
export const subtract = (a: Dim, b: Dim): Dim => add(a, negate(b));

export function multiply(a: Dim, b: Dim): Dim {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x === 1) return b;
  if (y === 1) return a;
  if (x !== undefined && y !== undefined) return constant(x * y);
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

function fold2(fn: AtomFunction, a: Dim, b: Dim): Dim {
  const x = asNumber(a);
  const y = asNumber(b);
  return x !== undefined && y !== undefined ? constant(EXACT[fn](x, y)) : opaque(fn, a, b);
}

export function floorDivide(a: Dim, b: Dim): Dim {
  return divideExactly(a, b) ?? fold2("floor", a, b);
}
export function ceilDivide(a: Dim, b: Dim): Dim {
  return divideExactly(a, b) ?? fold2("ceil", a, b);
}
export function modulo(a: Dim, b: Dim): Dim {
  if (divideExactly(a, b)) return constant(0);
  return fold2("mod", a, b);
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

/** A size as a number, symbols being worth what `of` says. */
export function worth(dim: Dim, of: (name: string) => number): number {
  let sum = 0;
  for (const term of dim.terms) {
    let part = term.coefficient;
    for (const atom of term.atoms) part *= atom.kind === "symbol" ? of(atom.name) : EXACT[atom.fn](worth(atom.args[0], of), worth(atom.args[1], of));
    sum += part;
  }
  return sum;
}

/** Replaces symbols; the result is in normal form again. */
export function substitute(dim: Dim, values: ReadonlyMap<string, Dim>): Dim {
  if (values.size === 0 || dim.terms.every((t) => t.atoms.length === 0)) return dim;
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

/** How many definitions a comparison looks behind before it gives up. */
const DEEPEST = 3;

/** What is known of symbols: `N = 257`. Sizes are compared modulo these. */
export class Facts {
  readonly #values = new Map<string, Dim>();
  /** Where a declaration is checked by itself, what divisions of symbols give is taken on trust; its uses decide. */
  trusting = false;
  /** Symbols for what only a caller's values decide, such as the length of a list that is given. */
  readonly #open = new Set<string>();
  /** What follows from `#values`; anew when these change. */
  readonly #names = new Map<string, Dim>();
  readonly #leaves = new Map<string, ReadonlySet<string>>();
  readonly #compared = new Map<string, boolean>();
  #bound = new WeakMap<Dim, Dim>();
  #tried: ((dim: Dim) => number) | undefined;

  get values(): ReadonlyMap<string, Dim> {
    return this.#values;
  }
  /** Makes `name` such a symbol: while trusting, it fits every other size. */
  leaveOpen(name: string): void {
    this.#open.add(name);
    this.#changed();
  }
  know(name: string, value: Dim): void {
    if (this.#values.get(name)?.key === value.key) return;
    this.#values.set(name, value);
    this.#changed();
  }
  forget(name: string): void {
    if (this.#values.delete(name)) this.#changed();
  }

  /** The size with names replaced, to the bottom; the symbols of definitions stay, unless they are known as numbers. */
  bind(dim: Dim): Dim {
    const known = this.#bound.get(dim);
    if (known) return known;
    let values: Map<string, Dim> | undefined;
    for (const name of symbolsOf(dim)) {
      const value = this.#named(name);
      if (!value) continue;
      values ??= new Map<string, Dim>();
      values.set(name, value);
    }
    const bound = values ? substitute(dim, values) : dim;
    this.#bound.set(dim, bound);
    return bound;
  }
  number(dim: Dim): number | undefined {
    return asNumber(dim) ?? asNumber(this.bind(dim));
  }

  /** Sizes as numbers, symbols that nothing is known of being worth what `leaf` says; every definition is worked out once. */
  evaluator(leaf: (name: string) => number): (dim: Dim) => number {
    const done = new Map<string, number>();
    const of = (name: string): number => {
      const known = done.get(name);
      if (known !== undefined) return known;
      // A symbol that is said to be itself, round a corner, is a leaf.
      done.set(name, leaf(name));
      const value = this.#values.get(name);
      const found = value ? worth(value, of) : leaf(name);
      done.set(name, found);
      return found;
    };
    return (dim) => worth(dim, of);
  }

  /** The definitions that bound sizes mention, each behind those that it is made of. */
  definitions(dims: Iterable<Dim>, into: Map<string, Dim> = new Map(), inside: Set<string> = new Set()): Map<string, Dim> {
    for (const dim of dims)
      for (const name of symbolsOf(this.bind(dim))) {
        const value = this.#values.get(name);
        if (!value || into.has(name) || inside.has(name)) continue;
        inside.add(name);
        const bound = this.bind(value);
        this.definitions([bound], into, inside);
        into.set(name, bound);
      }
    return into;
  }

  /** The symbols that a size is made of at the bottom. */
  symbolsOf(dim: Dim, into: Set<string> = new Set()): Set<string> {
    for (const name of symbolsOf(dim)) for (const leaf of this.#leavesOf(name)) into.add(leaf);
    return into;
  }

  equal(a: Dim, b: Dim): boolean {
    if (a.key === b.key) return true;
    const [x, y] = [this.bind(a), this.bind(b)];
    if (x.key === y.key) return true;
    if (asNumber(x) !== undefined && asNumber(y) !== undefined) return false;
    const pair = x.key < y.key ? `${x.key} = ${y.key}` : `${y.key} = ${x.key}`;
    let same = this.#compared.get(pair);
    if (same === undefined) {
      same = !this.#differ(x, y) && this.#provedSame(x, y);
      this.#compared.set(pair, same);
    }
    return same;
  }

  /** Tried out on numbers: where these differ, there is nothing to prove. */
  #differ(a: Dim, b: Dim): boolean {
    if (this.trusting) return false;
    this.#tried ??= this.evaluator(trial);
    const [x, y] = [this.#tried(a), this.#tried(b)];
    return Number.isSafeInteger(x) && Number.isSafeInteger(y) && x !== y;
  }
  #provedSame(a: Dim, b: Dim): boolean {
    let gap = unrounded(subtract(a, b));
    for (let depth = 0; depth < DEEPEST && gap.terms.length > 0; depth++) {
      const newest = this.#newest(gap);
      if (newest === undefined) break;
      gap = unrounded(this.bind(substitute(gap, new Map([[newest, this.#values.get(newest) as Dim]]))));
    }
    return gap.terms.length === 0 || (this.trusting && gap.terms.some((t) => t.atoms.some((atom) => atom.kind === "opaque" || this.#open.has(atom.name))));
  }
  /** The symbol that was learnt last: the others may be what it is made of. */
  #newest(dim: Dim): string | undefined {
    const inside = symbolsOf(dim);
    let newest: string | undefined;
    for (const name of this.#values.keys()) if (inside.has(name)) newest = name;
    return newest;
  }

  /** What a symbol is another name of; undefined where it is none: a definition, or nothing known. */
  #named(name: string): Dim | undefined {
    const value = this.#values.get(name);
    if (!value) return undefined;
    let now = this.#names.get(name);
    if (!now) {
      // A symbol that is said to be itself, round a corner, stays.
      this.#names.set(name, symbol(name));
      const bound = this.bind(value);
      now = bound.terms.every((t) => t.atoms.every((a) => a.kind === "symbol")) ? bound : symbol(name);
      this.#names.set(name, now);
    }
    return now;
  }
  #leavesOf(name: string): ReadonlySet<string> {
    const known = this.#leaves.get(name);
    if (known) return known;
    const value = this.#values.get(name);
    if (!value) return new Set([name]);
    this.#leaves.set(name, new Set());
    const found = this.symbolsOf(value);
    this.#leaves.set(name, found);
    return found;
  }
  #changed(): void {
    this.#names.clear();
    this.#leaves.clear();
    this.#compared.clear();
    this.#bound = new WeakMap();
    this.#tried = undefined;
  }
}

/** A number for a symbol that is like no other's, so that sizes which differ somewhere differ there. */
function trial(name: string): number {
  let hash = 7;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) % 7919;
  return 1000 + hash;
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
