// What ops say of inputs that do not fit: the type that was found, and what was wanted instead.
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, Mismatch, type Node } from "../../../compiler/graph/node.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { add, constant, multiply, symbol } from "../../../compiler/types/dim.ts";
import { printType } from "../../../compiler/types/tensor.ts";

const [B, N, C] = [symbol("B"), symbol("N"), symbol("C")];

interface Given {
  readonly x: Node;
  readonly y: Node;
  readonly i: Node;
  readonly c: Node;
}
const given = (b: Build): Given => ({ x: b.input("x", "f32", [B, 197, C]), y: b.input("y", "f32", [B, 50, C]), i: b.input("i", "i64", [B, 4]), c: b.input("c", "bool", [B, 197, C]) });

const misfits: readonly [what: string, make: (b: Build, g: Given) => Node, found: string, wanted: string][] = [
  ["sizes that meet", (b, { x, y }) => b.add(x, y), "f32[B, 50, C]", "size 197 at axis 1 (or 1)"],
  ["element types", (b, { x }) => b.add(x, b.iota(3)), "i64[3]", "element type f32, as in f32[B, 197, C]"],
  ["ranks", (b, { x }) => b.add(x, b.fill("f32", [C], 1)), "f32[B, 197, C] and f32[C]", "rank 3, or a scalar, beside f32[B, 197, C]"],
  ["arithmetic of truth values", (b, { c }) => b.add(c, c), "bool[B, 197, C]", "numbers, such as f32 or i64"],
  ["functions of integers", (b, { i }) => b.exp(i), "i64[B, 4]", "f32, f16, bf16 or f64"],
  ["a condition that is a number", (b, { x }) => b.where(x, x, x), "f32[B, 197, C]", "element type bool"],
  ["inner sizes of a product", (b, { x, y }) => b.matmul(x, y), "f32[B, 50, C]", "size C at axis 1"],
  ["batches of a product", (b, { x }) => b.matmul(x, b.fill("f32", [3, C, 2], 0)), "f32[3, C, 2]", "size B at axis 0"],
  ["a reshape", (b, { x }) => b.reshape(x, [B, 196, C]), "f32[B, 197, C] with 197*B*C elements", "196*B*C elements, for [B, 196, C]"],
  ["a slice that is too long", (b, { x }) => b.slice(x, 1, 1, 198), "1 to 198 of f32[B, 197, C]", "an end of at most 197 at axis 1"],
  ["a slice beyond a symbol", (b, { x }) => b.slice(x, 2, 0, add(C, constant(1))), "0 to C + 1 of f32[B, 197, C]", "an end of at most C at axis 2"],
  ["a slice that runs backwards", (b, { x }) => b.slice(x, 1, 5, 4), "5 to 4 of f32[B, 197, C]", "an end of at least 5"],
  ["an axis", (b, { x }) => b.softmax(x, 3), "axis 3 of a tensor of rank 3", "an axis from 0 to 2"],
  ["parts to join", (b, { x, y }) => b.concat([x, y], 0), "f32[B, 50, C]", "size 197 at axis 1"],
  ["more than there are", (b, { x }) => b.topk(x, 198, 1), "f32[B, 197, C]", "at least 198 at axis 1"],
  ["indices that are no integers", (b, { x }) => b.gather(x, x, 1), "f32[B, 197, C]", "element type i64"],
  ["indices of another batch", (b, { x }) => b.take(x, b.fill("i64", [3, 4], 0), 1), "i64[3, 4]", "size B at axis 0"],
  ["rows that do not fit", (b, { x, y, i }) => b.put(x, i, y, 1, "add"), "f32[B, 50, C]", "size 4 at axis 1"],
  ["what grows", (b, { x }) => b.expand(x, [B, 394, C]), "f32[B, 197, C]", "size 394 at axis 1"],
  ["a gain", (b, { x }) => b.layerNorm(x, b.fill("f32", [B], 1), undefined, 1e-5), "f32[B]", "size C at axis 0"],
  ["heads", (b) => { const q = b.input("q", "f32", [B, N, 64]); return b.attention(q, q, q, undefined, { heads: 5, scale: 1, causal: false }); }, "f32[B, N, 64]", "a multiple of 5 at axis 2"],
  ["a negative size", (b) => b.fill("f32", [-1], 0), "-1", "a size of at least 0"],
  ["negation without sign", (b) => b.neg(b.fill("u8", [2], 1)), "u8[2]", "a signed element type"],
];

for (const [what, make, found, wanted] of misfits)
  test(`explained: ${what}`, (t) => {
    const b = new Build(new Arena(infer));
    const error = t.throws(() => make(b, given(b)), { instanceOf: Mismatch });
    t.deepEqual([error?.found, error?.wanted], [found, wanted]);
    t.regex(error?.message ?? "", /^\w+: \w/);
  });

test("sizes are compared modulo what is known", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, N]);
  t.throws(() => b.add(x, b.fill("f32", [B, 257], 1)), { instanceOf: Mismatch });
  b.arena.facts.know("N", constant(257));
  t.is(printType(b.add(x, b.fill("f32", [B, 257], 1)).type), "f32[B, 257]");
  t.is(printType(b.reshape(x, [multiply(constant(257), B)]).type), "f32[257*B]");
});

test("a scalar fits everywhere, a size of 1 stretches", (t) => {
  const b = new Build(new Arena(infer));
  const { x } = given(b);
  t.is(printType(b.add(b.scalar("f32", 1), x).type), "f32[B, 197, C]");
  t.is(printType(b.add(b.slice(x, 1, 0, 1), x).type), "f32[B, 197, C]");
  t.is(printType(b.where(b.fill("bool", [], 1), x, b.scalar("f32", 0)).type), "f32[B, 197, C]");
});
