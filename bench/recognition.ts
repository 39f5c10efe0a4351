// What is recognised in exports with random weights: blocks, heads and width found against those that are there, and whether blocks fold.
// usage: python bench/recognition.py FOLDER && tsx bench/recognition.ts FOLDER [--json FILE], or tsx bench/recognition.ts MODEL.onnx…
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { alike } from "../compiler/import/alike.ts";
import { importModel } from "../compiler/import/onnx-graph.ts";
import { type Recognition, recognise } from "../compiler/import/recognise/recognise.ts";
import { NodeHost } from "../hosts/node-host.ts";

interface There {
  readonly name: string;
  readonly exporter: string;
  readonly failed: string | null;
  readonly stacks: readonly { readonly blocks: number; readonly heads: number; readonly hidden: number }[];
}

interface Row {
  readonly name: string;
  readonly exporter: string;
  readonly found: string;
  readonly there: string;
  readonly isRight: boolean | undefined;
  readonly foldable: string;
  readonly milliseconds: number;
}

const args = process.argv.slice(2);
const json = args.includes("--json") ? args[args.indexOf("--json") + 1] : undefined;
const given = args.filter((a, i) => !a.startsWith("--") && args[i - 1] !== "--json");

function seen(path: string): { readonly found: Recognition; readonly milliseconds: number } | string {
  const host = new NodeHost({ root: dirname(path) });
  try {
    const { value, problems } = importModel(host, basename(path), { raise: "all", same: alike });
    if (!value) return problems.map((p) => p.says).join("; ");
    const start = performance.now();
    const found = recognise(value.graph);
    return { found, milliseconds: performance.now() - start };
  } finally {
    host.close();
  }
}

/** `2 × 4 heads of 32`, a stack each, the widest first: stacks have no names in a configuration. */
const shown = (stacks: readonly { readonly blocks: number; readonly heads: number | undefined; readonly hidden: number | undefined }[]): string =>
  stacks.map((s) => `${s.blocks} × ${s.heads} heads, ${s.hidden} wide`).sort().join(" + ") || "none";

function row(path: string, name: string, exporter: string, there: There["stacks"] | undefined): Row {
  const made = seen(path);
  if (typeof made === "string") return { name, exporter, found: `not imported: ${made}`, there: there ? shown(there) : "", isRight: false, foldable: "", milliseconds: 0 };
  const { found, milliseconds } = made;
  const stacks = found.stacks.map((s) => ({ blocks: s.blocks.length, heads: headsOf(s.blocks[0]), hidden: numberAt(s.blocks[0], "input", "C") }));
  const [obstacle] = found.obstacles;
  return {
    name, exporter, found: shown(stacks), there: there ? shown(there) : "", isRight: there && shown(there) === shown(stacks), milliseconds,
    foldable: found.foldable ? "yes" : obstacle ? `${obstacle.site}: ${obstacle.why}` : "nothing to fold",
  };
}

type Block = Recognition["blocks"][0] | undefined;
const headsOf = (block: Block): number | undefined => numberAt(block, "probs", "H");
function numberAt(block: Block, name: string, axis: string): number | undefined {
  const site = block?.sites.get(name);
  const size = site?.node.type.dims[site.axes.indexOf(axis)];
  return size && Number(size.key);
}

function rows(): Row[] {
  if (given.length !== 1 || given[0]?.endsWith(".onnx")) return given.map((path) => row(resolve(path), basename(path), "", undefined));
  const folder = resolve(given[0] as string);
  return Object.values(JSON.parse(readFileSync(join(folder, "there.json"), "utf8")) as Record<string, There>).map(({ name, exporter, failed, stacks }): Row =>
    failed === null ? row(join(folder, `${name}.${exporter}.onnx`), name, exporter, stacks) : { name, exporter, found: `not exported: ${failed}`, there: shown(stacks), isRight: undefined, foldable: "", milliseconds: 0 });
}

const all = rows();
console.log("| model | exporter | found | there | folds |\n|---|---|---|---|---|");
for (const r of all) console.log(`| ${r.name} | ${r.exporter} | ${r.found}${r.isRight === false ? " **wrong**" : ""} | ${r.there} | ${r.foldable} |`);
const exported = all.filter((r) => r.isRight !== undefined);
if (exported.length > 0) console.log(`\n${exported.filter((r) => r.isRight).length} of ${exported.length} right; recognition took at most ${Math.max(...all.map((r) => r.milliseconds)).toFixed(0)} ms`);
if (json !== undefined) writeFileSync(json, `${JSON.stringify(all, null, 1)}\n`);
if (all.some((r) => r.isRight === false)) process.exitCode = 1;
