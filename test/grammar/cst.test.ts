/** The grammar itself: free of ambiguity, and its types current. */
import { readFileSync } from "node:fs";
import test from "ava";
import { KiriParser } from "../../grammar/parser.ts";
import { cstTypes } from "../../scripts/generate-cst.mjs";

test("the types of the concrete tree are current", (t) => {
  t.is(readFileSync(new URL("../../grammar/cst.d.ts", import.meta.url), "utf8"), cstTypes());
});

test("no two readings of one text: the analysis of the grammar finds no ambiguity", (t) => {
  t.notThrows(() => new KiriParser(false));
});
