// The user's own file with values in its open places: comments and layout stay, but for what the formatter says.
import { edits, type Levels, type Opening } from "../compiler/compress/open.ts";
import { format, source } from "../grammar/format.ts";

/** `text` is that of the file which the openings lie in. */
export function withValues(path: string, text: string, openings: readonly Opening[], values: Levels): string {
  const own = openings.filter((o) => o.span.file === path);
  const made = edits(own, values).reduce((t, { span, text: value }) => t.slice(0, span.start) + value + t.slice(span.end), text);
  return format(source(path, made)).text;
}
