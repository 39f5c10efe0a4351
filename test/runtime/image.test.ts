/** Pictures: decoding, channels and sizes are Pillow's to the bit; hostile and broken ones are refused by name. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test, { type ExecutionContext } from "ava";
import sharp from "sharp";
import { type FaultCode, RuntimeError } from "../../runtime/errors.ts";
import { type ImageInput, ImageStep } from "../../runtime/media/image.ts";
import { expectedOf, readSafetensors } from "../support/golden.ts";
import { inProject, temporary } from "./support.ts";

const picture = (name: string): string => inProject(`test/runtime/pictures/${name}`);
const expected = readSafetensors(picture("expected.safetensors"));

interface Wanted { readonly channels: 1 | 3 | 4; readonly width: number; readonly height: number; readonly resize: "none" | "nearest" | "bilinear" | "bicubic" }

/** Pixels [height, width, channels], as Pillow has them. */
async function pixels(value: unknown, wanted: Wanted, signal?: AbortSignal): Promise<number[]> {
  const step = new ImageStep({ kind: "image", input: "photo", tensor: "photo", ...wanted });
  step.check({ value, at: "" });
  const data = (await step.prepare([{ value, at: "" }], signal)).batch([0]).tensors.get("photo")?.data ?? new Uint8Array();
  const size = wanted.width * wanted.height;
  return Array.from({ length: size * wanted.channels }, (_, i) => Number(data[(i % wanted.channels) * size + Math.floor(i / wanted.channels)]));
}

async function refused(t: ExecutionContext, code: FaultCode, value: ImageInput, wanted: Partial<Wanted> = {}): Promise<string> {
  const error = await t.throwsAsync(pixels(value, { channels: 3, width: 4, height: 4, resize: "bilinear", ...wanted }), { instanceOf: RuntimeError });
  t.is(error?.code, code);
  t.regex(error?.message ?? "", /`photo`/);
  return error?.message ?? "";
}

for (const file of ["rgb.png", "rgb.jpg", "grey.png", "palette.png", "rgba.png"]) {
  test(`${file} decodes as Pillow decodes it, in colours and in grey`, async (t) => {
    for (const [mode, channels] of [["rgb", 3], ["l", 1]] as const) {
      const wanted = expectedOf(expected, `${file} ${mode}`);
      const [height = 0, width = 0] = wanted.dims;
      t.deepEqual(await pixels(picture(file), { channels, width, height, resize: "none" }), Array.from(wanted.data, Number));
    }
  });
}

test("alpha is kept where it is asked for", async (t) => {
  t.deepEqual(await pixels(picture("rgba.png"), { channels: 4, width: 53, height: 37, resize: "none" }), Array.from(expectedOf(expected, "rgba.png rgba").data, Number));
  const opaque = await pixels(picture("grey.png"), { channels: 4, width: 53, height: 37, resize: "none" });
  t.true(opaque.every((v, i) => i % 4 !== 3 || v === 255));
});

for (const resize of ["nearest", "bilinear", "bicubic"] as const) {
  test(`${resize} makes pictures smaller and larger as Pillow does`, async (t) => {
    for (const [width, height] of [[20, 16], [40, 40], [70, 60]] as const) {
      t.deepEqual(await pixels(picture("rgb.png"), { channels: 3, width, height, resize }), Array.from(expectedOf(expected, `${resize} ${width}x${height}`).data, Number), `${width}×${height}`);
    }
    t.deepEqual(await pixels(picture("rgba.png"), { channels: 4, width: 40, height: 30, resize }), Array.from(expectedOf(expected, `${resize} rgba 40x30`).data, Number));
    t.deepEqual(await pixels(picture("rgb.png"), { channels: 1, width: 40, height: 30, resize }), Array.from(expectedOf(expected, `${resize} l 40x30`).data, Number));
  });
}

test("a photo that lies on its side is turned upright", async (t) => {
  const wanted = expectedOf(expected, "turned.jpg upright");
  t.deepEqual(wanted.dims, [53, 37, 3]);
  t.deepEqual(await pixels(picture("turned.jpg"), { channels: 3, width: 37, height: 53, resize: "none" }), Array.from(wanted.data, Number));
});

