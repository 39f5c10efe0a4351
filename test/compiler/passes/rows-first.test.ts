// Rows change places in front of a map, where no more moves there than behind it.
import test from "ava";
import linear from "../../../compiler/passes/linear.ts";
import rowsFirst from "../../../compiler/passes/rows-first.ts";
import { C, passCase, tokens, weight } from "../../support/pass-case.ts";

const passes = [linear, rowsFirst];

test("a map that widens rows moves them in front, one that narrows them behind", async (t) => {
  const { after } = await passCase(t, { golden: "rows-first/widths", passes, make: (b) => [b.transpose(b.matmul(tokens(b), weight(b, [C, 2 * C])), [1, 0, 2]), b.transpose(b.matmul(tokens(b), weight(b, [C, 4], 3)), [1, 0, 2])] });
  t.deepEqual(after.outputs.map((o) => o.node.op), ["linear", "transpose"]);
});

test("columns that change places with rows, and a map that is read as it is too, stay", async (t) => {
  const { record } = await passCase(t, { golden: "rows-first/columns", passes, make: (b) => { const read = b.matmul(tokens(b), weight(b, [C, C], 3)); return [b.transpose(b.matmul(tokens(b), weight(b, [C, 2 * C])), [0, 2, 1]), b.transpose(read, [1, 0, 2]), b.unary("abs", read)]; } });
  t.is(record.fired("rows first", "rows of a map"), 0);
});
