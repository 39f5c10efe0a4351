// The command line as a whole: help, wrong usage, explain, completion, colours, bugs of our own.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import test from "ava";
import { packageRoot } from "../../../hosts/node-host.ts";
import { smallModel } from "../../runtime/support.ts";
import { answer, kiri } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const cwd = packageRoot();
const COMMANDS = ["new", "check", "compile", "run", "test", "fmt", "inspect", "view", "optimise", "diff", "profile", "bench", "tune", "explain", "doctor", "lsp", "completion"];

test("help names every command, and help of every command shows examples", async (t) => {
  const help = await kiri({ cwd }, "--help");
  t.is(help.code, 0);
  t.regex(help.out, /\nExamples:\n {2}\$ kiri new /);
  for (const name of COMMANDS) {
    t.regex(help.out, new RegExp(`^ {2}${name} `, "m"));
    const own = await kiri({ cwd }, name, "--help");
    t.is(own.code, 0);
    t.regex(own.out, /\nExamples:\n {2}\$ /, name);
    // The language server talks a protocol of its own.
    if (name !== "lsp") t.regex(own.out, /--json/, name);
  }
});

test("without a command: help on standard error, exit code 2", async (t) => {
  const { code, out, err } = await kiri({ cwd });
  t.is(code, 2);
  t.is(out, "");
  t.regex(err, /^Usage: kiri/);
});

test("wrong usage: exit code 2, with what was meant", async (t) => {
  const unknown = await kiri({ cwd }, "chek");
  t.is(unknown.code, 2);
  t.regex(unknown.err, /Did you mean check\?/);
  t.is((await kiri({ cwd }, "check", "--formt", "json")).code, 2);
  t.is((await kiri({ cwd }, "check", "--format", "xml")).code, 2);
  t.is((await kiri({ cwd }, "compile", "--variant", "a", "--plain")).code, 2);
  t.is((await kiri({ cwd }, "run")).code, 2);
});

test("the version is that of the package", async (t) => {
  const { version } = JSON.parse(readFileSync(`${cwd}/package.json`, "utf8")) as { version: string };
  t.deepEqual(await kiri({ cwd }, "--version").then((r) => [r.code, r.out]), [0, `${version}\n`]);
});

test("explain prints the page, lists codes, and knows near ones", async (t) => {
  const page = await kiri({ cwd }, "explain", "f302");
  t.is(page.out, readFileSync(`${cwd}/docs/errors/F302.md`, "utf8"));
  const all = await kiri({ cwd }, "explain");
  t.regex(all.out, /^F302 {2}These tokens cannot be folded here$/m);
  const unknown = await kiri({ cwd }, "explain", "F320");
  t.is(unknown.code, 2);
  t.regex(unknown.err, /no diagnostic F320\.\nNearest: .*F302/);
  t.is((await kiri({ cwd }, "explain", "../F302")).code, 2);
  t.like(answer(await kiri({ cwd }, "explain", "N201", "--json")), { command: "explain", ok: true, code: "N201", title: "This module is nowhere to be found" });
});

test("explain --fusions tells what fused and what came near", async (t) => {
  const { code, out } = await kiri({ cwd }, "explain", "--fusions", "pipelines/embed.kiri");
  t.is(code, 0);
  t.regex(out, /^fused: .*attention × 2/);
  const json = answer(await kiri({ cwd }, "explain", "--fusions", "pipelines/embed.kiri", "--json"));
  t.is((json.fused as Record<string, number>).attention, 2);
});

test("completion knows the commands and their options", async (t) => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, out } = await kiri({ cwd }, "completion", shell);
    t.is(code, 0);
    for (const name of COMMANDS) t.true(out.includes(name), `${shell}: ${name}`);
    t.true(out.includes("max-warnings"), shell);
  }
  t.is((await kiri({ cwd }, "completion", "tcsh")).code, 2);
});

