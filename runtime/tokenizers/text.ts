// Texts become tokens by the tokenizer of the checkpoint (tokenizer.json), cut to a length and padded to the longest of those that go through the graph together.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import type { TextStep as Order } from "../artifact.d.ts";
import { reasonOf, refuse } from "../errors.ts";
import type { BatchTensors, Given, HostStep, Prepared } from "../host-step.ts";
import type { Tensor } from "../tensor.ts";
import { Turn } from "../turn.ts";
import { byteOffsets, type Offset, wordOffsets } from "./offsets.ts";

interface Tokens {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  /** Which sentence of a pair each token belongs to; of one text, 0. */
  readonly types: readonly number[];
}

/** Tokenizing is linear, but nobody's model reads this much; it would hold up the program for seconds. */
export const MOST_CHARACTERS = 1_000_000;
const MOST_TOKENIZER = 256 * 2 ** 20;

const NOTHING: Tokens = { ids: [], tokens: [], types: [] };
const NOWHERE: Offset = { start: 0, end: 0 };

/** The parts of tokenizer.json and tokenizer_config.json that the library does not act on. */
interface Conventions {
  readonly padId: number;
  readonly padType: number;
  readonly padLeft: boolean;
  readonly cutLeft: boolean;
  /** What the model was made for; infinite where its configuration does not say. */
  readonly modelMost: number;
  /** How tokens lie along the text. */
  readonly family: "words" | "bytes" | "other";
  /** Of pieces that go on with a word: `##`. */
  readonly prefix: string;
  readonly unknown: string;
}

/** One tokenizer, with the cutting and the padding of its checkpoint. */
export class TextTokenizer {
  readonly conventions: Conventions;
  readonly #tokenizer: Tokenizer;

  private constructor(tokenizer: Tokenizer, conventions: Conventions) {
    this.#tokenizer = tokenizer;
    this.conventions = conventions;
  }

  static async open(folder: string): Promise<TextTokenizer> {
    try {
      const tokenizer = record(await readJson(join(folder, "tokenizer.json")), "tokenizer.json");
      const config = record(await readJson(join(folder, "tokenizer_config.json")).catch(unlessMissing), "tokenizer_config.json");
      const made = new Tokenizer(tokenizer, config);
      return new TextTokenizer(made, conventionsOf(made, tokenizer, config));
    } catch (error) {
      throw refuse("R711", { folder, why: reasonOf(error) }, error);
    }
  }

