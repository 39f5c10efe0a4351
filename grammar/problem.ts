// What can be wrong with a text, as plain data. Sentences are made of it in compiler/diagnostics/syntax.ts.
import type { Span } from "./source.ts";

/** A place of its own and what belongs to it; `kind` decides the code of the diagnostic. */
export type SyntaxProblem = { readonly span: Span } & (
  | { readonly kind: "unexpected"; readonly found: string; readonly expected: readonly string[] }
  | { readonly kind: "value-missing"; readonly found: string }
  | { readonly kind: "declaration-expected"; readonly found: string; readonly words: readonly string[] }
  | { readonly kind: "reserved-word"; readonly word: string }
  | { readonly kind: "bracket-unclosed"; readonly bracket: string; readonly wanted: string; readonly until: Span }
  | { readonly kind: "bracket-unopened"; readonly bracket: string; readonly opened: { readonly bracket: string; readonly span: Span } | undefined }
  | { readonly kind: "string-unclosed" }
  | { readonly kind: "escape-unknown"; readonly escape: string }
  | { readonly kind: "character-unknown"; readonly character: string }
  | { readonly kind: "number-malformed"; readonly text: string; readonly why: string }
  | { readonly kind: "same-line"; readonly what: string; readonly before: Span }
  | { readonly kind: "operator-first"; readonly operator: string }
  | { readonly kind: "static-before-semicolon"; readonly name: string; readonly type: string; readonly semicolon: Span }
  | { readonly kind: "tensor-after-semicolon"; readonly name: string; readonly type: string; readonly semicolon: Span }
  | { readonly kind: "semicolon-again"; readonly first: Span }
  | { readonly kind: "else-missing" }
  | { readonly kind: "call-expected"; readonly found: string }
  | { readonly kind: "target-not-name"; readonly found: string }
  | { readonly kind: "equals-in-expression" }
  | { readonly kind: "axis-name-misplaced"; readonly name: string }
  | { readonly kind: "element-type-unknown"; readonly name: string; readonly known: readonly string[] }
  | { readonly kind: "use-late" }
  | { readonly kind: "bound-missing"; readonly measure: string }
  | { readonly kind: "body-missing"; readonly name: string }
  | { readonly kind: "body-surplus"; readonly name: string }
  | { readonly kind: "forward-again"; readonly layer: string; readonly first: Span }
  | { readonly kind: "too-deep"; readonly limit: number }
  | { readonly kind: "too-large"; readonly size: number; readonly limit: number }
);
