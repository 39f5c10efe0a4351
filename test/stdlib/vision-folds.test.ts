/** Published folds in the blocks of small vision transformers: they compile, run, leave as many tokens as they say, and folding nothing changes nothing. */
import test from "ava";
import { f32 } from "../support/evaluate.ts";
import { difference } from "../support/golden.ts";
import { compiled, output, run, SPELLINGS } from "../support/program.ts";

interface Model {
  readonly name: string;
  readonly layer: string;
  readonly side: number;
  readonly result: string;
}
/** 49 patches and a class token, 6 blocks. */
const DIGITS: Model = { name: "tiny-vit-mnist", layer: "Classifier", side: 28, result: "f32[Classes]" };

interface Placed {
  readonly fold: string;
  readonly model: Model;
  /** One or several, `;` between them. */
  readonly lines: string;
  /** Tokens that leave each block. */
  readonly tokens: readonly number[];
  /** The same place with nothing folded, where the fold has such a setting. */
  readonly same?: string;
}

const PLACED: readonly Placed[] = [
  {
    fold: "hiprune", model: DIGITS, tokens: [50, 50, 50, 50, 17, 17],
    lines: "protect 1 across blocks[4..] with hiprune(budget: 16, width: 7, alpha: 0.3, object: blocks[2].probs, deep: blocks[3].probs)",
    same: "protect 1 across blocks[4..] with hiprune(budget: 49, width: 7, object: blocks[2].probs, deep: blocks[3].probs)",
  },
];

const program = ({ fold, model }: Placed, lines: string): string => `
use model.vit
use folds.${fold.replaceAll("_", "-")} (${fold})
model transformer = vit.${model.layer} from "models/${model.name}"
compress transformer as folded { ${lines.split(";").map((line) => `fold tokens ${line.trim()}`).join("\n")} }
pipeline probe(pixels: f32[Channels = 1, Y = ${model.side}, X = ${model.side}]) -> { scores: ${model.result} } { { scores: transformer(pixels) } }
`;

/** Two pictures of waves: no two tokens are alike. */
const pictures = (side: number): { pixels: ReturnType<typeof f32> } =>
  ({ pixels: f32([2, 1, side, side], Array.from({ length: 2 * side * side }, (_, i) => Math.sin(0.37 * i + Math.cos(1.7 * (i % side))))) });

for (const placed of PLACED) {
  const { fold, model, lines, tokens, same } = placed;
  test(`${fold} leaves ${tokens.join(", ")} tokens in the blocks of ${model.name}`, async (t) => {
    const folded = compiled(program(placed, lines), { variant: "folded" });
    const { sites, arena } = folded.elaboration;
    t.deepEqual(tokens.map((_, i) => arena.facts.number(sites.get(`transformer.blocks[${i}].output`)?.tensor.node.type.dims[1] as never)), [...tokens]);
    const [fused = [], woven = []] = await Promise.all(SPELLINGS.map(async (spelling) => output(await run(folded, pictures(model.side), spelling), "scores")));
    t.true(fused.every(Number.isFinite));
    t.true(difference(fused, woven).relative <= 1e-4);
    // It does something.
    const plain = output(await run(compiled(program(placed, lines)), pictures(model.side)), "scores");
    t.true(difference(fused, plain).relative > 1e-3);
  });

  if (same)
    test(`${fold} that folds nothing changes nothing`, async (t) => {
      const folded = compiled(program(placed, same), { variant: "folded" });
      const [found, plain] = [await run(folded, pictures(model.side)), await run(compiled(program(placed, same)), pictures(model.side))];
      t.true(difference(output(found, "scores"), output(plain, "scores")).relative <= 1e-5);
    });
}
