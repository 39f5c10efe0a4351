/** Golden vectors through the library: all hold, and the runner notices what does not. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { compare, conformance } from "../hosts/conformance.ts";
import { UnreadableVector } from "../hosts/conformance-vectors.ts";
import { evaluator } from "../hosts/evaluator.ts";
import { NodeHost } from "../hosts/node-host.ts";
import { f32, i64 } from "./support/evaluate.ts";
import { ROOT } from "./support/program.ts";

const VECTORS = join(ROOT, "test/golden-vectors");
const host = new NodeHost({ root: ROOT, evaluate: evaluator() });

/** A directory with one case, changed. */
function changed(file: string, change: (raw: Raw) => void): string {
  const directory = mkdtempSync(join(tmpdir(), "kirigami-conformance-"));
  const to = join(directory, "case.json");
  cpSync(join(VECTORS, file), to);
  const raw = JSON.parse(readFileSync(to, "utf8")) as Raw;
  change(raw);
  writeFileSync(to, JSON.stringify(raw));
  return directory;
}
interface Raw {
  op: string;
  params: Record<string, unknown>;
  outputs: Record<string, { shape: number[]; data: number[] }>;
}

async function stateOf(file: string, change: (raw: Raw) => void): Promise<{ state: string | undefined; detail: string | undefined }> {
  const directory = changed(file, change);
  try {
    const [result] = await conformance(host, directory);
    return { state: result?.state, detail: result?.detail };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("every golden vector holds", async (t) => {
  const results = await conformance(host, VECTORS);
  t.deepEqual(results.filter((r) => r.state !== "held"), []);
  t.true(results.length >= 24);
  // Equal to rounding, not only within the tolerance of the case.
  for (const r of results) t.true(r.absolute < 1e-5, `${r.case}: ${r.absolute}`);
});

const CODES = "21-flextok/fsq-levels-4x6.json";

test("a value that is off is a failure that names it", async (t) => {
  const { state, detail } = await stateOf(CODES, (raw) => { (raw.outputs.indices as { data: number[] }).data[3] = -1; });
  t.is(state, "failed");
  t.regex(detail ?? "", /^indices: 1 of 24 differ, the first at 3: \d+, expected -1$/);
});

test("another shape, a missing output and an argument that is not taken are failures", async (t) => {
  const reshaped = await stateOf(CODES, (raw) => { (raw.outputs.indices as { shape: number[] }).shape = [24]; });
  t.deepEqual(reshaped, { state: "failed", detail: "indices: shape [3, 8], expected [24]" });
  const surplus = await stateOf(CODES, (raw) => { raw.outputs.more = raw.outputs.indices as { shape: number[]; data: number[] }; });
  t.deepEqual(surplus, { state: "failed", detail: "more: there is no such output" });
  const param = await stateOf(CODES, (raw) => { raw.params.depth = 3; });
  t.is(param.state, "failed");
  t.regex(param.detail ?? "", /^T305 run has no parameter depth/);
});

test("an operation without an entry is told apart", async (t) => {
  t.deepEqual(await stateOf(CODES, (raw) => { raw.op = "nothing"; }), { state: "not implemented", detail: "" });
});

test("NaN is equal to nothing, whole numbers are exact", (t) => {
  const tolerance = { absolute: 1, relative: 0 };
  t.not(compare(f32([1], [Number.NaN]), f32([1], [Number.NaN]), tolerance).detail, "");
  t.is(compare(f32([1], [1.5]), f32([1], [1]), tolerance).detail, "");
  t.not(compare(i64([1], [2]), i64([1], [1]), tolerance).detail, "");
  t.not(compare(i64([1], [1]), f32([1], [1]), tolerance).detail, "");
});

test("what is no directory or no vector is refused", async (t) => {
  await t.throwsAsync(conformance(host, join(VECTORS, "none")), { instanceOf: UnreadableVector });
  const directory = changed(CODES, (raw) => { raw.op = 3 as unknown as string; });
  await t.throwsAsync(conformance(host, directory), { instanceOf: UnreadableVector, message: /op is not a text/ });
  rmSync(directory, { recursive: true });
});
