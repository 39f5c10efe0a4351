/** A DINOv2 with a dense head, known only as an ONNX file: its folds against the same folds in PyTorch, at the picture size of the file and at another. */
import test from "ava";
import type { Compiled } from "../../compiler/compile.ts";
import type { Value } from "../../compiler/host.ts";
import { f32 } from "../support/evaluate.ts";
import { difference, expectedOf, readSafetensors } from "../support/golden.ts";
import { compiled, output, run, SPELLINGS } from "../support/program.ts";

/** Of a map between 0 and 1. */
const TOLERANCE = 1e-4;

const tiny = readSafetensors(new URL("saliency/expected.safetensors", import.meta.url).pathname);
const numbersOf = (name: string, file = tiny): number[] => Array.from(expectedOf(file, name).data, Number);
const pixelsOf = (name: string): Value => f32(expectedOf(tiny, name).dims, numbersOf(name));

const program = (file: string, side: number, line: string): string => `
${["tome", "expedite"].filter((fold) => line.includes(fold)).map((fold) => `use folds.${fold} (${fold})`).join("\n")}
model m = import "${file}"
sites by_hand for m { normed = "/backbone/layernorm/Add_1_output_0" }
compress m as folded { ${line} }
pipeline saliency(pixels: f32[Channels = 3, Y = ${side}, X = ${side}]) -> { map: f32[One = 1, Y = ${side}, X = ${side}] } { { map: m(pixels) } }`;

const SIDES = { 24: 6, 48: 12 } as const;
/** By the name that the oracle gave: the lines for a grid of g x g patches. */
const FOLDS: Readonly<Record<string, (g: number) => string>> = {
  tome: (g) => `fold tokens protect 1 in each blocks[*] after attended with tome(r: ${g})`,
  "tome-unweighed": (g) => `fold tokens protect 1 in each blocks[*] after attended with tome(r: ${g}, proportional: false)`,
  "tome-features-residual": (g) => `fold tokens protect 1 in each blocks[2..] after attended with tome(r: ${2 * g}, metric: mlp_input, residual: true)`,
  expedite: (g) => `fold tokens protect 1 across blocks[2..] with expedite(from: (${g}, ${g}), to: (${(2 * g) / 3}, ${(2 * g) / 3}), near: 4, norm: l1, follow: 5.0)`,
  "expedite-normed": (g) => `fold tokens protect 1 across blocks[2..] with expedite(from: (${g}, ${g}), to: (${(2 * g) / 3}, ${(2 * g) / 3}), near: 4, follow: 5.0) up after normed`,
  "expedite-residual": (g) => `fold tokens protect 1 across blocks[2..] with expedite(from: (${g}, ${g}), to: (${(2 * g) / 3}, ${(2 * g) / 3}), near: 4, norm: l1, follow: 5.0, residual: true)`,
};

const every = (map: readonly number[], stride: number, size: number): number[] => map.filter((_, i) => (i % size) % stride === 0);

async function mapOf(model: Compiled, side: number, spelling: (typeof SPELLINGS)[number]): Promise<number[]> {
  const map = output(await run(model, { pixels: pixelsOf(`pixels.${side}`) }, spelling), "map");
  return every(map, numbersOf(`stride.${side}`)[0] as number, side * side);
}

for (const [text, grid] of Object.entries(SIDES)) {
  const side = Number(text);
  test(`the plain map at ${side} pixels, every block fused`, async (t) => {
    const model = compiled(program("models/tiny-onnx/saliency.onnx", side, "expect fused attention * 4"), { variant: "folded" });
    t.is(model.record.fused.get("attention"), 4);
    t.is(model.record.fused.get("layer_norm"), 9);
    for (const spelling of SPELLINGS) t.true(difference(await mapOf(model, side, spelling), numbersOf(`plain.${side}`)).absolute <= TOLERANCE, spelling);
  });
  for (const [name, line] of Object.entries(FOLDS))
    test(`${name} at ${side} pixels: as PyTorch`, async (t) => {
      const model = compiled(program("models/tiny-onnx/saliency.onnx", side, line(grid)), { variant: "folded" });
      const wanted = numbersOf(`${name}.${side}`);
      t.true(difference(wanted, numbersOf(`plain.${side}`)).absolute > 100 * TOLERANCE, "the fold does something");
      for (const spelling of SPELLINGS) t.true(difference(await mapOf(model, side, spelling), wanted).absolute <= TOLERANCE, spelling);
    });
}
