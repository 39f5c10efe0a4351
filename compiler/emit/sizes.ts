// Sizes that only a run knows, computed in the graph from the shapes of its inputs.
import type { GraphInput } from "../graph/node.ts";
import type { Lowering } from "../ops/op.ts";
import { type Atom, type Dim, add, asNumber, asSymbol, constant, symbolsOf } from "../types/dim.ts";

/** An axis of an input whose size is scale·symbol + offset. */
interface Source {
  readonly input: string;
  readonly axis: number;
  readonly scale: number;
  readonly offset: number;
}
type Term = Dim["terms"][number];

/** All values are i64[1], made once. */
export class Sizes {
  readonly #o: Lowering;
  readonly #sources = new Map<string, Source>();
  /** Symbols that no input has. */
  readonly #found = new Set<string>();

  constructor(o: Lowering, inputs: readonly GraphInput[]) {
    this.#o = o;
    for (const { name, node } of inputs) this.#read(name, node.type.dims);
  }

  /** Remembers a value of a node whose data decide sizes. */
  found(value: string, dims: readonly Dim[]): void {
    const known = new Set(this.#sources.keys());
    this.#read(value, dims);
    for (const name of this.#sources.keys()) if (!known.has(name)) this.#found.add(name);
  }
  mayBeNone(dim: Dim): boolean {
    const size = this.#o.facts.bind(dim);
    const isLeft = ({ coefficient, atoms }: Term): boolean => coefficient < 0 || atoms.some((a) => a.kind === "opaque" && ((a.fn !== "floor" && a.fn !== "ceil") || this.mayBeNone(a.args[0])));
    return size.terms.some(isLeft) || (this.#found.size > 0 && [...symbolsOf(size)].some((name) => this.#found.has(name)));
  }

  /** The first value that has a size is asked for it. */
  #read(value: string, dims: readonly Dim[]): void {
    for (const [axis, dim] of dims.entries()) this.#note(value, axis, this.#o.facts.bind(dim));
  }

  dims(dims: readonly Dim[]): string {
    const sizes = dims.map((d) => this.#o.facts.bind(d));
    const known = sizes.map(asNumber);
    if (!known.includes(undefined)) return this.#o.ints(known as number[]);
    const [only] = sizes;
    if (sizes.length === 1 && only) return this.dim(only);
    return this.#o.shared(`sizes ${sizes.map((d) => d.key).join(", ")}`, () => this.#o.node("Concat", sizes.map((d) => this.dim(d)), { axis: 0 }));
  }

  dim(dim: Dim): string {
    const size = this.#o.facts.bind(dim);
    const known = asNumber(size);
    return known === undefined ? this.#o.shared(`size of ${size.key}`, () => this.#quotient(size) ?? this.#sum(size)) : this.#o.ints([known]);
  }

  /** Quotients of quotients in one division, what is added in between in front of it: what convolutions behind each other leave. */
  #quotient(size: Dim): string | undefined {
    const { over, by } = this.#rounded(size) ?? {};
    return over && by !== undefined ? this.#o.node("Div", [this.dim(over), this.#o.ints([by])]) : undefined;
  }

  /** The size as ⌊over / by⌋, where it is a quotient that is rounded down, and a number that is added. */
  #rounded(size: Dim): { readonly over: Dim; readonly by: number } | undefined {
    const [quotient, ...others] = size.terms.filter((t) => t.atoms.length > 0);
    const more = size.terms.find((t) => t.atoms.length === 0)?.coefficient ?? 0;
    const [atom] = quotient?.atoms ?? [];
    // Division rounds towards 0, so what is divided must not become negative.
    if (others.length > 0 || quotient?.coefficient !== 1 || quotient.atoms.length !== 1 || atom?.kind !== "opaque" || atom.fn !== "floor" || more < 0) return undefined;
    const by = this.#o.facts.number(atom.args[1]);
    if (by === undefined || by < 1) return undefined;
    const over = add(this.#o.facts.bind(atom.args[0]), constant(more * by));
    const inner = this.#rounded(over);
    return inner ? { over: inner.over, by: inner.by * by } : { over, by };
  }

  #sum(size: Dim): string {
    const gains = size.terms.filter((t) => t.coefficient > 0);
    const losses = size.terms.filter((t) => t.coefficient < 0);
    const total = gains.length === 0 ? this.#o.ints([0]) : this.#total(gains);
    return losses.length === 0 ? total : this.#o.node("Sub", [total, this.#total(losses)]);
  }
  /** The sum of terms, their signs aside. */
  #total(terms: readonly Term[]): string {
    return terms.map((t) => this.#product(t)).reduce((a, b) => this.#o.node("Add", [a, b]));
  }
  #product(term: Term): string {
    const factors = term.atoms.map((a) => this.#atom(a));
    const scale = Math.abs(term.coefficient);
    if (scale !== 1 || factors.length === 0) factors.push(this.#o.ints([scale]));
    return factors.reduce((a, b) => this.#o.node("Mul", [a, b]));
  }
  #atom(atom: Atom): string {
    return this.#o.shared(`size of ${atom.key}`, () => (atom.kind === "symbol" ? this.#symbol(atom.name) : this.#function(atom)));
  }

  #function({ fn, args }: Extract<Atom, { kind: "opaque" }>): string {
    const [a, b] = args.map((d) => this.dim(d)) as [string, string];
    switch (fn) {
      case "floor": return this.#o.node("Div", [a, b]);
      // Sizes are not negative, so rounding up is adding almost one divisor first.
      case "ceil": return this.#o.node("Div", [this.#o.node("Sub", [this.#o.node("Add", [a, b]), this.#o.ints([1])]), b]);
      case "mod": return this.#o.node("Mod", [a, b]);
      case "min": return this.#o.node("Min", [a, b]);
      case "max": return this.#o.node("Max", [a, b]);
    }
  }

  #symbol(name: string): string {
    const source = this.#sources.get(name);
    const value = source ? undefined : this.#o.facts.values.get(name);
    if (value) return this.dim(value);
    if (!source) throw new Error(`the size ${name} cannot be read from any input`);
    const shape = this.#o.node("Shape", [source.input], { start: source.axis, end: source.axis + 1 });
    const moved = source.offset === 0 ? shape : this.#o.node("Sub", [shape, this.#o.ints([source.offset])]);
    return source.scale === 1 ? moved : this.#o.node("Div", [moved, this.#o.ints([source.scale])]);
  }

  /** Remembers where a symbol can be read; an axis that is exactly the symbol is preferred. */
  #note(input: string, axis: number, size: Dim): void {
    const exact = asSymbol(size);
    if (exact !== undefined) {
      const old = this.#sources.get(exact);
      const isExact = old?.scale === 1 && old.offset === 0;
      if (!isExact) this.#sources.set(exact, { input, axis, scale: 1, offset: 0 });
      return;
    }
    const [head, ...rest] = size.terms;
    const [atom, ...more] = head?.atoms ?? [];
    if (!head || atom?.kind !== "symbol" || more.length > 0 || rest.some((t) => t.atoms.length > 0) || this.#sources.has(atom.name)) return;
    this.#sources.set(atom.name, { input, axis, scale: head.coefficient, offset: rest[0]?.coefficient ?? 0 });
  }
}
