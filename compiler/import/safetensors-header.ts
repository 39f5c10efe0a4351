// Reads the JSON header of a safetensors file: only the shape that the format allows, so that no header, however built, costs more than its length.

export interface HeaderTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Range in the data, which follows the header. */
  readonly begin: number;
  readonly end: number;
}

/** The header is not what the format allows; the message completes "I cannot use FILE: …". */
export class HeaderError extends Error {
  override readonly name = "HeaderError";
}

/** More axes than any tensor has; keeps hostile shapes from growing. */
const MOST_AXES = 64;

/** All tensors, in the order in which the header names them. */
export function readHeader(bytes: Uint8Array): HeaderTensor[] {
  const header = new Header(text(bytes));
  const tensors: HeaderTensor[] = [];
  const names = new Set<string>();
  header.object((name) => {
    if (names.has(name)) throw new HeaderError(`its header names ${JSON.stringify(name)} twice`);
    names.add(name);
    if (name === "__metadata__") header.object(() => void header.string());
    else tensors.push(readTensor(header, name));
  });
  header.finish();
  return tensors;
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new HeaderError("its header is not UTF-8 text");
  }
}

function readTensor(header: Header, name: string): HeaderTensor {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const once = (field: string, old: unknown): void => {
    if (old !== undefined) throw new HeaderError(`its header gives ${field} of ${JSON.stringify(name)} twice`);
  };
  header.object((field) => {
    if (field === "dtype") { once(field, dtype); dtype = header.string(); }
    else if (field === "shape") { once(field, shape); shape = header.numbers(MOST_AXES); }
    else if (field === "data_offsets") { once(field, offsets); offsets = header.numbers(2); }
    else throw new HeaderError(`its header gives ${JSON.stringify(name)} a field ${JSON.stringify(field)}, which the format does not have`);
  });
  const [begin, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || begin === undefined || end === undefined)
    throw new HeaderError(`its header lacks the dtype, the shape or the two data_offsets of ${JSON.stringify(name)}`);
  return { name, dtype, shape, begin, end };
}

/** A reader of the little JSON that headers are made of. It never recurses. */
class Header {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  /** `{ "key": … }`; `member` reads the value. */
  object(member: (key: string) => void): void {
    this.#expect("{");
    if (this.#tries("}")) return;
    do {
      const key = this.string();
      this.#expect(":");
      member(key);
    } while (this.#tries(","));
    this.#expect("}");
  }

  /** `[1, 2]`, whole numbers that are not negative. */
  numbers(most: number): number[] {
    this.#expect("[");
    const out: number[] = [];
    if (this.#tries("]")) return out;
    do {
      if (out.length === most) throw this.#error(`at most ${most} numbers`);
      out.push(this.#number());
    } while (this.#tries(","));
    this.#expect("]");
    return out;
  }

  string(): string {
    this.#space();
    STRING.lastIndex = this.#at;
    const raw = STRING.exec(this.#text)?.[0];
    if (raw === undefined) throw this.#error("a text in quotes");
    this.#at += raw.length;
    try {
      return JSON.parse(raw) as string;
    } catch {
      throw this.#error("a text without stray escapes before this place");
    }
  }

  /** Only spaces may follow: writers pad the header so that the data is aligned. */
  finish(): void {
    this.#space();
    if (this.#at !== this.#text.length) throw this.#error("its end");
  }

  #number(): number {
    this.#space();
    NUMBER.lastIndex = this.#at;
    const raw = NUMBER.exec(this.#text)?.[0];
    if (raw === undefined) throw this.#error("a whole number that is not negative");
    const value = Number(raw);
    if (!Number.isSafeInteger(value)) throw this.#error(`a number below 2^53, not ${raw.slice(0, 24)},`);
    this.#at += raw.length;
    return value;
  }

  #space(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return;
      this.#at++;
    }
  }
  #tries(c: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== c) return false;
    this.#at++;
    return true;
  }
  #expect(c: string): void {
    if (!this.#tries(c)) throw this.#error(`'${c}'`);
  }
  #error(wanted: string): HeaderError {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 12)) : "nothing";
    return new HeaderError(`its header should have ${wanted} at byte ${this.#at}, and there is ${found}`);
  }
}

const STRING = /"(?:[^"\\]|\\.)*"/sy;
const NUMBER = /(?:0|[1-9][0-9]*)(?![0-9.eE])/y;
