/** Every bundler builds the app for real; the bundle runs in Node and gives what the runtime gives; mistakes are told in the bundler's own words. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { build } from "../../hosts/build.ts";
import { Session } from "../../runtime/session.ts";
import { app, BUNDLERS, bundleOf, LEFT_OUT, node, writeWeights } from "./project.ts";

/** What the runtime gives without any bundler. */
async function expected(folder: string): Promise<string> {
  const { artifact } = await build({ root: folder, file: "src/classify.kiri", variant: "kept", out: join(folder, "build/direct") });
  if (!artifact) throw new Error("the app does not build");
  const session = await Session.load(artifact, { device: "cpu", threads: 1 });
  const { label, scores } = (await session.run({ x: { dtype: "f32", dims: [4], data: Float32Array.of(0.25, 2, -1, 1) } })) as unknown as { label: number; scores: { data: Float32Array } };
  await session.release();
  return `${JSON.stringify({ label, scores: [...scores.data], variant: "kept" })}\n`;
}

const keyOf = (said: string): string | undefined => /src\/classify\.kiri\?compress=kept: (?:built|from the cache) in [\d.]+ s, key ([0-9a-f]{16})/.exec(said)?.[1];

for (const name of LEFT_OUT) test.skip(`${name} is not installed: npm install it into a folder, and name that as BUNDLERS`, (t) => t.pass());

for (const [bundler, start] of Object.entries(BUNDLERS)) {
  test(`${bundler} builds, the bundle runs, a second build is found, other weights are another`, async (t) => {
    const folder = app();
    const first = await node(folder, ...start);
    t.is(first.code, 0, first.said);
    t.regex(first.said, /classify\.kiri\?compress=kept: built in/);
    const bundle = bundleOf(folder, bundler);
    const ran = await node(folder, bundle);
    t.is(ran.said, await expected(folder));
    // Farm brings modules of its own along.
    t.true(readFileSync(join(folder, bundle), "utf8").length < (bundler === "farm" ? 16_000 : 12_000), "the runtime stays outside");
    t.regex(readFileSync(join(folder, bundle), "utf8"), /["']kirigami\/runtime["']/);
    const assets = readdirSync(join(folder, "out", bundler, "assets")).filter((n) => n.startsWith("classify-"));
    t.is(assets.length, 1);
    t.regex(assets[0] ?? "", /^classify-[0-9a-f]{10}$/);
    t.true(readdirSync(join(folder, "out", bundler, "assets", assets[0] ?? "")).includes("model.onnx"));
    t.true(readdirSync(join(folder, "src")).includes("classify.d.kiri.ts"), "declarations lie beside the program");

    const second = await node(folder, ...start);
    t.is(second.code, 0, second.said);
    t.regex(second.said, /from the cache in/);
    t.is(keyOf(second.said), keyOf(first.said));

    // The bundle is moved as a whole, which is what a deployment does.
    mkdirSync(join(folder, "deployed"));
    renameSync(join(folder, "out", bundler), join(folder, "deployed", bundler));
    t.is((await node(folder, bundle.replace(/^out/, "deployed"))).said, ran.said);

    writeWeights(folder, Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 2 : 0)));
    const third = await node(folder, ...start);
    t.is(third.code, 0, third.said);
    t.regex(third.said, /: built in/);
    t.not(keyOf(third.said), keyOf(first.said));
    const doubled = await node(folder, bundleOf(folder, bundler));
    t.is(doubled.said, await expected(folder));
    t.not(doubled.said, ran.said);
  });

  test(`${bundler} tells a mistake with file, line, column and the line itself`, async (t) => {
    const folder = app();
    const program = join(folder, "src/classify.kiri");
    writeFileSync(program, readFileSync(program, "utf8").replace("small(x)", "smal(x)"));
    const { code, said } = await node(folder, ...start);
    t.not(code, 0);
    const shown = said.replaceAll(folder, "APP").split("\n").filter((line) => !/^\s+at |ExperimentalWarning|--trace-warnings|node_modules|PLUGIN_TIMINGS|slowest|callback|See https|^\s+- plugin/.test(line)).join("\n").replace(/(\d+m )?\d+(\.\d+)?(ms| ?s)\b/g, "TIME").trim();
    t.regex(shown, /classify\.kiri/);
    t.regex(shown, /(?<!\d)11[:)]1[56]|\(?11:1[56]/);
    t.regex(shown, /let scores = smal\(x\)/);
    golden(t.is.bind(t), bundler, `${shown}\n`);
  });
}

/** Compares with golden/NAME.txt; UPDATE=1 writes it. */
function golden(is: (found: string, wanted: string) => unknown, name: string, found: string): void {
  const path = join(import.meta.dirname, `golden/${name}.txt`);
  if (process.env.UPDATE === "1") writeFileSync(path, found);
  is(found, readFileSync(path, "utf8"));
}
