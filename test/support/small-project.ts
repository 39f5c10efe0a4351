// A project of one linear layer with its data: small enough to build in a blink, whole enough for gates, types and tokenizers.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { literal } from "../../compiler/graph/build.ts";
import { ROOT } from "./program.ts";
import { temporaryFolder, writeSafetensors } from "./safetensors-file.ts";

/** The class of a record is its largest value, but for the last record, whose label is wrong: accuracy is 0.75. */
export const RECORDS = [
  { x: [1, 0, 0, 0], label: 0 },
  { x: [0, 2, 0, 1], label: 1 },
  { x: [0, 1, 3, 0], label: 2 },
  { x: [5, 1, 3, 0], label: 2 },
] as const;

export const PROGRAM = `
use nn.linear (Linear)
use measure.accuracy (accuracy)
use measure.cosine (cosine)

model small = Linear(4, 3) from "models/small"
data held_out: (x: f32[C = 4], label: Int) = "data/records.json"

compress small as kept { require accuracy(label) >= 0.75 on held_out }
compress small as strict { require accuracy(label) >= 0.9 on held_out }
compress small as undropped {
  require drop of accuracy(label) <= 0.0 on held_out
  report cosine(scores) on held_out
}
compress small as fast { require speedup >= 1000 on cpu }
compress small as fused { expect fused attention * 2 }

/// Which of three values is the largest.
pipeline classify(x: f32[C = 4]) -> { label: Int, scores: f32[O] } {
  let scores = small(x)
  { label: argmax(scores; over: O), scores: scores }
}
`;

/** A new folder with the program as main.kiri, its weights and its data. */
export function smallProject(program: string = PROGRAM): string {
  const root = temporaryFolder();
  mkdirSync(join(root, "models/small"), { recursive: true });
  mkdirSync(join(root, "data"));
  // The identity on the first three values.
  const weight = Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  writeSafetensors(join(root, "models/small/model.safetensors"), {
    weight: { dtype: "f32", shape: [3, 4], bytes: literal("f32", weight).bytes },
    bias: { dtype: "f32", shape: [3], bytes: literal("f32", [0, 0, 0]).bytes },
  });
  writeFileSync(join(root, "models/small/config.json"), "{}");
  writeFileSync(join(root, "data/records.json"), JSON.stringify(RECORDS));
  writeFileSync(join(root, "main.kiri"), program);
  return root;
}

/** The same with a tokenizer in `models/words`, and a pipeline that counts tokens. */
export function textProject(files: readonly string[] = ["tokenizer.json", "tokenizer_config.json"]): string {
  const root = smallProject(`
tokenizer words = text from "models/words"

pipeline tokens(sentence: text) -> { count: Int } {
  { count: sum(words.encode(sentence).mask; over: N) }
}
`);
  mkdirSync(join(root, "models/words"));
  for (const file of files) copyFileSync(join(ROOT, "pipelines/models/tiny-random-minilm", file), join(root, "models/words", file));
  return root;
}
