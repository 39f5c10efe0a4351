/** What is published for decoders and text encoders, on the small real models: shapes, what must not change, and what must. */
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { i64, numbers, tensor } from "../support/evaluate.ts";
import { difference } from "../support/golden.ts";
import { compiled, run } from "../support/program.ts";
import { tolerance } from "../support/tolerance.ts";

const program = (uses: readonly string[], model: string): string => [...uses.map((u) => `use ${u}`), model].join("\n");
const llama = (...uses: string[]): string => program(["model.llama", ...uses], 'model decoder = llama.Decoder from "models/tiny-llama-shakespeare"');
const bert = (...uses: string[]): string => program(["model.bert", ...uses], 'model encoder = bert.Encoder from "models/tiny-random-minilm"');
const IDS = [70, 12, 300, 5, 41, 99, 7, 222, 18, 640, 3, 77];
const SAME = tolerance("f32", "reordered");

type Outputs = Record<string, Value>;
const value = (outputs: Outputs, name: string): Value => {
  const found = outputs[name];
  if (!found) throw new Error(`no output ${name}; there are: ${Object.keys(outputs).join(", ")}`);
  return found;
};
const shape = (outputs: Outputs, name: string): string => value(outputs, name).dims.join();
/** Rows of an output's second axis. */
function rows(outputs: Outputs, name: string, batch = 0): number[][] {
  const { dims } = value(outputs, name);
  const [, count = 1, ...rest] = dims;
  const width = rest.reduce((a, b) => a * b, 1);
  const all = numbers(value(outputs, name));
  return Array.from({ length: count }, (_, i) => all.slice((batch * count + i) * width, (batch * count + i + 1) * width));
}
/** The largest difference, relative to the largest number that is wanted. */
function apart(found: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): number {
  if (found.length !== wanted.length) throw new Error(`${found.length} rows, wanted ${wanted.length}`);
  return Math.max(...found.map((row, i) => difference(row, wanted[i] as readonly number[]).relative));
}

// ── 31 token prepending ──

/** The token at `place` is the placeholder. */
const prepended = (place: number): string => `${llama("folds.prepend (prepend)")}
compress decoder as prepended { fold tokens in each blocks[1..4] after input with prepend(placeholder: ${IDS[place]}, ids: embeddings.input) }
pipeline prefill(ids: i64[N]) -> { logits: f32[N, V] } { { logits: decoder(ids) } }`;

test("token prepending: what stands behind the placeholder knows the last word, what stands before it does not", async (t) => {
  const folded = compiled(prepended(3), { variant: "prepended" });
  const plain = compiled(prepended(3));
  const other = IDS.with(-1, 500);
  const [a, b, p, q] = await Promise.all([
    run(folded, { ids: i64([1, 12], IDS) }), run(folded, { ids: i64([1, 12], other) }), run(plain, { ids: i64([1, 12], IDS) }), run(plain, { ids: i64([1, 12], other) }),
  ]);
  t.is(shape(a, "logits"), shape(p, "logits"));
  t.true(apart(rows(p, "logits").slice(0, 11), rows(q, "logits").slice(0, 11)) <= SAME);
  t.true(apart(rows(a, "logits").slice(0, 3), rows(p, "logits").slice(0, 3)) <= SAME);
  t.true(apart(rows(a, "logits").slice(0, 3), rows(b, "logits").slice(0, 3)) <= SAME);
  for (let at = 3; at < 11; at++) t.true(apart([rows(a, "logits")[at] ?? []], [rows(b, "logits")[at] ?? []]) > 1e-3, `position ${at}`);
});

test("token prepending: the last token over itself is the plain model", async (t) => {
  const [folded, plain] = await Promise.all([run(compiled(prepended(11), { variant: "prepended" }), { ids: i64([1, 12], IDS) }), run(compiled(prepended(11)), { ids: i64([1, 12], IDS) })]);
  t.true(apart(rows(folded, "logits"), rows(plain, "logits")) <= SAME);
});

