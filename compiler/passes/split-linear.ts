// Parts of what one linear map gives become maps of their own: packed queries, keys and values need no cutting up then.
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import { usersOf } from "../graph/users.ts";
import { sameDims } from "../rewrite/match.ts";
import type { Recorder } from "../rewrite/record.ts";
import { rewrite } from "../rewrite/run.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { type Dim, type Facts, product } from "../types/dim.ts";
import { isStored } from "./constant.ts";
import { pass } from "./pass.ts";

export default pass("parts of linear maps", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => parted(graph, record) });

/** Only maps of which nothing but parts is read, each value in at most one of them: no weight is stored twice, nothing is computed twice. */
function parted(graph: Graph, record: Recorder): Graph {
  const matrices = partedMatrices(graph);
  return matrices.size === 0 ? graph : rewrite(graph, rules(matrices), { pass: "parts of linear maps", record });
}

function partedMatrices(graph: Graph): ReadonlySet<Node> {
  const order = nodesOf(graph);
  const users = usersOf(order);
  const read = new Set(graph.outputs.map((out) => out.node));
  /** The parts that are cut out of a value, as shares of it; undefined where it is read otherwise. */
  const cuts = (node: Node): readonly Node[] | undefined => {
    if (read.has(node)) return undefined;
    const found = (users.get(node) ?? []).map((user) => (user.op === "slice" ? [user] : user.op === "reshape" || user.op === "transpose" ? cuts(user) : undefined));
    return found.includes(undefined) ? undefined : (found as Node[][]).flat();
  };
  return new Set(order.filter((n) => n.op === "linear").flatMap((map) => {
    const matrix = map.inputs[1] as Node;
    const parts = users.get(matrix)?.length === 1 ? cuts(map) : undefined;
    return parts && parts.length > 1 && areApart(parts, graph.arena.facts) ? [matrix] : [];
  }));
}

/** Whether slices of one value along one axis share nothing. */
function areApart(parts: readonly Node[], facts: Facts): boolean {
  const [first] = parts;
  if (!first || parts.some((p) => p.attrs.step !== 1 || p.attrs.axis !== first.attrs.axis || p.inputs[0] !== first.inputs[0])) return false;
  const ranges = parts.map((p) => [facts.number(p.attrs.from as Dim), facts.number(p.attrs.to as Dim)] as const);
  if (ranges.some((r) => r.includes(undefined))) return false;
  const sorted = (ranges as readonly (readonly [number, number])[]).toSorted((a, b) => a[0] - b[0]);
  return sorted.every(([from], i) => i === 0 || from >= (sorted[i - 1] as readonly [number, number])[1]);
}

const rules = (matrices: ReadonlySet<Node>): readonly Rule[] => [
  // 1. a part of what was transposed is cut out before
  rule("part of a transposition", ["root", "moved", "x"], {
    find: (o, { root, moved, x }) => o.as(root, o.slice(o.as(moved, o.transpose(x)))),
    when: ({ moved }) => (matrixBehind(moved, matrices) !== undefined) || because("no linear map of parts stands behind it", moved),
    put: (o, { root, moved, x }) => {
      const perm = moved.attrs.perm as readonly number[];
      return o.transpose(o.slice(x, perm[root.attrs.axis as number] as number, root.attrs.from as Dim, root.attrs.to as Dim), perm);
    },
  }),
  // 2. a part of the columns   3. a part of the columns, which a reshape takes apart
  ...[false, true].map((apart) => rule(apart ? "part of columns in groups" : "part of columns", ["root", "cut", "made"], {
    find: (o, { root, cut, made }) => {
      const map = o.as(made, o.op("linear"));
      return o.as(root, o.slice(o.as(cut, apart ? o.reshape(map) : map)));
    },
    when: ({ root, cut, made }, { facts }) => {
      if (!matrices.has(made.inputs[1] as Node)) return because("the map is read as a whole too", made);
      const leading = made.type.dims.length - 1;
      if (!isStored(made.inputs[1] as Node) || !made.inputs.slice(2).every(isStored)) return because("the weights depend on the run", made);
      if ((root.attrs.axis as number) < leading) return because("it is cut along rows", root);
      return (sameDims(cut.type.dims.slice(0, leading), made.type.dims.slice(0, leading), facts) && cut.type.dims.slice(leading).every((d) => facts.number(d) !== undefined)) || because("a reshape mixes rows and columns", cut);
    },
    put: (o, { root, cut, made }) => {
      const [x, w, bias] = made.inputs as readonly [Node, Node, Node | undefined];
      const leading = made.type.dims.length - 1;
      const columns = cut.type.dims.slice(leading);
      const at = (root.attrs.axis as number) - leading;
      const part = (of: Node): Node => {
        const rows = of.type.dims.slice(0, -1);
        const taken = o.slice(o.reshape(of, [...rows, ...columns]), rows.length + at, root.attrs.from as Dim, root.attrs.to as Dim);
        return o.reshape(taken, [...rows, product(taken.type.dims.slice(rows.length))]);
      };
      return o.reshape(o.linear(x, part(w), bias && part(bias)), root.type.dims);
    },
  })),
];

function matrixBehind(node: Node, matrices: ReadonlySet<Node>): Node | undefined {
  let at = node;
  while (at.op === "reshape" || at.op === "transpose") at = at.inputs[0] as Node;
  const matrix = at.op === "linear" ? at.inputs[1] : undefined;
  return matrix && matrices.has(matrix) ? matrix : undefined;
}
