/** The digest of a plan stands for the bytes of the data file: equal ones for equal bytes, another where a weight, its place or what is done to it is another. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { compile } from "../../../compiler/compile.ts";
import { planConstants, streamConstants } from "../../../compiler/emit/constants.ts";
import { planDigest } from "../../../compiler/emit/plan-digest.ts";
import { evaluator } from "../../../hosts/evaluator.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { ROOT } from "../../support/program.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const MODEL = "models/tiny-vit-mnist";

function project(): string {
  const root = temporaryFolder();
  mkdirSync(join(root, "models"));
  cpSync(join(ROOT, "pipelines", MODEL), join(root, MODEL), { recursive: true });
  return root;
}

/** What the classifier gives, after `after`, of a picture; `variant` is woven in. */
const program = (folds: string, after = "classifier(image.prepare(picture; classifier.processor))"): string => `use model.vit
use image
use folds.tome (tome)
use rewrites.int8 (int8)
model classifier = vit.Classifier from "${MODEL}"
compress classifier { ${folds} }
pipeline digits(picture: image) -> { scores: f32[Classes] } { { scores: ${after} } }
`;

async function made(root: string, text: string): Promise<{ readonly digest: string; readonly bytes: string }> {
  writeFileSync(join(root, "main.kiri"), text);
  const host = new NodeHost({ root, evaluate: evaluator() });
  try {
    const { value, problems } = compile(host, { file: "main.kiri", variant: "classifier", target: "cpu" });
    if (!value) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("\n"));
    const { value: plan } = await planConstants(value.fused, host);
    const hash = createHash("sha256");
    for await (const chunk of streamConstants(plan, host)) hash.update(chunk);
    return { digest: await planDigest(plan, host), bytes: hash.digest("hex") };
  } finally {
    host.close();
  }
}

test("programs that use the weights alike have one digest, others have another, and so have other weights", async (t) => {
  const root = project();
  const tome = "fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4)";
  const texts = [
    program(tome),
    program(tome.replace("4", "5")),
    `// A remark.\n${program(tome)}`,
    program("rewrite blocks with int8()"),
    program("rewrite blocks[2..] with int8()"),
    program(tome, "classifier(image.prepare(picture; classifier.processor)) * 3.0"),
  ];
  const all = [];
  for (const text of texts) all.push(await made(root, text));
  for (const a of all) for (const b of all) t.is(a.digest === b.digest, a.bytes === b.bytes);
  t.is(all[0]?.digest, all[2]?.digest);
  t.is(new Set([all[0], all[3], all[4]].map((one) => one?.digest)).size, 3);

  // The same content elsewhere is the same; one byte of a weight is not.
  const elsewhere = project();
  t.deepEqual(await made(elsewhere, program(tome)), all[0]);
  const weights = join(elsewhere, MODEL, "model.safetensors");
  const bytes = readFileSync(weights);
  bytes[bytes.length - 3000] = (bytes[bytes.length - 3000] ?? 0) ^ 1;
  writeFileSync(weights, bytes);
  const other = await made(elsewhere, program(tome));
  t.not(other.bytes, all[0]?.bytes);
  t.not(other.digest, all[0]?.digest);
});
