/** What papers promise as a ratio, counted on transformers of their sizes: tokens that are left, and multiply-adds of the blocks against the speed that the authors measured. */
import test from "ava";
import { compiled } from "../support/program.ts";

interface Size {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Side of the picture, in patches of 16. */
  readonly side: number;
}
const S: Size = { width: 384, depth: 12, heads: 6, side: 14 };
const B: Size = { width: 768, depth: 12, heads: 12, side: 14 };
const L: Size = { width: 1024, depth: 24, heads: 16, side: 14 };

const program = ({ width, depth, heads, side }: Size, use: string, line: string): string => `
use model.vit (Classifier, Config)
use folds.${use}
model seen = Classifier(config: Config { hidden_size: ${width}, num_hidden_layers: ${depth}, num_attention_heads: ${heads}, intermediate_size: ${4 * width}, image_size: ${16 * side}, patch_size: 16, id2label: [0, 1] }) from random(seed: 1)
compress seen as folded { fold tokens ${line} }
pipeline look(pixels: f32[Channels = 3, Y = ${16 * side}, X = ${16 * side}]) -> { scores: f32[Classes] } { { scores: seen(pixels) } }
`;

/** Multiply-adds of the blocks, plain over folded; and the tokens that are left. */
function counted(size: Size, use: string, line: string): { readonly ratio: number; readonly left: unknown; readonly plain: number } {
  const text = program(size, use, line);
  const [plain, folded] = [compiled(text), compiled(text, { variant: "folded" })];
  return { ratio: plain.cost.blocks / folded.cost.blocks, left: folded.cost.tokens?.leaving, plain: plain.cost.blocks };
}

/** Of a block: four projections, a MLP of four widths, and the two products of attention. */
const block = (n: number, c: number): number => 12 * n * c * c + 2 * n * n * c;

for (const [name, size, r, before, after] of [["ViT-S", S, 13, 953, 1564], ["ViT-B", B, 13, 309, 511], ["ViT-L", L, 7, 95, 167]] as const)
  test(`ToMe on ${name} with r = ${r}: as much work less as the authors measured pictures more, ${before} to ${after} a second`, (t) => {
    const { ratio, plain, left } = counted(size, "tome (tome)", `protect 1 in each blocks[*] after attended with tome(r: ${r})`);
    t.is(plain, size.depth * block(197, size.width));
    t.is(left, 197 - size.depth * r);
    // Their page: time follows the work within 15 %.
    t.true(Math.abs(ratio / (after / before) - 1) <= 0.15, `${ratio}, measured ${after / before}`);
  });

test("Token-Shuffle with s = 2: a quarter of the tokens, and 4 to 16 times less work in the blocks", (t) => {
  const size = { ...S, depth: 2, side: 32 };
  const { ratio, left } = counted(size, "token_shuffle (token_shuffle, TokenShuffle)\nmodel weights = TokenShuffle(grid: (32, 32), width: 384) from random(seed: 2)", "protect 1 across blocks[0..] with token_shuffle(from: (32, 32), through: weights) up none");
  t.is(left, 1 + 1024 / 4);
  t.true(ratio >= 4 && ratio <= 16, `${ratio}`);
  t.true(Math.abs(ratio / (block(1025, 384) / block(257, 384)) - 1) <= 1e-9, `${ratio}`);
});

for (const keep of [192, 128, 64])
  test(`HiPrune: exactly ${keep} of 576 tokens leave the encoder`, (t) => {
    const { left } = counted({ ...S, depth: 4, side: 24 }, "hiprune (hiprune)", `protect 1 across blocks[3..] with hiprune(budget: ${keep}, width: 24, object: blocks[1].probs, deep: blocks[2].probs)`);
    t.is(left, 1 + keep);
  });

test("AIM before the decoder: two rounds leave a quarter of the 196 tokens of a frame", (t) => {
  const { left } = counted({ ...S, depth: 2, side: 14 }, "aim (aim_merge)", "protect 1 across blocks[0..] with aim_merge([2, 4]) up none");
  t.is(left, 1 + 196 / 4);
});
