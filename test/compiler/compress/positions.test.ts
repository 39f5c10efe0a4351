/** Folds in a decoder: rotary positions and the causal mask follow the tokens that stay, because the model names its positions. */
import test from "ava";
import { f32, i64 } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { attempted, compiled, output, run, SPELLINGS, told } from "../../support/program.ts";

const FOLDS = `
use model.llama (Block, Config, Decoder)
use nn.linear (Embedding, Linear)
use nn.norm (RmsNorm)
use folds.tome (tome)

/// Every second token; the others take the change of the kept one before them.
fold evens() : N -> K where K = ceil(N / 2) {
  down positions by pick
  down(x: f32[B, N, C]) -> kept: f32[B, K, C] { pick(x) }
  fn pick(v: f32[B, N, C]) -> f32[B, K, C] { v[N: 0.. step 2] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { down.x + gather(y - down.kept, iota(down.x.N as N) / 2; over: K) }
}
/// The same, and it says nothing of positions.
fold deaf() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
}

/// What \`evens\` across blocks[2..4] means, written by hand.
layer Direct(config: Config) {
  use embeddings = Embedding(config.vocab_size, config.hidden_size) named "model.embed_tokens"
  use blocks[config.num_hidden_layers] = Block(config) named "model.layers"
  use norm = RmsNorm(config.hidden_size, config.rms_norm_eps) named "model.norm"
  use head = Linear(config.hidden_size, config.vocab_size, bias: false) named "lm_head"
  (ids: i64[B, N]) -> f32[B, N, V] {
    let positions = expand(iota(N as N); like: ids)
    let begun = blocks[0..2](embeddings(ids), positions)
    let kept = begun[N: 0.. step 2] as [B, K, C]
    let later = blocks[2..4](kept as [B, N, C], positions[N: 0.. step 2]) as [B, K, C]
    let all = begun + gather(later - kept, iota(N as N) / 2; over: K)
    head(norm(blocks[4..](all as [B, N, C], positions)))
  }
}
`;
const program = (layer: string, compress = ""): string => `${FOLDS}
model decoder = ${layer} from "models/tiny-llama-shakespeare"
${compress ? `compress decoder as folded { ${compress} }` : ""}
pipeline probe(ids: i64[N]) -> { logits: f32[N, V] } { { logits: decoder(ids) } }`;

const IDS = [17, 254, 3, 99, 512, 7, 1000, 42, 8, 61, 300, 5];
const given = (ids: readonly number[]): { ids: ReturnType<typeof i64> } => ({ ids: i64([1, ids.length], ids) });
const WIDTH = 1024;

test("tokens that stay keep their positions and see what they saw: as if written by hand", async (t) => {
  const direct = output(await run(compiled(program("Direct")), given(IDS)), "logits");
  const model = compiled(program("Decoder", "fold tokens across blocks[2..4] with evens()"), { variant: "folded" });
  for (const spelling of SPELLINGS) {
    const found = output(await run(model, given(IDS), spelling), "logits");
    t.true(difference(found, direct).relative <= 1e-5, spelling);
  }
  const plain = output(await run(compiled(program("Decoder")), given(IDS)), "logits");
  t.true(difference(plain, direct).relative > 1e-2);
});

test("causal stays causal: later tokens change nothing before them", async (t) => {
  const model = compiled(program("Decoder", "fold tokens across blocks[1..5] with evens()"), { variant: "folded" });
  const before = output(await run(model, given(IDS)), "logits").slice(0, 8 * WIDTH);
  const after = output(await run(model, given([...IDS.slice(0, 8), 900, 901, 902, 903])), "logits").slice(0, 8 * WIDTH);
  t.true(difference(after, before).relative <= 1e-6);
});

test("merging nothing is nothing, and what was merged comes back in order", async (t) => {
  const plain = output(await run(compiled(program("Decoder")), given(IDS)), "logits");
  const none = compiled(program("Decoder", "fold tokens in each blocks[*] after attended with tome(r: 0)"), { variant: "folded" });
  t.true(difference(output(await run(none, given(IDS)), "logits"), plain).relative <= 1e-6);
  // Two tokens merge at the end of the last block: every other one is what it was, at its own place.
  const model = compiled(program("Decoder", "fold tokens protect 1 in each blocks[5..6] after attended with tome(r: 1)"), { variant: "folded", trace: true });
  const outputs = await run(model, given(IDS));
  const groups = output(outputs, "folds");
  const logits = output(outputs, "logits");
  const alone = groups.flatMap((g, i) => (groups.filter((o) => o === g).length === 1 ? [i] : []));
  t.is(alone.length, IDS.length - 2);
  for (const i of alone) t.true(difference(logits.slice(i * WIDTH, (i + 1) * WIDTH), plain.slice(i * WIDTH, (i + 1) * WIDTH)).relative <= 1e-5, `token ${i}`);
});

test("a fold that says nothing of positions is refused by their name", (t) => {
  const { value, problems } = attempted(program("Decoder", "fold tokens across blocks[2..4] with deaf()"), { variant: "folded" });
  t.is(value, undefined);
  t.regex(told(problems.filter((p) => p.severity === "error"))[0] ?? "", /^F307 decoder\.\S*positions has N tokens and \S+ N\.folded/);
  t.regex(problems.find((p) => p.code === "F307")?.next ?? "", /down positions by/);
});

const steps = (body: string): string => `${FOLDS}
layer Step() { (x: f32[B, N, C]) -> f32[B, N, C] { ${body} } }
layer Stack() {
  use blocks[2] = Step()
  (x: f32[B, N, C]) -> f32[B, N, C] { blocks(x) }
}
model stack = Stack() from random(seed: 1)
compress stack as folded { fold tokens across blocks[1..] with evens() }
pipeline probe(x: f32[N, C = 1]) -> { y: f32[N, C] } { { y: stack(x) } }`;

test("positions that no layer names are refused with the way to name them", (t) => {
  const problem = attempted(steps("x + cast(iota(N as N); to: f32)"), { variant: "folded" }).problems.find((p) => p.severity === "error");
  t.is(problem?.code, "F307");
  t.regex(problem?.next ?? "", /let positions = …/);
});

test("positions that are counted once for all records may be named as they are", async (t) => {
  const model = compiled(steps("let positions = iota(N as N)\n x + cast(positions; to: f32)"), { variant: "folded" });
  const y = output(await run(model, { x: f32([2, 5, 1], [0, 0, 0, 0, 0, 10, 10, 10, 10, 10]) }), "y");
  t.deepEqual(y, [0, 1, 2 + 2, 3 + 2, 4 + 4, 10, 11, 14, 15, 18]);
});
