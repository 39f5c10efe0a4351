// How many tokens the data let stay: a variant whose counts only a run knows, with one more output for each of them.
import type { Compiled } from "../../compiler/compile.ts";
import { costOf } from "../../compiler/compress/cost.ts";
import { topological } from "../../compiler/graph/node.ts";
import { runPasses } from "../../compiler/passes/order.ts";
import { asSymbol, type Dim } from "../../compiler/types/dim.ts";
import { sampleOf } from "./columns.ts";
import type { DataSet } from "./data.ts";
import { Model } from "./model.ts";
import type { Trial } from "./trial.ts";

/** Multiply-adds inside blocks, the mean over so many records from all over the data. Throws `Untold` and `RuntimeError`. */
export async function blocksInRuns(trial: Trial, compiled: Compiled, data: DataSet, records: number, signal: AbortSignal | undefined): Promise<number> {
  const { graph, elaboration } = compiled;
  const choices = topological(graph.outputs.map((o) => o.node)).filter((n) => n.op === "choose");
  const kept = choices.map((node, i) => ({ name: `kept_${i}`, node, axes: node.type.dims.map((_, at) => (at === 0 ? "B" : `K${i}_${at}`)) }));
  const outputs = [...graph.outputs, ...kept];
  const told = kept.map(({ name, node, axes }) => ({ name, type: { kind: "tensor" as const, dtype: node.type.dtype, axes: node.type.dims.slice(1).map((size, at) => ({ name: axes[at + 1] ?? "", size })) } }));
  const built = await trial.write({ ...compiled, graph: { ...graph, outputs }, fused: runPasses({ ...graph, outputs }, compiled.target), outputs: [...compiled.outputs, ...told] }, "counts of tokens");
  try {
    await using model = await Model.open(built.directory, { threads: 1 });
    const names = compiled.inputs.map((i) => i.name);
    const count = Math.min(records, data.records);
    // Few different counts come up: each is priced once.
    const seen = new Map<string, { readonly counts: ReadonlyMap<string, number>; times: number }>();
    for (let i = 0; i < count; i++) {
      signal?.throwIfAborted();
      const found = await model.run(sampleOf(data, names, Math.floor((i * data.records) / count)));
      const counts = new Map(kept.map(({ name, node }) => [asSymbol(node.attrs.some as Dim) ?? "", found[name]?.dims.at(-1) ?? 0]));
      const key = [...counts.values()].join();
      seen.set(key, { counts, times: (seen.get(key)?.times ?? 0) + 1 });
    }
    return [...seen.values()].reduce((sum, { counts, times }) => sum + (costOf(elaboration.arena, graph.outputs, counts).blocks * times) / count, 0);
  } finally {
    await trial.forget(built);
  }
}
