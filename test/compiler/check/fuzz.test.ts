// Random edits of the library and the pipelines: the compiler tells what is wrong, inside of the file, and never breaks.
import test from "ava";
import { check } from "../../../hosts/compile.ts";
import { kiriFiles } from "../../grammar/files.ts";
import { edit, misspell, seeded } from "../../support/edits.ts";
import { ROOT } from "../../support/program.ts";

const CASES = 250;

test("whatever is edited, a check ends with problems that have their place", (t) => {
  const random = seeded(20252);
  let wrong = 0;
  for (let i = 0; i < CASES; i++) {
    let { text } = kiriFiles[i % kiriFiles.length] as (typeof kiriFiles)[number];
    for (let k = 1 + Math.floor(random() * 2); k > 0; k--) text = (random() < 0.8 ? misspell : edit)(text, random);
    try {
      const { problems } = check({ root: `${ROOT}pipelines`, file: "fuzz.kiri", text, target: "cpu" });
      if (problems.length > 0) wrong++;
      const outside = problems.find(({ span }) => span?.file === "fuzz.kiri" && !(span.start >= 0 && span.start <= span.end && span.end <= text.length));
      if (outside) t.fail(`case ${i}: ${JSON.stringify(outside.span)} of ${text.length}\n${text}`);
    } catch (error) {
      t.fail(`case ${i}: ${(error as Error).stack}\n${text}`);
    }
  }
  // Most edits break something, and some do not.
  t.true(wrong > CASES / 2 && wrong < CASES);
});

test("a record among its own fields goes round in circles, and is told", (t) => {
  const { problems } = check({ root: ROOT, file: "test.kiri", text: "record Size { height: Size }\nfn area(; size: Size) -> Int { size.height }\n", target: "cpu" });
  t.deepEqual([...new Set(problems.map((p) => p.code))], ["T320"]);
});

test("numbers that the element type lacks are refused", (t) => {
  for (const body of ["tensor([1, 2.5]; dtype: i64)", "full(0.5; like: tensor([1, 2]; dtype: i64))", "tensor([5000000000]; dtype: i32)", "tensor([-1]; dtype: u8)"]) {
    const { problems } = check({ root: ROOT, file: "test.kiri", text: `check "whole" { sum(${body}) ~= 0 }\n`, target: "cpu" });
    t.true(problems.some((p) => p.code === "T302" && p.says.includes("whole numbers that")), body);
  }
});
