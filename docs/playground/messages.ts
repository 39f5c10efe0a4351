// What the page and its worker say to each other.
import type { Drawing } from "../../hosts/view/drawing.ts";

/** From the page: the program as it stands. */
export type Asked = Checked | Wondered;

/** What is wrong with it, its graphs, and a run. */
export interface Checked {
  readonly kind: "check";
  readonly text: string;
  /** What it is run on. */
  /** Grey values of 28 by 28 pixels. */
  readonly picture: Uint8Array;
}

/** What could stand at a place, or what stands there. */
export interface Wondered {
  readonly kind: "completion" | "hover";
  readonly id: number;
  readonly text: string;
  readonly offset: number;
}

/** As the language server says it. */
export interface Offered {
  readonly label: string;
  readonly detail: string | undefined;
  /** Where what it takes the place of begins; undefined: the word that is being typed. */
  readonly from: number | undefined;
  /** What is written in its place, with holes to fill in where `isSnippet`. */
  readonly insert: string;
  readonly isSnippet: boolean;
  readonly sort: string;
}

export interface Told {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly says: string;
  readonly next: string | undefined;
  /** In the program itself; undefined where another file or none is to blame. */
  readonly range: { readonly from: number; readonly to: number } | undefined;
}

/** What a run gave: the group of each token, and a number or some for each output. */
export interface Ran {
  readonly groups: readonly number[];
  readonly outputs: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export type Answer =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly says: string }
  | { readonly kind: "problems"; readonly problems: readonly Told[]; readonly milliseconds: number }
  | { readonly kind: "graphs"; readonly drawings: readonly Drawing[] }
  | { readonly kind: "ran"; readonly plain: Ran; readonly folded: Ran | undefined }
  | { readonly kind: "completion"; readonly id: number; readonly items: readonly Offered[] }
  | { readonly kind: "hover"; readonly id: number; readonly markdown: string | undefined }
  | { readonly kind: "done" };
