"""Token folds in plain PyTorch, from systems 00 and 01; `../README.md` states each definition in words."""
import math

import torch
import torch.nn.functional as F

# ---- expedite (system 01) ----------------------------------------------------------------------------------------


def pool(x, n, k):
    """[B, n*n, C] to [B, k*k, C], adaptive average pooling; bins may overlap."""
    rows = torch.zeros(k, n)
    for i in range(k):
        first, end = i * n // k, -(-(i + 1) * n // k)
        rows[i, first:end] = 1 / (end - first)
    return torch.kron(rows, rows) @ x


def window_mask(n, k, window):
    """[k*k, n*n], true where token and centre may meet: home cell floor(y k / n) within window // 2 on both axes."""
    near = (torch.arange(n) * k // n - torch.arange(k)[:, None]).abs() <= window // 2
    return (near[:, None, :, None] & near[None, :, None, :]).reshape(k * k, n * n)


def squared_distance(x, c):
    """[B, N, K]."""
    return (x * x).sum(-1)[:, :, None] + (c * c).sum(-1)[:, None, :] - 2 * x @ c.transpose(1, 2)


def cluster(x, n, k, t, rounds=5, window=5):
    """`t` is a number, or [B,1,1] to differ by picture."""
    far = torch.where(window_mask(n, k, window), 0.0, 1e16)
    c = pool(x, n, k)
    for _ in range(rounds):
        a = torch.softmax(-t * (squared_distance(x, c).transpose(1, 2) + far), 1)
        c = a @ x / a.sum(-1, keepdim=True).clamp_min(1e-16)
    return c


def blend(x, c, t, near, norm):
    """[B, N, K]: how much of each centre a token takes; the row minimum is subtracted, which cancels in either norm."""
    d = squared_distance(x, c).clamp_min(0)
    w = torch.exp(-t * (d - d.min(-1, keepdim=True)[0]))
    smallest = w.topk(min(near, w.shape[-1]), -1)[0][..., -1:]
    w = torch.where(w >= smallest, w, 0.0)
    return F.normalize(w, 2, -1) if norm == "l2" else w / w.sum(-1, keepdim=True)


def following(x, n, k, factor):
    """t = factor / d0, one number a picture [B,1,1]; d0 = mean over tokens of the squared distance to the nearest pooled centre."""
    nearest = squared_distance(x, pool(x, n, k)).clamp_min(0).min(-1)[0]
    return factor / nearest.mean(-1)[:, None, None].clamp_min(1e-12)


class Expedite:
    """Blocks 0..alpha on all tokens, the rest on `k` x `k` centres; the class token passes by."""

    def __init__(self, model, pixels, alpha, k, t=None, factor=None):
        self.model, n = model, model.grid
        x = model.blocks(model.embed(pixels), 0, alpha)
        self.x = x[:, 1:]
        self.t = following(self.x, n, k, factor) if t is None else t
        self.c = cluster(self.x, n, k, self.t)
        self.y = model.blocks(torch.cat([x[:, :1], self.c], 1), alpha, model.depth)[:, 1:]

    def value(self, near, norm):
        """Final LayerNorm on the centres, then the reconstruction, then the head."""
        return self.model.head(blend(self.x, self.c, self.t, near, norm) @ self.model.norm(self.y))

    def value_then_norm(self, near, norm):
        """Reconstruction, then the final LayerNorm on all tokens, then the head."""
        return self.model.decode(blend(self.x, self.c, self.t, near, norm) @ self.y)

    def residual(self, near, norm="l1"):
        """Token as it was plus the change of its centres, then the final LayerNorm and the head."""
        return self.model.decode(self.x + blend(self.x, self.c, self.t, near, norm) @ (self.y - self.c))


# ---- tome (system 00) --------------------------------------------------------------------------------------------


class Plan:
    """Bipartite soft matching with a class token: what goes where, and back."""

    def __init__(self, metric, r):
        m = metric / metric.norm(dim=-1, keepdim=True)
        self.n = m.shape[1]
        scores = m[:, ::2] @ m[:, 1::2].transpose(1, 2)
        scores[:, 0] = -math.inf
        best, partner = scores.max(-1)
        order = best.argsort(dim=-1, descending=True, stable=True)
        self.src = order[:, :r]
        self.unm = order[:, r:].sort(-1)[0]
        self.dst = partner.gather(1, self.src)
        ranked = best.gather(1, order)
        # How near the choice was: the last score that merges beside the first that does not.
        self.margin = float((ranked[:, r - 1] - ranked[:, r]).min())
        kept = self.unm.shape[1]
        # Where each old token stands after the merge.
        self.place = torch.empty(len(m), self.n, dtype=torch.long)
        self.place[:, 1::2] = kept + torch.arange(self.n // 2)
        self.place.scatter_(1, 2 * self.unm, torch.arange(kept).expand(len(m), kept))
        self.place.scatter_(1, 2 * self.src, kept + self.dst)

    def sum(self, x):
        out = torch.zeros(len(x), self.n - self.src.shape[1], x.shape[-1])
        return out.scatter_add(1, self.place[..., None].expand_as(x), x)

    def spread(self, y):
        return rows(y, self.place)


def rows(x, index):
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))


