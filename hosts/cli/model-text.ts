// An imported model as `kiri inspect` shows it: blocks, sites, costs, what fuses, and where recognition ended.
import { type Graph, type Node, topological } from "../../compiler/graph/node.ts";
import type { Imported } from "../../compiler/import/onnx-graph.ts";
import type { Recognition } from "../../compiler/import/recognise/recognise.ts";
import type { Inside } from "../../compiler/inside.ts";
import type { ModelWork } from "../../compiler/import/recognise/work.ts";
import { type RecognisedBlock, type RecognisedSite, companionOf, countedPositions } from "../../compiler/import/recognised.ts";
import { printType } from "../../compiler/types/tensor.ts";
import { large } from "../amounts.ts";
import { type Fused, fusionsOf, fusionText } from "./fusions.ts";
import { insideText } from "./inside-text.ts";
import { table } from "./table.ts";

interface SeenModel {
  readonly file: string;
  readonly imported: Imported;
  readonly found: Recognition;
  readonly work: ModelWork;
  /** What the passes did within sub-graphs. */
  readonly inside: readonly Inside[];
  /** The passes' own account. */
  readonly fused: Fused;
}

/** How one step of recognition did over all softmaxes that came as far. */
interface RuleCount {
  readonly rule: string;
  readonly found: number;
  readonly missed: readonly { readonly softmax: string; readonly tensor: string; readonly op: string; readonly why: string }[];
}

const RULES: readonly string[] = ["scores", "context", "queries", "keys", "values", "attended", "mlp", "output"];
const nameOf = ({ imported }: SeenModel, node: Node): string => (node.op === "input" ? String(node.attrs.name) : imported.graph.arena.originsOf(node)[0]?.path || node.op);

function rulesOf(seen: SeenModel): readonly RuleCount[] {
  return RULES.map((rule) => ({
    rule,
    found: seen.found.attempts.filter((a) => a.steps.includes(rule)).length,
    missed: seen.found.attempts.flatMap(({ softmax, missing }) => (missing?.step === rule ? [{ softmax: nameOf(seen, softmax), tensor: nameOf(seen, missing.node), op: missing.node.op, why: missing.why }] : [])),
  }));
}

const typeOf = ({ node, axes }: RecognisedSite): string => `${node.type.dtype}[${node.type.dims.map((d, i) => (axes[i] && axes[i] !== d.key ? `${axes[i]} = ${d.key}` : d.key)).join(", ")}]`;

function sites(seen: SeenModel): { readonly path: string; readonly type: string; readonly axes: readonly string[]; readonly tensor: string }[] {
  const { inputs, outputs } = seen.imported.graph;
  const order = topological(outputs.map((out) => out.node));
  return seen.found.stacks.flatMap((s) => s.blocks).flatMap((b) => [...besides(b, order, inputs), ...b.sites].map(([name, site]) => ({ path: `${b.path}.${name}`, type: typeOf(site), axes: site.axes, tensor: nameOf(seen, site.node) })));
}

/** What a fold takes along of a block: masks and positions among the inputs that count its tokens, or the positions that the file counts. */
function besides({ sites }: RecognisedBlock, order: readonly Node[], inputs: Graph["inputs"]): readonly [string, RecognisedSite][] {
  const entering = sites.get("input");
  const axisOf = (size: string): string => entering?.axes[entering.node.type.dims.findIndex((d) => d.key === size)] ?? "";
  const given = inputs.flatMap(({ name, node }): [string, RecognisedSite][] => {
    const [kind, axes] = [companionOf(name), node.type.dims.map((d) => axisOf(d.key))];
    return kind && axes.includes("N") ? [[kind, { node, axes }]] : [];
  });
  const counted = given.some(([kind]) => kind === "positions") ? undefined : countedPositions(order, entering);
  return counted ? [["positions", { node: counted, axes: ["N"] }], ...given] : given;
}

const ports = (all: Graph["inputs"] | Graph["outputs"]): { readonly name: string; readonly type: string }[] => all.map(({ name, node }) => ({ name, type: printType(node.type) }));
const fusedOf = ({ fused }: SeenModel): Record<string, number> => Object.fromEntries([...fused.record.fused].filter(([, n]) => n > 0));

