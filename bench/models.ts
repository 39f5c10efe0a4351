/**
 * Every trained model that `fetch.py` knows, after `kiri optimise` against itself in ONNX Runtime, for both targets and several inputs; MiniLM from its
 * safetensors against PyTorch. `python bench/fetch.py`, then `npx tsx bench/models.ts [NAME…]`; what is not fetched is left out, and told.
 * Prints Markdown; fails where a vector of outputs turns away from the file's own by more than a cosine of 0.9999.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { build } from "../hosts/build.ts";
import { optimise } from "../hosts/optimise.ts";
import { expectedOf, readSafetensors } from "../test/support/golden.ts";

const MODELS = fileURLToPath(new URL(".models", import.meta.url));
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BAR = 0.9999;

type Feeds = Readonly<Record<string, ort.Tensor>>;
/** Inputs of one run; `name` says what they are. */
interface Input {
  readonly name: string;
  readonly feeds: Feeds;
}

const floats = (dims: readonly number[], of: (i: number) => number): ort.Tensor => new ort.Tensor("float32", Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => of(i)), dims);
const longs = (dims: readonly number[], of: (i: number) => number): ort.Tensor => new ort.Tensor("int64", BigInt64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => BigInt(of(i))), dims);
/** Even numbers between -1 and 1 that repeat after a prime. */
const noise = (i: number): number => ((i * 7919) % 9973) / 4986.5 - 1;
/** A vowel, or thereabouts: harmonics of 140 Hz at `rate`, with a little noise. */
const voice = (i: number, rate: number): number => [1, 2, 3, 5].reduce((sum, k) => sum + Math.sin((2 * Math.PI * 140 * k * i) / rate) / (4 * k), 0) + noise(i) * 0.02;

/** Texts of two lengths in one batch, the shorter padded. */
function texts(length: number, names: readonly string[]): Input {
  const isWord = (i: number): boolean => i < length || i % length < length - 4;
  const of: Readonly<Record<string, (i: number) => number>> = { input_ids: (i) => (isWord(i) ? 999 + ((i * 7919) % 28000) : 0), attention_mask: (i) => (isWord(i) ? 1 : 0), token_type_ids: () => 0 };
  return { name: `2 × ${length} tokens`, feeds: Object.fromEntries(names.map((n) => [n, longs([2, length], of[n] ?? (() => 0))])) };
}

const TEXT = ["input_ids", "attention_mask"];
const state = (dims: readonly number[]): ort.Tensor => floats(dims, (i) => noise(i) * 0.1);
const heard = (samples: number, rate: number): ort.Tensor => floats([1, samples], (i) => voice(i, rate));

/** A photo of printed text as OCR models take it. */
async function printed(height: number, width: number): Promise<Input> {
  const { data } = await sharp(join(MODELS, "photos/page.png")).removeAlpha().toColourspace("srgb").resize(width, height, { fit: "cover" }).raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  return { name: `${height} × ${width} pixels`, feeds: { x: floats([1, 3, height, width], (i) => ((data[(i % (height * width)) * 3 + Math.floor(i / (height * width))] as number) / 255 - 0.5) / 0.5) } };
}

function document(): Input {
  const text = readFileSync(join(ROOT, "README.md"));
  return { name: "2 × 2048 bytes", feeds: { bytes: new ort.Tensor("int32", Int32Array.from({ length: 4096 }, (_, i) => text[i % text.length] as number), [2, 2048]) } };
}

const listened = (rate: number, samples: number, dims: readonly number[]): Input => ({ name: `${samples} samples, ${rate / 1000} kHz`, feeds: { input: heard(samples, rate), state: state(dims), sr: longs([], () => rate) } });
const vad = (of: Feeds, name = "576 samples, 16 kHz"): Input => ({ name, feeds: of });
const OCR = [["det", 320, 480], ["det", 192, 192]] as const;

