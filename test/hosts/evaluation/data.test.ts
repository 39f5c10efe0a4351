// Data sets: JSON lists and safetensors files as `run` takes their records, label pictures as class indices, and files that are none.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import sharp, { type Sharp } from "sharp";
import { literal } from "../../../compiler/graph/build.ts";
import { openProgram } from "../../../compiler/program.ts";
import { truthColumn } from "../../../hosts/evaluation/columns.ts";
import { type DataSet, openData, type Pixels } from "../../../hosts/evaluation/data.ts";
import { NoMeasure } from "../../../hosts/evaluation/measure.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { numbers } from "../../support/evaluate.ts";
import { type StoredTensor, temporaryFolder, writeSafetensors } from "../../support/safetensors-file.ts";

const tensor = (dtype: StoredTensor["dtype"], shape: readonly number[], values: ArrayLike<number>): StoredTensor => ({ dtype, shape, bytes: literal(dtype, values).bytes });
const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const rising = (shape: readonly number[]): number[] => Array.from({ length: count(shape) }, (_, i) => i);

async function opened(root: string, declaration: string): Promise<{ readonly value: DataSet | undefined; readonly says: string }> {
  const host = new NodeHost({ root });
  const program = openProgram(host, "main.kiri", `data d: ${declaration}`);
  const [data] = program.value?.data ?? [];
  if (!data) throw new Error(JSON.stringify(program.problems));
  const { value, problems } = await openData(host, data);
  return { value, says: problems.map((p) => `${p.code} ${p.says}`).join("\n") };
}

async function stored(tensors: Readonly<Record<string, StoredTensor>>, fields: string): ReturnType<typeof opened> {
  const root = temporaryFolder();
  writeSafetensors(join(root, "d.safetensors"), tensors);
  return opened(root, `(${fields}) = "d.safetensors"`);
}

test("a safetensors file has one tensor a field, records first", async (t) => {
  const { value, says } = await stored(
    { label: tensor("i64", [2], [7, 9]), weight: tensor("f32", [2], [0.5, -1]), sure: tensor("bool", [2], [1, 0]), x: tensor("f32", [2, 3], rising([2, 3])) },
    "label: Int, weight: Float, sure: Bool, x: f32[C = 3]",
  );
  t.is(says, "");
  t.is(value?.records, 2);
  t.regex(value?.sha256 ?? "", /^[0-9a-f]{64}$/);
  const at = (name: string, i: number): unknown => value?.fields.get(name)?.at(i);
  t.deepEqual([at("label", 1), at("weight", 1), at("sure", 0), at("sure", 1)], [9, -1, true, false]);
  t.deepEqual(at("x", 1), { dtype: "f32", dims: [3], data: Float32Array.of(3, 4, 5) });
  t.deepEqual(numbers(await truthColumn(value as DataSet, "x")), rising([2, 3]));
  t.deepEqual((await truthColumn(value as DataSet, "label")).dims, [2]);
});

test("pictures in a safetensors file are channels in front, and pixels come together", async (t) => {
  const { value } = await stored({ picture: tensor("u8", [1, 3, 2, 2], rising([1, 3, 2, 2])) }, "picture: image");
  t.deepEqual(value?.fields.get("picture")?.at(0), { data: Uint8Array.of(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11), width: 2, height: 2, channels: 3 });
  const grey = await stored({ picture: tensor("u8", [2, 1, 2], rising([2, 1, 2])) }, "picture: image");
  t.deepEqual({ ...(grey.value?.fields.get("picture")?.at(1) as Pixels) }, { data: new Uint8Array([2, 3]), width: 2, height: 1, channels: 1 });
});

for (const [what, tensors, fields, says] of [
  ["no such tensor", { a: tensor("i64", [2], [1, 2]) }, "b: Int", "it holds no tensor b; it has a"],
  ["different counts", { a: tensor("i64", [2], [1, 2]), b: tensor("i64", [3], [1, 2, 3]) }, "a: Int, b: Int", "a has 2 records, and b has 3"],
  ["a list for a number", { a: tensor("i64", [2, 2], [1, 2, 3, 4]) }, "a: Int", "the tensor a is i64[2, 2], and one whole number a record is wanted"],
  ["floats for integers", { a: tensor("f32", [2], [1, 2]) }, "a: Int", "the tensor a is f32[2], and one whole number a record is wanted"],
  ["another element type", { a: tensor("f64", [2, 1], [1, 2]) }, "a: f32[C]", "the tensor a is f64[2, 1], and f32 is wanted"],
  ["two channels", { a: tensor("u8", [1, 2, 2, 2], rising([8])) }, "a: image", "the tensor a is u8[1, 2, 2, 2], and u8[records, channels, height, width] is wanted"],
  ["texts", { a: tensor("u8", [2, 3], rising([6])) }, "a: text", "the tensor a is u8[2, 3], and a JSON file: a tensor holds no texts and sounds is wanted"],
] as const)
  test(`G606: ${what} in a safetensors file`, async (t) => {
    t.is((await stored(tensors as Readonly<Record<string, StoredTensor>>, fields)).says, `G606 d.safetensors: ${says}.`);
  });

