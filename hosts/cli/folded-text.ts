// A text with marks on its tokens: which went together when they were folded. Colours only repeat what the marks say.
import { join } from "node:path";
import { printableText } from "../../compiler/diagnostics/columns.ts";
import type { TextStep } from "../../runtime/artifact.d.ts";
import { TextTokenizer } from "../../runtime/tokenizers/text.ts";
import { sizesOf } from "../evaluation/token-groups.ts";
import type { Colours } from "./io.ts";

/** A token, what it stands for in the text (`start` = `end`: nothing, or nothing that is known), and its group (-1: dropped). */
export interface Piece {
  readonly token: string;
  readonly start: number;
  readonly end: number;
  readonly group: number;
}

/** The tokens that a model was given of a text, with their groups; undefined where these are not one for each token of it. */
export async function piecesOf(directory: string, step: TextStep, text: string, groups: readonly number[]): Promise<readonly Piece[] | undefined> {
  const tokenizer = await TextTokenizer.open(join(directory, step.tokenizer));
  const most = Math.min(step.maxLength, tokenizer.conventions.modelMost);
  const { tokens } = tokenizer.encode(text, most);
  if (tokens.length !== groups.length) return undefined;
  const offsets = tokenizer.offsets(text, most);
  return tokens.map((token, i) => ({ token, start: offsets?.[i]?.start ?? 0, end: offsets?.[i]?.end ?? 0, group: groups[i] ?? -1 }));
}

type Paint = (text: string) => string;

/** `fold‹1› and cut‹1› ~up~`: tokens with one number went together, a crossed out one was dropped, others stayed alone. */
export function foldedText(text: string, pieces: readonly Piece[], colours: Colours): string {
  const paints: readonly Paint[] = [colours.cyan, colours.magenta, colours.yellow, colours.green, colours.blue, colours.red];
  const sizes = sizesOf(pieces.map((p) => p.group));
  const numbers = new Map<number, number>();
  const marked = (shown: string, group: number): string => {
    if (group < 0) return colours.dim(`~${shown}~`);
    if ((sizes.get(group) ?? 1) === 1) return shown;
    const number = numbers.get(group) ?? numbers.size + 1;
    numbers.set(group, number);
    return (paints[(number - 1) % paints.length] as Paint)(`${shown}‹${number}›`);
  };
  let out = "";
  let at = 0;
  let isApart = true;
  for (const { token, start, end, group } of pieces) {
    const isNowhere = start === end;
    const stretch = isNowhere ? token : text.slice(start, end);
    // The space in front of a word belongs to some tokens, and to no mark.
    const [space = ""] = /^\s*/.exec(stretch) ?? [];
    const between = `${isNowhere ? "" : skipped(text.slice(at, start))}${space}`;
    out += `${between === "" && (isNowhere || isApart) && out !== "" ? " " : printableText(between)}${marked(printableText(stretch.slice(space.length)), group)}`;
    isApart = isNowhere;
    if (!isNowhere) at = end;
  }
  return at > 0 && text.slice(at).trim() !== "" ? `${out} …` : out;
}

/** What lies between two tokens; text that no token stands for was cut off, being too long for the model, or is nothing to it. */
const skipped = (between: string): string => (between.trim() === "" ? between : "… ");
