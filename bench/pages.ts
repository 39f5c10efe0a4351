/**
 * What pages weigh, and how long the page of a graph takes to make: `npm run playground && npx tsx bench/pages.ts`. Weights are of files as a server
 * sends them (gzip, level 9). Fails above the bounds. The graph is a trained model of 1485 nodes, where it was fetched (`python bench/fetch.py focus`).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { NodeHost } from "../hosts/node-host.ts";
import { drawingOfOnnx } from "../hosts/view/from-onnx.ts";
import { pageOf } from "../hosts/view/html.ts";
import { layoutOf } from "../hosts/view/layout.ts";
import { pageParts } from "../hosts/view/page-parts.ts";
import { type Container, isContainer, treeOf } from "../hosts/view/tree.ts";

/** Kilobytes as sent, and milliseconds. */
const BOUNDS = { code: 600, all: 8000, page: 200, drawing: 5000, layout: 5000 };
const place = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const kilobytes = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length / 1000;
let isMissed = false;

function told(name: string, value: number, unit: string, bound: number): void {
  const holds = value <= bound;
  isMissed ||= !holds;
  console.log(`${name.padEnd(44)}${value.toFixed(0).padStart(8)} ${unit}   bound ${bound}${holds ? "" : "   MISSED"}`);
}

const built = place("../build/playground");
if (!existsSync(built)) {
  console.error("There is no build/playground: npm run playground makes it.");
  process.exit(2);
}
const files = readdirSync(built, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => ({ name: f.name, size: kilobytes(readFileSync(join(f.parentPath, f.name))) }));
const sum = (pattern: RegExp): number => files.filter((f) => pattern.test(f.name)).reduce((total, f) => total + f.size, 0);
told("playground: scripts, styles, page", sum(/\.(js|css|html)$/), "kB", BOUNDS.code);
console.log(`${"playground: ONNX Runtime".padEnd(44)}${sum(/\.wasm$/).toFixed(0).padStart(8)} kB\n${"playground: model and pictures".padEnd(44)}${sum(/\.(safetensors|json|png)$/).toFixed(0).padStart(8)} kB`);
told("playground: all of it", sum(/./), "kB", BOUNDS.all);

const folder = place(".models/focus");
if (existsSync(folder)) {
  const host = new NodeHost({ root: folder });
  const began = performance.now();
  const { value: drawing } = drawingOfOnnx(host, "vit_s_focus.onnx", { title: "vit_s_focus.onnx" });
  if (!drawing) throw new Error("the model cannot be drawn");
  const page = pageOf("vit_s_focus.onnx", [drawing], await pageParts());
  told("view of 1485 nodes: made", performance.now() - began, "ms", BOUNDS.drawing);
  told("view of 1485 nodes: page", kilobytes(new TextEncoder().encode(page)), "kB", BOUNDS.page);
  const tree = treeOf(drawing.nodes);
  const keys = (at: Container): string[] => at.children.filter(isContainer).flatMap((c) => [c.key, ...keys(c)]);
  const before = performance.now();
  const { boxes } = layoutOf(tree, drawing.nodes, new Set(keys(tree)));
  told(`view of 1485 nodes: all ${boxes.length} boxes placed`, performance.now() - before, "ms", BOUNDS.layout);
  host.close();
} else console.log("left out: the view of a trained model; python bench/fetch.py focus fetches it");
process.exitCode = isMissed ? 1 : 0;
