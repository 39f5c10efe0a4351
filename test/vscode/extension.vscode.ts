/** The extension as it is packaged: what the package holds, and what it does when an editor loads it. The editor is a stand-in; language client and server are the real ones. */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import test from "ava";
import { listFiles } from "@vscode/vsce";
import sharp from "sharp";
import { vsix } from "../../scripts/vsix.mjs";
import { ROOT } from "../support/program.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";
import { smallProject } from "../support/small-project.ts";
import { Editor } from "./editor.ts";

let made: Awaited<ReturnType<typeof vsix>>;
test.before(async () => {
  made = await vsix();
});

const manifest = (folder: string): { main: string; version: string; contributes: Record<string, { path?: string; configuration?: string; command?: string }[]> } => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** Runs the extension on a new project, and stops it whatever happens. */
async function active(prepare: (editor: Editor) => void, body: (editor: Editor) => Promise<void>, file = join(smallProject(), "main.kiri")): Promise<void> {
  const editor = new Editor(dirname(file), file);
  prepare(editor);
  const extension = editor.load(join(made.folder, manifest(made.folder).main));
  await extension.activate({ subscriptions: editor.subscriptions, extensionPath: made.folder });
  try {
    await body(editor);
  } finally {
    await extension.deactivate();
  }
}

/** Language servers that this process has started. */
const servers = (): number[] => {
  try {
    return execFileSync("pgrep", ["-P", String(process.pid), "-f", "lsp --stdio"], { encoding: "utf8" }).split("\n").filter((l) => l !== "").map(Number);
  } catch {
    // pgrep found none.
    return [];
  }
};

async function until(holds: () => boolean, what: () => string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (holds()) return;
    await wait(25);
  }
  throw new Error(`it did not come: ${what()}`);
}

test.serial("the package holds what its manifest names, the library and the pages of codes, and no sources", async (t) => {
  t.true(existsSync(made.path));
  const files = await listFiles({ cwd: made.folder, packageManager: 0 });
  const { main, contributes } = manifest(made.folder);
  const named = [main, ...Object.values(contributes).flatMap((of) => (Array.isArray(of) ? of.flatMap((one) => [one.path, one.configuration]) : []))].flatMap((path) => (typeof path === "string" ? [path.replace("./", "")] : []));
  t.true(named.length >= 4);
  for (const path of [...named, "dist/server.mjs", "dist/page/main.js", "stdlib/core.kiri", "stdlib/folds/tome.kiri", "docs/errors/N205.md", "LICENSE.txt", "README.md"]) t.true(files.includes(path), path);
  t.deepEqual(files.filter((f) => /\.ts$|node_modules/.test(f)), []);
  t.is(manifest(made.folder).version, (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version);
});

test.serial("every command of the manifest is registered, and no other", async (t) => {
  await active(() => undefined, async (editor) => {
    t.deepEqual([...editor.commands.keys()].filter((c) => c.startsWith("kirigami.")).sort(), manifest(made.folder).contributes.commands?.map((c) => c.command ?? "").sort());
  });
});

test.serial("without a kirigami in the folder its own server answers: the graph beside the file, drawn again when it is saved", async (t) => {
  await active((editor) => editor.answers.push({ label: "kept", variant: "kept" }), async (editor) => {
    t.is(editor.status.text, `kirigami ${made.version}`);
    t.is(editor.status.detail, "that comes with the extension");
    await editor.run("kirigami.showGraph");
    const [panel] = editor.panels;
    t.is(panel?.title, "main.kiri as kept");
    t.regex(panel?.webview.html ?? "", /^<!doctype html>[\s\S]*"classify as kept"/);
    if (panel) panel.webview.html = "";
    await editor.fire("saved", editor.document);
    t.regex(panel?.webview.html ?? "", /"classify as kept"/);
    panel?.close();
    // What is closed is not drawn.
    if (panel) panel.webview.html = "";
    await editor.fire("saved", editor.document);
    t.is(panel?.webview.html, "");
    await editor.run("kirigami.showFolds");
    t.regex(editor.said.at(-1) ?? "", /npm install kirigami onnxruntime-node/);
  });
  t.deepEqual(servers(), []);
});

test.serial("a server that ends is started again; one that ends over and over is told of, and comes back by hand", async (t) => {
  await active(() => undefined, async (editor) => {
    for (let ends = 1; ends <= 4; ends++) {
      const [server = 0] = servers();
      t.true(server > 0);
      process.kill(server, "SIGKILL");
      await until(() => servers().length === 1 && servers()[0] !== server && editor.status.text === `kirigami ${made.version}`, () => `another server after ${ends}`);
    }
    t.deepEqual(editor.said, []);
    process.kill(servers()[0] ?? 0, "SIGKILL");
    await until(() => editor.said.some((s) => s.includes("five times")), () => editor.said.join());
    t.is(editor.status.text, "ended");
    t.deepEqual(servers(), []);
    editor.answers.push({ label: "plain", variant: undefined });
    await editor.run("kirigami.showGraph");
    t.regex(editor.said.at(-1) ?? "", /not running/);
    await editor.run("kirigami.restartServer");
    t.is(servers().length, 1);
    t.is(editor.status.text, `kirigami ${made.version}`);
  });
});

/** A kirigami in the folder: this one. */
function own(editor: Editor): void {
  const folder = join(editor.folder, "node_modules/kirigami");
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "kirigami", bin: { kiri: "bin/kiri.mjs" } }));
  writeFileSync(join(folder, "bin/kiri.mjs"), `import { register } from "tsx/esm/api";\nregister();\nawait import(${JSON.stringify(join(ROOT, "hosts/cli/main.ts"))});\n`);
  symlinkSync(join(ROOT, "node_modules/tsx"), join(editor.folder, "node_modules/tsx"));
}

