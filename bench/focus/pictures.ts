// What folding looks like: maps, and which patches went together, drawn on the photos.
import { join } from "node:path";
import { tokenGroups } from "../../hosts/evaluation/token-groups.ts";
import { drawPanels, type Panel, type Pixels } from "../../hosts/picture.ts";
import { MADE } from "./files.ts";
import { normalised, PHOTOS, squareOf } from "./photos.ts";
import { floats, runs, type Side, variantOf } from "./variants.ts";

const SHOWN = ["astronaut", "chelsea", "coffee", "rocket"];
const VARIANTS: Readonly<Record<Side, readonly string[]>> = { 448: ["merged_60", "clustered_6_20"], 224: ["merged_16", "clustered_4_10"] };
const PATCH = 14;

const grey = (map: Float32Array, side: number): Pixels => ({ data: Uint8Array.from(map, (v) => Math.round(v * 255)), width: side, height: side, channels: 1 });

/** A row a photo: the photo and its plain map, then for each variant the folded patches and the map. Where the picture lies. */
export async function draw(side: Side): Promise<string> {
  const photos = PHOTOS.filter((p) => SHOWN.includes(p.name));
  const squares = await Promise.all(photos.map((p) => squareOf(p, side)));
  const pictures = squares.map(normalised);
  const rows: Panel[][] = photos.map((p, i) => [{ kind: "picture", title: p.name, picture: squares[i] as Pixels }]);
  const grid = { h: side / PATCH, w: side / PATCH };
  for (const name of [undefined, ...VARIANTS[side]]) {
    const made = await variantOf({ side, ...(name ? { variant: name, trace: true } : {}), gives: "whole" });
    let at = 0;
    for await (const outputs of runs(made.model, pictures, side)) {
      const row = rows[at] as Panel[];
      // The class token stands before the patches.
      const groups = Array.from(outputs.folds?.data ?? [], Number).slice(1);
      if (name) row.push({ kind: "groups", title: `${groups.length} → ${tokenGroups(groups).left} tokens`, picture: squares[at] as Pixels, grid, groups });
      row.push({ kind: "picture", title: name ?? "plain", picture: grey(floats(outputs, "map"), side) });
      at++;
    }
    made.discard();
  }
  const path = join(MADE, `focus-${side}.png`);
  await drawPanels(rows, path);
  return path;
}
