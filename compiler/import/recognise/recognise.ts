// Transformer blocks and their places in an imported graph, found by structure: names and the order of nodes do not count.
import type { Graph, Literal, Node } from "../../graph/node.ts";
import { operatorOf } from "../../ops/foreign.ts";
import { constant } from "../../types/dim.ts";
import type { Recognised, RecognisedBlock } from "../recognised.ts";
import type { Attempt } from "./attention.ts";
import { tokenAxisOf } from "./axes.ts";
import { type Block, blocksOf } from "./block.ts";
import { Flow } from "./flow.ts";
import { refusalOf } from "./foldable.ts";
import { type Stack, stacksOf } from "./stacks.ts";

export interface Recognition extends Recognised {
  /** Every softmax, and how far it looked like the attention of a block. */
  readonly attempts: readonly Attempt[];
}

/** Attention as one operator that nobody spelled out: nothing inside can be named. */
const WHOLE: ReadonlySet<string> = new Set(["Attention", "com.microsoft.Attention", "com.microsoft.MultiHeadAttention", "com.microsoft.GroupQueryAttention", "com.microsoft.PackedAttention", "com.microsoft.PackedMultiHeadAttention", "com.microsoft.DecoderMaskedMultiHeadAttention", "com.microsoft.QAttention"]);

const HOLDS_GRAPHS: ReadonlySet<string> = new Set(["If", "Loop", "Scan"]);
const SOFTMAX = new TextEncoder().encode("Softmax");
/** Whether the graphs that an operator holds, as they are encoded, name a softmax. */
const paysAttention = ({ attrs }: Node): boolean => {
  const { bytes } = attrs.attributes as Literal;
  for (let at = bytes.indexOf(SOFTMAX[0] as number); at >= 0; at = bytes.indexOf(SOFTMAX[0] as number, at + 1)) if (SOFTMAX.every((b, i) => bytes[at + i] === b)) return true;
  return false;
};

/** What is found in a graph. Linear in its size. */
export function recognise(graph: Graph): Recognition {
  const flow = new Flow(graph);
  const { blocks, attempts } = blocksOf(flow);
  const stacks = stacksOf(flow, blocks);
  const obstacles: { site: string; tensor: string; why: string }[] = [];
  for (const node of flow.order)
    if (node.op === "foreign" && WHOLE.has(operatorOf(node))) obstacles.push({ site: "scores", tensor: flow.nameOf(node), why: `${operatorOf(node)} is carried through as one operator, so nothing inside of it can be named` });
  for (const node of flow.order)
    if (node.op === "foreign" && HOLDS_GRAPHS.has(operatorOf(node)) && paysAttention(node)) obstacles.push({ site: "scores", tensor: flow.nameOf(node), why: `${operatorOf(node)} decides while the model runs what of its own graphs is computed, so nothing inside of them can be named` });
  for (const { steps, missing } of attempts)
    if (missing && steps.length >= 2) obstacles.push({ site: missing.step, tensor: flow.nameOf(missing.node), why: missing.why });
  const named = stacks.map(({ name, blocks: all }) => ({ name, blocks: all.map((b, i): RecognisedBlock => ({ sites: b.sites, path: `${name}[${i}]` })) }));
  let foldable = stacks.length > 0;
  for (const stack of stacks) {
    const refusal = middleRefusal(flow, stack);
    if (!refusal) continue;
    foldable = false;
    obstacles.push(refusal);
  }
  const [first] = stacks;
  const entry = first?.blocks[0];
  return { blocks: named[0]?.blocks ?? [], stacks: named, heads: entry && headsOf(entry, flow), hidden: entry && hiddenOf(entry, flow), tokenAxis: entry && tokenAxis(entry, flow), foldable, obstacles, attempts };
}

function tokenAxis(block: Block, flow: Flow): Recognised["tokenAxis"] {
  const axis = tokenAxisOf(block.input, block.attention, flow.graph.arena.facts);
  const size = axis === undefined ? undefined : block.input.type.dims[axis];
  return axis === undefined || size === undefined ? undefined : { node: block.input, axis, size };
}

function hiddenOf(block: Block, flow: Flow): number | undefined {
  const last = block.input.type.dims.at(-1);
  return last && flow.graph.arena.facts.number(last);
}

function headsOf({ attention }: Block, flow: Flow): number | undefined {
  const { facts } = flow.graph.arena;
  const { dims } = attention.product.type;
  if (dims.length >= 4) return facts.number(dims[dims.length - 3] as NonNullable<(typeof dims)[0]>);
  // Heads in the batch: the width of what is mixed, over that of a head.
  const [width, each] = [attention.context.type.dims.at(-1), attention.mixed.type.dims.at(-1)].map((d) => d && facts.number(d));
  return width !== undefined && each !== undefined && Number.isInteger(width / each) ? width / each : undefined;
}

/** What stands in the way of a fold from a quarter of the blocks to three quarters. */
function middleRefusal(flow: Flow, { name, blocks }: Stack): Recognised["obstacles"][0] | undefined {
  const skipped = Math.floor(blocks.length / 4);
  const middle = blocks.slice(skipped, blocks.length - skipped);
  const [first, last] = [middle[0] as Block, middle.at(-1) as Block];
  const at = tokenAxis(first, flow);
  const path = (index: number, site: string): string => `${name}[${skipped + index}].${site}`;
  if (!at) {
    const [rows, streamed] = [first.attention.product.type.dims.at(-2), first.input.type.dims];
    return { site: path(0, "scores"), tensor: flow.nameOf(first.attention.product), why: `the attention is over ${rows?.key ?? "another count of"} tokens of [${streamed.map((d) => d.key).join(", ")}]: tokens are cut into windows, whose grid another count has not` };
  }
  const batch = first.input.type.dims[first.sites.get("input")?.axes.indexOf("B") ?? -1] ?? constant(1);
  const refusal = refusalOf(flow, { input: first.input, axis: at.axis, batch, output: last.output });
  if (!refusal) return undefined;
  const index = Math.max(0, middle.findIndex((b) => b.output.id >= refusal.at.id));
  return { site: path(index, siteOf(middle[index] as Block, refusal.at)), tensor: flow.nameOf(refusal.node), why: refusal.why };
}

/** The first site that is computed with the node or behind it. */
function siteOf(block: Block, node: Node): string {
  const behind = [...block.sites].filter(([, site]) => site.node.id >= node.id).sort(([, a], [, b]) => a.node.id - b.node.id);
  return behind[0]?.[0] ?? "output";
}
