// Reads names and origins of the nodes of an ONNX file: the few fields of its protobuf that profiles need, weights being skipped.
import { readFile } from "node:fs/promises";

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** `file:line:column` of every line that made it. */
  readonly origin: readonly string[];
  /** Layer instances: `encoder.blocks[3].attention`. */
  readonly path: readonly string[];
  /** Folds and rewrites that made it. */
  readonly by: readonly string[];
}

export async function readNodes(model: string): Promise<Map<string, OnnxNode>> {
  const bytes = await readFile(model);
  const nodes = new Map<string, OnnxNode>();
  for (const graph of fields(bytes, 7)) for (const node of fields(graph, 1)) {
    const read = readNode(node);
    nodes.set(read.name, read);
  }
  return nodes;
}

/** The node of the file that one of the runtime comes from: of its name, or the one whose name it was given with more text before or after. */
export function originOf(name: string, known: ReadonlyMap<string, OnnxNode>): OnnxNode | undefined {
  return known.get(name) ?? madeFrom(name, known);
}

function madeFrom(name: string, known: ReadonlyMap<string, OnnxNode>): OnnxNode | undefined {
  let longest: OnnxNode | undefined;
  for (const node of known.values()) {
    const stands = node.name !== "" && new RegExp(`(^|[^A-Za-z0-9])${node.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}($|[^A-Za-z0-9])`).test(name);
    if (stands && node.name.length > (longest?.name.length ?? 0)) longest = node;
  }
  return longest;
}

function readNode(bytes: Uint8Array): OnnxNode {
  const entries = new Map([...fields(bytes, 9)].map((entry) => [text(entry, 1), text(entry, 2)]));
  const list = (key: string): string[] => (entries.get(key) ?? "").split(";").filter((part) => part !== "");
  return { name: text(bytes, 3), op: text(bytes, 4), origin: list("kirigami.origin"), path: list("kirigami.path"), by: list("kirigami.by") };
}

const text = (bytes: Uint8Array, number: number): string => {
  const [first] = fields(bytes, number);
  return first ? new TextDecoder().decode(first) : "";
};

/** The length-delimited fields of that number. Ends where the bytes do, whatever lengths they claim. */
function* fields(bytes: Uint8Array, wanted: number): Generator<Uint8Array> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key & 7;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      if (Math.floor(key / 8) === wanted) yield bytes.subarray(at, at + length);
      at += length;
    } else return;
  }
}
