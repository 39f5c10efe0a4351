// ONNX Runtime on CUDA.
import type { TargetTable } from "./target.ts";

const cuda: TargetTable = {
  name: "cuda",
  // Fused attention kernels want head sizes that are multiples of 8; one more channel leaves them.
  attention: { keyColumns: false, packed: false },
  skipLayerNorm: true,
  // Not measured; one kernel where there were four.
  embedNorm: true,
  sumsApart: false,
  biases: true,
  unitRows: 0,
  windowMeans: { tiles: [4, 5, 6, 7, 8, 10], row: 32, share: 1.1 },
  half: "computed",
  blend: { scatterUpTo: 512 },
};
export default cuda;