test("G606: a file that is cut short", async (t) => {
  const root = temporaryFolder();
  writeFileSync(join(root, "d.safetensors"), new Uint8Array(5));
  t.regex((await opened(root, `(a: Int) = "d.safetensors"`)).says, /^G606 d\.safetensors: I cannot use d\.safetensors: /);
});

test("a JSON list may stand in lines; paths of pictures are relative to it", async (t) => {
  const root = temporaryFolder();
  mkdirSync(join(root, "data"));
  writeFileSync(join(root, "data/a.png"), "");
  writeFileSync(join(root, "data/d.jsonl"), `{"picture":"a.png","says":"one"}\n\n{"picture":"a.png","says":"two"}\n`);
  const { value, says } = await opened(root, `(picture: image, says: text) = "data/d.jsonl"`);
  t.is(says, "");
  t.is(value?.fields.get("picture")?.at(1), join(root, "data/a.png"));
  t.is(value?.fields.get("says")?.at(1), "two");
  await t.throwsAsync(truthColumn(value as DataSet, "says"), { instanceOf: NoMeasure, message: /which no measure compares/ });
  writeFileSync(join(root, "data/d.json"), `[{"picture":"../../a.png"}]`);
  t.regex((await opened(root, `(picture: image) = "data/d.json"`)).says, /picture of record 0: "\.\.\/\.\.\/a\.png" leads out of the project/);
  writeFileSync(join(root, "data/d.json"), `[{"picture":"b.png"}]`);
  t.regex((await opened(root, `(picture: image) = "data/d.json"`)).says, /picture of record 0: there is no file "b\.png"/);
});

async function labels(pictures: readonly Sharp[]): Promise<DataSet> {
  const root = temporaryFolder();
  for (const [i, picture] of pictures.entries()) await picture.png({ palette: false }).toFile(join(root, `${i}.png`));
  writeFileSync(join(root, "d.json"), JSON.stringify(pictures.map((_, i) => ({ label: `${i}.png` }))));
  const { value, says } = await opened(root, `(label: image) = "d.json"`);
  if (!value) throw new Error(says);
  return value;
}
const grey = (width: number, height: number, values: readonly number[]): Sharp => sharp(Uint8Array.from(values), { raw: { width, height, channels: 1 } }).toColourspace("b-w");

test("the digest of a list covers the pictures that it names", async (t) => {
  const root = temporaryFolder();
  writeFileSync(join(root, "a.png"), "one");
  writeFileSync(join(root, "d.json"), `[{"picture":"a.png"}]`);
  const before = await opened(root, `(picture: image) = "d.json"`);
  t.is((await opened(root, `(picture: image) = "d.json"`)).value?.sha256, before.value?.sha256);
  writeFileSync(join(root, "a.png"), "two");
  t.not((await opened(root, `(picture: image) = "d.json"`)).value?.sha256, before.value?.sha256);
});

test("a label picture is its grey values, untouched", async (t) => {
  const column = await truthColumn(await labels([grey(2, 1, [0, 10]), grey(2, 1, [255, 3])]), "label");
  t.is(column.dtype, "i64");
  t.deepEqual(column.dims, [2, 1, 2]);
  t.deepEqual(numbers(column), [0, 10, 255, 3]);
});

test("label pictures in colour, or of different sizes, are refused", async (t) => {
  const colour = sharp({ create: { width: 2, height: 1, channels: 3, background: "#102030" } });
  await t.throwsAsync(truthColumn(await labels([colour]), "label"), { instanceOf: NoMeasure, message: /label of record 0 is a picture of 3 channels, and class indices are 8-bit grey values/ });
  await t.throwsAsync(truthColumn(await labels([grey(2, 1, [0, 1]), grey(1, 1, [0])]), "label"), { instanceOf: NoMeasure, message: /label of record 1 is 1×1, and that of the first one 2×1/ });
});