export function modelJson(seen: SeenModel, { isWhole }: { readonly isWhole: boolean }): object {
  const { found, imported, work } = seen;
  const { tokenAxis } = found;
  return {
    file: seen.file, nodes: imported.nodeCount, carried: Object.fromEntries(imported.carried), inside: seen.inside, inputs: ports(imported.graph.inputs), outputs: ports(imported.graph.outputs),
    recognised: {
      blocks: found.blocks.length, heads: found.heads ?? null, hidden: found.hidden ?? null,
      tokenAxis: tokenAxis ? { tensor: nameOf(seen, tokenAxis.node), axis: tokenAxis.axis, size: imported.graph.arena.facts.number(tokenAxis.size) ?? tokenAxis.size.key } : null,
      foldable: found.foldable, obstacles: found.obstacles,
      stacks: found.stacks.map((s) => ({ name: s.name, blocks: s.blocks.map((b) => ({ path: b.path, ...work.blocks.get(b.path) })) })),
    },
    sites: sites(seen), parameters: work.parameters, multiplyAdds: work.multiplyAdds, flops: 2 * work.multiplyAdds, fused: fusedOf(seen),
    fusions: fusionsOf(seen.fused), ...(isWhole ? { rules: rulesOf(seen) } : {}),
  };
}

export function modelText(seen: SeenModel, shown: { readonly sites: boolean; readonly recognition: boolean; readonly fusions: boolean }): string {
  const { found, imported, work } = seen;
  const line = (title: string, text: string): string => (text ? `${title.padEnd(10)}${text}\n` : "");
  const edge = (all: ReturnType<typeof ports>): string => all.map((p) => `${p.name}: ${p.type}`).join(", ");
  const stacks = found.stacks.map((s) => `${s.blocks.length} in ${s.name}`).join(", ");
  const { tokenAxis } = found;
  const head = [
    line("model", `${seen.file}, ${imported.nodeCount} nodes`), line("takes", edge(ports(imported.graph.inputs))), line("gives", edge(ports(imported.graph.outputs))),
    line("carried", [...imported.carried].map(([op, n]) => `${op} × ${n}`).join(", ")),
    line("inside", insideText(seen.inside)),
    line("blocks", found.blocks.length === 0 ? "none found" : `${stacks}; ${found.heads ?? "?"} heads, ${found.hidden ?? "?"} wide${tokenAxis ? `; tokens along axis ${tokenAxis.axis}, ${tokenAxis.size.key} of them` : ""}`),
    line("folds", found.foldable ? "the middle blocks run on any count of tokens" : "no"),
    ...found.obstacles.map((o) => line("", `${o.site}: ${o.why} (${o.tensor})`)),
    line("fused", Object.entries(fusedOf(seen)).map(([op, n]) => `${op} × ${n}`).join(", ")),
    line("weights", `${large(work.parameters)} parameters`), line("work", `${large(work.multiplyAdds)} multiply-adds; sizes that only a run knows count as one`),
  ].join("");
  const blocks = table([{ title: "block" }, { title: "parameters", align: "right" }, { title: "multiply-adds", align: "right" }], [...work.blocks].map(([path, w]) => [path, large(w.parameters), large(w.multiplyAdds)]));
  const places = table([{ title: "site" }, { title: "type" }, { title: "made by" }], sites(seen).map((s) => [s.path, s.type, s.tensor]));
  return [head, ...(work.blocks.size > 0 ? [blocks] : []), ...(shown.sites ? [places] : []), ...(shown.recognition ? [ruleText(seen)] : []), ...(shown.fusions || shown.recognition ? [fusionText(seen.fused)] : [])].join("\n");
}

/** Misses that are shown of one rule. */
const SHOWN = 3;

function ruleText(seen: SeenModel): string {
  const { attempts } = seen.found;
  if (attempts.length === 0) return "recognition begins at a softmax of activations, and there is none\n";
  const lines = rulesOf(seen).map(({ rule, found, missed }) => `${rule}: ${found} of ${found + missed.length}\n${missed.slice(0, SHOWN).map((m) => `    ${m.why}: ${m.op} ${m.tensor}, for the softmax ${m.softmax}\n`).join("")}${missed.length > SHOWN ? `    and ${missed.length - SHOWN} more\n` : ""}`);
  return `recognition, step by step over ${attempts.length} softmax${attempts.length === 1 ? "" : "es"}:\n${lines.join("")}`;
}
