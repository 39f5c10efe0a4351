// The host on Node: nothing outside of the project is ever opened, and ranges are what the file holds.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { HostError } from "../../compiler/host.ts";
import { NodeHost, packageRoot } from "../../hosts/node-host.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";

/** A project with a file and a folder, beside a secret. */
function project(): { host: NodeHost; root: string; outside: string } {
  const parent = temporaryFolder();
  const root = join(parent, "project");
  mkdirSync(join(root, "models", "deep"), { recursive: true });
  mkdirSync(join(parent, "project-twin"));
  writeFileSync(join(root, "models", "a.bin"), Uint8Array.from({ length: 100 }, (_, i) => i));
  writeFileSync(join(parent, "secret"), "secret");
  writeFileSync(join(parent, "project-twin", "secret"), "secret");
  return { host: new NodeHost({ root }), root, outside: parent };
}

test("paths are found from the root or beside the file that names them", (t) => {
  const { host, root } = project();
  t.is(host.locate("models/a.bin", undefined), join(root, "models/a.bin"));
  t.is(host.locate("a.bin", "models/x.kiri"), join(root, "models/a.bin"));
  t.is(host.locate("../models/a.bin", "models/x.kiri"), join(root, "models/a.bin"));
  t.is(host.locate("a.bin", join(root, "models/x.kiri")), join(root, "models/a.bin"));
  t.is(host.locate("models/not-yet", undefined), join(root, "models/not-yet"));
  t.is(host.locate(".", undefined), root);
});

test("paths that leave the project are found nowhere", (t) => {
  const { host, root, outside } = project();
  symlinkSync(outside, join(root, "up"));
  symlinkSync(join(outside, "secret"), join(root, "models", "linked"));
  symlinkSync(join(outside, "not-yet"), join(root, "dangling"));
  symlinkSync("circle", join(root, "circle"));
  for (const path of ["../secret", "/etc/passwd", "../project-twin/secret", join(outside, "secret"), "up", "up/secret", "up/new-file", "models/linked", "models/../../secret", "dangling", "circle", "a\0b"]) {
    t.is(host.locate(path, undefined), undefined, path);
    t.throws(() => host.read(path), { instanceOf: HostError }, path);
    t.throws(() => host.readRange(path, 0, 1), { instanceOf: HostError }, path);
    t.throws(() => host.list(path), { instanceOf: HostError }, path);
    t.throws(() => host.stat(path), { instanceOf: HostError }, path);
  }
  t.is(host.locate("../../secret", "models/x.kiri"), undefined);
});

test("links inside of the project are followed, and a root may be a link itself", (t) => {
  const { root, outside } = project();
  symlinkSync("a.bin", join(root, "models", "b.bin"));
  symlinkSync(root, join(outside, "alias"));
  const host = new NodeHost({ root: join(outside, "alias") });
  t.is(host.root, root);
  t.is(host.read("models/b.bin").length, 100);
  t.is(host.locate(join(root, "models/b.bin"), undefined), join(root, "models/b.bin"));
});

test("ranges", (t) => {
  const { host } = project();
  t.deepEqual([...host.readRange("models/a.bin", 97, 3)], [97, 98, 99]);
  const into = new Uint8Array(2);
  t.is(host.readRange("models/a.bin", 5, 2, into), into);
  t.deepEqual([...into], [5, 6]);
  t.is(host.readRange("models/a.bin", 100, 0).length, 0);
  t.throws(() => host.readRange("models/a.bin", 97, 4), { instanceOf: HostError, message: /it ends at byte 100, and 1 more were to be read/ });
  host.close();
  t.deepEqual([...host.readRange("models/a.bin", 0, 1)], [0]);
});

test("more files than are kept open can be read in turn", (t) => {
  const { host, root } = project();
  for (let i = 0; i < 50; i++) writeFileSync(join(root, `f${i}`), `${i}`);
  for (let round = 0; round < 2; round++) for (let i = 0; i < 50; i++) t.is(new TextDecoder().decode(host.readRange(`f${i}`, 0, `${i}`.length)), `${i}`);
  if (process.platform === "linux") t.is(openBelow(root), 16);
  host.close();
  if (process.platform === "linux") t.is(openBelow(root), 0);
});
const openBelow = (root: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => { try { return readlinkSync(`/proc/self/fd/${fd}`).startsWith(root); } catch { return false; } }).length;

test("facts, lists and errors with their reasons", (t) => {
  const { host } = project();
  t.deepEqual(host.stat("models"), { ...host.stat("models"), isDirectory: true } as never);
  t.is(host.stat("models/a.bin")?.size, 100);
  t.is(host.stat("nothing"), undefined);
  t.deepEqual(host.list("models"), ["a.bin", "deep"]);
  t.is(t.throws(() => host.read("nothing"), { instanceOf: HostError })?.reason, "it does not exist");
  t.is(t.throws(() => host.read("models"), { instanceOf: HostError })?.reason, "it is a directory");
  t.throws(() => new NodeHost({ root: "/nowhere/at/all" }), { instanceOf: HostError });
});

test("digests of bytes and of files", async (t) => {
  const { host, root } = project();
  const bytes = readFileSync(join(root, "models/a.bin"));
  const wanted = createHash("sha256").update(bytes).digest("hex");
  t.is(host.digest(bytes), wanted);
  t.is(await host.digestFile("models/a.bin"), wanted);
  await t.throwsAsync(host.digestFile("nothing"), { instanceOf: HostError });
  await t.throwsAsync(host.digestFile("../secret"), { instanceOf: HostError });
});

test("the standard library is this package's, whatever the project is", (t) => {
  const { host } = project();
  t.true(host.libraryPaths().includes("folds/tome"));
  t.deepEqual(host.libraryPaths(), [...host.libraryPaths()].sort());
  t.is(host.library("folds/tome"), readFileSync(join(packageRoot(), "stdlib/folds/tome.kiri"), "utf8"));
  t.is(host.library("../package"), undefined);
  t.is(host.library("folds/none"), undefined);
});

test("progress goes to who asked for it", (t) => {
  const seen: unknown[] = [];
  new NodeHost({ root: project().root, progress: (...told) => seen.push(told) }).progress("weights", 1, 2);
  t.deepEqual(seen, [["weights", 1, 2]]);
});

test("a link that is turned outwards after its path was found is not followed", (t) => {
  const { host, root, outside } = project();
  const path = host.locate("models/a.bin", undefined) as string;
  renameSync(join(root, "models"), join(root, "before"));
  mkdirSync(join(outside, "elsewhere"));
  writeFileSync(join(outside, "elsewhere", "a.bin"), "secret");
  symlinkSync(join(outside, "elsewhere"), join(root, "models"));
  t.throws(() => host.read(path), { instanceOf: HostError, message: /lies outside/ });
});
