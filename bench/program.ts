// The plainest program for a model directory of a geometry: the whole model, nothing folded.
import type { Geometry } from "./geometry.ts";

/** `folder` is relative to the program. */
export function programFor(shape: Geometry, folder: string): string {
  if (shape.kind === "bert") return `
use model.bert

model encoder = bert.Encoder from ${JSON.stringify(folder)}

pipeline hidden(ids: i64[N], mask: i64[N], types: i64[N]) -> { hidden: f32[N, C] } {
  { hidden: encoder(ids, mask, types) }
}
`;
  const layer = { none: "Encoder", classifier: "Classifier", segmenter: "Segmenter" }[shape.head];
  return `
use model.vit
use image

model seen = vit.${layer} from ${JSON.stringify(folder)}

pipeline look(picture: image) -> { scores: ${{ none: "f32[N, C]", classifier: "f32[Classes]", segmenter: "f32[Classes, Y, X]" }[shape.head]} } {
  { scores: seen(image.prepare(picture; seen.processor)) }
}
`;
}
