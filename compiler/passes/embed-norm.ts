// Words, places and kinds of tokens looked up, added and normed in one operator.
import { Build } from "../graph/build.ts";
import type { Graph, Node } from "../graph/node.ts";
import { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
import { type Because, type Rule, because, isBecause, rule } from "../rewrite/rule.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Dim, type Facts, asNumber } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { isStored } from "./constant.ts";
import { pass } from "./pass.ts";

/** What is added, each by its part. */
interface Parts {
  readonly words: Node;
  /** A cut of a table whose rows are places in order, or rows that are looked up. */
  readonly places: Node;
  readonly kinds: Node | undefined;
}

// 1. layerNorm(words + places)   2. layerNorm(words + places + kinds), added in any order
const rules: readonly Rule[] = [2, 3].map((count) => rule(count === 2 ? "words and places" : "words, places and kinds", ["root", "a", "b", "c"], {
  find: (o, { root, a, b, c }) => {
    const rows = (hole: typeof a): typeof a => o.as(hole, o.any(o.sole(o.op("gather")), o.sole(o.op("slice"))));
    // Without kinds the first stands for the third as well.
    const both = count === 2 ? o.add(rows(a), rows(b)) : o.add(o.sole(o.add(rows(a), rows(b))), rows(c));
    const sum = count === 2 ? o.as(c, o.sole(both)) : o.sole(both);
    return o.as(root, o.any(o.op("layerNorm", [sum]), ...[1, 2].map((more) => o.op("layerNorm", [sum, ...Array.from({ length: more }, () => o.test("known numbers", isStored))]))));
  },
  when: ({ root, a, b, c }, { facts }) => {
    const parts = read(count === 2 ? [a, b] : [a, b, c], root, facts);
    return isBecause(parts) ? parts : true;
  },
  put: (o, { root, a, b, c }) => {
    const parts = read(count === 2 ? [a, b] : [a, b, c], root, o.arena.facts);
    return isBecause(parts) ? parts : put(o, root, parts);
  },
}));

export default pass("embeddings", { needs: "fused", leaves: "fused", exact: true, makes: ["embedNorm"], for: (target) => target.embedNorm, rules });

/** The longest table is that of the words. */
function read(rows: readonly Node[], root: Node, facts: Facts): Parts | Because {
  const { dims, dtype } = root.type;
  if (dims.length !== 3 || dtype !== "f32") return because("not a text of f32 in each row", root);
  const width = dims[2] as Dim;
  const cut = rows.find((r) => r.op === "slice");
  const looked = rows.filter((r) => r.op === "gather").sort((a, b) => length(b) - length(a));
  for (const found of looked) {
    const [table, at] = found.inputs as readonly [Node, Node];
    if (found.attrs.axis !== 0 || table.type.dims.length !== 2 || !isStored(table)) return because("no table of rows", found);
    if (!sameDims(at.type.dims, dims.slice(0, 2), facts) || !facts.equal(table.type.dims[1] as Dim, width)) return because("not a row for each token", found);
  }
  if (cut) {
    const [table] = cut.inputs as readonly [Node];
    if (!isStored(table) || table.type.dims.length !== 3 || !isOne(table.type.dims[0] as Dim, facts) || cut.attrs.axis !== 1 || cut.attrs.step !== 1 || asNumber(cut.attrs.from as Dim) === undefined) return because("no table of rows in order", cut);
    if (!facts.equal(cut.type.dims[1] as Dim, dims[1] as Dim)) return because("not a row for each token", cut);
  }
  const [words, ...others] = looked;
  const [places, kinds, ...more] = cut ? [cut, ...others] : others;
  return words && places && more.length === 0 && (kinds?.op ?? "gather") === "gather" ? { words, places, kinds } : because("other tables than of words, places and kinds", root);
}

const length = (found: Node): number => asNumber(found.inputs[0]?.type.dims[0] as Dim) ?? 0;

function put(o: Build, root: Node, { words, places, kinds }: Parts): Node {
  const [, given, shift] = root.inputs;
  const { dtype, dims } = root.type;
  const width = dims[2] as Dim;
  const isCut = places.op === "slice";
  const [table, at] = places.inputs as readonly [Node, Node | undefined];
  const rows = table.type.dims[isCut ? 1 : 0] as Dim;
  const flat = isCut ? o.reshape(table, [rows, width]) : table;
  const inOrder = isCut ? o.slice(flat, 0, places.attrs.from as Dim, rows) : flat;
  return o.make("embedNorm", [
    words.inputs[1] as Node, words.inputs[0] as Node, inOrder, given ?? o.fill(dtype, [width], 1), shift ?? o.fill(dtype, [width], 0),
    ...(kinds ? [kinds.inputs[1] as Node, kinds.inputs[0] as Node] : []), ...(isCut ? [] : [at as Node]),
  ], { eps: root.attrs.eps as number, kinds: kinds !== undefined, placed: !isCut });
}

/** The graph with these operators spelled out: in 16 bits they would also sum in 16 bits, which norms by themselves do not. */
export function embeddingsApart<G extends Graph>(graph: G): G {
  const o = new Build(graph.arena);
  return replace(graph, (node, now) => (node.op === "embedNorm" ? { rule: "spelled out", node: spelled(o, node.inputs.map(now), node) } : undefined), { pass: "embeddings", record: new Recorder() });
}

function spelled(o: Build, inputs: readonly Node[], { attrs, type: { dims } }: Node): Node {
  const [ids, words, table, gain, bias, ...rest] = inputs as [Node, Node, Node, Node, Node, ...Node[]];
  const [kind, kinds] = attrs.kinds === true ? rest : [];
  const places = attrs.placed === true ? o.gather(table, rest.at(-1) as Node, 0) : o.reshape(o.slice(table, 0, 0, dims[1] as Dim), [1, ...dims.slice(1)]);
  const both = o.add(o.gather(words, ids, 0), places);
  return o.layerNorm(kind && kinds ? o.add(both, o.gather(kinds, kind, 0)) : both, gain, bias, attrs.eps as number);
}
