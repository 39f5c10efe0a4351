// Opens a Hugging Face model folder: configuration as JSON, weights by reference, shards checked against their index.
import type { Span } from "../../grammar/source.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { weights as diagnostics } from "../diagnostics/weights.ts";
import type { WeightRef } from "../graph/node.ts";
import { type Host, HostError } from "../host.ts";
import { openSafetensors } from "./safetensors.ts";

export interface Checkpoint {
  /** As it was asked for: what the host opens. */
  readonly directory: string;
  /** How the folder is shown to people: relative to the project. */
  readonly shown: string;
  /** Content of one of the known JSON files of the folder; undefined where it has none. */
  json(name: string): unknown;
  readonly weights: ReadonlyMap<string, WeightRef>;
  /** Tensors stored in a type that we do not compute with, with that type. */
  readonly unsupported: ReadonlyMap<string, { readonly dtype: string; readonly file: string }>;
  /** All files whose content was read, as paths that the host opens, sorted: for digests. */
  readonly files: readonly string[];
  /** Files of a tokenizer that lie in the folder, as paths that the host opens. */
  readonly tokenizerFiles: readonly string[];
}
export interface OpenedCheckpoint {
  readonly value: Checkpoint | undefined;
  readonly problems: readonly Problem[];
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const JSON_FILES = ["config.json", "preprocessor_config.json", "generation_config.json", "tokenizer_config.json"];
const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
/** The index of a model with a million weights is smaller. */
const LARGEST_JSON = 64 * 2 ** 20;
/** Nothing that a model says of itself is nested so deeply; whoever walks through it recurses. */
const DEEPEST_JSON = 64;
/** Weights of other formats: named, so that the message can say what to do with them. */
const OTHER_FORMATS = /\.(bin|pt|pth|ckpt|h5|msgpack|gguf|onnx)$/;

export function openCheckpoint(host: Host, directory: string, span: Span | undefined): OpenedCheckpoint {
  const folder = new Folder(host, directory, span);
  try {
    if (!host.stat(directory)?.isDirectory) return folder.failed(report(diagnostics.W401, span, { directory: folder.shown, why: "there is no such folder" }));
    const listed = new Set(host.list(directory));
    const json = new Map(JSON_FILES.filter((name) => listed.has(name)).map((name) => [name, folder.json(name)]));
    const shards = folder.shards(listed);
    const read = folder.weights(shards);
    if (folder.problems.length > 0) return folder.failed();
    const tokenizerFiles = TOKENIZER_FILES.flatMap((name) => (listed.has(name) ? (folder.locate(name) ?? []) : []));
    return {
      value: { directory, shown: folder.shown, json: (name) => json.get(name), ...read, files: [...folder.files].sort(), tokenizerFiles },
      problems: folder.problems,
    };
  } catch (error) {
    if (error instanceof HostError) return folder.failed(report(diagnostics.W401, span, { directory: folder.shown, why: error.reason }));
    throw error;
  }
}

/** A weight that a layer wants. */
interface Wanted {
  readonly name: string;
  readonly shape: readonly number[];
  readonly span: Span;
}

/** How many unused weights a warning names. */
const SHOWN_SURPLUS = 5;
const SHOWN_NEAR = 3;
/** A wrong number in config.json misshapes every weight: so many are told one by one. */
const MOST_TOLD = 5;

/** What is missing, misshapen or left over, told at the place that binds layer and weights (`model`), then at the parameter. */
export function bindWeights(wanted: readonly Wanted[], checkpoint: Checkpoint, model?: Span): Problem[] {
  const problems: Problem[] = [];
  const asked = new Set(wanted.map((w) => w.name));
  const surplus = [...checkpoint.weights.keys()].filter((name) => !asked.has(name));
  const told = new Set<string>();
  let [missing, misshapen] = [0, 0];
  for (const { name, shape, span } of wanted) {
    const ref = checkpoint.weights.get(name);
    const unsupported = checkpoint.unsupported.get(name);
    const labels = model ? [{ span, says: "the parameter that takes it" }] : [];
    const place = model ?? span;
    // One layer may stand at many places; each weight is told once.
    if (told.has(name)) continue;
    told.add(name);
    const isMissing = !ref && !unsupported;
    const isMisshapen = ref !== undefined && !equal(ref.shape, shape);
    if (isMissing && ++missing > MOST_TOLD) continue;
    if (isMisshapen && ++misshapen > MOST_TOLD) continue;
    if (unsupported) problems.push(report(diagnostics.W414, place, { name, ...unsupported }, labels));
    else if (!ref) problems.push(report(diagnostics.W408, place, { name, shape, directory: checkpoint.shown, near: nearest(name, surplus, SHOWN_NEAR) }, labels));
    else if (isMisshapen) problems.push(report(diagnostics.W410, place, { name, found: ref.shape, wanted: shape }, labels));
  }
  if (missing + misshapen > MOST_TOLD) problems.push(report(diagnostics.W416, model, { directory: checkpoint.shown, missing, misshapen, wanted: asked.size }));
  if (surplus.length > 0)
    problems.push(report(diagnostics.W409, model, { directory: checkpoint.shown, count: surplus.length, names: surplus.sort().slice(0, SHOWN_SURPLUS) }));
  return problems;
}

/** Level by level, so that what is deep does not take the stack. */
function isDeeper(json: unknown, most: number): boolean {
  let level = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true;
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value).filter((inner) => typeof inner === "object" && inner !== null) : []));
  }
  return false;
}

