// Convolutions take in what stands behind them: factors and shifts of channels (the norm of a batch), biases, and on a CPU the function.
import type { Window } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import type { TargetTable } from "../targets/target.ts";
import { type Dim, type Facts, constant } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { isMadeOfWeights } from "./constant.ts";
import { pass } from "./pass.ts";

const windowOf = (node: Node): Window => node.attrs as unknown as Window;
const bare = (node: Node): boolean => windowOf(node).activation === "";

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
    find: (o, { root, made, factor }) => o.as(root, o.mul(o.as(made, o.sole(o.op("conv"))), factor)),
    when: ({ root, made, factor }, { facts }) => (bare(made) && isChannel(factor, root, facts) && isMadeOfWeights(made.inputs[1] as Node)) || because("the factor is not one known number a channel", factor),
    put: (o, { made, factor }) => {
      const [x, w, bias] = made.inputs as readonly [Node, Node, Node | undefined];
      const { dtype } = made.type;
      const channels = w.type.dims[0] as Dim;
      const row = o.mul(o.fill(dtype, [channels], 1), factorOf(o, factor));
      const wide = o.mul(w, o.reshape(row, w.type.dims.map((d, axis) => (axis === 0 ? d : constant(1)))));
      return o.conv(x, wide, bias ? o.mul(bias, row) : undefined, windowOf(made));
    },
  }),
  ...(["add", "sub"] as const).map((op) => rule(op === "add" ? "shift of channels" : "shift of channels taken away", ["root", "made", "shift"], {
    find: (o, { root, made, shift }) => o.as(root, o.binary(op, o.as(made, o.sole(o.op("conv"))), shift)),
    when: ({ root, made, shift }, { facts }) => (bare(made) && isChannel(shift, root, facts)) || because("the shift is not one known number a channel", shift),
    put: (o, { made, shift }) => {
      const [x, w, bias] = made.inputs as readonly [Node, Node, Node | undefined];
      const before = bias ?? o.fill(made.type.dtype, [w.type.dims[0] as Dim], 0);
      return o.conv(x, w, o.binary(op, before, factorOf(o, shift)), windowOf(made));
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
