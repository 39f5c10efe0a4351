// A text with choices where lines may break, and the printer that makes them (after Wadler, "A prettier printer", 2003).
export type Doc =
  | string
  | readonly Doc[]
  /** A line break where the group is broken; else `flat`. */
  | { readonly kind: "line"; readonly flat: string }
  | { readonly kind: "hard"; readonly blank: boolean }
  | { readonly kind: "indent"; readonly doc: Doc }
  | { readonly kind: "group"; readonly doc: Doc }
  | { readonly kind: "choice"; readonly broken: Doc; readonly flat: Doc }
  /** Stands at the end of the line, whatever follows: a comment. */
  | { readonly kind: "suffix"; readonly text: string };

export const line: Doc = { kind: "line", flat: " " };
export const softline: Doc = { kind: "line", flat: "" };
export const hardline: Doc = { kind: "hard", blank: false };
/** A line break and an empty line. */
export const blankline: Doc = { kind: "hard", blank: true };
export const indent = (doc: Doc): Doc => ({ kind: "indent", doc });
export const group = (doc: Doc): Doc => ({ kind: "group", doc });
export const choice = (broken: Doc, flat: Doc): Doc => ({ kind: "choice", broken, flat });
export const suffix = (text: string): Doc => ({ kind: "suffix", text });

interface Command {
  readonly depth: number;
  readonly broken: boolean;
  /** The whole stands on this line, so groups within it need no look of their own. */
  readonly settled: boolean;
  readonly doc: Doc;
}

/** Whether `next` fits into `room` columns up to the first line break that follows, in it or in `rest`. A group that follows may still break, so it ends the line where it can. */
function fits(next: Command, rest: readonly Command[], room: number): boolean {
  const stack: (Command & { readonly follows: boolean })[] = [{ ...next, follows: false }];
  let left = room;
  let below = rest.length;
  while (left >= 0) {
    let command = stack.pop();
    if (!command) {
      const following = rest[--below];
      if (!following) return true;
      command = { ...following, follows: true };
    }
    const { doc, broken, settled, follows } = command;
    if (typeof doc === "string") left -= doc.length;
    else if (!("kind" in doc)) for (let i = doc.length - 1; i >= 0; i--) stack.push({ ...command, doc: doc[i] as Doc });
    else if (doc.kind === "hard") return true;
    else if (doc.kind === "line") {
      if (broken) return true;
      left -= doc.flat.length;
    } else if (doc.kind === "group") stack.push({ ...command, broken: broken || (follows && !settled), doc: doc.doc });
    else if (doc.kind === "indent") stack.push({ ...command, doc: doc.doc });
    else if (doc.kind === "choice") stack.push({ ...command, doc: broken ? doc.broken : doc.flat });
  }
  return false;
}

/** Behind a hard break inside, groups choose for themselves. */
function holdsBreak(doc: Doc, known: WeakMap<object, boolean>): boolean {
  if (typeof doc === "string") return false;
  const before = known.get(doc);
  if (before !== undefined) return before;
  const found = !("kind" in doc) ? doc.some((d) => holdsBreak(d, known))
    : doc.kind === "hard" || ((doc.kind === "indent" || doc.kind === "group") && holdsBreak(doc.doc, known)) || (doc.kind === "choice" && (holdsBreak(doc.flat, known) || holdsBreak(doc.broken, known)));
  known.set(doc, found);
  return found;
}

export function print(doc: Doc, width: number, step: string): string {
  const known = new WeakMap<object, boolean>();
  const out: string[] = [];
  let column = 0;
  let suffixes: string[] = [];
  const breakLine = (depth: number, blank: boolean): void => {
    out.push(...suffixes, blank ? "\n\n" : "\n", step.repeat(depth));
    suffixes = [];
    column = depth * step.length;
  };
  const stack: Command[] = [{ depth: 0, broken: true, settled: false, doc }];
  for (let command = stack.pop(); command; command = stack.pop()) {
    const { depth, broken, settled, doc: now } = command;
    if (typeof now === "string") {
      out.push(now);
      column += now.length;
    } else if (!("kind" in now)) for (let i = now.length - 1; i >= 0; i--) stack.push({ depth, broken, settled, doc: now[i] as Doc });
    else if (now.kind === "hard") breakLine(depth, now.blank);
    else if (now.kind === "line") {
      if (broken) breakLine(depth, false);
      else {
        out.push(now.flat);
        column += now.flat.length;
      }
    } else if (now.kind === "indent") stack.push({ depth: depth + 1, broken, settled, doc: now.doc });
    else if (now.kind === "choice") stack.push({ depth, broken, settled, doc: broken ? now.broken : now.flat });
    else if (now.kind === "suffix") suffixes.push(` ${now.text}`);
    else {
      const flat: Command = { depth, broken: false, settled: settled || !holdsBreak(now.doc, known), doc: now.doc };
      stack.push(settled || fits(flat, stack, width - column) ? flat : { depth, broken: true, settled: false, doc: now.doc });
    }
  }
  out.push(...suffixes);
  return out.join("").replace(/[ \t]+$/gm, "");
}
