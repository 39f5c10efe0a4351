/** Published folds that are functions between the parts of models, in whole small models against PyTorch: `folds/` holds the models, the folds written from their pages, and what they gave. */
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { numbers } from "../support/evaluate.ts";
import { difference } from "../support/golden.ts";
import { compiled, output, run, SPELLINGS } from "../support/program.ts";
import { agrees, FOLDER, numbersOf, TOLERANCE, TRAINED, whole } from "./support/fold-oracle.ts";

// ── behind an encoder, or between its parts ──

/** What the last block of the ViT knows: features that enter it, its queries and keys [B, H, N, D], and what leaves the model. */
const LAST = `
use model.vit
model m = vit.Encoder from "${FOLDER}/vit"
fn last(pixels: f32[B, Channels, Y, X]) -> { entering: f32[B, N, C], queries: f32[B, H, N, D], keys: f32[B, H, N, D], leaving: f32[B, N, C] } {
  let entering = m.blocks[0..3](m.embeddings(pixels)) as [B, N, C]
  let normed = m.blocks[3].norm1(entering)
  let queries = m.blocks[3].attention.query(normed) as [B, N, C]
  let keys = m.blocks[3].attention.key(normed) as [B, N, C]
  {
    entering: entering, queries: permute(split(queries; C into (H = 3, D)); (B, H, N, D)), keys: permute(split(keys; C into (H = 3, D)); (B, H, N, D)),
    leaving: m.norm(m.blocks[3](entering)) as [B, N, C]
  }
}
fn wide(x: f32[B, H, N, D]) -> f32[B, N, C] { join(permute(x; (B, N, H, D)); (H, D) into C) }`;

test("recoverable compression behind the ViT", async (t) => {
  const model = compiled(`use folds.recoverable (class_attention, divided, likeness, recovered)${LAST}
pipeline probe(pixels: f32[Channels = 1, Y = 24, X = 24], question: f32[E = 24]) -> { tokens: f32[some K <= 73, C], seen: Int, back: Int, centres: Int } {
  let at = last(pixels)
  let attention = class_attention(wide(at.queries), wide(at.keys)) as [B, N]
  let parts = divided(attention, likeness(question, at.leaving[N: 1..] as [B, N, E]) as [B, N]; width: 24, near: [5, 5, 4])
  let (tokens, valid) = recovered(at.entering[N: 1..], wide(at.keys)[N: 1..] as [B, N, D], attention, parts.likeness, parts.main, parts.centres; cluster: 8)
  { tokens: tokens, seen: parts.seen, back: parts.back, centres: parts.centres }
}`);
  const runs = await agrees(t, model, { pixels: whole("pixels"), question: whole("question") }, { tokens: "recoverable" });
  for (const found of runs) t.deepEqual(["seen", "back", "centres"].map((name) => output(found, name)), [0, 1, 2].map((part) => [0, 1, 2].map((b) => numbersOf("recoverable.parts")[b * 3 + part] as number)));
});

test("GlobalCom² behind the ViT, a thumbnail and four crops", async (t) => {
  const model = compiled(`use folds.globalcom2 (Mosaic, compressed)
${TRAINED.use}${LAST}${TRAINED.model}
pipeline probe(views: f32[V = 5, Channels = 1, Y = 24, X = 24]) -> { tokens: f32[some K <= 192, C] } {
  let at = last(join(views; (B, V) into B))
  let scores = mean(dot(at.queries[N: 0], at.keys; over: D) / sqrt(8.0); over: H)[N: 1..]
  let (tokens, seen) = (split(at.leaving[N: 1..]; B into (B, V = 5)), split(scores; B into (B, V = 5)))
  { tokens: compressed(tokens[V: 0], tokens[V: 1..] as [B, P, N, C], trained.newline as [C], seen[V: 0], seen[V: 1..] as [B, P, N]; mosaic: Mosaic { side: 6, pw: 2, ph: 2, image_w: 50, image_h: 40 }, base: 0.35)[0] }
}`);
  await agrees(t, model, { views: whole("views") }, { tokens: "globalcom2" });
});

