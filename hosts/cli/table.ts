// Small tables on standard output: columns as wide as their widest cell, numbers to the right.
import { padTo, printableText, widthOf } from "../../compiler/diagnostics/columns.ts";

interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printableText));
  const widths = columns.map((c, i) => Math.max(widthOf(c.title), ...cells.map((row) => widthOf(row[i] ?? ""))));
  const line = (row: readonly string[]): string =>
    columns.map((c, i) => {
      const [text, width] = [row[i] ?? "", widths[i] ?? 0];
      return c.align === "right" ? " ".repeat(width - widthOf(text)) + text : padTo(text, width);
    }).join("  ").trimEnd();
  return `${[line(columns.map((c) => c.title)), line(widths.map((w) => "─".repeat(w))), ...cells.map(line)].join("\n")}\n`;
}

/** The same for a document. */
export const markdownTable = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => "---"), ...rows].map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
