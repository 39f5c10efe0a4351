// Matrices over two grids of cells that are known once the grids are: window masks and adaptive pooling.

export type Grid = readonly [height: number, width: number];

/** 0 where a cell's home on the other grid lies within floor(window/2) of the target in both directions, else -1e30. */
export function windowMask(from: Grid, to: Grid, window: number): Float32Array {
  const [fh, fw] = from;
  const [th, tw] = to;
  const reach = Math.floor(window / 2);
  const out = new Float32Array(fh * fw * th * tw).fill(-1e30);
  for (let y = 0; y < fh; y++)
    for (let x = 0; x < fw; x++) {
      const [hy, hx] = [Math.floor((y * th) / fh), Math.floor((x * tw) / fw)];
      const row = (y * fw + x) * th * tw;
      for (let cy = Math.max(0, hy - reach); cy <= Math.min(th - 1, hy + reach); cy++)
        for (let cx = Math.max(0, hx - reach); cx <= Math.min(tw - 1, hx + reach); cx++) out[row + cy * tw + cx] = 0;
    }
  return out;
}

/** Adaptive average pooling: cell i of n averages rows floor(i·H/n) to ceil((i+1)·H/n) - 1 of H. */
export function poolMatrix(from: Grid, to: Grid): Float32Array {
  const [fh, fw] = from;
  const [th, tw] = to;
  const out = new Float32Array(th * tw * fh * fw);
  for (let i = 0; i < th; i++)
    for (let j = 0; j < tw; j++) {
      const [top, bottom] = band(i, th, fh);
      const [left, right] = band(j, tw, fw);
      const share = 1 / ((bottom - top) * (right - left));
      for (let y = top; y < bottom; y++) out.fill(share, (i * tw + j) * fh * fw + y * fw + left, (i * tw + j) * fh * fw + y * fw + right);
    }
  return out;
}

const band = (i: number, cells: number, size: number): [number, number] => [Math.floor((i * size) / cells), Math.ceil(((i + 1) * size) / cells)];
