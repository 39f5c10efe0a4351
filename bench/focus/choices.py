"""What else Expedite could be told on the trained ViT at 448 pixels, and whether maps get nearer to the plain ones by it.

usage: python bench/focus/choices.py PIXELS [CHOICE …]
PIXELS: bench/.models/focus-made/reference-448/pixels.f32, as `bench/focus.ts --python` leaves it. Without choices all of them, on every other
structured photo; choices by name, on all 14. Prints multiply-adds of the blocks, plain over folded, and Pearson correlations: mean, least.
Needs torch, onnx.
"""
import argparse
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/parity"))
from support.dinov2 import Saliency  # noqa: E402
from support.folds import Tome, block_cost, cluster, following, pool, squared_distance, window_mask  # noqa: E402

SIDE, HEADS, DEPTH, STRUCTURED = 448, 6, 12, 14


class Clusters:
    """Expedite's way down and up. `metric`: what distances are measured in; `up`: the blend has a sharpness of its own, by the distances to the last centres."""

    def __init__(self, model, x, n, k, layer, follow=5.0, up=None, near=20, rounds=5, window=5, metric="values"):
        m = {
            "values": lambda: x,
            "normalised": lambda: F.layer_norm(x, x.shape[-1:]),
            "directions": lambda: F.normalize(x, dim=-1),
            "norm": lambda: model.layer_norm(x, model.at(layer, "layernorm_before")),
            "keys": lambda: model.linear(model.layer_norm(x, model.at(layer, "layernorm_before")), model.at(layer, "attention.attention.key")),
        }[metric]()
        t = following(m, n, k, follow)
        centres = cluster(m, n, k, t, rounds, window)
        far = torch.where(window_mask(n, k, window), 0.0, 1e16)
        before = cluster(m, n, k, t, rounds - 1, window) if rounds > 0 else None
        shares = torch.softmax(-t * (squared_distance(m, before).transpose(1, 2) + far), 1) if rounds > 0 else None
        self.c = pool(x, n, k) if shares is None else shares @ x / shares.sum(-1, keepdim=True).clamp_min(1e-16)
        d = squared_distance(m, centres).clamp_min(0)
        least = d.min(-1, keepdim=True)[0]
        w = torch.exp(-(t if up is None else up / least.mean().clamp_min(1e-12)) * (d - least))
        w = torch.where(w >= w.topk(near, -1)[0][..., -1:], w, 0.0)
        self.w = w / w.sum(-1, keepdim=True)

    def up(self, y):
        return self.w @ y


# By name: clusterings by their block, each on what the one before has left, and before them merges of `r` tokens a block.
CHOICES = {
    "clustered_4_20": {4: {"k": 20}},
    **{f"follow_{f}": {4: {"k": 20, "follow": f}} for f in (3.0, 8.0, 12.0)},
    **{f"up_{u}": {4: {"k": 20, "up": u}} for u in (1.0, 4.0)},
    "follow_12_up_1": {4: {"k": 20, "follow": 12.0, "up": 1.0}},
    **{f"near_{n}": {4: {"k": 20, "near": n}} for n in (4, 40)},
    **{f"rounds_{n}": {4: {"k": 20, "rounds": n}} for n in (3, 10)},
    **{f"window_{n}": {4: {"k": 20, "window": n}} for n in (3, 7)},
    **{metric: {4: {"k": 20, "metric": metric}} for metric in ("normalised", "directions", "norm", "keys")},
    **{f"clustered_{block}_{k}": {block: {"k": k}} for block, k in ((2, 23), (3, 22), (5, 19))},
    "clustered_2_27_7_18": {2: {"k": 27}, 7: {"k": 18}},
    "clustered_4_23_8_15": {4: {"k": 23}, 8: {"k": 15}},
    "merged_65_clustered_6_20": {"r": 65, 6: {"k": 20}},
    "merged_67_clustered_8_18": {"r": 67, 8: {"k": 18}},
    "merged_70_clustered_9_18": {"r": 70, 9: {"k": 18}},
    "merged_68_clustered_10_16": {"r": 68, 10: {"k": 16}},
    "merged_68_residual": {"r": 68},
}


def blocks_of(choice):
    return [key for key in choice if key != "r"]


def map_of(model, pixels, inputs, choice):
    """`inputs`: what enters each block of the plain model, and what leaves the last."""
    blocks, grid, stack = blocks_of(choice), model.grid, []
    first = min(blocks, default=DEPTH)
    x = Tome(model, pixels, [choice["r"]] * first, "keys").residual_nested() if "r" in choice else inputs[first]
    for at, block in enumerate(blocks):
        options = {name: value for name, value in choice[block].items() if name != "k"}
        stack.append(Clusters(model, x[:, 1:], grid, choice[block]["k"], block, **options))
        grid = choice[block]["k"]
        x = model.blocks(torch.cat([x[:, :1], stack[-1].c], 1), block, blocks[at + 1] if at + 1 < len(blocks) else DEPTH)
    patches = x[:, 1:]
    for clusters in reversed(stack):
        patches = clusters.up(patches)
    return model.decode(patches)


def saved(model, choice):
    """Multiply-adds of the blocks, plain over folded; merges leave between attention and MLP."""
    plain, width = model.grid**2 + 1, model.width
    n, cost = plain, 0
    for block in range(DEPTH):
        if block in choice:
            n = choice[block]["k"] ** 2 + 1
        cost += 4 * n * width**2 + 2 * n**2 * width
        if "r" in choice and block < min(blocks_of(choice), default=DEPTH):
            n -= choice["r"]
        cost += 8 * n * width**2
    return DEPTH * block_cost(plain, width, 4) / cost


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pixels")
    parser.add_argument("choices", nargs="*")
    args = parser.parse_args()
    for name in args.choices:
        if name not in CHOICES:
            parser.error(f"there is no choice {name}, only {', '.join(CHOICES)}")
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    pixels = torch.from_numpy(numpy.fromfile(args.pixels, numpy.float32)).view(-1, 3, SIDE, SIDE)[:STRUCTURED]
    model = Saliency(ROOT / "bench/.models/focus/vit_s_focus.onnx", SIDE, HEADS)
    names = args.choices or list(CHOICES)
    found = {name: [] for name in names}
    for photo in pixels if args.choices else pixels[::2]:
        inputs = [model.embed(photo[None])]
        for block in range(DEPTH):
            inputs.append(model.blocks(inputs[-1], block, block + 1))
        plain = model.decode(inputs[-1][:, 1:]).flatten()
        for name in names:
            pair = torch.stack([map_of(model, photo[None], inputs, CHOICES[name]).flatten(), plain]).double()
            found[name].append(float(torch.corrcoef(pair)[0, 1]))
    print("| choice | blocks, multiply-adds saved | Pearson: mean, least |\n|---|---|---|")
    for name, values in found.items():
        print(f"| {name} | {saved(model, CHOICES[name]):.2f} | {sum(values) / len(values):.4f}, {min(values):.4f} |")


if __name__ == "__main__":
    main()
