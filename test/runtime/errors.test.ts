/** The table of the runtime's errors: every code has its page, every message its parts. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "ava";
import { FAULTS, type FaultCode, RuntimeError, refuse } from "../../runtime/errors.ts";
import { nearest } from "../../runtime/nearest.ts";
import { inProject } from "./support.ts";

/** What bundlers put into a page reports too. */
const sources = ["runtime", "hosts/bundler"]
  .flatMap((folder) => readdirSync(inProject(folder), { recursive: true, encoding: "utf8" }).map((f) => `${folder}/${f}`))
  .filter((f) => f.endsWith(".ts") && f !== "runtime/errors.ts")
  .map((f) => readFileSync(inProject(f), "utf8"))
  .join("\n");

for (const code of Object.keys(FAULTS) as FaultCode[]) {
  test(`${code} has a page with its title, its reason and a way out, and something reports it`, (t) => {
    const path = inProject(`docs/errors/${code}.md`);
    t.true(existsSync(path), "no page");
    t.regex(readFileSync(path, "utf8"), new RegExp(`^# ${code} ${FAULTS[code].title}\\n\\n[^\\n]{40,}\\n\\n## Way out\\n[^\\n]{40,}\\n$`));
    t.true(sources.includes(`"${code}"`), "nothing reports it");
  });
}

test("there is no page without a code", (t) => {
  t.deepEqual(readdirSync(inProject("docs/errors")).filter((f) => /^R7\d\d\.md$/.test(f) && !(f.slice(0, -3) in FAULTS)), []);
});

test("an error says what was found, the way out, and crosses threads whole", (t) => {
  const error = refuse("R732", { name: "pictre", at: " of record 2", suggestions: nearest("pictre", ["picture", "label"]), all: ["picture", "label"] });
  t.is(error.message, "R732: The field `pictre` of record 2 is none that this artefact takes.\nDid you mean `picture`?");
  const again = new RuntimeError(JSON.parse(JSON.stringify(error.plain())) as never);
  t.deepEqual([again.code, again.message, again.title], [error.code, error.message, error.title]);
});

test("near names are near", (t) => {
  t.deepEqual(nearest("lable", ["label", "picture", "table"]), ["table"]);
  t.deepEqual(nearest("Sentense", ["sentence", "text"]), ["sentence"]);
  t.deepEqual(nearest("x", ["picture"]), []);
});
