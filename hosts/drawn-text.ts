// Text in a picture, which looks the same where no fonts are installed: the font comes with a package.
import { createRequire } from "node:module";
import sharp, { type Sharp } from "sharp";
import { escaped } from "./markup.ts";

const FONT = createRequire(import.meta.url).resolve("@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff");

/** Dark on nothing, as large as the text is. */
export const drawnText = (text: string, points: number): Sharp =>
  sharp({ text: { text: `<span foreground="#202020">${escaped(text)}</span>`, fontfile: FONT, font: `DejaVu Sans ${points}`, rgba: true, dpi: 96 } });
