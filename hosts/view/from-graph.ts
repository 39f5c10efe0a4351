// A compiled pipeline as a drawing: the fused graph, its constants told at what takes them.
import type { Compiled } from "../../compiler/compile.ts";
import { countedSizes } from "../../compiler/compress/cost.ts";
import { constantNodes } from "../../compiler/graph/constants.ts";
import { type Arena, type Node, type WeightRef, topological } from "../../compiler/graph/node.ts";
import type { Facts } from "../../compiler/types/dim.ts";
import type { TensorType } from "../../compiler/types/tensor.ts";
import { type Drawing, type DrawnNode, linesOf } from "./drawing.ts";
import { withFoldPlaces } from "./fold-places.ts";
import { multiplyAdds } from "../../compiler/ops/multiply-adds.ts";
import { steps } from "./steps.ts";

export function drawingOf(compiled: Compiled): Drawing {
  const { fused, elaboration, pipeline, compression, selectors, place } = compiled;
  const { arena } = fused;
  const constant = constantNodes(fused);
  const order = topological([...fused.inputs, ...fused.outputs].map((io) => io.node)).filter((n) => !constant.has(n));
  const ids = new Map(order.map((node, id) => [node, id]));
  const inputs = new Map(fused.inputs.map((i) => [i.node, i.name]));
  const sites = sitesOf(compiled, order);
  const size = countedSizes(arena);
  const sources = compiled.program.modules.sources();
  const bare = order.map((node, id): DrawnNode => {
    const origins = arena.originsOf(node);
    const path = (origins.find((o) => o.by === undefined) ?? origins[0])?.path ?? "";
    return {
      id, op: node.op === "foreign" ? String(node.attrs.opType) : node.op, name: inputs.get(node) ?? "", path: steps(path), kind: inputs.has(node) ? "input" : "node",
      inputs: node.inputs.flatMap((i) => ids.get(i) ?? []),
      constants: node.inputs.filter((i) => constant.has(i)).map((i) => constantText(i, arena.facts)),
      type: typeText(node.type, arena.facts), multiplyAdds: multiplyAdds(node, size),
      by: unique(origins.flatMap((o) => o.by ?? [])), sites: sites.get(node) ?? [],
      lines: unique(origins.map((o) => `${o.span.file}:${place(o.span).line}`)),
    };
  });
  const nodes = withFoldPlaces(bare);
  for (const { name, node } of fused.outputs)
    nodes.push({ id: nodes.length, op: "output", name, path: [], kind: "output", inputs: [ids.get(node) ?? []].flat(), constants: constant.has(node) ? [constantText(node, arena.facts)] : [], type: typeText(node.type, arena.facts), multiplyAdds: 0, by: [], lines: [], sites: [] });
  const variant = compression && (compression.as?.name ?? compression.target.name);
  const texts = new Map<string, readonly string[]>();
  const textOf = (line: string): string => {
    const [, file = "", number = "1"] = /^(.*):(\d+)$/.exec(line) ?? [];
    const own = texts.get(file) ?? (sources.get(file)?.text ?? "").split("\n");
    texts.set(file, own);
    return own[Number(number) - 1]?.trim() ?? "";
  };
  return {
    title: variant === undefined ? `${pipeline.name.name}, plain` : `${pipeline.name.name} as ${variant}`,
    facts: [...selectors.map((s) => `${s.selector}: ${s.resolved.length} ${s.resolved.length === 1 ? "place" : "places"}`), `${elaboration.sites.size} sites`, `for ${compiled.target}`],
    nodes, lines: linesOf(nodes, textOf),
  };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

/** The sites at the nodes that give them. A value that fusing has swallowed is told at the node that was made of it, or of the same line. */
function sitesOf({ elaboration, fused, place }: Compiled, order: readonly Node[]): ReadonlyMap<Node, string[]> {
  const found = new Map<Node, string[]>();
  const here = new Set(order);
  /** The last node of each origin. */
  const last = new Map<string, Node>();
  for (const node of order) for (const key of originKeys(fused.arena, node)) last.set(key, node);
  for (const [path, site] of elaboration.sites) {
    const { node } = site.tensor;
    const layer = path.slice(0, Math.max(0, path.lastIndexOf(".")));
    const at = here.has(node) ? node : (originKeys(fused.arena, node).map((key) => last.get(key)).find((n) => n !== undefined)
      ?? order.findLast((n) => fused.arena.originsOf(n).some((o) => o.path === layer && o.span.file === site.span.file && place(o.span).line === place(site.span).line)));
    if (at) found.set(at, [...(found.get(at) ?? []), path]);
  }
  return found;
}

const originKeys = (arena: Arena, node: Node): string[] => arena.originsOf(node).map((o) => `${o.path} ${o.by ?? ""} ${o.span.file} ${o.span.start} ${o.span.end}`);

/** `f32[B, 50, 192]`: numbers where they are known. */
export const typeText = ({ dtype, dims }: TensorType, facts: Facts): string => `${dtype}[${dims.map((d) => facts.number(d) ?? facts.bind(d).key).join(", ")}]`;

/** `vit.embeddings.weight f32[384, 1536]`; what is made of several weights is told by the first. */
function constantText(node: Node, facts: Facts): string {
  const weight = topological([node]).find((n) => n.op === "weight");
  const name = weight ? (weight.attrs.ref as WeightRef).name : node.op;
  return `${name} ${typeText(node.type, facts)}`;
}
