// The picture of folded tokens: patches that went through the blocks as one token have one colour, what was dropped is dark.
import { gridOf, sizesOf, tally, tokenGroups } from "../../hosts/evaluation/token-groups.ts";

/** Pixels of the picture. */
export const SIDE = 28;
const SCALE = 10;

export function drawPicture(canvas: HTMLCanvasElement, pixels: Uint8Array, groups: readonly number[]): string {
  canvas.width = canvas.height = SIDE * SCALE;
  const context = canvas.getContext("2d");
  if (!context) return "";
  for (let y = 0; y < SIDE; y++) for (let x = 0; x < SIDE; x++) {
    const value = pixels[y * SIDE + x] ?? 0;
    context.fillStyle = `rgb(${value} ${value} ${value})`;
    context.fillRect(x * SCALE, y * SCALE, SCALE, SCALE);
  }
  const grid = gridOf(groups.length, { width: SIDE, height: SIDE });
  if (!grid) return "";
  const own = groups.slice(grid.lead);
  const sizes = sizesOf(own);
  const [w, h] = [canvas.width / grid.w, canvas.height / grid.h];
  const at = (x: number, y: number): number | undefined => (x < grid.w && y < grid.h ? own[y * grid.w + x] : undefined);
  context.lineWidth = 1.5;
  for (let y = 0; y < grid.h; y++) for (let x = 0; x < grid.w; x++) {
    const group = at(x, y) ?? -1;
    // A token that stayed alone keeps its look.
    if (group < 0) context.fillStyle = "rgb(0 0 0 / 75%)";
    else context.fillStyle = (sizes.get(group) ?? 1) > 1 ? `hsl(${(group * 137.508) % 360} 80% 55% / 50%)` : "transparent";
    context.fillRect(x * w, y * h, w, h);
    context.strokeStyle = "rgb(255 255 255 / 80%)";
    context.beginPath();
    if (x + 1 < grid.w && at(x + 1, y) !== group) { context.moveTo((x + 1) * w, y * h); context.lineTo((x + 1) * w, (y + 1) * h); }
    if (y + 1 < grid.h && at(x, y + 1) !== group) { context.moveTo(x * w, (y + 1) * h); context.lineTo((x + 1) * w, (y + 1) * h); }
    context.stroke();
  }
  return tally(tokenGroups(own));
}

/** Grey values of a picture of a digit. */
export async function pixelsOf(address: string): Promise<Uint8Array> {
  const image = await createImageBitmap(await (await fetch(address)).blob());
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws no pictures");
  context.drawImage(image, 0, 0, SIDE, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[i * 4] ?? 0);
}
