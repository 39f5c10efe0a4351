/** Texts of one call: those of like lengths go through the graph together, each answer stays with its record, and what has a value a token keeps one size. */
import { readFileSync } from "node:fs";
import test from "ava";
import { likeLengths } from "../../runtime/like-lengths.ts";
import { Session } from "../../runtime/session.ts";
import { difference } from "../support/golden.ts";
import { artifactOf, graphOf, inProject, smallModel, type SmallNode, type SmallPort, tensorBoundary, writeSmall } from "./support.ts";

interface Vector {
  readonly vector: { readonly data: Float32Array };
}

test("every record is in one group, groups are no larger than asked, and padding costs less than one run more", (t) => {
  const lengths = Array.from({ length: 1000 }, (_, i) => 3 + ((i * 7919) % 61) + (i % 97 === 0 ? 400 : 0));
  for (const threads of [1, 4]) {
    const groups = likeLengths(lengths, threads);
    t.deepEqual(groups.flat().sort((a, b) => a - b), lengths.map((_, i) => i));
    const tokens = (group: readonly number[]): number => Math.max(...group.map((i) => lengths[i] ?? 0)) * group.length;
    for (const group of groups) {
      t.true(group.length === 1 || tokens(group) <= 256 * threads);
      t.true(tokens(group) - group.reduce((sum, i) => sum + (lengths[i] ?? 0), 0) <= 8);
    }
  }
  t.deepEqual(likeLengths([5, 5, 5], 1), [[0, 1, 2]]);
  t.deepEqual(likeLengths([600], 1), [[0]], "a text that is longer than a group has one of its own");
  t.deepEqual(likeLengths([4, 40, 5, 38], 1), [[1, 3], [2, 0]]);
});

test("short and long texts of one call: the vectors are those of each text alone, in fewer runs than texts", async (t) => {
  await using session = await Session.load<{ sentence: string }, Vector>(await artifactOf("pipelines/embed.kiri"), { device: "cpu", threads: 1, profile: true });
  const texts = JSON.parse(readFileSync(inProject("test/parity/bert/texts.json"), "utf8")) as string[];
  const sentences = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? texts.join(" ") : (texts[i % texts.length] ?? "")));
  const together = await session.run(sentences.map((sentence) => ({ sentence })));
  const { runs } = await session.profile();
  t.true(runs > 1 && runs < sentences.length / 2, `${runs} runs`);
  for (const [i, sentence] of sentences.entries()) {
    const alone = await session.run({ sentence });
    t.true(difference(together[i]?.vector.data ?? [], alone.vector.data).relative < 1e-4, `record ${i}`);
  }
});

test("an output with a value a token has one size in a call, whatever the texts; what has none stays with its record", async (t) => {
  const tokenizer = "pipelines/models/tiny-random-minilm";
  const files = Object.fromEntries(["tokenizer.json", "tokenizer_config.json"].map((name) => [`tokenizer/${name}`, new Uint8Array(readFileSync(inProject(`${tokenizer}/${name}`)))]));
  const ids: SmallPort = { name: "ids", dtype: "i64", sizes: ["N"] };
  const opened = (outputs: readonly SmallPort[], node: SmallNode): Promise<Session<{ words: string; bias: number }, Record<string, { dims: readonly number[] } | number>>> => {
    const bias: SmallPort = { name: "bias", dtype: "i64", sizes: [] };
    const model = smallModel([ids, bias], [...outputs, { ...bias, name: "same" }], [node, { op: "Identity", inputs: ["bias"], outputs: ["same"] }]);
    const manifest = {
      inputs: [{ name: "words", type: "text" as const }, { name: "bias", type: "int" as const }], outputs: [...outputs.map(tensorBoundary), { name: "same", type: "int" as const }], graph: graphOf([ids, bias], [...outputs, { ...bias, name: "same" }]),
      steps: [{ kind: "text" as const, input: "words", tokenizer: "tokenizer", tensors: { ids: "ids" }, maxLength: 64, length: "N" }],
    };
    return Session.load(writeSmall({ model, manifest, files }), { device: "cpu", threads: 1 });
  };
  const records = Array.from({ length: 30 }, (_, i) => ({ words: "a cat sat ".repeat(1 + (i % 7)), bias: i }));
  await using each = await opened([{ name: "y", dtype: "i64", sizes: ["N"] }], { op: "Identity", inputs: ["ids"], outputs: ["y"] });
  const sizes = (await each.run(records)).map((r) => (typeof r.y === "object" ? r.y.dims : []));
  t.deepEqual(new Set(sizes.map((s) => s.join())).size, 1, "all are padded to the longest");
  await using whole = await opened([], { op: "ReduceMax", inputs: ["ids"], outputs: ["most"] });
  t.deepEqual((await whole.run(records)).map((r) => r.same), records.map((r) => r.bias));
});
