"""Folds in a decoder and in a text encoder, each written from its page of definitions (`systems/<number>`): one text in, what the whole model gives out."""
import torch
import torch.nn.functional as F
from decisions import above, largest
from vision import crossing, diverse, gated, matching, merged, rewoven, unmerged

# ---- 31 token prepending ---------------------------------------------------------------------------------------------


def prepended(decoder, ids, placeholder=39, start=1, end=3):
    place = ids.tolist().index(placeholder)
    x, positions = decoder.embed(ids), torch.arange(len(ids))
    for i in range(decoder.depth):
        if start <= i < end:
            x = x.clone()
            x[place] = x[-1]
        x = decoder.block(i, x, positions).output
    return decoder.logits(decoder.norm(x, "model.norm"))


# ---- 33 AIM, inside the language model -----------------------------------------------------------------------------------


def reached(scores, tau=0.1, rounds=5):
    """How much attention reaches each token from all alike, over the heads the root of the mean of squares."""
    m = torch.softmax(scores / tau, -1)
    p = torch.full((len(scores), 1, scores.shape[-1]), 1 / scores.shape[-1])
    for _ in range(rounds):
        p = p @ m
    return p[:, 0].pow(2).mean(0).sqrt()


def aim_prune(decoder, ids, system=2, vision=8, stages=((1, 5), (2, 2))):
    """Behind block i only so many of the picture's tokens stay; all keep their positions."""
    x, positions, keep = decoder.embed(ids), torch.arange(len(ids)), dict(stages)
    for i in range(decoder.depth):
        sites = decoder.block(i, x, positions)
        x = sites.output
        if i in keep:
            picture = reached(sites.scores)[system : system + vision].tolist()
            # Five rounds of scores ten times as sharp: what is small is small by factors, and so is rounding.
            stay = largest(picture, keep[i], scale=50 * sorted(picture, reverse=True)[keep[i]])
            kept = list(range(system)) + [system + j for j in stay] + list(range(system + vision, len(x)))
            x, positions, vision = x[kept], positions[kept], keep[i]
    return decoder.logits(decoder.norm(x, "model.norm"))


# ---- 33 AIM's merge, in a decoder: a group stands where its first member stood --------------------------------------------------


