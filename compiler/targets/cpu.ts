// ONNX Runtime on a CPU: measured single-threaded on AVX2 (`bench/formulations.ts`).
import type { TargetTable } from "./target.ts";

const cpu: TargetTable = {
  name: "cpu",
  attention: { keyColumns: true, packed: true },
  // The operator that adds and norms takes 7 to 8 % of a whole encoder's time more than two (MiniLM at 128 tokens, ViT-S at 197).
  skipLayerNorm: false,
  // It norms number by number there: 1 % of a MiniLM of three layers slower than rows, a sum and a norm, at 1 and at 128 tokens, where places are a cut of a table; no difference where they are looked up.
  embedNorm: false,
  // The operator that adds and norms, where the runtime itself makes it of the two: without this RoBERTa at 128 tokens was 0.95 times as fast as its raw file, and is 1.04 with it (`bench/optimizers.ts`).
  sumsApart: true,
  // 1 % of an encoder's time, and three operators fewer a block.
  biases: true,
  unitRows: 128,
  windowMeans: { tiles: [4, 5, 6, 7, 8, 10], row: 32, share: 1.1 },
  // ONNX Runtime multiplies f16 on few processors: weights alone are stored in 16 bits and widened as the model is loaded (`bench/half.py`).
  half: "stored",
  blend: { scatterUpTo: 512 },
};
export default cpu;
