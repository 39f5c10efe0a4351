// What was tried as a picture: quality over cost, the front as a line, the budget as a border; SVG by a writer of our own, PNG made of it.
import sharp, { type OverlayOptions } from "sharp";
import { writeFileWhole } from "./artifact-writer.ts";
import { drawnText } from "./drawn-text.ts";
import { escaped } from "./markup.ts";

export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly kind: "plain" | "tried" | "front" | "winner";
  /** Beside the mark; and what a pointer on it is told. */
  readonly label?: string;
  readonly says: string;
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly marks: readonly Mark[];
  /** A value of y that is a bound. */
  readonly bound: number | undefined;
}

const WIDTH = 760;
const HEIGHT = 480;
const LEFT = 84;
const RIGHT = 24;
const TOP = 52;
const BOTTOM = 58;
const SIZE = 12;

interface Text {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly anchor: "start" | "middle" | "end";
  readonly size: number;
  readonly turned?: boolean;
}

interface Drawing {
  readonly shapes: readonly string[];
  readonly texts: readonly Text[];
}

const COLOURS: Readonly<Record<Mark["kind"], string>> = { plain: "#404048", tried: "#b9bcc6", front: "#2b6cb0", winner: "#c05621" };

/** Writes the picture; the name's end says whether as SVG or PNG. */
export async function drawChart(chart: Chart, path: string): Promise<void> {
  const drawing = draw(chart);
  await writeFileWhole(path, path.toLowerCase().endsWith(".png") ? await png(drawing) : svg(drawing, true));
}

/** Steps between two ticks: 1, 2 or 5 times a power of ten, five or so of them. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(10)));
}

/** The range of values with some air around it. */
function range(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = high > low ? (high - low) * 0.08 : Math.max(Math.abs(high) * 0.05, 1e-6);
  return [low - air, high + air];
}

function draw({ title, xTitle, yTitle, marks, bound }: Chart): Drawing {
  const [x0, x1] = range(marks.map((m) => m.x));
  const [y0, y1] = range([...marks.map((m) => m.y), ...(bound === undefined ? [] : [bound])]);
  const x = (v: number): number => round(LEFT + ((v - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT));
  const y = (v: number): number => round(HEIGHT - BOTTOM - ((v - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM));
  const shapes: string[] = [`<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`];
  const texts: Text[] = [
    { x: LEFT, y: 28, text: title, anchor: "start", size: 15 },
    { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 16, text: xTitle, anchor: "middle", size: SIZE },
    { x: 20, y: (TOP + HEIGHT - BOTTOM) / 2, text: yTitle, anchor: "middle", size: SIZE, turned: true },
  ];
  for (const v of ticks(x0, x1)) {
    shapes.push(`<path d="M${x(v)} ${TOP}V${HEIGHT - BOTTOM}" stroke="#e6e7eb"/>`);
    texts.push({ x: x(v), y: HEIGHT - BOTTOM + 18, text: `${v}`, anchor: "middle", size: SIZE });
  }
  for (const v of ticks(y0, y1)) {
    shapes.push(`<path d="M${LEFT} ${y(v)}H${WIDTH - RIGHT}" stroke="#e6e7eb"/>`);
    texts.push({ x: LEFT - 8, y: y(v) + 4, text: `${v}`, anchor: "end", size: SIZE });
  }
  if (bound !== undefined) {
    shapes.push(`<path d="M${LEFT} ${y(bound)}H${WIDTH - RIGHT}" stroke="#c05621" stroke-dasharray="6 4"/>`);
    texts.push({ x: WIDTH - RIGHT, y: y(bound) - 5, text: "budget", anchor: "end", size: SIZE });
  }
  const line = marks.filter((m) => m.kind === "front" || m.kind === "winner").sort((a, b) => a.x - b.x);
  if (line.length > 1) shapes.push(`<path d="${line.map((m, i) => `${i === 0 ? "M" : "L"}${x(m.x)} ${y(m.y)}`).join("")}" fill="none" stroke="${COLOURS.front}" stroke-width="1.5"/>`);
  for (const kind of ["tried", "front", "plain", "winner"] as const)
    for (const m of marks.filter((each) => each.kind === kind)) {
      shapes.push(`<circle cx="${x(m.x)}" cy="${y(m.y)}" r="${kind === "winner" ? 7 : kind === "tried" ? 3.5 : 5}" fill="${COLOURS[kind]}"><title>${escaped(m.says)}</title></circle>`);
      const isRight = x(m.x) > (WIDTH * 2) / 3;
      if (m.label) texts.push({ x: x(m.x) + (isRight ? -10 : 10), y: y(m.y) + 16, text: m.label, anchor: isRight ? "end" : "start", size: SIZE });
    }
  return { shapes, texts };
}

const round = (v: number): number => Math.round(v * 10) / 10;

function svg({ shapes, texts }: Drawing, withTexts: boolean): string {
  const written = withTexts ? texts.map((t) => `<text x="${t.x}" y="${t.y}" font-size="${t.size}" text-anchor="${t.anchor}" fill="#202020"${t.turned ? ` transform="rotate(-90 ${t.x} ${t.y})"` : ""}>${escaped(t.text)}</text>`) : [];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="DejaVu Sans, Verdana, sans-serif">\n${[...shapes, ...written].join("\n")}\n</svg>\n`;
}

async function png(drawing: Drawing): Promise<Buffer> {
  const parts = await Promise.all(drawing.texts.map(placed));
  return sharp(Buffer.from(svg(drawing, false))).composite(parts).png({ compressionLevel: 9 }).toBuffer();
}

async function placed({ text, x, y, anchor, size, turned }: Text): Promise<OverlayOptions> {
  const flat = drawnText(text, Math.round(size * 0.75));
  const { data, info } = await (turned ? sharp(await flat.png().toBuffer()).rotate(-90) : flat).png().toBuffer({ resolveWithObject: true });
  const share = { start: 0, middle: 0.5, end: 1 }[anchor];
  const [left, top] = turned ? [x - info.width, y - info.height * share] : [x - info.width * share, y - info.height];
  return { input: data, left: Math.max(0, Math.round(Math.min(left, WIDTH - info.width))), top: Math.max(0, Math.round(Math.min(top, HEIGHT - info.height))) };
}