test("CapRecover's protection: what is sent between two parts of the ViT, and that the second part does not notice", async (t) => {
  const parts = `use model.vit
use folds.sealed_features (open, seal)
model m = vit.Encoder from "${FOLDER}/vit"
pipeline device(pixels: f32[Channels = 1, Y = 24, X = 24], noise: f32[N = 37, C = 24]) -> { sent: f32[N, C] } { { sent: seal(m.blocks[0..2](m.embeddings(pixels)) as [B, N, C], noise; scale: 4.0) } }
pipeline server(sent: f32[N = 37, C = 24], noise: f32[N = 37, C = 24]) -> { tokens: f32[N, C] } { { tokens: m.norm(m.blocks[2..](open(sent, noise; scale: 4.0))) } }`;
  const noise = whole("noise");
  const runs = await agrees(t, compiled(parts, { pipeline: "device" }), { pixels: whole("pixels"), noise }, { sent: "sealed" });
  for (const { sent } of runs) await agrees(t, compiled(parts, { pipeline: "server" }), { sent: sent as Value, noise }, { tokens: "plain" });
});

// ── functions on the parts of a decoder or an encoder ──

/** Queries, keys and values of a block as folds of caches take them, rotated where `theta` says so, and what stands behind its attention. */
const DECODER = `
model m = llama.Decoder from "${FOLDER}/decoder"
fn heads(x: f32[B, N, C]; count: Int) -> f32[B, H, N, D] { permute(split(x; C into (H = count, D)); (B, H, N, D)) }
fn served(x: f32[B, G, N, D]) -> f32[B, H, N, D] { gather(x, iota(4 as H) / 2; over: G) as [B, H, N, D] }
fn wide(x: f32[B, H, N, D]) -> f32[B, N, C] { join(permute(x; (B, N, H, D)); (H, D) into C) as [B, N, C] }
fn from_place(x: f32[B, N, C]; first: Int) -> i64[B, N] { permute(expand(iota(N as N) + first; like: x, except: C); (B, N)) }
/// Queries [B, H, N, D], keys and values [B, G, N, D], none of them rotated.
fn projected(x: f32[B, N, C]; block: Int) {
  let (normed, own) = (m.blocks[block].norm1(x) as [B, N, C], m.blocks[block].attention)
  (heads(own.query(normed) as [B, N, C]; count: 4), heads(own.key(normed) as [B, N, C]; count: 2), heads(own.value(normed) as [B, N, C]; count: 2))
}
fn turned(x: f32[B, H, N, D]; first: Int) -> f32[B, H, N, D] { llama.rotate_at(x, permute(expand(iota(N as N) + first; like: x, except: (H, D)); (B, N)); theta: 10000.0) }
fn closed(x: f32[B, N, C], context: f32[B, H, N, D]; block: Int) -> f32[B, N, C] {
  let own = m.blocks[block]
  let attended = x + own.attention.project(wide(context)) as [B, N, C]
  let normed = own.norm2(attended) as [B, N, C]
  attended + own.narrow(silu(own.gate(normed)) * own.widen(normed)) as [B, N, C]
}`;

test("RazorAttention: a prompt is read, caches are clipped, two more tokens are read one by one", async (t) => {
  await agrees(t, compiled(`use model.llama
use nn.activation (silu)
use folds.razor (attend, clipped, pushed)${DECODER}
fn part(x: f32[B, G, N, D]; group: Int) -> f32[B, H, N, D] { x[G: group..group + 1] as [B, H, N, D] }
/// One token [B, 1, C] at \`place\` behind a prompt of which each head of keys knows what its cache holds.
fn stepped(y: f32[B, N, C], whole_k: f32[B, G, K, D], whole_v: f32[B, G, K, D]; cache: Any, block: Int, place: Int) {
  let (q, k, v) = projected(y; block)
  let (asked, key) = (turned(q; first: place), turned(k as [B, H, N, D]; first: place) as [B, G, N, D])
  let (all_k, all_v) = (concat(whole_k, part(key; group: 0) as [B, G, K, D]; over: K), concat(whole_v, part(v as [B, G, N, D]; group: 0) as [B, G, K, D]; over: K))
  let grown = pushed(part(key; group: 1) as [B, H, One, D], part(v as [B, G, N, D]; group: 1) as [B, H, One, D]; cache: cache)
  let far = attend(asked[H: 0..2] as [B, H, M, D], twice(all_k), twice(all_v); sinks: 0, count: 0, scale: 1.0 / sqrt(6.0))
  let near = attend(asked[H: 2..4] as [B, H, M, D], twice(grown.keys as [B, G, K, D]), twice(grown.values as [B, G, K, D]); sinks: 2, count: grown.count, scale: 1.0 / sqrt(6.0))
  (closed(y, concat(far, near; over: H) as [B, H, N, D]; block), all_k, all_v, grown)
}
fn twice(x: f32[B, G, K, D]) -> f32[B, H, K, D] { concat(x as [B, H, K, D], x as [B, H, K, D]; over: H) }
pipeline next(ids: i64[N = 28], newest: i64[M = 2]) -> { logits: f32[M = 2, V] } {
  let tokens = m.embeddings(newest) as [B, M, C]
  let start = (m.embeddings(ids), tokens[M: 0..1] as [B, N, C], tokens[M: 1..2] as [B, N, C])
  let (prompt, first, second) = repeat block in 0..4 from state = start {
    let (x, y, z) = state
    let (q, k, v) = projected(x; block)
    let (keys, values) = (turned(k as [B, H, N, D]; first: 0) as [B, G, N, D], v as [B, G, N, D])
    let cache = clipped(part(keys; group: 1), part(values; group: 1); sinks: 2, window: 6)
    let (y_out, k1, v1, cache1) = stepped(y, part(keys; group: 0) as [B, G, K, D], part(values; group: 0) as [B, G, K, D]; cache: cache, block, place: 28)
    let (z_out, k2, v2, cache2) = stepped(z, k1, v1; cache: cache1, block, place: 29)
    (m.blocks[block](x, from_place(x; first: 0)), y_out, z_out)
  }
  { logits: m.head(m.norm(concat(first as [B, M, C], second as [B, M, C]; over: M))) as [B, M, V] }
}`), { ids: whole("long"), newest: whole("newest") }, { logits: "razor" });
});

