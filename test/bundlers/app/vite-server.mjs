// A development server: the pipeline before and after an edit of its program, what the page is sent, and what it is sent for a mistake.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "vite";
import { vite as kirigami } from "kirigami/bundler";

const program = `${import.meta.dirname}/src/classify.kiri`;
const text = readFileSync(program, "utf8");
const server = await createServer({ root: import.meta.dirname, configFile: false, logLevel: "silent", appType: "custom", server: { middlewareMode: true, ws: false }, plugins: [kirigami()] });
const sent = [];
const { hot } = server.environments.client;
const send = hot.send.bind(hot);
hot.send = (...args) => { sent.push(args[0]); send(...args); };

const classify = async () => (await server.ssrLoadModule("/src/classify.kiri")).default;
const answer = async (pipeline) => {
  const session = await pipeline.open({ device: "cpu", threads: 1 });
  const { scores } = await session.run({ x: { dtype: "f32", dims: [4], data: Float32Array.of(0.25, 2, -1, 1) } });
  await session.release();
  return [...scores.data];
};
/** Until the watcher has seen it. */
const until = async (what, holds) => {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  console.log(`${what}: nothing happened`);
};

console.log("before", await answer(await classify()));
const page = await server.environments.client.transformRequest("/src/page.js");
const inPage = await server.environments.client.transformRequest("/src/classify.kiri");
console.log("page", /R761/.test(inPage.code), /kirigami\/runtime/.test(inPage.code), page.code.includes("classify.kiri"));

writeFileSync(program, text.replace("scores: scores", "scores: scores * 2.0"));
await until("update", () => sent.some((s) => s.type === "update" || s.type === "full-reload"));
console.log("sent", sent.map((s) => (s.type === "update" ? s.updates.map((u) => `${u.acceptedPath} in ${u.path}`).join() : s.type)).join());
console.log("after", await answer(await classify()));

await server.environments.client.transformRequest("/src/classify.kiri");
sent.length = 0;
writeFileSync(`${import.meta.dirname}/models/small/model.safetensors`, readFileSync(`${import.meta.dirname}/models/other.safetensors`));
await until("weights", () => sent.some((s) => s.type === "update" || s.type === "full-reload"));
console.log("weights", await answer(await classify()));

// A module of the project takes the place of one of the library.
await server.environments.client.transformRequest("/src/classify.kiri");
sent.length = 0;
mkdirSync(`${import.meta.dirname}/src/nn`);
writeFileSync(`${import.meta.dirname}/src/nn/linear.kiri`, `layer Linear(inputs: Int, outputs: Int) {
  param weight: f32[outputs, inputs]
  param bias: f32[outputs]
  (x: f32[B, C]) -> f32[B, O] where C = inputs, O = outputs { dot(x, weight as [O, C]; over: C) * 10.0 }
}
`);
await until("appears", () => sent.some((s) => s.type === "update" || s.type === "full-reload"));
console.log("appears", await answer(await classify()));
rmSync(`${import.meta.dirname}/src/nn`, { recursive: true });
await new Promise((done) => setTimeout(done, 500));

writeFileSync(program, text.replace("small(x)", "smal(x)"));
await new Promise((done) => setTimeout(done, 500));
const error = await server.environments.client.transformRequest("/src/classify.kiri").then(() => undefined, (e) => e);
console.log("mistake", JSON.stringify({ id: error.id.replace(import.meta.dirname, ""), line: error.loc?.line, column: error.loc?.column, frame: error.frame, first: error.message.split("\n")[0].replace(/^.*?(N\d)/, "$1") }));

writeFileSync(program, text);
await new Promise((done) => setTimeout(done, 500));
console.log("mended", await answer(await classify()));
await server.close();
process.exit(0);
