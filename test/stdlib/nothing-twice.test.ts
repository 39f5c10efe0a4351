/** No product of tokens with tokens and no softmax of one is computed twice, whichever fold of the library stands in the model: the library's ViT, and the same known as an ONNX file only. */
import test from "ava";
import { emitModel } from "../../compiler/emit/onnx.ts";
import { Build } from "../../compiler/graph/build.ts";
import { Arena } from "../../compiler/graph/node.ts";
import { infer } from "../../compiler/ops/index.ts";
import { runPasses } from "../../compiler/passes/order.ts";
import { graphOf } from "../support/evaluate.ts";
import { folderOf } from "../support/onnx-model.ts";
import { FOLDS, placed, SIDE, TOKENS } from "../support/placed-folds.ts";
import { attempted, compiled, told } from "../support/program.ts";
import { twice } from "../support/twice.ts";

const spot = { at: 3, tokens: TOKENS, side: SIDE, drawn: 0.4 };
const LINES = Object.entries(FOLDS).map(([name, fold]) => ({ name, line: fold.place(spot)?.line ?? "" }));

for (const { name, line } of LINES)
  test(`${name} in the library's model`, (t) => {
    for (const target of ["cpu", "portable"] as const) t.deepEqual(twice(runPasses(compiled(placed([name], [line]), { variant: "folded" }).graph, target)), [], target);
  });

test("every fold in a file", (t) => {
  const plain = compiled(placed([], []).replace(/compress[^}]*\}/, ""));
  const fused = runPasses(plain.graph, "portable");
  const root = folderOf({ "vit.onnx": emitModel(fused, { target: "portable", name: "vit" }).model });
  const model = { use: "", line: 'model transformer = import "vit.onnx"' };
  const refused: string[] = [];
  for (const { name, line } of LINES) {
    const { value, problems } = attempted(placed([name], [line], model), { root, file: "p.kiri", variant: "folded" });
    if (!value) refused.push(`${name}: ${told(problems).join("; ")}`);
    else t.deepEqual(twice(value.fused), [], name);
  }
  t.deepEqual(refused, []);
});

test("what is computed twice is found: scores once more, in another spelling", (t) => {
  const b = new Build(new Arena(infer));
  const [x, w, v] = [b.input("x", "f32", [2, 9, 4]), b.random("f32", [4, 4], 1, "normal"), b.random("f32", [4, 4], 2, "normal")];
  const [q, k] = [b.linear(x, w, b.random("f32", [4], 3, "normal")), b.linear(x, v, undefined)];
  const attended = b.attention(q, k, x, undefined, { heads: 1, scale: 1, causal: false });
  const spelled = b.softmax(b.matmul(k, b.transpose(b.mul(b.linear(x, w, undefined), b.scalar("f32", 2)), [0, 2, 1])), 2);
  t.is(twice(graphOf(b.arena, attended, spelled)).length, 1);
  t.is(twice(graphOf(b.arena, spelled, b.softmax(b.add(b.matmul(x, b.transpose(x, [0, 2, 1])), b.scalar("f32", 1)), 2), b.softmax(b.matmul(x, b.transpose(x, [0, 2, 1])), 2))).length, 1);
});
