/** Which kirigami the extension starts, and how often it starts it again. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Restarts } from "../../../hosts/vscode/restarts.ts";
import { serverPlace } from "../../../hosts/vscode/server-place.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const extension = "/extension";
const bundled = { kind: "module", path: "/extension/dist/server.mjs", says: "that comes with the extension", runs: false } as const;

/** A package below a folder; `built`: its entry is there. */
function packaged(folder: string, name: string, built: boolean): string {
  mkdirSync(join(folder, "dist"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, bin: { kiri: "dist/main.js" } }));
  const entry = join(folder, "dist/main.js");
  if (built) writeFileSync(entry, "");
  return entry;
}

test("the folder's own kirigami, the one of the open file's folder first; else the bundled one", (t) => {
  const [first, second] = [temporaryFolder(), temporaryFolder()];
  const own = packaged(join(second, "node_modules/kirigami"), "kirigami", true);
  const asked = { setting: "", isTrusted: true, extension };
  t.deepEqual(serverPlace({ ...asked, folders: [first] }), bundled);
  t.deepEqual(serverPlace({ ...asked, folders: [first, second] }), { kind: "module", path: own, says: `of ${second}`, runs: true });
  const checkout = packaged(first, "kirigami", true);
  t.like(serverPlace({ ...asked, folders: [first, second] }), { path: checkout });
  // One that is not built, and somebody else's, are none.
  const [unbuilt, other] = [temporaryFolder(), temporaryFolder()];
  packaged(unbuilt, "kirigami", false);
  packaged(other, "origami", true);
  t.deepEqual(serverPlace({ ...asked, folders: [unbuilt, other] }), bundled);
  writeFileSync(join(other, "package.json"), "{");
  t.deepEqual(serverPlace({ ...asked, folders: [other] }), bundled);
});

test("a setting is taken at its word, or what it lacks is told; nothing of a folder that is not trusted is", (t) => {
  const folder = temporaryFolder();
  packaged(join(folder, "node_modules/kirigami"), "kirigami", true);
  writeFileSync(join(folder, "kiri"), "");
  writeFileSync(join(folder, "kiri.mjs"), "");
  const asked = { folders: [folder], isTrusted: true, extension };
  t.like(serverPlace({ ...asked, setting: "kiri" }), { kind: "program", path: join(folder, "kiri") });
  t.like(serverPlace({ ...asked, setting: join(folder, "kiri.mjs") }), { kind: "module" });
  t.deepEqual(serverPlace({ ...asked, setting: "nowhere" }), { missing: join(folder, "nowhere") });
  t.deepEqual(serverPlace({ ...asked, setting: "kiri", isTrusted: false }), bundled);
});

test("four ends within three minutes are forgiven, five are not; older ones do not count", (t) => {
  const restarts = new Restarts();
  t.deepEqual([0, 1, 2, 3, 4].map((s) => restarts.ended(s * 1000)), [true, true, true, true, false]);
  t.true(restarts.ended(400_000));
  const again = new Restarts();
  for (let i = 0; i < 5; i++) again.ended(i);
  again.forgive();
  t.true(again.ended(6));
});
