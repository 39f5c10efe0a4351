// Pictures become pixels: decoded and turned upright by sharp off the JavaScript thread, then channels and size as Pillow would have them.
//
// Against Pillow, which test/runtime/image.test.ts holds to the bit:
// - Values are as stored: no colour profile is applied, alpha is dropped and not blended.
// - Grey from colours is Pillow's `L`, taken before resizing; grey becomes colours by repeating it.
// - `bilinear` and `bicubic` filter when they shrink (antialias), as Pillow's do and those of OpenCV and an ONNX Resize by default do not.
// - A JPEG's EXIF orientation is applied, as viewers and Hugging Face's `load_image` do and `PIL.Image.open` alone does not.
// - Pictures of 16 bits are cut to 8 (Pillow has no agreed way for these); of an animation, the first frame counts.
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { ImageStep as Order } from "../artifact.d.ts";
import { reasonOf, refuse } from "../errors.ts";
import type { Given, HostStep, Prepared } from "../host-step.ts";
import { stack, type Tensor } from "../tensor.ts";
import { Turn } from "../turn.ts";
import { grey, type Picture, resize } from "./resize.ts";

/** Pixels as they are, row by row, channels together: grey, RGB or RGBA. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}
/** A path or file URL, the bytes of a picture's file, or pixels. */
export type ImageInput = string | URL | Uint8Array | Pixels;

/** A small file can claim any size: more pixels than this are not decoded (300 MB as RGB). */
const MOST_PIXELS = 100_000_000;
/** Bytes of a picture's file. */
const MOST_BYTES = 512 * 2 ** 20;
/** Decoders that are fed to; others (SVG, PDF) have no size of their own, or run programs. */
const FORMATS: readonly string[] = ["png", "jpeg", "webp", "gif", "tiff", "heif", "avif"];

export class ImageStep implements HostStep {
  readonly input: string;
  readonly #order: Order;

  constructor(order: Order) {
    this.#order = order;
    this.input = order.input;
  }

  check({ value, at }: Given): void {
    if (typeof value === "string" || value instanceof URL || value instanceof Uint8Array || isPixels(value)) return;
    const found = describe(value);
    throw refuse("R733", { name: this.input, found, wanted: "a picture", at, hint: "Give a path, a file URL, the bytes of a file, or { data: Uint8Array, width, height, channels: 1, 3 or 4 }." });
  }

  async prepare(batch: readonly Given[], signal: AbortSignal | undefined): Promise<Prepared> {
    const pictures: Tensor[] = [];
    const turn = new Turn(signal);
    for (const given of batch) {
      signal?.throwIfAborted();
      pictures.push(planes(await this.#pixels(given, turn), this.#order.channels));
    }
    const name = this.#order.tensor;
    return { lengths: undefined, batch: (records) => ({ tensors: new Map([[name, stack(name, "u8", records.flatMap((i) => pictures[i] ?? []))]]), sizes: new Map() }) };
  }

  async #pixels({ value, at }: Given, turn: Turn): Promise<Picture> {
    const { height, width, resize: kernel } = this.#order;
    const name = this.input;
    const decoded = isPixels(value) ? given(value, name, at) : await decode(await bytes(value as string | URL | Uint8Array, name, at), name, at);
    if (kernel === "none" && (decoded.width !== width || decoded.height !== height)) throw refuse("R742", { name, found: `${decoded.width}×${decoded.height}`, wanted: `${width}×${height}`, at });
    const picture = await this.#channels(decoded);
    if (turn.over) await turn.pass();
    return kernel === "none" || (picture.width === width && picture.height === height) ? picture : resize(picture, width, height, kernel, turn);
  }

  /** Alpha goes, or comes, before resizing; so does grey. */
  async #channels(picture: Picture): Promise<Picture> {
    const { channels } = this.#order;
    const wanted = channels === 4 ? 4 : picture.channels >= 3 ? 3 : 1;
    let changed = picture;
    if (picture.channels !== wanted) {
      const pixels = sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: picture.channels as 1 | 2 | 3 | 4 }, limitInputPixels: MOST_PIXELS });
      const { data, info } = await (wanted === 4 ? pixels.toColourspace("srgb").ensureAlpha() : pixels.removeAlpha()).raw().toBuffer({ resolveWithObject: true });
      changed = { data, width: picture.width, height: picture.height, channels: info.channels };
    }
    return channels === 1 && changed.channels === 3 ? grey(changed) : changed;
  }
}