  /** At most `most` tokens, special ones included: the text is cut, they stay. */
  encode(text: string, most = Infinity): Tokens {
    const whole = this.#encode(text);
    if (whole.tokens.length <= most) return whole;
    const bare = this.#tokenizer.tokenize(text, { add_special_tokens: false });
    const room = Math.max(0, most - (whole.tokens.length - bare.length));
    const kept = this.conventions.cutLeft ? bare.slice(bare.length - room) : bare.slice(0, room);
    const processed = this.#tokenizer.post_processor?.post_process(kept, null, true);
    const tokens: readonly string[] = processed?.tokens ?? kept;
    const ids = tokens.map((t) => this.#tokenizer.token_to_id(t) ?? this.#tokenizer.model?.unk_token_id ?? 0);
    return { ids, tokens, types: processed?.token_type_ids ?? tokens.map(() => 0) };
  }

  decode(ids: readonly number[], options: { readonly special?: boolean } = {}): string {
    return ids.length === 0 ? "" : this.#tokenizer.decode([...ids], { skip_special_tokens: options.special === false });
  }

  /** What each token of `encode(text, most)` stands for; undefined for tokenizers that it is not known of (other than WordPiece and byte-level BPE). */
  offsets(text: string, most = Infinity): Offset[] | undefined {
    const { tokens } = this.encode(text, most);
    const bare: readonly string[] = this.#tokenizer.tokenize(text, { add_special_tokens: false });
    const all = this.#bareOffsets(text, bare);
    if (!all) return undefined;
    const room = Math.min(bare.length, Math.max(0, most - (this.#encode(text).tokens.length - bare.length)));
    const first = this.conventions.cutLeft ? bare.length - room : 0;
    const kept = bare.slice(first, first + room);
    // Special tokens stand before and behind what was kept.
    const before = tokens.findIndex((_, i) => kept.every((token, k) => tokens[i + k] === token));
    return tokens.map((_, i) => (i >= before && i < before + room ? (all[first + i - before] ?? NOWHERE) : NOWHERE));
  }

  #bareOffsets(text: string, bare: readonly string[]): Offset[] | undefined {
    const tokenizer = this.#tokenizer;
    const added = new Set([...tokenizer.get_added_tokens_decoder().values()].map((t) => t.content));
    const { family, prefix, unknown } = this.conventions;
    if (bare.some((token) => added.has(token) && token !== unknown)) return undefined;
    const normalize = (t: string): string => (tokenizer.normalizer === null ? t : tokenizer.normalizer.normalize(t));
    if (family === "bytes") return normalize(text) === text ? byteOffsets(text, bare) : undefined;
    if (family !== "words") return undefined;
    return wordOffsets(text, bare, { normalize, prefix, unknown, split: (t) => tokenizer.pre_tokenizer?.pre_tokenize(t) ?? [t] });
  }

  #encode(text: string): Tokens {
    const { ids, tokens, token_type_ids } = this.#tokenizer.encode(text, { return_token_type_ids: true });
    return { ids, tokens, types: token_type_ids ?? ids.map(() => 0) };
  }
}

export class TextStep implements HostStep {
  readonly input: string;
  readonly #order: Order;
  readonly #tokenizer: TextTokenizer;

  private constructor(order: Order, tokenizer: TextTokenizer) {
    this.#order = order;
    this.#tokenizer = tokenizer;
    this.input = order.input;
  }

  static async open(order: Order, folder: string): Promise<TextStep> {
    return new TextStep(order, await TextTokenizer.open(join(folder, order.tokenizer)));
  }

  check({ value, at }: Given): void {
    if (typeof value !== "string") {
      const found = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
      throw refuse("R733", { name: this.input, found, wanted: "a text", at, hint: "Give a string; several texts are several records." });
    }
    if (value.length > MOST_CHARACTERS) throw refuse("R744", { name: this.input, why: `has ${value.length} characters; at most ${MOST_CHARACTERS} are taken`, at });
  }

  async prepare(batch: readonly Given[], signal: AbortSignal | undefined): Promise<Prepared> {
    const { conventions } = this.#tokenizer;
    const most = Math.min(this.#order.maxLength, conventions.modelMost);
    const encoded: Tokens[] = [];
    const turn = new Turn(signal);
    for (const { value, at } of batch) {
      const tokens = this.#tokenizer.encode(value as string, most);
      if (tokens.ids.length === 0) throw refuse("R744", { name: this.input, why: "has no tokens", at });
      encoded.push(tokens);
      if (turn.over) await turn.pass();
    }
    return { lengths: encoded.map((e) => e.ids.length), batch: (records) => this.#batch(records.map((i) => encoded[i] ?? NOTHING)) };
  }

  #batch(encoded: readonly Tokens[]): BatchTensors {
    const { conventions } = this.#tokenizer;
    const length = encoded.reduce((longest, e) => Math.max(longest, e.ids.length), 0);
    const one = (values: (e: Tokens) => readonly number[], pad: number): Tensor => padded(encoded.map(values), length, pad, conventions.padLeft);
    const { ids, mask, types } = this.#order.tensors;
    const tensors = new Map<string, Tensor>();
    if (ids !== undefined) tensors.set(ids, one((e) => e.ids, conventions.padId));
    if (mask !== undefined) tensors.set(mask, one((e) => e.ids.map(() => 1), 0));
    if (types !== undefined) tensors.set(types, one((e) => e.types, conventions.padType));
    return { tensors, sizes: new Map([[this.#order.length, length]]) };
  }
}

/** i64[B, length]. */
function padded(rows: readonly (readonly number[])[], length: number, pad: number, left: boolean): Tensor {
  const data = new BigInt64Array(rows.length * length).fill(BigInt(pad));
  for (const [i, row] of rows.entries()) {
    const start = i * length + (left ? length - row.length : 0);
    for (const [j, value] of row.entries()) data[start + j] = BigInt(value);
  }
  return { dtype: "i64", dims: [rows.length, length], data };
}

type Json = Readonly<Record<string, unknown>>;

async function readJson(path: string): Promise<unknown> {
  const { size } = await stat(path);
  if (size > MOST_TOKENIZER) throw new Error(`${path} has ${size} bytes; at most ${MOST_TOKENIZER} are read`);
  return JSON.parse(await readFile(path, "utf8"));
}

const unlessMissing = (error: NodeJS.ErrnoException): Json => {
  if (error.code !== "ENOENT") throw error;
  return {};
};

function record(value: unknown, name: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${name} is no JSON object`);
  return value as Json;
}

function conventionsOf(tokenizer: Tokenizer, json: Json, config: Json): Conventions {
  const padding = (json.padding ?? {}) as Json;
  const truncation = (json.truncation ?? {}) as Json;
  const token = config.pad_token;
  const text = typeof token === "object" && token !== null ? (token as Json).content : token;
  const named = typeof text === "string" ? tokenizer.token_to_id(text) : undefined;
  const number = (value: unknown): number | undefined => (typeof value === "number" && Number.isSafeInteger(value) ? value : undefined);
  const most = config.model_max_length;
  const model = (json.model ?? {}) as Json;
  return {
    padId: named ?? number(padding.pad_id) ?? 0,
    padType: number(padding.pad_type_id) ?? 0,
    padLeft: config.padding_side === "left" || (config.padding_side === undefined && padding.direction === "Left"),
    cutLeft: config.truncation_side === "left" || (config.truncation_side === undefined && truncation.direction === "Left"),
    family: model.type === "WordPiece" ? "words" : JSON.stringify(json.pre_tokenizer ?? null).includes('"ByteLevel"') ? "bytes" : "other",
    prefix: typeof model.continuing_subword_prefix === "string" ? model.continuing_subword_prefix : "##",
    unknown: typeof model.unk_token === "string" ? model.unk_token : "",
    modelMost: typeof most === "number" && most >= 1 ? most : Infinity,
  };
}