/** Files below `.models`, each with its inputs. */
const FILES: readonly (readonly [file: string, inputs: () => Promise<Input[]> | Input[]])[] = [
  ["focus/vit_s_focus.onnx", () => [{ name: "2 × 224 × 224 pixels", feeds: { input_image: floats([2, 3, 224, 224], (i) => noise(i) + Math.sin(i / 300)) } }]],
  ["minilm-int8/model.onnx", () => [9, 64].map((n) => texts(n, [...TEXT, "token_type_ids"]))],
  ["minilm-l3/paraphrase-MiniLM-L3-v2.onnx", () => [9, 64].map((n) => texts(n, TEXT))],
  ...["silero/silero_vad.onnx", "silero-web/silero_vad_v5.onnx", "silero-web/silero_vad_v6.onnx"].map((file) => [file, () => [listened(16000, 512, [2, 1, 128]), listened(8000, 256, [2, 1, 128])]] as const),
  ["silero/silero_vad_16k_op15.onnx", () => [listened(16000, 576, [2, 1, 128])]],
  ["silero/silero_vad_op18_ifless.onnx", () => [listened(16000, 576, [2, 1, 128])]],
  ["silero/silero_vad_half.onnx", () => [vad({ input: heard(576, 16000), state: state([2, 1, 128]) })]],
  ["silero/silero_vad_openvino_16k.onnx", () => [vad({ input: heard(576, 16000), state: state([2, 1, 128]) })]],
  ["silero/silero_vad_16k_sequence.onnx", () => [vad({ input: floats([5, 576], (i) => voice(i, 16000)), h: state([1, 1, 128]), c: state([1, 1, 128]) }, "5 × 576 samples, 16 kHz")]],
  ["silero-web/silero_vad_legacy.onnx", () => [vad({ input: heard(1536, 16000), sr: longs([], () => 16000), h: state([2, 1, 64]), c: state([2, 1, 64]) }, "1536 samples, 16 kHz")]],
  ...["pp-ocr/PP-OCRv6_det_small.onnx", "pp-ocr-4/ch_PP-OCRv4_det_infer.onnx"].map((file) => [file, () => Promise.all(OCR.map(([, h, w]) => printed(h, w)))] as const),
  ...["pp-ocr/PP-OCRv6_rec_small.onnx", "pp-ocr-4/ch_PP-OCRv4_rec_infer.onnx"].map((file) => [file, () => Promise.all([320, 96].map((w) => printed(48, w)))] as const),
  ...["pp-ocr/ch_ppocr_mobile_v2.0_cls_mobile.onnx", "pp-ocr-4/ch_ppocr_mobile_v2.0_cls_infer.onnx"].map((file) => [file, async () => [await printed(48, 192)]] as const),
  ["magika/standard_v3_3/model.onnx", () => [document()]],
];

type Outputs = ort.InferenceSession.OnnxValueMapType;

async function ran(model: string, inputs: readonly Input[]): Promise<Outputs[]> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
  const all: Outputs[] = [];
  for (const { feeds } of inputs) all.push(await session.run(Object.fromEntries(session.inputNames.map((n) => [n, feeds[n] as ort.Tensor]))));
  await session.release();
  return all;
}

interface Agreement {
  /** The least cosine of all outputs that are numbers. */
  readonly cosine: number;
  /** The largest difference, as a share of the largest value. */
  readonly apart: number;
}

/** Whole numbers must be the same. */
function agreement(found: Outputs, wanted: Outputs): Agreement {
  let [least, apart] = [1, 0];
  for (const [name, want] of Object.entries(wanted)) {
    const made = found[name];
    if (!made || made.dims.join() !== want.dims.join()) return { cosine: Number.NaN, apart: Infinity };
    const [a, b] = [Array.from(made.data as ArrayLike<number | bigint>, Number), Array.from(want.data as ArrayLike<number | bigint>, Number)];
    const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
    const lengths = Math.sqrt(dot(a, a) * dot(b, b));
    const gap = a.reduce((most, v, i) => Math.max(most, Math.abs(v - (b[i] as number))), 0);
    if (want.type.startsWith("int") && gap > 0) return { cosine: Number.NaN, apart: Infinity };
    least = Math.min(least, lengths === 0 ? Number(gap === 0) : dot(a, b) / lengths);
    apart = Math.max(apart, gap / Math.max(b.reduce((most, v) => Math.max(most, Math.abs(v)), 0), 1e-9));
  }
  return { cosine: least, apart };
}

