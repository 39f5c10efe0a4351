/** Drawings: what is seen of a program, an artefact and an ONNX file, and what it costs, against the compiler's own count and sums done by hand. */
import test from "ava";
import { compile } from "../../../compiler/compile.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import type { Drawing } from "../../../hosts/view/drawing.ts";
import { drawingOf } from "../../../hosts/view/from-graph.ts";
import { drawingOfOnnx } from "../../../hosts/view/from-onnx.ts";
import { folderOf, modelBytes, node, port, tensorProto } from "../../support/onnx-model.ts";
import { ROOT } from "../../support/program.ts";

const host = new NodeHost({ root: ROOT });
const compiled = (file: string, variant?: string) => {
  const { value, problems } = compile(host, { file, target: "cpu", ...(variant === undefined ? {} : { variant }) });
  if (!value) throw new Error(JSON.stringify(problems));
  return value;
};
const total = (drawing: Drawing): number => drawing.nodes.reduce((sum, n) => sum + n.multiplyAdds, 0);

// The compiler counts before fusing, the drawing what is left after it.
for (const file of ["pipelines/digits.kiri", "pipelines/scenes.kiri"])
  test(`${file}: fused products cost what the compiler counted before fusing`, (t) => {
    const plain = compiled(file);
    const drawing = drawingOf(plain);
    t.is(total(drawing), plain.cost.total);
    t.is(Math.round(drawing.lines.reduce((sum, l) => sum + l.multiplyAdds, 0)), plain.cost.total);
  });

test("a folded program: folds stand in their blocks, sites are where their values are, lines have their text", (t) => {
  const lite = compiled("pipelines/digits.kiri", "lite");
  const drawing = drawingOf(lite);
  t.is(drawing.title, "digits as lite");
  const folded = drawing.nodes.filter((n) => n.by.includes("tome"));
  t.true(folded.length > 50);
  t.deepEqual([...new Set(folded.filter((n) => n.path.length === 3 && n.path[2] === "tome").map((n) => n.path[1]))].sort(), ["blocks[2]", "blocks[3]", "blocks[4]", "blocks[5]"]);
  t.deepEqual(folded.filter((n) => n.path.length === 0), []);
  const told = new Set(drawing.nodes.flatMap((n) => n.sites));
  t.true(told.has("classifier.blocks[3].attended"));
  t.true([...told].every((site) => lite.elaboration.sites.has(site)));
  t.true(drawing.lines.some((l) => l.line.startsWith("std:nn/linear.kiri:") && l.text.includes("dot(x, weight")));
  // Inputs stand before users, and every input is one of the nodes.
  t.true(drawing.nodes.every((n, i) => n.id === i && n.inputs.every((j) => j < i)));
});

test("an ONNX file: its own nodes, places from their names, costs by hand", (t) => {
  const weights = (name: string, dims: readonly number[]) => tensorProto(name, "f32", dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
  const folder = folderOf({
    "m.onnx": modelBytes({
      input: [port("x", "f32", ["B", 3, 8, 8])], output: [port("y", "f32")],
      initializer: [weights("k", [4, 3, 2, 2]), weights("w", [4, 5]), tensorProto("shape", "i64", [3], [0, 4, 16])],
      node: [
        node("Conv", ["x", "k"], ["c"], { strides: [2, 2] }, { name: "/net/patch/Conv" }), node("Reshape", ["c", "shape"], ["r"], {}, { name: "/net/Reshape" }),
        node("Transpose", ["r"], ["t"], { perm: [0, 2, 1] }, { name: "/net/Transpose" }), node("MatMul", ["t", "w"], ["m"], {}, { name: "" }), node("Relu", ["m"], ["y"], {}, { name: "" }),
      ],
    }),
  });
  const { value, problems } = drawingOfOnnx(new NodeHost({ root: folder }), "m.onnx", { title: "m", times: new Map([["/net/patch/Conv", 1.5]]) });
  t.deepEqual(problems, []);
  t.deepEqual(value?.nodes.map((n) => [n.op, n.path.join("/"), n.type, n.multiplyAdds, n.inputs.join()]), [
    ["input", "", "f32[B, 3, 8, 8]", 0, ""],
    // 4 channels of 4 by 4 places, each a sum over 3 by 2 by 2.
    ["Conv", "net/patch", "f32[B, 4, 4, 4]", 4 * 4 * 4 * 3 * 2 * 2, "0"],
    ["Reshape", "net", "f32[B, 4, 16]", 0, "1"],
    ["Transpose", "net", "f32[B, 16, 4]", 0, "2"],
    ["MatMul", "", "f32[B, 16, 5]", 16 * 4 * 5, "3"],
    ["Relu", "", "f32[B, 16, 5]", 0, "4"],
    ["output", "", "f32[…]", 0, "5"],
  ]);
  t.deepEqual(value?.nodes[1]?.constants, ["k f32[4, 3, 2, 2]"]);
  t.is(value?.nodes[1]?.milliseconds, 1.5);
  t.deepEqual(value?.lines.map((l) => [l.line, l.multiplyAdds]), [["net/patch", 768], ["", 320]]);
});

test("a file that is no model comes back as a problem", (t) => {
  const folder = folderOf({ "m.onnx": new Uint8Array([10, 200, 1, 7]) });
  const { value, problems } = drawingOfOnnx(new NodeHost({ root: folder }), "m.onnx", { title: "m" });
  t.is(value, undefined);
  t.deepEqual(problems.map((p) => p.code), ["I501"]);
});
