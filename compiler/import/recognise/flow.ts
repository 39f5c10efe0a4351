// The graph as recognition walks it: who uses what, what depends on the inputs, and which ops let a value through.
import { type Graph, type Node, topological } from "../../graph/node.ts";
import { operatorOf } from "../../ops/foreign.ts";
import { isFloat } from "../../types/tensor.ts";
import { dataOf, isMeasured, isQuantized } from "./quantized.ts";

/** Operators that were carried through and mean what an op of ours means. */
const CARRIED: Readonly<Record<string, string>> = {
  MatMul: "matmul", Gemm: "matmul", Softmax: "softmax", Add: "add", Sub: "sub", Mul: "mul", Div: "div", Pow: "pow", Sqrt: "sqrt", Reshape: "reshape", Transpose: "transpose", Cast: "cast",
  Concat: "concat", Slice: "slice", Split: "slice", Squeeze: "reshape", Unsqueeze: "reshape", Expand: "expand", Tile: "expand", Where: "where", ReduceMean: "reduceMean", ReduceSum: "reduceSum", Neg: "neg", Gather: "gather", GatherND: "gather",
  Reciprocal: "reciprocal", Clip: "max", Erf: "erf", Tanh: "tanh", Sigmoid: "sigmoid", Relu: "relu", Elu: "relu", LeakyRelu: "relu", HardSigmoid: "sigmoid", HardSwish: "silu", Mish: "silu", Softplus: "relu", Gelu: "gelu",
  LayerNormalization: "norm", SimplifiedLayerNormalization: "norm", RMSNormalization: "norm", Conv: "projection",
  "com.microsoft.MatMulNBits": "projection", "com.microsoft.DynamicQuantizeMatMul": "projection", "com.microsoft.FusedMatMul": "matmul",
  MatMulInteger: "matmul", QLinearMatMul: "matmul", "com.microsoft.MatMulInteger16": "matmul", "com.microsoft.MatMulIntegerToFloat": "matmul", ConvInteger: "projection", QLinearConv: "projection", "com.microsoft.QGemm": "matmul",
  QuantizeLinear: "cast", DequantizeLinear: "cast", "com.microsoft.QuantizeLinear": "cast", "com.microsoft.DequantizeLinear": "cast", DynamicQuantizeLinear: "cast",
};

/** Ops of ours that do what others do. */
const OWN: Readonly<Record<string, string>> = { conv: "projection", clip: "max", hardSigmoid: "sigmoid" };

/** What an operator does, whether it was raised or not; the name of the operator where that is not known. */
export function opOf(node: Node): string {
  if (node.op !== "foreign") return isQuantized(node) ? "cast" : (OWN[node.op] ?? node.op);
  const name = operatorOf(node);
  return CARRIED[name] ?? name;
}

const MOVES: readonly string[] = ["reshape", "transpose", "expand", "cast", "concat", "slice", "item", "gather", "Pad"];
const NORMS: readonly string[] = ["sub", "mul", "div", "pow", "sqrt", "reduceMean", "reduceSum", "reduceL2", "reciprocal", "norm", "neg", "abs", "max", "min", "layerNorm", "rmsNorm"];
const ACTIVATES: readonly string[] = ["erf", "tanh", "sigmoid", "relu", "exp", "gelu", "silu", "log", "where", "sign", "lt", "gt", "le", "ge"];

/** From the product of queries and keys to the softmax: scaled, capped, with what is added or hides. */
export const SCORES: ReadonlySet<string> = new Set(["add", "sub", "mul", "div", "where", "cast", "reshape", "transpose", "expand", "tanh", "min", "max", "neg"]);
/** From the softmax to the product with the values. */
export const PROBS: ReadonlySet<string> = new Set(["where", "isnan", "cast", "reshape", "transpose", "mul", "div", "expand", "not"]);
/** From a projection to queries, keys or values: heads apart, norms, rotation. */
export const HEADS: ReadonlySet<string> = new Set([...MOVES, ...NORMS, "add"]);
/** From the residual stream to a projection, sums with another activation not among them. */
export const ENTERS: ReadonlySet<string> = new Set([...MOVES, ...NORMS, "add"]);
/** From a product to the sum that ends a branch. */
export const BRANCH: ReadonlySet<string> = new Set([...MOVES, ...NORMS, ...ACTIVATES, "add"]);
/** A norm alone. */
export const NORM: ReadonlySet<string> = new Set([...NORMS, "add", "cast", "reshape", "expand"]);

