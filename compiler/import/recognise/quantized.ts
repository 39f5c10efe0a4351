// Quantized operators as recognition reads them: which of their inputs are data, and what was measured to quantize by.
import type { Node } from "../../graph/node.ts";
import { operatorOf } from "../../ops/foreign.ts";

/** Positions of the inputs that hold data; the others are scales, zero points and biases. */
const DATA: Readonly<Record<string, readonly number[]>> = {
  QuantizeLinear: [0], DequantizeLinear: [0], "com.microsoft.QuantizeLinear": [0], "com.microsoft.DequantizeLinear": [0], DynamicQuantizeLinear: [0],
  MatMulInteger: [0, 1], ConvInteger: [0, 1], QLinearMatMul: [0, 3], QLinearConv: [0, 3],
  "com.microsoft.MatMulInteger16": [0, 1], "com.microsoft.MatMulIntegerToFloat": [0, 1], "com.microsoft.DynamicQuantizeMatMul": [0, 1], "com.microsoft.MatMulNBits": [0, 1], "com.microsoft.QGemm": [0, 3],
};

/** What a node computes with, as the file's operator has it. */
export function dataOf(node: Node): readonly Node[] {
  const places = node.op === "foreign" ? DATA[operatorOf(node)] : undefined;
  if (!places) return node.inputs;
  // Inputs that are left out are not there.
  const present = node.attrs.present as readonly number[];
  return places.flatMap((place) => (present[place] ? (node.inputs[present.slice(0, place).filter(Boolean).length] ?? []) : []));
}

/** Numbers that are quantized by what they are: outputs are the whole numbers, their scale and their zero point. */
const measures = (node: Node | undefined): boolean => node?.op === "foreign" && operatorOf(node) === "DynamicQuantizeLinear";
/** The scale or the zero point that a run measures: it belongs to the numbers beside it, and no stream leads through it. */
export const isMeasured = (node: Node): boolean => node.op === "item" && measures(node.inputs[0]) && node.attrs.index !== 0;
/** The whole numbers themselves. */
export const isQuantized = (node: Node): boolean => node.op === "item" && measures(node.inputs[0]) && node.attrs.index === 0;