test("token prepending: rows with their placeholders at different places are what each is alone", async (t) => {
  const model = compiled(prepended(3), { variant: "prepended" });
  const later = [...IDS.slice(6), ...IDS.slice(0, 6)];
  const [both, first, second] = await Promise.all([i64([2, 12], [...IDS, ...later]), i64([1, 12], IDS), i64([1, 12], later)].map((ids) => run(model, { ids })));
  t.true(apart(rows(both ?? {}, "logits", 0), rows(first ?? {}, "logits")) <= SAME);
  t.true(apart(rows(both ?? {}, "logits", 1), rows(second ?? {}, "logits")) <= SAME);
});

// ── 14 ARC-Encoder ──

const arc = (rate: number): string => `
use model.arc_encoder
model encoder = arc_encoder.Encoder(rate: ${rate}, cut: 2) from "models/tiny-llama-shakespeare"
pipeline compress_text(ids: i64[N], length: i64) -> { vectors: f32[G, C], tokens: f32[N, C], ragged: f32[G, C] } {
  let tokens = repeat i in 0..4 from x = encoder.embeddings(ids) { encoder.blocks[i](x, x) }
  { vectors: encoder(ids), tokens: tokens, ragged: encoder(ids, length) }
}`;

test("ARC-Encoder: a quarter of the vectors for any number of tokens; groups of one token are the block as it is", async (t) => {
  const fourth = compiled(arc(-4));
  for (const [n, groups] of [[12, 3], [9, 3], [3, 1], [8, 2]] as const) t.is(shape(await run(fourth, { ids: i64([1, n], IDS.slice(0, n)), length: i64([1], [n]) }), "vectors"), `1,${groups},128`);
  const single = await run(compiled(arc(-1)), { ids: i64([1, 12], IDS), length: i64([1], [12]) });
  t.true(apart(rows(single, "vectors"), rows(single, "tokens")) <= SAME);
});

test("ARC-Encoder: rows of unequal length are what each is alone", async (t) => {
  const model = compiled(arc(-4));
  const both = await run(model, { ids: i64([2, 12], [...IDS, ...IDS.slice(0, 7), 0, 0, 0, 0, 0]), length: i64([2], [12, 7]) });
  const alone = await run(model, { ids: i64([1, 7], IDS.slice(0, 7)), length: i64([1], [7]) });
  t.true(apart(rows(both, "ragged", 0), rows(both, "vectors", 0)) <= SAME);
  t.true(apart(rows(both, "ragged", 1).slice(0, 2), rows(alone, "vectors")) <= SAME);
});

test("ARC-Encoder: the projector is its two maps, one after the other", async (t) => {
  const text = `
use model.arc_encoder
model projector = arc_encoder.Projector(from: 12, inner: 6, to: 20) from random(seed: 3)
pipeline project(x: f32[G, C = 12]) -> { one: f32[G, O], two: f32[G, O] } {
  { one: projector(x), two: dot(dot(x, projector.first as [I, C]; over: C), projector.second as [O, I]; over: I) }
}`;
  const out = await run(compiled(text), { x: tensor("f32", [1, 5, 12], Array.from({ length: 60 }, (_, i) => Math.cos(i) * 2)) });
  t.is(shape(out, "one"), "1,5,20");
  t.true(apart(rows(out, "one"), rows(out, "two")) <= SAME);
});

// ── 60 code units ──

const units = (groups: number): string => `${bert("folds.code_units (code_units, used)")}
pipeline encode(ids: i64[N], unit: i64[N], mask: i64[N]) -> { plain: f32[N, C], merged: f32[K, C], back: f32[N, C] } {
  let f = code_units(unit: unit, mask: mask > 0, groups: ${groups})
  let kinds = ids * 0
  let merged = f.down(encoder.embeddings(ids, kinds)) as [B, K, C]
  let hidden_keys = (cast(used(unit, mask > 0; groups: ${groups}); to: f32) - 1.0) * 1e9
  let states = encoder.blocks(merged, hidden_keys as [B, K])
  { plain: encoder(ids, mask, kinds), merged: states, back: f.up(states) }
}`;

