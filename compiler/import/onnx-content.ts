// What an ONNX file holds, for whoever compares files: its ports, its nodes, and where its weights lie. Nothing is raised, no large weight is read.
import type { Problem } from "../diagnostics/define.ts";
import { Build } from "../graph/build.ts";
import { Arena, type Literal, type WeightRef } from "../graph/node.ts";
import type { Host } from "../host.ts";
import { infer } from "../ops/index.ts";
import type { DType } from "../types/tensor.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "./onnx-file.ts";
import { inlined } from "./onnx-inline.ts";
import { openModel } from "./onnx-open.ts";
import { Tensors } from "./onnx-tensor.ts";

export interface OnnxContent {
  /** Without those that are weights too. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Functions written out; behind a node those of its sub-graphs. */
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly OnnxWeight[];
}

export interface OnnxWeight {
  readonly name: string;
  /** Undefined for element types that are only carried. */
  readonly dtype: DType | undefined;
  readonly dims: readonly number[];
  /** Where the values lie, or small ones themselves; of `dtype` undefined the message. */
  readonly values: WeightRef | Literal;
}

/** Reads a model. What is wrong with it comes back as problems. */
export function readContent(host: Host, path: string): { readonly value: OnnxContent | undefined; readonly problems: readonly Problem[] } {
  return openModel(host, path, ({ model, window, place, file }) => {
    const graph = inlined(model, file);
    const found: { nodes: OnnxNode[]; tensors: OnnxTensor[] } = { nodes: [], tensors: [] };
    walk(graph, found);
    const tensors = new Tensors(host, window, place, file);
    const o = new Build(new Arena(infer));
    const weights = found.tensors.map((tensor): OnnxWeight => {
      const { ref, value, attributes } = tensors.node(o, tensor).attrs as { readonly ref?: WeightRef; readonly value?: Literal; readonly attributes?: Literal };
      const values = ref ?? value ?? attributes;
      if (!values) throw new Error(`the weight ${tensor.name} has no values`);
      return { name: tensor.name, dtype: values === attributes ? undefined : tensor.dtype, dims: tensor.dims, values };
    });
    const given = new Set(weights.map((w) => w.name));
    return { value: { inputs: graph.inputs.filter((i) => !given.has(i.name)), outputs: graph.outputs, nodes: found.nodes, weights }, problems: [] };
  });
}

/** Nodes and weights of a graph and of the graphs in it; a node `Constant` is a weight that has the name of its result. */
function walk(graph: OnnxGraph, into: { readonly nodes: OnnxNode[]; readonly tensors: OnnxTensor[] }): void {
  for (const tensor of graph.initializers) into.tensors.push(tensor);
  for (const node of graph.nodes) {
    into.nodes.push(node);
    for (const { value } of node.attributes.values()) {
      if (value.kind === "graph") walk(value.value, into);
      else if (value.kind === "graphs") for (const inner of value.values) walk(inner, into);
      else if (value.kind === "tensor" && node.opType === "Constant" && node.domain === "") into.tensors.push({ ...value.value, name: node.outputs[0] ?? "" });
    }
  }
}
