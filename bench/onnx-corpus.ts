// Runs a folder of ONNX test cases (model.onnx with test_data_set_*/input_*.pb and output_*.pb) through import, passes and emission.
// usage: tsx bench/onnx-corpus.ts FOLDER… [--carried] [--target cpu|cuda|portable] [--only TEXT] [--absolute 1e-7] [--plain] [--keep FOLDER] [--verbose]
// Each case runs in ONNX Runtime as it is and as we write it. What the runtime does not pass by itself is "not runnable".
// The cases lie in Debian's package libonnx-testdata (`apt-get download libonnx-testdata && dpkg -x libonnx-testdata_*.deb DIR`) and in PyPI's `onnx`.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import proto, { type onnx as Onnx } from "onnx-proto";
import * as ort from "onnxruntime-node";
import { streamConstants } from "../compiler/emit/constants.ts";
import { isTargetName } from "../compiler/targets/target.ts";
import { evaluator } from "../hosts/evaluator.ts";
import { NodeHost } from "../hosts/node-host.ts";
import { optimised } from "../hosts/optimise.ts";

const { onnx } = proto;
const args = process.argv.slice(2);
const option = (name: string): string | undefined => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const asked = option("--target") ?? "cpu";
const target = isTargetName(asked) ? asked : "cpu";
/** Of made-up numbers sums cancel, so an absolute difference beyond the cases' own may be rounding. */
const absolute = Number(option("--absolute") ?? 1e-7);
const only = option("--only");
/** Where what we write is left, for other checkers. */
const kept = option("--keep");
/** Without the runtime's own passes, which differ from its plain results on some odd graphs. */
const level = args.includes("--plain") ? "disabled" : "all";
const isVerbose = args.includes("--verbose");
const folders = args.filter((a, i) => !a.startsWith("--") && !["--target", "--only", "--keep", "--absolute"].includes(args[i - 1] ?? ""));

const TYPES: Readonly<Record<number, ort.Tensor.Type>> = { 1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64" };
const ARRAYS: Readonly<Record<string, { new (buffer: ArrayBuffer): unknown; from(values: Iterable<never>): unknown }>> = {
  float32: Float32Array, uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array, float16: Uint16Array, float64: Float64Array, uint32: Uint32Array, uint64: BigUint64Array,
};

/** A case that this process cannot hand over: sequences, optionals, types that the runtime's binding lacks. */
class NotHandled extends Error {}

function tensorOf(bytes: Uint8Array): ort.Tensor {
  let t: Onnx.TensorProto;
  try {
    t = onnx.TensorProto.decode(bytes);
  } catch {
    throw new NotHandled("not a tensor");
  }
  const type = TYPES[t.dataType ?? 0];
  const dims = t.dims.map(Number);
  if (type === undefined) throw new NotHandled(`element type ${t.dataType}`);
  const count = dims.reduce((a, b) => a * b, 1);
  if (type === "string") return new ort.Tensor("string", t.stringData.map((s) => new TextDecoder().decode(s)), dims);
  const array = ARRAYS[type];
  if (!array) throw new NotHandled(type);
  if (t.rawData?.length) return new ort.Tensor(type, new array(Uint8Array.from(t.rawData).buffer) as never, dims);
  const written: Iterable<unknown> =
    type === "float32" ? t.floatData : type === "float64" ? t.doubleData : type === "int64" ? t.int64Data.map((v) => BigInt(v.toString())) : type === "uint64" || type === "uint32" ? t.uint64Data.map((v) => (type === "uint64" ? BigInt(v.toString()) : Number(v))) : t.int32Data;
  const list = [...written];
  if (list.length !== count) throw new NotHandled("not a tensor");
  return new ort.Tensor(type, array.from(list as never[]) as never, dims);
}

interface Sample {
  readonly inputs: readonly ort.Tensor[];
  readonly outputs: readonly ort.Tensor[];
}

function samplesOf(folder: string): Sample[] {
  const files = (set: string, kind: string): ort.Tensor[] => readdirSync(join(folder, set)).filter((f) => f.startsWith(`${kind}_`)).sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b))).map((f) => tensorOf(readFileSync(join(folder, set, f))));
  return readdirSync(folder).filter((f) => f.startsWith("test_data_set_")).sort().map((set) => ({ inputs: files(set, "input"), outputs: files(set, "output") }));
}

/** What is wrong, or undefined. */
async function run(model: string, samples: readonly Sample[]): Promise<string | undefined> {
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(model, { graphOptimizationLevel: level, logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 });
  } catch (error) {
    return `does not load: ${(error as Error).message}`;
  }
  try {
    for (const { inputs, outputs } of samples) {
      const feeds = Object.fromEntries(session.inputNames.flatMap((name, i) => (inputs[i] ? [[name, inputs[i]]] : [])));
      const results = await session.run(feeds);
      for (const [i, wanted] of outputs.entries()) {
        const name = session.outputNames[i];
        const found = name === undefined ? undefined : results[name];
        if (!found) return `lacks output ${i}`;
        const gap = difference(found, wanted);
        if (gap) return `${name}: ${gap}`;
      }
    }
    return undefined;
  } catch (error) {
    return `does not run: ${(error as Error).message}`;
  } finally {
    await session.release();
  }
}