test("code units: units of one token are the plain encoder, a batch is its rows alone, and a unit comes back as one", async (t) => {
  const ids = [2, 17, 33, 41, 58, 60, 71, 3];
  const apartOnes = await run(compiled(units(8)), { ids: i64([1, 8], ids), unit: i64([1, 8], ids.map((_, i) => i)), mask: i64([1, 8], ids.map(() => 1)) });
  t.true(apart(rows(apartOnes, "merged"), rows(apartOnes, "plain")) <= SAME);

  const five = compiled(units(5));
  const unit = [0, 1, 1, 1, 2, 2, 3, 4];
  const short = [0, 1, 1, 2, 3, 3, 4, 4];
  const mask = [1, 1, 1, 1, 1, 1, 0, 0];
  const both = await run(five, { ids: i64([2, 8], [...ids, ...ids]), unit: i64([2, 8], [...unit, ...short]), mask: i64([2, 8], [...ids.map(() => 1), ...mask]) });
  const alone = await run(five, { ids: i64([1, 6], ids.slice(0, 6)), unit: i64([1, 6], short.slice(0, 6)), mask: i64([1, 6], [1, 1, 1, 1, 1, 1]) });
  t.is(shape(both, "merged"), "2,5,32");
  t.true(apart(rows(both, "merged", 1).slice(0, 4), rows(alone, "merged").slice(0, 4)) <= SAME);
  const back = rows(both, "back");
  t.deepEqual(back[1], back[3]);
  t.deepEqual(back[1], rows(both, "merged")[1]);
  t.notDeepEqual(back[3], back[4]);
});

// ── 42 RazorAttention and 43 ActQKV, on queries and keys of a trained block ──

const heads = (uses: string): string => `${llama(uses)}
fn heads(x: f32[B, N, C]; count: Int) -> f32[B, H, N, D] { permute(split(x; C into (H = count, D)); (B, H, N, D)) }
fn served(x: f32[B, G, N, D]) -> f32[B, H, N, D] { gather(x, iota(4 as H) / 2; over: G) as [B, H, N, D] }`;
const BLOCK = `
  let x = decoder.blocks[0].norm1(decoder.embeddings(ids))
  let own = decoder.blocks[0].attention
  let q = llama.rotate(heads(own.query(x) as [B, N, C]; count: 4); theta: 10000.0)
  let k = llama.rotate(heads(own.key(x) as [B, N, C]; count: 2); theta: 10000.0) as [B, G, N, D]
  let v = heads(own.value(x) as [B, N, C]; count: 2) as [B, G, N, D]
  let last = q[N: -1..] as [B, H, M, D]
  let scale = 1.0 / sqrt(32.0)
  let probs = softmax(dot(last, served(k); over: D) * scale; over: N)
  let whole = dot(probs, served(v); over: N)`;

test("RazorAttention: every head kept is plain attention; two attentions and one with a mask agree; heads are scored from real probabilities", async (t) => {
  const text = `${heads("folds.razor (razor, razor_masked, repetition)")}
pipeline last_token(ids: i64[N = 24]) -> { whole: f32[H, M, D], kept: f32[H, M, D], nothing: f32[H, M, D], two: f32[H, M, D], one: f32[H, M, D], echo: f32[H] } {${BLOCK}
  let pairs = dot(q as [B, H, N', D], served(k); over: D) * scale
  let seen = expand(iota(24 as N'); like: pairs, except: (B, H)) >= iota(24 as N)
  let all = softmax(select(seen, pairs, -1e30); over: N)
  let some = tensor([1, 0]; dtype: i64) as [G] > 0
  {
    whole: whole,
    kept: razor(last, served(k), served(v); keeping: [0, 1, 2, 3], clipping: [], scale: scale, sinks: 2, least: 6),
    nothing: razor(last, served(k), served(v); keeping: [0, 1], clipping: [2, 3], scale: scale, sinks: 4, least: 4000),
    two: razor(last, served(k), served(v); keeping: [0, 1], clipping: [2, 3], scale: scale, sinks: 2, least: 6),
    one: razor_masked(last, k, v, some; scale: scale, sinks: 2, least: 6).out,
    echo: repetition(all; segment: 8, ahead: 0)
  }
}`;
  const out = await run(compiled(text), { ids: i64([1, 24], [...IDS.slice(0, 8), ...IDS.slice(0, 8), ...IDS.slice(0, 8)]) });
  const [whole, two, echo] = [rows(out, "whole"), rows(out, "two"), numbers(value(out, "echo"))];
  t.true(apart(rows(out, "kept"), whole) <= SAME);
  t.true(apart(rows(out, "nothing"), whole) <= SAME);
  t.true(apart(two, rows(out, "one")) <= SAME);
  t.true(apart(two.slice(0, 2), whole.slice(0, 2)) <= SAME);
  t.true(apart(two.slice(2), whole.slice(2)) > 1e-4);
  t.is(echo.length, 4);
  for (const score of echo) t.true(score > 0 && score < 1);
});

