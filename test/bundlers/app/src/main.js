// What somebody deploys: a pipeline opened out of the bundle, and one answer printed.
import classify from "./classify.kiri?compress=kept";

const session = await classify.open({ device: "cpu", threads: 1 });
const { label, scores } = await session.run({ x: { dtype: "f32", dims: [4], data: Float32Array.of(0.25, 2, -1, 1) } });
console.log(JSON.stringify({ label, scores: [...scores.data], variant: classify.manifest.pipeline.variant }));
await session.release();
