// Reads the parts of an ONNX file that tests look at, down to the fields that onnx-proto does not know.

export interface ReadNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ReadModel {
  readonly nodes: readonly ReadNode[];
  /** `name: B,N,4`. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export function readModel(model: Uint8Array): ReadModel {
  const graph = fieldsOf(bytesOf(fieldsOf(model), 7)[0] as Uint8Array);
  return { nodes: bytesOf(graph, 1).map(readNode), inputs: bytesOf(graph, 11).map(readPort), outputs: bytesOf(graph, 12).map(readPort) };
}

type Field = readonly [number: number, value: Uint8Array | number];

function readNode(bytes: Uint8Array): ReadNode {
  const fields = fieldsOf(bytes);
  const texts = (number: number): string[] => bytesOf(fields, number).map(text);
  const entries = bytesOf(fields, 9).map((entry) => [1, 2].map((number) => text(bytesOf(fieldsOf(entry), number)[0] as Uint8Array)));
  return { name: texts(3)[0] ?? "", opType: texts(4)[0] ?? "", domain: texts(7)[0] ?? "", inputs: texts(1), outputs: texts(2), metadata: Object.fromEntries(entries) as Record<string, string> };
}

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
