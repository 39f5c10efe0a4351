// Blocks in stacks: one takes what the other gives, and both are equally wide.
import { type Node, topological } from "../../graph/node.ts";
import { isFloat } from "../../types/tensor.ts";
import type { Block } from "./block.ts";
import { type Flow, opOf } from "./flow.ts";

export interface Stack {
  readonly name: string;
  readonly blocks: readonly Block[];
}

export function stacksOf(flow: Flow, blocks: readonly Block[]): readonly Stack[] {
  const byOutput = new Map<Node, Block[]>();
  const chains: Block[][] = [];
  for (const block of blocks) {
    const chain = chainBefore(flow, block, byOutput);
    if (chain) chain.push(block);
    else chains.push([block]);
    byOutput.set(block.output, chain ?? (chains.at(-1) as Block[]));
  }
  const names = namesOf(chains);
  const stacks = chains.map((chain, i) => ({ name: names[i] as string, blocks: chain }));
  // What is read comes before what reads it, in whatever order the file has them.
  return [...stacks.filter((s) => !s.name.startsWith("decoder")), ...stacks.filter((s) => s.name.startsWith("decoder"))];
}

/** The chain whose last block gives what this one takes. */
function chainBefore(flow: Flow, block: Block, byOutput: ReadonlyMap<Node, Block[]>): Block[] | undefined {
  const width = block.input.type.dims.at(-1)?.key;
  let at: Node | undefined = block.input;
  for (let steps = 0; at && steps < 8; steps++) {
    const chain = byOutput.get(at);
    if (chain) return chain.at(-1)?.output === at && at.type.dims.at(-1)?.key === width ? chain : undefined;
    if (!["reshape", "cast", "transpose", "mul", "div", "where"].includes(opOf(at))) return undefined;
    const isCast: boolean = opOf(at) === "cast";
    at = flow.active(at).find((x): boolean => isCast || isFloat(x.type.dtype));
  }
  return undefined;
}

function namesOf(chains: readonly (readonly Block[])[]): string[] {
  if (chains.length === 1) return ["blocks"];
  const decoders = new Set(chains.filter((c) => c.some((b) => b.cross || b.attention.isCross)));
  const read = new Set([...decoders].flatMap((c) => c.flatMap((b) => (b.cross ? [b.cross.keys.from] : b.attention.isCross ? [b.attention.keys.from] : []))).flatMap((from) => chains.filter((c) => isBehind(from, c.at(-1)?.output))));
  const given = chains.map((chain) => (decoders.has(chain) ? "decoder" : read.has(chain) ? "encoder" : decoders.size > 0 ? "encoder" : kindOf(chain[0] as Block)));
  return given.map((name, i) => {
    const same = given.flatMap((n, at) => (n === name ? [at] : []));
    return same.length === 1 ? name : `${name}${same.indexOf(i) + 1}`;
  });
}

/** Whether `from` is made of `output` within a norm or two. */
function isBehind(from: Node, output: Node | undefined): boolean {
  const seen = new Set([from]);
  const queue = [from];
  for (let i = 0; i < queue.length && i < 64; i++) {
    const node = queue[i] as Node;
    if (node === output) return true;
    for (const x of node.inputs) if (!seen.has(x)) { seen.add(x); queue.push(x); }
  }
  return false;
}

/** What goes in: pictures, sound or text, by the inputs that the first block depends on. */
function kindOf(block: Block): string {
  const inputs = topological([block.input]).filter((n) => n.op === "input");
  const name = inputs.map((n) => String(n.attrs.name)).join(" ");
  if (inputs.some((n) => n.type.dims.length === 4 && n.type.dtype !== "i64")) return "vision";
  if (/pixel|image|picture/i.test(name)) return "vision";
  if (/audio|mel|features|wave|speech/i.test(name)) return "audio";
  return inputs.some((n) => n.type.dtype === "i64" || n.type.dtype === "i32") ? "text" : "blocks";
}
