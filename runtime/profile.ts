// Time by line of the source: ONNX Runtime's profile of nodes, joined with the origins that the compiler left at them.
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type OnnxNode, originOf, readNodes } from "./onnx-nodes.ts";

export interface ProfiledNode {
  readonly name: string;
  readonly op: string;
  /** The provider that ran it: `cpu`, `cuda`. */
  readonly provider: string;
  readonly milliseconds: number;
  readonly calls: number;
  readonly origin: readonly string[];
  readonly path: readonly string[];
  readonly by: readonly string[];
}

export interface ProfiledLine {
  /** `file:line`; empty for nodes that no line is known of (those that ONNX Runtime put in). */
  readonly line: string;
  /** Time of its nodes; a node of several lines counts in equal parts. */
  readonly milliseconds: number;
  /** Of the time of all nodes. */
  readonly share: number;
  readonly calls: number;
  readonly ops: readonly string[];
  readonly paths: readonly string[];
  readonly by: readonly string[];
}

export interface Profile {
  readonly device: string;
  readonly runs: number;
  /** Of all runs, the nodes' time alone. */
  readonly milliseconds: number;
  /** Slowest first. */
  readonly lines: readonly ProfiledLine[];
  readonly nodes: readonly ProfiledNode[];
}

/** An event of ONNX Runtime's profile (the format of Chrome's tracing); times are microseconds. */
interface Event {
  readonly cat?: string;
  readonly name?: string;
  readonly dur?: number;
  readonly args?: { readonly op_name?: string; readonly provider?: string; readonly node_index?: string };
}

/** Reads the profiles in a folder, and deletes them: the next profile begins anew. */
export async function readProfile(folder: string, model: string, device: string): Promise<Profile> {
  const events: Event[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name);
    const text = await readFile(path, "utf8");
    // The file of the profile that was begun just now is still empty.
    if (!text.trimEnd().endsWith("]")) continue;
    for (const event of JSON.parse(text) as Event[]) events.push(event);
    await rm(path);
  }
  const nodes = nodesOf(events, await readNodes(model));
  const milliseconds = nodes.reduce((sum, n) => sum + n.milliseconds, 0);
  const runs = events.filter((e) => e.name === "model_run").length;
  return { device, runs, milliseconds, nodes, lines: linesOf(nodes, milliseconds) };
}

function nodesOf(events: readonly Event[], known: ReadonlyMap<string, OnnxNode>): ProfiledNode[] {
  const nodes = new Map<string, ProfiledNode>();
  for (const { cat, name = "", dur = 0, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const own = name.slice(0, -"_kernel_time".length);
    const origin = originOf(own, known);
    const before = nodes.get(own);
    nodes.set(own, {
      name: own, op: args?.op_name ?? origin?.op ?? "", provider: (args?.provider ?? "").replace(/ExecutionProvider$/, "").toLowerCase(),
      milliseconds: (before?.milliseconds ?? 0) + dur / 1000, calls: (before?.calls ?? 0) + 1,
      origin: origin?.origin ?? [], path: origin?.path ?? [], by: origin?.by ?? [],
    });
  }
  return [...nodes.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

function linesOf(nodes: readonly ProfiledNode[], whole: number): ProfiledLine[] {
  const lines = new Map<string, { milliseconds: number; calls: number; ops: Set<string>; paths: Set<string>; by: Set<string> }>();
  for (const node of nodes) {
    const places = [...new Set(node.origin.map((o) => o.replace(/:\d+$/, "")))];
    for (const place of places.length > 0 ? places : [""]) {
      const line = lines.get(place) ?? { milliseconds: 0, calls: 0, ops: new Set(), paths: new Set(), by: new Set() };
      line.milliseconds += node.milliseconds / Math.max(places.length, 1);
      line.calls += node.calls;
      line.ops.add(node.op);
      for (const path of node.path) line.paths.add(path);
      for (const by of node.by) line.by.add(by);
      lines.set(place, line);
    }
  }
  return [...lines]
    .map(([line, { milliseconds, calls, ops, paths, by }]) => ({ line, milliseconds, share: whole > 0 ? milliseconds / whole : 0, calls, ops: [...ops].sort(), paths: [...paths].sort(), by: [...by].sort() }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}
