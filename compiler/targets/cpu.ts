// ONNX Runtime on a CPU: measured single-threaded on AVX2 (`bench/formulations.ts`).
import type { TargetTable } from "./target.ts";

const cpu: TargetTable = {
  name: "cpu",
  attention: { keyColumns: true },
  skipLayerNorm: false,
  windowMeans: { tiles: [4, 5, 6, 7], share: 0.6 },
  blend: { scatterUpTo: 512 },
};
export default cpu;
