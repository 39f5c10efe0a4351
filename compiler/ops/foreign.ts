// An operator of an imported file that the graph has no op for, carried through as it stands: encoded attributes, inputs by position, types as found.
import type { Attrs, Literal, Node } from "../graph/node.ts";
import { type Dim, symbol } from "../types/dim.ts";
import { type TensorType, isDType } from "../types/tensor.ts";
import type { Op } from "./op.ts";

/** Stands for all that is no tensor the graph can type: texts, sequences, unknown ranks. Only foreign nodes take such values. */
export const OPAQUE: TensorType = { dtype: "u8", dims: [symbol("#opaque")] };
export const isOpaque = (type: TensorType): boolean => type.dims.length === 1 && type.dims[0]?.key === "#opaque";

interface Foreign {
  readonly opType: string;
  readonly domain: string;
  /** Fields `attribute` of a NodeProto. A sub-graph in there calls captured value number i `CAPTURED + i`. */
  readonly attributes: Uint8Array;
  /** Which inputs are given: an optional one in between may be left out. Inputs of the node behind these are captured by sub-graphs. */
  readonly present: readonly boolean[];
  /** Types of the outputs; undefined: the output is left out. */
  readonly outputs: readonly (TensorType | undefined)[];
  /** Keeps nodes apart that give another value each time; 0: equal nodes are one. */
  readonly copy: number;
}

/** Before the number of a captured value; no value of a file is called so, for the importer renames what is inside of sub-graphs. */
export const CAPTURED = "@captured/";
/** Before the number of a value inside of a sub-graph. */
export const INNER = "@inner/";

/** The attributes of a foreign node; its inputs are those that are present, then those that are captured. */
export const foreignAttrs = (f: Foreign): Attrs => {
  const made = f.outputs.filter((t) => t !== undefined);
  return {
    opType: f.opType, domain: f.domain, copy: f.copy,
    attributes: { kind: "literal", dtype: "u8", bytes: f.attributes },
    present: f.present.map(Number), wanted: f.outputs.map((t) => (t ? 1 : 0)),
    dtypes: made.map((t) => t.dtype), ranks: made.map((t) => t.dims.length), dims: made.flatMap((t) => t.dims),
  };
};

/** The operator by its name in ONNX, that of its domain before it where it is not of the standard: `Clip`, `com.microsoft.QGemm`. */
export const operatorOf = ({ attrs }: Node): string => (attrs.domain === "" ? String(attrs.opType) : `${String(attrs.domain)}.${String(attrs.opType)}`);

const foreign: Op = {
  name: "foreign",
  infer(call) {
    const { dtypes, ranks, dims } = call.attrs as unknown as { dtypes: readonly string[]; ranks: readonly number[]; dims: readonly Dim[] };
    let at = 0;
    return dtypes.map((dtype, i) => {
      if (!isDType(dtype)) throw new Error(`op ${call.op} was made with an element type ${dtype}`);
      const from = at;
      at += ranks[i] as number;
      return { dtype, dims: dims.slice(from, at) };
    });
  },
  lower(node, o) {
    const present = node.attrs.present as readonly number[];
    const wanted = node.attrs.wanted as readonly number[];
    const values = node.inputs.map((x) => o.value(x));
    let at = 0;
    const inputs = present.map((given) => (given ? values[at++] : undefined));
    const made = o.foreign({
      opType: node.attrs.opType as string, domain: node.attrs.domain as string, inputs, outputs: wanted.map(Boolean),
      attributes: (node.attrs.attributes as Literal).bytes, captured: values.slice(at),
    });
    return made.filter((_, i) => wanted[i]);
  },
};

export default [foreign];

