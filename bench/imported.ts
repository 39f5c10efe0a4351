// An imported transformer folded: time and difference of each variant against the file itself, run by ONNX Runtime.
// `python bench/fetch.py focus`, then `npx tsx bench/imported.ts [ROUNDS]`. The input is numbers and no picture: this asks what
// folding costs and that nothing changes where nothing is folded, not how good the folded maps are.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { build } from "../hosts/build.ts";
import { median, millis, open, ratio, type Runner, timed } from "./timing.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FILE = fileURLToPath(new URL(".models/focus/vit_s_focus.onnx", import.meta.url));
const OUT = fileURLToPath(new URL(".models/imported-build", import.meta.url));
const VARIANTS = ["plain", "nothing", "merged", "clustered"] as const;

async function built(variant: (typeof VARIANTS)[number]): Promise<string> {
  const out = join(OUT, variant);
  const made = await build({ root: ROOT, file: "bench/imported.kiri", ...(variant === "plain" ? {} : { variant }), out, gates: false });
  const wrong = made.problems.filter((p) => p.severity === "error");
  if (wrong.length > 0) throw new Error(wrong.map((p) => `${p.code} ${p.says}`).join("\n"));
  return join(out, "model.onnx");
}

async function mapOf(model: string): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const input = new ort.Tensor("float32", Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => Math.sin(i * 0.013) + Math.cos((i % 224) * 0.05)), [1, 3, 224, 224]);
  const made = await session.run({ [session.inputNames[0] as string]: input });
  const data = made[session.outputNames[0] as string]?.data as Float32Array;
  await session.release();
  return data;
}

if (!existsSync(FILE)) throw new Error("python bench/fetch.py focus");
const rounds = Math.max(1, Number(process.argv[2] ?? 15));
const models = new Map<string, string>([["the file", FILE]]);
for (const variant of VARIANTS) models.set(variant, await built(variant));
const wanted = await mapOf(FILE);
const runners: Runner[] = [];
for (const [name, model] of models) runners.push(await open(name, model));
const times = await timed(runners, rounds);
for (const [name, model] of models) {
  const map = await mapOf(model);
  const worst = map.reduce((most, v, i) => Math.max(most, Math.abs(v - (wanted[i] as number))), 0);
  const faster = ratio(times, ["the file", name], (a = 0, b = 1) => a / b);
  console.log(`${name.padEnd(10)} ${median(millis(times, name)).toFixed(1).padStart(7)} ms  ${faster.value.toFixed(3)} ± ${faster.spread.toFixed(3)} times as fast as the file  worst difference ${worst.toExponential(1)}`);
}
for (const runner of runners) await runner.close();
rmSync(OUT, { recursive: true, force: true });
