"""Folds in the blocks of a ViT, each written from its page of definitions (`systems/<number>`): one picture in, the tokens behind the final norm out."""
import math

import torch
import torch.nn.functional as F
from decisions import above, largest, ordered, smallest, whole

SIDE = 6


def column_means(probs):
    """The attention that each token receives: the mean over heads and queries."""
    return probs.mean(0).mean(0)


def class_row(probs):
    """The attention of the class token to the patches, the mean over heads."""
    return probs.mean(0)[0, 1:]


def cosine(x):
    unit = x / x.norm(dim=-1, keepdim=True)
    return unit @ unit.T


def with_class(x, patches):
    return torch.cat([x[:1], patches])


# ---- 64 HiPrune ------------------------------------------------------------------------------------------------------


def hiprune_places(middle, deep, budget, alpha):
    """Anchors, buffers, registers; positions among the patches."""
    anchors = largest(middle.tolist(), round(budget * alpha / 5))
    group = {min(max(i + step, 0), SIDE * SIDE - 1) for i in anchors for step in (0, -1, 1, -SIDE, SIDE)}
    rest = [(-1.0 if i in group else 0.0) + v for i, v in enumerate(deep.tolist())]
    return sorted(group | set(largest(rest, budget - len(group))))


def hiprune(vit, x, budget=14, alpha=0.7):
    first = vit.block(0, x)
    second = vit.block(1, first.output)
    kept = hiprune_places(column_means(first.probs)[1:], column_means(second.probs)[1:], budget, alpha)
    return vit.finish(with_class(second.output, second.output[1:][kept]), 2)


# ---- 55 ToDRE --------------------------------------------------------------------------------------------------------


def diverse(tokens, start, k, farthest):
    unit = tokens / tokens.norm(dim=-1, keepdim=True)
    chosen = ordered(start.tolist(), 1)
    near = unit @ unit[chosen[0]]
    while len(chosen) < k:
        open_ = [-1e30 if i in chosen else -v for i, v in enumerate(near.tolist())]
        chosen += ordered(open_, 1)
        now = unit @ unit[chosen[-1]]
        near = torch.maximum(near, now) if farthest else near + now
    return sorted(chosen)


def todre(vit, x, k=12, farthest=False):
    first = vit.block(1, vit.block(0, x).output)
    kept = diverse(first.output[1:], class_row(first.probs), k, farthest)
    return vit.finish(with_class(first.output, first.output[1:][kept]), 2)


def crossing(probs, system, vision):
    """How much text looks at the picture, and the picture at the text; tokens stand as system, picture, text."""
    a = probs.mean(0)
    picture, text = range(system, system + vision), range(system + vision, len(a))
    to_vision = sum(a[i, j] for i in text for j in picture) / sum(a[i].sum() for i in text)
    to_text = sum(a[i, j] for i in picture for j in text) / sum(a[i].sum() for i in picture)
    return to_vision.item(), to_text.item()


def relevance_gate(vit, x, system=1, vision=20, tau=0.555):
    first = vit.block(1, vit.block(0, x).output)
    stays = any(above(list(crossing(first.probs, system, vision)), tau))
    x = first.output
    return vit.finish(x if stays else torch.cat([x[:system], x[system + vision :]]), 2)


# ---- 49 VFlowOpt -----------------------------------------------------------------------------------------------------


