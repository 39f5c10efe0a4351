// All ops. A new one is a file that exports its op in a list, an import here, and a place in the list below.
import type { Infer } from "../graph/node.ts";
import attention from "./attention.ts";
import { Call } from "./call.ts";
import choose from "./choose.ts";
import conv from "./conv.ts";
import elementwise from "./elementwise.ts";
import foreign from "./foreign.ts";
import indexing from "./indexing.ts";
import leaves from "./leaves.ts";
import movement from "./movement.ts";
import norm from "./norm.ts";
import type { Op } from "./op.ts";
import product from "./product.ts";
import reduce from "./reduce.ts";
import windowMeans from "./window-means.ts";

export const OPS: ReadonlyMap<string, Op> = collect([leaves, elementwise, reduce, product, conv, movement, indexing, choose, norm, attention, windowMeans, foreign]);

export function opOf(name: string): Op {
  const op = OPS.get(name);
  if (!op) throw new Error(`there is no op ${name}`);
  return op;
}

/** What the arena needs: `new Arena(infer)`. */
export const infer: Infer = (name, inputs, attrs, facts) => opOf(name).infer(new Call(name, inputs, attrs, facts));

function collect(families: readonly (readonly Op[])[]): Map<string, Op> {
  const all = new Map<string, Op>();
  for (const op of families.flat()) {
    if (all.has(op.name)) throw new Error(`op ${op.name} is declared twice`);
    all.set(op.name, op);
  }
  return all;
}