test.serial("which patches of a picture were folded is drawn beside the file, and told", async (t) => {
  const folder = temporaryFolder();
  copyFileSync(join(ROOT, "pipelines/digits.kiri"), join(folder, "digits.kiri"));
  for (const part of ["models/tiny-vit-mnist", "data/digits"]) cpSync(join(ROOT, "pipelines", part), join(folder, part), { recursive: true });
  await active(own, async (editor) => {
    editor.answers.push("lite", { isFile: true }, [{ fsPath: join(folder, "data/digits/3.png") }]);
    await editor.run("kirigami.showFolds");
    const [panel] = editor.panels;
    t.is(panel?.title, "folds of lite");
    const page = panel?.webview.html ?? "";
    t.regex(page, /50 → 34 tokens: 23 merged into 7, 27 kept, 0 dropped/);
    const [, drawn = ""] = /src="data:image\/png;base64,([^"]+)"/.exec(page) ?? [];
    const { width = 0, height = 0 } = await sharp(Buffer.from(drawn, "base64")).metadata();
    t.true(width > 28 && height > 28, page.slice(0, 2000));
  }, join(folder, "digits.kiri"));
});

test.serial("the folder's own kirigami is used, but not where nobody trusts the folder; a setting that names nothing is told", async (t) => {
  await active(own, async (editor) => {
    t.is(editor.status.detail, `of ${editor.folder}`, editor.log.join("\n"));
    // What cannot be run says why, in its own words.
    editor.answers.push("kept", { isFile: true }, [{ fsPath: join(editor.folder, "data/records.json") }]);
    await editor.run("kirigami.showFolds");
    t.regex(editor.panels[0]?.webview.html ?? "", /The run failed:[\s\S]*nothing is folded there/);
  });
  await active((editor) => {
    own(editor);
    editor.isTrusted = false;
    editor.settings.set("kirigami.server.path", "/somewhere/else");
  }, async (editor) => {
    t.is(editor.status.detail, "that comes with the extension");
  });
  await active((editor) => editor.settings.set("kirigami.server.path", "no/such/kiri"), async (editor) => {
    t.regex(editor.said[0] ?? "", /names .*no\/such\/kiri, and there is nothing/);
    t.is(editor.status.text, "not started");
  });
});
