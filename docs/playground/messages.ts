// What the page and its worker say to each other.
import type { Drawing } from "../../hosts/view/drawing.ts";

/** From the page: the program as it stands, and the picture that it is run on. */
export interface Asked {
  readonly text: string;
  /** Grey values of 28 by 28 pixels. */
  readonly picture: Uint8Array;
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
  | { readonly kind: "done" };
