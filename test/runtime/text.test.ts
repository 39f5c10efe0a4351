/** Texts: tokens as Hugging Face's tokenizers make them, cut and padded; the oracles of test/parity hold the ids. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { RuntimeError } from "../../runtime/errors.ts";
import { MOST_CHARACTERS, TextStep, TextTokenizer } from "../../runtime/tokenizers/text.ts";
import { expectedOf, readSafetensors } from "../support/golden.ts";
import { inProject, temporary } from "./support.ts";

const texts = JSON.parse(readFileSync(inProject("test/parity/bert/texts.json"), "utf8")) as string[];
const tiny = "pipelines/models/tiny-random-minilm";
const order = { kind: "text" as const, input: "words", tokenizer: "", tensors: { ids: "ids", mask: "mask", types: "types" }, maxLength: 512, length: "N" };

async function prepared(folder: string, values: readonly string[], part: Partial<typeof order> = {}): Promise<{ ids: number[]; mask: number[]; types: number[]; dims: readonly number[]; length: number | undefined }> {
  const step = await TextStep.open({ ...order, ...part }, folder);
  const batch = values.map((value) => ({ value, at: "" }));
  for (const given of batch) step.check(given);
  const { tensors, sizes } = (await step.prepare(batch, undefined)).batch([...batch.keys()]);
  const numbers = (name: string): number[] => Array.from(tensors.get(name)?.data ?? [], Number);
  return { ids: numbers("ids"), mask: numbers("mask"), types: numbers("types"), dims: tensors.get("ids")?.dims ?? [], length: sizes.get("N") };
}

// The trained MiniLM is tried where `python bench/fetch.py minilm` has put it.
for (const [oracle, folder] of [["bert", tiny], ["minilm", "bench/.models/minilm"]] as const) {
  if (!existsSync(inProject(folder))) continue;
  test(`${folder}: ids and mask of a batch are the oracle's`, async (t) => {
    const expected = readSafetensors(inProject(`test/parity/${oracle}/expected.safetensors`));
    const wanted = expectedOf(expected, "input_ids");
    const found = await prepared(inProject(folder), texts);
    t.deepEqual(found.dims, wanted.dims);
    t.is(found.length, wanted.dims[1]);
    t.deepEqual(found.ids, Array.from(wanted.data, Number));
    t.deepEqual(found.mask, Array.from(expectedOf(expected, "attention_mask").data, Number));
    t.true(found.types.every((v) => v === 0));
  });
}

test("a long text is cut, and its special tokens stay", async (t) => {
  const long = "a cat sat on the mat ".repeat(40);
  const whole = await prepared(inProject(tiny), [long], { maxLength: 10 });
  const [cls, sep] = [2, 3];
  t.is(whole.ids.length, 10);
  t.is(whole.ids[0], cls);
  t.is(whole.ids[9], sep);
  t.deepEqual(whole.ids.slice(1, 9), (await prepared(inProject(tiny), ["a cat sat on the mat a cat"])).ids.slice(1, 9));
  // The checkpoint says 64 positions; the graph has no more.
  t.is((await prepared(inProject(tiny), [long])).ids.length, 64);
});

test("shorter texts of a batch are padded, on the side and with the id that the checkpoint names", async (t) => {
  const folder = join(temporary(), "tokenizer");
  mkdirSync(folder);
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) cpSync(inProject(`${tiny}/${name}`), join(folder, name));
  const right = await prepared(folder, ["a", "a cat sat"]);
  const [rows, length = 0] = right.dims;
  t.is(rows, 2);
  t.deepEqual(right.mask.slice(0, length), [1, 1, 1, ...new Array<number>(length - 3).fill(0)]);
  t.deepEqual(right.ids.slice(3, length), new Array<number>(length - 3).fill(0));
  const config = JSON.parse(readFileSync(join(folder, "tokenizer_config.json"), "utf8")) as object;
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ ...config, padding_side: "left", truncation_side: "left", pad_token: "[MASK]" }));
  const left = await prepared(folder, ["a", "a cat sat"]);
  t.deepEqual(left.ids.slice(0, length), [...new Array<number>(length - 3).fill(4), ...right.ids.slice(0, 3)]);
  const cut = await prepared(folder, ["a cat sat on the mat"], { maxLength: 6 });
  const all = await prepared(folder, ["a cat sat on the mat"]);
  t.deepEqual(cut.ids.slice(1), all.ids.slice(-5));
});

test("a byte-level tokenizer cuts without special tokens, and reads back what it cut", async (t) => {
  const folder = inProject("pipelines/models/tiny-llama-shakespeare");
  const tokenizer = await TextTokenizer.open(folder);
  const { ids, tokens } = tokenizer.encode("Shall I compare thee to a summer's day? 🙂");
  t.is(ids.length, tokens.length);
  t.is(tokenizer.decode(ids), "Shall I compare thee to a summer's day? 🙂");
  t.deepEqual(tokenizer.encode("Shall I compare thee", 2).ids, ids.slice(0, 2));
});

test("offsets say which characters of the text a token stands for, as the oracle has them", async (t) => {
  const expected = readSafetensors(inProject("test/parity/bert/expected.safetensors"));
  const offsets = expectedOf(expected, "offsets");
  const tokenizer = await TextTokenizer.open(inProject(tiny));
  const length = offsets.dims[1] ?? 0;
  for (const [i, text] of texts.entries()) {
    const encoded = tokenizer.encode(text);
    const found = tokenizer.offsets(text) ?? [];
    const wanted = Array.from(offsets.data.slice(i * length * 2, (i + 1) * length * 2), Number);
    t.deepEqual(found.flatMap(({ start, end }) => [start, end]), wanted.slice(0, encoded.ids.length * 2), text);
    t.deepEqual(tokenizer.offsets(text, 5), [...found.slice(0, 4), { start: 0, end: 0 }], "cut");
  }
  t.is(tokenizer.offsets("a [SEP] b"), undefined, "not known of texts with special tokens in them");
});

test("offsets of byte-level tokens cover the text without a gap", async (t) => {
  const tokenizer = await TextTokenizer.open(inProject("pipelines/models/tiny-llama-shakespeare"));
  for (const text of ["Shall I compare thee?", "naïve 🙂 owners", "  two\n\nlines "]) {
    const found = tokenizer.offsets(text) ?? [];
    let at = 0;
    for (const { start, end } of found) {
      t.true(start <= at && end >= start, text);
      at = Math.max(at, end);
    }
    t.is(at, [...text].length, text);
  }
});

test("what cannot be tokenized is refused by name", async (t) => {
  const step = await TextStep.open(order, inProject(tiny));
  for (const value of [7, null, ["a"], {}]) t.is(t.throws(() => step.check({ value, at: " of record 2" }), { instanceOf: RuntimeError, message: /`words` of record 2/ })?.code, "R733");
  t.is(t.throws(() => step.check({ value: "x".repeat(MOST_CHARACTERS + 1), at: "" }), { instanceOf: RuntimeError })?.code, "R744");
  const llama = await TextStep.open(order, inProject("pipelines/models/tiny-llama-shakespeare"));
  t.is((await t.throwsAsync(llama.prepare([{ value: "", at: "" }], undefined), { instanceOf: RuntimeError }))?.code, "R744");
});

test("a broken tokenizer is refused", async (t) => {
  for (const text of ["", "{", "[]", "{}", '{"model":{"type":"Unheard"},"normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,"added_tokens":[]}', "[".repeat(200_000)]) {
    const folder = temporary();
    writeFileSync(join(folder, "tokenizer.json"), text);
    const error = await t.throwsAsync(TextTokenizer.open(folder), { instanceOf: RuntimeError }, text.slice(0, 30));
    t.is(error?.code, "R711");
  }
});