const equal = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** One folder while it is opened: collects problems and the files that were read. */
class Folder {
  readonly shown: string;
  readonly problems: Problem[] = [];
  readonly files = new Set<string>();
  readonly #host: Host;
  readonly #directory: string;
  readonly #span: Span | undefined;

  constructor(host: Host, directory: string, span: Span | undefined) {
    this.#host = host;
    this.#directory = directory;
    this.#span = span;
    this.shown = directory.startsWith(`${host.root}/`) ? directory.slice(host.root.length + 1) : directory;
  }

  failed(problem?: Problem): OpenedCheckpoint {
    return { value: undefined, problems: problem ? [...this.problems, problem] : this.problems };
  }

  /** A file of this folder, links followed; undefined, and a problem, where it would lie elsewhere. */
  locate(name: string): string | undefined {
    const isPlain = name !== "" && name !== "." && name !== ".." && !/[/\\\0]/.test(name);
    const path = isPlain ? this.#host.locate(`${this.#directory}/${name}`, undefined) : undefined;
    if (path === undefined) this.#problem(report(diagnostics.W413, this.#span, { directory: this.shown, name }));
    return path;
  }

  json(name: string): unknown {
    const path = this.locate(name);
    if (path === undefined) return undefined;
    this.files.add(path);
    const file = `${this.shown}/${name}`;
    const size = this.#host.stat(path)?.size ?? 0;
    if (size > LARGEST_JSON) {
      this.#problem(report(diagnostics.W406, this.#span, { file, why: `it has ${size} bytes, and ${LARGEST_JSON} are the most that I read` }));
      return undefined;
    }
    try {
      const found: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(this.#host.read(path)));
      if (!isDeeper(found, DEEPEST_JSON)) return found;
      this.#problem(report(diagnostics.W406, this.#span, { file, why: `it is nested more than ${DEEPEST_JSON} levels deep` }));
      return undefined;
    } catch (error) {
      this.#problem(report(diagnostics.W406, this.#span, { file, why: error instanceof HostError ? error.reason : (error as Error).message }));
      return undefined;
    }
  }

  /** Names of the weight files, and for a sharded model what its index promises. */
  shards(listed: ReadonlySet<string>): { readonly names: readonly string[]; readonly map: ReadonlyMap<string, string> | undefined } {
    if (listed.has(SINGLE)) return { names: [SINGLE], map: undefined };
    if (!listed.has(INDEX)) {
      this.#problem(report(diagnostics.W407, this.#span, { directory: this.shown, found: [...listed].filter((n) => OTHER_FORMATS.test(n)).sort().slice(0, 3) }));
      return { names: [], map: undefined };
    }
    const map = this.#weightMap(this.json(INDEX));
    return { names: [...new Set(map.values())].sort(), map };
  }

  weights({ names, map }: ReturnType<Folder["shards"]>): Pick<Checkpoint, "weights" | "unsupported"> {
    const weights = new Map<string, WeightRef>();
    const unsupported = new Map<string, { dtype: string; file: string }>();
    const owner = new Map<string, string>();
    for (const shard of names) {
      const path = this.locate(shard);
      if (path === undefined) continue;
      if (!this.#host.stat(path)) {
        this.#disagree(`it names ${shard}, which is not there`);
        continue;
      }
      this.files.add(path);
      const file = `${this.shown}/${shard}`;
      const { value, problems } = openSafetensors(this.#host, path, file, this.#span);
      for (const problem of problems) this.#problem(problem);
      for (const name of [...(value?.weights.keys() ?? []), ...(value?.unsupported.keys() ?? [])]) {
        const other = owner.get(name);
        if (other) this.#disagree(`${other} and ${shard} both hold \`${name}\``);
        owner.set(name, shard);
      }
      for (const [name, ref] of value?.weights ?? []) weights.set(name, ref);
      for (const [name, dtype] of value?.unsupported ?? []) unsupported.set(name, { dtype, file });
    }
    if (map && this.problems.length === 0) this.#compare(map, owner);
    return { weights, unsupported };
  }

  #weightMap(index: unknown): Map<string, string> {
    const map = (index as { weight_map?: unknown } | null | undefined)?.weight_map;
    if (index === undefined) return new Map();
    if (typeof map !== "object" || map === null || Array.isArray(map)) {
      this.#disagree("it has no weight_map");
      return new Map();
    }
    const entries = Object.entries(map as Record<string, unknown>);
    const wrong = entries.find(([, shard]) => typeof shard !== "string");
    if (wrong) this.#disagree(`it gives \`${wrong[0]}\` no file name`);
    else if (entries.length === 0) this.#disagree("its weight_map is empty");
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  }

  /** The index and the shards must tell the same story: a weight in the wrong place is a mixture of two revisions. */
  #compare(map: ReadonlyMap<string, string>, owner: ReadonlyMap<string, string>): void {
    for (const [name, shard] of map) {
      const found = owner.get(name);
      if (found === shard) continue;
      this.#disagree(`\`${name}\` should lie in ${shard}${found ? ` and lies in ${found}` : ", which does not hold it"}`);
      return;
    }
    const unnamed = [...owner].find(([name]) => !map.has(name));
    if (unnamed) this.#disagree(`${unnamed[1]} holds \`${unnamed[0]}\`, which the index does not name`);
  }

  #disagree(why: string): void {
    this.#problem(report(diagnostics.W405, this.#span, { file: `${this.shown}/${INDEX}`, why }));
  }

  #problem(problem: Problem): void {
    this.problems.push(problem);
  }
}
