// The variants of the programs beside this, built: as they stand, or giving the tokens too.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { build } from "../../hosts/build.ts";
import { MADE, withTokens } from "./files.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HERE = fileURLToPath(new URL(".", import.meta.url));

export type Side = 224 | 448;

/**
 * `whole`: the program as it stands. The others have the file give its tokens besides, `both` gives them and the map, `blocks` gives them alone,
 * so that the head is not computed. A number: the plain model on pictures of that side.
 */
export interface Asked {
  readonly side: Side | number;
  readonly variant?: string;
  readonly gives: "whole" | "both" | "blocks";
  readonly trace?: boolean;
}

const RESULT: Readonly<Record<"both" | "blocks", readonly [type: string, value: string]>> = {
  both: ["map: f32[One = 1, Y, X], tokens: f32[N, C]", "map: seen.output_importance, tokens: seen.tokens"],
  blocks: ["tokens: f32[N, C]", "tokens: seen.tokens"],
};

/** A program of the bench's own making, beside its models. */
function written({ side, gives }: Asked): string {
  const known = side === 224 || side === 448;
  const text = readFileSync(join(HERE, `at-${known ? side : 448}.kiri`), "utf8");
  const [head, pipeline] = [text.slice(0, text.indexOf("pipeline ")), `pipeline saliency(pixels: f32[Channels = 3, Y = ${side}, X = ${side}])`];
  const items = known ? head : head.split("\n").filter((line) => line.startsWith("model ")).join("\n");
  const [type, value] = gives === "whole" ? [`map: f32[One = 1, Y = ${side}, X = ${side}]`, "map: focus(pixels)"] : RESULT[gives];
  const model = gives === "whole" ? "../focus/vit_s_focus.onnx" : relative(MADE, withTokens());
  const file = join(MADE, `${side}-${gives}.kiri`);
  mkdirSync(MADE, { recursive: true });
  copyFileSync(join(HERE, "controls.kiri"), join(MADE, "controls.kiri"));
  const body = gives === "whole" ? `{ ${value} }` : `let seen = focus(pixels)\n  { ${value} }`;
  writeFileSync(file, `${items.replace("../.models/focus/vit_s_focus.onnx", model)}\n${pipeline} -> { ${type} } {\n  ${body}\n}\n`);
  return relative(ROOT, file);
}

export interface Variant {
  readonly model: string;
  /** Multiply-adds: of all, of the blocks, and what folds added. */
  readonly cost: { readonly total: number; readonly blocks: number; readonly folds: number };
  readonly discard: () => void;
}

export async function variantOf(asked: Asked): Promise<Variant> {
  const { side, variant, gives, trace } = asked;
  const file = gives === "whole" && (side === 224 || side === 448) ? `bench/focus/at-${side}.kiri` : written(asked);
  // Two runs may build the same variant at the same time.
  const out = join(`${MADE}-artefacts`, `${process.pid}-${side}-${variant ?? "plain"}-${gives}${trace ? "-trace" : ""}`);
  const made = await build({ root: ROOT, file, ...(variant ? { variant } : {}), out, gates: false, ...(trace ? { trace } : {}) });
  const wrong = made.problems.filter((p) => p.severity === "error");
  if (wrong.length > 0 || !made.manifest) throw new Error(`${variant ?? "plain"} at ${side}: ${wrong.map((p) => `${p.code} ${p.says}`).join("\n")}`);
  return { model: join(out, "model.onnx"), cost: made.manifest.cost, discard: () => rmSync(out, { recursive: true, force: true }) };
}

/** Runs a model picture by picture; its outputs by name. */
export async function* runs(model: string, pictures: readonly Float32Array[], side: number): AsyncGenerator<ort.InferenceSession.OnnxValueMapType> {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
  for (const pixels of pictures) yield session.run({ [session.inputNames[0] as string]: new ort.Tensor("float32", pixels, [1, 3, side, side]) });
  await session.release();
}

export function floats(outputs: ort.InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const found = outputs[name]?.data;
  if (!(found instanceof Float32Array)) throw new Error(`there is no ${name} among ${Object.keys(outputs).join(", ")}`);
  return found;
}