export class Flow {
  readonly graph: Graph;
  /** Inputs before users. */
  readonly order: readonly Node[];
  readonly #users = new Map<Node, Node[]>();
  readonly #active = new Set<Node>();

  constructor(graph: Graph) {
    this.graph = graph;
    // As the file has them, whichever output is asked for first.
    this.order = topological(graph.outputs.map((o) => o.node)).sort((a, b) => a.id - b.id);
    for (const node of this.order) {
      for (const input of new Set(node.inputs)) {
        const list = this.#users.get(input);
        if (list) list.push(node);
        else this.#users.set(input, [node]);
      }
      if (node.op === "input" || (!isMeasured(node) && node.inputs.some((x) => this.#active.has(x)))) this.#active.add(node);
    }
  }

  /** Who computes with its data. */
  users(node: Node): readonly Node[] {
    return this.dependents(node).filter((user) => !isMeasured(user));
  }
  /** Whatever uses it. */
  dependents(node: Node): readonly Node[] {
    return this.#users.get(node) ?? [];
  }
  /** Whether data of a run is in it. */
  isActive(node: Node): boolean {
    return this.#active.has(node);
  }
  /** What a node computes with and a run gives. */
  active(node: Node): readonly Node[] {
    return dataOf(node).filter((x) => this.isActive(x));
  }
  /** A product of an activation with weights: its activation, before it was quantized, else undefined. */
  projected(node: Node): Node | undefined {
    const op = opOf(node);
    const [a, b] = dataOf(node);
    if ((op !== "matmul" && op !== "projection" && op !== "linearInt8") || !a || !b || !this.isActive(a) || this.isActive(b)) return undefined;
    return real(a);
  }
  /** Both sides come from the inputs. */
  isProduct(node: Node): boolean {
    return opOf(node) === "matmul" && this.active(node).length === 2;
  }
  /** A sum of two values that both come from the inputs: the other one. */
  sumWith(node: Node, one: Node): Node | undefined {
    if (opOf(node) !== "add") return undefined;
    const other = node.inputs[0] === one ? node.inputs[1] : node.inputs[0];
    return other && this.isActive(other) ? other : undefined;
  }
  isSum(node: Node): boolean {
    return opOf(node) === "add" && node.inputs.length === 2 && node.inputs.every((x) => this.isActive(x));
  }
  /** The name that the file gives to what made the node. */
  nameOf(node: Node): string {
    let at: Node | undefined = node;
    for (let steps = 0; at && steps < 8; steps++) {
      const name = this.graph.arena.originsOf(at)[0]?.path;
      if (name) return name;
      at = at.inputs[0];
    }
    return node.op;
  }
}

/** Bounds of every walk: no block of a model is longer, so all of them together stay linear in the size of the graph. */
const MOST = 400;

/** Nodes found from `starts` in order of distance, over what `next` gives. */
export function* outwards(starts: readonly Node[], next: (node: Node) => readonly Node[]): Generator<Node> {
  const seen = new Set(starts);
  const queue = [...starts];
  for (let at = 0; at < queue.length && at < MOST; at++) {
    const node = queue[at] as Node;
    yield node;
    for (const other of next(node)) if (!seen.has(other)) {
      seen.add(other);
      queue.push(other);
    }
  }
}

/** What depends on `input` and is needed for `output`, in order, without `input` itself. */
export function between(flow: Flow, input: Node, output: Node): readonly Node[] {
  const after = new Set<Node>([input]);
  const found = [input];
  // A node is made after its inputs, so nothing behind the output can lead to it.
  for (const node of found) for (const user of flow.dependents(node)) if (user.id <= output.id && !after.has(user)) {
    after.add(user);
    found.push(user);
  }
  const needed = new Set<Node>([output]);
  for (const node of needed) for (const x of node.inputs) if (after.has(x) && x !== input) needed.add(x);
  return [...needed].filter((n) => after.has(n)).sort((a, b) => a.id - b.id);
}

/** What a tensor was before it was only put into another shape or type. */
export function bare(node: Node): Node {
  let at = node;
  while (["reshape", "cast"].includes(opOf(at)) && at.inputs[0]) at = at.inputs[0];
  return at;
}

/** Numbers before they were quantized. */
function real(node: Node): Node {
  let at = node;
  while (opOf(at) === "cast" && !isFloat(at.type.dtype) && at.inputs[0]) at = at.inputs[0];
  return at;
}
