// How what two models give differs, on the same inputs; and their times, in interleaved rounds.
import { decode, numbers } from "../compiler/emit/numbers.ts";
import type { OnnxContent } from "../compiler/import/onnx-content.ts";
import { isClose, TOLERANCE } from "../compiler/types/tolerance.ts";
import { Graph, type Port } from "../runtime/graph.ts";
import { bytesOf, count, type Tensor } from "../runtime/tensor.ts";
import { interleaved, type Speed, type SpeedOptions, speedupOf } from "./evaluation/speed.ts";
import { madeUpValues, noise } from "./made-up-tensors.ts";

interface OutputDiff {
  readonly name: string;
  /** `f32[2, 10]`; null where the model has no output of that name. */
  readonly a: string | null;
  readonly b: string | null;
  /** The largest difference, and that over the largest value of `a`; null where types or sizes differ. Infinite where one is NaN and the other is not. */
  readonly absolute: number | null;
  readonly relative: number | null;
  /** Values that lie further apart than the tolerance. */
  readonly beyond: number | null;
  readonly equal: boolean;
}

export interface RunDiff {
  readonly inputs: readonly { readonly name: string; readonly type: string }[];
  readonly outputs: readonly OutputDiff[];
  /** Milliseconds on one thread; `ratio` is a / b, of each round. */
  readonly speed: { readonly a: Speed; readonly b: Speed; readonly ratio: Speed } | undefined;
}

/** Inputs that cannot be given to both models, or not as they are. */
export class UnequalInputs extends Error {
  override readonly name = "UnequalInputs";
  /** Whether the models themselves differ, and not what somebody gave. */
  readonly ofModels: boolean;
  constructor(says: string, ofModels = false) {
    super(says);
    this.ofModels = ofModels;
  }
}

export interface RunOptions {
  /** Instead of made-up ones. */
  readonly inputs?: ReadonlyMap<string, Tensor>;
  /** Of made-up inputs. */
  readonly seed: number;
  /** Sizes of open axes of made-up inputs, by name. */
  readonly sizes: ReadonlyMap<string, number>;
  /** |a - b| <= tolerance·(1 + |a|); that of the element type unless given. */
  readonly tolerance?: number;
  readonly speed?: SpeedOptions;
}

/** Runs both models. Throws `UnequalInputs`, and `RuntimeError` where a model does not load or run. */
export async function compareRuns(a: string, b: string, contents: readonly OnnxContent[], options: RunOptions): Promise<RunDiff> {
  await using first = await Graph.open(a, { threads: 1 });
  await using second = await Graph.open(b, { threads: 1 });
  const feeds = options.inputs ? given(first.inputs, second.inputs, options.inputs) : madeUp(shared(first.inputs, second.inputs), contents, options);
  const [x, y] = [await first.run(feeds), await second.run(feeds)];
  const names = new Set([...Object.keys(x), ...Object.keys(y)]);
  const outputs = [...names].map((name) => compareOutput(name, x[name], y[name], options.tolerance));
  return { inputs: Object.entries(feeds).map(([name, t]) => ({ name, type: typeOf(t) })), outputs, speed: options.speed && (await speeds(first, second, feeds, options.speed)) };
}

async function speeds(first: Graph, second: Graph, feeds: Readonly<Record<string, Tensor>>, options: SpeedOptions): Promise<RunDiff["speed"]> {
  const once = (graph: Graph) => async (): Promise<number> => (await graph.time(feeds, 1))[0] ?? Number.NaN;
  const [a, b] = await interleaved([once(first), once(second)], options);
  if (!a || !b) return undefined;
  return { a, b, ratio: speedupOf(a, b) };
}

const typeOf = ({ dtype, dims }: Tensor): string => `${dtype}[${dims.join(", ")}]`;
const portText = ({ dtype, dims }: Port): string => `${dtype ?? "no tensor"}[${dims.map((d) => d || "?").join(", ")}]`;

function compareOutput(name: string, a: Tensor | undefined, b: Tensor | undefined, tolerance: number | undefined): OutputDiff {
  const head = { name, a: a ? typeOf(a) : null, b: b ? typeOf(b) : null };
  if (!a || !b || a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return { ...head, absolute: null, relative: null, beyond: null, equal: false };
  const allowed = tolerance === undefined ? TOLERANCE[a.dtype] : { absolute: tolerance, relative: tolerance };
  const [x, y] = [valuesOf(a), valuesOf(b)];
  let [absolute, largest, beyond] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [v, w] = [x[i] as number, y[i] as number];
    largest = Math.max(largest, Number.isFinite(v) ? Math.abs(v) : 0);
    if (v === w || (Number.isNaN(v) && Number.isNaN(w))) continue;
    absolute = Math.max(absolute, Number.isNaN(v - w) ? Infinity : Math.abs(v - w));
    if (!isClose(w, v, allowed)) beyond++;
  }
  return { ...head, absolute, relative: absolute === 0 ? 0 : absolute / largest, beyond, equal: beyond === 0 };
}

function valuesOf(tensor: Tensor): ArrayLike<number> {
  const out = numbers(tensor.dtype, count(tensor.dims));
  // Whole numbers beyond 2⁵³ are compared rounded.
  if (tensor.dtype === "i64") return Float64Array.from(tensor.data as BigInt64Array, Number);
  decode(tensor.dtype, bytesOf(tensor), out, 0, out.length);
  return out;
}

