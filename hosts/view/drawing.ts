// What a page of `kiri view` is made of: nodes with their places and costs, as plain data that travels as JSON.

export interface DrawnNode {
  /** Its place in the list; inputs stand before users. */
  readonly id: number;
  readonly op: string;
  /** In the file, where it has one. */
  readonly name: string;
  /** Containers around it, the outermost first: `classifier`, `blocks[3]`, `attention`. */
  readonly path: readonly string[];
  /** Nodes that it takes values from; constants are no nodes. */
  readonly inputs: readonly number[];
  /** Constants that it takes: `weight f32[384, 1536]`. */
  readonly constants: readonly string[];
  /** Of its first result; "" where nothing is known. */
  readonly type: string;
  /** For one record; sizes that only a run knows count as one. */
  readonly multiplyAdds: number;
  /** Of one run, where it was measured. */
  readonly milliseconds?: number;
  readonly kind: "node" | "input" | "output";
  /** Folds and rewrites that made it. */
  readonly by: readonly string[];
  /** Lines of the source: `file:line`. */
  readonly lines: readonly string[];
  /** Places that a fold can name, as they are written: `blocks[3].attended`. */
  readonly sites: readonly string[];
}

interface DrawnLine {
  /** `file:line`, or a place in the model where no lines are known (`hasLines`); "" for what neither is known of. */
  readonly line: string;
  /** What stands there, where the source was at hand. */
  readonly text: string;
  readonly multiplyAdds: number;
  readonly milliseconds?: number;
}

export interface Drawing {
  readonly title: string;
  /** What else is to be said of the whole, one fact each. */
  readonly facts: readonly string[];
  readonly nodes: readonly DrawnNode[];
  /** The most expensive first. */
  readonly lines: readonly DrawnLine[];
}

/** Whether costs are told by line of the source; else, where no line is known at all, by place in the model. */
export const hasLines = (nodes: readonly DrawnNode[]): boolean => nodes.some((n) => n.lines.length > 0);

/** What the cost of a node is told under. */
export const billedTo = (node: DrawnNode, byLine: boolean): readonly string[] => (byLine ? node.lines : node.path.length > 0 ? [node.path.join("/")] : []);

/** Costs by line: a node of several lines counts in equal parts, as in profiles. Nodes that cost nothing are left out. */
export function linesOf(nodes: readonly DrawnNode[], textOf: (line: string) => string): DrawnLine[] {
  const lines = new Map<string, { multiplyAdds: number; milliseconds: number | undefined }>();
  const byLine = hasLines(nodes);
  for (const node of nodes) {
    const { multiplyAdds, milliseconds } = node;
    if (multiplyAdds === 0 && milliseconds === undefined) continue;
    const places = billedTo(node, byLine);
    const own = places.length > 0 ? places : [""];
    for (const place of own) {
      const before = lines.get(place) ?? { multiplyAdds: 0, milliseconds: undefined };
      before.multiplyAdds += multiplyAdds / own.length;
      if (milliseconds !== undefined) before.milliseconds = (before.milliseconds ?? 0) + milliseconds / own.length;
      lines.set(place, before);
    }
  }
  return [...lines]
    .map(([line, { multiplyAdds, milliseconds }]) => ({ line, text: line === "" ? "" : textOf(line), multiplyAdds, ...(milliseconds === undefined ? {} : { milliseconds }) }))
    .sort((a, b) => b.multiplyAdds - a.multiplyAdds || (b.milliseconds ?? 0) - (a.milliseconds ?? 0) || (a.line < b.line ? -1 : 1));
}
