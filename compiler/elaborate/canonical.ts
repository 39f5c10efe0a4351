// A place in an imported graph, in the order of axes that the contract `TransformerBlock` has: [B, N, C], [B, H, N, D], [B, H, N', N].
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { type Dim, divideExactly, product } from "../types/dim.ts";

interface Canonical {
  readonly node: Node;
  readonly axes: readonly string[];
  /** Such a value in the file's own shape again. */
  readonly back: (node: Node) => Node;
}

/** Which axis stands before which; others stand behind these, as the file has them. */
const ORDER: readonly string[] = ["B", "W", "H", "N'", "N"];
const rank = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

/** `sizes`: what is known of axes by name. Undefined where an axis that holds several (`B*H`) cannot be taken apart. */
export function canonical(b: Build, node: Node, axes: readonly string[], sizes: ReadonlyMap<string, Dim>): Canonical | undefined {
  const { dims } = node.type;
  if (axes.length !== dims.length) return undefined;
  const parts = axes.map((axis, i) => apart(axis.split("*"), dims[i] as Dim, sizes));
  if (parts.includes(undefined)) return undefined;
  const all = (parts as (readonly (readonly [string, Dim])[])[]).flat();
  const order = all.map((_, i) => i).sort((i, j) => rank(all[i]?.[0] ?? "") - rank(all[j]?.[0] ?? ""));
  const isSplit = all.length !== dims.length;
  const split = isSplit ? b.reshape(node, all.map(([, size]) => size)) : node;
  return {
    node: b.transpose(split, order), axes: order.map((i) => all[i]?.[0] as string),
    back(value) {
      const turned = b.transpose(value, order.map((_, i) => order.indexOf(i)));
      if (!isSplit) return turned;
      let at = 0;
      return b.reshape(turned, (parts as (readonly unknown[])[]).map((part) => product(part.map(() => turned.type.dims[at++] as Dim))));
    },
  };
}

/** The axes that one axis holds, outermost first; the size of one of them may be what the others leave. */
function apart(names: readonly string[], size: Dim, sizes: ReadonlyMap<string, Dim>): readonly (readonly [string, Dim])[] | undefined {
  if (names.length === 1) return [[names[0] as string, size]];
  const open = names.filter((n) => !sizes.has(n));
  const known = product(names.flatMap((n) => sizes.get(n) ?? []));
  const rest = divideExactly(size, known);
  if (!rest || open.length > 1 || (open.length === 0 && known.key !== size.key)) return undefined;
  return names.map((n) => [n, sizes.get(n) ?? rest] as const);
}
