// Every op in every element type that it accepts, against the same in f32. Elements are 1, 2 and 3: exact in all types.
import test from "ava";
import { constant } from "../../../compiler/types/dim.ts";
import { type BinaryOp, Build, type ReduceOp, type UnaryOp } from "../../../compiler/graph/build.ts";
import type { Target } from "../../../compiler/graph/level.ts";
import { Arena, Mismatch, type Node } from "../../../compiler/graph/node.ts";
import { OPS, infer } from "../../../compiler/ops/index.ts";
import { DTYPES, type DType } from "../../../compiler/types/tensor.ts";
import { array, distance } from "../../support/array.ts";
import { f32, graphOf, runGraph } from "../../support/evaluate.ts";

interface Given {
  readonly b: Build;
  /** [2, 3, 4] of the type that is tried. */
  readonly x: Node;
  /** [4] ones of that type. */
  readonly g: Node;
  /** i64[2, 2]. */
  readonly i: Node;
  readonly c: Node;
}

const uses: Record<string, (given: Given) => Node> = {
  where: ({ b, x, c }) => b.where(c, x, x),
  argmax: ({ b, x }) => b.argmax(x, 1),
  argmin: ({ b, x }) => b.argmin(x, 1),
  topk: ({ b, x }) => b.item(b.topk(x, 2, 1), 0),
  cumsum: ({ b, x }) => b.cumsum(x, 1),
  softmax: ({ b, x }) => b.softmax(x, 1),
  matmul: ({ b, x }) => b.matmul(x, b.transpose(x, [0, 2, 1])),
  conv: ({ b, x, g }) => b.conv(x, b.reshape(b.concat([g, g, g], 0), [2, 3, 2]), b.reshape(b.slice(g, 0, 0, 2), [2]), { strides: [1], dilations: [1], pads: [0, 1], group: 1, activation: "Clip", params: [0, 9] }),
  clip: ({ b, x }) => b.clip(x, 1, 2),
  hardSigmoid: ({ b, x }) => b.hardSigmoid(x, 0.25, 0.25),
  reshape: ({ b, x }) => b.reshape(x, [2, 12]),
  transpose: ({ b, x }) => b.transpose(x, [1, 0, 2]),
  expand: ({ b, x }) => b.expand(b.slice(x, 1, 0, 1), [2, 3, 4]),
  concat: ({ b, x }) => b.concat([x, x], 1),
  slice: ({ b, x }) => b.slice(x, 1, 0, 2),
  split: ({ b, x }) => b.item(b.make("split", [x], { axis: 2, parts: [1, 3] }), 1),
  gather: ({ b, x, i }) => b.gather(x, i, 1),
  gatherElements: ({ b, x, i }) => b.gatherElements(x, b.expand(b.reshape(i, [2, 2, 1]), [2, 2, 4]), 1),
  take: ({ b, x, i }) => b.take(x, i, 1),
  fill: ({ b, x }) => b.mul(b.fill(x.type.dtype, [2, 3, 4], 1), x),
  layerNorm: ({ b, x, g }) => b.layerNorm(x, g, g, 0.1),
  rmsNorm: ({ b, x, g }) => b.rmsNorm(x, g, 0.1),
  skipLayerNorm: ({ b, x, g }) => b.item(b.skipLayerNorm(x, x, g, g, 0.1), 0),
  embedNorm: ({ b, x, g, i }) => b.make("embedNorm", [i, b.reshape(x, [6, 4]), b.reshape(x, [6, 4]), g, g], { eps: 0.1, kinds: false, placed: false }),
  gelu: ({ b, x }) => b.gelu(x),
  silu: ({ b, x }) => b.silu(x),
  linear: ({ b, x, g }) => b.linear(x, b.reshape(b.concat([g, g], 0), [4, 2]), undefined),
  weightedSum: ({ b, x }) => b.weightedSum(x, b.reduce("reduceMax", x, [2], false)),
  fusedMatmul: ({ b, x }) => b.fusedMatmul(x, x, { transA: false, transB: true, alpha: 0.5 }),
  packedAttention: ({ b, x, g }) => b.make("packedAttention", [x, b.reshape(b.concat(Array.from({ length: 12 }, () => g), 0), [4, 12]), b.concat([g, g, g], 0)], { heads: 2, scale: 0.5, causal: true, keys: constant(4), values: constant(4), termed: false }),
  attention: ({ b, x, g }) => b.attention(x, x, x, b.reshape(b.slice(g, 0, 0, 3), [1, 1, 1, 3]), { heads: 2, scale: 0.5, causal: true }),
};
for (const op of ["neg", "abs", "sign", "relu", "exp", "log", "sqrt", "tanh", "erf", "sigmoid", "sin", "cos", "floor", "ceil", "round", "isnan"]) uses[op] = ({ b, x }) => b.unary(op as UnaryOp, x);
uses.atanh = ({ b, x, g }) => b.unary("atanh", b.div(g, b.add(g, b.reduce("reduceMax", x, [0, 1], false))));
for (const op of ["add", "sub", "mul", "div", "pow", "min", "max", "mod", "eq", "lt", "le", "gt", "ge"]) uses[op] = ({ b, x, g }) => b.binary(op as BinaryOp, x, b.reshape(g, [1, 1, 4]));
for (const op of ["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2"]) uses[op] = ({ b, x }) => b.reduce(op as ReduceOp, x, [1], true);
for (const how of ["add", "max", "min", "set"] as const) uses[`put ${how}`] = ({ b, x, i }) => b.put(x, i, b.slice(x, 1, 0, 2), 1, how);

