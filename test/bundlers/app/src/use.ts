// Checked by tsc only: what the import of a program is known to give.
import classify from "./classify.kiri";
import kept from "./classify.kiri?compress=kept";

for (const pipeline of [classify, kept]) {
  const session = await pipeline.open({ workers: 2 });
  const { label, scores } = await session.run({ x: { dtype: "f32", dims: [4], data: new Float32Array(4) } });
  const exact: number = label;
  const values: Float32Array = scores.data;
  console.log(exact, values, pipeline.manifest.files, pipeline.artifact.href);
  // @ts-expect-error there is no such output
  (await session.run({ x: { dtype: "f32", dims: [4], data: new Float32Array(4) } })).labels;
  // @ts-expect-error the input is no number
  await session.run({ x: 3 });
}
