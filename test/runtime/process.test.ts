/** How programs end that hold a session: never by an abort, never by hanging; and what stays out of memory. */
import { execFile } from "node:child_process";
import test from "ava";
import { graphOf, inProject, smallModel, type SmallPort, tensorBoundary, writeSmall } from "./support.ts";

interface Ended { readonly code: number | string | null; readonly stderr: string; readonly stdout: string }
const run = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["--import=tsx", ...args], { timeout: 60_000, cwd: inProject("."), maxBuffer: 2 ** 28, env: { ...process.env, ...environment } }, (error, stdout, stderr) => resolve({ code: error ? (error.signal ?? error.code ?? null) : 0, stdout, stderr }));
  });

function slow(): string {
  const [x, y]: [SmallPort, SmallPort] = [{ name: "x", dtype: "f32", sizes: ["N", "N"] }, { name: "y", dtype: "f32", sizes: ["N", "N"] }];
  const names = ["x", "a", "b", "c", "d", "y"];
  const nodes = names.slice(1).map((out, i) => ({ op: "MatMul", inputs: [names[i] ?? "", "x"], outputs: [out] }));
  return writeSmall({ model: smallModel([x], [y], nodes), manifest: { inputs: [tensorBoundary(x)], outputs: [tensorBoundary(y)], graph: graphOf([x], [y]) } });
}

for (const [how, code] of [["without release", 0], ["by exit", 3], ["by throwing", 1], ["while loading", 5]] as const) {
  test(`a program that leaves ${how} ends with code ${code}`, async (t) => {
    const ended = await run(["test/runtime/leaving.ts", slow(), how]);
    t.is(ended.code, code, ended.stderr);
    t.notRegex(ended.stderr, /terminate called|Napi/);
  });
}

test("an artefact runs with neither grammar nor compiler in memory", async (t) => {
  // NODE_DEBUG names every file that the process and its workers load.
  const script = "import('./runtime/session.ts').then(async ({ Session }) => { await (await Session.load(process.argv[1], { device: 'cpu' })).release(); })";
  const ended = await run(["-e", script, slow()], { NODE_DEBUG: "esm" });
  t.is(ended.code, 0, ended.stderr.slice(-500));
  t.regex(ended.stderr, /runtime\/session\.ts/);
  t.regex(ended.stderr, /runtime\/pool\.ts/);
  t.notRegex(ended.stderr, /\/(grammar|compiler|hosts)\/[a-z/-]+\.ts|chevrotain|onnx-proto/);
});
