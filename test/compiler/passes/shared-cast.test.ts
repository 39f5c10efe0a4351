// One value is cast once, whatever shapes it is given.
import test from "ava";
import sharedCast from "../../../compiler/passes/shared-cast.ts";
import { B, N, number, opsOf, passCase, tokens } from "../../support/pass-case.ts";
import simplify from "../../../compiler/passes/simplify.ts";

const casts = (ops: readonly string[]): number => ops.filter((op) => op === "cast").length;

test("a mask of two readers is cast once", async (t) => {
  const { after } = await passCase(t, {
    golden: "shared-cast/two readers", passes: [simplify, sharedCast],
    make: (b) => { const mask = b.input("mask", "i64", [B, N]); return [b.mul(b.cast(b.reshape(mask, [B, 1, 1, N]), "f32"), number(b, 3)), b.mul(tokens(b), b.cast(b.reshape(mask, [B, N, 1]), "f32"))]; },
  });
  t.is(casts(opsOf(after)), 1);
});

test("a cast of the value as it is serves the others and stays", async (t) => {
  const { after } = await passCase(t, {
    golden: "shared-cast/as it is", passes: [sharedCast],
    make: (b) => { const mask = b.input("mask", "i64", [B, N]); return [b.mul(b.cast(mask, "f32"), number(b, 3)), b.mul(tokens(b), b.cast(b.reshape(mask, [B, N, 1]), "f32"))]; },
  });
  t.is(casts(opsOf(after)), 1);
  t.is(opsOf(after).filter((op) => op === "reshape").length, 1);
});

test("casts to other types stay apart", async (t) => {
  const { record } = await passCase(t, {
    golden: "shared-cast/other types", passes: [sharedCast],
    make: (b) => { const mask = b.input("mask", "i64", [B, N]); return [b.cast(b.reshape(mask, [B, 1, N]), "i32"), b.mul(tokens(b), b.cast(b.reshape(mask, [B, N, 1]), "f32"))]; },
  });
  t.is(record.steps.length, 0);
});

test("one reader leaves the cast where it is", async (t) => {
  const { record } = await passCase(t, { golden: "shared-cast/one reader", passes: [sharedCast], make: (b) => b.mul(tokens(b), b.cast(b.reshape(b.input("mask", "i64", [B, N]), [B, N, 1]), "f32")) });
  t.is(record.steps.length, 0);
});
