// A line of source as a terminal shows it: tabs become spaces, wide characters take two columns, control characters are made visible.

/** One character of a line: its UTF-16 offset in the line, what is printed for it, and how many columns that takes. */
export interface Cell {
  readonly offset: number;
  readonly shown: string;
  readonly width: number;
}

/** Distance between tab stops. */
const TAB = 4;

/** East Asian wide and fullwidth blocks, and pictographs that terminals draw two columns wide. Unicode Standard Annex 11. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f], [0x2e80, 0x303e], [0x3041, 0x4dbf], [0x4e00, 0xa4cf], [0xa960, 0xa97c], [0xac00, 0xd7a3], [0xf900, 0xfaff],
  [0xfe30, 0xfe6f], [0xff01, 0xff60], [0xffe0, 0xffe6], [0x1f300, 0x1f64f], [0x1f680, 0x1f6ff], [0x1f900, 0x1faff], [0x20000, 0x3fffd],
];

/** Marks that combine with what stands before them, joiners and the like take no column. */
const NOTHING = /^(?:\p{M}|\p{Cf})$/u;
/** What a terminal may act on, and what turns the direction of a line around. */
const CONTROL = /^(?:\p{Cc}|\p{Bidi_Control})$/u;

function columnsOf(character: string): number {
  if (NOTHING.test(character)) return 0;
  const code = character.codePointAt(0) ?? 0;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

export function cells(line: string): Cell[] {
  const out: Cell[] = [];
  let [offset, column] = [0, 0];
  for (const character of line) {
    const shown = character === "\t" ? " ".repeat(TAB - (column % TAB)) : printable(character);
    const width = character === "\t" ? shown.length : columnsOf(shown);
    out.push({ offset, shown, width });
    offset += character.length;
    column += width;
  }
  return out;
}

/** Columns that a text takes in a terminal. */
export const widthOf = (text: string): number => [...text].reduce((sum, c) => sum + columnsOf(c), 0);

/** A file name or a message may hold anything: nothing of it reaches the terminal as a command. Line ends stay. */
export const printableText = (text: string): string => [...text].map((c) => (c === "\n" ? c : printable(c))).join("");

const printable = (character: string): string => (CONTROL.test(character) ? "\ufffd" : character);

/** `text` with spaces to at least `width` columns. */
export const padTo = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));