test("ActQKV: all blocks are the whole context, and fewer are those of the best scores", async (t) => {
  const text = `${heads("folds.actqkv (attend_places, block_keys, block_scores, chosen, places, probe)")}
pipeline window(ids: i64[N = 24]) -> { whole: f32[H, M, D], all: f32[H, M, D], some: f32[H, M, D], scores: f32[J], blocks: i64[T], seen: i64[P] } {${BLOCK}
  let (ks, vs) = (served(k), served(v))
  let asked = probe(join(permute(q[N: 16..]; (B, N, H, D)); (H, D) into C) as [B, M, C])
  let attention = mean(probs; over: (H, M))
  let keys = block_keys(join(permute(ks; (B, N, H, D)); (H, D) into C)[N: 4..20], attention[N: 4..20]; size: 4, representatives: 2)
  let scores = block_scores(asked, keys)
  let (most, two) = (chosen(scores; count: 9), chosen(scores; count: 2))
  let seen = places(two; n: 24, size: 4, first: 4, near: 4)
  {
    whole: whole, all: attend_places(last, ks, vs, places(most; n: 24, size: 4, first: 4, near: 4)), some: attend_places(last, ks, vs, seen),
    scores: scores, blocks: two, seen: seen
  }
}`;
  const out = await run(compiled(text), { ids: i64([1, 24], [...IDS, ...IDS.toReversed()]) });
  t.true(apart(rows(out, "all"), rows(out, "whole")) <= SAME);
  t.true(apart(rows(out, "some"), rows(out, "whole")) > 1e-4);
  const scores = numbers(value(out, "scores"));
  const best = scores.map((_, i) => i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, 2).sort((a, b) => a - b);
  t.deepEqual(numbers(value(out, "blocks")), best);
  t.deepEqual(numbers(value(out, "seen")), [0, 1, 2, 3, ...best.flatMap((b) => [0, 1, 2, 3].map((i) => 4 + 4 * b + i)), 20, 21, 22, 23]);
});

// ── 11 follow the flow ──

test("follow the flow: words outside an item leave no trace in its rows, all other rows stay, and one call is as good as two", async (t) => {
  const text = `${bert("folds.follow_flow (item_prompts, replace_items)")}
pipeline encode(ids: i64[T], start: i64[I], size: i64[I]) -> { plain: f32[T, C], replaced: f32[T, C], alone: f32[J, C], prompts: i64[I, T] } {
  let prompts = item_prompts(ids, start, size; begin: 2, end: 3, padding: 0)
  let rows = join(concat(split(ids; T into (I = 1, T)), prompts; over: I); (B, I) into R)
  let states = split(encoder(rows, cast(rows > 0; to: i64), rows * 0) as [R, T, C]; R into (B = ids.B, I))
  let one = join(prompts; (B, I) into R)
  let alone = split(encoder(one, cast(one > 0; to: i64), one * 0) as [R, T, C]; R into (B = ids.B, I))
  { plain: states[I: 0], replaced: replace_items(states[I: 0], states[I: 1..], start, size), alone: join(alone; (I, T) into J), prompts: prompts }
}`;
  const model = compiled(text);
  const prompt = [2, 17, 33, 41, 58, 60, 71, 3, 0, 0];
  const spans = { start: i64([1, 2], [2, 5]), size: i64([1, 2], [2, 1]) };
  const out = await run(model, { ids: i64([1, 10], prompt), ...spans });
  const changed = await run(model, { ids: i64([1, 10], prompt.with(1, 90).with(4, 91)), ...spans });
  t.deepEqual(numbers(value(out, "prompts")), [2, 33, 41, 3, 0, 0, 0, 0, 0, 0, 2, 60, 3, 0, 0, 0, 0, 0, 0, 0]);
  const [plain, replaced, alone, later] = [rows(out, "plain"), rows(out, "replaced"), rows(out, "alone"), rows(changed, "replaced")];
  for (const [at, row] of [[2, 1], [3, 2], [5, 11]] as const) {
    t.true(apart([replaced[at] ?? []], [alone[row] ?? []]) <= SAME);
    t.deepEqual(later[at], replaced[at]);
    t.notDeepEqual(replaced[at], plain[at]);
  }
  for (const at of [0, 1, 4, 6, 7, 8, 9]) t.deepEqual(replaced[at], plain[at]);
});

