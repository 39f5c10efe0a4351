// A pipeline as a directory of the Hugging Face hub, which transformers.js loads as it is: `onnx/model.onnx` with its data, the model's configuration, tokenizer and processor.
//
// Ports get the names that transformers.js gives and looks for: texts come as input_ids, attention_mask and token_type_ids, a picture as pixel_values.
// A pipeline with one output of a name that nobody there knows gives it as `sentence_embedding` (a vector a text), `logits` (a vector a picture) or
// `last_hidden_state` (a vector a token); further outputs keep their names. `pipeline("feature-extraction")` reads last_hidden_state, AutoModel gives all.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Compiled } from "../compiler/compile.ts";
import { artifacts } from "../compiler/diagnostics/artifacts.ts";
import { type Problem, report } from "../compiler/diagnostics/define.ts";
import { weights } from "../compiler/diagnostics/weights.ts";
import type { HostStep } from "../compiler/elaborate/host-step.ts";
import { type ArtifactFile, heldFile } from "../compiler/emit/artifact-file.ts";
import { type Plan, planConstants, streamConstants } from "../compiler/emit/constants.ts";
import { tokenizerFiles } from "../compiler/emit/manifest.ts";
import { emitModel } from "../compiler/emit/onnx.ts";
import { Build } from "../compiler/graph/build.ts";
import { type Graph, type Node, topological } from "../compiler/graph/node.ts";
import type { Host } from "../compiler/host.ts";
import { remake } from "../compiler/rewrite/run.ts";
import { RefusedPlace } from "./artifact-writer.ts";
import { version } from "./version.ts";

/** Element types in the words of transformers.js, and what stands behind `model` in the file's name. */
const SUFFIXES = { fp32: "", fp16: "_fp16", q8: "_quantized", int8: "_int8", uint8: "_uint8", q4: "_q4", q4f16: "_q4f16", bnb4: "_bnb4" } as const;
export type HubType = keyof typeof SUFFIXES;
export const HUB_TYPES = Object.keys(SUFFIXES) as readonly HubType[];

const CONFIG = "config.json";

/** Names of outputs that programs around transformers.js look for. */
const KNOWN_OUTPUTS: ReadonlySet<string> = new Set(["last_hidden_state", "logits", "sentence_embedding", "token_embeddings", "pooler_output", "text_embeds", "image_embeds"]);

interface Options {
  /** Where the directory is to lie: what its configuration says of other files of it stays. */
  readonly out: string;
  /** As what the model is stored; found by its weights unless given. */
  readonly dtype?: HubType;
  readonly signal?: AbortSignal;
}

/** All files, the configuration last. With problems of severity "error" there are none. Throws `RefusedPlace` where `out` holds something else. */
export async function huggingFaceFiles(host: Host, compiled: Compiled, { out, dtype, signal }: Options): Promise<{ readonly files: readonly ArtifactFile[]; readonly problems: readonly Problem[] }> {
  const before = configurationAt(out);
  const refused = (why: string): { files: []; problems: Problem[] } => ({ files: [], problems: [report(artifacts.A505, compiled.pipeline.name.span, { pipeline: compiled.pipeline.name.name, why })] });
  const folders = [...new Set([...compiled.elaboration.files].filter((file) => file.endsWith("/config.json")))];
  const [config] = folders;
  if (config === undefined || folders.length > 1) return refused(config === undefined ? "none of its models has a config.json" : `it takes the models of ${folders.length} folders, and such a directory describes one`);
  const [texts, pictures] = [compiled.hostSteps.filter((s) => s.kind === "text"), compiled.hostSteps.filter((s) => s.kind === "image")];
  if (texts.length > 1 || pictures.length > 1) return refused(`it takes ${texts.length > 1 ? "several texts" : "several pictures"}, and programs there give one`);
  const graph = renamed(withFloatPixels(compiled.fused, pictures), texts, pictures);
  const kind = dtype ?? kindOf((await planConstants(graph, host)).value);
  const file = `model${SUFFIXES[kind]}.onnx`;
  const { value: plan, problems } = await planConstants(graph, host, { file: `${file}_data` });
  if (problems.some((p) => p.severity === "error")) return { files: [], problems };
  signal?.throwIfAborted();
  const { model } = emitModel(graph, { target: compiled.target, name: compiled.pipeline.name.name, initializers: plan.initializers, position: compiled.place });
  const files: ArtifactFile[] = [heldFile(`onnx/${file}`, model)];
  if (plan.bytes > 0) files.push({ path: `onnx/${file}_data`, bytes: plan.bytes, chunks: () => streamConstants(plan, host) });
  for (const step of texts) if (step.kind === "text") files.push(...tokenizerOf(host, step));
  for (const step of pictures) if (step.kind === "image") files.push(json("preprocessor_config.json", processorOf(step)));
  files.push(json(CONFIG, { ...(JSON.parse(new TextDecoder().decode(host.read(config))) as object), "transformers.js_config": settings(before, file, kind, plan.bytes > 0) }));
  return { files, problems };
}

