// The little of the protobuf wire format that onnx-proto's schema cannot write: fields made of bytes.

/** A length-delimited field. */
export function field(number: number, content: Uint8Array): Uint8Array {
  return concatenated([varint((number << 3) | 2), varint(content.length), content]);
}

const textField = (number: number, text: string): Uint8Array => field(number, new TextEncoder().encode(text));

/** A field that holds a StringStringEntryProto. */
export const entryField = (number: number, key: string, value: string): Uint8Array => field(number, concatenated([textField(1, key), textField(2, value)]));

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
