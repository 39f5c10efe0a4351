// The containers of a drawing: nodes grouped by their places, so that a page can show a block as one box.
import type { DrawnNode } from "./drawing.ts";

export interface Container {
  /** Its place as one text, the same in two drawings of one model; "" for the whole. */
  readonly key: string;
  readonly label: string;
  readonly parent: Container | undefined;
  /** Containers and nodes inside, in the order of computation. */
  readonly children: (Container | DrawnNode)[];
  /** Nodes inside, at every depth. */
  nodes: number;
  multiplyAdds: number;
  milliseconds: number | undefined;
  /** Nodes inside that folds made. */
  folded: number;
  sites: number;
}

export const isContainer = (item: Container | DrawnNode): item is Container => "children" in item;

/** A level with more children than this is cut into pieces of consecutive ones: nobody reads a picture of 2000 boxes. */
const MOST = 120;
const PIECE = 40;

export function treeOf(nodes: readonly DrawnNode[]): Container {
  const root = container("", "", undefined);
  const known = new Map<string, Container>([["", root]]);
  for (const node of nodes) {
    let at = root;
    for (const step of node.path) {
      const key = at.key === "" ? step : `${at.key}/${step}`;
      let inner = known.get(key);
      if (!inner) {
        inner = container(key, step, at);
        known.set(key, inner);
        at.children.push(inner);
      }
      at = inner;
    }
    at.children.push(node);
    for (let around: Container | undefined = at; around; around = around.parent) {
      around.nodes++;
      around.multiplyAdds += node.multiplyAdds;
      if (node.milliseconds !== undefined) around.milliseconds = (around.milliseconds ?? 0) + node.milliseconds;
      if (node.by.length > 0) around.folded++;
      around.sites += node.sites.length;
    }
  }
  for (const each of known.values()) if (each.children.length > MOST) cut(each);
  return root;
}

const container = (key: string, label: string, parent: Container | undefined): Container =>
  ({ key, label, parent, children: [], nodes: 0, multiplyAdds: 0, milliseconds: undefined, folded: 0, sites: 0 });

/** Puts pieces of a long level into containers of their own. */
function cut(level: Container): void {
  const all = level.children.splice(0);
  for (let from = 0; from < all.length; from += PIECE) {
    const part = all.slice(from, from + PIECE);
    const label = `${from + 1} to ${from + part.length} of ${all.length}`;
    const piece: Container = { ...container(`${level.key}/${label}`, label, level), children: part };
    for (const child of part) {
      const inner = isContainer(child);
      piece.nodes += inner ? child.nodes : 1;
      piece.multiplyAdds += child.multiplyAdds;
      if (child.milliseconds !== undefined) piece.milliseconds = (piece.milliseconds ?? 0) + child.milliseconds;
      piece.folded += inner ? child.folded : Number(child.by.length > 0);
      piece.sites += inner ? child.sites : child.sites.length;
      if (inner) (child as { parent: Container | undefined }).parent = piece;
    }
    level.children.push(piece);
  }
}

/** For each node the containers around it, the outermost first; the whole is not among them. */
export function aroundOf(root: Container): ReadonlyMap<number, readonly Container[]> {
  const found = new Map<number, readonly Container[]>();
  const visit = (at: Container, around: readonly Container[]): void => {
    for (const child of at.children) {
      if (isContainer(child)) visit(child, [...around, child]);
      else found.set(child.id, around);
    }
  };
  visit(root, []);
  return found;
}
