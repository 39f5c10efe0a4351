/** Sizes of inputs that a call makes one, by what a file says of them. */
import test from "ava";
import { alike } from "../../../compiler/import/alike.ts";

const input = (name: string, ...dims: readonly (number | string | undefined)[]) => ({ name, type: { kind: "tensor", code: 7, dtype: "i64", dims }, place: undefined }) as const;

test("every input counts the records first, and a mask has as many tokens as its text", (t) => {
  t.deepEqual([...alike([input("input_ids", "s21", "s41"), input("attention_mask", "s35", "s22")])], [["s35", "s21"], ["s22", "s41"]]);
  t.deepEqual([...alike([input("input_ids", "b", "n"), input("decoder_input_ids", "c", "m"), input("decoder_attention_mask", "d", "k"), input("position_ids", "b", "p")])], [["c", "b"], ["d", "b"], ["k", "m"], ["p", "n"]]);
});

test("numbers, and names that are the same already, say nothing", (t) => {
  t.deepEqual([...alike([input("input_ids", "b", "n"), input("attention_mask", "b", "n"), input("pixels", 2, undefined)])], []);
  t.deepEqual([...alike([input("input_ids", 1, "n"), input("attention_mask", "b", 9)])], []);
});