const folder = mkdtempSync(join(tmpdir(), "kirigami-models-"));
let missed = 0;
const line = (model: string, nodes: string, fused: string, what: string, { cosine, apart }: Agreement): void => {
  const isHeld = cosine > BAR;
  if (!isHeld) missed++;
  console.log(`| ${model} | ${nodes} | ${fused} | ${what} | ${cosine.toFixed(7)} | ${apart.toExponential(1)}${isHeld ? "" : " **missed**"} |`);
};
const worse = (all: readonly Agreement[]): Agreement => ({ cosine: all.some((a) => Number.isNaN(a.cosine)) ? Number.NaN : Math.min(...all.map((a) => a.cosine)), apart: Math.max(...all.map((a) => a.apart)) });

async function file(path: string, inputs: readonly Input[]): Promise<void> {
  const wanted = await ran(join(MODELS, path), inputs);
  const found: Agreement[] = [];
  let [nodes, fused] = ["", ""];
  for (const target of ["cpu", "portable"] as const) {
    const out = join(folder, `${target}.onnx`);
    const { files, optimised, problems } = await optimise({ input: join(MODELS, path), out, target });
    if (!files || !optimised) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("; "));
    if (target === "cpu") [nodes, fused] = [`${optimised.nodes.before}, ${optimised.nodes.after}`, [...optimised.fused].map(([op, n]) => `${op} × ${n}`).join(", ")];
    const made = await ran(out, inputs);
    found.push(...made.map((outputs, i) => agreement(outputs, wanted[i] as Outputs)));
    for (const written of files) rmSync(written);
  }
  line(path, nodes, fused || "–", inputs.map((i) => i.name).join("; "), worse(found));
}

const MINILM = `use model.bert
model encoder = bert.Encoder from "minilm"
pipeline embed(ids: i64[N], mask: i64[N]) -> { sentence: f32[C] } {
  let hidden = encoder(ids, mask, ids * 0)
  let weight = cast(mask; to: f32)
  let pooled = sum(hidden * weight; over: N) / max(sum(weight; over: N), 1e-9)
  { sentence: pooled / max(length(pooled; over: C), 1e-12) }
}
`;

/** The vectors that `test/parity/minilm/oracle.py` had from PyTorch. */
async function minilm(): Promise<void> {
  const program = join(MODELS, "minilm.kiri");
  const expected = readSafetensors(join(ROOT, "test/parity/minilm/expected.safetensors"));
  const numbers = (name: string): number[] => Array.from(expectedOf(expected, name).data, Number);
  const out = join(folder, "minilm");
  writeFileSync(program, MINILM);
  const { artifact, manifest, problems } = await build({ root: MODELS, file: basename(program), out, gates: false }).finally(() => rmSync(program));
  if (!artifact || !manifest) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("; "));
  const { dims } = expectedOf(expected, "input_ids");
  const [ids, mask, sentence] = [numbers("input_ids"), numbers("attention_mask"), numbers("sentence")];
  const [outputs] = await ran(join(out, "model.onnx"), [{ name: "", feeds: { ids: longs(dims, (i) => ids[i] as number), mask: longs(dims, (i) => mask[i] as number) } }]);
  const wanted = { sentence: floats(expectedOf(expected, "sentence").dims, (i) => sentence[i] as number) };
  line("minilm/model.safetensors", "–", Object.entries(manifest.fused).filter(([, n]) => n > 0).map(([op, n]) => `${op} × ${n}`).join(", "), `${dims.join(" × ")} tokens; vectors of PyTorch`, agreement(outputs ?? {}, wanted));
}

const asked = process.argv.slice(2);
const isAsked = (path: string): boolean => asked.length === 0 || asked.includes(dirname(path).split("/")[0] as string);
try {
  console.log("| model | nodes: before, after | fused | inputs | cosine, least | difference, most |\n|---|---|---|---|---|---|");
  for (const [path, inputs] of FILES) {
    if (!isAsked(path)) continue;
    if (!existsSync(join(MODELS, path))) {
      console.error(`${path}: left out, \`python bench/fetch.py ${path.split("/")[0]}\` fetches it`);
      continue;
    }
    try {
      await file(path, await inputs());
    } catch (error) {
      missed++;
      console.log(`| ${path} | failed: ${(error as Error).message.split("\n")[0]} | | | | |`);
    }
  }
  if (isAsked("minilm/x")) await minilm();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = missed === 0 ? 0 : 1;
