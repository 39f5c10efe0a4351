// The editor: colours by the tokens of the language's own lexer, problems where the compiler says they are.
import { closeBrackets } from "@codemirror/autocomplete";
import { bracketMatching } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Extension, RangeSetBuilder } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, lineNumbers, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import { minimalSetup } from "codemirror";
import { layout } from "../../grammar/layout.ts";
import { source } from "../../grammar/source.ts";
import { rowOf } from "../../grammar/tokens.ts";
import type { Told } from "./messages.ts";

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly highlight: string;
}

/** Every token and comment with its colour, as the table of tokens says. */
function pieces(text: string): Piece[] {
  const laid = layout(source("playground.kiri", text));
  const tokens = laid.chunks.flat().flatMap((t): Piece[] => {
    const highlight = rowOf(t.tokenType)?.highlight ?? "none";
    return t.endOffset === undefined || t.endOffset < t.startOffset ? [] : [{ from: t.startOffset, to: t.endOffset + 1, highlight }];
  });
  const comments = laid.comments.map((c): Piece => ({ from: c.start, to: c.end, highlight: c.isDoc ? "doc" : "comment" }));
  return [...tokens, ...comments].filter((p) => p.highlight !== "none" && p.highlight !== "name").sort((a, b) => a.from - b.from);
}

const marks = new Map<string, Decoration>();

function decorations(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  for (const { from, to, highlight } of pieces(view.state.doc.toString())) {
    const mark = marks.get(highlight) ?? Decoration.mark({ class: `kiri-${highlight}` });
    marks.set(highlight, mark);
    builder.add(from, to, mark);
  }
  return builder.finish();
}

const highlighting = ViewPlugin.fromClass(class {
  decorations: DecorationSet;
  constructor(view: EditorView) {
    this.decorations = decorations(view);
  }
  update(update: ViewUpdate): void {
    if (update.docChanged) this.decorations = decorations(update.view);
  }
}, { decorations: (plugin) => plugin.decorations });

export function editor(parent: HTMLElement, text: string, onChange: (text: string) => void, more: readonly Extension[]): EditorView {
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        minimalSetup, lineNumbers(), bracketMatching(), closeBrackets(), lintGutter(), highlighting, EditorView.lineWrapping, EditorView.contentAttributes.of({ "aria-label": "program" }), ...more,
        EditorView.updateListener.of((update) => { if (update.docChanged) onChange(update.state.doc.toString()); }),
      ],
    }),
  });
}

/** Problems of the text that the editor holds; places beyond its end are put there. */
export function show(view: EditorView, problems: readonly Told[]): void {
  const end = view.state.doc.length;
  const found = problems.flatMap(({ code, severity, says, next, range }): Diagnostic[] => (range ? [{ from: Math.min(range.from, end), to: Math.min(range.to, end), severity, source: code, message: next === undefined ? says : `${says}\n${next}` }] : []));
  view.dispatch(setDiagnostics(view.state, found));
}
