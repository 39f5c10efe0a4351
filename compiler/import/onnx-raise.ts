// Operators of ONNX as ops of the graph: the table. What has no entry, or does not fit one, is carried through.
import { attentions } from "./onnx-raise-attention.ts";
import { convolutions } from "./onnx-raise-conv.ts";
import { elementwise } from "./onnx-raise-elementwise.ts";
import { gathers } from "./onnx-raise-gather.ts";
import { movement } from "./onnx-raise-movement.ts";
import { norms } from "./onnx-raise-norm.ts";
import { products } from "./onnx-raise-product.ts";
import { quantized } from "./onnx-raise-quantized.ts";
import { reductions } from "./onnx-raise-reduce.ts";
import { rotations } from "./onnx-raise-rotary.ts";
import { sources } from "./onnx-raise-sources.ts";
import type { Raise } from "./onnx-raising.ts";

const RAISE: ReadonlyMap<string, Raise> = new Map<string, Raise>([...elementwise, ...reductions, ...movement, ...gathers, ...sources, ...products, ...norms, ...attentions, ...rotations, ...quantized, ...convolutions]);

export const raiseOf = (domain: string, opType: string): Raise | undefined => RAISE.get(domain === "" ? opType : `${domain}.${opType}`);
