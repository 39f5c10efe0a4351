// How a rewrite is declared: what to find, when it may fire, what to put in its place. Rules hold no state.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { Facts } from "../types/dim.ts";
import { type Hole, type Pattern, PatternBuild } from "./pattern.ts";

/** Why a rule declined, and the node that is to blame. */
export interface Because {
  readonly kind: "because";
  readonly says: string;
  readonly node: Node;
}
export const because = (says: string, node: Node): Because => ({ kind: "because", says, node });
export const isBecause = (x: unknown): x is Because => (x as Because | undefined)?.kind === "because";

/** The nodes that the holes stand for. */
export type Matched<K extends string = string> = Readonly<Record<K, Node>>;

/** What a rule may ask besides the match. */
export interface Context {
  readonly facts: Facts;
}

export interface Rule {
  readonly name: string;
  /** An identity: where it nearly fits is of no interest to anybody. */
  readonly quiet?: boolean;
  readonly find: Pattern;
  readonly when: (m: Matched, c: Context) => true | Because;
  readonly put: (o: Build, m: Matched) => Node | Because;
}

interface RuleText<K extends string> {
  readonly find: (o: PatternBuild, holes: Readonly<Record<K, Hole>>) => Pattern;
  readonly when?: (m: Matched<K>, c: Context) => true | Because;
  /** May still decline, where only building shows that it cannot be. */
  readonly put: (o: Build, m: Matched<K>) => Node | Because;
}

/** `rule("x + 0", ["x"], { find: (o, { x }) => o.add(x, o.number(0)), put: (_, { x }) => x })`. Every hole must be bound by every alternative. */
export function rule<const K extends string>(name: string, holes: readonly K[], text: RuleText<K>): Rule {
  const made = Object.fromEntries(holes.map((h): [string, Hole] => [h, { kind: "hole", name: h, inner: undefined }]));
  const { when } = text;
  return {
    name,
    find: text.find(new PatternBuild(), made as Record<K, Hole>),
    when: when ? (m, c) => when(m as Matched<K>, c) : () => true,
    put: (o, m) => text.put(o, m as Matched<K>),
  };
}

/** Rules whose near misses are not recorded. */
export const identities = (rules: readonly Rule[]): readonly Rule[] => rules.map((r) => ({ ...r, quiet: true }));
