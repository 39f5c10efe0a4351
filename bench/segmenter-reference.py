"""Prints what training-free folding does to digit-scenes-segmenter, in PyTorch: `python bench/segmenter-reference.py`.

Needs torch and safetensors. About a minute on one core. `--quick` leaves out the rows that no pipeline reports, `--seeds` adds
twelve draws of random drop, one for all scenes each.
"""
import pathlib
import sys
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test/parity"))
from support.folds import Expedite, Keep, Tome, cut_ratio, merge_ratio, random_tokens, uniform_grid  # noqa: E402
from support.pictures import Confusion, scenes  # noqa: E402
from support.vit import Segmenter  # noqa: E402

BATCH = 25
FULL, WIDTH, MLP = 257, 96, 3


def main(quick, seeds):
    torch.set_num_threads(1)
    model = Segmenter(ROOT / "pipelines/models/digit-scenes-segmenter")
    pictures, labels = scenes()
    pixels = model.pixels(pictures)

    def measure(of):
        """mIoU over all scenes; `of(pixels, first)` gives logits of the batch that starts at scene `first`."""
        total = Confusion()
        for first in range(0, len(pixels), BATCH):
            total.add(of(pixels[first : first + BATCH], first), labels[first : first + BATCH])
        return total.miou()

    def row(name, of, ratio=1.0, seen=None):
        start = time.time()
        torch.manual_seed(0)
        score = measure(of)
        told = f"  README {seen:.3f}{'' if abs(score - seen) < 0.001 else '  DIFFERS'}" if seen is not None else ""
        print(f"{name:58s} ratio {ratio:.3f}  mIoU {score:.4f}{told}  [{time.time() - start:.0f} s]", flush=True)
        return score

    def cut(alpha, k):
        return cut_ratio(model.depth, alpha, FULL, k * k + 1, WIDTH, MLP)

    row("plain", lambda x, _: model(x), seen=0.749)
    for alpha, k, near, seen in EXPEDITE[: 2 if quick else None]:
        name, ratio = f"alpha {alpha}, {k}x{k}", cut(alpha, k)
        fold = remember(lambda x: Expedite(model, x, alpha, k, t=0.02))
        row(f"expedite {name}, t 0.02, k {near}, l2", lambda x, i: fold(x, i).value(near, "l2"), ratio, seen["l2"])
        row(f"expedite {name}, t 0.02, k {near}, l1", lambda x, i: fold(x, i).value(near, "l1"), ratio, seen["l2"])
        row(f"expedite {name}, t 0.02, k 4, residual", lambda x, i: fold(x, i).residual(4), ratio, seen["residual"])
        for factor in (5,) if quick else (1, 2, 5, 10):
            follow = remember(lambda x: Expedite(model, x, alpha, k, factor=factor))
            row(f"expedite {name}, t follows, factor {factor}, k {near}, l1", lambda x, i: follow(x, i).value(near, "l1"), ratio)
            row(f"expedite {name}, t follows, factor {factor}, k 4, residual", lambda x, i: follow(x, i).residual(4), ratio)
        keep = remember(lambda x: Keep(model, x, alpha, uniform_grid(model.grid, k)))
        row(f"uniform grid {name}", lambda x, i: keep(x, i).value(), ratio, seen["grid"])
        row(f"uniform grid {name}, residual", lambda x, i: keep(x, i).residual(), ratio, seen["grid residual"])
        scores = {"value": [], "residual": []}
        for seed in range(2):
            drop = remember2(lambda x, i: Keep(model, x, alpha, random_tokens(model.grid, k * k, 1000 * seed + i)))
            scores["value"].append(row(f"random drop {name}, seed {seed}", lambda x, i: drop(x, i).value(), ratio))
            scores["residual"].append(row(f"random drop {name}, seed {seed}, residual", lambda x, i: drop(x, i).residual(), ratio))
        print(f"random drop {name}: mean {sum(scores['value']) / 2:.3f} (README {seen['drop']:.3f}), residual {sum(scores['residual']) / 2:.3f} (README {seen['drop residual']:.3f})")
    for r, seen in TOME[: 1 if quick else None]:
        rs = [r] * model.depth
        for metric in ("keys", "features"):
            told = seen[metric]
            fold = remember(lambda x: Tome(model, x, rs, metric))
            patches = lambda t: model.decode(t[:, 1:])  # noqa: E731
            ratio = merge_ratio(rs, FULL, WIDTH, MLP)
            row(f"tome {metric}, r {r}", lambda x, i: patches(fold(x, i).value()), ratio, told[0])
            row(f"tome {metric}, r {r}, residual from the first merge", lambda x, i: patches(fold(x, i).residual_first()), ratio, told[1])
            row(f"tome {metric}, r {r}, residual merge by merge", lambda x, i: patches(fold(x, i).residual_nested()), ratio)


        rows = remember(lambda x: Tome(model, x, rs, "random"))
        row(f"tome random pairs, r {r}", lambda x, i: patches(rows(x, i).value()), ratio)
        row(f"tome random pairs, r {r}, residual merge by merge", lambda x, i: patches(rows(x, i).residual_nested()), ratio)
    for alpha, k in ((4, 12), (3, 8)) if seeds else ():
        for read in ("value", "residual"):
            kept = [random_tokens(model.grid, k * k, seed) for seed in range(12)]
            found = torch.tensor([measure(lambda x, _: getattr(Keep(model, x, alpha, of), read)()) for of in kept])
            print(f"random drop alpha {alpha}, {k}x{k}, {read}, one draw for all scenes, 12 seeds: mean {found.mean():.3f} deviation {found.std():.3f}")


def remember(make):
    """The fold of each batch, made once and asked for several read-outs."""
    return remember2(lambda x, _: make(x))


def remember2(make):
    made = {}

    def of(x, first):
        if first not in made:
            made[first] = make(x, first)
        return made[first]

    return of


# alpha, grid, k of the table; the model's README: mIoU of each variant.
EXPEDITE = [
    (4, 12, 4, {"l2": 0.655, "residual": 0.714, "grid": 0.463, "grid residual": 0.584, "drop": 0.483, "drop residual": 0.602}),
    (3, 8, 20, {"l2": 0.531, "residual": 0.610, "grid": 0.287, "grid residual": 0.362, "drop": 0.281, "drop residual": 0.350}),
    (4, 8, 20, {"l2": 0.556, "residual": 0.677, "grid": 0.305, "grid residual": 0.480, "drop": 0.308, "drop residual": 0.475}),
    (3, 12, 20, {"l2": 0.647, "residual": 0.687, "grid": 0.445, "grid residual": 0.501, "drop": 0.472, "drop residual": 0.534}),
]
# r of every block; metric: (value, residual) of the README.
TOME = [
    (14, {"keys": (0.638, 0.649), "features": (0.747, None)}),
    (23, {"keys": (0.455, 0.479), "features": (0.702, None)}),
    (30, {"keys": (0.247, 0.267), "features": (0.535, None)}),
    (39, {"keys": (0.120, 0.127), "features": (None, None)}),
]

if __name__ == "__main__":
    with torch.no_grad():
        main("--quick" in sys.argv, "--seeds" in sys.argv)
