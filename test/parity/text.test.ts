/** Text models against the libraries that they come from: `README.md` says what each expected file holds. */
import { existsSync } from "node:fs";
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { i64 } from "../support/evaluate.ts";
import { difference, expectedOf, readSafetensors } from "../support/golden.ts";
import { compiled, output, ROOT, run, SPELLINGS } from "../support/program.ts";

/** Of the largest expected value; the oracles refuse cases where f32 itself is further from f64. */
const TOLERANCE = 1e-4;

const expected = (name: string): ReturnType<typeof readSafetensors> => readSafetensors(new URL(`${name}/expected.safetensors`, import.meta.url).pathname);
const numbersOf = (file: ReturnType<typeof expected>, name: string): number[] => Array.from(expectedOf(file, name).data, Number);
const inputOf = (file: ReturnType<typeof expected>, name: string): Value => i64(expectedOf(file, name).dims, numbersOf(file, name));

/** Token features and sentence vectors of a BERT, from ids and mask. */
const sentences = (folder: string): string => `
use model.bert
model encoder = bert.Encoder from "${folder}"
pipeline probe(ids: i64[N], mask: i64[N]) -> { hidden: f32[N, C], sentence: f32[C] } {
  let hidden = encoder(ids, mask, ids * 0)
  let weight = cast(mask; to: f32)
  let pooled = sum(hidden * weight; over: N) / max(sum(weight; over: N), 1e-9)
  { hidden: hidden, sentence: pooled / max(length(pooled; over: C), 1e-12) }
}`;

test("bert: hidden states where there are words, and sentence vectors", async (t) => {
  const file = expected("bert");
  const mask = numbersOf(file, "attention_mask");
  const model = compiled(sentences("models/tiny-random-minilm"));
  for (const spelling of SPELLINGS) {
    const outputs = await run(model, { ids: inputOf(file, "input_ids"), mask: inputOf(file, "attention_mask") }, spelling);
    const hidden = output(outputs, "hidden");
    const width = hidden.length / mask.length;
    const words = hidden.map((x, i) => x * (mask[Math.floor(i / width)] as number));
    t.true(difference(words, numbersOf(file, "last_hidden_state")).relative <= TOLERANCE, spelling);
    t.true(difference(output(outputs, "sentence"), numbersOf(file, "sentence")).relative <= TOLERANCE, spelling);
  }
});

const MINILM = "bench/.models/minilm";
if (existsSync(`${ROOT}${MINILM}`)) test("minilm: sentence vectors of the trained model, where it was fetched", async (t) => {
  const file = expected("minilm");
  const model = compiled(sentences(`../${MINILM}`));
  for (const spelling of SPELLINGS) {
    const outputs = await run(model, { ids: inputOf(file, "input_ids"), mask: inputOf(file, "attention_mask") }, spelling);
    t.true(difference(output(outputs, "sentence"), numbersOf(file, "sentence")).relative <= TOLERANCE, spelling);
  }
});

const decoder = `
use model.llama
model decoder = llama.Decoder from "models/tiny-llama-shakespeare"
pipeline probe(ids: i64[N]) -> { logits: f32[N, V] } { { logits: decoder(ids) } }`;

for (const prompt of ["0", "1"])
  test(`llama: logits at every position of prompt ${prompt}, and the token that each says comes next`, async (t) => {
    const file = expected("llama");
    const model = compiled(decoder);
    for (const spelling of SPELLINGS) {
      const logits = output(await run(model, { ids: inputOf(file, `${prompt}.input_ids`) }, spelling), "logits");
      t.true(difference(logits, numbersOf(file, `${prompt}.logits`)).relative <= TOLERANCE, spelling);
      const next = numbersOf(file, `${prompt}.next`);
      const vocabulary = logits.length / next.length;
      t.deepEqual(next.map((_, at) => largest(logits.slice(at * vocabulary, (at + 1) * vocabulary))), next, spelling);
    }
  });

test("llama: the loss on its validation text", async (t) => {
  const file = expected("llama");
  const [windows, length] = expectedOf(file, "val.input_ids").dims as [number, number];
  const ids = numbersOf(file, "val.input_ids");
  const logits = output(await run(compiled(decoder), { ids: inputOf(file, "val.input_ids") }), "logits");
  const vocabulary = logits.length / ids.length;
  let loss = 0;
  for (let window = 0; window < windows; window++)
    for (let at = 0; at + 1 < length; at++) {
      const place = window * length + at;
      const row = logits.slice(place * vocabulary, (place + 1) * vocabulary);
      const top = Math.max(...row);
      loss += top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) - (row[ids[place + 1] as number] as number);
    }
  t.true(Math.abs(loss / (windows * (length - 1)) - (numbersOf(file, "val.loss")[0] as number)) <= 1e-4);
});

const largest = (row: readonly number[]): number => row.indexOf(Math.max(...row));
