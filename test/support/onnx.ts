// Reads the parts of an ONNX file that tests look at, down to the fields that onnx-proto does not know.

export interface ReadNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly doc: string;
}

export interface ReadModel {
  readonly nodes: readonly ReadNode[];
  /** `name: B,N,4`. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** What model and graph say of themselves. */
  readonly said: { readonly producer: readonly string[]; readonly version: number; readonly doc: string; readonly metadata: Readonly<Record<string, string>>; readonly graphDoc: string; readonly graphMetadata: Readonly<Record<string, string>> };
}

export function readModel(model: Uint8Array): ReadModel {
  const head = fieldsOf(model);
  const graph = fieldsOf(bytesOf(head, 7)[0] as Uint8Array);
  const first = (fields: readonly Field[], number: number): string => bytesOf(fields, number).map(text)[0] ?? "";
  const said = {
    producer: [2, 3, 4].map((number) => first(head, number)), version: Number(head.find(([n]) => n === 5)?.[1] ?? 0), doc: first(head, 6), metadata: entriesOf(head, 14), graphDoc: first(graph, 10), graphMetadata: entriesOf(graph, 16),
  };
  return { said, nodes: bytesOf(graph, 1).map(readNode), inputs: bytesOf(graph, 11).map(readPort), outputs: bytesOf(graph, 12).map(readPort) };
}

type Field = readonly [number: number, value: Uint8Array | number];

function readNode(bytes: Uint8Array): ReadNode {
  const fields = fieldsOf(bytes);
  const texts = (number: number): string[] => bytesOf(fields, number).map(text);
  return { name: texts(3)[0] ?? "", opType: texts(4)[0] ?? "", domain: texts(7)[0] ?? "", inputs: texts(1), outputs: texts(2), metadata: entriesOf(fields, 9), doc: texts(6)[0] ?? "" };
}

const entriesOf = (fields: readonly Field[], number: number): Record<string, string> =>
  Object.fromEntries(bytesOf(fields, number).map((entry) => [1, 2].map((n) => text(bytesOf(fieldsOf(entry), n)[0] as Uint8Array))) as [string, string][]);

function readPort(bytes: Uint8Array): string {
  const inside = (from: Uint8Array, ...path: number[]): Uint8Array => path.reduce((at, number) => bytesOf(fieldsOf(at), number)[0] ?? new Uint8Array(), from);
  const dims = bytesOf(fieldsOf(inside(bytes, 2, 1, 2)), 1).map((dim) => {
    const [value] = fieldsOf(dim).map(([, v]) => v);
    return typeof value === "number" ? String(value) : text(value ?? new Uint8Array());
  });
  return `${text(inside(bytes, 1))}: ${dims.join(",")}`;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytesOf = (fields: readonly Field[], number: number): Uint8Array[] => fields.flatMap(([n, v]) => (n === number && typeof v !== "number" ? [v] : []));

function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key & 7;
    if (kind === 0) fields.push([key >>> 3, varint()]);
    else {
      const length = kind === 2 ? varint() : kind === 5 ? 4 : 8;
      fields.push([key >>> 3, bytes.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
}
