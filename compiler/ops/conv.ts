// Convolution with a bias and a function behind it, and the functions that stand behind convolutions: x held between two numbers, and a straight sigmoid.
import type { Node } from "../graph/node.ts";
import { type Dim, add, asNumber, constant, floorDivide, multiply } from "../types/dim.ts";
import { type DType, type TensorType, printType } from "../types/tensor.ts";
import { wide, widened } from "./elementwise.ts";
import type { Call } from "./call.ts";
import { CONTRIB, type Lowering, type OnnxAttrs, type Op, float } from "./op.ts";

/** What may stand behind a convolution, by the name that ONNX gives it, and how many numbers it takes. */
const FUNCTIONS: Readonly<Record<string, number>> = { "": 0, Relu: 0, Sigmoid: 0, Tanh: 0, HardSigmoid: 2, Clip: 2 };

/** ONNX Runtime has these in 32 bits alone on a CPU, and nowhere in bf16. */
const held = ({ target }: Lowering) => (dtype: DType): DType => (target === "cpu" ? "f32" : wide(dtype));

const conv: Op = {
  name: "conv",
  infer(call) {
    const count = call.count(2, 3);
    call.sameType(...call.inputs.keys());
    const { dtype, dims } = narrow(call);
    const w = call.rank(1, dims.length, "the weight").dims;
    const spatial = dims.length - 2;
    const [strides, dilations, pads] = ["strides", "dilations", "pads"].map((name) => call.numbers(name)) as [readonly number[], readonly number[], readonly number[]];
    if (spatial < 1 || strides.length !== spatial || dilations.length !== spatial || pads.length !== 2 * spatial) throw call.misfit("the window does not fit", `${spatial} axes of space`, "strides, dilations and padding for each of them");
    call.size(0, 1, multiply(w[1] as Dim, constant(call.number("group"))), "the channels do not fit the weight");
    if (count === 3) call.shape(2, [w[0] as Dim], "the bias is not one value a channel");
    const name = call.text("activation");
    if (FUNCTIONS[name] !== call.numbers("params").length) throw new Error(`conv was made with ${name} and ${call.numbers("params").length} numbers`);
    const sizes = dims.slice(2).map((d, i) => {
      const kernel = call.facts.number(w[i + 2] as Dim);
      if (kernel === undefined) throw call.misfit("the window is not known", (w[i + 2] as Dim).key, "a number");
      const reach = (kernel - 1) * (dilations[i] as number) + 1;
      return add(floorDivide(add(d, constant((pads[i] as number) + (pads[i + spatial] as number) - reach)), constant(strides[i] as number)), constant(1));
    });
    return [{ dtype, dims: [dims[0] as Dim, w[0] as Dim, ...sizes] }];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, (x) => {
    const { strides, pads, dilations, group } = node.attrs as unknown as Window;
    const kernel = (node.inputs[1] as Node).type.dims.slice(2).map((d) => asNumber(o.facts.bind(d)) as number);
    const attrs: OnnxAttrs = { strides, pads, dilations, group, kernel_shape: kernel };
    const [activation, params] = [node.attrs.activation as string, node.attrs.params as readonly number[]];
    if (activation === "") return o.node("Conv", x, attrs);
    if (o.target === "cpu") return o.node("FusedConv", x, { ...attrs, activation, ...(params.length > 0 ? { activation_params: { kind: "floats", values: params } } : {}) }, CONTRIB);
    return applied(o, o.node("Conv", x, attrs), held(o)(node.type.dtype), activation, params);
  }, held(o)),
};

/** The type of the input; 64 bits would be rounded. */
function narrow(call: Call): TensorType {
  const type = call.float(0);
  if (type.dtype === "f64") throw call.misfit("computes in 32 bits", printType(type), "f32, f16 or bf16");
  return type;
}

interface Window {
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
  readonly group: number;
}

/** The function as an operator of its own. */
function applied(o: Lowering, x: string, dtype: DType, name: string, [a, b]: readonly number[]): string {
  if (name === "Clip") return o.node("Clip", [x, o.scalar(dtype, a as number), o.scalar(dtype, b as number)]);
  return o.node(name, [x], name === "HardSigmoid" ? { alpha: float(a as number), beta: float(b as number) } : {});
}

const bounded = (name: string, opType: "Clip" | "HardSigmoid", numbers: readonly [string, string]): Op => ({
  name,
  infer(call) {
    call.count(1);
    for (const each of numbers) call.number(each);
    return [narrow(call)];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, ([x]) => applied(o, x as string, held(o)(node.type.dtype), opType, numbers.map((each) => node.attrs[each] as number)), held(o)),
});

export default [conv, bounded("clip", "Clip", ["least", "most"]), bounded("hardSigmoid", "HardSigmoid", ["alpha", "beta"])];
