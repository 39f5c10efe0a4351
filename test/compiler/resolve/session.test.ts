/** A long session of edits: what is remembered from one to the next changes neither the tree nor what is said, and nothing of what has gone is kept. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { openProgram } from "../../../compiler/program.ts";
import { ModuleCache } from "../../../compiler/resolve/cache.ts";
import { host } from "../../support/check.ts";
import { edit, seeded } from "../../support/edits.ts";
import { ROOT } from "../../support/program.ts";

const library = new ModuleCache();
const FILE = "pipelines/session.kiri";
const TEXT = ["plan", "tome"].map((name) => readFileSync(join(ROOT, `stdlib/folds/${name}.kiri`), "utf8").replace("use folds.plan (bipartite)", "")).join("\n");

test("after every edit the same is known as of a file that is read for the first time", (t) => {
  const warm = new ModuleCache(library);
  const random = seeded(7);
  let text = TEXT;
  let withProblems = 0;
  for (let i = 0; i < 30; i++) {
    const now = openProgram(host, FILE, text, warm);
    const fresh = openProgram(host, FILE, text, new ModuleCache(library));
    t.is(JSON.stringify(now.value?.main.ast), JSON.stringify(fresh.value?.main.ast), `edit ${i}`);
    t.deepEqual(now.problems, fresh.problems, `edit ${i}`);
    if (now.problems.length > 0) withProblems++;
    // Edits pile up, and now and then all of them are undone.
    text = random() < 0.3 ? TEXT : edit(text, random);
  }
  t.true(withProblems > 8 && withProblems < 30, String(withProblems));
});

test("states of a file that have gone are not kept", async (t) => {
  const cache = new ModuleCache(library);
  const states = Array.from({ length: 20 }, (_, i) => {
    const { value } = openProgram(host, FILE, `${TEXT}\nlet size = ${i}\n`, cache);
    return new WeakRef(value?.main.ast ?? {});
  });
  // References are looked at weakly only once this turn is over.
  await new Promise((resolve) => setImmediate(resolve));
  (globalThis as { gc?: () => void }).gc?.();
  t.true(states.filter((s) => s.deref() !== undefined).length <= 2);
});
