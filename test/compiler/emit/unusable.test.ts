// Constants that cannot be written: files that change while they are read, and values that cannot be computed.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { compile } from "../../../compiler/compile.ts";
import { planConstants, streamConstants, UnusableWeight } from "../../../compiler/emit/constants.ts";
import type { Host } from "../../../compiler/host.ts";
import { evaluator } from "../../../hosts/evaluator.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { madeFile } from "../../support/page-host.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const whole = madeFile("a.safetensors", "weight f32[64, 64], bias f32[64]");

/** Codes that planning and writing the constants of a program end with, the file of weights being `later` by then. */
async function codes(program: string, later: Uint8Array, evaluate: Host["evaluate"]): Promise<string[]> {
  const root = temporaryFolder();
  mkdirSync(join(root, "small"));
  writeFileSync(join(root, "page.kiri"), program);
  writeFileSync(join(root, "small", "model.safetensors"), whole);
  const host = new NodeHost({ root, evaluate });
  const { value, problems } = compile(host, { file: "page.kiri", target: "cpu" });
  if (!value) throw new Error(problems.map((p) => p.says).join());
  host.close();
  writeFileSync(join(root, "small", "model.safetensors"), later);
  const planned = await planConstants(value.fused, host);
  const found = planned.problems.map((p) => p.code);
  try {
    for await (const _ of streamConstants(planned.value, host));
  } catch (error) {
    if (!(error instanceof UnusableWeight)) throw error;
    found.push(error.problem.code);
  } finally {
    host.close();
  }
  return found;
}

const LINEAR = `use nn.linear (Linear)
model small = Linear(64, 64) from "small"
pipeline run(x: f32[N, C = 64]) -> { y: f32[N, O] } { { y: small(x) } }
`;
/** Sorted by value, which only the evaluator does. */
const SORTED = `layer Largest() {
  param weight: f32[O = 64, I = 64]
  param bias: f32[O = 64]
  (x: f32[B, N, O]) -> f32[B, N, O] where O = 64 {
    let (values, places) = top(weight; count: 64 as K, over: I)
    x + bias + sum(values * cast(places; to: f32); over: K)
  }
}
model small = Largest() from "small"
pipeline run(x: f32[N, O = 64]) -> { y: f32[N, O = 64] } { { y: small(x) } }
`;

test("a file that is shorter when its weights are copied: W415", async (t) => {
  t.deepEqual(await codes(LINEAR, whole, evaluator()), []);
  t.true((await codes(LINEAR, whole.slice(0, 9000), evaluator())).includes("W415"));
});

test("a constant whose evaluation fails: W412", async (t) => {
  t.deepEqual(await codes(SORTED, whole, evaluator()), []);
  t.deepEqual(await codes(SORTED, whole, () => Promise.reject(new Error("there is no room for it"))), ["W412"]);
});
