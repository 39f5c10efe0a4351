// Matches a pattern at a node, with all alternatives and both orders of what commutes. Looks down only; depth is that of the pattern.
import type { Attr, Literal, Node, WeightRef } from "../graph/node.ts";
import { type Dim, type Facts, isDim } from "../types/dim.ts";
import { COMMUTES, type OpPattern, type Pattern } from "./pattern.ts";
import type { Matched } from "./rule.ts";

/** How far the best attempt came, and what stopped it. */
export interface Miss {
  readonly depth: number;
  readonly node: Node;
  readonly says: string;
}
interface Found {
  readonly holes: Matched;
  /** Nodes that ops of the pattern stand for, the root first. */
  readonly nodes: readonly Node[];
}

export class Matcher {
  readonly #facts: Facts;
  readonly #isSole: (node: Node) => boolean;
  readonly #holes = new Map<string, Node>();
  readonly #nodes: Node[] = [];
  #miss: Miss | undefined;

  constructor(facts: Facts, isSole: (node: Node) => boolean) {
    this.#facts = facts;
    this.#isSole = isSole;
  }

  /** Calls `accept` with each way to match until it says yes; the last miss otherwise. */
  find(pattern: Pattern, node: Node, accept: (found: Found) => boolean): Miss | undefined {
    this.#holes.clear();
    this.#nodes.length = 0;
    this.#miss = undefined;
    const done = this.#match(pattern, node, () => accept({ holes: Object.fromEntries(this.#holes), nodes: [...this.#nodes] }));
    return done ? undefined : this.#miss;
  }

  /** Whether `p` fits and, with it, everything that `then` still has to try. */
  #match(p: Pattern, node: Node, then: () => boolean): boolean {
    switch (p.kind) {
      case "hole": return this.#hole(p.name, p.inner, node, then);
      case "any": return p.of.some((q) => this.#match(q, node, then));
      case "test":
        if (!p.holds(node)) return this.#missed(node, `${p.wants} is wanted`);
        return p.inner ? this.#match(p.inner, node, then) : then();
      case "op": return this.#op(p, node, then);
    }
  }

  #hole(name: string, inner: Pattern | undefined, node: Node, then: () => boolean): boolean {
    const bound = this.#holes.get(name);
    if (bound) return bound === node ? then() : this.#missed(node, `${name} stands for two different things`);
    this.#holes.set(name, node);
    if (inner ? this.#match(inner, node, then) : then()) return true;
    this.#holes.delete(name);
    return false;
  }

  #op(p: OpPattern, node: Node, then: () => boolean): boolean {
    if (node.op !== p.op) return this.#missed(node, `${p.op} is wanted, not ${node.op}`);
    if (p.inputs && p.inputs.length !== node.inputs.length) return this.#missed(node, `${p.op} has ${node.inputs.length} inputs, not ${p.inputs.length}`);
    for (const name in p.attrs)
      if (!sameAttr(p.attrs[name], node.attrs[name], this.#facts)) return this.#missed(node, `${name} of ${p.op} is another`);
    if (p.sole && !this.#isSole(node)) return this.#missed(node, `${p.op} is also used elsewhere`, this.#nodes.length + 1);
    this.#nodes.push(node);
    const depth = this.#nodes.length;
    if (this.#inputs(p, node, then)) return true;
    this.#nodes.length = depth - 1;
    return false;
  }

  #inputs(p: OpPattern, node: Node, then: () => boolean): boolean {
    const wanted = p.inputs;
    if (!wanted) return then();
    if (this.#each(wanted, node.inputs, 0, then)) return true;
    const [a, b] = node.inputs;
    return COMMUTES.has(p.op) && a !== b && this.#each(wanted, [b as Node, a as Node], 0, then);
  }

  #each(patterns: readonly Pattern[], nodes: readonly Node[], at: number, then: () => boolean): boolean {
    const pattern = patterns[at];
    return pattern ? this.#match(pattern, nodes[at] as Node, () => this.#each(patterns, nodes, at + 1, then)) : then();
  }

  #missed(node: Node, says: string, depth = this.#nodes.length): false {
    if (!this.#miss || depth > this.#miss.depth) this.#miss = { depth, node, says };
    return false;
  }
}

function sameAttr(a: Attr | undefined, b: Attr | undefined, facts: Facts): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || typeof a !== "object" || typeof b !== "object") return Object.is(a, b);
  if (isDim(a)) return isDim(b) && facts.equal(a, b);
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((x: Attr, i) => sameAttr(x, (b as readonly Attr[])[i], facts));
  const [x, y] = [a as Literal | WeightRef, b as Literal | WeightRef];
  if (x.kind === "literal") return y.kind === "literal" && x.dtype === y.dtype && x.bytes.length === y.bytes.length && x.bytes.every((v, i) => v === y.bytes[i]);
  return y.kind === "weight-ref" && x.file === y.file && x.offset === y.offset && x.length === y.length && x.dtype === y.dtype;
}

export const sameDims = (a: readonly Dim[], b: readonly Dim[], facts: Facts): boolean =>
  a.length === b.length && a.every((d, i) => facts.equal(d, b[i] as Dim));
