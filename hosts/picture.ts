// Pictures where a table does not show it: which tokens were folded, and what comes out, drawn on the image.
import sharp, { type OverlayOptions } from "sharp";
import { writeFileWhole } from "./artifact-writer.ts";
import { drawnText } from "./drawn-text.ts";
import { sizesOf } from "./evaluation/token-groups.ts";

/** u8 values, row by row; 1 channel is grey, 3 are red, green, blue. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

export type Panel =
  /** The picture itself. */
  | { readonly kind: "picture"; readonly title: string; readonly picture: Pixels }
  /** Which patches went together: a group for each patch of the grid, row by row; -1: dropped. Drawn over the picture. */
  | { readonly kind: "groups"; readonly title: string; readonly picture: Pixels; readonly grid: { readonly h: number; readonly w: number }; readonly groups: ArrayLike<number> }
  /** A class for each pixel. `background` is drawn dark. */
  | { readonly kind: "classes"; readonly title: string; readonly width: number; readonly height: number; readonly classes: ArrayLike<number>; readonly background: number };

/** Side of a panel, in pixels of the drawing. */
const SIDE = 256;
const GAP = 12;
const TITLE = 26;

/** Draws rows of panels into a PNG; written whole or not at all. */
export async function drawPanels(rows: readonly (readonly Panel[])[], path: string): Promise<void> {
  const width = Math.max(...rows.map((r) => r.length)) * (SIDE + GAP) + GAP;
  const height = rows.length * (SIDE + TITLE + GAP) + GAP;
  const parts: OverlayOptions[] = [];
  for (const [y, row] of rows.entries())
    for (const [x, panel] of row.entries()) {
      const left = GAP + x * (SIDE + GAP);
      const top = GAP + y * (SIDE + TITLE + GAP);
      parts.push({ input: await title(panel.title), left, top }, { input: await body(panel), left, top: top + TITLE });
    }
  const png = await sharp({ create: { width, height, channels: 3, background: "#ffffff" } }).composite(parts).png({ compressionLevel: 9 }).toBuffer();
  await writeFileWhole(path, png);
}

const title = (text: string): Promise<Buffer> => drawnText(text, 10).resize({ width: SIDE, withoutEnlargement: true }).png().toBuffer();

function body(panel: Panel): Promise<Buffer> {
  switch (panel.kind) {
    case "picture": return enlarged(panel.picture);
    case "classes": return enlarged({ data: coloured(panel.classes, panel.background), width: panel.width, height: panel.height, channels: 3 });
    case "groups": return grouped(panel);
  }
}

function enlarged(p: Pixels): Promise<Buffer> {
  return sharp(p.data, { raw: { width: p.width, height: p.height, channels: p.channels } })
    .resize(SIDE, SIDE, { kernel: "nearest", fit: "fill" }).toColourspace("srgb").png().toBuffer();
}

function coloured(classes: ArrayLike<number>, background: number): Uint8Array {
  const out = new Uint8Array(classes.length * 3);
  for (let i = 0; i < classes.length; i++) out.set(classes[i] === background ? [24, 24, 28] : hue(classes[i] ?? 0, 0.62), i * 3);
  return out;
}

/** Colours that lie far apart for neighbouring numbers: the golden angle round the colour wheel. */
function hue(index: number, lightness: number): [number, number, number] {
  const h = (index * 137.508) % 360;
  const chroma = (1 - Math.abs(2 * lightness - 1)) * 0.75;
  const channel = (n: number): number => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (lightness - (chroma / 2) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** The picture under tinted groups, with a line wherever two patches belong to different ones. */
async function grouped({ picture, grid, groups }: Extract<Panel, { kind: "groups" }>): Promise<Buffer> {
  const under = await enlarged(picture);
  const cell = { w: SIDE / grid.w, h: SIDE / grid.h };
  const sizes = sizesOf(groups);
  const shapes: string[] = [];
  for (let y = 0; y < grid.h; y++)
    for (let x = 0; x < grid.w; x++) {
      const group = groups[y * grid.w + x] ?? -1;
      // A token that stayed alone keeps its look; what was dropped is blacked out.
      const fill = group < 0 ? "rgba(0,0,0,0.75)" : (sizes.get(group) ?? 1) > 1 ? `rgba(${hue(group, 0.55).join(",")},0.45)` : undefined;
      if (fill) shapes.push(`<rect x="${x * cell.w}" y="${y * cell.h}" width="${cell.w}" height="${cell.h}" fill="${fill}"/>`);
      if (x + 1 < grid.w && groups[y * grid.w + x + 1] !== group) shapes.push(line((x + 1) * cell.w, y * cell.h, (x + 1) * cell.w, (y + 1) * cell.h));
      if (y + 1 < grid.h && groups[(y + 1) * grid.w + x] !== group) shapes.push(line(x * cell.w, (y + 1) * cell.h, (x + 1) * cell.w, (y + 1) * cell.h));
    }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}">${shapes.join("")}</svg>`;
  return sharp(under).composite([{ input: Buffer.from(svg) }]).png().toBuffer();
}

const line = (x1: number, y1: number, x2: number, y2: number): string => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ffffff" stroke-opacity="0.85" stroke-width="1"/>`;
