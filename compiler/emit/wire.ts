// The little of the protobuf wire format that onnx-proto's schema cannot do: fields made of bytes, and messages changed here and there, the rest as it is.

/** A length-delimited field. */
export function field(number: number, content: Uint8Array): Uint8Array {
  return concatenated([varint((number << 3) | 2), varint(content.length), content]);
}

export const textField = (number: number, text: string): Uint8Array => field(number, new TextEncoder().encode(text));

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

/** A message with some of its length-delimited fields changed; `change` gives the field anew, or undefined where it stays byte for byte. The message must be whole. */
export function changed(message: Uint8Array, change: (number: number, content: Uint8Array) => Uint8Array | undefined): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at);
    const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
    const length = wire === 2 ? readVarint(message, tag.end) : undefined;
    const from = length?.end ?? tag.end;
    const end = length ? from + length.value : wire === 0 ? readVarint(message, from).end : from + (wire === 1 ? 8 : 4);
    parts.push((length && change(number, message.subarray(from, end))) ?? message.subarray(at, end));
    at = end;
  }
  return concatenated(parts);
}

function readVarint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let [value, scale, at] = [0, 1, start];
  for (; at < bytes.length; at++, scale *= 128) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new Error("a message that was found whole ends in the middle of a number");
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
