/** From what stands in an import to the build that is meant. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parseId, requestOf, resolveImport } from "../../../hosts/bundler/request.ts";
import type { BundlerOptions } from "../../../hosts/bundler/options.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const root = temporaryFolder();
writeFileSync(join(root, "package.json"), "{}");
mkdirSync(join(root, "src"));
writeFileSync(join(root, "src/a.kiri"), "");
const path = join(root, "src/a.kiri");

const asked = (query: string, options: BundlerOptions = {}): ReturnType<typeof requestOf> => requestOf({ path, query }, options, true);

test("a query says more than the options", (t) => {
  const options = { pipeline: "one", compress: "small", target: "cuda" } as const;
  t.deepEqual(asked("", options).request, { root, file: "src/a.kiri", plain: false, pipeline: "one", compress: "small", target: "cuda", gates: true });
  t.deepEqual(asked("pipeline=two&compress=large&target=portable", options).request, { root, file: "src/a.kiri", plain: false, pipeline: "two", compress: "large", target: "portable", gates: true });
  t.deepEqual(asked("plain", { ...options, gates: false }).request, { root, file: "src/a.kiri", plain: true, pipeline: "one", compress: undefined, target: "cuda", gates: false });
  t.deepEqual(asked("t=1700000000&compress=large").request?.compress, "large", "what Vite adds is passed over");
});

test("what a query cannot say is G620, with the near word", (t) => {
  const says = (query: string): string => {
    const found = asked(query);
    return found.request ? "" : `${found.problem.code} ${found.problem.message.split("\n")[1]}`;
  };
  t.is(says("compres=lite"), "G620 The import ends in `?compres=lite`: nothing is called `compres`; did you mean `compress`.");
  t.is(says("target=gpu"), "G620 The import ends in `?target=gpu`: there is no target `gpu`.");
  t.is(says("plain&compress=lite"), "G620 The import ends in `?plain&compress=lite`: `plain` is no compression, and `compress` one.");
  t.is(says("compress=a&compress=b"), "G620 The import ends in `?compress=a&compress=b`: `compress` stands there twice.");
});

test("ids of others are theirs", (t) => {
  t.deepEqual(parseId("/x/a.kiri?compress=lite"), { path: "/x/a.kiri", query: "compress=lite" });
  for (const id of ["/x/a.kiri?raw", "/x/a.kiri?url", "\0/x/a.kiri", "/x/a.js", "/x/a.kiri.js", "/x/b.js?from=a.kiri"]) t.is(parseId(id), undefined, id);
});

test("paths are resolved from the file that imports; aliases and missing files are left to the bundler", (t) => {
  t.is(resolveImport("./a.kiri?plain", join(root, "src/main.ts?x=1")), `${path}?plain`);
  t.is(resolveImport("../src/a.kiri", join(root, "test/main.ts")), path);
  t.is(resolveImport("@/a.kiri", join(root, "src/main.ts")), undefined);
  t.is(resolveImport("./b.kiri", join(root, "src/main.ts")), undefined);
});
