// The photos: the centre square of each, resized and normalised as the model wants it.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { Pixels } from "../../hosts/picture.ts";

const FOLDER = fileURLToPath(new URL("../.models/photos", import.meta.url));

export interface Photo {
  readonly name: string;
  /** Its plain map has something to find: it deviates by 0.1 and more at both sizes. Correlations of flat maps are noise. */
  readonly isStructured: boolean;
  readonly file: string;
}

const STRUCTURED = ["astronaut.png", "camera.png", "cell.png", "chelsea.png", "china.jpg", "clock_motion.png", "coffee.png", "coins.png", "flower.jpg", "ihc.png", "motorcycle_left.png", "motorcycle_right.png", "retina.jpg", "rocket.jpg"];
const FLAT = ["brick.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "microaneurysms.png", "moon.png", "page.png", "text.png"];

/** The photos of scikit-image and scikit-learn; drawings and chessboards among their pictures are left out. */
export const PHOTOS: readonly Photo[] = [...STRUCTURED, ...FLAT].map((file) => ({ name: file.replace(/\.\w+$/, ""), isStructured: STRUCTURED.includes(file), file: join(FOLDER, file) }));

/** `side` pixels high and wide, three channels. */
export async function squareOf({ file }: Photo, side: number): Promise<Pixels> {
  const { width, height } = await sharp(file).metadata();
  const least = Math.min(width, height);
  const { data, info } = await sharp(file)
    .removeAlpha().toColourspace("srgb")
    .extract({ left: Math.floor((width - least) / 2), top: Math.floor((height - least) / 2), width: least, height: least })
    .resize(side, side, { kernel: "cubic", fit: "fill", fastShrinkOnLoad: false })
    .raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${file} has ${info.channels} channels`);
  return { data, width: side, height: side, channels: 3 };
}

const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/** f32[3, side, side], as models trained on ImageNet take it. */
export function normalised({ data, width, height }: Pixels): Float32Array {
  const out = new Float32Array(3 * width * height);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) out[c * width * height + i] = ((data[i * 3 + c] as number) / 255 - (MEAN[c] as number)) / (DEVIATION[c] as number);
  return out;
}

/** A square map on another side: between the centres of its pixels, as the model's own head does it. */
export function stretched(map: Float32Array, from: number, to: number): Float32Array {
  const places = Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(at);
    return { low, high: Math.min(low + 1, from - 1), part: at - low };
  });
  const out = new Float32Array(to * to);
  for (const [y, row] of places.entries())
    for (const [x, column] of places.entries()) {
      const at = (r: number, c: number): number => map[r * from + c] as number;
      const [above, below] = [row.low, row.high].map((r) => at(r, column.low) * (1 - column.part) + at(r, column.high) * column.part);
      out[y * to + x] = (above as number) * (1 - row.part) + (below as number) * row.part;
    }
  return out;
}
