// Where boxes and lines of a drawing stand: every open container is laid out by itself, so that opening one moves its surroundings and no more.
import dagre from "@dagrejs/dagre";
import type { DrawnNode } from "./drawing.ts";
import { aroundOf, type Container, isContainer } from "./tree.ts";

export interface Box {
  readonly item: Container | DrawnNode;
  readonly isOpen: boolean;
  /** Containers around it that are open. */
  readonly depth: number;
  /** Of the upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Line {
  readonly from: Box;
  readonly to: Box;
  /** Values that go this way. */
  readonly values: number;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Containers before what they hold. */
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

/** Of texts in the page's type: a little more than they take, since they are not measured. */
const LETTER = 6.7;
const LOW = 24;
const HIGH = 40;
const PADDING = 12;
const HEAD = 40;
/** Room for the second line of a closed container. */
const CLOSED = 170;
const WIDEST = 260;

/** Levels that were laid out before: blocks of a model look the same, and so do most containers when one of them is opened. */
type KnownLevels = Map<string, Arranged>;

/** `open`: keys of the containers that show what they hold. */
export function layoutOf(root: Container, nodes: readonly DrawnNode[], open: ReadonlySet<string>, known: KnownLevels = new Map()): Layout {
  const around = aroundOf(root);
  /** What is seen of a node: itself, or the outermost closed container around it. */
  const seen = (id: number): Container | DrawnNode => around.get(id)?.find((c) => !open.has(c.key)) ?? (nodes[id] as DrawnNode);
  const links = new Map<Container | DrawnNode, Map<Container | DrawnNode, number>>();
  for (const node of nodes) {
    const to = seen(node.id);
    for (const input of node.inputs) {
      const from = seen(input);
      if (from === to) continue;
      const targets = links.get(from) ?? new Map<Container | DrawnNode, number>();
      targets.set(to, (targets.get(to) ?? 0) + 1);
      links.set(from, targets);
    }
  }
  const parents = new Map<Container | DrawnNode, Container>();
  const note = (at: Container): void => at.children.forEach((child) => {
    parents.set(child, at);
    if (isContainer(child)) note(child);
  });
  note(root);
  const levels = levelLinks(links, parents);
  const boxes: Box[] = [];
  const routes = new Map<Container | DrawnNode, Map<Container | DrawnNode, readonly { x: number; y: number }[]>>();
  const sized = new Map<Container, ReturnType<typeof level>>();
  const size = (item: Container | DrawnNode): { width: number; height: number } => {
    if (!isContainer(item)) return { width: widthOf(labelOf(item)), height: LOW };
    if (!open.has(item.key)) return { width: Math.max(widthOf(item.label), CLOSED), height: HIGH };
    const inner = level(item, levels.get(item) ?? new Map(), size, known);
    sized.set(item, inner);
    return { width: Math.max(inner.width + 2 * PADDING, widthOf(item.label) + 90), height: inner.height + HEAD + PADDING };
  };
  const place = (inner: ReturnType<typeof level>, dx: number, dy: number, depth: number): void => {
    for (const [item, at] of inner.places) {
      const isOpen = isContainer(item) && open.has(item.key);
      boxes.push({ item, isOpen, depth, x: at.x + dx, y: at.y + dy, width: at.width, height: at.height });
      const deeper = isContainer(item) ? sized.get(item) : undefined;
      if (isContainer(item) && deeper) place(deeper, at.x + dx + (at.width - deeper.width) / 2, at.y + dy + HEAD, depth + 1);
    }
    for (const { from, to, points } of inner.routes) {
      const targets = routes.get(from) ?? new Map<Container | DrawnNode, readonly { x: number; y: number }[]>();
      targets.set(to, points.map((p) => ({ x: p.x + dx, y: p.y + dy })));
      routes.set(from, targets);
    }
  };
  const whole = level(root, levels.get(root) ?? new Map(), size, known);
  place(whole, 0, 0, 0);
  const boxOf = new Map(boxes.map((box) => [box.item, box]));
  const lines = [...links].flatMap(([source, targets]) => [...targets].flatMap(([target, values]): Line[] => {
    const [from, to] = [boxOf.get(source), boxOf.get(target)];
    if (!from || !to) return [];
    return [{ from, to, values, points: routes.get(source)?.get(target) ?? straight(from, to) }];
  }));
  return { width: whole.width, height: whole.height, boxes, lines };
}

export const labelOf = ({ kind, op, name }: DrawnNode): string => (kind === "node" ? op : name);

const widthOf = (text: string): number => Math.min(WIDEST, Math.max(56, [...text].length * LETTER + 28));

type Links = Map<Container | DrawnNode, Set<Container | DrawnNode>>;

/** Each link at the level where both ends stand side by side, between the boxes that hold them there. */
function levelLinks(links: ReadonlyMap<Container | DrawnNode, ReadonlyMap<Container | DrawnNode, number>>, parents: ReadonlyMap<Container | DrawnNode, Container>): ReadonlyMap<Container, Links> {
  const found = new Map<Container, Links>();
  const chain = (item: Container | DrawnNode): (Container | DrawnNode)[] => {
    const out = [item];
    for (let up = parents.get(item); up; up = parents.get(up)) out.unshift(up);
    return out;
  };
  const chains = new Map([...new Set([...links.keys(), ...[...links.values()].flatMap((t) => [...t.keys()])])].map((item) => [item, chain(item)]));
  for (const [from, targets] of links) {
    const a = chains.get(from) ?? [];
    for (const to of targets.keys()) {
      const b = chains.get(to) ?? [];
      let depth = 0;
      while (depth + 1 < Math.min(a.length, b.length) && a[depth + 1] === b[depth + 1]) depth++;
      const [parent, left, right] = [a[depth], a[depth + 1], b[depth + 1]];
      if (!parent || !isContainer(parent) || !left || !right || left === right) continue;
      const own = found.get(parent) ?? new Map<Container | DrawnNode, Set<Container | DrawnNode>>();
      own.set(left, (own.get(left) ?? new Set()).add(right));
      found.set(parent, own);
    }
  }
  return found;
}

interface Placed {
  readonly width: number;
  readonly height: number;
  readonly places: ReadonlyMap<Container | DrawnNode, Rectangle>;
  readonly routes: readonly { readonly from: Container | DrawnNode; readonly to: Container | DrawnNode; readonly points: readonly { readonly x: number; readonly y: number }[] }[];
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A level by the positions of its children: where they stand, and the ways of the links in their order. */
interface Arranged {
  readonly width: number;
  readonly height: number;
  readonly places: readonly Rectangle[];
  readonly ways: readonly (readonly { readonly x: number; readonly y: number }[])[];
}

/** The children of one container, side by side and below each other. */
function level(at: Container, links: Links, size: (item: Container | DrawnNode) => { width: number; height: number }, known: KnownLevels): Placed {
  const numbers = new Map(at.children.map((child, i) => [child, i]));
  const sizes = at.children.map(size);
  const pairs = [...links].flatMap(([from, targets]) => [...targets].map((to) => ({ from, to })));
  const edges = pairs.map(({ from, to }): [number, number] => [numbers.get(from) ?? 0, numbers.get(to) ?? 0]);
  const key = JSON.stringify([sizes.map((s) => [s.width, s.height]), edges]);
  const found = known.get(key) ?? arranged(sizes, edges);
  known.set(key, found);
  return {
    width: found.width, height: found.height,
    places: new Map(at.children.map((child, i) => [child, found.places[i] as Rectangle])),
    routes: pairs.map((pair, i) => ({ ...pair, points: found.ways[i] ?? [] })),
  };
}

function arranged(sizes: readonly { readonly width: number; readonly height: number }[], edges: readonly (readonly [number, number])[]): Arranged {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 14, ranksep: 26, edgesep: 8, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const [i, size] of sizes.entries()) graph.setNode(String(i), { ...size });
  for (const [from, to] of edges) graph.setEdge(String(from), String(to));
  dagre.layout(graph);
  const places = sizes.map((_, i) => {
    const { x, y, width, height } = graph.node(String(i));
    return { x: x - width / 2, y: y - height / 2, width, height };
  });
  const { width = 0, height = 0 } = graph.graph();
  // A level of nothing has sizes of minus infinity.
  return { width: Math.max(0, width), height: Math.max(0, height), places, ways: edges.map(([from, to]) => graph.edge(String(from), String(to))?.points ?? []) };
}

/** Between boxes of different levels: from the lower edge of one to the upper edge of the other. */
function straight(from: Box, to: Box): { x: number; y: number }[] {
  const start = { x: from.x + from.width / 2, y: from.y + from.height };
  const end = { x: to.x + to.width / 2, y: to.y };
  const bend = Math.max(12, (end.y - start.y) / 2);
  return [start, { x: start.x, y: start.y + bend }, { x: end.x, y: end.y - bend }, end];
}