test("ActQKV: the last token sees what a window's probe finds, layer by layer", async (t) => {
  const runs = await agrees(t, compiled(`use model.llama
use nn.activation (silu)
use folds.actqkv (attend_places, block_keys, block_scores, chosen, density, places, probe)${DECODER}
pipeline last(ids: i64[N = 28]) -> { logits: f32[One = 1, V], blocks: i64[L = 4, T = 2], densities: f32[L = 4] } {
  let x = m.embeddings(ids)
  let (all, last, blocks, densities) = repeat block in 0..4 from state = (x, x[N: -1..], [], []) {
    let (x, y, blocks, densities) = state
    let (q, k, v) = projected(x; block)
    let (last_q, last_k, last_v) = projected(y; block)
    let keys = turned(k as [B, H, N, D]; first: 0) as [B, G, N, D]
    let asked = turned(q; first: 0)
    let pairs = dot(asked[N: 22..] as [B, H, M, D], served(keys); over: D) / sqrt(6.0)
    let seen = expand(iota(6 as M) + 22; like: pairs, except: (B, H)) >= iota(28 as N)
    let attention = mean(softmax(select(seen, pairs, -1e30); over: N); over: (H, M))
    let found = block_keys(wide(served(k as [B, G, N, D]))[N: 4..20], attention[N: 4..20]; size: 4, representatives: 2)
    let scores = block_scores(probe(wide(q)[N: 22..] as [B, M, C]), found)
    let best = chosen(scores; count: 2)
    let ks = concat(keys[N: 0..27], turned(last_k as [B, H, N, D]; first: 27) as [B, G, N, D]; over: N)
    let vs = concat((v as [B, G, N, D])[N: 0..27], last_v as [B, G, N, D]; over: N)
    let context = attend_places(turned(last_q; first: 27) as [B, H, M, D], served(ks), served(vs), places(best; n: 28, size: 4, first: 4, near: 8))
    let all = m.blocks[block](x, from_place(x; first: 0))
    (all, closed(y, context as [B, H, N, D]; block), blocks + [split(best; T into (L = 1, T))], densities + [split(density(scores); B into (B, L = 1))])
  }
  { logits: m.head(m.norm(last)) as [B, One, V], blocks: concat(blocks; over: L), densities: concat(densities; over: L) }
}`), { ids: whole("long") }, { logits: "actqkv" });
  for (const found of runs) {
    t.deepEqual(output(found, "blocks"), numbersOf("actqkv.blocks"));
    t.true(difference(output(found, "densities"), numbersOf("actqkv.densities")).relative <= TOLERANCE);
  }
});

test("ARC-Encoder: texts of three lengths in a quarter of the vectors, and a decoder that reads them", async (t) => {
  const runs = await agrees(t, compiled(`use model.arc_encoder
use model.llama
${TRAINED.use}
model m = llama.Decoder from "${FOLDER}/decoder"
model encoder = arc_encoder.Encoder(rate: -4, cut: 2) from "${FOLDER}/decoder"
${TRAINED.model}
pipeline read(ids: i64[N = 16], lengths: i64, prompt: i64[M = 5]) -> { vectors: f32[G, C], logits: f32[P = 9, V] } {
  let context = trained.projector(encoder(ids[N: 0..14])) as [B, P, C]
  let tokens = concat(context, m.embeddings(prompt) as [B, P, C]; over: P) as [B, N, C]
  { vectors: encoder(ids, lengths), logits: m.head(m.norm(m.blocks(tokens, expand(iota(9 as N); like: tokens, except: C)))) as [B, P, V] }
}`), { ids: whole("ids"), lengths: whole("lengths"), prompt: whole("prompt") }, { vectors: "arc-encoder", logits: "arc-decoder" });
  for (const { vectors } of runs) t.deepEqual(vectors?.dims, [3, 4, 24]);
});

