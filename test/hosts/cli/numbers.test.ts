// What a number on the command line may be.
import test from "ava";
import { InvalidArgumentError } from "commander";
import { countFrom0, minutes, numberFrom0, share, wholeNumber } from "../../../hosts/cli/numbers.ts";

const CASES: readonly (readonly [string, (text: string) => number, readonly string[], readonly string[]])[] = [
  ["whole number from 1", wholeNumber, ["1", "40"], ["0", "-1", "1.5", "", " ", "ten", "9007199254740993"]],
  ["whole number from 0", countFrom0, ["0", "7"], ["-1", "0.5", "", "none"]],
  ["number from 0", numberFrom0, ["0", "1e-4", "2"], ["-0.1", "", "Infinity", "NaN"]],
  ["number between 0 and 1", share, ["0.6"], ["0", "1", "60%", ""]],
  ["number of minutes", minutes, ["0.5", "10"], ["0", "-1", "", "1h"]],
];

for (const [wanted, parse, right, wrong] of CASES)
  test(wanted, (t) => {
    for (const text of right) t.is(parse(text), Number(text), text);
    for (const text of wrong) t.throws(() => parse(text), { instanceOf: InvalidArgumentError, message: `A ${wanted} is wanted.` }, text);
  });
