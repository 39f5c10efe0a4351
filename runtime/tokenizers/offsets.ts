// Which characters of a text each token stands for. The library gives tokens alone, so they are laid along the text again.

/** Code points of the text, the end not included. Special tokens are 0 to 0. */
export interface Offset {
  readonly start: number;
  readonly end: number;
}

/** WordPiece: words of the normalized text, each cut into pieces or unknown as a whole. Undefined where they do not lie along the text. */
export function wordOffsets(text: string, pieces: readonly string[], how: { normalize: (text: string) => string; split: (text: string) => readonly string[]; prefix: string; unknown: string }): Offset[] | undefined {
  const source = [...text];
  // Normalized one by one, every character knows where it comes from.
  const from: number[] = [];
  const normalized: string[] = [];
  for (const [i, point] of source.entries()) for (const made of how.normalize(point)) {
    normalized.push(made);
    from.push(i);
  }
  // Where neighbours change each other, the places are not known.
  if (normalized.join("") !== how.normalize(text)) return undefined;
  const spans: Offset[] = [];
  let at = 0;
  let next = 0;
  const span = (length: number): void => {
    spans.push({ start: from[at] ?? 0, end: (from[at + length - 1] ?? 0) + 1 });
    at += length;
  };
  for (const word of how.split(normalized.join(""))) {
    const points = [...word];
    while (at < normalized.length && !points.every((p, i) => normalized[at + i] === p)) at++;
    if (pieces[next] === how.unknown && word !== how.unknown) {
      span(points.length);
      next++;
      continue;
    }
    for (let used = 0; used < points.length; next++) {
      const piece = pieces[next];
      if (piece === undefined) return undefined;
      const letters = [...(used > 0 && piece.startsWith(how.prefix) ? piece.slice(how.prefix.length) : piece)];
      if (letters.length === 0 || !letters.every((l, i) => points[used + i] === l)) return undefined;
      span(letters.length);
      used += letters.length;
    }
  }
  return next === pieces.length ? spans : undefined;
}

/** Byte-level BPE: every letter of a token is one byte of the text. */
export function byteOffsets(text: string, pieces: readonly string[]): Offset[] | undefined {
  const bytes: number[] = [];
  const from: number[] = [];
  const encoder = new TextEncoder();
  for (const [i, point] of [...text].entries()) for (const byte of encoder.encode(point)) {
    bytes.push(byte);
    from.push(i);
  }
  const spans: Offset[] = [];
  let at = 0;
  for (const [i, piece] of pieces.entries()) {
    const own = [...piece].map((letter) => BYTES.get(letter));
    // A space that the tokenizer put in front of the first word is not in the text.
    const added = i === 0 && own[0] === 32 && bytes[0] !== 32 ? 1 : 0;
    const length = own.length - added;
    if (!own.slice(added).every((byte, k) => byte === bytes[at + k])) return undefined;
    spans.push(length === 0 ? { start: 0, end: 0 } : { start: from[at] ?? 0, end: (from[at + length - 1] ?? 0) + 1 });
    at += length;
  }
  return at === bytes.length ? spans : undefined;
}

/** Byte-level vocabularies write printable bytes as themselves, the others as the letters from U+0100 on, in their order. */
const BYTES: ReadonlyMap<string, number> = (() => {
  const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const letters = new Map<string, number>();
  let others = 0;
  for (let byte = 0; byte < 256; byte++) letters.set(String.fromCodePoint(printable(byte) ? byte : 256 + others++), byte);
  return letters;
})();