async function decode(file: Uint8Array, name: string, at: string): Promise<Picture> {
  try {
    const picture = sharp(file, { limitInputPixels: false, failOn: "error", ignoreIcc: true, pages: 1 });
    const { format, width = 0, height = 0 } = await picture.metadata();
    if (!FORMATS.includes(format ?? "")) throw refuse("R740", { name, why: `it is ${format?.toUpperCase() ?? "of an unknown format"}, which is not taken`, at });
    limit(width, height, name, at);
    const { data, info } = await picture.autoOrient().toColourspace("srgb").raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    if (error instanceof Error && error.name === "RuntimeError") throw error;
    throw refuse("R740", { name, why: reasonOf(error), at }, error);
  }
}

function limit(width: number, height: number, name: string, at: string): void {
  if (width * height > MOST_PIXELS) throw refuse("R741", { name, found: `${width}×${height} pixels`, most: `${MOST_PIXELS} pixels`, at });
}

/** Pixels that a program made itself. */
function given({ data, width, height, channels }: Pixels, name: string, at: string): Picture {
  const whole = Number.isSafeInteger(width) && Number.isSafeInteger(height) && width > 0 && height > 0;
  if (!whole) throw refuse("R734", { name, found: `${width}×${height}`, wanted: "a width and a height of at least 1", why: "", at });
  limit(width, height, name, at);
  const wanted = width * height * channels;
  if (data.length !== wanted) throw refuse("R734", { name, found: `${data.length} values`, wanted: `${width}×${height}×${channels} = ${wanted}`, why: "", at });
  return { data, width, height, channels };
}

/** The bytes of a picture's file. They are read here, not by libvips, which would remember files by their paths. */
async function bytes(source: string | URL | Uint8Array, name: string, at: string): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  const url = source instanceof URL ? source : /^[a-z][a-z0-9+.-]+:\/\//i.test(source) ? new URL(source) : undefined;
  const path = url?.protocol === "file:" ? fileURLToPath(url) : String(source);
  const unreadable = (why: string, cause?: unknown): Error => refuse("R743", { name, path, why, at }, cause);
  if (url && url.protocol !== "file:") throw unreadable(`it is a URL of ${url.protocol.slice(0, -1)}`);
  try {
    const file = await open(path, "r");
    try {
      const facts = await file.stat();
      if (!facts.isFile()) throw unreadable("it is not a file");
      if (facts.size > MOST_BYTES) throw refuse("R741", { name, found: `${facts.size} bytes`, most: `${MOST_BYTES} bytes`, at });
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && error.name === "RuntimeError") throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw unreadable(code === "ENOENT" ? "it does not exist" : code === "EACCES" ? "I may not read it" : reasonOf(error), error);
  }
}

function isPixels(value: unknown): value is Pixels {
  if (typeof value !== "object" || value === null || !("data" in value && "width" in value && "height" in value && "channels" in value)) return false;
  return value.data instanceof Uint8Array && typeof value.width === "number" && typeof value.height === "number" && [1, 3, 4].includes(value.channels as number);
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null && "channels" in value) return "pixels whose data is no Uint8Array, or whose channels are not 1, 3 or 4";
  return value === null ? "null" : Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : typeof value === "number" ? "a number" : `a ${typeof value}`;
}

/** [height, width, channels] to [wanted, height, width]; grey is repeated for colours. */
function planes({ data, width, height, channels }: Picture, wanted: number): Tensor {
  const size = width * height;
  const out = new Uint8Array(size * wanted);
  for (let c = 0; c < wanted; c++) {
    const from = Math.min(c, channels - 1);
    for (let i = 0; i < size; i++) out[c * size + i] = data[i * channels + from] ?? 0;
  }
  return { dtype: "u8", dims: [wanted, height, width], data: out };
}