const json = (path: string, value: object): ArtifactFile => heldFile(path, `${JSON.stringify(value, undefined, 2)}\n`);

interface Settings {
  readonly kirigami: string;
  /** Taken where the caller names none. */
  readonly dtype: string;
  /** Files of data beside a model file. */
  readonly use_external_data_format: Readonly<Record<string, number>>;
}

/** What was written there before; undefined where nothing is. */
function configurationAt(out: string): Partial<Settings> | undefined {
  const place = resolve(out);
  const facts = statSync(place, { throwIfNoEntry: false });
  if (facts && !facts.isDirectory()) throw new RefusedPlace("it is a file, and `--layout hf` writes a directory", out);
  if (!facts || readdirSync(place).length === 0) return undefined;
  try {
    const { "transformers.js_config": found } = JSON.parse(readFileSync(join(place, CONFIG), "utf8")) as { readonly "transformers.js_config"?: Partial<Settings> };
    if (found?.kirigami !== undefined) return found;
  } catch {
    // Not one of ours, then.
  }
  throw new RefusedPlace("it is a directory with other things in it, and none that `--layout hf` wrote", out);
}

function settings(before: Partial<Settings> | undefined, file: string, kind: HubType, hasData: boolean): Settings {
  const { [file]: _, ...others } = before?.use_external_data_format ?? {};
  return { kirigami: version(), dtype: before?.dtype ?? kind, use_external_data_format: { ...others, ...(hasData ? { [file]: 1 } : {}) } };
}

// ── a model that has no program ──

/** What lies beside a model there, and goes along as it is. */
const BESIDE = [
  "generation_config.json", "preprocessor_config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
  "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json",
];

/** A model file's place in such a directory. */
interface HubPlace {
  /** Of its configuration. */
  readonly folder: string;
  /** What the file is called there before the element type. */
  readonly stem: string;
  readonly config: { readonly "transformers.js_config"?: object };
  /** What the directory that is written says of its other files. */
  readonly before: Partial<Settings> | undefined;
}