class Tome:
    """rs[l] tokens are merged in block l between attention and MLP; `metric` is "keys", "features", or "random" for a control."""

    def __init__(self, model, pixels, rs, metric, proportional=True):
        self.model, self.plans, self.merges = model, [], []
        x = model.embed(pixels)
        size = torch.ones(*x.shape[:2], 1)
        for layer, r in enumerate(rs):
            r = min(r, (x.shape[1] - 1) // 2)
            if r > 0 and not self.plans:
                self.first = x
            x, keys = model.attend(x, layer, size[..., 0] if self.plans and proportional else None)
            if r > 0:
                compared = {"keys": lambda: keys.mean(1), "features": lambda: model.mlp_input(x, layer), "random": lambda: torch.randn_like(x)}
                plan = Plan(compared[metric](), r)
                total = plan.sum(size)
                merged = plan.sum(x * size) / total
                self.plans.append(plan)
                self.merges.append((x, merged))
                x, size = merged, total
            x = model.feed(x, layer)
        self.y, self.size = x, size

    def place(self):
        """[B, N]: the group of each original token."""
        place = self.plans[0].place
        for plan in self.plans[1:]:
            place = plan.place.gather(1, place)
        return place

    def value(self):
        """Every token gets its group's value; [B,N,C] before the final LayerNorm."""
        return rows(self.y, self.place())

    def residual_first(self):
        """x0 + (group's value - mean of x0 over the group), x0 = input of the first merging block: the README's table."""
        place = self.place()
        index = place[..., None].expand_as(self.first)
        mean = torch.zeros_like(self.y).scatter_add(1, index, self.first) / self.size
        return self.first + rows(self.y - mean, place)

    def residual_nested(self):
        """Merge by merge, last first: attended + spread(y - merged), the tokens as they were at that merge."""
        y = self.y
        for plan, (before, merged) in zip(reversed(self.plans), reversed(self.merges)):
            y = before + plan.spread(y - merged)
        return y


# ---- controls at the same budget -----------------------------------------------------------------------------------


def uniform_grid(n, k):
    """k rows and k columns of the n x n grid: floor((2 j + 1) n / (2 k))."""
    i = torch.tensor([(2 * j + 1) * n // (2 * k) for j in range(k)])
    return (i[:, None] * n + i).reshape(-1)


def random_tokens(n, count, seed):
    """Row-major order, one draw for all pictures of a batch."""
    return torch.randperm(n * n, generator=torch.Generator().manual_seed(seed))[:count].sort()[0]


def nearest_kept(n, kept):
    """[n*n]: which kept token is nearest on the grid (squared Euclidean distance; ties: the first in row-major order)."""
    y, x = torch.arange(n * n) // n, torch.arange(n * n) % n
    distance = (y[:, None] - y[kept]) ** 2 + (x[:, None] - x[kept]) ** 2
    return (distance * len(kept) + torch.arange(len(kept))).argmin(1)


class Keep:
    """Blocks 0..alpha on all tokens, the rest on the kept ones; each patch then takes from the nearest kept one."""

    def __init__(self, model, pixels, alpha, kept):
        self.model = model
        x = model.blocks(model.embed(pixels), 0, alpha)
        self.x = x[:, 1:]
        self.s = self.x[:, kept]
        self.y = model.blocks(torch.cat([x[:, :1], self.s], 1), alpha, model.depth)[:, 1:]
        self.source = nearest_kept(model.grid, kept)

    def value(self):
        return self.model.decode(self.y[:, self.source])

    def residual(self):
        return self.model.decode(self.x + (self.y - self.s)[:, self.source])


# ---- what a fold saves -----------------------------------------------------------------------------------------------


def block_cost(n, width, ratio):
    """Multiply-adds of one block: (4 + 2 ratio) n d^2 + 2 n^2 d."""
    return (4 + 2 * ratio) * n * width**2 + 2 * n**2 * width


def cut_ratio(depth, alpha, n, k, width, ratio):
    """n and k count the class token."""
    return (alpha * block_cost(n, width, ratio) + (depth - alpha) * block_cost(k, width, ratio)) / (depth * block_cost(n, width, ratio))


def merge_ratio(rs, n, width, ratio):
    """Attention sees the tokens before the merge, the MLP those after."""
    plain, cost = len(rs) * block_cost(n, width, ratio), 0
    for r in rs:
        cost += 4 * n * width**2 + 2 * n**2 * width
        n -= min(r, (n - 1) // 2)
        cost += 2 * ratio * n * width**2
    return cost / plain
