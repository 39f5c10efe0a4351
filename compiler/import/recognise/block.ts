// A block: attention, perhaps attention to another stream behind it, and an MLP, each added to the stream that it was read from.
import type { Node } from "../../graph/node.ts";
import type { RecognisedBlock, RecognisedSite } from "../recognised.ts";
import { type Attention, type Attempt, attentionAt } from "./attention.ts";
import { headed, scoresAxes, streamAxes } from "./axes.ts";
import { BRANCH, ENTERS, type Flow, NORM, bare, opOf, outwards } from "./flow.ts";

export interface Block {
  readonly attention: Attention;
  /** Attention to another stream, behind the first. */
  readonly cross: Attention | undefined;
  readonly input: Node;
  readonly output: Node;
  readonly sites: RecognisedBlock["sites"];
}

interface Found {
  readonly blocks: readonly Block[];
  readonly attempts: readonly Attempt[];
}

interface Mlp {
  /** What its first products are given. */
  readonly input: Node;
  /** What its last product is given. */
  readonly hidden: Node;
  readonly output: Node;
}

/** Every block of a graph, in the order of computation. */
export function blocksOf(flow: Flow): Found {
  const attempts: Attempt[] = [];
  const attentions: Attention[] = [];
  for (const node of flow.order) {
    if (opOf(node) !== "softmax" || !flow.isActive(node)) continue;
    const { attention, attempt } = attentionAt(flow, node);
    attempts.push(attempt);
    if (attention) attentions.push(attention);
  }
  const byProjection = new Map<Node, Attention>(attentions.flatMap((a) => [a.queries, a.keys, a.values].map((p) => [p.product, a] as const)));
  const taken = new Set<Attention>();
  const blocks: Block[] = [];
  for (const attention of attentions) {
    if (taken.has(attention)) continue;
    taken.add(attention);
    const made = blockFrom(flow, attention, byProjection);
    if (made.cross) taken.add(made.cross);
    if (made.block) blocks.push(made.block);
    for (const [at, attempt] of attempts.entries()) if ([attention.softmax, made.cross?.softmax].includes(attempt.softmax)) attempts[at] = { ...attempt, steps: made.block ? [...attempt.steps, "mlp", "output"] : attempt.steps, missing: made.block ? undefined : { step: "mlp", node: made.attended, why: "no products lead from here back to the same stream" } };
  }
  return { blocks, attempts };
}

function blockFrom(flow: Flow, attention: Attention, byProjection: ReadonlyMap<Node, Attention>): { readonly block: Block | undefined; readonly cross: Attention | undefined; readonly attended: Node } {
  const first = endOf(flow, attention.residual, attention.isPost);
  if (attention.beside.length > 0) {
    const mlp = mlpBehind(flow, attention.input, byProjection, attention.residual);
    const block = mlp && { attention, cross: undefined, input: attention.input, output: mlp.output, sites: sitesOf(flow, attention, undefined, mlp) };
    return { block, cross: undefined, attended: attention.residual };
  }
  const cross = attention.isCross ? undefined : crossBehind(flow, first, byProjection);
  const attended = cross ? endOf(flow, cross.residual, cross.isPost) : first;
  const mlp = mlpBehind(flow, attended, byProjection, undefined);
  if (!mlp) return { block: undefined, cross, attended };
  return { block: { attention, cross, input: attention.input, output: mlp.output, sites: sitesOf(flow, attention, attended, mlp) }, cross, attended };
}

/** Users that a norm may have; a sum with another activation ends the walk. */
const enters = (flow: Flow) => (node: Node): readonly Node[] => flow.users(node).filter((user) => (ENTERS.has(opOf(user)) && !flow.isSum(user)) || flow.projected(user) !== undefined);

/** What a stream is projected by, read directly or through norms. */
function readersOf(flow: Flow, stream: Node): { readonly reached: ReadonlySet<Node>; readonly readers: readonly Node[] } {
  const reached = new Set<Node>();
  const readers: Node[] = [];
  const next = enters(flow);
  for (const node of outwards([stream], (n) => (n !== stream && flow.projected(n) ? [] : next(n)))) {
    if (node !== stream && flow.projected(node)) readers.push(node);
    else reached.add(node);
  }
  return { reached, readers };
}

/** Attention that reads its queries from the stream and its keys from elsewhere. */
function crossBehind(flow: Flow, stream: Node, byProjection: ReadonlyMap<Node, Attention>): Attention | undefined {
  for (const reader of readersOf(flow, stream).readers) {
    const attention = byProjection.get(reader);
    if (attention?.isCross && attention.queries.product === reader && bare(attention.input) === bare(stream)) return attention;
  }
  return undefined;
}

