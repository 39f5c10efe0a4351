// Raising of convolutions, of the norm of a batch behind them, and of the functions that hold values between two numbers.
import type { Literal, Node } from "../graph/node.ts";
import { values } from "../graph/build.ts";
import { operatorOf } from "../ops/foreign.ts";
import { type Dim, asNumber } from "../types/dim.ts";
import { type Raise, only, single } from "./onnx-raising.ts";
import { Kept, type Use } from "./onnx-use.ts";

const BARE = { activation: "", params: [] } as const;

const conv: Raise = (u) => convolved(u, single(u.x(0)), single(u.x(1)), u.has(2) ? single(u.x(2)) : undefined);

/** A convolution as the attributes say, of these. */
export function convolved(u: Use, x: Node, w: Node, bias: Node | undefined): Node {
  const kernel = w.type.dims.slice(2).map((d) => asNumber(d));
  only(x.type.dims.length >= 3 && x.type.dims.length === w.type.dims.length && !kernel.includes(undefined), "a window that is not known");
  const each = (name: string): readonly number[] => u.ints(name) ?? kernel.map(() => 1);
  const [strides, dilations] = [each("strides"), each("dilations")];
  const pads = padding(u, kernel as number[], strides, dilations);
  return u.o.conv(x, w, bias, { strides, dilations, pads, group: u.int("group", 1), ...BARE });
}

/** Zeros around the input: all starts, then all ends. */
function padding(u: Use, kernel: readonly number[], strides: readonly number[], dilations: readonly number[]): readonly number[] {
  const auto = u.text("auto_pad", "NOTSET");
  if (auto === "NOTSET") return u.ints("pads") ?? kernel.flatMap(() => [0, 0]);
  if (auto === "VALID") return kernel.flatMap(() => [0, 0]);
  // With steps the padding depends on the size.
  only(strides.every((s) => s === 1), "padding that depends on the size");
  const whole = kernel.map((k, i) => (k - 1) * (dilations[i] as number));
  const [less, more] = [whole.map((p) => Math.floor(p / 2)), whole.map((p) => Math.ceil(p / 2))];
  return auto === "SAME_UPPER" ? [...less, ...more] : [...more, ...less];
}

const FUNCTIONS = { Relu: 0, Sigmoid: 0, Tanh: 0, HardSigmoid: 2, Clip: 2 } as const;

/** com.microsoft FusedConv. */
const fusedConv: Raise = (u, constantOf) => {
  const [name, params] = [u.text("activation", ""), u.floats("activation_params") ?? []];
  only(!u.has(3) && Object.hasOwn(FUNCTIONS, name) && FUNCTIONS[name as keyof typeof FUNCTIONS] === params.length, "another function, or a sum");
  const made = conv(u, constantOf) as Node;
  switch (name) {
    case "HardSigmoid": return u.o.hardSigmoid(made, params[0] as number, params[1] as number);
    case "Clip": return u.o.clip(made, params[0] as number, params[1] as number);
    default: return u.o.unary(name.toLowerCase() as "relu" | "sigmoid" | "tanh", made);
  }
};

/** The norm of a batch, in use and not in training, is a factor and a shift for each channel. Only where it can join a convolution: elsewhere the one operator is better. */
const batchNorm: Raise = (u) => {
  const [x, gain, shift, mean, variance] = [0, 1, 2, 3, 4].map((i) => single(u.x(i))) as [Node, Node, Node, Node, Node];
  only(u.int("training_mode", 0) === 0 && !u.wanted(1) && (x.op === "conv" || (x.op === "foreign" && operatorOf(x) === "ConvTranspose")), "no convolution before it");
  const { o } = u;
  const factor = o.div(gain, o.sqrt(o.add(variance, o.scalar("f32", u.float("epsilon", 1e-5)))));
  return o.add(o.mul(x, channel(u, factor, x)), channel(u, o.sub(shift, o.mul(mean, factor)), x));
};

/** One value a channel, as [1, C, 1, …]. */
const channel = (u: Use, row: Node, x: Node): Node => u.o.reshape(row, x.type.dims.map((_, axis) => (axis === 1 ? (row.type.dims[0] as Dim) : 1)));

/** A bound that is known; f32 only. */
function bound(u: Use, index: number, attribute: string, otherwise: number): number {
  if (!u.has(index)) return u.float(attribute, otherwise);
  const node = u.x(index);
  if (node.op !== "const") throw new Kept("a bound that is computed");
  return values(node.attrs.value as Literal)[0] as number;
}

const LARGEST = 3.4028234663852886e38;

const clip: Raise = (u) => {
  const x = single(u.x(0));
  const [least, most] = [bound(u, 1, "min", -LARGEST), bound(u, 2, "max", LARGEST)];
  only(least <= most, "bounds that cross");
  return u.o.clip(x, least, most);
};

export const convolutions: readonly (readonly [string, Raise])[] = [
  ["Conv", conv], ["com.microsoft.FusedConv", fusedConv], ["BatchNormalization", batchNorm], ["Clip", clip],
  ["HardSigmoid", (u) => u.o.hardSigmoid(single(u.x(0)), u.float("alpha", 0.2), u.float("beta", 0.5))],
];
