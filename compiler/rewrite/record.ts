// What the passes did to a graph: every step, counts of fused ops, and for each rule how near it came where it did not fire.
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import type { Miss } from "./match.ts";
import type { Because } from "./rule.ts";

interface Step {
  readonly pass: string;
  readonly rule: string;
  readonly before: Node;
  readonly after: Node;
}

/** The attempt of a rule that came nearest without firing. */
interface NearMiss {
  readonly pass: string;
  readonly rule: string;
  /** Where the pattern was laid on. */
  readonly root: Node;
  /** The node to blame. */
  readonly node: Node;
  readonly says: string;
  /** Ops that fitted; a rule that declined by `when` has `all`. */
  readonly depth: number | "all";
}

export class Recorder {
  /** How many nodes of each fused op there are after the pass that makes them, by snake_case name: `attention`, `layer_norm`. */
  readonly fused = new Map<string, number>();
  readonly steps: Step[] = [];
  /** The work of the passes, which grows with the graph and not with its square: how often a node was come by, and how often a rule was laid on one. */
  readonly work = { visits: 0, attempts: 0 };
  readonly #fired = new Map<string, number>();
  readonly #misses = new Map<string, NearMiss>();
  readonly #declined = new Map<string, Map<string, NearMiss>>();

  step(step: Step): void {
    this.steps.push(step);
    const key = keyOf(step.pass, step.rule);
    this.#fired.set(key, (this.#fired.get(key) ?? 0) + 1);
  }

  declined(pass: string, rule: string, root: Node, { says, node }: Because): void {
    const key = keyOf(pass, rule);
    const list = this.#declined.get(key) ?? new Map<string, NearMiss>();
    list.set(`${root.id} ${says}`, { pass, rule, root, node, says, depth: "all" });
    this.#declined.set(key, list);
  }

  missed(pass: string, rule: string, root: Node, miss: Miss): void {
    const key = keyOf(pass, rule);
    const best = this.#misses.get(key);
    if (best && (best.depth === "all" || best.depth >= miss.depth)) return;
    this.#misses.set(key, { pass, rule, root, ...miss });
  }

  /** How often a rule fired. */
  fired(pass: string, rule: string): number {
    return this.#fired.get(keyOf(pass, rule)) ?? 0;
  }

  /** Per rule that came near: where it declined with a reason, else where most of its pattern fitted. */
  nearest(): NearMiss[] {
    const keys = new Set([...this.#declined.keys(), ...this.#misses.keys()]);
    return [...keys].flatMap((key) => {
      const declined = this.#declined.get(key);
      return declined ? [...declined.values()] : (this.#misses.get(key) ?? []);
    });
  }

  /** Takes in what was done within a sub-graph. */
  include(inside: Recorder): void {
    for (const step of inside.steps) this.step(step);
    for (const [op, count] of inside.fused) this.fused.set(op, (this.fused.get(op) ?? 0) + count);
    for (const { pass, rule, root, node, says, depth } of inside.nearest()) {
      if (depth === "all") this.declined(pass, rule, root, { kind: "because", says, node });
      else this.missed(pass, rule, root, { node, says, depth });
    }
  }

  count(graph: Graph, ops: readonly string[]): void {
    for (const op of ops) this.fused.set(snake(op), nodesOf(graph).filter((n) => n.op === op).length);
  }
}

const keyOf = (pass: string, rule: string): string => `${pass}: ${rule}`;
const snake = (op: string): string => op.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