/** Products from the stream and back: to its sum with the stream, or to `end`. */
function mlpBehind(flow: Flow, stream: Node, byProjection: ReadonlyMap<Node, Attention>, end: Node | undefined): Mlp | undefined {
  const { reached, readers } = readersOf(flow, stream);
  const first = readers.filter((r) => !byProjection.has(r));
  /** The projection that was crossed last on the way to a node. */
  const last = new Map<Node, Node>(first.map((r) => [r, r]));
  const seen = new Set(first);
  const isNext = (node: Node): boolean => !byProjection.has(node) && (BRANCH.has(opOf(node)) || flow.projected(node) !== undefined);
  for (const node of outwards(first, (n) => (end && n === end ? [] : flow.users(n).filter(isNext)))) {
    seen.add(node);
    const before = node.inputs.map((x) => last.get(x)).filter((x) => x !== undefined);
    // The newest: a gate is multiplied in before the last product.
    const crossed = flow.projected(node) ? node : before.reduce<Node | undefined>((a, b) => (a && a.id > b.id ? a : b), undefined);
    if (crossed) last.set(node, crossed);
    const other = flow.isSum(node) ? node.inputs.find((x) => reached.has(x) && !seen.has(x)) : undefined;
    const isEnd = end ? node === end : other !== undefined && node.inputs.some((x) => last.has(x));
    const down = isEnd ? crossed : undefined;
    const [up] = first;
    if (!down || !up || first.includes(down)) continue;
    const input = bare(flow.projected(up) as Node);
    const isPost = end === undefined && other !== undefined && bare(other) === input;
    return { input: unflattened(flow.projected(up) as Node), hidden: unflattened(flow.projected(down) as Node), output: endOf(flow, node, isPost) };
  }
  return undefined;
}

/** What was flattened for a product with a matrix, before that. */
function unflattened(node: Node): Node {
  if (opOf(node) !== "reshape" || node.type.dims.length !== 2) return node;
  const [x] = node.inputs as readonly [Node];
  return x.type.dims.length === 3 && x.type.dims[2]?.key === node.type.dims[1]?.key ? x : node;
}

/** The stream behind a sum: with the bias that fused operators add last, in the shape that it had before it was flattened, and normed where norms stand behind. */
function endOf(flow: Flow, sum: Node, isPost: boolean): Node {
  let at = sum;
  for (;;) {
    const [user, ...others] = flow.users(at);
    if (!user || others.length > 0 || !(isShift(flow, user, at) || isUnflattening(user, at))) break;
    at = user;
  }
  return isPost ? normedEnd(flow, at) : at;
}

const isShift = (flow: Flow, user: Node, x: Node): boolean => opOf(user) === "add" && !flow.isSum(user) && sameSizes(user, x);
const isUnflattening = (user: Node, x: Node): boolean => opOf(user) === "reshape" && x.type.dims.length === 2 && user.type.dims.length === 3 && user.type.dims[2]?.key === x.type.dims[1]?.key;

/** Where the norm of a sum ends, if one follows: the last node, as large as the sum, behind which everything has come together again. */
function normedEnd(flow: Flow, sum: Node): Node {
  const frontier = new Set(flow.users(sum));
  const seen = new Set<Node>([sum]);
  let [isNorm, isScaled, end] = [false, false, sum];
  for (let steps = 0; steps < 40 && frontier.size > 0; steps++) {
    const node = [...frontier].reduce((a, b) => (a.id < b.id ? a : b));
    const op = opOf(node);
    if (!NORM.has(op) || !node.inputs.every((x) => seen.has(x) || !flow.isActive(x))) return end;
    const isMean = op === "reduceMean" || op === "reduceSum" || WHOLE_NORMS.has(op);
    // The norm in front of the next layer is another one.
    if (isMean && isScaled && end !== sum) return end;
    isNorm ||= isMean;
    isScaled ||= isNorm && (op === "sqrt" || op === "pow" || WHOLE_NORMS.has(op));
    frontier.delete(node);
    if (frontier.size === 0 && isScaled && sameSizes(node, sum)) end = node;
    seen.add(node);
    for (const user of flow.users(node)) frontier.add(user);
  }
  return end;
}

const WHOLE_NORMS: ReadonlySet<string> = new Set(["norm", "layerNorm", "rmsNorm"]);
const sameSizes = (a: Node, b: Node): boolean => a.type.dims.length === b.type.dims.length && a.type.dims.every((d, i) => d.key === b.type.dims[i]?.key);

function sitesOf(flow: Flow, attention: Attention, attended: Node | undefined, mlp: Mlp): ReadonlyMap<string, RecognisedSite> {
  const tokens = attention.input;
  const stream = (node: Node, last: string): RecognisedSite => ({ node, axes: streamAxes(node, tokens, attention, last) });
  const scores = attention.softmax.inputs[0] as Node;
  const entries: [string, RecognisedSite | undefined][] = [
    ["input", stream(tokens, "C")],
    ["queries", headed(flow, attention.queries.operand, "N'", "rows")], ["keys", headed(flow, attention.keys.operand, "N", "columns")], ["values", headed(flow, attention.values.operand, "N", "rows")],
    ["scores", { node: scores, axes: scoresAxes(scores) }], ["probs", { node: attention.softmax, axes: scoresAxes(attention.softmax) }],
    ["context", stream(unflattened(attention.context), "C")], ["attended", attended && stream(attended, "C")],
    ["mlp_input", stream(mlp.input, "C")], ["hidden", stream(mlp.hidden, "F")], ["output", stream(mlp.output, "C")],
  ];
  return new Map(entries.filter((e): e is [string, RecognisedSite] => e[1] !== undefined));
}