// ── inputs ──
/** Ports that both models have alike, sizes that one of them fixes being fixed. */
function shared(a: readonly Port[], b: readonly Port[]): Port[] {
  const others = new Map(b.map((p) => [p.name, p]));
  const [missing, extra] = [a.filter((p) => !others.has(p.name)), b.filter((p) => !a.some((q) => q.name === p.name))];
  const names = (ports: readonly Port[]): string => ports.map((p) => p.name).join(", ");
  if (missing.length + extra.length > 0) throw new UnequalInputs([missing.length > 0 ? `only a takes ${names(missing)}` : "", extra.length > 0 ? `only b takes ${names(extra)}` : ""].filter(Boolean).join(", "), true);
  return a.map((port) => {
    const other = others.get(port.name) as Port;
    const isAlike = port.dtype === other.dtype && port.dims.length === other.dims.length && port.dims.every((d, i) => typeof d === "string" || typeof other.dims[i] === "string" || d === other.dims[i]);
    if (!isAlike) throw new UnequalInputs(`a takes ${port.name} as ${portText(port)}, b as ${portText(other)}`, true);
    return { ...port, dims: port.dims.map((d, i) => (typeof d === "number" ? d : (other.dims[i] ?? d))).map((d, i) => (typeof d === "string" ? (port.dims[i] ?? d) : d)) };
  });
}

/** Tensors of a file, each where a model takes it. */
function given(a: readonly Port[], b: readonly Port[], tensors: ReadonlyMap<string, Tensor>): Record<string, Tensor> {
  return Object.fromEntries(shared(a, b).map((port) => {
    const found = tensors.get(port.name);
    if (!found) throw new UnequalInputs(`there is no tensor ${port.name} in the file; it has ${[...tensors.keys()].join(", ") || "none"}`);
    const fits = found.dtype === port.dtype && found.dims.length === port.dims.length && port.dims.every((d, i) => typeof d === "string" || d === found.dims[i]);
    if (!fits) throw new UnequalInputs(`${port.name} is ${typeOf(found)} in the file, and the models take ${portText(port)}`);
    return [port.name, found];
  }));
}

/** An open axis becomes this, the first one of a port 1: mostly it counts records. */
const OPEN_SIZE = 16;

function madeUp(ports: readonly Port[], contents: readonly OnnxContent[], { seed, sizes }: RunOptions): Record<string, Tensor> {
  const rows = contents.map(tableRows);
  const known = new Map(sizes);
  const unknown = [...sizes.keys()].find((name) => !ports.some((p) => p.dims.includes(name)));
  if (unknown !== undefined) throw new UnequalInputs(`no input has an axis ${unknown}; open are ${[...new Set(ports.flatMap((p) => p.dims.filter((d) => typeof d === "string" && d !== "")))].join(", ") || "none"}`);
  return Object.fromEntries(ports.map((port, at) => {
    const { name, dtype } = port;
    if (dtype === undefined) throw new UnequalInputs(`${name} is no tensor of numbers, and cannot be made up`);
    const dims = port.dims.map((d, i) => {
      if (typeof d === "number" && d >= 0) return d;
      const size = known.get(`${d}`) ?? (i === 0 ? 1 : OPEN_SIZE);
      if (typeof d === "string" && d !== "") known.set(d, size);
      return size;
    });
    const limits = rows.flatMap((r) => r.get(name) ?? []);
    const drawn = noise(count(dims), seed * 1000 + at + 1);
    const isReal = dtype === "f32" || dtype === "f64" || dtype === "f16";
    return [name, { dtype, dims, data: madeUpValues(dtype, isReal ? drawn.map((v) => 2 * v - 1) : drawn, limits.length > 0 ? Math.min(...limits) : undefined) }];
  }));
}

/** Operators that hand positions on as they are. */
const PASSING: ReadonlySet<string> = new Set(["Cast", "Reshape", "Unsqueeze", "Squeeze", "Identity", "Flatten"]);
/** Which of an operator's inputs are positions in rows of which table. */
const LOOKING_UP: Readonly<Record<string, readonly (readonly [positions: number, table: number])[]>> = { Gather: [[1, 0]], EmbedLayerNormalization: [[0, 2], [1, 4]] };

/** Rows of the tables that whole inputs of a model are positions in, such as ids of words. */
function tableRows({ inputs, nodes, weights }: OnnxContent): Map<string, number> {
  const dims = new Map(weights.map((w) => [w.name, w.dims]));
  const from = new Map(inputs.map((i) => [i.name, i.name]));
  const rows = new Map<string, number>();
  for (const node of nodes) {
    const [first = ""] = node.inputs;
    const source = from.get(first);
    if (source !== undefined && PASSING.has(node.opType) && node.outputs[0]) from.set(node.outputs[0], source);
    for (const [positions, table] of LOOKING_UP[node.opType] ?? []) {
      const input = from.get(node.inputs[positions] ?? "");
      const axis = node.attributes.get("axis")?.value;
      const size = dims.get(node.inputs[table] ?? "")?.at(axis?.kind === "int" ? axis.value : 0);
      if (input !== undefined && size !== undefined) rows.set(input, Math.min(size, rows.get(input) ?? Infinity));
    }
  }
  return rows;
}
