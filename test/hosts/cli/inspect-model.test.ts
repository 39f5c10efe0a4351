/** `kiri inspect` on an ONNX file: what it says of blocks, sites and costs, and where recognition ended. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { kiri, type Answer } from "../../support/command-line.ts";
import { modelBytes, node, port, tensorProto } from "../../support/onnx-model.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const cwd = new URL("../../compiler/import/exports/", import.meta.url).pathname;

test("blocks, heads, width, the token axis and whether blocks fold, as JSON", async (t) => {
  const { code, out } = await kiri({ cwd }, "inspect", "vit.dynamo.onnx", "--json");
  const answer = JSON.parse(out) as Answer & { recognised: Record<string, unknown>; sites: readonly { path: string; type: string }[] };
  t.is(code, 0);
  const { stacks, ...recognised } = answer.recognised;
  t.deepEqual(recognised, { blocks: 2, heads: 2, hidden: 16, tokenAxis: { tensor: "node_add_17", axis: 1, size: 17 }, foldable: true, obstacles: [] });
  // Per block: 17 tokens through 4 products of 16 × 16 and 2 of 16 × 32, and 17 × 17 × 16 twice.
  const block = 17 * (4 * 16 * 16 + 2 * 16 * 32) + 2 * 17 * 17 * 16;
  t.deepEqual((stacks as { blocks: { path: string; multiplyAdds: number }[] }[])[0]?.blocks.map((b) => [b.path, b.multiplyAdds]), [["blocks[0]", block], ["blocks[1]", block]]);
  // Beside the blocks: 8 × 8 patches of 3 channels to 16 numbers.
  t.is(answer.multiplyAdds, 2 * block + 16 * 8 * 8 * 3 * 16);
  t.is(answer.sites.find((s) => s.path === "blocks[1].probs")?.type, "f32[B = s21, H = 2, N' = 17, N = 17]");
  t.deepEqual(answer.fused, { layer_norm: 5, gelu: 2, linear: 12, attention: 2 });
});

test("--sites lists the positions that a file counts by itself, and the mask among its inputs", async (t) => {
  const asked = async (file: string): Promise<readonly string[]> => {
    const { sites } = JSON.parse((await kiri({ cwd }, "inspect", file, "--json")).out) as { sites: readonly { path: string; type: string; tensor: string }[] };
    return sites.filter((s) => /\[1\]\.(positions|mask)$/.test(s.path)).map((s) => `${s.path}: ${s.type}, ${s.tensor}`);
  };
  t.deepEqual(await asked("llama.dynamo.onnx"), ["blocks[1].positions: i64[N = s22], node_arange", "blocks[1].mask: i64[B = s21, N = s22], attention_mask"]);
  // It reads a table of places by what it cuts from its start, and a picture has neither.
  t.deepEqual(await asked("bert.script.onnx"), ["blocks[1].mask: i64[B = batch, N = sequence], attention_mask"]);
  t.deepEqual(await asked("vit.dynamo.onnx"), []);
  t.regex((await kiri({ cwd }, "inspect", "llama.dynamo.onnx", "--sites")).out, /blocks\[0\]\.positions +i64\[N = s22\] +node_arange\n/);
});

test("windows are refused with the site, the tensor and the reason", async (t) => {
  const { out } = await kiri({ cwd }, "inspect", "swin.script.onnx", "--json");
  const { recognised } = JSON.parse(out) as { recognised: { blocks: number; foldable: boolean; obstacles: { site: string; tensor: string; why: string }[] } };
  t.deepEqual([recognised.blocks, recognised.foldable], [2, false]);
  t.deepEqual(recognised.obstacles.map((o) => [o.site, o.tensor]), [["blocks[0].scores", "/model/encoder/layers.0/blocks.0/attention/MatMul"]]);
  t.regex(recognised.obstacles[0]?.why ?? "", /windows/);
  t.regex((await kiri({ cwd }, "inspect", "swin.script.onnx")).out, /folds {5}no\n {10}blocks\[0\]\.scores: the attention is over 16 tokens/);
});

test("--recognise tells for every rule how near it came and which node stood in the way", async (t) => {
  const folder = temporaryFolder();
  // Attention without a way back: nothing is added to what was projected.
  writeFileSync(join(folder, "bare.onnx"), modelBytes({
    node: [
      node("MatMul", ["x", "wq"], ["q"]), node("MatMul", ["x", "wk"], ["k"]), node("MatMul", ["x", "wv"], ["v"]), node("Transpose", ["k"], ["kt"], { perm: [0, 2, 1] }),
      node("MatMul", ["q", "kt"], ["s"]), node("Softmax", ["s"], ["p"]), node("MatMul", ["p", "v"], ["mixed"]), node("MatMul", ["mixed", "wq"], ["logits"]), node("Softmax", ["logits"], ["y"]),
    ],
    initializer: ["wq", "wk", "wv"].map((name, i) => tensorProto(name, "f32", [4, 4], Array.from({ length: 16 }, (_, at) => Math.sin(at + 5 * i)))),
    input: [port("x", "f32", [1, 3, 4])], output: [port("y", "f32", [1, 3, 4])],
  }));
  const { out } = await kiri({ cwd: folder }, "inspect", "bare.onnx", "--recognise");
  t.regex(out, /blocks {4}none found/);
  t.regex(out, /scores: 1 of 2\n {4}what the softmax is given is no product of two activations: matmul MatMul_logits, for the softmax Softmax_y\n/);
  t.regex(out, /values: 1 of 1\nattended: 0 of 1\n {4}the result is not added to what was projected: matmul MatMul_mixed, for the softmax Softmax_p\n/);
  const { rules, recognised } = JSON.parse((await kiri({ cwd: folder }, "inspect", "bare.onnx", "--recognise", "--json")).out) as { rules: { rule: string; found: number; missed: object[] }[]; recognised: { obstacles: object[] } };
  t.deepEqual(rules.map((r) => [r.rule, r.found, r.missed.length]), [["scores", 1, 1], ["context", 1, 0], ["queries", 1, 0], ["keys", 1, 0], ["values", 1, 0], ["attended", 0, 1], ["mlp", 0, 0], ["output", 0, 0]]);
  t.deepEqual(recognised.obstacles, [{ site: "attended", tensor: "MatMul_mixed", why: "the result is not added to what was projected" }]);
});

test("what is no model is told, and programs have no need of --recognise", async (t) => {
  const missing = await kiri({ cwd }, "inspect", "nowhere.onnx");
  t.is(missing.code, 1);
  t.regex(missing.err, /I507/);
  const program = await kiri({ cwd: new URL("../../../", import.meta.url).pathname }, "inspect", "pipelines/digits.kiri", "--recognise");
  t.is(program.code, 2);
  t.is((await kiri({ cwd }, "inspect", "vit.dynamo.onnx", "--variant", "lite")).code, 2);
  t.regex(program.err, /--recognise is about ONNX files/);
});
