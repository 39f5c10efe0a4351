/** Every check of the standard library holds, and every file of it checks clean. */
import test from "ava";
import { runClaims } from "../compiler/claims.ts";
import { openProgram } from "../compiler/program.ts";
import { evaluator } from "../hosts/evaluator.ts";
import { NodeHost } from "../hosts/node-host.ts";
import { ROOT, told } from "./support/program.ts";

const host = new NodeHost({ root: ROOT, evaluate: evaluator() });

for (const path of host.libraryPaths()) {
  test(`${path} checks clean`, (t) => {
    const { value, problems } = openProgram(host, `stdlib/${path}.kiri`, host.library(path));
    t.deepEqual(told(problems), []);
    t.truthy(value);
  });
}

for (const path of host.libraryPaths().filter((p) => /^check "/m.test(host.library(p) ?? ""))) {
  test(`the checks of ${path} hold`, async (t) => {
    const { claims, problems } = await runClaims(host, `stdlib/${path}.kiri`, host.library(path));
    t.deepEqual(told(problems), []);
    t.true(claims.length > 0);
    t.deepEqual(claims.filter((c) => !c.holds), []);
  });
}
