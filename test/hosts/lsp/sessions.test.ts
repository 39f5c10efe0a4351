/** Recorded sessions with the language server, beside this file: UPDATE=1 writes down what is answered now. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import type { Hover } from "vscode-languageserver-protocol/node";
import { build } from "../../../hosts/build.ts";
import type { Profile } from "../../../runtime/session.ts";
import { LspClient } from "../../support/lsp-client.ts";
import { play, readCases, writeCases } from "../../support/lsp-fixture.ts";
import { ROOT } from "../../support/program.ts";
import { smallProject } from "../../support/small-project.ts";

const folder = join(ROOT, "test/hosts/lsp");
const files = readdirSync(folder).filter((f) => f.endsWith(".txt"));

let client: LspClient;
test.before(async () => {
  client = await LspClient.start();
});
test.after.always(async () => {
  client?.process.kill();
});

test("there are sessions for every feature", (t) => {
  t.deepEqual(files.sort(), ["colours.txt", "completion.txt", "definition.txt", "diagnostics.txt", "fixes.txt", "format.txt", "hints.txt", "hover.txt", "outline.txt", "references.txt", "rename.txt", "signature.txt"]);
});

for (const file of files)
  test.serial(file.replace(".txt", ""), async (t) => {
    const cases = readCases(readFileSync(join(folder, file), "utf8"));
    t.true(cases.length > 0);
    const answered = [];
    for (const c of cases) {
      const answers = await play(client, c);
      answered.push({ ...c, asks: c.asks.map((a, i) => ({ ...a, answer: answers[i] ?? "" })) });
      if (process.env.UPDATE !== "1") t.deepEqual(answers, c.asks.map((a) => a.answer), c.title);
    }
    if (process.env.UPDATE === "1") writeFileSync(join(folder, file), writeCases(answered));
    t.deepEqual(client.messages.filter((m) => m.includes("kirigami failed")), []);
  });

test.serial("hover on a variant tells what the gates of its build measured, and nothing of another variant's", async (t) => {
  const root = smallProject();
  let text = readFileSync(join(root, "main.kiri"), "utf8");
  const uri = pathToFileURL(join(root, "main.kiri")).href;
  const about = async (variant: string): Promise<string> => {
    client.open(uri, text);
    const before = text.slice(0, text.indexOf(`as ${variant} `) + "as ".length).split("\n");
    const hover = await client.ask<Hover | null>("textDocument/hover", { textDocument: { uri }, position: { line: before.length - 1, character: before[before.length - 1]?.length ?? 0 } });
    client.close(uri);
    return (hover?.contents as { value: string } | undefined)?.value ?? "";
  };
  t.notRegex(await about("undropped"), /measured/);
  const { report } = await build({ root, file: "main.kiri", variant: "undropped", out: join(root, "build/small") });
  const [drop, cosine] = report?.gates ?? [];
  const said = await about("undropped");
  t.true(said.includes(`measured: ${drop?.says}: measured 0, plain 0.75`), said);
  t.true(said.includes(`${cosine?.says}: measured ${Number(cosine?.value.toPrecision(4))}`), said);
  t.notRegex(await about("kept"), /measured/);
  // Of another program nothing was measured.
  text = text.replace("/// Which of three", "/// Which one of three");
  t.notRegex(await about("undropped"), /measured/);
});

test.serial("hover tells milliseconds of a variant, a placement and a part where a profile lies beside the artefact, and none of another artefact's", async (t) => {
  const root = smallProject();
  const program = `use nn.linear (Linear)
layer Net(width: Int) {
  use one = Linear(width, width)
  use two = Linear(width, width)
  (x: f32[B, N, C]) -> f32[B, N, C] where C = width {
    let first = one(x) as [B, N, C]
    two(first) as [B, N, C]
  }
}
fold half() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> kept: f32[B, K, C] { x[N: 0.. step 2] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
}
model net = Net(8) from random(seed: 1)
compress net as lite { fold tokens across two with half() }
pipeline run(x: f32[N, C = 8]) -> { y: f32[N, C] } { { y: net(x) } }
`;
  writeFileSync(join(root, "main.kiri"), program);
  const uri = pathToFileURL(join(root, "main.kiri")).href;
  const about = async (before: string): Promise<string> => {
    client.open(uri, program);
    const lines = program.slice(0, program.indexOf(before) + before.length).split("\n");
    const hover = await client.ask<Hover | null>("textDocument/hover", { textDocument: { uri }, position: { line: lines.length - 1, character: lines[lines.length - 1]?.length ?? 0 } });
    client.close(uri);
    return (hover?.contents as { value: string } | undefined)?.value ?? "";
  };
  const { artifact = "" } = await build({ root, file: "main.kiri", variant: "lite", out: join(root, "build/lite"), gates: false });
  t.notRegex(await about("as li"), /measured/);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import=tsx", join(ROOT, "hosts/cli/main.ts"), "profile", artifact, "--runs", "3", "--json"], { cwd: ROOT, encoding: "utf8" });
  t.is(status, 0, stderr);
  writeFileSync(join(artifact, "profile.json"), stdout);
  const { profile } = JSON.parse(stdout) as { profile: Profile };
  t.true((await about("as li")).includes(`measured: ${Number((profile.milliseconds / profile.runs).toPrecision(3))} ms a run in its nodes`), await about("as li"));
  const ofFold = profile.nodes.filter((n) => n.by.includes("half")).reduce((sum, n) => sum + n.milliseconds, 0);
  t.true(ofFold > 0);
  t.true((await about("fold tok")).includes(`measured: ${Number((ofFold / profile.runs).toPrecision(3))} ms a run, `), await about("fold tok"));
  t.regex(await about("across tw"), /multiply-adds, [\s\S]*measured: [\d.]+ ms a run, \d/);
  writeFileSync(join(artifact, "profile.json"), stdout.replace(/"manifest": ?"[0-9a-f]{8}/, (m) => m.replace(/[0-9a-f]{8}$/, "00000000")));
  t.notRegex(await about("as li"), /measured/);
});
