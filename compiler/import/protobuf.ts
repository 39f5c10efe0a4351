// Reads protobuf messages where they lie: fields with their places, contents only where they are asked for. A file of any size is walked, never loaded.

/** Bytes that are read where they are needed. */
interface ByteSource {
  readonly size: number;
  /** Exactly these bytes; a view that the next call may overwrite. Throws where there are fewer. */
  read(offset: number, length: number): Uint8Array;
}

/** What is wrong with a message, and where in the file. */
export class Corrupt extends Error {
  override readonly name = "Corrupt";
  readonly offset: number;
  constructor(says: string, offset: number) {
    super(says);
    this.offset = offset;
  }
}

export interface Field {
  readonly number: number;
  /** 0: a varint, 1: eight bytes, 2: content of any length, 5: four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** The number of a varint, as a signed 64-bit one. Beyond 2⁵³ it is rounded. */
  readonly value: number;
  /** Where the content lies: of wire 2 the bytes behind the length, else the bytes of the value. */
  readonly start: number;
  readonly end: number;
}

const WINDOW = 1 << 16;

/** A source that is read in windows: messages are many small fields. */
export class Window {
  readonly #source: ByteSource;
  #bytes = new Uint8Array(0);
  #from = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#source.size;
  }

  /** A copy of these bytes. */
  bytes(start: number, end: number): Uint8Array {
    if (start >= this.#from && end <= this.#from + this.#bytes.length) return this.#bytes.slice(start - this.#from, end - this.#from);
    return this.#source.read(start, end - start).slice();
  }

  at(offset: number): number {
    if (offset < this.#from || offset >= this.#from + this.#bytes.length) {
      if (offset >= this.#source.size) throw new Corrupt("it ends in the middle of a field", offset);
      this.#from = offset;
      this.#bytes = this.#source.read(offset, Math.min(WINDOW, this.#source.size - offset)).slice();
    }
    return this.#bytes[offset - this.#from] as number;
  }
}

/** Bytes in memory as a source. */
export const memory = (bytes: Uint8Array): ByteSource => ({ size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) });

/** The fields of the message at [start, end), in their order. */
export function* fields(window: Window, start: number, end: number): Generator<Field> {
  let at = start;
  while (at < end) {
    const tag = varint(window, at, end);
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    if (number < 1 || number > 536_870_911) throw new Corrupt(`there is no field ${number}`, at);
    at = tag.end;
    if (wire === 0) {
      const value = varint(window, at, end);
      yield { number, wire, value: value.value, start: at, end: value.end };
      at = value.end;
    } else if (wire === 2) {
      const length = varint(window, at, end);
      if (length.value < 0 || length.end + length.value > end) throw new Corrupt(`field ${number} claims ${length.value} bytes, and ${end - length.end} are left`, at);
      yield { number, wire, value: 0, start: length.end, end: length.end + length.value };
      at = length.end + length.value;
    } else if (wire === 1 || wire === 5) {
      const size = wire === 1 ? 8 : 4;
      if (at + size > end) throw new Corrupt(`field ${number} ends in the middle of its ${size} bytes`, at);
      yield { number, wire, value: 0, start: at, end: at + size };
      at += size;
    } else throw new Corrupt(`field ${number} has wire type ${wire}, which protobuf does not have`, at);
  }
}

function varint(window: Window, start: number, end: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < start + 10; at++) {
    if (at >= end) throw new Corrupt("it ends in the middle of a number", at);
    const byte = window.at(at);
    // The tenth byte holds the sign: a negative number is written as 2⁶⁴ minus its size.
    if (at === start + 9 && byte > 1) break;
    if (at === start + 9) return { value: byte & 1 ? signed(window, start) : value, end: at + 1 };
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new Corrupt("a number has more than 64 bits", start);
}

function signed(window: Window, start: number): number {
  let value = 0n;
  for (let i = 0; i < 10; i++) value |= BigInt(window.at(start + i) & 0x7f) << BigInt(7 * i);
  return Number(BigInt.asIntN(64, value));
}

/** The varints of a packed field, or the one of a plain field. */
export function integers(window: Window, field: Field): number[] {
  if (field.wire === 0) return [field.value];
  const out: number[] = [];
  for (let at = field.start; at < field.end; ) {
    const next = varint(window, at, field.end);
    out.push(next.value);
    at = next.end;
  }
  return out;
}

/** The 4-byte or 8-byte floats of a field, packed or not. */
export function floats(window: Window, field: Field, width: 4 | 8): number[] {
  const bytes = window.bytes(field.start, field.end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => (width === 4 ? view.getFloat32(i * 4, true) : view.getFloat64(i * 8, true)));
}

/** UTF-8 text; what is not UTF-8 is replaced, for names come from anywhere. */
export const text = (window: Window, field: Field): string => new TextDecoder().decode(window.bytes(field.start, field.end));
