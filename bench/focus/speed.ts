// What folding wins: the whole model and its blocks alone, every variant in one interleaved run on one thread.
import { median, millis, open, ratio, type Runner, timed } from "../timing.ts";
import { rawAt } from "./files.ts";
import { type Side, type Variant, variantOf } from "./variants.ts";

interface Raced {
  readonly name: string;
  /** The least share of the multiply-adds saved that must show in the time of the blocks. */
  readonly share: number;
  /** The least speed-up of the whole model. */
  readonly whole?: number;
}

const RACED: Readonly<Record<Side, readonly Raced[]>> = {
  448: [{ name: "merged_44", share: 0.9 }, { name: "merged_60", share: 0.9, whole: 1.35 }, { name: "merged_80", share: 0.85 }, { name: "clustered_6_20", share: 0.9 }, { name: "clustered_4_20", share: 0.9, whole: 1.45 }, { name: "merged_70_clustered_9_18", share: 0.9, whole: 1.45 }],
  224: [{ name: "merged_26_from_4", share: 0.88 }, { name: "merged_16", share: 0.88 }, { name: "clustered_4_12", share: 0.88 }, { name: "clustered_4_10", share: 0.88 }],
};

/** Prints the table of one side; returns the bars that are missed. */
export async function raced(side: Side, rounds: number): Promise<string[]> {
  const variants = new Map<string, { readonly whole: Variant; readonly blocks: Variant }>();
  for (const name of ["plain", ...RACED[side].map((r) => r.name)]) {
    const variant = name === "plain" ? {} : { variant: name };
    variants.set(name, { whole: await variantOf({ side, ...variant, gives: "whole" }), blocks: await variantOf({ side, ...variant, gives: "blocks" }) });
  }
  const runners: Runner[] = [await open("the file", rawAt(side))];
  for (const [name, { whole, blocks }] of variants) runners.push(await open(name, whole.model), await open(`${name}, blocks`, blocks.model));
  const times = await timed(runners, rounds);
  for (const runner of runners) await runner.close();
  for (const { whole, blocks } of variants.values()) { whole.discard(); blocks.discard(); }

  console.log(`\n| at ${side} | multiply-adds saved: blocks, whole | blocks, times as fast as plain | share of what was saved | whole model, times as fast as plain | as the file itself | ms |\n|---|---|---|---|---|---|---|`);
  const missed: string[] = [];
  const plain = (variants.get("plain") as { whole: Variant }).whole.cost;
  const over = (a: string, b: string) => ratio(times, [a, b], (x = 0, y = 1) => x / y);
  for (const [name, { whole: { cost } }] of variants) {
    const [saved, blocks, whole, raw] = [plain.blocks / cost.blocks, over("plain, blocks", `${name}, blocks`), over("plain", name), over("the file", name)];
    const shown = ({ value, spread }: typeof whole): string => `${value.toFixed(2)} ± ${spread.toFixed(2)}`;
    console.log(`| ${name} | ${saved.toFixed(2)}, ${(plain.total / cost.total).toFixed(2)} | ${shown(blocks)} | ${(blocks.value / saved).toFixed(2)} | ${shown(whole)} | ${shown(raw)} | ${median(millis(times, name)).toFixed(0)} |`);
    const bar = RACED[side].find((r) => r.name === name);
    if (bar && blocks.value < bar.share * saved) missed.push(`${side}: ${name}, speed-up of the blocks ≥ ${bar.share} × ${saved.toFixed(2)}: ${blocks.value.toFixed(2)}`);
    if (bar?.whole !== undefined && whole.value < bar.whole) missed.push(`${side}: ${name}, speed-up of the model ≥ ${bar.whole}: ${whole.value.toFixed(2)}`);
  }
  return missed;
}
