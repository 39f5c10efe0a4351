/** `kiri types`: what it writes is what tsc finds, with and without a query. */
import { execFile } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { ROOT } from "../../support/program.ts";
import { kiri, type Answer } from "../../support/command-line.ts";
import { PROGRAM, smallProject } from "../../support/small-project.ts";

const run = promisify(execFile);

const TWO = `${PROGRAM}
pipeline doubled(x: f32[C = 4], left: Int) -> { twice: f32[C] } { { twice: x * 2.0 } }
`;

/** Lines that must be right, and lines that must not. */
const USE = `
import classify from "./main.kiri";
import kept from "./main.kiri?compress=kept";
import plain from "./main.kiri?plain";
import named from "./main.kiri?pipeline=classify&compress=strict";
import twice from "./two.kiri?pipeline=doubled";

for (const pipeline of [classify, kept, plain, named]) {
  const session = await pipeline.open({ device: "cpu" });
  const { label, scores } = await session.run({ x: { dtype: "f32", dims: [4], data: new Float32Array(4) } });
  const exact: number = label;
  const values: Float32Array = scores.data;
  console.log(exact, values, pipeline.manifest.cost.total, pipeline.artifact.href);
  // @ts-expect-error there is no such output
  (await session.run({ x: { dtype: "f32", dims: [4], data: new Float32Array(4) } })).labels;
  // @ts-expect-error no such input
  await session.run({ y: 3 });
}
const two = await twice.open();
await two.run({ x: { dtype: "f32", dims: [4], data: new Float32Array(4) }, left: 3 });
// @ts-expect-error a field is missing
await two.run({ x: { dtype: "f32", dims: [4], data: new Float32Array(4) } });
`;

/** What only one of several pipelines can be: which one has to be said. */
const UNSAID = `
import two from "./two.kiri";
// @ts-expect-error there is no such variant
import none from "./main.kiri?compress=nothing";
// @ts-expect-error none of the two is the default
two.open();
export { none };
`;

for (const [resolution, module] of [["NodeNext", "NodeNext"], ["Bundler", "ESNext"]] as const) test(`tsc finds the declarations with ${resolution}`, async (t) => {
  const root = smallProject();
  writeFileSync(join(root, "two.kiri"), TWO);
  const { code, out } = await kiri({ cwd: root }, "types", "main.kiri", "two.kiri");
  t.is(code, 0);
  t.is(out, "main.d.kiri.ts\nmain.kiri-queries.d.ts\ntwo.d.kiri.ts\ntwo.kiri-queries.d.ts\n");
  writeFileSync(join(root, "package.json"), `{"type":"module"}`);
  writeFileSync(join(root, "use.ts"), USE);
  writeFileSync(join(root, "unsaid.ts"), UNSAID);
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  const compilerOptions = {
    target: "ES2022", lib: ["ES2023", "ESNext.Disposable"], module, moduleResolution: resolution, strict: true, noEmit: true, skipLibCheck: true, types: ["node"],
    allowArbitraryExtensions: true, allowImportingTsExtensions: true, resolveJsonModule: true, paths: { "kirigami/runtime": [join(ROOT, "runtime/session.ts")] },
  };
  writeFileSync(join(root, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const checked = await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", root]).catch((error: { stdout: string }) => error);
  t.is(checked.stdout, "");
});

test("--check writes nothing, and tells what is missing or old", async (t) => {
  const root = smallProject();
  const before = await kiri({ cwd: root }, "types", "--check");
  t.is(before.code, 1);
  t.is(before.out, "main.d.kiri.ts\nmain.kiri-queries.d.ts\n");
  t.false(existsSync(join(root, "main.d.kiri.ts")));
  t.is((await kiri({ cwd: root }, "types")).code, 0);
  const after = await kiri({ cwd: root }, "types", "--check");
  t.is(after.code, 0);
  t.is(after.err, "0 declarations would change\n");
  writeFileSync(join(root, "main.kiri"), PROGRAM.replace("label: Int, scores", "label: Int, values").replace("scores: scores", "values: scores"));
  t.deepEqual((JSON.parse((await kiri({ cwd: root }, "types", "--check", "--json")).out) as Answer).changed, ["main.d.kiri.ts"]);
});

test("a declaration is put in the place of the old one as a whole: who has that one open reads it to its end", async (t) => {
  const root = smallProject();
  await kiri({ cwd: root }, "types");
  const path = join(root, "main.d.kiri.ts");
  const text = readFileSync(path, "utf8");
  const open = openSync(path, "r");
  writeFileSync(join(root, "main.kiri"), PROGRAM.replace("label: Int, scores", "label: Int, values").replace("scores: scores", "values: scores"));
  t.is((await kiri({ cwd: root }, "types")).code, 0);
  t.is(readFileSync(open, "utf8"), text);
  closeSync(open);
  t.regex(readFileSync(path, "utf8"), /values/);
  t.deepEqual(readdirSync(root).filter((name) => name.includes(".tmp-")), []);

  // A place that cannot be written is told, and nothing is half there.
  rmSync(path);
  mkdirSync(path);
  const refused = await kiri({ cwd: root }, "types");
  t.is(refused.code, 2);
  t.regex(refused.err, /declarations of main\.kiri cannot be written: .*it is a directory/);
});

test("a program with errors keeps its declarations", async (t) => {
  const root = smallProject();
  await kiri({ cwd: root }, "types");
  const text = readFileSync(join(root, "main.d.kiri.ts"), "utf8");
  t.regex(text, /\/\*\*\s*Which of three values is the largest\.\s*\*\//);
  writeFileSync(join(root, "main.kiri"), PROGRAM.replace("small(x)", "smal(x)"));
  const { code, err } = await kiri({ cwd: root }, "types");
  t.is(code, 1);
  t.regex(err, /N205/);
  t.is(readFileSync(join(root, "main.d.kiri.ts"), "utf8"), text);
});
