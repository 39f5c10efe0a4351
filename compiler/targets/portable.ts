// Any runtime of the ONNX standard: no contributed operators, and nothing measured.
import type { TargetTable } from "./target.ts";

const portable: TargetTable = {
  name: "portable",
  // Attention is spelled out there, so a bias costs no further tensor.
  attention: { keyColumns: false, packed: false },
  skipLayerNorm: false,
  embedNorm: false,
  sumsApart: false,
  biases: false,
  unitRows: 0,
  windowMeans: { tiles: [4, 5, 6, 7, 8, 10], row: 32, share: 1.1 },
  half: "computed",
  blend: { scatterUpTo: 512 },
};
export default portable;