/** The results, as f32, of all uses that accept the type. */
async function results(dtype: DType, target: Target): Promise<Map<string, ReturnType<typeof array>>> {
  const b = new Build(new Arena(infer));
  const typed = (name: string, dims: readonly number[]): Node => b.cast(b.input(name, "f32", dims), dtype);
  const given: Given = { b, x: typed("x", [2, 3, 4]), g: typed("g", [4]), i: b.tensor("i64", [2, 2], [0, 1, 2, 1]), c: b.fill("bool", [2, 3, 4], 1) };
  const made = Object.entries(uses).flatMap(([name, use]): [string, Node][] => {
    try {
      return [[name, b.cast(use(given), "f32")]];
    } catch (error) {
      if (error instanceof Mismatch) return [];
      throw error;
    }
  });
  const found = await runGraph(graphOf(b.arena, ...made.map(([, node]) => node)), { x: f32([2, 3, 4], Array.from({ length: 24 }, (_, k) => 1 + (k % 3))), g: f32([4], [1, 1, 1, 1]) }, { target });
  return new Map(made.map(([name], at) => [name, array(found[`y${at}`] as never)]));
}

const COARSE: Partial<Record<DType, number>> = { f16: 4e-3, bf16: 3e-2 };
// How many uses accept the type, so that none is skipped by mistake.
const TRIED = { f64: 68, f16: 71, bf16: 71, i64: 41, i32: 41, i16: 41, i8: 41, u16: 40, u8: 40 } as const satisfies Partial<Record<DType, number>>;

for (const target of ["cpu", "portable"] as const)
  for (const dtype of DTYPES.filter((d) => d !== "f32" && d !== "i4" && d !== "u4" && d !== "bool"))
    test(`${dtype} for ${target}`, async (t) => {
      const [wanted, found] = [await results("f32", target), await results(dtype, target)];
      t.is(found.size, TRIED[dtype]);
      for (const [name, value] of found) {
        const gap = distance(value, wanted.get(name) as never);
        t.true(gap <= (COARSE[dtype] ?? 1e-5), `${name} is off by ${gap}`);
      }
    });

test("truth values move, and are chosen between", async (t) => {
  const found = await results("bool", "cpu");
  t.deepEqual([...found.keys()].sort(), ["concat", "eq", "expand", "gather", "gatherElements", "put set", "reshape", "slice", "split", "take", "transpose", "where"]);
  for (const value of found.values()) t.true(value.data.every((v) => v === 1));
});

test("every op that computes is tried", (t) => {
  const leaves = ["input", "const", "weight", "iota", "sizeOf", "random", "windowMask", "poolMatrix"];
  const others = ["not", "and", "or", "cast", "item", "put", "windowMeans", "linearInt8", "choose", "foreign"];
  t.deepEqual([...OPS.keys()].filter((op) => !uses[op] && ![...leaves, ...others].includes(op)), []);
});
