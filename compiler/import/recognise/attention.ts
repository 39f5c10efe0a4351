// Attention, by what it is: a softmax over a product of two activations, multiplied with a third, that comes back to the stream it was read from.
import type { Node } from "../../graph/node.ts";
import { BRANCH, ENTERS, type Flow, HEADS, PROBS, SCORES, bare, opOf, outwards } from "./flow.ts";

export interface Attention {
  readonly softmax: Node;
  /** Queries times keys. */
  readonly product: Node;
  /** Probabilities times values. */
  readonly mixed: Node;
  readonly queries: Projection;
  readonly keys: Projection;
  readonly values: Projection;
  /** What the projection behind the heads is given; the mixed values where there is none. */
  readonly context: Node;
  /** The sum that ends the branch. */
  readonly residual: Node;
  /** The stream that enters: the other side of that sum. */
  readonly input: Node;
  /** What is projected is the stream itself: norms stand behind the sums. */
  readonly isPost: boolean;
  /** Keys come from elsewhere. */
  readonly isCross: boolean;
  /** Other branches that were added before the stream: an MLP beside the attention. */
  readonly beside: readonly Node[];
}

interface Projection {
  /** The operand of the product. */
  readonly operand: Node;
  readonly product: Node;
  /** What was projected. */
  readonly from: Node;
}

/** Where a softmax stopped looking like attention. */
export interface Attempt {
  readonly softmax: Node;
  /** Steps that were found. */
  readonly steps: readonly string[];
  /** The step that was not, the node at which the search ended, and why. */
  readonly missing: { readonly step: string; readonly node: Node; readonly why: string } | undefined;
}

export function attentionAt(flow: Flow, softmax: Node): { readonly attention: Attention | undefined; readonly attempt: Attempt } {
  const steps: string[] = [];
  const missing = (step: string, node: Node, why: string): { attention: undefined; attempt: Attempt } => ({ attention: undefined, attempt: { softmax, steps, missing: { step, node, why } } });

  const product = productOf(flow, softmax);
  if (!product) return missing("scores", softmax.inputs[0] ?? softmax, "what the softmax is given is no product of two activations");
  steps.push("scores");
  const mixed = mixedOf(flow, softmax);
  if (!mixed) return missing("context", softmax, "the probabilities are not multiplied with a third activation");
  steps.push("context");

  const [a, b] = flow.active(product) as readonly [Node, Node];
  const operands = { queries: a, keys: b, values: mixed.values };
  const found: Record<string, Projection> = {};
  for (const [name, operand] of Object.entries(operands)) {
    const projection = projectionOf(flow, operand);
    if (!projection) return missing(name, operand, "no product with weights is behind it");
    found[name] = projection;
    steps.push(name);
  }
  const { queries, keys, values } = found as { queries: Projection; keys: Projection; values: Projection };

  const stream = streamOf(flow, queries.from);
  const back = backToStream(flow, mixed.node, stream);
  if (!back) return missing("attended", mixed.node, "the result is not added to what was projected");
  steps.push("attended");
  const isPost = bare(back.input) === bare(queries.from);
  const isCross = !meets(flow, keys.from, stream, queries.from);
  return { attention: { softmax, product, mixed: mixed.node, queries, keys, values, ...back, isPost, isCross }, attempt: { softmax, steps, missing: undefined } };
}

/** The nearest product of two activations that leads to the softmax. */
function productOf(flow: Flow, softmax: Node): Node | undefined {
  for (const node of outwards(softmax.inputs.slice(0, 1), (n) => (SCORES.has(opOf(n)) ? flow.active(n) : [])))
    if (flow.isProduct(node)) return node;
  return undefined;
}

function mixedOf(flow: Flow, softmax: Node): { readonly node: Node; readonly values: Node } | undefined {
  const probs = new Set<Node>();
  for (const node of outwards([softmax], (n) => (n === softmax || PROBS.has(opOf(n)) ? flow.users(n) : []))) {
    if (flow.isProduct(node)) {
      const [a, b] = flow.active(node) as readonly [Node, Node];
      return { node, values: probs.has(a) ? b : a };
    }
    probs.add(node);
  }
  return undefined;
}

/** The nearest product with weights behind an operand. */
function projectionOf(flow: Flow, operand: Node): Projection | undefined {
  for (const node of outwards([operand], (n) => (HEADS.has(opOf(n)) ? flow.active(n) : []))) {
    const from = flow.projected(node);
    if (from) return { operand, product: node, from };
  }
  return undefined;
}

/** What a projection may have been read from: back through norms and movement to the last sum, or whatever else made it. */
function streamOf(flow: Flow, from: Node): ReadonlySet<Node> {
  return new Set(outwards([from], (n) => (ENTERS.has(opOf(n)) && !flow.isSum(n) ? flow.active(n) : [])));
}

function meets(flow: Flow, keys: Node, stream: ReadonlySet<Node>, queries: Node): boolean {
  if (bare(keys) === bare(queries)) return true;
  for (const node of outwards([keys], (n) => (ENTERS.has(opOf(n)) && !flow.isSum(n) ? flow.active(n) : [])))
    if (stream.has(node) && (flow.isSum(node) || node.op !== "input")) return true;
  return false;
}

/** Forward through at most one projection to the sum with the stream. */
function backToStream(flow: Flow, mixed: Node, stream: ReadonlySet<Node>): Pick<Attention, "context" | "residual" | "input" | "beside"> | undefined {
  let context: Node | undefined;
  const beside: Node[] = [];
  const reached = new Set<Node>([mixed]);
  for (const node of outwards([mixed], (n) => forward(flow, n, n === mixed, () => context === undefined))) {
    if (!context && node !== mixed) context = flow.projected(node);
    if (flow.isSum(node)) {
      const other = node.inputs.find((x) => !reached.has(x));
      if (other && stream.has(other)) return { context: context ?? mixed, residual: node, input: other, beside };
      if (other) beside.push(other);
    }
    reached.add(node);
  }
  return undefined;
}

function forward(flow: Flow, node: Node, isStart: boolean, mayProject: () => boolean): readonly Node[] {
  if (!isStart && !BRANCH.has(opOf(node)) && !flow.projected(node)) return [];
  return flow.users(node).filter((user) => BRANCH.has(opOf(user)) || (flow.projected(user) && mayProject()));
}
