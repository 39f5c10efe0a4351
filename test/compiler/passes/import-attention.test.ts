/** What exporters put around attention: taken away where nothing changes, kept where it would. */
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import type { Value } from "../../../compiler/host.ts";
import importedAttention from "../../../compiler/passes/import-attention.ts";
import { constant, multiply } from "../../../compiler/types/dim.ts";
import { f32, numbers, runGraph, tensor } from "../../support/evaluate.ts";
import { B, N, number, passCase } from "../../support/pass-case.ts";

const HEADS = 2;
const WIDTH = 6;
const heads = (b: Build, name: string): Node => b.input(name, "f32", [B, HEADS, N, WIDTH]);
/** Which keys are seen, by record. */
const seen = (b: Build): Node => b.input("seen", "bool", [B, 1, 1, N]);

function attention(b: Build, scores: Node, isSafe: boolean): Node {
  const p = b.softmax(scores, 3);
  const probs = isSafe ? b.where(b.unary("isnan", p), number(b, 0), p) : p;
  return b.reshape(b.transpose(b.matmul(probs, heads(b, "v")), [0, 2, 1, 3]), [B, N, HEADS * WIDTH]);
}
const product = (b: Build): Node => b.matmul(heads(b, "q"), b.transpose(heads(b, "k"), [0, 1, 3, 2]));

test("a mask spread out before it hides scores", async (t) => {
  await passCase(t, {
    golden: "import-attention/late", passes: [importedAttention],
    make: (b) => attention(b, b.add(product(b), b.where(b.expand(seen(b), [B, 1, N, N]), number(b, 0), number(b, -1e9))), false),
  });
});

test("a softmax made safe against -∞", async (t) => {
  await passCase(t, {
    golden: "import-attention/safe", passes: [importedAttention],
    make: (b) => attention(b, b.add(product(b), b.where(seen(b), number(b, 0), number(b, -Infinity))), true),
  });
});

test("the same, scores chosen by the mask; a record in which nothing is seen gives 0", async (t) => {
  const { after } = await passCase(t, {
    golden: "import-attention/chosen", passes: [importedAttention],
    make: (b) => attention(b, b.where(b.binary("and", seen(b), b.input("whole", "bool", [B, 1, 1, 1])), product(b), number(b, -Infinity)), true),
  });
  const wave = f32([2, HEADS, 3, WIDTH], Array.from({ length: 2 * HEADS * 3 * WIDTH }, (_, i) => Math.sin(i)));
  const { y } = await runGraph(after, { q: wave, k: wave, v: wave, seen: tensor("bool", [2, 1, 1, 3], [1, 1, 0, 1, 1, 1]), whole: tensor("bool", [2, 1, 1, 1], [0, 1]) });
  const found = numbers(y as Value);
  t.true(found.slice(0, 3 * HEADS * WIDTH).every((x) => x === 0));
  t.true(found.slice(3 * HEADS * WIDTH).some((x) => x !== 0));
});

test("made safe where no infinity is: nothing to do", async (t) => {
  await passCase(t, {
    golden: "import-attention/needless", passes: [importedAttention],
    make: (b) => attention(b, b.add(product(b), b.where(seen(b), number(b, 0), number(b, -3e38))), true),
  });
});

test("what an input adds may be infinite: the safety stays", async (t) => {
  const { after } = await passCase(t, {
    golden: "import-attention/unknown", passes: [importedAttention],
    make: (b) => attention(b, b.add(product(b), b.input("bias", "f32", [B, 1, N, N])), true),
  });
  t.true(JSON.stringify(after.outputs[0]?.node.inputs[0]?.inputs[0]?.inputs.map((n) => n.op)).includes("where"));
});

test("heads in the batch and out again", async (t) => {
  await passCase(t, {
    golden: "import-attention/apart", passes: [importedAttention],
    make: (b) => b.reshape(b.transpose(b.reshape(heads(b, "k"), [multiply(B, constant(HEADS)), N, WIDTH]), [0, 2, 1]), [B, HEADS, WIDTH, N]),
  });
});
