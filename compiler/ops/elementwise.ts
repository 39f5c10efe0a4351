// Ops that work on each element: arithmetic, comparisons, choice and conversion.
import type { Node } from "../graph/node.ts";
import { type DType, isFloat, printType } from "../types/tensor.ts";
import type { Call } from "./call.ts";
import { ONNX_TYPE, type Lowering, type OnnxAttrs, type Op } from "./op.ts";

const FLOAT_FUNCTIONS: Readonly<Record<string, string>> = {
  exp: "Exp", log: "Log", sqrt: "Sqrt", tanh: "Tanh", erf: "Erf", sigmoid: "Sigmoid", sin: "Sin", cos: "Cos",
  floor: "Floor", ceil: "Ceil", round: "Round", atanh: "Atanh",
};
const NUMBER_FUNCTIONS: Readonly<Record<string, string>> = { neg: "Neg", abs: "Abs", sign: "Sign" };
const ARITHMETIC: Readonly<Record<string, string>> = { add: "Add", sub: "Sub", mul: "Mul", div: "Div", pow: "Pow", min: "Min", max: "Max", mod: "Mod" };
const COMPARISONS: Readonly<Record<string, string>> = { eq: "Equal", lt: "Less", le: "LessOrEqual", gt: "Greater", ge: "GreaterOrEqual" };
const LOGIC: Readonly<Record<string, string>> = { and: "And", or: "Or" };

const table = (names: Readonly<Record<string, string>>, make: (name: string, opType: string) => Op): Op[] =>
  Object.entries(names).map(([name, opType]) => make(name, opType));

const unary = (name: string, opType: string, check: (call: Call) => void): Op => ({
  name,
  infer(call) {
    call.count(1);
    check(call);
    return [call.type(0)];
  },
  lower: (node, o) => (ONLY_SINGLE.has(name) ? inSingle : widened)(node, node.type.dtype, o, (x) => o.node(opType, x)),
});

/** What ONNX Runtime computes in no more than 32 bits. */
const ONLY_SINGLE = new Set(["erf", "atanh"]);

const relu: Op = {
  ...unary("relu", "Relu", (call) => call.numeric(0)),
  lower: (node, o) => widened(node, node.type.dtype, o, ([x]) => {
    const dtype = wide(node.type.dtype);
    return isFloat(dtype) ? o.node("Relu", [x]) : o.node("Max", [x, o.scalar(dtype, 0)]);
  }),
};

const binary = (name: string, opType: string, check: (call: Call) => void, result: DType | undefined, attrs: (dtype: DType) => OnnxAttrs = () => ({})): Op => ({
  name,
  infer(call) {
    call.count(2);
    check(call);
    const dtype = call.sameType(0, 1);
    return [{ dtype: result ?? dtype, dims: call.broadcast([0, 1]) }];
  },
  // A sum that stays apart is ONNX's of any number of operands, which is as fast and joined with nothing.
  lower: (node, o) => widened(node, result ?? node.type.dtype, o, (x) => o.node(node.attrs.apart === true ? "Sum" : opType, x, attrs(operand(node)))),
});

const where: Op = {
  name: "where",
  infer(call) {
    call.count(3);
    call.ofType(0, "bool", "the condition");
    return [{ dtype: call.sameType(1, 2), dims: call.broadcast([0, 1, 2]) }];
  },
  lower(node, o) {
    const [condition, ...branches] = node.inputs as [Node, Node, Node];
    const { dtype } = node.type;
    // ONNX Runtime chooses between numbers only.
    const chosen = dtype === "bool" ? "u8" : wide(dtype);
    const [a, b] = branches.map((x) => castTo(o, o.value(x), dtype, chosen));
    return castTo(o, o.node("Where", [o.value(condition), a, b]), chosen, dtype);
  },
};

const cast: Op = {
  name: "cast",
  infer(call) {
    call.count(1);
    return [{ dtype: call.dtype("to"), dims: call.type(0).dims }];
  },
  lower: (node, o) => castTo(o, o.value(node.inputs[0] as Node), operand(node), node.type.dtype),
};

const not: Op = {
  name: "not",
  infer: (call) => { call.count(1); return [call.ofType(0, "bool", "the operand")]; },
  lower: (node, o) => o.node("Not", [o.value(node.inputs[0] as Node)]),
};

const isnan: Op = {
  name: "isnan",
  infer: (call) => { call.count(1); return [{ ...call.float(0), dtype: "bool" }]; },
  lower: (node, o) => o.node("IsNaN", [castTo(o, o.value(node.inputs[0] as Node), operand(node), wide(operand(node)))]),
};

const signed = (call: Call): void => {
  const type = call.numeric(0);
  if (type.dtype === "u16" || type.dtype === "u8" || type.dtype === "u4") throw call.misfit("works on numbers with a sign", printType(type), "a signed element type");
};
const bothNumeric = (call: Call): void => { call.numeric(0); call.numeric(1); };
const bothBool = (call: Call): void => { call.ofType(0, "bool", "the left side"); call.ofType(1, "bool", "the right side"); };

const unaries = [
  ...table(FLOAT_FUNCTIONS, (name, opType) => unary(name, opType, (call) => call.float(0))),
  ...table(NUMBER_FUNCTIONS, (name, opType) => unary(name, opType, name === "neg" ? signed : (call) => call.numeric(0))),
  relu,
];

export default [
  ...unaries, not, isnan,
  // ONNX has a remainder of floats only as C's fmod.
  ...table(ARITHMETIC, (name, opType) => binary(name, opType, bothNumeric, undefined, name === "mod" ? (dtype) => ({ fmod: isFloat(dtype) }) : undefined)),
  ...table(COMPARISONS, (name, opType) => binary(name, opType, name === "eq" ? () => {} : bothNumeric, "bool")),
  ...table(LOGIC, (name, opType) => binary(name, opType, bothBool, "bool")),
  where, cast,
];

export function castTo(o: Lowering, value: string, from: DType, to: DType): string {
  return from === to ? value : o.node("Cast", [value], { to: ONNX_TYPE[to] });
}

/** The element type that arithmetic runs in: ONNX Runtime computes neither in narrow integers nor in bf16. */
export function wide(dtype: DType): DType {
  if (dtype === "bf16") return "f32";
  return dtype === "i16" || dtype === "i8" || dtype === "u16" || dtype === "u8" || dtype === "i4" || dtype === "u4" ? "i32" : dtype;
}

const operand = (node: Node): DType => (node.inputs[0] as Node).type.dtype;

/** Runs `make` on inputs of a type that can be computed in, and brings the result back. */
export function widened(node: Node, result: DType, o: Lowering, make: (inputs: string[]) => string, type: (of: DType) => DType = wide): string {
  const made = make(node.inputs.map((x) => castTo(o, o.value(x), x.type.dtype, type(x.type.dtype))));
  return result === "bool" ? made : castTo(o, made, type(result), result);
}

/** The same for what is computed in no more than 32 bits. */
export function inSingle(node: Node, result: DType, o: Lowering, make: (inputs: string[]) => string): string {
  return widened(node, result, o, make, (dtype) => (dtype === "f64" ? "f32" : wide(dtype)));
}
