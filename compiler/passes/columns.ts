// Places that a choice finds and rows are read from or put to: a column from where they are found, so that nothing has to stand them up.
import { Build } from "../graph/build.ts";
import { constantNodes } from "../graph/constants.ts";
import { type Graph, type Node, nodesOf } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
import { type Dim, constant } from "../types/dim.ts";
import { pass } from "./pass.ts";

// 1. extremes along the last axis keep it, what is chosen, cut and looked up among them stands as they do, and rows are read by a column
export default pass("columns", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => stood(graph, record) });

const EXTREMES: ReadonlySet<string> = new Set(["reduceMax", "reduceMin", "argmax", "argmin"]);

function stood(graph: Graph, record: Recorder): Graph {
  const o = new Build(graph.arena);
  const order = nodesOf(graph);
  const constants = constantNodes(graph);
  const standing = new Set<Node>();
  for (const node of order) if (readsRows(node)) for (const x of pathOf(node.inputs[1] as Node, constants) ?? []) standing.add(x);
  const columns = new Map<Node, Node>();
  return replace(graph, (node, now) => {
    if (readsRows(node) && standing.has(node.inputs[1] as Node)) {
      const [x, places, ...values] = node.inputs as readonly [Node, Node, ...Node[]];
      return { rule: "rows by a column", node: o.make(node.op, [now(x), columns.get(places) as Node, ...values.map(now)], { ...node.attrs, column: true }) };
    }
    if (!standing.has(node)) return undefined;
    const column = standingOf(o, node, (x) => columns.get(x), now);
    columns.set(node, column);
    return { rule: "a column", node: o.reshape(column, node.type.dims) };
  }, { pass: "columns", record });
}

/** One list of places a record, and rows to read or to put there. */
const readsRows = ({ op, attrs, inputs: [x, places] }: Node): boolean =>
  (op === "take" || op === "put") && attrs.batch === 1 && attrs.column !== true && places?.type.dims.length === 2 && (x as Node).type.dims.length > 2;

/** What has to stand so that this list of two axes does; nothing where it cannot for nothing. */
function pathOf(node: Node, constants: ReadonlySet<Node>): readonly Node[] | undefined {
  if (node.type.dims.length !== 2 || constants.has(node)) return undefined;
  const [x, y, z] = node.inputs;
  const behind = (...nodes: readonly (Node | undefined)[]): readonly Node[] | undefined => {
    const paths = nodes.map((n) => (n ? pathOf(n, constants) : undefined));
    return paths.includes(undefined) ? undefined : [...paths.flatMap((p) => p ?? []), node];
  };
  if (EXTREMES.has(node.op)) {
    const { axes, axis, keep } = node.attrs as { axes?: readonly number[]; axis?: number; keep?: boolean };
    return keep !== true && x?.type.dims.length === 3 && (axes === undefined ? axis === 2 : axes.length === 1 && axes[0] === 2) ? [node] : undefined;
  }
  switch (node.op) {
    case "item": return x?.op === "topk" && x.attrs.axis === 1 ? behind(x.inputs[0]) : undefined;
    case "slice": return behind(x);
    // A mask and a number, which change their shape while compiling.
    case "where": return x && z && constants.has(x) && constants.has(z) ? behind(y) : undefined;
    case "take": return node.attrs.batch === 1 && x?.type.dims.length === 2 ? behind(x, y) : undefined;
    default: return undefined;
  }
}

/** The same with a last axis of 1; `column` knows what stands already. */
function standingOf(o: Build, node: Node, column: (x: Node) => Node | undefined, now: (x: Node) => Node): Node {
  const [x, y, z] = node.inputs as readonly [Node, Node, Node];
  const of = (at: Node): Node => column(at) as Node;
  switch (node.op) {
    case "item": return o.item(o.make("topk", [of(x.inputs[0] as Node)], x.attrs), node.attrs.index as number);
    case "slice": return o.make("slice", [of(x)], node.attrs);
    case "where": return o.where(upright(o, now(x)), of(y), upright(o, now(z)));
    case "take": return o.gatherElements(of(x), of(y), 1);
    default: return o.make(node.op, [now(x)], { ...node.attrs, keep: true });
  }
}

/** A constant that is spread along a list, spread along a column. */
const upright = (o: Build, x: Node): Node => (x.type.dims.length === 0 ? x : o.reshape(x, [...x.type.dims, constant(1)] as readonly Dim[]));
