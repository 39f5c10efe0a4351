// Random edits of valid programs, always the same for one seed.

/** mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const SNIPPETS = ["(", ")", "[", "]", "{", "}", ";", ",", "=", ":", "..", "\"", "\\", "\n", "// c\n", "/// d\n", "let", "fn", "in", "up", "fold", "1e", "'", "é", "𝔸", "\u0000", "@", "else", "as", "-", "^", "\r\n", "\t"];

/** The text with one thing deleted, repeated, moved or put in. */
export function edit(text: string, random: () => number): string {
  const below = (n: number): number => Math.floor(random() * n);
  const tokens = text.match(/\s+|[\p{L}\p{N}_']+|./gsu) ?? [];
  const i = below(tokens.length);
  const j = below(tokens.length);
  const at = below(text.length + 1);
  const pick = tokens[i] ?? "";
  switch (below(9)) {
    case 0: tokens.splice(i, 1 + below(3)); return tokens.join("");
    case 1: tokens.splice(j, 0, pick); return tokens.join("");
    case 2: [tokens[i], tokens[j]] = [tokens[j] ?? "", pick]; return tokens.join("");
    case 3: tokens.splice(i, 0, SNIPPETS[below(SNIPPETS.length)] ?? ""); return tokens.join("");
    case 4: return text.slice(0, at);
    case 5: return text.slice(0, at) + text.slice(at + 1 + below(4));
    case 6: return text.slice(0, at) + (SNIPPETS[below(SNIPPETS.length)] ?? "") + text.slice(at);
    case 7: return text.slice(at);
    default: return text.slice(0, at) + text.slice(below(text.length), at);
  }
}

const WORDS = ["N", "B", "C", "K", "x", "1", "0", "-1", "2.5", "1e400", "9999999999999", "true", "none", "size", "f32[B, N, C]", "image", "some", "[1, 2]", "random([2, 3], seed: 1)", "concat", "N / 0", "N - 5", "keys", "tome(r: 4)", "fold", "carry"];

/** The text with one of its words where another stood, left out, or replaced: most of these still parse, and mean something else. */
export function misspell(text: string, random: () => number): string {
  const tokens = text.match(/\s+|[\p{L}\p{N}_']+|./gsu) ?? [];
  const places = tokens.flatMap((token, i) => (token.trim() === "" ? [] : [i]));
  const place = (): number => places[Math.floor(random() * places.length)] ?? 0;
  const [a, b] = [place(), place()];
  const [x, y, word] = [tokens[a] ?? "", tokens[b] ?? "", WORDS[Math.floor(random() * WORDS.length)] ?? ""];
  switch (Math.floor(random() * 5)) {
    case 0: tokens[a] = ""; break;
    case 1: [tokens[a], tokens[b]] = [y, x]; break;
    case 2: tokens[a] = y; break;
    case 3: tokens[a] = word; break;
    default: tokens.splice(a, 0, ` ${word} `);
  }
  return tokens.join("");
}
