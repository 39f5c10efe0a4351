/** Boxes on a page: none over another, everything inside of what holds it, and quick at sizes of real models. */
import test from "ava";
import type { DrawnNode } from "../../../hosts/view/drawing.ts";
import { type Box, type Layout, layoutOf } from "../../../hosts/view/layout.ts";
import { aroundOf, type Container, isContainer, treeOf } from "../../../hosts/view/tree.ts";

const node = (id: number, path: readonly string[], inputs: readonly number[], rest: Partial<DrawnNode> = {}): DrawnNode =>
  ({ id, op: `op${id % 7}`, name: `n${id}`, path, inputs, constants: [], type: "", multiplyAdds: 1, kind: "node", by: [], lines: [], sites: [], ...rest });

/** Blocks of an MLP with a skip around it, each node in a layer of its own. */
const blocks = (count: number): DrawnNode[] => {
  const nodes = [node(0, [], [])];
  for (let b = 0; b < count; b++) {
    const entry = nodes.length - 1;
    const at = ["model", `blocks[${b}]`];
    nodes.push(node(nodes.length, [...at, "norm"], [entry]), node(nodes.length + 1, [...at, "mlp"], [nodes.length]), node(nodes.length + 2, [...at, "mlp"], [nodes.length + 1]), node(nodes.length + 3, at, [nodes.length + 2, entry]));
  }
  return nodes;
};

const keys = (root: Container): string[] => root.children.filter(isContainer).flatMap((c) => [c.key, ...keys(c)]);

const inside = (inner: Box, outer: Box): boolean => inner.x >= outer.x - 0.01 && inner.y >= outer.y - 0.01 && inner.x + inner.width <= outer.x + outer.width + 0.01 && inner.y + inner.height <= outer.y + outer.height + 0.01;
const apart = (a: Box, b: Box): boolean => a.x + a.width <= b.x + 0.01 || b.x + b.width <= a.x + 0.01 || a.y + a.height <= b.y + 0.01 || b.y + b.height <= a.y + 0.01;

function clashes({ boxes }: Layout): [Box, Box][] {
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => !apart(a, b) && !(a.isOpen && inside(b, a)) && !(b.isOpen && inside(a, b))).map((b): [Box, Box] => [a, b]));
}

test("closed, a block is one box; open, what it holds lies inside and nothing lies over anything", (t) => {
  const nodes = blocks(6);
  const tree = treeOf(nodes);
  const closed = layoutOf(tree, nodes, new Set(["model"]));
  t.deepEqual(closed.boxes.filter((b) => isContainer(b.item)).map((b) => (b.item as Container).key), ["model", ...Array.from({ length: 6 }, (_, i) => `model/blocks[${i}]`)]);
  // Two values go from block to block as one line: what the block gives goes to the norm and around it.
  t.is(closed.lines.filter((l) => isContainer(l.from.item) && isContainer(l.to.item)).length, 5);
  t.true(closed.lines.filter((l) => isContainer(l.from.item)).every((l) => l.values === 2 && l.from.y < l.to.y));
  const open = layoutOf(tree, nodes, new Set(keys(tree)));
  t.is(open.boxes.length, nodes.length + keys(tree).length);
  t.is(open.lines.length, nodes.reduce((sum, n) => sum + n.inputs.length, 0));
  t.deepEqual(clashes(open), []);
  const boxOf = new Map(open.boxes.map((b) => [b.item, b]));
  for (const box of open.boxes) if (isContainer(box.item)) for (const child of box.item.children) t.true(inside(boxOf.get(child) as Box, box));
});

test("a level of 2000 nodes without places is cut into pieces, and laid out in seconds", (t) => {
  const nodes = Array.from({ length: 2000 }, (_, i) => node(i, [], i === 0 ? [] : [i - 1, ...(i > 9 ? [i - 9] : [])]));
  const tree = treeOf(nodes);
  t.is(tree.children.length, 50);
  t.is(tree.nodes, 2000);
  t.deepEqual([...aroundOf(tree).keys()].sort((a, b) => a - b), nodes.map((n) => n.id));
  const began = performance.now();
  t.is(layoutOf(tree, nodes, new Set()).boxes.length, 50);
  const open = layoutOf(tree, nodes, new Set(keys(tree)));
  t.is(open.boxes.length, 2050);
  t.true(performance.now() - began < 20_000);
});

test("sums of a container are those of its nodes", (t) => {
  const nodes = [node(0, ["a"], [], { milliseconds: 2, by: ["tome"], sites: ["a.x"] }), node(1, ["a", "b"], [0], { multiplyAdds: 5 })];
  const tree = treeOf(nodes);
  t.like(tree, { nodes: 2, multiplyAdds: 6, milliseconds: 2, folded: 1, sites: 1 });
  t.like(tree.children[0], { key: "a", nodes: 2, multiplyAdds: 6 });
});
