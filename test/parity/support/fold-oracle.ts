// Whole small models with folds against what PyTorch gave (`folds/oracle.py`): expected values, the trained weights of folds, and the comparison.
import type { ExecutionContext } from "ava";
import type { Compiled } from "../../../compiler/compile.ts";
import type { Value } from "../../../compiler/host.ts";
import { f32, i64, numbers } from "../../support/evaluate.ts";
import { difference, expectedOf, readSafetensors } from "../../support/golden.ts";
import { run, SPELLINGS } from "../../support/program.ts";

/** Of the largest value: the oracle in f32 is within 3e-6 of itself in f64 and decides alike (`folds/decisions.py`); attention that is fused sums in another order. */
export const TOLERANCE = 2e-5;
/** What the oracle keeps of the tokens of a record. */
const STRIDE = 7;

const file = readSafetensors(new URL("../folds/expected.safetensors", import.meta.url).pathname);
export const numbersOf = (name: string): number[] => Array.from(expectedOf(file, name).data, Number);
export const whole = (name: string): Value => {
  const { dtype, dims } = expectedOf(file, name);
  return (dtype === "i64" ? i64 : f32)(dims, numbersOf(name));
};

/** Records of tokens as the oracle keeps them: as many as each record has, of these every seventh value. */
function kept(found: Value, counts: readonly number[]): number[] {
  const [, rows = 0, width = 0] = found.dims;
  const all = numbers(found);
  return counts.flatMap((count, record) => all.slice(record * rows * width, (record * rows + count) * width).filter((_, i) => i % STRIDE === 0));
}

/** For programs, which lie in pipelines/. */
export const FOLDER = "../test/parity/folds";

/** Weights that folds are trained with, in one file. */
export const TRAINED = {
  use: "use folds.pyra (Modulations)\nuse folds.token_shuffle (TokenShuffle)\nuse folds.reweave (Reconstruction)\nuse folds.mrt5 (DeleteGate)\nuse model.arc_encoder (Projector)\nuse model.causal2vec (Projection)",
  model: `
layer Trained() {
  use modulations = Modulations(r: [5, 4], width: 24) named "pyra"
  use shuffle = TokenShuffle(grid: (6, 6), width: 24, hidden: 48) named "shuffle"
  use reconstruction = Reconstruction(taps: 2, width: 24) named "reconstruction"
  use gate = DeleteGate(width: 24) named "gate"
  use text_gate = DeleteGate(width: 32) named "text_gate"
  use projection = Projection(from: 32, to: 24) named "projection"
  use projector = Projector(from: 24, inner: 12, to: 24) named "projector"
  param units: f32[C = 32] named "units.weight"
  param newline: f32[C = 24] named "newline"
}
model trained = Trained() from "${FOLDER}/trained"`,
};

/** Every output against what the oracle kept, as it is spelled by the passes and as it was woven; each record has as many tokens as there. Gives the outputs of each run. */
export async function agrees(t: ExecutionContext, model: Compiled, inputs: Record<string, Value>, outputs: Readonly<Record<string, string>>, spellings: readonly (typeof SPELLINGS)[number][] = SPELLINGS): Promise<readonly Record<string, Value>[]> {
  const runs: Record<string, Value>[] = [];
  for (const spelling of spellings) {
    const made = await run(model, inputs, spelling);
    runs.push(made);
    for (const [name, expected] of Object.entries(outputs)) {
      const [found, counts] = [made[name] as Value, numbersOf(`${expected}.counts`)];
      t.is(found.dims[1], Math.max(...counts), name);
      const off = difference(kept(found, counts), numbersOf(`${expected}.tokens`)).relative;
      t.true(off <= TOLERANCE, `${name}, ${spelling}: ${off}`);
    }
  }
  return runs;
}
