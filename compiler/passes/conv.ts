// Convolutions, transposed ones too, take in what stands behind them: factors and shifts of channels (the norm of a batch), biases, and on a CPU the function.
import type { Build, Window } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { Pattern, PatternBuild } from "../rewrite/pattern.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import type { TargetTable } from "../targets/target.ts";
import { type Dim, type Facts, constant } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { isMadeOfWeights, isStored } from "./constant.ts";
import { pass } from "./pass.ts";

const windowOf = (node: Node): Window => node.attrs as unknown as Window;
const bare = (node: Node): boolean => windowOf(node).activation === "";

/** A convolution, or a transposed one, which is the file's own operator. */
const either = (o: PatternBuild): Pattern => o.any(o.sole(o.op("conv")), o.sole(o.op("foreign", undefined, { opType: "ConvTranspose", domain: "" })));

/** Whether channels can be taken in: no function stands behind them yet. */
function isOpen(made: Node, facts: Facts): boolean {
  if (made.op === "conv") return bare(made);
  return made.type.dtype === "f32" && isStored(made.inputs[1] as Node) && groupsOf(made, facts) !== undefined;
}

/** Into how many groups channels are divided: weights of a transposed convolution are [In, Out / groups, …]. */
function groupsOf(made: Node, facts: Facts): number | undefined {
  const [w, out] = [made.inputs[1]?.type.dims, facts.number(made.type.dims[1] as Dim)];
  const each = w && facts.number(w[1] as Dim);
  const all = w && facts.number(w[0] as Dim);
  if (each === undefined || all === undefined || out === undefined || out % each !== 0) return undefined;
  return all % (out / each) === 0 ? out / each : undefined;
}

/** One number a channel that comes out, as a factor of the weights. */
function alongWeights(o: Build, made: Node, row: Node): Node {
  const { dims } = (made.inputs[1] as Node).type;
  const behind = dims.slice(2).map(() => constant(1));
  if (made.op === "conv") return o.reshape(row, [dims[0] as Dim, constant(1), ...behind]);
  const groups = groupsOf(made, o.arena.facts) as number;
  const [each, inner] = [dims[1] as Dim, constant((o.arena.facts.number(dims[0] as Dim) as number) / groups)];
  return o.reshape(o.expand(o.reshape(row, [constant(groups), constant(1), each]), [constant(groups), inner, each]), [dims[0] as Dim, each, ...behind]);
}

function remade(o: Build, made: Node, w: Node, bias: Node | undefined): Node {
  const x = made.inputs[0] as Node;
  if (made.op === "conv") return o.conv(x, w, bias, windowOf(made));
  return o.make("foreign", bias ? [x, w, bias] : [x, w], { ...made.attrs, present: bias ? [1, 1, 1] : [1, 1] });
}

/** One number a channel of weights: [1, C, 1, …], or one number for all. */
function isChannel(node: Node, root: Node, facts: Facts): boolean {
  if (!isMadeOfWeights(node)) return false;
  const { dims } = node.type;
  if (dims.every((d) => isOne(d, facts))) return true;
  return dims.length === root.type.dims.length && dims.every((d, axis) => isOne(d, facts) || (axis === 1 && facts.equal(d, root.type.dims[1] as Dim)));
}

// 1. conv · factor   2. conv + shift   3. conv - shift
const affine: readonly Rule[] = [
  rule("factor of channels", ["root", "made", "factor"], {
    find: (o, { root, made, factor }) => o.as(root, o.mul(o.as(made, either(o)), factor)),
    when: ({ root, made, factor }, { facts }) => (isOpen(made, facts) && isChannel(factor, root, facts) && isMadeOfWeights(made.inputs[1] as Node)) || because("the factor is not one known number a channel", factor),
    put: (o, { made, factor }) => {
      const [, w, bias] = made.inputs as readonly [Node, Node, Node | undefined];
      const row = o.mul(o.fill(made.type.dtype, [made.type.dims[1] as Dim], 1), factorOf(o, factor));
      return remade(o, made, o.mul(w, alongWeights(o, made, row)), bias ? o.mul(bias, row) : undefined);
    },
  }),
  ...(["add", "sub"] as const).map((op) => rule(op === "add" ? "shift of channels" : "shift of channels taken away", ["root", "made", "shift"], {
    find: (o, { root, made, shift }) => o.as(root, o.binary(op, o.as(made, either(o)), shift)),
    when: ({ root, made, shift }, { facts }) => (isOpen(made, facts) && isChannel(shift, root, facts)) || because("the shift is not one known number a channel", shift),
    put: (o, { made, shift }) => {
      const [, w, bias] = made.inputs as readonly [Node, Node, Node | undefined];
      const before = bias ?? o.fill(made.type.dtype, [made.type.dims[1] as Dim], 0);
      return remade(o, made, w, o.binary(op, before, factorOf(o, shift)));
    },
  })),
];

/** [1, C, 1, …] as [C], a single number as a scalar. */
function factorOf(o: Parameters<Rule["put"]>[0], node: Node): Node {
  const { facts } = o.arena;
  const large = node.type.dims.filter((d) => !isOne(d, facts));
  return o.reshape(node, large);
}

// 4. a function behind a convolution that nothing else reads
const functions: readonly Rule[] = (["relu", "sigmoid", "tanh", "clip", "hardSigmoid"] as const).map((op) => rule(`${op} of a convolution`, ["root", "made"], {
  find: (o, { root, made }) => o.as(root, o.op(op, [o.as(made, o.sole(o.op("conv")))])),
  when: ({ made }) => bare(made) || because("it has a function already", made),
  put: (o, { root, made }) => {
    const [x, w, bias] = made.inputs as readonly [Node, Node, Node | undefined];
    const params = op === "clip" ? [root.attrs.least as number, root.attrs.most as number] : op === "hardSigmoid" ? [root.attrs.alpha as number, root.attrs.beta as number] : [];
    return o.conv(x, w, bias, { ...windowOf(made), activation: `${op[0]?.toUpperCase()}${op.slice(1)}`, params });
  },
}));

const rules = (target: TargetTable): readonly Rule[] => [...affine, ...(target.name === "cpu" ? functions : [])];

export default pass("convolutions", { needs: "fused", leaves: "fused", exact: true, rules });
