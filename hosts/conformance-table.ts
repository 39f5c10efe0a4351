// Which library entry implements which operation of which system. A row is a small program: `run` takes what a case holds, by name.
// A paper adds rows here and no other TypeScript.

export interface Entry {
  /** The folder of its cases: `00-tome`. */
  readonly system: string;
  /** The `op` of a case. */
  readonly op: string;
  /** A `.kiri` text with a function `run`: inputs of a case stand before `;`, its `params` after it (`k_param` where an input is called `k` too), its outputs are fields of the result. */
  readonly text: string;
}

export const TABLE: readonly Entry[] = [
  {
    system: "00-tome", op: "bipartite_soft_matching",
    text: `
      use folds.plan (bipartite)
      fn run(metric: f32[B, N, D], x: f32[B, N, C], size: f32[B, N, One = 1]; r: Int, cls: Bool, distill: Bool) {
        let protected = if distill { 2 } else if cls { 1 } else { 0 }
        let less = max(min(r, floor((N - protected) / 2)), 0)
        let plan = bipartite(metric; less, protected)
        // Nothing merged: the tokens stay in their order.
        let same = less == 0
        let total = if same { size as [B, K, One] } else { plan.sum(size as [B, N, C]) as [B, K, One] }
        let merged = if same { x as [B, K, C] } else { plan.sum(x * squeeze(size; One)) as [B, K, C] / squeeze(total; One) }
        let mean = if same { x as [B, K, C] } else { plan.sum(x) as [B, K, C] / plan.sum(full(1.0; like: x)) as [B, K, C] }
        { merged: merged, size: total, mean: mean, src_idx: plan.source, dst_idx: plan.partner, unm_idx: plan.kept, unmerged: if same { merged } else { plan.spread(merged) } }
      }`,
  },
  {
    system: "00-tome", op: "proportional_attention",
    text: `
      use folds.tome (proportional_scores)
      fn run(q: f32[B, H, N, D], k: f32[B, H, N, D], v: f32[B, H, N, D], size: f32[B, N, One = 1]; scale: Float) {
        let scores = dot(q as [B, H, N', D], k; over: D) * scale
        { out: dot(softmax(proportional_scores(scores, squeeze(size; One)); over: N), v; over: N) }
      }`,
  },
  {
    system: "00-tome", op: "parse_r",
    text: `
      use folds.tome (schedule)
      fn run(; layers: Int, r: Int, inflect: Float) { { out: tensor(schedule(layers, r, inflect); dtype: i64) } }`,
  },
  {
    system: "01-expedit", op: "token_cluster",
    text: `
      use folds.expedite (expedite)
      fn run(x: f32[B, Y, X, C]; h: Int, w: Int, iters: Int, t: Float, window: Int) {
        let tokens = join(x; (Y, X) into N)
        let f = expedite(from: (Y, X), to: (h, w), rounds: iters, window: window, near: 1, t: t)
        let centres = f.down(tokens) as [B, K, C]
        { centres: centres, hard_labels: argmin(distance(tokens, centres); over: K) }
      }`,
  },
  {
    system: "01-expedit", op: "token_reconstruct",
    text: `
      use folds.expedite (blend)
      fn run(before: f32[B, N, C], after: f32[B, K, C], refined: f32[B, K, D]; k: Int, t: Float, norm: Word) {
        { out: blend(before, after, refined, t; near: k, norm: norm) }
      }`,
  },
  {
    system: "01-expedit", op: "cluster_reconstruct_identity",
    text: `
      use folds.expedite (expedite)
      fn run(x: f32[B, Y, X, C]; h: Int, w: Int, iters: Int, t: Float, window: Int, k: Int, norm: Word) {
        let f = expedite(from: (Y, X), to: (h, w), rounds: iters, window: window, near: k, t: t, norm: norm)
        { out: f.up(f.down(join(x; (Y, X) into N))) }
      }`,
  },
  {
    system: "01-expedit", op: "cluster_blocks_reconstruct",
    text: `
      use folds.expedite (expedite)
      fn run(tokens: f32[B, N = H * W + 1, C], wt: f32[C, E = C], mix: f32[M = h * w + 1, L = h * w + 1]; H: Int, W: Int, h: Int, w: Int, iters: Int, t: Float, window: Int, k: Int, norm: Word) {
        let f = expedite(from: (H, W), to: (h, w), rounds: iters, window: window, near: k, t: t, norm: norm)
        let centres = f.down(tokens[N: 1..]) as [B, L, C]
        let z = concat(tokens[N: 0..1] as [B, L, C], centres; over: L)
        let block = z as [B, M, C] + permute(dot(mix, dot(z, wt; over: C) as [B, L, C]; over: L); (B, M, C))
        { centres: centres, out: concat(block[M: 0..1] as [B, N, C], f.up(block[M: 1..] as [B, N, C]); over: N) }
      }`,
  },
  {
    system: "14-arc-encoder", op: "group_sizes",
    text: `
      use model.arc_encoder (group_sizes)
      fn run(; n: Int, rate: Int) { { out: squeeze(group_sizes(tensor([n]; dtype: i64) as [B]; n, rate); B) } }`,
  },
  {
    system: "14-arc-encoder", op: "pooled_query_attention",
    text: `
      use model.arc_encoder (mixed, pooled)
      fn apart(x: f32[N, C]; heads: Int) -> f32[B, H, N, D] { permute(split(split(x; C into (H = heads, D)); N into (B = 1, N)); (B, H, N, D)) }
      fn normed(x: f32[N, C], gain: f32[C]; eps: Float) -> f32[N, C] { x / sqrt(mean(x * x; over: C) + eps) * gain }
      fn run(h: f32[N, C], norm: f32[C], wq: f32[C, E = C], wk: f32[C, E = C], wv: f32[C, E = C], wo: f32[E = C, F = C]; rate: Int, heads: Int, theta: Float, eps: Float) {
        let p = squeeze(pooled(split(h; N into (B = 1, N)); rate); B)
        let q = apart(dot(normed(p as [N, C], norm; eps), wq; over: C) as [N, C]; heads) as [B, H, G, D]
        let (k, v) = (apart(dot(normed(h, norm; eps), wk; over: C) as [N, C]; heads), apart(dot(normed(h, norm; eps), wv; over: C) as [N, C]; heads))
        let context = squeeze(join(permute(mixed(q, k, v; theta, neighbours: true); (B, G, H, D)); (H, D) into E); B)
        { pooled: p, out: p + dot(context, wo; over: E) as [G, C] }
      }`,
  },
  {
    system: "21-flextok", op: "fsq",
    text: `
      use tokens.fsq (Fsq)
      fn run(z: f32[..., D]; levels: [Int], eps: Float) {
        let (codes, ids) = Fsq(levels, eps).encode(z)
        { codes: codes, indices: ids }
      }`,
  },
  {
    system: "21-flextok", op: "fsq_decode_all",
    text: `
      use tokens.fsq (Fsq)
      fn run(indices: i64[...]; levels: [Int]) { { codes: Fsq(levels).decode(indices) } }`,
  },
  {
    system: "22-pils", op: "alr_roundtrip",
    text: `
      use folds.pils (decoder, hidden_of, ratios)
      fn run(h: f32[N, D], w: f32[V, D], idx: i64[T]; extra: Int) {
        let logp = log_softmax(dot(h, w; over: D); over: V)
        { logp: logp, alr: ratios(logp, idx), decoder: decoder(w, idx), h_back: hidden_of(ratios(logp, idx) as [N, K], w, idx) }
      }`,
  },
  {
    system: "22-pils", op: "pils_compress",
    text: `
      use folds.pils (hidden_of, learned, pils, ratios)
      fn distribution(h: f32[N, D], W: f32[V, D]; bias: Any, temperature: Float) -> f32[N, V] {
        let logits = dot(h, W; over: D)
        log_softmax(if given(bias) { (logits + bias as [V]) / temperature } else { logits / temperature }; over: V)
      }
      fn run(W: f32[V, D], hidden: f32[N, D], tokens: i64[T], bias: f32[V] = none, observed_hidden: f32[M, D] = none; extra: Int, temperature: Float, rank: Int) {
        let logp = distribution(hidden, W; bias, temperature)
        let f = pils(head: W, tokens: tokens, bias: bias, temperature: temperature)
        let code = f.down(logp) as [N, K]
        let black = if given(observed_hidden) {
          log_softmax(dot(code, learned(distribution(observed_hidden as [N, D], W; bias, temperature), tokens) as [K, V]; over: K); over: V)
        } else { logp }
        { logp: logp, code: code, hidden: hidden_of(code, W, tokens; bias, temperature), recovered: f.up(code), recovered_black_box: black }
      }`,
  },
  {
    system: "31-token-prepending", op: "prepend_decoder",
    text: `
      use folds.prepend (overwritten)
      use model.llama (rotate)
      use nn.activation (silu)
      fn normed(x: f32[B, N, C], gain: f32[C]; eps: Float) -> f32[B, N, C] { x / sqrt(mean(x * x; over: C) + eps) * gain }
      fn apart(x: f32[B, N, C]; heads: Int) -> f32[B, H, N, D] { permute(split(x; C into (H = heads, D)); (B, H, N, D)) }
      fn block(x: f32[B, N, C], pad: bool[B, N], l: Any; heads: Int, theta: Float, eps: Float) -> f32[B, N, C] {
        let normal = normed(x, l.n1 as [C]; eps)
        let q = rotate(apart(dot(normal, l.wq as [C, E]; over: C) as [B, N, C]; heads); theta) as [B, H, N', D]
        let k = rotate(apart(dot(normal, l.wk as [C, E]; over: C) as [B, N, C]; heads); theta)
        let v = apart(dot(normal, l.wv as [C, E]; over: C) as [B, N, C]; heads)
        let scores = dot(q, k; over: D) / sqrt(q.D)
        let seen = (expand(iota(N as N'); like: scores, except: (B, H)) >= iota(N as N))
        let hidden = select(pad, -1e30, select(seen, scores, -1e30))
        let context = join(permute(dot(softmax(hidden; over: N), v; over: N); (B, N', H, D)); (H, D) into E) as [B, N, E]
        let attended = x + dot(context, l.wo as [E, C]; over: E)
        let inner = normed(attended, l.n2 as [C]; eps)
        attended + dot(silu(dot(inner, l.wg as [C, E]; over: C)) * dot(inner, l.wu as [C, E]; over: C), l.wd as [E, C]; over: E)
      }
      fn run(h: f32[B, N, C], pst: i64[B], pad: bool[B, N], l0: Any = 0, l1: Any = 0, l2: Any = 0, l3: Any = 0, l4: Any = 0, l5: Any = 0, l6: Any = 0, l7: Any = 0; heads: Int, layers: Int, start: Int, exit: Int, output_layer: Int, eps: Float, theta: Float) {
        let all = [l0, l1, l2, l3, l4, l5, l6, l7]
        let depth = if output_layer < 0 { layers + 1 + output_layer } else { output_layer }
        let states = repeat i in 0..depth from x = h {
          block(if start <= i and i < exit { overwritten(x, pst) } else { x }, pad, all[i]; heads, theta, eps)
        }
        { embedding: states[N: -1], states: select(pad, 0.0, states) }
      }`,
  },
  {
    system: "42-razor", op: "retrieval_heads",
    text: `
      use folds.razor (repetition, retrieval_heads)
      fn run(attn: f32[H, N', N]; segment: Int, repeats: Int, p_echo: Float, p_induction: Float, group: Int = 1) {
        let probs = split(attn; H into (B = 1, H))
        let (echo, induction) = (squeeze(repetition(probs; segment, ahead: 0); B), squeeze(repetition(probs; segment, ahead: 1); B))
        { echo: echo, induction: induction, retrieval: retrieval_heads(echo, induction; echo_share: p_echo, induction_share: p_induction, group: group) }
      }`,
  },
  {
    system: "42-razor", op: "razor_attention",
    text: `
      use folds.razor (razor_masked, window_of)
      fn run(q: f32[B, H, M, D], k: f32[B, G, N, D], v: f32[B, G, N, E], retrieval: bool[G]; S0: Int, C: Int, N0: Int, scale: Float, kept_from: Int, sinks: Int, dropped: Int, cache_ratio: Float) {
        let made = razor_masked(q, k, v, retrieval; scale, sinks: N0, share: C, least: S0)
        { out: made.out, comp_k: made.key, comp_v: made.value }
      }`,
  },
  {
    system: "42-razor", op: "razor_decode_stream",
    text: `
      use folds.razor (attend, clipped, pushed)
      fn wide(x: f32[N, D]) -> f32[B, H, N, D] { split(x; N into (B = 1, H = 1, N)) }
      fn run(q: f32[T, D], k: f32[N, D], v: f32[N, E]; S0: Int, N0: Int, prefill: Int, scale: Float) {
        let start = { cache: clipped(wide(k[N: 0..prefill]), wide(v[N: 0..prefill]); sinks: N0, window: S0), outs: [] }
        let end = repeat t in 0..T from state = start {
          let at = prefill + t
          let cache = pushed(wide(k[N: at..at + 1]), wide(v[N: at..at + 1]); state.cache)
          let out = attend(wide(q[T: t..t + 1]), cache.keys, cache.values; sinks: N0, count: cache.count, scale: scale)
          { cache: cache, outs: state.outs + [squeeze(out; (B, H))] }
        }
        let stands = if end.cache.count > 0 {
          (squeeze(end.cache.keys[K: N0] as [B, H, D]; (B, H)), squeeze(end.cache.values[K: N0] as [B, H, E]; (B, H)))
        } else { (k[N: 0] * 0.0, v[N: 0] * 0.0) }
        { out: concat(end.outs; over: T), comp_k: stands[0], comp_v: stands[1], dropped: tensor([end.cache.count]; dtype: i64) }
      }`,
  },
  {
    system: "43-actqkv", op: "probe_retrieval",
    text: `
      use folds.actqkv (unusual, probe, block_scores, chosen, density)
      fn run(q: f32[M, C], block_keys: f32[J, C]; k: Int) {
        let (window, keys) = (split(q; M into (B = 1, M)), split(block_keys; J into (B = 1, J)))
        let scores = block_scores(probe(window), keys)
        { weights: squeeze(unusual(window); B), probe: squeeze(probe(window); B), scores: squeeze(scores; B), blocks: squeeze(chosen(scores; count: k); B), density: density(scores) }
      }`,
  },
  {
    system: "43-actqkv", op: "layer_budget",
    text: `
      use folds.actqkv (budget)
      fn run(density: f32[L]; total: Int, kmin: Int, kmax: Int) { { blocks: budget(density; layers: L, total: total, least: kmin, most: kmax) } }`,
  },
  {
    system: "45-atoken", op: "fsq",
    text: `
      use tokens.fsq (Fsq)
      fn run(z: f32[N, C]; levels: [Int], num_codebooks: Int, eps: Float) {
        let (codes, ids) = Fsq(levels, eps).encode(split(z; C into (G = num_codebooks, D)))
        { codes: join(codes; (G, D) into C), indices: ids }
      }`,
  },
  {
    system: "60-code-merge", op: "merge_units",
    text: `
      use folds.code_units (code_units, used)
      fn run(h: f32[B, N, C], gid: i64[B, N], mask: bool[B, N], u: f32[C] = none; groups: Int, learned: Bool) {
        let f = if learned { code_units(unit: gid, mask: mask, groups: groups, score: dot(h, u; over: C)) } else { code_units(unit: gid, mask: mask, groups: groups) }
        let merged = f.down(h)
        { out: merged, used: used(gid, mask; groups), unmerged: f.up(merged) }
      }`,
  },
  {
    system: "64-hiprune", op: "hiprune",
    text: `
      use folds.hiprune (anchored, anchors_of, hierarchy)
      use folds.keep (largest)
      use nn.sites (received)
      fn run(attn_object: f32[H, N', N], attn_deep: f32[H, N', N]; budget: Int, alpha: Float, width: Int, has_cls: Bool, anchors: Int, anchor_and_buffer: Int) {
        let first = if has_cls { 1 } else { 0 }
        let object = received(split(attn_object; H into (B = 1, H)))[N: first..]
        let deep = received(split(attn_deep; H into (B = 1, H)))[N: first..]
        let marked = anchored(object; anchors_of(budget, alpha), width)
        {
          object_score: object[B: 0], deep_score: deep[B: 0], anchors: largest(object; count: anchors)[B: 0],
          anchor_buffer: largest(marked; count: anchor_and_buffer)[B: 0], indices: hierarchy(object, deep; budget, width, alpha)[B: 0]
        }
      }`,
  },
  {
    system: "55-todre", op: "diversity_select",
    text: `
      use folds.keep (largest)
      use folds.todre (diverse)
      fn run(x: f32[N, C], cls_attn: f32[N]; k: Int, mode: Str, radius: Float) {
        let (tokens, start) = (split(x; N into (B = 1, N)), split(cls_attn; N into (B = 1, N)))
        let (closeness, chosen) = if mode == "k-center" { diverse(tokens, start; k, mode: k_center) } else { diverse(tokens, start; k, mode: max_sum) }
        let indices = largest(closeness; count: k)[B: 0]
        { order: concat(chosen; over: One)[B: 0], indices: indices, kept: gather(x, indices; over: N) }
      }`,
  },
  {
    system: "55-todre", op: "relevance_gate",
    text: `
      use folds.todre (relevance)
      fn run(attn: f32[H, N', N]; n_sys: Int, n_vis: Int, tau: Float) {
        let (to_vision, to_text) = relevance(split(attn; H into (B = 1, H)); system: n_sys, vision: n_vis)
        { text_to_vision: to_vision, vision_to_text: to_text, drop_all_vision: to_vision < tau and to_text < tau }
      }`,
  },
  {
    system: "02-reweaving", op: "reweave",
    text: `
      use folds.reweave (blended)
      fn run(
        x: f32[B, N, C], tap0: f32[B, N, C], tap1: f32[B, N, C] = none, tap2: f32[B, N, C] = none, tap3: f32[B, N, C] = none, tap4: f32[B, N, C] = none, tap5: f32[B, N, C] = none,
        R0: f32[C, D] = none, R1: f32[C, D] = none, R2: f32[C, D] = none, R3: f32[C, D] = none, R4: f32[C, D] = none, R5: f32[C, D] = none, b: f32[S] = none;
        taps: Int, alpha: Float, lam: Float, match: Bool, gamma: Float = none
      ) {
        let states = [tap0, tap1, tap2, tap3, tap4, tap5][0..taps]
        let maps = [R0, R1, R2, R3, R4, R5][0..taps]
        let made = concat([split(if given(maps[i]) { dot(states[i], maps[i]; over: C) as [B, N, C] } else { states[i] }; B into (S = 1, B)) for i in 0..taps]; over: S)
        let logits = if given(b) { b } else { tensor([0.0 for i in 0..taps]) as [S] }
        { out: blended(x, made, softmax(logits; over: S); alpha, match, lam, gamma: if given(gamma) { gamma } else { 0.0 }) }
      }`,
  },
  {
    system: "02-reweaving", op: "fit_reconstruction",
    text: `
      use folds.reweave (fitted)
      fn run(src: f32[M, C], dst: f32[M, D]; ridge: Float) { { R: fitted(src, dst; ridge) } }`,
  },
  {
    system: "26-mrt5", op: "delete_gate_hard",
    text: `
      use folds.keep (hiding)
      use folds.mrt5 (deleted, deletion, logits, within)
      fn run(h: f32[B, N, C], ln: f32[C], w: f32[C], b: f32[One = 1], ids: i64[B, N], bias: f32[B, H, N', N]; k: Float, threshold: Float, eps: Float, capacity: Int = none) {
        let z = logits(h, ln, w, b[One: 0]; eps)
        let gate = select(ids == 0, k, deletion(z; k))
        let plan = if given(capacity) { within(gate > threshold; capacity) } else { deleted(gate, gate * 0.0; threshold) }
        let rows = gather(bias, plan.places as [B, M]; over: N')
        let both = gather(permute(rows; (B, N, H, M)), plan.places; over: N)
        {
          gate: gate, logits: z, positions: plan.places, mask: hiding(plan.valid), count: sum(cast(gate > threshold; to: i64); over: N),
          hidden: plan.pick(h), bias_kept: permute(both; (B, H, M, K))
        }
      }`,
  },
  {
    system: "26-mrt5", op: "gated_attention",
    text: `
      use folds.keep (hiding)
      use folds.mrt5 (deleted, softmax1)
      fn attend(q: f32[B, H, M, D], k: f32[B, H, N, D], v: f32[B, H, N, D], bias: f32[B, H, M, N], term: f32[B, N]; one: Bool) -> f32[B, H, M, D] {
        let scores = dot(q, k; over: D) + bias + term
        dot(if one { softmax1(scores) as [B, H, M, N] } else { softmax(scores; over: N) }, v; over: N)
      }
      fn rows(x: f32[B, H, N, D], places: i64[B, K]) -> f32[B, H, K, D] { permute(gather(x, places; over: N); (B, H, K, D)) }
      fn run(gate: f32[B, N], q: f32[B, H, N, D], k: f32[B, H, N, D], v: f32[B, H, N, D], bias: f32[B, H, N' = N, N]; softmax1: Bool, k_param: Float, threshold: Float) {
        let at = q as [B, H, N', D]
        let plan = deleted(gate, gate * 0.0; threshold)
        let kept_bias = permute(gather(rows(bias as [B, H, N, D], plan.places) as [B, H, K', N], plan.places; over: N); (B, H, K', K))
        {
          soft: attend(at, k, v, bias, gate; one: softmax1), positions: plan.places, mask: hiding(plan.valid),
          hard: attend(rows(q, plan.places) as [B, H, K', D], rows(k, plan.places), rows(v, plan.places), kept_bias, hiding(plan.valid); one: softmax1),
          masked: attend(at, k, v, bias, hiding(gate > threshold); one: softmax1)
        }
      }`,
  },
  {
    system: "62-token-shuffle", op: "fold",
    text: `
      use folds.token_shuffle (fused)
      fn run(x: f32[B, H, W, C]; s: Int) { { out: fused(join(x; (H, W) into N); grid: (H, W), s: s) } }`,
  },
  {
    system: "62-token-shuffle", op: "shuffle_unshuffle",
    text: `
      use folds.token_shuffle (fused, parted, refined)
      fn blocks_of(z: f32[B, K, D]; weights: Any, count: Int, tanh: Bool) -> f32[B, K, D] {
        repeat i in 0..count from y = z { refined(y, permute(weights[i][0]; (O, D)), weights[i][1], permute(weights[i][2]; (D, O)), weights[i][3]; tanh) }
      }
      fn run(
        x: f32[B, H, W, C], wc: f32[C, E], bc: f32[E], we: f32[E, F], be: f32[F],
        in0_w1: f32[D, O], in0_b1: f32[O], in0_w2: f32[O, D], in0_b2: f32[D],
        in1_w1: f32[D, O] = none, in1_b1: f32[O] = none, in1_w2: f32[O, D] = none, in1_b2: f32[D] = none,
        in2_w1: f32[D, O] = none, in2_b1: f32[O] = none, in2_w2: f32[O, D] = none, in2_b2: f32[D] = none,
        in3_w1: f32[D, O] = none, in3_b1: f32[O] = none, in3_w2: f32[O, D] = none, in3_b2: f32[D] = none,
        out0_w1: f32[D, O], out0_b1: f32[O], out0_w2: f32[O, D], out0_b2: f32[D],
        out1_w1: f32[D, O] = none, out1_b1: f32[O] = none, out1_w2: f32[O, D] = none, out1_b2: f32[D] = none,
        out2_w1: f32[D, O] = none, out2_b1: f32[O] = none, out2_w2: f32[O, D] = none, out2_b2: f32[D] = none,
        out3_w1: f32[D, O] = none, out3_b1: f32[O] = none, out3_w2: f32[O, D] = none, out3_b2: f32[D] = none;
        s: Int, blocks: Int, hidden: Int, gelu: Str
      ) where D == E * s * s {
        let z = fused(join(dot(x, wc; over: C) + bc; (H, W) into N); grid: (H, W), s: s)
        let inner = blocks_of(z; weights: [[in0_w1, in0_b1, in0_w2, in0_b2], [in1_w1, in1_b1, in1_w2, in1_b2], [in2_w1, in2_b1, in2_w2, in2_b2], [in3_w1, in3_b1, in3_w2, in3_b2]], count: blocks, tanh: gelu == "tanh")
        let outer = blocks_of(inner; weights: [[out0_w1, out0_b1, out0_w2, out0_b2], [out1_w1, out1_b1, out1_w2, out1_b2], [out2_w1, out2_b1, out2_w2, out2_b2], [out3_w1, out3_b1, out3_w2, out3_b2]], count: blocks, tanh: gelu == "tanh")
        let tokens = parted(outer; grid: (H, W), s: s)
        { fused: inner, out: split(dot(tokens, we as [C, F]; over: C) + be; N into (H = H, W = W)) }
      }`,
  },
  {
    system: "61-pyra", op: "pyra_merge",
    text: `
      use folds.plan (bipartite)
      use folds.pyra (reactivated)
      fn run(x: f32[B, N, C], metric: f32[B, N, D], size: f32[B, N, One = 1], wa: f32[S, One], wb: f32[One, C], ln_g: f32[C], ln_b: f32[C]; r: Int, cls: Bool, eps: Float) where S == r {
        let plan = bipartite(metric; r, protected: if cls { 1 } else { 0 })
        let weighed = x * squeeze(size; One)
        let pairs = gather(weighed, plan.source * 2; over: N) + gather(weighed, plan.partner * 2 + 1; over: N)
        let centred = pairs - mean(pairs; over: C)
        let normed = centred / sqrt(mean(centred * centred; over: C) + eps) * ln_g + ln_b
        if r == 0 { { out: x, size: size } } else {
          let total = plan.sum(size as [B, N, C]) as [B, K, One]
          { out: plan.sum(reactivated(weighed, plan.source * 2, normed, squeeze(wa; One), squeeze(wb; One))) as [B, K, C] / squeeze(total; One), size: total }
        }
      }`,
  },
  {
    system: "12-token-correlation", op: "compress",
    text: `
      use folds.token_correlation (correlation, grouped, informative)
      fn one(v: f32[N]) -> f32[B, N] { split(v; N into (B = 1, N)) }
      fn run(keys: f32[N, D], cls_low: f32[N], cls_deep: f32[N], x: f32[N, C], noise: f32[N] = none; tau: Float, nmax: Float, gumbel: Bool) {
        let s = correlation(split(keys; N into (B = 1, N)))
        let groups = if gumbel { grouped(s, one(cls_low), one(cls_deep), one(noise); tau, share: nmax) } else { grouped(s, one(cls_low), one(cls_deep); tau, share: nmax) }
        let out = groups.mean(split(x; N into (B = 1, N)), one(cls_deep))
        { density: cast(informative(s, one(cls_low) > -1.0; tau, share: nmax); to: f32) / N, indices: groups.places[B: 0], owner: groups.owner[B: 0], out: out[B: 0] }
      }`,
  },
  {
    system: "33-aim", op: "iterative_merge",
    text: `
      use folds.aim (aim_merge)
      fn run(x: f32[B, N, C]; divisors: [Int]) { { out: aim_merge(divisors).down(x) } }`,
  },
  {
    system: "33-aim", op: "pagerank_importance",
    text: `
      use folds.aim (importance)
      fn run(q: f32[B, H, N, D], k: f32[B, H, N, D]; tau: Float, iters: Int, damp: Float) {
        let products = dot(q as [B, H, N', D], k; over: D) / sqrt(k.D)
        let scores = select(expand(iota(k.N as N'); like: products, except: (B, H)) >= iota(k.N as N), products, -1e30)
        { importance: importance(scores; tau, rounds: iters, damping: damp) }
      }`,
  },
  {
    system: "33-aim", op: "progressive_prune",
    text: `
      use folds.aim (importance, surviving)
      fn run(q: f32[B, H, N, D], k: f32[B, H, N, D], protected: bool[N]; rates: [Float], tau: Float, iters: Int, damp: Float) {
        let products = dot(q as [B, H, N', D], k; over: D) / sqrt(k.D)
        let scores = select(expand(iota(k.N as N'); like: products, except: (B, H)) >= iota(k.N as N), products, -1e30)
        let ranked = importance(scores; tau, rounds: iters, damping: damp)
        let always = expand(protected; like: ranked)
        let (_, alive) = repeat i in 0..count(rates) from state = (ranked >= 0.0, []) {
          let (before, layers) = state
          let after = surviving(ranked, before, always; rate: rates[i])
          (after, layers + [split(after; B into (L = 1, B))[B: 0]])
        }
        { importance: ranked, alive: concat(alive; over: L) }
      }`,
  },
  {
    system: "33-aim", op: "schedule",
    text: `
      use folds.aim (rates)
      fn run(; layers: Int, first: Int, step: Float) { { out: tensor(rates(layers, first, fall: step)) } }`,
  },
  {
    system: "58-globalcom2", op: "keep_map",
    text: `
      use folds.globalcom2 (Mosaic, keep_map, ratios, thumbnail_places)
      fn run(thumb_score: f32[N], crop_score: f32[P, N]; side: Int, pw: Int, ph: Int, image_w: Int, image_h: Int, base: Float, temperature: Float) where N = side * side, P = ph * pw {
        let mosaic = Mosaic { side: side, pw: pw, ph: ph, image_w: image_w, image_h: image_h }
        let (thumbnail, crops) = (split(thumb_score; N into (B = 1, N)), split(crop_score; P into (B = 1, P)))
        let keep = keep_map(thumbnail, crops; mosaic, base, temperature)[B: 0]
        {
          ratios: ratios(thumbnail; mosaic, base, temperature)[B: 0], thumb_indices: thumbnail_places(thumbnail; base)[B: 0], valid: mosaic.inside(),
          keep: keep, kept: sum(split(cast(join(keep; (Y, X) into M); to: i64); M into (One = 1, M)); over: M)
        }
      }`,
  },
  {
    system: "13-recoverable", op: "lof_count",
    text: `
      use folds.recoverable (outlier_factor, outliers)
      fn run(v: f32[N]; neighbours: Int, threshold: Float) {
        let rows = split(v; N into (B = 1, N))
        let all = rows > -1e30
        { lof: outlier_factor(rows, all; near: neighbours)[B: 0], count: outliers(rows, all; near: neighbours, threshold) }
      }`,
  },
  {
    system: "13-recoverable", op: "recover",
    text: `
      use folds.recoverable (centre_places, class_attention, divided, likeness, recovered)
      fn run(x: f32[N, C], q: f32[M, C], k: f32[M, C], text: f32[E], patches: f32[N, E]; neighbours: [Int], cluster: Int, text_weight: Float, parity: Bool) where M = N + 1 {
        let keys = split(k; M into (B = 1, M))
        let attention = class_attention(split(q; M into (B = 1, M)), keys) as [B, N]
        let like = likeness(split(text; E into (B = 1, E)), split(patches; N into (B = 1, N)))
        let parts = divided(attention, like; width: C, near: neighbours, parity: parity)
        let (out, valid) = recovered(split(x; N into (B = 1, N)), keys[M: 1..] as [B, N, C], attention, parts.likeness, parts.main, parts.centres; cluster, text_weight, parity)
        {
          out: out[B: 0], main: kept(parts.main; over: N)[0][B: 0], centres: centre_places(attention, not parts.main, parts.centres)[0][B: 0],
          counts: join(concat(split(parts.seen; B into (B, T = 1)), split(parts.back; B into (B, T = 1)), split(parts.centres; B into (B, T = 1)); over: T); (B, T) into T)
        }
      }`,
  },
  {
    system: "49-vflowopt", op: "importance_recycle",
    text: `
      use folds.keep (chosen)
      use folds.vflowopt (ranking, recycled)
      fn run(attn: f32[H, N', N], x: f32[N, C]; t: Float, m: Float, prune: Int, width: Int) where N' == N, N % width == 0 {
        let (map, queries) = ranking(split(attn; H into (B = 1, H)); t)
        let (slots, stays) = recycled(split(x; N into (B = 1, N)), map; grid: (N / width, width), m: m, prune: prune)
        let plan = chosen(stays)
        { importance: map[B: 0], queries: queries[B: 0], indices: plan.places[B: 0], out: plan.pick(slots)[B: 0] }
      }`,
  },
  {
    system: "49-vflowopt", op: "patch_entropy",
    text: `
      use folds.vflowopt (patch_entropy)
      fn run(pixels: f32[Channels, Y, X]; patch: Int) { { entropy: patch_entropy(split(pixels; Channels into (B = 1, Channels)); patch)[B: 0] } }`,
  },
];
