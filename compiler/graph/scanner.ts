// Reads one line of a graph's text from left to right.

export class Scanner {
  readonly #text: string;
  #at = 0;
  /** What follows ` # ` is a comment; a `#` inside quotes is not. */
  constructor(line: string) {
    this.#text = line.replace(/^((?:[^"#]|"(?:[^"\\]|\\.)*"|\S#)*)\s+#\s.*$/, "$1").trim();
  }

  isDone(): boolean {
    this.#space();
    return this.#at >= this.#text.length || this.#text.startsWith("# ", this.#at);
  }
  end(): void {
    if (!this.isDone()) throw this.error("the end of the line");
  }
  peek(text: string): boolean {
    this.#space();
    return this.#text.startsWith(text, this.#at);
  }
  /** Steps over a text if it is next. */
  tries(text: string): boolean {
    if (!this.peek(text)) return false;
    this.#at += text.length;
    return true;
  }
  expect(text: string): void {
    if (!this.tries(text)) throw this.error(`\`${text}\``);
  }
  /** What a sticky pattern matches here; with `wanted`, it must match. */
  pattern(sticky: RegExp, wanted?: string): string {
    this.#space();
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0];
    if (found === undefined && wanted) throw this.error(wanted);
    this.#at += found?.length ?? 0;
    return found ?? "";
  }
  word(): string {
    return this.pattern(/[A-Za-z_][A-Za-z0-9_]*/y, "a word");
  }
  oneOf<T extends string>(words: readonly T[]): T {
    const word = this.word();
    const known = words.find((w) => w === word);
    if (!known) throw this.error(words.join(", "));
    return known;
  }
  number(): number {
    const text = this.pattern(/nan|-?inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/y, "a number");
    return text === "nan" ? Number.NaN : text.endsWith("inf") ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text);
  }
  quoted(): string {
    return JSON.parse(this.pattern(/"(?:[^"\\]|\\.)*"/y, "a text in quotes")) as string;
  }
  /** Everything before `mark`, which is stepped over. */
  until(mark: string): string {
    const end = this.#text.indexOf(mark, this.#at);
    if (end < 0) throw this.error(`\`${mark}\``);
    const text = this.#text.slice(this.#at, end);
    this.#at = end + mark.length;
    return text.trim();
  }
  /** Everything before the `,` or closing bracket that ends an item of a list. */
  balanced(): string {
    const start = this.#at;
    for (let depth = 0; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at] as string;
      if (depth === 0 && ",])".includes(c)) break;
      if ("([".includes(c)) depth++;
      else if (")]".includes(c)) depth--;
    }
    return this.#text.slice(start, this.#at);
  }
  rest(): string {
    const text = this.#text.slice(this.#at);
    this.#at = this.#text.length;
    return text.trim();
  }
  list<T>(open: string, close: string, item: () => T): T[] {
    const items: T[] = [];
    this.expect(open);
    while (!this.tries(close)) {
      if (items.length > 0) this.expect(",");
      items.push(item());
    }
    return items;
  }
  error(wanted: string): Error {
    return new Error(`graph text: expected ${wanted} at column ${this.#at + 1} of \`${this.#text}\``);
  }

  #space(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }
}