/** The configuration lies beside the model, or above its folder `onnx`. `shown`: the model as its user names it. Throws `RefusedPlace` where `out` holds something else. */
export function hubPlaceOf(model: string, { shown, out }: { readonly shown: string; readonly out: string }): { readonly value: HubPlace | undefined; readonly problems: readonly Problem[] } {
  const own = dirname(model);
  const isHub = basename(own) === "onnx" && isFile(join(own, "..", CONFIG));
  if (!isHub && !isFile(join(own, CONFIG))) return { value: undefined, problems: [report(artifacts.A506, undefined, { file: shown })] };
  const folder = isHub ? dirname(own) : own;
  const config = configurationIn(folder);
  if (typeof config === "string") return { value: undefined, problems: [report(weights.W406, undefined, { file: join(folder, CONFIG), why: config })] };
  // There are encoders and decoders there, each under its own name.
  const name = basename(model).replace(/\.onnx$/, "");
  const suffix = Object.values(SUFFIXES).filter((s) => s !== "" && name.endsWith(s)).sort((a, b) => b.length - a.length)[0] ?? "";
  return { value: { folder, stem: isHub ? name.slice(0, name.length - suffix.length) : "model", config, before: configurationAt(out) }, problems: [] };
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** Or what is wrong with it. */
function configurationIn(folder: string): HubPlace["config"] | string {
  try {
    const found: unknown = JSON.parse(readFileSync(join(folder, CONFIG), "utf8"));
    return typeof found === "object" && found !== null && !Array.isArray(found) ? found : "it holds no object";
  } catch (error) {
    return (error as Error).message;
  }
}

/** The name of the model's file, below `onnx`. */
export const hubName = ({ stem }: HubPlace, plan: Plan, dtype: HubType | undefined): string => `${stem}${SUFFIXES[dtype ?? kindOf(plan)]}.onnx`;

/** What belongs beside the model's file, the configuration last. */
export function hubCompanions({ folder, config, before }: HubPlace, plan: Plan, { dtype, file }: { readonly dtype: HubType | undefined; readonly file: string }): ArtifactFile[] {
  return [
    ...BESIDE.filter((name) => isFile(join(folder, name))).map((name) => heldFile(name, readFileSync(join(folder, name)))),
    json(CONFIG, { ...config, "transformers.js_config": { ...config["transformers.js_config"], ...settings(before, file, dtype ?? kindOf(plan), plan.bytes > 0) } }),
  ];
}

/** By the weights that take most: 8-bit ones are `q8`, as converters call them. */
function kindOf({ tensors }: Plan): HubType {
  const bytes = new Map<string, number>();
  for (const { node, length } of tensors) bytes.set(node.type.dtype, (bytes.get(node.type.dtype) ?? 0) + length);
  if (["i8", "u8"].some((d) => (bytes.get(d) ?? 0) > 0)) return "q8";
  return (bytes.get("f16") ?? 0) > (bytes.get("f32") ?? 0) ? "fp16" : "fp32";
}

// ── ports ──
type TextStep = Extract<HostStep, { kind: "text" }>;
type ImageStep = Extract<HostStep, { kind: "image" }>;

function renamed(graph: Graph<"fused">, texts: readonly HostStep[], pictures: readonly HostStep[]): Graph<"fused"> {
  const names = new Map<string, string>();
  for (const step of texts) if (step.kind === "text") names.set(step.tensors.ids, "input_ids").set(step.tensors.mask, "attention_mask").set(step.tensors.types, "token_type_ids");
  for (const step of pictures) if (step.kind === "image") names.set(step.tensor, "pixel_values");
  const [only] = graph.outputs;
  const rank = only?.node.type.dims.length;
  const meant = rank === 3 ? "last_hidden_state" : rank !== 2 ? undefined : texts.length > 0 ? "sentence_embedding" : "logits";
  const isUnknown = graph.outputs.length === 1 && only?.node.type.dtype === "f32" && !KNOWN_OUTPUTS.has(only.name) && meant !== undefined;
  return { ...graph, inputs: graph.inputs.map((i) => ({ ...i, name: names.get(i.name) ?? i.name })), outputs: isUnknown ? graph.outputs.map((o) => ({ ...o, name: meant })) : graph.outputs };
}

/** Processors there hand pictures over as floats; ours are bytes. */
function withFloatPixels(graph: Graph<"fused">, pictures: readonly HostStep[]): Graph<"fused"> {
  const tensors = new Set(pictures.flatMap((s) => (s.kind === "image" ? [s.tensor] : [])));
  if (tensors.size === 0) return graph;
  const o = new Build(graph.arena);
  const made = new Map<Node, Node>();
  const inputs = graph.inputs.map((input) => {
    if (!tensors.has(input.name)) return input;
    const node = o.input(`${input.name}.float`, "f32", input.node.type.dims);
    made.set(input.node, o.cast(node, "u8"));
    return { ...input, node };
  });
  for (const node of topological(graph.outputs.map((out) => out.node))) if (!made.has(node)) made.set(node, remake(graph.arena, node, node.inputs.map((x) => made.get(x) ?? x)));
  return { ...graph, inputs, outputs: graph.outputs.map((out) => ({ ...out, node: made.get(out.node) ?? out.node })) };
}

// ── what comes before the graph ──
function tokenizerOf(host: Host, { tokenizer, maxLength }: TextStep): ArtifactFile[] {
  return tokenizerFiles(tokenizer, host).map((name): ArtifactFile => {
    const bytes = host.read(`${tokenizer}/${name}`);
    // A text is cut where the pipeline cuts it.
    if (name === "tokenizer_config.json") return json(name, { ...(JSON.parse(new TextDecoder().decode(bytes)) as object), model_max_length: maxLength });
    return heldFile(name, bytes);
  });
}

const RESAMPLE: Readonly<Record<string, number>> = { nearest: 0, bilinear: 2, bicubic: 3 };

/** Values stay 0 to 255: the graph does what the model's own configuration says. */
function processorOf({ channels, height, width, resize }: ImageStep): object {
  return { image_processor_type: "ViTImageProcessor", do_convert_rgb: channels === 3, do_resize: resize !== "none", size: { height, width }, resample: RESAMPLE[resize] ?? 2, do_rescale: false, do_normalize: false };
}
