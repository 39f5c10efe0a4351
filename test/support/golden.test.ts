/** The expected results can be read, and say what their oracles say they are. */
import { readdirSync } from "node:fs";
import test from "ava";
import { difference, every, expectedOf, isTensor, readGolden, readSafetensors, tensorOf } from "./golden.ts";

const here = (path: string): string => new URL(`../${path}`, import.meta.url).pathname;

test("an oracle's file: dtypes, sizes and values", (t) => {
  const file = readSafetensors(here("parity/segmenter/expected.safetensors"));
  const classes = expectedOf(file, "classes");
  t.is(classes.dtype, "u8");
  t.deepEqual(classes.dims, [2, 64, 64]);
  // The histogram was counted in PyTorch; counting the classes here must give the same.
  const seen = Array.from(classes.data as Uint8Array, (value, i) => Math.floor(i / 4096) * 11 + value);
  const counts = Array.from({ length: 22 }, (_, bin) => seen.filter((at) => at === bin).length);
  t.deepEqual(counts, Array.from(expectedOf(file, "histogram").data as BigInt64Array, Number));
  t.throws(() => expectedOf(file, "logit"), { message: /there are: .*logits/ });
});

test("every golden vector reads, and its tensors are as large as their shapes say", (t) => {
  let read = 0;
  for (const system of readdirSync(here("golden-vectors"), { withFileTypes: true })) {
    if (!system.isDirectory()) continue;
    for (const name of readdirSync(here(`golden-vectors/${system.name}`))) {
      const golden = readGolden(here(`golden-vectors/${system.name}/${name}`));
      for (const value of [...golden.inputs.values(), ...golden.outputs.values()]) {
        if (isTensor(value)) t.is(value.data.length, value.dims.reduce((a, b) => a * b, 1), `${system.name}/${name}`);
      }
      t.true(golden.outputs.size + golden.cases.length > 0, `${system.name}/${name}`);
      read += 1;
    }
  }
  t.true(read >= 22);
});

test("merging keeps the mass in the golden vectors of tome", (t) => {
  const golden = readGolden(here("golden-vectors/00-tome/merge-sizes.json"));
  const total = (values: ArrayLike<number | bigint>): number => Array.from(values, Number).reduce((a, b) => a + b, 0);
  t.is(total(tensorOf(golden.outputs, "size").data), total(tensorOf(golden.inputs, "size").data));
});

test("differences: the worst one, relative to the largest value; NaN and length never pass", (t) => {
  t.deepEqual(difference([1, 2.5], [1, 2]), { absolute: 0.5, relative: 0.25 });
  t.is(difference([NaN, 1], [1, 1]).absolute, Infinity);
  t.is(difference([1], [1, 1]).absolute, Infinity);
  t.deepEqual(difference([3n], [3n]), { absolute: 0, relative: 0 });
});

test("strides restart with each record", (t) => {
  t.deepEqual([...every(Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), 2, 2)], [0, 2, 4, 5, 7, 9]);
});
