// Tensors of an ONNX file as nodes: small ones as constants, large ones by their place in a file, what the graph has no type for as it is encoded.
import proto from "onnx-proto";
import { imports } from "../diagnostics/import.ts";
import { report } from "../diagnostics/define.ts";
import { type Build, literal } from "../graph/build.ts";
import type { Literal, Node, WeightRef } from "../graph/node.ts";
import { type Host, HostError } from "../host.ts";
import { OPAQUE, foreignAttrs } from "../ops/foreign.ts";
import { constant } from "../types/dim.ts";
import { BITS, type DType, type TensorType } from "../types/tensor.ts";
import { copied, messageField, renamedTensor } from "./onnx-encode.ts";
import type { OnnxSparse, OnnxTensor } from "./onnx-file.ts";
import { Unusable } from "./onnx-inline.ts";
import type { Window } from "./protobuf.ts";

const { onnx } = proto;

/** Up to so many bytes a tensor stands in the graph itself. */
const SMALL = 1024;
/** Lists of whole numbers are places more often than weights, and what they say decides how the graph can be written. */
const SMALL_WHOLE = 2 ** 16;
/** What is compared at once, and what is looked at first. */
const BLOCK = 2 ** 20;
const SAMPLE = 64;
/** What is encoded in a message is in memory: tensors of element types that the graph does not know. */
const MOST_ENCODED = 2 ** 28;

/** Where the bytes of a tensor lie. `file` undefined: in memory, with the message. */
interface Place {
  readonly file: string | undefined;
  readonly offset: number;
}

export class Tensors {
  readonly #host: Host;
  readonly #window: Window;
  /** Path of the model for the host, undefined where it lies in memory only, and as people know it. */
  readonly #path: string | undefined;
  readonly #shown: string;
  /** Weights by type and a sample of their bytes. */
  readonly #weights = new Map<string, WeightRef[]>();

  constructor(host: Host, window: Window, path: string | undefined, shown: string) {
    this.#host = host;
    this.#window = window;
    this.#path = path;
    this.#shown = shown;
  }

