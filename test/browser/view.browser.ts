/** The page of `kiri view` in a browser: what is clicked opens, what is searched is found, nothing is loaded, and 1500 nodes are drawn while one looks. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import type { onnx as Onnx } from "onnx-proto";
import { kiri } from "../support/command-line.ts";
import { modelBytes, node, port, tensorProto } from "../support/onnx-model.ts";
import { ROOT } from "../support/program.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";
import { open, picture } from "./chromium.ts";

const folder = temporaryFolder();

async function pageFor(name: string, ...args: readonly string[]): Promise<string> {
  const file = join(folder, name);
  const ran = await kiri({ cwd: ROOT }, "view", ...args, "-o", file);
  if (ran.code !== 0) throw new Error(ran.err);
  return pathToFileURL(file).href;
}

test.serial("a folded program beside the plain one: a block opens in both, costs stand beside each other", async (t) => {
  const seen = await open(await pageFor("lite.html", "pipelines/digits.kiri", "--variant", "lite"));
  try {
    const { page } = seen;
    const panes = page.locator(".pane");
    t.is(await panes.count(), 2);
    t.deepEqual(await panes.locator("h2").allTextContents(), ["digits, plain", "digits as lite"]);
    const block = (pane: number) => panes.nth(pane).getByRole("treeitem", { name: "blocks[2]," });
    t.is(await block(0).getAttribute("aria-expanded"), "false");
    await block(1).click();
    t.deepEqual([await block(0).getAttribute("aria-expanded"), await block(1).getAttribute("aria-expanded")], ["true", "true"]);
    t.is(await panes.nth(0).getByRole("treeitem", { name: "tome," }).count(), 0);
    t.is(await panes.nth(1).getByRole("treeitem", { name: "tome," }).count(), 1);
    t.regex((await page.locator(".details").textContent()) ?? "", /digits, plain126\.01 M17 %/);
    t.regex((await page.locator(".costs").textContent()) ?? "", /std:nn\/linear\.kiri:9let product = dot\(x, weight; over: I\)14\.4 M/);
    await picture(page, "view-lite");
    // The same by keys: the block closes, and opens again.
    await page.keyboard.press("ArrowLeft");
    t.is(await block(1).getAttribute("aria-expanded"), "false");
    await page.keyboard.press("Enter");
    t.is(await block(1).getAttribute("aria-expanded"), "true");
    t.deepEqual(seen.wrong, []);
  } finally {
    await seen.close();
  }
});

/** A transformer as an exporter writes it, each layer with its own shape arithmetic: about 1500 nodes. */
function large(): Uint8Array {
  const nodes: Onnx.INodeProto[] = [];
  const weights = [tensorProto("w", "f32", [16, 16], new Float32Array(256)), tensorProto("g", "f32", [16], new Float32Array(16)), tensorProto("axes", "i64", [1], [-1])];
  let at = "x";
  for (let layer = 0; layer < 36; layer++) {
    const add = (op: string, module: string, inputs: readonly string[], attributes: Parameters<typeof node>[3] = {}): string => {
      const out = `v${nodes.length}`;
      nodes.push(node(op, inputs, [out], attributes, { name: `/encoder/layer.${layer}/${module}/${op}_${nodes.length}` }));
      return out;
    };
    const norm = (x: string, module: string): string => {
      const centred = add("Sub", module, [x, add("ReduceMean", module, [x], { axes: [-1] })]);
      const deviation = add("Sqrt", module, [add("ReduceMean", module, [add("Mul", module, [centred, centred])], { axes: [-1] })]);
      return add("Add", module, [add("Mul", module, [add("Div", module, [centred, deviation]), "g"]), "g"]);
    };
    const linear = (x: string, module: string): string => add("Add", module, [add("MatMul", module, [x, "w"]), "g"]);
    const normed = norm(at, "norm1");
    const [q, k, v] = ["query", "key", "value"].map((name) => linear(normed, `attention/${name}`)) as [string, string, string];
    const scores = add("Softmax", "attention", [add("MatMul", "attention", [q, add("Transpose", "attention", [k], { perm: [0, 2, 1] })])], { axis: -1 });
    const attended = add("Add", "attention/output", [linear(add("MatMul", "attention", [scores, v]), "attention/output"), at]);
    const widened = linear(norm(attended, "norm2"), "mlp/fc1");
    const gelu = add("Mul", "mlp/act", [widened, add("Sigmoid", "mlp/act", [widened])]);
    at = add("Add", "mlp", [linear(gelu, "mlp/fc2"), attended]);
  }
  nodes.push(node("Relu", [at], ["y"]));
  return modelBytes({ input: [port("x", "f32", ["B", 10, 16])], output: [port("y", "f32", ["B", 10, 16])], initializer: weights, node: nodes });
}

test.serial("a file of 1500 nodes: closed it is a few boxes, all of it opens while one waits, a search finds its way in", async (t) => {
  const fetched = join(ROOT, "bench/.models/focus/vit_s_focus.onnx");
  const model = existsSync(fetched) ? fetched : join(folder, "large.onnx");
  if (model !== fetched) writeFileSync(model, large());
  const seen = await open(await pageFor("large.html", model), { dark: true });
  try {
    const { page } = seen;
    t.true((await page.locator(".box").count()) < 100);
    await page.getByRole("searchbox").fill("Softmax");
    t.regex((await page.locator(".found").textContent()) ?? "", /(12|36) found/);
    await page.keyboard.press("Enter");
    t.is(await page.locator(".box.selected").getAttribute("aria-label").then((label) => label?.split(",")[0]), "Softmax");
    await picture(page, "view-onnx");
    const began = performance.now();
    await page.getByText("Open all").click();
    await page.locator(".box").nth(1000).waitFor();
    const took = performance.now() - began;
    t.log(`all ${await page.locator(".box").count()} boxes after ${took.toFixed(0)} ms`);
    t.true(took < 15_000);
    t.deepEqual(seen.wrong, []);
  } finally {
    await seen.close();
  }
});
