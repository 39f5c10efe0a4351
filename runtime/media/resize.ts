// Resizes pixels to the bit as Pillow does, the library that image models were trained with: separable filters that widen when they shrink
// (antialias), 22 bits of fraction, rounded to 8 bits between the two directions, columns first.
// libvips (sharp) takes other steps and other centres: on test/runtime/pictures it is off by 5 of 255 in the mean where it enlarges.
import type { Turn } from "../turn.ts";

export interface Picture {
  /** Row by row, channels together. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}
type Kernel = "nearest" | "bilinear" | "bicubic";

interface Filter {
  readonly support: number;
  readonly weight: (distance: number) => number;
}
const FILTERS: Readonly<Record<Exclude<Kernel, "nearest">, Filter>> = {
  bilinear: { support: 1, weight: (d) => Math.max(0, 1 - Math.abs(d)) },
  bicubic: { support: 2, weight: (d) => cubic(Math.abs(d)) },
};
/** Keys' cubic convolution with a = -0.5. */
const cubic = (d: number): number => (d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0);

const BITS = 22;

/** Which source positions one target position reads, and how much of each. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `stride` weights a target position, of which `count` are used; fixed point. */
  readonly weights: Int32Array;
  readonly stride: number;
}

export async function resize(picture: Picture, width: number, height: number, kernel: Kernel, turn: Turn): Promise<Picture> {
  if (kernel === "nearest") return nearest(picture, width, height);
  const filter = FILTERS[kernel];
  const opaque = picture.channels === 4 ? premultiplied(picture) : picture;
  const wide = width === picture.width ? opaque : await along(opaque, taps(picture.width, width, filter), width, turn);
  const both = height === picture.height ? wide : await across(wide, taps(picture.height, height, filter), height, turn);
  return picture.channels === 4 ? straight(both) : both;
}

function nearest({ data, width, height, channels }: Picture, toWidth: number, toHeight: number): Picture {
  const out = new Uint8Array(toWidth * toHeight * channels);
  for (let y = 0; y < toHeight; y++) {
    const row = Math.floor(((y + 0.5) * height) / toHeight) * width;
    for (let x = 0; x < toWidth; x++) {
      const from = (row + Math.floor(((x + 0.5) * width) / toWidth)) * channels;
      const to = (y * toWidth + x) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = data[from + c] ?? 0;
    }
  }
  return { data: out, width: toWidth, height: toHeight, channels };
}

function taps(from: number, to: number, { support, weight }: Filter): Taps {
  const scale = from / to;
  const spread = Math.max(scale, 1);
  const reach = support * spread;
  const stride = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * stride);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - start }, (_, k) => weight((k + start - centre + 0.5) / spread));
    const sum = raw.reduce((a, b) => a + b, 0);
    first[i] = start;
    count[i] = raw.length;
    for (const [k, w] of raw.entries()) weights[i * stride + k] = Math.trunc((w / sum) * 2 ** BITS + (w < 0 ? -0.5 : 0.5));
  }
  return { first, count, weights, stride };
}

const clamped = (sum: number): number => Math.min(255, Math.max(0, sum >> BITS));

/** Filters every row. */
async function along({ data, width, height, channels }: Picture, { first, count, weights, stride }: Taps, toWidth: number, turn: Turn): Promise<Picture> {
  const out = new Uint8Array(toWidth * height * channels);
  for (let y = 0; y < height; y++) {
    if (turn.over) await turn.pass();
    for (let x = 0; x < toWidth; x++) {
      const start = (y * width + (first[x] ?? 0)) * channels;
      const many = count[x] ?? 0;
      for (let c = 0; c < channels; c++) {
        let sum = 1 << (BITS - 1);
        for (let k = 0, at = start + c; k < many; k++, at += channels) sum += (data[at] ?? 0) * (weights[x * stride + k] ?? 0);
        out[(y * toWidth + x) * channels + c] = clamped(sum);
      }
    }
  }
  return { data: out, width: toWidth, height, channels };
}

/** Filters every column, a row at a time. */
async function across({ data, width, channels }: Picture, { first, count, weights, stride }: Taps, toHeight: number, turn: Turn): Promise<Picture> {
  const row = width * channels;
  const out = new Uint8Array(row * toHeight);
  for (let y = 0; y < toHeight; y++) {
    if (turn.over) await turn.pass();
    const start = (first[y] ?? 0) * row;
    const many = count[y] ?? 0;
    for (let i = 0; i < row; i++) {
      let sum = 1 << (BITS - 1);
      for (let k = 0, at = start + i; k < many; k++, at += row) sum += (data[at] ?? 0) * (weights[y * stride + k] ?? 0);
      out[y * row + i] = clamped(sum);
    }
  }
  return { data: out, width, height: toHeight, channels };
}

/** Colours times alpha, so that invisible ones do not bleed in. */
function premultiplied(picture: Picture): Picture {
  const data = Uint8Array.from(picture.data);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3] ?? 0;
    for (let c = i; c < i + 3; c++) {
      const value = (data[c] ?? 0) * alpha + 128;
      data[c] = ((value >> 8) + value) >> 8;
    }
  }
  return { ...picture, data };
}

function straight(picture: Picture): Picture {
  const { data } = picture;
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3] ?? 0;
    if (alpha === 0 || alpha === 255) continue;
    for (let c = i; c < i + 3; c++) data[c] = Math.min(255, Math.trunc((255 * (data[c] ?? 0)) / alpha));
  }
  return picture;
}

/** Pillow's `L` of RGB: 299, 587 and 114 thousandths in 16 bits of fraction. */
export function grey({ data, width, height, channels }: Picture): Picture {
  const out = new Uint8Array(width * height);
  for (let i = 0, from = 0; i < out.length; i++, from += channels) {
    out[i] = ((data[from] ?? 0) * 19595 + (data[from + 1] ?? 0) * 38470 + (data[from + 2] ?? 0) * 7471 + 32768) >> 16;
  }
  return { data: out, width, height, channels: 1 };
}
