// Applies rules to a graph until none fires: sweeps from inputs to outputs, each linear in the size of the graph.
import { Build } from "../graph/build.ts";
import { type Arena, type Attrs, type Graph, type GraphOutput, Mismatch, type Node, nodesOf, replacedOutputs } from "../graph/node.ts";
import { countUsers } from "../graph/users.ts";
import type { Facts } from "../types/dim.ts";
import { printType } from "../types/tensor.ts";
import { Matcher, sameDims } from "./match.ts";
import { mayMatch, opsOf, sizeOfPattern } from "./pattern.ts";
import type { Recorder } from "./record.ts";
import { type Context, type Rule, isBecause } from "./rule.ts";

export interface RewriteOptions {
  readonly pass: string;
  readonly record: Recorder;
}

/** The graph in which no rule finds anything more. Only outputs change; the level is the caller's to say. */
export function rewrite<G extends Graph>(graph: G, rules: readonly Rule[], options: RewriteOptions): G {
  const run = new Run(graph.arena, rules, options);
  let { outputs } = graph;
  for (let sweep = 0; ; sweep++) {
    if (sweep === MOST_SWEEPS) throw new Error(`the rules of "${options.pass}" never come to rest; last fired: ${[...run.last].join(", ")}`);
    const next = run.sweep(outputs);
    outputs = next.outputs;
    if (!next.fired) return { ...graph, outputs };
  }
}

const MOST_SWEEPS = 64;

/** The same node on other inputs, with the old one's origins. */
export function remake(arena: Arena, node: Node, inputs: readonly Node[], attrs: Attrs = node.attrs): Node {
  if (attrs === node.attrs && inputs.every((x, i) => x === node.inputs[i])) return node;
  const made = arena.within(undefined, () => arena.make(node.op, inputs, attrs));
  if (made !== node) for (const origin of arena.originsOf(node)) arena.addOrigin(made, origin);
  return made;
}

/** What was made stands for everything that was there. Nodes that stood before keep what they have. */
export function carryOrigins(arena: Arena, before: readonly Node[], made: Node, stood: (node: Node) => boolean): void {
  const origins = new Set(before.flatMap((n) => arena.originsOf(n)));
  if (origins.size === 0) return;
  const todo = [made];
  const seen = new Set(todo);
  for (const node of todo) {
    if (stood(node)) continue;
    for (const origin of origins) arena.addOrigin(node, origin);
    for (const input of node.inputs) if (!seen.has(input)) { seen.add(input); todo.push(input); }
  }
}

class Run {
  readonly last = new Set<string>();
  readonly #arena: Arena;
  readonly #build: Build;
  readonly #context: Context;
  readonly #candidates: Candidates;
  readonly #options: RewriteOptions;
  readonly #matcher: Matcher;
  /** Nodes on which no rule fires, whatever happens above them. */
  readonly #settled = new Set<Node>();
  /** What is swept over: whose users count. */
  #outputs: readonly GraphOutput[] = [];
  /** Nodes that rules just made have no users yet: how many those had in whose place they are. */
  readonly #inherited = new Map<Node, number>();
  #askedForUsers = false;
  #fired = false;

  constructor(arena: Arena, rules: readonly Rule[], options: RewriteOptions) {
    this.#arena = arena;
    this.#build = new Build(arena);
    this.#context = { facts: arena.facts };
    this.#candidates = Candidates.among(rules);
    this.#options = options;
    this.#matcher = new Matcher(arena.facts, (node) => this.#isSole(node));
  }

