// Blends of gathered rows: as a product with scattered weights where rows are short, gathered where they are long.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import { topological } from "../../../compiler/graph/node.ts";
import blend from "../../../compiler/passes/blend.ts";
import { TARGETS } from "../../../compiler/targets/target.ts";
import { B, M, N, passCase, tokens } from "../../support/pass-case.ts";

const NEAR = 3;

/** Each of x's rows as a blend of the rows of y that score highest. */
function rows(b: Build, channels: number, places?: Node): Node {
  const scores = b.matmul(tokens(b), b.transpose(b.input("c", "f32", [B, M, 12]), [0, 2, 1]));
  const found = b.topk(scores, NEAR, 2);
  const weights = b.softmax(b.item(found, 0), 2);
  const y = b.input("values", "f32", [B, M, channels]);
  return b.reshape(b.matmul(b.reshape(weights, [B, N, 1, NEAR]), b.take(y, places ?? b.item(found, 1), 1)), [B, N, channels]);
}
const ops = (roots: readonly { readonly node: Node }[]): string[] => topological(roots.map((r) => r.node)).map((n) => n.op);

test("short rows are a product with scattered weights", async (t) => {
  const { after, record } = await passCase(t, { golden: "blend/scattered", passes: [blend], make: (b) => rows(b, 5) });
  t.is(record.fired("blends", "product with scattered weights"), 1);
  t.false(ops(after.outputs).includes("take"));
});

test("long rows are gathered", async (t) => {
  const { after, record } = await passCase(t, { golden: "blend/gathered", passes: [blend], make: (b) => rows(b, TARGETS.cpu.blend.scatterUpTo + 1) });
  t.true(ops(after.outputs).includes("take"));
  t.is(record.fired("blends", "product with scattered weights"), 0);
});

test("places that may repeat are not scattered", async (t) => {
  const { after } = await passCase(t, {
    golden: "blend/repeated places", passes: [blend],
    make: (b) => rows(b, 5, b.binary("mul", b.item(b.topk(b.matmul(tokens(b), b.transpose(b.input("c", "f32", [B, M, 12]), [0, 2, 1])), NEAR, 2), 1), b.scalar("i64", 0))),
  });
  t.true(ops(after.outputs).includes("take"));
});
