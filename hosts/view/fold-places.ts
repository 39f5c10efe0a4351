// Where the nodes of a fold stand: it is woven in between layers, so its nodes have no place of their own and get the block that they take from.
import type { DrawnNode } from "./drawing.ts";

/** The same nodes; those of a fold without a place stand in a container of the fold's name, inside of the block. */
export function withFoldPlaces(nodes: readonly DrawnNode[]): DrawnNode[] {
  const users = new Map<number, DrawnNode[]>();
  for (const node of nodes) for (const input of node.inputs) users.set(input, [...(users.get(input) ?? []), node]);
  /** The fold that made a node, or that it was cut out of the model for. */
  const foldOf = ({ id, by, path, kind }: DrawnNode): string | undefined => (path.length > 0 || kind !== "node" ? undefined : (by[0] ?? users.get(id)?.find((u) => u.path.length === 0 && u.by.length > 0)?.by[0]));
  const placed: DrawnNode[] = [];
  for (const node of nodes) {
    const fold = foldOf(node);
    // What comes last has most to do with it: values of earlier blocks are handed on.
    const block = fold === undefined ? undefined : node.inputs.flatMap((i) => blockOf(placed[i])).at(-1);
    placed.push(block && fold !== undefined ? { ...node, path: [...block, fold] } : node);
  }
  // What is made of nothing (positions, zeros) stands at what takes it.
  for (const node of placed.toReversed()) {
    const user = node.path.length > 0 || node.by.length === 0 ? undefined : users.get(node.id)?.map((u) => placed[u.id]).find((u) => u && u.path.length > 0);
    if (user) placed[node.id] = { ...node, path: user.path };
  }
  return placed;
}

/** Containers down to the last of a list, `classifier`, `blocks[3]`; all of them where there is no list. */
function blockOf(node: DrawnNode | undefined): (readonly string[])[] {
  if (!node || node.path.length === 0) return [];
  const last = node.path.findLastIndex((step) => /\[\d+\]$/.test(step));
  return [last >= 0 ? node.path.slice(0, last + 1) : node.by.includes(node.path.at(-1) ?? "") ? node.path.slice(0, -1) : node.path];
}