  sweep(outputs: readonly GraphOutput[]): { outputs: readonly GraphOutput[]; fired: boolean } {
    this.#outputs = outputs;
    this.#inherited.clear();
    this.#fired = false;
    this.last.clear();
    /** Of nodes that have become others. */
    const now = new Map<Node, Node>();
    const become = (node: Node): Node => now.get(node) ?? node;
    const order = nodesOf({ outputs });
    this.#options.record.work.visits += order.length;
    for (const node of order) {
      const made = now.size > 0 && node.inputs.some((x) => now.has(x)) ? remake(this.#arena, node, node.inputs.map(become)) : node;
      if (made !== node) this.#inherit(made, node);
      const settled = this.#settle(made);
      if (settled !== node) now.set(node, settled);
    }
    return { outputs: replacedOutputs(outputs, become), fired: this.#fired };
  }

  #settle(node: Node): Node {
    let at = node;
    for (let times = 0; times < MOST_SWEEPS && !this.#settled.has(at); times++) {
      const next = this.#apply(at);
      if (!next) return at;
      this.#inherit(next, at);
      at = next;
    }
    return at;
  }

  /** What the first rule that fires puts in place of the node. */
  #apply(node: Node): Node | undefined {
    this.#askedForUsers = false;
    for (const rule of this.#candidates.of(node)) {
      const made = this.#try(rule, node);
      if (made) return made;
    }
    if (!this.#askedForUsers) this.#settled.add(node);
    return undefined;
  }

  #try(rule: Rule, node: Node): Node | undefined {
    const { pass, record } = this.#options;
    let made: Node | undefined;
    record.work.attempts++;
    const miss = this.#matcher.find(rule.find, node, ({ holes, nodes }) => {
      const verdict = rule.when(holes, this.#context);
      const put = verdict === true ? this.#put(rule, node, () => rule.put(this.#build, holes)) : verdict;
      if (isBecause(put)) {
        if (!rule.quiet) record.declined(pass, rule.name, node, put);
      } else if (put.node !== node) {
        made = put.node;
        carryOrigins(this.#arena, nodes, put.node, (n) => n.id < put.from);
      }
      return made !== undefined;
    });
    if (!rule.quiet && miss && miss.depth > 1 && 2 * miss.depth >= sizeOfPattern(rule.find)) record.missed(pass, rule.name, node, miss);
    if (!made) return undefined;
    record.step({ pass, rule: rule.name, before: node, after: made });
    this.last.add(rule.name);
    this.#fired = true;
    return made;
  }

  #put(rule: Rule, node: Node, put: () => ReturnType<Rule["put"]>): Extract<ReturnType<Rule["put"]>, { kind: "because" }> | { node: Node; from: number } {
    const from = this.#arena.size;
    const where = `rule "${rule.name}" of "${this.#options.pass}"`;
    try {
      const made = this.#arena.within(undefined, put);
      if (isBecause(made)) return made;
      if (!sameType(made, node, this.#arena.facts)) throw new Error(`${where} turned ${printType(node.type)} into ${printType(made.type)}`);
      return { node: made, from };
    } catch (error) {
      if (error instanceof Mismatch) throw new Error(`${where}: ${error.message}: ${error.found}, wanted ${error.wanted}`);
      throw error;
    }
  }

  #inherit(made: Node, from: Node): void {
    if (this.#usersOf(made) === undefined) this.#inherited.set(made, this.#usersOf(from) ?? 1);
  }

  /** How many distinct users a node has in this sweep. */
  #usersOf(node: Node): number | undefined {
    return this.#inherited.get(node) ?? countUsers({ outputs: this.#outputs }).get(node);
  }

  #isSole(node: Node): boolean {
    this.#askedForUsers = true;
    return this.#usersOf(node) === 1;
  }
}

/** So many inputs are looked at to tell which rules may match. */
const LOOKED_AT = 4;

/** The rules that may match at a node, in their order: by its op, then by those of its inputs. */
class Candidates {
  static readonly #known = new WeakMap<readonly Rule[], Candidates>();
  readonly #byOp = new Map<string, Rule[]>();
  readonly #byInputs = new Map<string, readonly Rule[]>();

  /** Of a list of rules, which is looked through once in a process. */
  static among(rules: readonly Rule[]): Candidates {
    let found = Candidates.#known.get(rules);
    if (!found) {
      found = new Candidates(rules);
      Candidates.#known.set(rules, found);
    }
    return found;
  }

  private constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const ops = opsOf(rule.find);
      if (!ops) throw new Error(`rule "${rule.name}" finds every node`);
      for (const op of new Set(ops)) {
        const list = this.#byOp.get(op);
        if (list) list.push(rule);
        else this.#byOp.set(op, [rule]);
      }
    }
  }

  of(node: Node): readonly Rule[] {
    const all = this.#byOp.get(node.op);
    if (!all) return NONE;
    if (node.inputs.length > LOOKED_AT) return all;
    let ops = node.op;
    for (const input of node.inputs) ops += ` ${input.op}`;
    let found = this.#byInputs.get(ops);
    if (!found) {
      found = all.filter((rule) => mayMatch(rule.find, node, !rule.quiet));
      this.#byInputs.set(ops, found);
    }
    return found;
  }
}
const NONE: readonly Rule[] = [];

const sameType = (a: Node, b: Node, facts: Facts): boolean => a.type.dtype === b.type.dtype && sameDims(a.type.dims, b.type.dims, facts);
