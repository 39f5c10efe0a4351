// Values of all records in one tensor, records first: what a model gives for a data set, and what the data holds as the truth.
import { setImmediate } from "node:timers/promises";
import sharp from "sharp";
import { literal } from "../../compiler/graph/build.ts";
import type { Value } from "../../compiler/host.ts";
import { bytesOf, type Tensor } from "../../runtime/tensor.ts";
import type { DataSet, Field, Pixels } from "./data.ts";
import { NoMeasure } from "./measure.ts";
import type { Model, Sample } from "./model.ts";

interface Watch {
  readonly signal?: AbortSignal;
  readonly onRecord?: (done: number, total: number) => void;
}

export const sampleOf = (data: DataSet, inputs: readonly string[], record: number): Sample => Object.fromEntries(inputs.flatMap((name) => (data.fields.has(name) ? [[name, data.fields.get(name)?.at(record) as Sample[string]]] : [])));

/** Outputs of the model for every record, by name. */
export async function outputColumns(model: Model, data: DataSet, { signal, onRecord }: Watch = {}): Promise<ReadonlyMap<string, Value>> {
  const names = model.manifest.inputs.map((i) => i.name);
  const columns = new Map<string, Tensor[]>();
  for (let record = 0; record < data.records; record++) {
    signal?.throwIfAborted();
    const outputs = await model.run(sampleOf(data, names, record));
    for (const [name, tensor] of Object.entries(outputs)) push(columns, name, tensor);
    onRecord?.(record + 1, data.records);
    // A run blocks this thread; between two, signals and progress bars get their turn.
    await setImmediate();
  }
  return new Map([...columns].map(([name, rows]) => [name, joined(name, rows)]));
}

function push(columns: Map<string, Tensor[]>, name: string, tensor: Tensor): void {
  const rows = columns.get(name);
  if (rows) rows.push(tensor);
  else columns.set(name, [tensor]);
}

/** Tensors with a batch axis of 1 as one. */
function joined(name: string, rows: readonly Tensor[]): Value {
  const [first] = rows;
  if (!first) throw new NoMeasure(`there are no values of ${name}`);
  const other = rows.findIndex((r) => r.dims.join() !== first.dims.join());
  if (other >= 0) throw new NoMeasure(`${name} of record ${other} has the shape [${rows[other]?.dims.slice(1).join(", ")}], and that of the first one [${first.dims.slice(1).join(", ")}]: measures take records of one size`);
  return { dtype: first.dtype, dims: [rows.length, ...first.dims.slice(1)], bytes: Buffer.concat(rows.map(bytesOf)) };
}

/** The data's field as a tensor: Int i64[B], Float f32[B], a picture i64[B, H, W] of its class indices. */
export async function truthColumn(data: DataSet, name: string): Promise<Value> {
  const field = data.fields.get(name);
  if (!field) throw new NoMeasure(`the data ${data.name} has no field ${name}; it has ${[...data.fields.keys()].join(", ")}`);
  const values = Array.from({ length: data.records }, (_, i) => field.at(i));
  switch (field.type.kind) {
    case "int": return { dtype: "i64", dims: [data.records], bytes: literal("i64", values.map(Number)).bytes };
    case "float": return { dtype: "f32", dims: [data.records], bytes: literal("f32", values.map(Number)).bytes };
    case "bool": return { dtype: "bool", dims: [data.records], bytes: Uint8Array.from(values, (v) => (v ? 1 : 0)) };
    case "tensor": return joined(name, (values as Tensor[]).map((t) => ({ ...t, dims: [1, ...t.dims] })));
    case "image": return indexColumn(field, data.records);
    default: throw new NoMeasure(`${name} of the data ${data.name} is ${field.type.kind}, which no measure compares`);
  }
}

/** A label picture: grey values are class indices, and nothing may touch them. */
async function indexColumn(field: Field, records: number): Promise<Value> {
  let [width, height] = [0, 0];
  const rows: Uint8Array[] = [];
  for (let i = 0; i < records; i++) {
    const picture = await indices(field.at(i) as string | Pixels, `${field.name} of record ${i}`);
    if (i === 0) ({ width, height } = picture);
    else if (picture.width !== width || picture.height !== height) throw new NoMeasure(`${field.name} of record ${i} is ${picture.width}×${picture.height}, and that of the first one ${width}×${height}`);
    rows.push(picture.data);
  }
  return { dtype: "i64", dims: [records, height, width], bytes: literal("i64", Buffer.concat(rows)).bytes };
}

async function indices(picture: string | Pixels, what: string): Promise<Pixels> {
  if (typeof picture !== "string") {
    if (picture.channels !== 1) throw new NoMeasure(`${what} has ${picture.channels} channels, and class indices are grey values`);
    return picture;
  }
  try {
    const { channels = 0, isPalette } = await sharp(picture).metadata();
    if (channels !== 1 || isPalette) throw new NoMeasure(`${what} is ${isPalette ? "a picture with a palette" : `a picture of ${channels} channels`}, and class indices are 8-bit grey values (${picture})`);
    const { data, info } = await sharp(picture, { failOn: "error" }).extractChannel(0).raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: 1 };
  } catch (error) {
    if (error instanceof NoMeasure) throw error;
    throw new NoMeasure(`${what} cannot be decoded: ${(error as Error).message} (${picture})`);
  }
}
