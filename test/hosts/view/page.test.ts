/** The page: one file that loads nothing, whatever a file calls its nodes; on loopback only for who asks for this machine. */
import { createHash } from "node:crypto";
import { request } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { Drawing } from "../../../hosts/view/drawing.ts";
import { pageOf } from "../../../hosts/view/html.ts";
import { pageParts } from "../../../hosts/view/page-parts.ts";
import { serve } from "../../../hosts/view/serve.ts";
import { answer, kiri } from "../../support/command-line.ts";
import { folderOf, modelBytes, node, port } from "../../support/onnx-model.ts";
import { ROOT } from "../../support/program.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const HOSTILE = `</script><img src=x onerror="alert(1)">\u2028<!--<script>`;

test("hostile names are data: the page holds no markup of theirs, and runs nothing but its own script", async (t) => {
  const drawing: Drawing = { title: HOSTILE, facts: [HOSTILE], lines: [], nodes: [{ id: 0, op: HOSTILE, name: HOSTILE, path: [HOSTILE], inputs: [], constants: [HOSTILE], type: "", multiplyAdds: 0, kind: "node", by: [], lines: [], sites: [] }] };
  const parts = await pageParts();
  const page = pageOf(HOSTILE, [drawing], parts);
  t.false(page.includes("<img"));
  const [, data = "", code = ""] = /id="drawings">([^<]*)<\/script>\n<script>([\s\S]*)<\/script>\n<\/body>/.exec(page) ?? [];
  t.deepEqual(JSON.parse(data), [drawing]);
  t.true(page.includes(`script-src 'sha256-${createHash("sha256").update(code).digest("base64")}'`));
  t.regex(page, /default-src 'none'/);
  t.notRegex(page, /(?:src|href)\s*=\s*["']|@import|url\((?!#)/);
  t.true(parts.script.length < 120_000, `the script has ${parts.script.length} characters`);
});

test("view writes the page of an ONNX file, and tells drawings as JSON", async (t) => {
  const folder = folderOf({ "m.onnx": modelBytes({ input: [port("x", "f32", [2])], output: [port("y", "f32", [2])], node: [node("Relu", ["x"], ["y"], {}, { name: HOSTILE })] }) });
  const ran = await kiri({ cwd: folder }, "view", "m.onnx", "-o", "page.html");
  t.is(ran.code, 0, ran.err);
  t.is(ran.out, "page.html\n");
  t.false(readFileSync(join(folder, "page.html"), "utf8").includes("<img"));
  const { drawings } = answer(await kiri({ cwd: folder }, "view", "m.onnx", "--against", "m.onnx", "--json")) as unknown as { drawings: Drawing[] };
  t.deepEqual(drawings.map((d) => d.nodes.map((n) => n.op)), [["input", "Relu", "output"], ["input", "Relu", "output"]]);
});

test("view of a variant stands beside the plain model; mistakes are told and no page is written", async (t) => {
  const { drawings } = answer(await kiri({ cwd: ROOT }, "view", "pipelines/digits.kiri", "--variant", "lite", "--json")) as unknown as { drawings: Drawing[] };
  t.deepEqual(drawings.map((d) => d.title), ["digits, plain", "digits as lite"]);
  const cwd = temporaryFolder();
  t.like(await kiri({ cwd }, "view", "none.onnx", "-o", "p.html"), { code: 2 });
  const odd = folderOf({ "m.onnx": new Uint8Array([1, 2, 3]), "p.json": new TextEncoder().encode("[]") });
  t.like(await kiri({ cwd: odd }, "view", "m.onnx"), { code: 1, out: "" });
  t.regex((await kiri({ cwd: odd }, "view", "m.onnx", "--profile", "p.json")).err, /p\.json is not what kiri profile --json prints/);
  const ran = await kiri({ cwd: odd }, "view", "m.onnx", "--variant", "lite");
  t.is(ran.code, 2);
  t.regex(ran.err, /m\.onnx is compiled already; --variant, --plain and --pipeline are for programs/);
  // A page takes the place of a page only.
  t.like(await kiri({ cwd: odd }, "view", "m.onnx", "-o", "m.onnx"), { code: 2, err: "kiri: m.onnx is no .html file.\nThe page is written as one, so that it takes the place of nothing else.\n" });
});

test("serve: the page for this machine, nothing for other names or places, and an end with the signal", async (t) => {
  const abort = new AbortController();
  let told: (address: string) => void = () => {};
  const address = new Promise<string>((resolve) => { told = resolve; });
  const served = serve(async () => "<p>page</p>", { port: 0, signal: abort.signal, onListening: told });
  const { port: number } = new URL(await address);
  const ask = (path: string, host: string): Promise<{ status: number; text: string }> => new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port: number, path, headers: { host } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => { text += chunk.toString(); });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    }).once("error", reject).end();
  });
  t.deepEqual(await ask("/", `localhost:${number}`), { status: 200, text: "<p>page</p>" });
  t.is((await ask("/", "evil.example")).status, 403);
  t.is((await ask("/../secret", "127.0.0.1")).status, 404);
  abort.abort();
  await served;
  await t.throwsAsync(ask("/", "localhost"));
});