// ── 22 PILS ──

test("PILS: 1024 log-probabilities of a trained decoder in 228 numbers and back", async (t) => {
  const text = `${llama("folds.pils (compress_logits, expand_logits, pils)")}
pipeline next(ids: i64[N]) -> { logp: f32[N, V], code: f32[N, K], back: f32[N, V], short: f32[N, V] } {
  let head = decoder.head.weight as [V, D]
  let tokens = iota(229 as T) * 4 + 7
  let logp = log_softmax(decoder(ids); over: V)
  let f = pils(head: head, tokens: tokens)
  let code = f.down(logp) as [B, N, K]
  let states = decoder.norm(decoder.blocks(decoder.embeddings(ids), expand(iota(ids.N as N); like: ids)))
  { logp: logp, code: code, back: f.up(code), short: expand_logits(compress_logits(states as [B, N, D], head, tokens), head, tokens) }
}`;
  const out = await run(compiled(text), { ids: i64([1, 12], IDS) });
  t.is(shape(out, "code"), "1,12,228");
  // Single precision of the log-probabilities themselves is what comes back.
  t.true(apart(rows(out, "back"), rows(out, "logp")) <= SAME);
  t.true(apart(rows(out, "short"), rows(out, "logp")) <= SAME);
});

// ── 56 sealed features ──

const PARTS = `
use model.vit
use folds.sealed_features (open, seal)
model classifier = vit.Classifier from "models/tiny-vit-mnist"
pipeline device(pixels: f32[Channels = 1, Y = 28, X = 28], noise: f32[N = 50, C = 96]) -> { sealed: f32[N, C], plain: f32[N, C] } {
  let features = classifier.blocks[0..2](classifier.embeddings(pixels)) as [B, N, C]
  { sealed: seal(features, noise; scale: 4.0), plain: features }
}
pipeline server(sealed: f32[N = 50, C = 96], noise: f32[N = 50, C = 96]) -> { scores: f32[Classes] } {
  { scores: classifier.head(classifier.norm(classifier.blocks[2..](open(sealed, noise; scale: 4.0)))[N: 0]) as [B, Classes] }
}
pipeline whole(pixels: f32[Channels = 1, Y = 28, X = 28]) -> { scores: f32[Classes] } { { scores: classifier(pixels) } }`;

test("sealed features: two parts with the same noise are the model, what is sent is not, and without the noise it is lost", async (t) => {
  const wave = (count: number, speed: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * speed) * 3);
  const [pixels, noise, other] = [wave(28 * 28, 0.37), wave(50 * 96, 12.9898), wave(50 * 96, 78.233)];
  const input = (data: readonly number[], dims: readonly number[]): Value => tensor("f32", dims, data);
  const whole = await run(compiled(PARTS, { pipeline: "whole" }), { pixels: input(pixels, [1, 1, 28, 28]) });
  const device = await run(compiled(PARTS, { pipeline: "device" }), { pixels: input(pixels, [1, 1, 28, 28]), noise: input(noise, [1, 50, 96]) });
  const server = compiled(PARTS, { pipeline: "server" });
  const open = async (pad: readonly number[]): Promise<number> => apart([numbers(value(await run(server, { sealed: value(device, "sealed"), noise: input(pad, [1, 50, 96]) }), "scores"))], [numbers(value(whole, "scores"))]);
  t.true((await open(noise)) <= SAME);
  t.true((await open(other)) > 0.1);
  t.true(apart(rows(device, "sealed"), rows(device, "plain")) > 1);
});

