// `--precision`, and what people are told of a graph in half precision: what stayed in f32, and why.
import { Option } from "commander";
import { type Precision, PRECISIONS } from "../../compiler/precision.ts";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { table } from "./table.ts";

export const precisionOption = (): Option =>
  new Option("--precision <name>", "f16: weights in half precision, and what is computed too where the target gains by it; the delicate parts stay in f32").choices(PRECISIONS);

/** Reasons that are shown; the JSON has all. */
const SHOWN = 12;

export function precisionText(precision: Precision | Manifest["precision"]): string {
  if (!precision) return "";
  const { computes, half, single, casts, stored, kept } = precision;
  const head = computes ? `in f16: ${half} operations and ${stored} constants, with ${casts} conversions` : `in f16: ${stored} weights; all results in f32`;
  const rows = [...single].sort((a, b) => b.count - a.count).map((s) => [s.op, `${s.count}`, s.why, s.path]);
  const more = rows.length > SHOWN ? `and ${rows.length - SHOWN} more kinds\n` : "";
  const weights = kept.map((k) => [k.name, "", `a constant ${k.largest > 1 ? `up to ${Number(k.largest.toPrecision(4))}` : `of at most ${Number(k.largest.toPrecision(4))}`}`, ""]);
  const all = [...rows.slice(0, SHOWN), ...weights.slice(0, SHOWN)];
  return `${head}\n${all.length > 0 ? table([{ title: "in f32" }, { title: "", align: "right" }, { title: "because it is" }, { title: "first in" }], all) : ""}${more}`;
}