/** The tolerance of the cases' own authors: 1e-3 relative, 1e-7 absolute. Where `--absolute` gives more, half precision gets 4e-3 of each. */
function difference(found: ort.Tensor, wanted: ort.Tensor): string | undefined {
  if (found.type !== wanted.type) return `is ${found.type}, not ${wanted.type}`;
  if (found.dims.join() !== wanted.dims.join()) return `has shape [${found.dims.join(", ")}], not [${wanted.dims.join(", ")}]`;
  const [relative, least] = found.type === "float16" && absolute > 1e-7 ? [4e-3, 4e-3] : [1e-3, absolute];
  const number = (v: unknown): number | string => (typeof v === "bigint" ? v.toString() : found.type === "float16" ? half(v as number) : (v as number | string));
  for (let i = 0; i < wanted.data.length; i++) {
    const [a, b] = [number(found.data[i]), number(wanted.data[i])];
    if (a === b || (typeof a === "number" && typeof b === "number" && (Math.abs(a - b) <= least + relative * Math.abs(b) || (Number.isNaN(a) && Number.isNaN(b))))) continue;
    return `is ${a} at ${i}, not ${b}`;
  }
  return undefined;
}

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** The case as we write it, in a folder. */
async function written(folder: string, out: string): Promise<{ readonly model: string; readonly nodes: { before: number; after: number } } | { readonly says: string }> {
  const host = new NodeHost({ root: folder, evaluate: evaluator() });
  try {
    const { value, problems } = await optimised(host, "model.onnx", { target, data: "model.onnx.data", raise: !args.includes("--carried") });
    if (!value) return { says: problems.map((p) => `${p.code} ${p.says}`).join("; ") };
    if (value.plan.bytes > 0) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of streamConstants(value.plan, host)) chunks.push(chunk.slice());
      writeFileSync(join(out, "model.onnx.data"), Buffer.concat(chunks));
    }
    writeFileSync(join(out, "model.onnx"), value.model);
    return { model: join(out, "model.onnx"), nodes: value.nodes };
  } catch (error) {
    return { says: `BUG ${(error as Error).stack?.split("\n").slice(0, 4).join(" | ")}` };
  } finally {
    host.close();
  }
}

const cases = folders.flatMap((root) => (readdirSync(root, { recursive: true, encoding: "utf8" }) as string[]).filter((f) => f.endsWith("model.onnx")).map((f) => ({ root, folder: dirname(join(root, f)) }))).filter((c) => only === undefined || c.folder.includes(only)).sort((a, b) => (a.folder < b.folder ? -1 : 1));
const temporary = mkdtempSync(join(tmpdir(), "kirigami-corpus-"));
let [passed, failed, notRunnable, before, after] = [0, 0, 0, 0, 0];
try {
  for (const { root, folder } of cases) {
    const name = relative(root, folder);
    let samples: Sample[];
    try {
      samples = samplesOf(folder);
    } catch (error) {
      if (!(error instanceof NotHandled)) throw error;
      samples = [];
    }
    // Without numbers that can be handed over, a case still has to load as it did.
    const theirs = await run(join(folder, "model.onnx"), samples);
    const place = kept === undefined ? temporary : join(kept, name);
    mkdirSync(place, { recursive: true });
    const ours = await written(folder, place);
    const says = "says" in ours ? ours.says : await run(ours.model, samples);
    if (says !== undefined && theirs === undefined && !(target === "cuda" && says.startsWith("does not load"))) {
      failed++;
      console.log(`FAILED ${name}: ${says}`);
    } else if (theirs !== undefined || says !== undefined) {
      // Operators for a graphics card, which the CPU does not have, count with these.
      notRunnable++;
      if (says?.startsWith("BUG")) console.log(`BUG in ${name}, which the runtime does not run either: ${says}`);
      if (isVerbose) console.log(`not runnable ${name}: ${(theirs ?? says ?? "").slice(0, 200)}${says === undefined ? " (ours runs)" : ""}`);
    } else {
      passed++;
      if ("nodes" in ours) [before, after] = [before + ours.nodes.before, after + ours.nodes.after];
    }
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
console.log(`${cases.length} cases: ${passed} passed, ${failed} failed, ${notRunnable} not runnable by the runtime itself; nodes of those passed: ${before} before, ${after} after`);
process.exitCode = failed === 0 ? 0 : 1;