test("bash takes the completion, and completes commands, options and their values with it", async (t) => {
  const bash = spawnSync("bash", ["--version"]);
  if (bash.error) return t.pass("there is no bash here");
  const { out: script } = await kiri({ cwd }, "completion", "bash");
  const parsed = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
  t.is(parsed.status, 0, parsed.stderr);
  const completed = (...words: readonly string[]): string[] => {
    const asked = `${script}\nCOMP_WORDS=(${words.map((w) => `"${w}"`).join(" ")}); COMP_CWORD=${words.length - 1}; _kiri; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p kiri`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", asked], { encoding: "utf8", cwd: temporaryFolder() });
    t.is(stderr, "");
    t.regex(stdout, /-F _kiri kiri\n$/);
    return stdout.trimEnd().split("\n").slice(0, -1);
  };
  t.deepEqual(completed("kiri", "comp"), ["compile", "completion"]);
  t.deepEqual(completed("kiri", "check", "--max"), ["--max-warnings"]);
  t.deepEqual(completed("kiri", "check", "--target", "cu"), ["cuda"]);
});

test("colours: on a terminal only, NO_COLOR and FORCE_COLOR are obeyed", async (t) => {
  const text = "fn f(x: f32[B]) -> f32[B] { y }\n";
  const has = async (isTerminal: boolean, env: Record<string, string>): Promise<boolean> => (await kiri({ cwd: temporaryFolder(), stdin: text, isTerminal, env }, "check", "-")).err.includes("\u001b[");
  t.false(await has(false, {}));
  t.true(await has(true, {}));
  t.false(await has(true, { NO_COLOR: "1" }));
  t.false(await has(true, { TERM: "dumb" }));
  t.true(await has(false, { FORCE_COLOR: "1" }));
  t.false(await has(true, { FORCE_COLOR: "0" }));
  t.true(await has(true, { NO_COLOR: "" }));
});

test("a bug of our own: exit code 3, and what to report", async (t) => {
  const { main } = await import("../../../hosts/cli/command-line.ts");
  let err = "";
  const broken = { write: () => { throw new Error("the stream is a bug"); } };
  const io = { stdin: process.stdin, stdout: broken, stderr: { write: (text: string | Uint8Array) => { err += String(text); } }, cwd, env: {}, signal: new AbortController().signal };
  t.is(await main(["explain"], io), 3);
  t.regex(err, /bug of kirigami.*the stream is a bug/);
  const file = / in (\S+)\.\n/.exec(err)?.[1] ?? "";
  t.regex(readFileSync(file, "utf8"), /^kirigami \d.*node v.*\n\$ kiri explain\n[\s\S]*the stream is a bug\n {4}at /);
  rmSync(file);
});

test("an aborted command ends with 130", async (t) => {
  const abort = new AbortController();
  abort.abort(new Error("stop"));
  t.is((await kiri({ cwd, signal: abort.signal }, "compile", "pipelines/embed.kiri", "-o", `${temporaryFolder()}/out`)).code, 130);
});

test("doctor says what runs here and what is missing", async (t) => {
  const { code, out } = await kiri({ cwd }, "doctor");
  t.is(code, 0);
  t.regex(out, /^ok {2}ONNX Runtime: 1\.30/m);
  t.regex(out, /^ok {2}device cpu/m);
  const { findings } = answer(await kiri({ cwd }, "doctor", "--json")) as unknown as { findings: { what: string; ok: boolean; remedy: string | null }[] };
  for (const f of findings) if (!f.ok) t.truthy(f.remedy, `${f.what} lacks something, and nothing says what to do`);
  // What is called working runs a model when it is asked for, and what is not refuses.
  const { Graph } = await import("../../../runtime/graph.ts");
  const model = smallModel([{ name: "x", dtype: "f32", sizes: [1] }], [{ name: "y", dtype: "f32", sizes: [1] }], [{ op: "Exp", inputs: ["x"], outputs: ["y"] }]);
  for (const f of findings.filter((found) => found.what.startsWith("device "))) {
    const open = async (): Promise<void> => void (await (await Graph.open(model, { device: f.what.slice("device ".length) })).release());
    if (f.ok) await t.notThrowsAsync(open(), f.what);
    else await t.throwsAsync(open(), { name: "RuntimeError" }, f.what);
  }
});

test("test computes the claims of checks", async (t) => {
  const good = await kiri({ cwd }, "test", "stdlib/folds/expedite.kiri");
  t.is(good.code, 0);
  t.regex(good.out, /^holds {2}a grid folded onto itself, sharply, loses nothing {2}stdlib\/folds\/expedite\.kiri:\d+:\d+$/m);
  t.regex(good.out, /\n2 of 2 claims hold\n$/);
});