test("PILS: log-probabilities of the decoder in a code, and back", async (t) => {
  await agrees(t, compiled(`use model.llama
use folds.pils (pils)
model m = llama.Decoder from "${FOLDER}/decoder"
pipeline next(ids: i64[N = 16]) -> { code: f32[N, K], back: f32[N, V] } {
  let f = pils(head: m.head.weight as [V, D], tokens: tensor([${numbersOf("pils.tokens").join(", ")}]; dtype: i64) as [T])
  let code = f.down(log_softmax(m(ids); over: V)) as [B, N, K]
  { code: code, back: f.up(code) }
}`), { ids: whole("ids") }, { code: "pils-code", back: "pils-back" });
});

test("Causal2Vec: an encoder's vector in front of the decoder's text", async (t) => {
  const model = compiled(`use model.bert
use model.causal2vec
use model.llama
${TRAINED.use}
model reader = bert.Encoder from "models/tiny-onnx/bert"
model m = llama.Decoder from "${FOLDER}/decoder"
${TRAINED.model}
fn states(tokens: f32[B, N, C]) -> f32[B, N, C] { m.norm(m.blocks(tokens, permute(expand(iota(N as N); like: tokens, except: C); (B, N)))) }
pipeline embed(words: i64[S = 11], words_mask: i64[S = 11], ids: i64[N = 16], lengths: i64) -> { vector: f32[E] } {
  let context = trained.projection(causal2vec.masked_mean(reader(words, words_mask, words * 0), words_mask) as [B, C]) as [B, C]
  let mask = cast(permute(expand(iota(16 as N); like: lengths); (B, N)) < lengths; to: i64)
  { vector: causal2vec.embedding(states(causal2vec.in_front(context, m.embeddings(ids)) as [B, N, C]) as [B, M, C], causal2vec.end_of(mask)) }
}`);
  for (const spelling of SPELLINGS) {
    const { vector } = await run(model, { words: whole("words"), words_mask: whole("mask"), ids: whole("ids"), lengths: whole("lengths") }, spelling);
    t.true(difference(numbers(vector as Value), numbersOf("causal2vec")).relative <= TOLERANCE, spelling);
  }
});

test("code units: subtokens become one before the blocks of BERT, by learned weights, and come back", async (t) => {
  await agrees(t, compiled(`use model.bert
use folds.code_units (code_units, used)
${TRAINED.use}
model m = bert.Encoder from "models/tiny-onnx/bert"
${TRAINED.model}
pipeline encode(ids: i64[N = 11], unit: i64[N = 11], mask: i64[N = 11]) -> { tokens: f32[N, C] } {
  let tokens = m.embeddings(ids, ids * 0)
  let f = code_units(unit: unit, mask: mask > 0, groups: 8, score: dot(tokens, trained.units as [C]; over: C))
  let hidden = (cast(used(unit, mask > 0; groups: 8); to: f32) - 1.0) * 1e9
  { tokens: f.up(m.blocks(f.down(tokens) as [B, K, C], hidden as [B, K])) }
}`), { ids: whole("words"), unit: whole("units"), mask: whole("mask") }, { tokens: "code-units" });
});

test("follow the flow: items of a prompt as BERT reads them alone", async (t) => {
  await agrees(t, compiled(`use model.bert
use folds.follow_flow (item_prompts, replace_items)
model m = bert.Encoder from "models/tiny-onnx/bert"
pipeline encode(ids: i64[T = 11], start: i64[I = 2], size: i64[I = 2]) -> { tokens: f32[T, C] } {
  let prompts = item_prompts(ids, start, size; begin: 2, end: 3, padding: 0)
  let rows = join(concat(split(ids; T into (I = 1, T)), prompts; over: I); (B, I) into R)
  let states = split(m(rows, cast(rows > 0; to: i64), rows * 0) as [R, T, C]; R into (B = ids.B, I))
  { tokens: replace_items(states[I: 0], states[I: 1..], start, size) }
}`), { ids: whole("words"), start: whole("start"), size: whole("size") }, { tokens: "follow-flow" });
});