  node(o: Build, tensor: OnnxTensor): Node {
    const { dtype, dims, data, name } = tensor;
    if (!dims.every((d) => Number.isSafeInteger(d))) throw this.#unusable(tensor, `its sizes are [${dims.join(", ")}]`);
    if (dtype === undefined || data.kind === "strings") return this.#encoded(o, tensor);
    const elements = dims.reduce((product, d) => product * d, 1);
    if (data.kind === "numbers") return this.#written(o, tensor, dtype, elements);
    const length = Math.ceil((elements * BITS[dtype]) / 8);
    const place = this.#place(tensor, length);
    if (place.file === undefined || length <= (dtype === "i64" ? SMALL_WHOLE : SMALL)) return o.const(dtype, dims, { kind: "literal", dtype, bytes: this.#read(tensor, place, length) });
    return o.weight(this.#first({ kind: "weight-ref", name, file: place.file, offset: place.offset, length, dtype, shape: dims }));
  }

  /** A sparse tensor, which the runtime spreads out. */
  sparse(o: Build, sparse: OnnxSparse): Node {
    const { dtype } = sparse.values;
    const type: TensorType = dtype ? { dtype, dims: sparse.dims.map(constant) } : OPAQUE;
    return this.#constant(o, messageField("sparse_value", "sparse", copied(this.#window, sparse.place)), type);
  }

  /** Whether a tensor in a sub-graph is better made outside of it: bytes that are large, or that lie in another file. */
  isLarge({ data }: OnnxTensor): boolean {
    return data.kind === "external" || (data.kind === "inside" && data.end - data.start > SMALL);
  }

  /** The first weight that holds the same bytes: exporters write shared tables several times. */
  #first(ref: WeightRef): WeightRef {
    const key = `${ref.dtype}[${ref.shape}] ${this.#sample(ref)}`;
    const alike = this.#weights.get(key) ?? [];
    const first = alike.find((other) => this.#isEqual(ref, other));
    if (!first) this.#weights.set(key, [...alike, ref]);
    return first ?? ref;
  }

  /** A few bytes, which tell most weights apart without reading them. */
  #sample(ref: WeightRef): string {
    const places = [0, Math.floor(ref.length / 2), ref.length - SAMPLE];
    return places.map((at) => this.#host.readRange(ref.file, ref.offset + at, SAMPLE).join(",")).join(" ");
  }

  #isEqual(a: WeightRef, b: WeightRef): boolean {
    if (a.file === b.file && a.offset === b.offset) return true;
    for (let at = 0; at < a.length; at += BLOCK) {
      const length = Math.min(BLOCK, a.length - at);
      const [x, y] = [a, b].map((ref) => this.#host.readRange(ref.file, ref.offset + at, length).slice()) as [Uint8Array, Uint8Array];
      if (x.some((byte, i) => byte !== y[i])) return false;
    }
    return true;
  }

  #written(o: Build, tensor: OnnxTensor, dtype: DType, elements: number): Node {
    const { dims, data } = tensor;
    if (data.kind !== "numbers") throw new Error(`${tensor.name} is not written number by number`);
    const isPacked = dtype === "i4" || dtype === "u4";
    const wanted = isPacked ? Math.ceil(elements / 2) : elements;
    if (data.values.length !== wanted && !isPacked) throw this.#unusable(tensor, `it holds ${data.values.length} numbers, and its shape [${dims.join(", ")}] wants ${elements}`);
    // Integers beyond 2⁵³ are read rounded; the message has them whole.
    if (isPacked || (dtype === "i64" && !data.values.every(Number.isSafeInteger))) return this.#encoded(o, tensor);
    return o.const(dtype, dims, this.#literal(dtype, data.values));
  }

  #literal(dtype: DType, values: readonly number[]): Literal {
    if (dtype !== "f16" && dtype !== "bf16") return literal(dtype, values);
    const { bytes } = literal("i16", values.map((v) => (v << 16) >> 16));
    return { kind: "literal", dtype, bytes };
  }

  #encoded(o: Build, tensor: OnnxTensor): Node {
    const { data, place, dims } = tensor;
    const length = data.kind === "external" ? (data.length ?? 0) : place.end - place.start;
    if (length > MOST_ENCODED) throw this.#unusable(tensor, `it is of an element type that I carry as it is (number ${tensor.code} in ONNX), and ${length} bytes are too many for that`);
    const type: TensorType = tensor.dtype ? { dtype: tensor.dtype, dims: dims.map(constant) } : OPAQUE;
    return this.#constant(o, messageField("value", "tensor", data.kind === "external" ? this.#fetched(tensor, length) : copied(this.#window, place)), type);
  }

  /** A TensorProto with the bytes that lie elsewhere. */
  #fetched(tensor: OnnxTensor, length: number): Uint8Array {
    const head = onnx.TensorProto.decode(renamedTensor(this.#window, tensor.place, tensor.name));
    const rawData = this.#read(tensor, this.#place(tensor, length), length);
    return onnx.TensorProto.encode({ name: head.name, dims: head.dims, dataType: head.dataType, rawData }).finish();
  }

  #constant(o: Build, attributes: Uint8Array, type: TensorType): Node {
    return o.make("foreign", [], foreignAttrs({ opType: "Constant", domain: "", attributes, present: [], outputs: [type], copy: 0 }));
  }

  #place(tensor: OnnxTensor, length: number): Place {
    const { data, dims } = tensor;
    const wants = `its shape [${dims.join(", ")}] wants ${length}`;
    if (data.kind === "inside") {
      if (data.end - data.start !== length) throw this.#unusable(tensor, `the file holds ${data.end - data.start} bytes of it, and ${wants}`);
      return { file: this.#path, offset: data.start };
    }
    if (data.kind !== "external") throw new Error(`${tensor.name} has no place`);
    if (data.length !== undefined && data.length !== length) throw this.#unusable(tensor, `the file says that ${data.length} bytes of ${data.location} are its, and ${wants}`);
    return { file: this.#beside(tensor, data.location, data.offset + length), offset: data.offset };
  }

  /** Another file of the model, which must lie in the model's folder. */
  #beside(tensor: OnnxTensor, location: string, end: number): string {
    const file = location.split(/[\\/]/).includes("..") ? undefined : this.#path && this.#host.locate(location, this.#path);
    if (file === undefined) throw this.#unusable(tensor, `its data lies in ${JSON.stringify(location)}, outside of the model's folder`);
    try {
      const facts = this.#host.stat(file);
      if (!facts) throw this.#unusable(tensor, `its data lies in ${location}, which does not exist`);
      if (facts.isDirectory) throw this.#unusable(tensor, `its data is to lie in ${location}, which is a directory`);
      if (end > facts.size) throw this.#unusable(tensor, `its data ends at byte ${end} of ${location}, which has ${facts.size}`);
    } catch (error) {
      if (error instanceof HostError) throw this.#unusable(tensor, `its data lies in ${location}: ${error.reason}`);
      throw error;
    }
    return file;
  }

  #read(tensor: OnnxTensor, { file, offset }: Place, length: number): Uint8Array {
    try {
      return file === undefined ? this.#window.bytes(offset, offset + length) : this.#host.readRange(file, offset, length).slice();
    } catch (error) {
      if (error instanceof HostError) throw this.#unusable(tensor, error.reason);
      throw error;
    }
  }

  #unusable = (tensor: OnnxTensor, why: string): Unusable => new Unusable(report(imports.I505, undefined, { file: this.#shown, tensor: tensor.name, why }));
}

