// Constants of the emitted model: small ones stand in it, large ones are laid out in one data file and streamed there, never whole in memory.
import { type Problem, report } from "../diagnostics/define.ts";
import { weights } from "../diagnostics/weights.ts";
import { constantRoots } from "../graph/constants.ts";
import { type Graph, type Node, topological, type WeightRef } from "../graph/node.ts";
import type { Host } from "../host.ts";
import type { Facts } from "../types/dim.ts";
import { BITS, type DType, isFloat, printType } from "../types/tensor.ts";
import { count } from "./boxes.ts";
import { ConstantValues } from "./constant-values.ts";
import { decode, encode, Inexact, numbers } from "./numbers.ts";
import { emitConstantModel, type Initializer } from "./onnx.ts";
import { UnusableWeight, WeightReader } from "./weight-reader.ts";

export { UnusableWeight } from "./weight-reader.ts";

/** Name of the file that holds the large constants, beside the model. */
export const DATA_FILE = "model.onnx.data";
/** Pages, so that a runtime can map the file instead of reading it. */
const ALIGNMENT = 4096;
/** Constants up to this many bytes stand in the model itself. */
const INLINE = 1024;
/** Lists of integers are shapes and indices, which a runtime wants to see while it loads. */
const INLINE_INTEGERS = 8192;

interface PlannedTensor {
  readonly node: Node;
  readonly offset: number;
  readonly length: number;
}
interface ConstantsOptions {
  /** The data file, as the model finds it; `DATA_FILE` unless given. */
  readonly file?: string;
  /** Infinities and what is no number are let through: an imported model may hide by them. */
  readonly unchecked?: boolean;
}
export interface Plan {
  /** For `emitModel`: all constants, but those that the run makes more cheaply than a file holds them. */
  readonly initializers: ReadonlyMap<Node, Initializer>;
  /** What the data file holds, in its order. */
  readonly tensors: readonly PlannedTensor[];
  /** Size of the data file; 0: there is none. */
  readonly bytes: number;
  readonly facts: Facts;
  readonly options: ConstantsOptions;
}

/** Decides for each constant where it goes, and computes the small ones. The same graph gives the same plan. */
export async function planConstants(graph: Graph, host: Host, options: ConstantsOptions = {}): Promise<{ readonly value: Plan; readonly problems: readonly Problem[] }> {
  const { facts } = graph.arena;
  const makers = new Makers(facts, host, options);
  const initializers = new Map<Node, Initializer>();
  const tensors: PlannedTensor[] = [];
  const problems: Problem[] = [];
  let end = 0;
  for (const node of stored(graph, makers)) {
    const dims = makers.values.sizes(node);
    const { dtype } = node.type;
    const length = Math.ceil((count(dims) * BITS[dtype]) / 8);
    if (length <= (dtype === "i64" && dims.length <= 1 ? INLINE_INTEGERS : INLINE)) {
      try {
        initializers.set(node, { kind: "inline", dtype, dims, bytes: await gathered(makers.bytes(node), length) });
      } catch (error) {
        if (!(error instanceof UnusableWeight)) throw error;
        problems.push(error.problem);
      }
    } else {
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      initializers.set(node, { kind: "external", dtype, dims, location: options.file ?? DATA_FILE, offset, length });
      tensors.push({ node, offset, length });
      end = offset + length;
    }
  }
  return { value: { initializers, tensors, bytes: end, facts, options }, problems };
}

/** The bytes of the data file. A chunk is overwritten when the next one is asked for. Throws `UnusableWeight`. */
export async function* streamConstants(plan: Plan, host: Host): AsyncGenerator<Uint8Array> {
  const makers = new Makers(plan.facts, host, plan.options);
  const zeros = new Uint8Array(ALIGNMENT);
  let written = 0;
  for (const { node, offset, length } of plan.tensors) {
    if (offset > written) yield zeros.subarray(0, offset - written);
    written = offset;
    for await (const chunk of makers.bytes(node)) {
      yield chunk;
      written += chunk.length;
      host.progress("weights", written, plan.bytes);
    }
    if (written !== offset + length) throw new Error(`${printType(node.type)} was planned with ${length} bytes and has ${written - offset}`);
  }
}