def vflowopt(vit, x, keep=(0.7, 0.6), t=1.0, m=2.3):
    first = vit.block(0, x)
    x = first.output
    patches, n = x[1:].clone(), SIDE * SIDE
    attention = first.probs.mean(0)[1:, 1:]
    received = attention.mean(0)
    queries = [i for i, v in enumerate(above(received.tolist(), t * received.mean().item())) if v]
    importance = (attention[queries].mean(0) if queries else attention[ordered(received.tolist(), 1)[0]]).tolist()
    low = smallest(importance, round(n * (1 - keep[0])) + math.floor(n / m**2))
    cells = {}
    for i in low:
        cells.setdefault((whole(i // SIDE / m), whole(i % SIDE / m)), []).append(i)
    kept = set(range(n)) - set(low)
    for members in cells.values():
        share = torch.tensor([importance[i] for i in members])
        together = (share / share.sum()) @ patches[members]
        best = members[ordered([importance[i] for i in members], 1)[0]]
        patches[best] = together
        kept.add(best)
    kept = sorted(kept)
    x = with_class(x, patches[kept])
    ranks = [importance[i] for i in kept]
    x = vit.blocks(x, 1, 3)
    stay = largest(ranks, len(ranks) - round(len(ranks) * (1 - keep[1])))
    return vit.finish(with_class(x, x[1:][stay]), 3)


# ---- 00 ToMe's matching, which 33 and 61 build on ------------------------------------------------------------------------


def matching(metric, r, class_token):
    """Positions of tokens that leave (the most similar first), of the ones that they join, and of even ones that stay."""
    similarity = cosine(metric)
    even, odd = range(0, len(metric), 2), range(1, len(metric), 2)
    best, partner = {}, {}
    for i in even:
        row = [similarity[i, j].item() for j in odd]
        j = ordered(row, 1)[0]
        best[i], partner[i] = row[j], odd[j]
    if class_token:
        best[0] = -1e30
    order = ordered([best[i] for i in even], len(even) - 1)
    order += [i for i in range(len(even)) if i not in order]
    leaving, staying = [even[i] for i in order[:r]], [even[i] for i in order[r:]]
    return leaving, [partner[i] for i in leaving], sorted(staying) if class_token else staying


def merged(x, plan):
    """Sums over groups: even tokens that stay, then odd ones with what joined them."""
    leaving, partners, staying = plan
    joined = {j: x[j] for j in range(1, len(x), 2)}
    for i, j in zip(leaving, partners):
        joined[j] = joined[j] + x[i]
    return torch.stack([x[i] for i in staying] + list(joined.values()))


def unmerged(y, plan, n):
    leaving, partners, staying = plan
    out, odd = torch.zeros(n, y.shape[1]), y[len(staying) :]
    for place, i in enumerate(staying):
        out[i] = y[place]
    for place, j in enumerate(range(1, n, 2)):
        out[j] = odd[place]
    for i, j in zip(leaving, partners):
        out[i] = odd[j // 2]
    return out


# ---- 33 AIM, before the language model ---------------------------------------------------------------------------------


def aim_merge(vit, x, divisors=(2, 4), back=True):
    """Merged before block 1; unmerged before block 3, or not at all."""
    x = vit.block(0, x).output
    tokens, plans = x[1:], []
    for d in divisors:
        n = len(tokens)
        plan = matching(tokens, min(SIDE * SIDE // d, n // 2), False)
        tokens = merged(tokens, plan) / merged(torch.ones(n, 1), plan)
        plans.append((plan, n))
    y = vit.blocks(with_class(x, tokens), 1, 3)
    if back:
        patches = y[1:]
        for plan, n in reversed(plans):
            patches = unmerged(patches, plan, n)
        y = with_class(y, patches)
    return vit.finish(y, 3)


# ---- 12 token correlation ------------------------------------------------------------------------------------------------


def quartile(values, q):
    values = sorted(values)
    place = q * (len(values) - 1) / 4
    low = math.floor(place)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (place - low)


def correlated(sites, low, tau, share):
    """The class token and the groups of patches behind a block."""
    x, n = sites.output, len(sites.output) - 1
    keys = sites.keys.transpose(0, 1).reshape(len(x), -1)[1:]
    s = cosine(keys)
    low, high = class_row(low).tolist(), class_row(sites.probs).tolist()
    alike = [sum(above([s[i, j].item() for j in range(n) if j != i], tau)) for i in range(n)]
    informative = n - sum(count >= share * n for count in alike)
    q1, q3 = quartile(high, 1), quartile(high, 3)
    fence = above(high, q3 + 1.5 * (q3 - q1))
    # A picture of which nothing would be left keeps its first patch (ours).
    kept = sorted({i for i in range(n) if fence[i]} | set(largest(low, informative))) or [0]
    groups = {p: [p] for p in kept}
    for j in set(range(n)) - set(kept):
        groups[kept[ordered([s[p, j].item() for p in kept], 1)[0]]].append(j)
    patches = []
    for members in groups.values():
        weight = torch.tensor([high[j] for j in members])
        patches.append((weight / weight.sum()) @ x[1:][members])
    return with_class(x, torch.stack(patches))


def token_correlation(vit, x, tau=0.6, share=0.1):
    shallow = vit.block(0, x)
    return vit.finish(correlated(vit.block(1, shallow.output), shallow.probs, tau, share), 2)


def token_correlation_twice(vit, x, tau=0.6, share=0.1):
    """Behind block 0, and of what is left behind block 2."""
    first = vit.block(0, x)
    shallow = vit.block(1, correlated(first, first.probs, tau, share))
    return vit.finish(correlated(vit.block(2, shallow.output), shallow.probs, tau, share), 3)


# ---- 61 PYRA ---------------------------------------------------------------------------------------------------------------


def pyra(vit, x, trained, r=(5, 4), first=1):
    x, size = pyra_merged(vit, vit.blocks(x, 0, first), trained, r, first)
    return vit.finish(x, first + len(r), size[:, 0].log())


def pyra_merged(vit, x, trained, r, first):
    """Through as many blocks as `r` has numbers: the tokens, and how many each stands for."""
    size = torch.ones(len(x), 1)
    for block, count in enumerate(r):
        sites = vit.attend(first + block, x, size[:, 0].log())
        plan = matching(sites.keys.mean(0), count, True)
        leaving, partners, staying = plan
        wa, wb, gain, shift = (trained[f"pyra.blocks.{block}.{name}"] for name in ("wa", "wb", "norm.weight", "norm.bias"))
        weighed = sites.attended * size
        pairs = F.layer_norm(torch.stack([weighed[i] + weighed[j] for i, j in zip(leaving, partners)]), (x.shape[1],), gain, shift, 1e-5)
        by_channel, by_pair = 2 * torch.sigmoid(wa @ pairs), 2 * torch.sigmoid(pairs @ wb) - 1
        changed = weighed.clone()
        for rank, i in enumerate(leaving):
            changed[i] = weighed[i] + weighed[i] * by_channel * by_pair[rank]
        size = merged(size, plan)
        x = vit.feed(first + block, merged(changed, plan) / size)
    return x, size


# ---- 62 Token-Shuffle --------------------------------------------------------------------------------------------------------


def residual(z, trained, at):
    inner = F.gelu(F.linear(z, trained[at + ".fc1.weight"], trained[at + ".fc1.bias"]))
    return z + F.linear(inner, trained[at + ".fc2.weight"], trained[at + ".fc2.bias"])


def token_shuffle(vit, x, trained, s=2):
    """Fused before block 1, parted before block 3."""
    at, c = "shuffle.", x.shape[1] // s**2
    x = vit.block(0, x).output
    narrow = F.linear(x[1:], trained[at + "shuffle.compress.weight"], trained[at + "shuffle.compress.bias"])
    windows = [(s * i, s * j) for i in range(SIDE // s) for j in range(SIDE // s)]
    inside = [(a, b) for a in range(s) for b in range(s)]
    z = torch.stack([torch.cat([narrow[(y + a) * SIDE + x0 + b] for a, b in inside]) for y, x0 in windows])
    for i in (0, 1):
        z = residual(z, trained, f"{at}shuffle.refine.{i}")
    y = vit.blocks(with_class(x, z), 1, 3)
    z = y[1:]
    for i in (0, 1):
        z = residual(z, trained, f"{at}unshuffle.refine.{i}")
    patches = torch.zeros(SIDE * SIDE, c)
    for window, (row, column) in enumerate(windows):
        for place, (a, b) in enumerate(inside):
            patches[(row + a) * SIDE + column + b] = z[window, place * c : (place + 1) * c]
    return vit.finish(with_class(y, F.linear(patches, trained[at + "unshuffle.expand.weight"], trained[at + "unshuffle.expand.bias"])), 3)


# ---- 02 memory reweaving ---------------------------------------------------------------------------------------------------------


def rewoven(x, taps, maps, logits, alpha, decay, gamma):
    memory = torch.zeros_like(x)
    for tap, map_, weight in zip(taps, maps, torch.softmax(logits, 0)):
        z = tap @ map_
        z = z * x.norm(dim=-1, keepdim=True) / z.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        held = torch.zeros(x.shape[1])
        for t in range(len(x)):
            held = decay * held + (1 - decay) * z[t]
            memory[t] += weight * held
    gate = alpha * torch.sigmoid(gamma * (1 - F.cosine_similarity(x, memory, dim=-1)))[:, None] if gamma > 0 else alpha
    return (1 - gate) * x + gate * memory


def reweave(vit, x, trained=None):
    """Outputs of blocks 0 and 1 into the input of block 3: as they are, with a gate a token; or mapped, with a memory along the tokens."""
    taps = [vit.block(0, x).output]
    taps.append(vit.block(1, taps[0]).output)
    x = vit.block(2, taps[1]).output
    if trained is None:
        maps, logits = torch.eye(x.shape[1]).expand(2, -1, -1), torch.zeros(2)
        return vit.finish(rewoven(x, taps, maps, logits, 0.3, 0.0, 4.0), 3)
    return vit.finish(rewoven(x, taps, trained["reconstruction.maps"], trained["reconstruction.logits"], 0.4, 0.5, 0.0), 3)


# ---- 26 MrT5's gate on patches ------------------------------------------------------------------------------------------------------


def gated(x, trained, name, k=-30.0):
    """The gate of one neuron: near 0 keeps a token, near k deletes it."""
    n = x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * trained[name + ".layer_norm.weight"]
    return k * torch.sigmoid(-(n @ trained[name + ".feed_forward.weight"][0] + trained[name + ".feed_forward.bias"][0]))


def mrt5(vit, x, trained, soft=False):
    """Before block 2. Softly, the class token has no gate and all tokens stay."""
    x = vit.blocks(x, 0, 2)
    score = gated(x[1:], trained, "gate")
    if soft:
        return vit.finish(x, 2, torch.cat([torch.zeros(1), score]))
    kept = [i for i, stays in enumerate(above(score.tolist(), -15.0)) if stays]
    return vit.finish(with_class(x, x[1:][kept or [0]]), 2)


# ---- one behind another: what a merge carries goes along with a pruning ----------------------------------------------------------------


def merged_then_diverse(vit, x, trained, k=12):
    """PYRA in block 1, ToDRE before block 3 by the attention of block 2; sizes of the tokens that stay count in block 3."""
    x, size = pyra_merged(vit, vit.block(0, x).output, trained, (5,), 1)
    sites = vit.block(2, x, size[:, 0].log())
    kept = [0] + [1 + i for i in diverse(sites.output[1:], class_row(sites.probs), k, False)]
    return vit.finish(sites.output[kept], 3, size[kept, 0].log())


def merged_then_gated(vit, x, trained):
    """PYRA in block 1, MrT5's gate before block 3; each picture keeps a number of its own."""
    x, size = pyra_merged(vit, vit.block(0, x).output, trained, (5,), 1)
    x = vit.block(2, x, size[:, 0].log()).output
    stays = above(gated(x[1:], trained, "gate").tolist(), -15.0)
    kept = [0] + [1 + i for i, stay in enumerate(stays) if stay]
    return vit.finish(x[kept], 3, size[kept, 0].log())


# ---- 13 recoverable compression --------------------------------------------------------------------------------------------------------


def outlier_count(values, near, threshold=1.5):
    n = len(values)
    nearest = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        distances = [-abs(values[i] - values[j]) for j in others]
        farthest = abs(values[i]) - sorted(distances, reverse=True)[near]
        nearest.append([others[a] for a in largest(distances, near, alike=True, scale=farthest)])
    reach = [max(abs(values[i] - values[o]) for o in nearest[i]) for i in range(n)]
    density = [1 / (sum(max(reach[o], abs(values[i] - values[o])) for o in nearest[i]) / near + 1e-10) for i in range(n)]
    return sum(above([sum(density[o] for o in nearest[i]) / near / density[i] for i in range(n)], threshold))


def recoverable(vit, x, question, near=(5, 5, 4), cluster=8):
    """Features enter the last block; its queries and keys, all heads in one, tell attention; the question is compared with what leaves the model."""
    features = vit.blocks(x, 0, vit.depth - 1)
    last = vit.block(vit.depth - 1, features)
    final = vit.layer_norm(last.output, "vit.layernorm")[1:]
    keys = last.keys.transpose(0, 1).reshape(len(x), -1)
    query = last.queries.transpose(0, 1).reshape(len(x), -1)[0]
    a = torch.softmax(keys @ query / x.shape[1] ** 0.5, 0)[1:].tolist()
    s = (final @ question / final.norm(dim=-1) / question.norm() / len(question) ** 0.5).tolist()
    n = len(a)
    seen = largest(a, outlier_count(a, near[0]))
    lowest = min(s)
    s = [lowest if i in seen else v for i, v in enumerate(s)]
    back = largest(s, whole((n - len(seen)) * (outlier_count(s, near[1]) / n)))
    main = sorted(set(seen) | set(back))
    rest = [i for i in range(n) if i not in main]
    rest_a = [a[i] for i in rest]
    centres = [rest[i] for i in ordered(rest_a, outlier_count(rest_a, near[2]))]
    x, alike = features[1:], cosine(keys[1:])
    rows = [x[i] for i in main]
    for c in centres:
        others = [j for j in rest if j != c]
        best = [others[i] for i in largest([alike[c, j].item() + 50 * s[j] for j in others], min(cluster, len(others)))]
        rows.append(x[c] + sum(a[j] * x[j] for j in best))
    if centres:
        rows.append(sum(a[j] * x[j] for j in rest if j not in centres))
    return torch.stack(rows), torch.tensor([len(seen), len(back), len(centres)])


# ---- 58 GlobalCom2 ----------------------------------------------------------------------------------------------------------------------


def globalcom2(vit, views, newline, size=(50, 40), grid=(2, 2), base=0.35):
    """`views`: embedded thumbnail and crops. Attention logits of the class token in the last block say what stays of the tokens that leave it."""
    tokens, scores = [], []
    for x in views:
        last = vit.block(vit.depth - 1, vit.blocks(x, 0, vit.depth - 1))
        tokens.append(vit.layer_norm(last.output, "vit.layernorm")[1:])
        scores.append(last.scores.mean(0)[0, 1:])
    ph, pw = grid
    thumbnail = ordered(scores[0].tolist(), whole(SIDE * SIDE * base))
    seen = torch.zeros(ph * pw)
    for i, v in enumerate(scores[0]):
        y, x = divmod(i, SIDE)
        seen[min(y // (SIDE // ph), ph - 1) * pw + min(x // (SIDE // pw), pw - 1)] += v
    powers = ((seen - seen.max()) / 10).exp()
    sigma = powers / (powers.sum() + 1e-8)
    ratio = (base * (1 + sigma - sigma.mean())).clamp_max(1)
    rows, columns = ph * SIDE, pw * SIDE
    top, left = 0, 0
    if size[0] / size[1] > columns / rows:
        top = (rows - int(size[1] * (columns / size[0]))) // 2
    else:
        left = (columns - int(size[0] * (rows / size[1]))) // 2
    valid = [[(y, x) for y in range(top, rows - top) for x in range(left, columns - left) if (y // SIDE, x // SIDE) == (p // pw, p % pw)] for p in range(ph * pw)]
    enlarged = F.interpolate(scores[0].view(1, 1, SIDE, SIDE), (rows - 2 * top, columns - 2 * left), mode="bilinear", align_corners=False)[0, 0]
    kept = {}
    for p, places in enumerate(valid):
        own = torch.stack([scores[1 + p][(y % SIDE) * SIDE + x % SIDE] for y, x in places])
        far = torch.stack([enlarged[y - top, x - left] for y, x in places])
        both = (own / own.norm().clamp_min(1e-12) + far / far.norm().clamp_min(1e-12)).tolist()
        for i in largest(both, whole(len(places) * ratio[p].item())):
            y, x = places[i]
            kept[places[i]] = tokens[1 + p][(y % SIDE) * SIDE + x % SIDE]
    out = [tokens[0][i] for i in thumbnail]
    for y in range(top, rows - top):
        out += [kept[y, x] for x in range(columns) if (y, x) in kept] + [newline]
    return torch.stack(out)


# ---- 56 the protection of CapRecover -----------------------------------------------------------------------------------------------------


def sealed(vit, x, noise, scale=4.0):
    """What is sent between blocks 1 and 2; the second part takes the noise away again, so its result is the plain one."""
    return vit.blocks(x, 0, 2) + scale * noise