test("a path, a URL, bytes and pixels are the same picture", async (t) => {
  const wanted: Wanted = { channels: 3, width: 20, height: 16, resize: "bicubic" };
  const file = readFileSync(picture("rgb.png"));
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  const first = await pixels(picture("rgb.png"), wanted);
  for (const other of [pathToFileURL(picture("rgb.png")), pathToFileURL(picture("rgb.png")).href, new Uint8Array(file), { data, width: info.width, height: info.height, channels: 3 as const }]) t.deepEqual(await pixels(other, wanted), first);
});

test("broken files are refused, and say what is wrong", async (t) => {
  const whole = readFileSync(picture("rgb.jpg"));
  await refused(t, "R740", whole.subarray(0, whole.length >> 1));
  await refused(t, "R740", readFileSync(picture("rgb.png")).subarray(0, 4000));
  await refused(t, "R740", new Uint8Array());
  await refused(t, "R740", new TextEncoder().encode("not a picture at all"));
  t.regex(await refused(t, "R740", new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')), /SVG/);
});

test("a small file that claims a huge picture is refused before it is decoded", async (t) => {
  const png = readFileSync(picture("rgb.png"));
  const lying = Buffer.from(png);
  lying.writeUInt32BE(60000, 16);
  lying.writeUInt32BE(60000, 20);
  // The checksum of the header must fit, or no decoder looks at the size.
  lying.writeUInt32BE(crc(lying.subarray(12, 29)), 29);
  const before = process.memoryUsage().rss;
  t.regex(await refused(t, "R741", lying), /60000×60000/);
  t.true(process.memoryUsage().rss - before < 200e6);
  await refused(t, "R741", { data: new Uint8Array(3), width: 1e6, height: 1e6, channels: 3 });
});

function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let k = 0; k < 8; k++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

test("what is no picture, or not of the size, is refused", async (t) => {
  t.regex(await refused(t, "R742", picture("rgb.png"), { resize: "none" }), /53×37.*4×4/);
  t.regex(await refused(t, "R743", join(temporary(), "none.png")), /does not exist/);
  t.regex(await refused(t, "R743", temporary()), /not a file/);
  t.regex(await refused(t, "R743", "https://example.org/a.png"), /URL of https/);
  t.regex(await refused(t, "R734", { data: new Uint8Array(5), width: 2, height: 2, channels: 1 }), /5 values/);
  await refused(t, "R734", { data: new Uint8Array(), width: NaN, height: 2, channels: 1 });
  for (const value of [7, null, {}, [1], { data: [1], width: 1, height: 1, channels: 1 }, { data: new Uint8Array(2), width: 1, height: 1, channels: 2 }]) await refused(t, "R733", value as unknown as ImageInput);
});

test("a large picture leaves the program its turn, and is given up when nobody waits", async (t) => {
  const large = { data: new Uint8Array(6000 * 4000 * 3).fill(100), width: 6000, height: 4000, channels: 3 as const };
  let ticks = 0;
  const clock = setInterval(() => { ticks++; }, 1);
  const small = await pixels(large, { channels: 3, width: 32, height: 32, resize: "bilinear" });
  clearInterval(clock);
  t.true(small.every((v) => v === 100));
  t.true(ticks >= 5, `a timer ticked ${ticks} times`);
  const controller = new AbortController();
  const run = pixels(large, { channels: 3, width: 32, height: 32, resize: "bilinear" }, controller.signal);
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await t.throwsAsync(run, { message: "enough" });
});

test("a picture that changes on disk is read anew", async (t) => {
  const file = join(temporary(), "changing.png");
  const wanted: Wanted = { channels: 1, width: 2, height: 2, resize: "none" };
  for (const value of [10, 200]) {
    writeFileSync(file, await sharp(Buffer.alloc(4, value), { raw: { width: 2, height: 2, channels: 1 } }).png().toBuffer());
    t.deepEqual(await pixels(file, wanted), [value, value, value, value]);
  }
});
