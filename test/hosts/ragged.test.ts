/** An artefact whose outputs have as many rows as the data say: from the program to records. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { Session } from "../../runtime/session.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { kiri } from "../support/command-line.ts";
import { ROOT } from "../support/program.ts";

const PROGRAM = `
use model.bert
use folds.mrt5 (mrt5_text)
tokenizer words = text from "models/tiny-random-minilm"
model encoder = bert.Encoder from "models/tiny-random-minilm"
fn by_channel(x: f32[B, N, C]) -> f32[B, N] { select(x[C: 5] > 0.0, 0.0, -30.0) }
compress encoder as short { fold tokens in each blocks[1..2] after input with mrt5_text(gate: by_channel) }
pipeline embed(sentence: text) -> { tokens: f32[some K <= N, C], there: i64[some K <= N] } {
  let t = words.encode(sentence)
  { tokens: encoder(t.ids, t.mask, t.types), there: t.mask }
}`;
interface Embedded {
  readonly tokens: Tensor;
  readonly there: Tensor;
}

test("records of a batch come back padded, with the mask that tells", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "kirigami-"));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  mkdirSync(join(cwd, "models"));
  cpSync(join(ROOT, "pipelines/models/tiny-random-minilm"), join(cwd, "models/tiny-random-minilm"), { recursive: true });
  writeFileSync(join(cwd, "embed.kiri"), PROGRAM);
  const made = await kiri({ cwd }, "compile", "embed.kiri", "--variant", "short", "--out", "out");
  t.is(made.code, 0, made.err);
  const manifest = JSON.parse(readFileSync(join(cwd, "out/manifest.json"), "utf8")) as Manifest;
  t.deepEqual(manifest.outputs.map((o) => o.axes?.map((a) => a.size)), [["K", 32], ["K"]]);
  // What only the computation knows is no condition before it.
  t.false(manifest.guards.some((g) => g.says.includes("K")));

  const session = await Session.load<{ sentence: string }, Embedded>(join(cwd, "out"));
  const texts = ["hello", "the cat sat on the mat, and the dog ran after it"].map((sentence) => ({ sentence }));
  const both = await session.run(texts);
  for (const [i, text] of texts.entries()) {
    const one = await session.run(text);
    const count = one.tokens.dims[0] as number;
    const padded = both[i]?.there.dims[0] as number;
    t.deepEqual([...(both[i]?.there.data ?? [])].map(Number), Array.from({ length: padded }, (_, k) => (k < count ? 1 : 0)));
    t.true([...one.tokens.data].every((v, k) => Math.abs(Number(v) - Number(both[i]?.tokens.data[k])) <= 1e-5));
  }
  t.not((await session.run(texts[0] as { sentence: string })).tokens.dims[0], (await session.run(texts[1] as { sentence: string })).tokens.dims[0]);
  await session.release();
});