def aim_merge(decoder, ids, end=3):
    """Half of the tokens from block 1 to block `end`. A token may then see what is merged into an earlier one."""
    positions = torch.arange(len(ids))
    x = decoder.block(0, decoder.embed(ids), positions).output
    plan = matching(x, len(x) // 2, False)
    y = merged(x, plan) / merged(torch.ones(len(x), 1), plan)
    leaving, partners, staying = plan
    firsts = {j: j for j in range(1, len(x), 2)}
    for i, j in zip(leaving, partners):
        firsts[j] = min(firsts[j], i)
    places = torch.tensor(list(staying) + list(firsts.values()))
    for i in range(1, end):
        y = decoder.block(i, y, places).output
    return decoder.logits(decoder.states(unmerged(y, plan, len(x)), positions, end))


# ---- 55 ToDRE, inside the language model -----------------------------------------------------------------------------------


def relevance_gate(decoder, ids, system=2, vision=8, tau=0.55):
    """Before block 2, by what block 1 attends to."""
    positions = torch.arange(len(ids))
    x = decoder.block(0, decoder.embed(ids), positions).output
    sites = decoder.block(1, x, positions)
    kept = list(range(len(ids)))
    if not any(above(list(crossing(sites.probs, system, vision)), tau)):
        kept = kept[:system] + kept[system + vision :]
    return decoder.logits(decoder.states(sites.output[kept], positions[kept], 2))


# ---- 02 memory reweaving, along a text ---------------------------------------------------------------------------------------


def reweave(decoder, ids, trained):
    positions, taps = torch.arange(len(ids)), []
    x = decoder.embed(ids)
    for i in range(3):
        x = decoder.block(i, x, positions).output
        taps.append(x)
    x = rewoven(x, taps[:2], trained["reconstruction.maps"], trained["reconstruction.logits"], 0.4, 0.5, 4.0)
    return decoder.logits(decoder.states(x, positions, 3))


# ---- 42 RazorAttention -----------------------------------------------------------------------------------------------------------


def razor(decoder, ids, newest, retrieval=(0,), sinks=2, window=6):
    """The prompt is read as it is; then keys and values of the heads outside `retrieval` are clipped, and the newest tokens are read one by one."""
    positions = torch.arange(len(ids))
    x, streams = decoder.embed(ids), list(decoder.embed(newest)[:, None])
    share = decoder.heads // decoder.groups
    for i in range(decoder.depth):
        _, k, v = decoder.project(i, x)
        k = decoder.rotated(k, positions)
        caches = []
        for g in range(decoder.groups):
            tokens = list(zip(k[g], v[g]))
            caches.append(tokens if g in retrieval else None)
            if g not in retrieval:
                dropped = tokens[sinks : len(tokens) - window]
                mean = [torch.stack([t[part] for t in dropped]).mean(0) for part in (0, 1)]
                caches[g] = dict(first=tokens[:sinks], last=tokens[len(tokens) - window :], mean=mean, count=len(dropped))
        for n, y in enumerate(streams):
            at = torch.tensor([len(ids) + n])
            q, own_k, own_v = decoder.project(i, y)
            q, own_k = decoder.rotated(q, at)[:, 0], decoder.rotated(own_k, at)[:, 0]
            out = []
            for g, cache in enumerate(caches):
                newest_token = (own_k[g], own_v[g, 0])
                if g in retrieval:
                    cache.append(newest_token)
                    seen, heavy = cache, None
                else:
                    leaving = cache["last"].pop(0)
                    cache["mean"] = [(m * cache["count"] + t) / (cache["count"] + 1) for m, t in zip(cache["mean"], leaving)]
                    cache["count"] += 1
                    cache["last"].append(newest_token)
                    seen, heavy = cache["first"] + cache["last"] + [cache["mean"]], cache["count"]
                for h in range(g * share, (g + 1) * share):
                    z = torch.stack([q[h] @ t[0] for t in seen]) / q.shape[-1] ** 0.5
                    if heavy is not None:
                        z[-1] = z[-1] + torch.tensor(float(heavy)).log()
                    out.append(torch.softmax(z, 0) @ torch.stack([t[1] for t in seen]))
            streams[n] = decoder.close(i, y, torch.cat(out)[None])
        x = decoder.block(i, x, positions).output
    return decoder.logits(decoder.norm(torch.cat(streams), "model.norm"))


# ---- 43 ActQKV ----------------------------------------------------------------------------------------------------------------------


def probe(queries):
    centred = queries - queries.mean(0)
    variance = centred.pow(2).mean(0)
    weight = (centred.pow(2) / (variance + variance.mean() / 100)).mean(1)
    return (weight / weight.sum()) @ queries


def actqkv(decoder, ids, window=6, first=4, size=4, near=8, count=2, representatives=2):
    """The last token sees the beginning, the blocks that the window's probe finds, and the near end; the others see all."""
    n, positions = len(ids), torch.arange(len(ids))
    x = decoder.embed(ids)
    y, blocks, densities = x[-1:], [], []
    for i in range(decoder.depth):
        sites = decoder.block(i, x, positions)
        q, k, v = decoder.project(i, x)
        wide_q, wide_k = (t.transpose(0, 1).reshape(n, -1) for t in (q, decoder.served(k)))
        attention = sites.probs[:, n - window :].mean(0).mean(0)
        keys = []
        for start in range(first, n - near, size):
            best = largest(attention[start : start + size].tolist(), representatives)
            keys.append(torch.stack([wide_k[start + b] for b in best]).mean(0))
        asked = probe(wide_q[n - window :])
        scores = torch.stack([torch.dot(asked, key) / asked.norm() / key.norm() for key in keys])
        found = largest(scores.tolist(), count)
        p = torch.softmax(scores, 0)
        densities.append(-(p * (p + 1e-10).log()).sum() / torch.tensor(float(len(keys))).log())
        blocks.append(found)
        seen = list(range(first)) + [first + size * b + j for b in found for j in range(size)] + list(range(n - near, n))
        last_q, last_k, last_v = decoder.project(i, y)
        ks = decoder.served(torch.cat([decoder.rotated(k, positions)[:, :-1], decoder.rotated(last_k, positions[-1:])], 1))[:, seen]
        vs = decoder.served(torch.cat([v[:, :-1], last_v], 1))[:, seen]
        context = torch.softmax(decoder.rotated(last_q, positions[-1:]) @ ks.transpose(1, 2) / ks.shape[-1] ** 0.5, -1) @ vs
        y = decoder.close(i, y, context.transpose(0, 1).reshape(1, -1))
        x = sites.output
    return decoder.logits(decoder.norm(y, "model.norm")), torch.tensor(blocks), torch.stack(densities)


# ---- 14 ARC-Encoder ---------------------------------------------------------------------------------------------------------------------


def split_sizes(n, length):
    if n % length == 0:
        return [length] * (n // length)
    groups = n // length + 1
    return [n // groups + (1 if g < n % groups else 0) for g in range(groups)]


def arc_block(decoder, i, asking, x):
    """A block whose queries and stream are `asking`; everybody sees everybody."""
    q, _, _ = decoder.project(i, asking)
    _, k, v = decoder.project(i, x)
    q, k = decoder.rotated(q, torch.arange(len(asking))), decoder.rotated(k, torch.arange(len(x)))
    probs = torch.softmax(q @ decoder.served(k).transpose(1, 2) / q.shape[-1] ** 0.5, -1)
    return decoder.close(i, asking, (probs @ decoder.served(v)).transpose(0, 1).reshape(len(asking), -1))


def arc_encoder(decoder, ids, length=4, cut=2):
    x = decoder.embed(ids)
    last = decoder.depth - cut - 1
    for i in range(last):
        x = arc_block(decoder, i, x, x)
    groups, start = [], 0
    for size in split_sizes(len(ids), length):
        groups.append(x[start : start + size].mean(0))
        start += size
    return arc_block(decoder, last, torch.stack(groups), x)


def read_compressed(decoder, vectors, prompt, trained):
    """The decoder on compressed context and a prompt behind it."""
    context = F.linear(F.linear(vectors, trained["projector.layers.0.weight"]), trained["projector.layers.1.weight"])
    return decoder.logits(decoder.states(torch.cat([context, decoder.embed(prompt)])))


# ---- 22 PILS ----------------------------------------------------------------------------------------------------------------------------------


def pils(decoder, ids, tokens):
    """Codes of the log-probabilities of every position, and the log-probabilities that they hold."""
    logp = torch.log_softmax(decoder.logits(decoder.states(decoder.embed(ids))), -1)
    code = logp[:, tokens[1:]] - logp[:, tokens[:1]]
    head = decoder.w["lm_head.weight"]
    hidden = torch.linalg.lstsq(head[tokens[1:]] - head[tokens[0]], code.T).solution
    return code, torch.log_softmax((head @ hidden).T, -1)


# ---- 44 Causal2Vec ----------------------------------------------------------------------------------------------------------------------------


def causal2vec(bert, decoder, small, ids, trained):
    e = bert.blocks(bert.embed(small, torch.zeros_like(small))).mean(0)
    c = F.gelu(F.linear(e, trained["projection.0.weight"], trained["projection.0.bias"]))
    c = F.linear(c, trained["projection.2.weight"], trained["projection.2.bias"])
    states = decoder.states(torch.cat([c[None], decoder.embed(ids)]))
    out = torch.cat([states[0], states[-1]])
    return out / out.norm()


# ---- 26 MrT5 ------------------------------------------------------------------------------------------------------------------------------------


def mrt5(bert, ids, kinds, trained, threshold=-3.0):
    """Before block 1; texts come without padding, which the gate always deletes."""
    x = bert.block(0, bert.embed(ids, kinds))
    score = gated(x, trained, "text_gate")
    kept = [i for i, stays in enumerate(above(score.tolist(), threshold)) if stays]
    return bert.blocks(x[kept or [0]], 1)


# ---- 55 ToDRE among words: the mask goes along ---------------------------------------------------------------------------------


def todre(bert, ids, mask, kinds, k=7):
    """Before block 1, padding among the tokens; the first is token 0. Which stay, and what they become."""
    hidden = (mask.to(torch.get_default_dtype()) - 1) * 1e9
    x = bert.block(0, bert.embed(ids, kinds), hidden)
    kept = diverse(x, torch.tensor([1.0] + [0.0] * (len(x) - 1)), k, False)
    return bert.blocks(x[kept], 1, hidden[kept])


# ---- 60 code units ----------------------------------------------------------------------------------------------------------------------------------


def code_units(bert, ids, units, trained):
    """Units stand between embeddings and blocks, by learned weights; behind the blocks every token gets its unit's vector."""
    h = bert.embed(ids, torch.zeros_like(ids))
    merged = []
    for g in range(max(units) + 1):
        members = [t for t, unit in enumerate(units) if unit == g]
        share = torch.softmax(torch.stack([h[t] @ trained["units.weight"] for t in members]), 0)
        merged.append(share @ h[members])
    y = bert.blocks(torch.stack(merged))
    return y[units]


# ---- 11 follow the flow -----------------------------------------------------------------------------------------------------------------------------------


def follow_flow(bert, ids, items, begin=2, end=3, padding=0):
    """`items`: (start, length) in the prompt; each is encoded alone, and its rows take the place of the prompt's."""

    def encoded(tokens):
        tokens = torch.tensor(tokens)
        hidden = torch.where(tokens > 0, 0.0, -1e9).to(torch.get_default_dtype())
        return bert.blocks(bert.embed(tokens, torch.zeros_like(tokens)), 0, hidden)

    prompt = ids.tolist()
    out = encoded(prompt).clone()
    for start, length in items:
        alone = [begin, *prompt[start : start + length], end]
        alone += [padding] * (len(prompt) - len(alone))
        if length:
            out[start : start + length] = encoded(alone)[1 : 1 + length]
    return out