/** The constants to store: the roots, or what stands behind a root that the run computes. */
function stored(graph: Graph, makers: Makers): Node[] {
  const kept = new Set<Node>();
  const decide = (node: Node): void => {
    if (kept.has(node)) return;
    if (makers.isLeftToTheRun(node)) for (const input of node.inputs) decide(input);
    else kept.add(node);
  };
  for (const root of constantRoots(graph)) decide(root);
  return [...kept];
}

/** The ways in which the bytes of a constant are had. */
class Makers {
  readonly values: ConstantValues;
  readonly #facts: Facts;
  readonly #host: Host;
  readonly #reader: WeightReader;

  constructor(facts: Facts, host: Host, { unchecked = false }: ConstantsOptions) {
    this.#facts = facts;
    this.#host = host;
    this.#reader = new WeightReader(host, unchecked);
    this.values = new ConstantValues(facts, this.#reader);
  }

  /** Repetition costs a run less than a file; and what nobody here can compute, the run must. */
  isLeftToTheRun(node: Node): boolean {
    // A weight in 16 bits that something wants in 32: widening costs a run less than a file.
    if (node.op === "cast" && node.attrs.atRun === true) return true;
    const size = (of: Node): number => count(this.values.sizes(of)) * BITS[of.type.dtype];
    if (size(node) > INLINE * 8 && (node.op === "fill" || (node.op === "expand" && size(node) > 4 * size(node.inputs[0] as Node)))) return true;
    return !this.#host.evaluate && !this.values.supports(node);
  }

  async *bytes(node: Node): AsyncGenerator<Uint8Array> {
    let done = 0;
    if (this.values.supports(node)) {
      try {
        for (const panel of this.values.stream(node)) {
          yield panel;
          done += panel.length;
        }
        return;
      } catch (error) {
        if (!(error instanceof Inexact)) throw error;
      }
    }
    yield (await this.#evaluated(node)).subarray(done);
  }

  async #evaluated(node: Node): Promise<Uint8Array> {
    const failed = (why: string): UnusableWeight => new UnusableWeight(report(weights.W412, undefined, { type: printType(node.type), op: node.op, why }));
    if (!this.#host.evaluate) throw failed("there is no evaluator here");
    this.#checkWeights(node);
    const model = emitConstantModel(node, this.#facts);
    const outputs = await this.#host.evaluate(model.model, {}).catch((error: unknown) => { throw failed((error as Error).message); });
    const value = outputs[model.output];
    if (!value) throw failed("the evaluator gives no result");
    return converted(value.bytes, model.dtype, node.type.dtype, count(this.values.sizes(node)));
  }

  /** The evaluator reads weights by itself; so they are looked through before. */
  #checkWeights(root: Node): void {
    for (const node of topological([root])) {
      if (node.op !== "weight" || !isFloat(node.type.dtype)) continue;
      const ref = node.attrs.ref as WeightRef;
      const step = 2 ** 21;
      for (let at = 0; at < ref.length; at += step) this.#reader.stored(ref, at, Math.min(step, ref.length - at));
    }
  }
}

/** The evaluator hands out no bf16; its f32 is brought back. */
function converted(bytes: Uint8Array, from: DType, to: DType, length: number): Uint8Array {
  if (from === to) return bytes;
  const values = numbers(from, length);
  decode(from, bytes, values, 0, length);
  return encode(to, values, 0, length);
}

async function gathered(chunks: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const all = new Uint8Array(length);
  let at = 0;
  for await (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  if (at !== length) throw new Error(`a constant of ${length} bytes has ${at}`);
  return all;
}
