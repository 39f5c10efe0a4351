// Variants side by side: rows that can be worked out by hand, and the figures of the trained segmenter against those of PyTorch.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { compare } from "../../../hosts/evaluation/compare.ts";
import { interleaved, quantile, speedOf } from "../../../hosts/evaluation/speed.ts";
import { ROOT } from "../../support/program.ts";
import { PROGRAM, smallProject } from "../../support/small-project.ts";

const ACCURACY = "accuracy(label) on held_out";
const COSINE = "cosine(scores) on held_out";

test("each variant is a row with every measure, and says what it does not reach", async (t) => {
  const stages = new Set<string>();
  const found = await compare({ root: smallProject(), file: "main.kiri", rounds: 9, onProgress: ({ stage }) => stages.add(stage) });
  t.is(found.pipeline, "classify");
  t.deepEqual(found.rows.map((r) => r.variant), ["plain", "kept", "strict", "undropped", "fast"]);
  // What cannot be compiled is told, and the others stand.
  t.deepEqual(found.problems.map((p) => p.code), ["G604"]);
  for (const row of found.rows) {
    t.is(row.measures[ACCURACY], 0.75, row.variant);
    t.true(Math.abs((row.measures[COSINE] ?? 0) - 1) < 1e-6, row.variant);
    t.true((row.latencyMs ?? 0) > 0 && (row.latencySpread ?? -1) >= 0);
    t.true(row.bytes > 1000);
    t.deepEqual(row.tokens, undefined);
  }
  t.is(found.rows[0]?.ratioToPlain, 1);
  t.deepEqual(found.rows.map((r) => r.problems.map((p) => p.code)), [[], [], ["G603"], [], ["G603"]]);
  t.deepEqual([...stages].filter((s) => s.startsWith("measuring")), ["measuring plain on held_out", "measuring kept on held_out", "measuring strict on held_out", "measuring undropped on held_out", "measuring fast on held_out"]);
});

test("some variants, not timed; one that there is not is told with its neighbours", async (t) => {
  const found = await compare({ root: smallProject(), file: "main.kiri", variants: ["strict", "kep"], latency: false });
  t.deepEqual(found.rows.map((r) => [r.variant, r.latencyMs]), [["plain", undefined], ["strict", undefined]]);
  t.regex(found.problems.map((p) => `${p.code} ${p.says} ${p.next}`).join(), /^G602 .*kep.*kept/);
});

test("without data there is no measure, and speed is that of a made-up record", async (t) => {
  const program = PROGRAM.split("\n").filter((line) => !/data held_out|require|report|^compress|^\}$|use measure/.test(line) || line.startsWith("  {")).join("\n");
  const found = await compare({ root: smallProject(`${program}\n}\n`), file: "main.kiri" });
  t.deepEqual(found.problems, []);
  t.deepEqual(found.rows.map((r) => r.variant), ["plain"]);
  t.true((found.rows[0]?.latencyMs ?? 0) > 0);
});

test("an aborted comparison rejects with the reason; a program that is wrong gives its problems", async (t) => {
  const root = smallProject();
  const stop = new AbortController();
  await t.throwsAsync(compare({ root, file: "main.kiri", signal: stop.signal, onProgress: ({ stage }) => { if (stage.startsWith("measuring")) stop.abort(new Error("enough")); } }), { message: "enough" });
  t.deepEqual((await compare({ root, file: "nothing.kiri" })).problems.map((p) => p.code), ["N207"]);
  t.deepEqual((await compare({ root: join(root, "nowhere"), file: "main.kiri" })).problems.map((p) => p.code), ["N207"]);
});

interface Table {
  readonly [row: string]: number;
}

/** mIoU on the 100 scenes in PyTorch, from the model's own page. */
function published(): Table {
  const page = readFileSync(join(ROOT, "pipelines/models/digit-scenes-segmenter/README.md"), "utf8");
  const plain = /mIoU over 11 classes \*\*([\d.]+)\*\*/.exec(page)?.[1];
  const row = (alpha: number, grid: string): string[] => (new RegExp(`^\\| ${alpha} \\| ${grid} \\| (.*) \\|$`, "m").exec(page)?.[1] ?? "").split(" | ");
  const features = /ratio 0\.740 \(r=14\) \*\*([\d.]+)\*\*/.exec(page)?.[1];
  return { plain: Number(plain), expedite_12: Number.parseFloat(row(4, "12×12")[1] ?? ""), expedite_8: Number.parseFloat(row(3, "8×8")[1] ?? ""), tome_features: Number(features) };
}

test("the folded segmenter reaches on all scenes what it reaches in PyTorch", async (t) => {
  const table = published();
  t.deepEqual(table, { plain: 0.749, expedite_12: 0.655, expedite_8: 0.531, tome_features: 0.747 });
  const found = await compare({ root: ROOT, file: "pipelines/scenes.kiri", variants: ["expedite_12", "expedite_8", "tome_features"], latency: false, seeds: 0 });
  t.deepEqual(found.problems, []);
  const measured = Object.fromEntries(found.rows.map((r) => [r.variant, r.measures["mean_iou(label; classes: 11) on held_out"] ?? Number.NaN]));
  for (const [variant, value] of Object.entries(table)) t.true(Math.abs((measured[variant] ?? Number.NaN) - value) <= 0.005, `${variant}: ${measured[variant]} here, ${value} in PyTorch`);
  t.deepEqual(found.rows.map((r) => r.flopRatio?.toFixed(3)), ["1.000", "0.739", "0.492", "0.740"]);
  t.deepEqual(found.rows.map((r) => r.tokens?.leaving), [257, 145, 65, 145]);
});

test("rounds are interleaved, and short runs repeated", async (t) => {
  const order: string[] = [];
  const turn = (name: string, ms: number) => async (): Promise<number> => {
    order.push(name);
    return ms;
  };
  const [a, b] = await interleaved([turn("a", 40), turn("b", 10)], { rounds: 3 });
  t.is(a?.median, 40);
  t.is(b?.median, 10);
  // Three runs of each for warming up, then at least nine rounds; a run of 10 ms is repeated to fill 20.
  t.is(order.join(""), `aaabbb${"abb".repeat(9)}`);
  t.is(a?.times.length, 9);
});

test("medians and quartiles", (t) => {
  t.is(quantile([3, 1, 2], 0.5), 2);
  t.is(quantile([1, 2, 3, 4], 0.5), 2.5);
  t.is(quantile([1, 2, 3, 4, 5], 0.25), 2);
  const { median, spread } = speedOf([8, 10, 12]);
  t.is(median, 10);
  t.true(Math.abs(spread - 0.1) < 1e-12);
});