// ── 44 Causal2Vec ──

const CAUSAL = `${llama("model.bert", "model.causal2vec")}
model reader = bert.Encoder from "models/tiny-random-minilm"
model projection = causal2vec.Projection(from: 32, to: 128) from random(seed: 7)
fn states(tokens: f32[B, N, C]) -> f32[B, N, C] { decoder.norm(decoder.blocks(tokens, expand(iota(N as N); like: tokens, except: C))) }
pipeline embed(small: i64[S], small_mask: i64[S], ids: i64[N], mask: i64[N], first: i64[One = 1]) -> { vector: f32[E], seen: f32[M, C], unseen: f32[N, C], longer: f32[M, C], known: f32[M, C] } {
  let context = projection(causal2vec.masked_mean(reader(small, small_mask, small * 0), small_mask) as [B, C]) as [B, C]
  let text = decoder.embeddings(ids)
  let all = states(causal2vec.in_front(context, text) as [B, M, C]) as [B, M, C]
  let word = decoder.embeddings(first) as [B, One, C]
  {
    vector: causal2vec.embedding(all, causal2vec.end_of(mask)), seen: all, unseen: states(text),
    longer: states(causal2vec.in_front(squeeze(word; One), text) as [B, M, C]), known: states(decoder.embeddings(concat(first as [B, N], ids; over: N)) as [B, M, C])
  }
}`;

test("Causal2Vec: early words know late ones through the contextual token; padding changes nothing; a word in its place is the plain decoder", async (t) => {
  const model = compiled(CAUSAL);
  const small = [2, 17, 33, 41, 58, 3];
  const inputs = (rowsOf: readonly { small: number[]; ids: number[]; width: number; length: number }[]): Record<string, Value> => {
    const flat = (pick: (r: (typeof rowsOf)[number]) => number[], width: number): Value => i64([rowsOf.length, width], rowsOf.flatMap((r) => [...pick(r), ...Array.from({ length: width - pick(r).length }, () => 0)]));
    const [length, width] = [Math.max(...rowsOf.map((r) => r.length)), Math.max(...rowsOf.map((r) => r.width))];
    return {
      small: flat((r) => r.small, width), small_mask: flat((r) => r.small.map(() => 1), width), ids: flat((r) => r.ids, length), mask: flat((r) => r.ids.map(() => 1), length),
      first: i64([rowsOf.length, 1], rowsOf.map(() => 99)),
    };
  };
  const long = { small, ids: IDS.slice(0, 8), width: 6, length: 8 };
  const short = { small: small.slice(0, 4), ids: IDS.slice(2, 7), width: 4, length: 5 };
  const one = await run(model, inputs([long]));
  const vector = numbers(value(one, "vector"));
  t.is(vector.length, 256);
  t.true(Math.abs(Math.hypot(...vector) - 1) <= SAME);
  t.true(apart(rows(one, "longer"), rows(one, "known")) <= SAME);

  const other = await run(model, inputs([{ ...long, small: small.with(4, 71), ids: long.ids.with(-1, 500) }]));
  t.true(apart(rows(one, "unseen").slice(0, 1), rows(other, "unseen").slice(0, 1)) <= SAME);
  t.true(apart(rows(one, "seen").slice(1, 2), rows(other, "seen").slice(1, 2)) > 1e-4);

  const [both, alone] = [await run(model, inputs([long, short])), await run(model, inputs([short]))];
  t.true(apart([numbers(value(both, "vector")).slice(256)], [numbers(value(alone, "vector"))]) <= SAME);
  t.true(apart([numbers(value(both, "vector")).slice(0, 256)], [vector]) <= SAME);
});
