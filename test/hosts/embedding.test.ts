// An artefact in somebody's program: its types are checked by tsc, and the program runs.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import test from "ava";
import { build } from "../../hosts/build.ts";
import { ROOT } from "../support/program.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";

const run = promisify(execFile);

/** The program that docs/embedding.md shows. */
const PROGRAM = /```ts program\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, "docs/embedding.md"), "utf8"))?.[1] ?? "";

/** The two lines about `kirigami/format` there. */
const FORMAT = /```ts format\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, "docs/embedding.md"), "utf8"))?.[1] ?? "";

/** Each line must be an error, or tsc reports that it is not. */
const MISTAKES = `
import { Session } from "kirigami/runtime";
import type { Inputs, Outputs } from "./build/digits/pipeline.js";

const session = await Session.load<Inputs, Outputs>("build/digits");
// @ts-expect-error no picture
await session.run({});
// @ts-expect-error a picture is no number
await session.run({ picture: 3 });
// @ts-expect-error there is no such input
await session.run({ picture: "3.png", image: "3.png" });
// @ts-expect-error there is no such output
(await session.run({ picture: "3.png" })).labels;
// @ts-expect-error a class is a number
const text: string = (await session.run({ picture: "3.png" })).label;
export { text };
`;

test("the types of an artefact type an embedding program, which runs", async (t) => {
  const folder = temporaryFolder();
  const built = await build({ root: ROOT, file: "pipelines/digits.kiri", out: join(folder, "build/digits") });
  t.deepEqual(built.problems, []);
  cpSync(join(ROOT, "pipelines/data/digits"), folder, { recursive: true });
  cpSync(join(ROOT, "pipelines/models/tiny-vit-mnist"), join(folder, "models/tiny-vit-mnist"), { recursive: true });
  writeFileSync(join(folder, "digits.kiri"), readFileSync(join(ROOT, "pipelines/digits.kiri"), "utf8").replace("data/digits/digits.safetensors", "digits.safetensors"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
  writeFileSync(join(folder, "program.ts"), PROGRAM);
  writeFileSync(join(folder, "mistakes.ts"), MISTAKES);
  writeFileSync(join(folder, "format.ts"), FORMAT);
  const options = {
    target: "ES2022", lib: ["ES2023", "ESNext.Disposable"], module: "NodeNext", moduleResolution: "NodeNext", strict: true, noEmit: true, skipLibCheck: true,
    allowImportingTsExtensions: true, resolveJsonModule: true, types: ["node"], paths: { "kirigami/runtime": [join(ROOT, "runtime/session.ts")], "kirigami/compile": [join(ROOT, "hosts/compile.ts")], "kirigami/format": [join(ROOT, "grammar/format.ts")] },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["program.ts", "mistakes.ts", "format.ts"] }));
  const checked = await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder]).catch((error: { stdout: string }) => error);
  t.is(checked.stdout, "");
  const { stdout } = await run(process.execPath, ["--import=tsx", "program.ts"], { cwd: folder });
  t.is(stdout, "cpu\n3 true\n0,4\nAbortError\n");
  const formatted = await run(process.execPath, ["--import=tsx", "format.ts"], { cwd: folder });
  t.is(formatted.stdout, "fn half(x: f32[N]) -> f32[N] { x * 0.5 }\n\n");
});
