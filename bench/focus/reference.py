"""The folds of at-224.kiri and at-448.kiri in PyTorch, over the weights of the ONNX file: what `bench/focus.ts` compares maps with.

usage: python bench/focus/reference.py SIDE PIXELS FOLDER [--double INDEX,… [--single-before]] NAME…
PIXELS: f32 [photos, 3, SIDE, SIDE]; FOLDER gets NAME.f32, maps [photos, SIDE, SIDE], for each variant. Needs torch, onnx.
--double: NAME-double.f32 instead, of these photos only and computed in f64: where it differs, rounding decides what is folded. Beside it NAME-margin.f32:
how far apart the scores are that decide, a photo, at the nearest of all merges (infinite without merges); f32 tells scores just below 1 apart from 2^-24 on.
--single-before: NAME-before.f32, where what comes before an `across` fold is computed in f32 all the same: how far off a map is then, however exact the fold.
"""
import argparse
import pathlib
import re
import sys

import numpy
import torch
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/parity"))
from support.dinov2 import Saliency  # noqa: E402
from support.folds import Expedite, Tome, pool, uniform_grid  # noqa: E402

FOLLOW, NEAR, DEPTH = 5.0, 20, 12
# Of the merges so far, one a picture.
MARGINS = []


class RoundedBefore:
    """`exact`, but the blocks from the first to the fold are those of `single`."""

    def __init__(self, exact, single):
        self.exact, self.single = exact, single

    def __getattr__(self, name):
        return getattr(self.exact, name)

    def embed(self, pixels):
        return self.single.embed(pixels.float())

    def blocks(self, x, first, last):
        return self.single.blocks(x, first, last).double() if first == 0 else self.exact.blocks(x, first, last)


def merged(model, pixels, name):
    """merged_R, merged_R_from_BLOCK, with `unweighed`, `features`, `residual` or `both` behind."""
    r, first, how = re.fullmatch(r"merged_(\d+)(?:_from_(\d+))?(?:_(\w+))?", name).groups()
    start = int(first or 0)
    fold = Tome(model, pixels, [0] * start + [int(r)] * (DEPTH - start), "features" if how in ("features", "both") else "keys", proportional=how != "unweighed")
    MARGINS.append(min(plan.margin for plan in fold.plans))
    return model.decode((fold.residual_nested() if how in ("residual", "both") else fold.value())[:, 1:])


def clustered(model, pixels, name):
    """clustered_BLOCK_SIDE, with `residual` or `paper` behind."""
    block, side, how = re.fullmatch(r"clustered_(\d+)_(\d+)(?:_(\w+))?", name).groups()
    if how == "paper":
        return Expedite(model, pixels, int(block), int(side), t=0.02).value_then_norm(NEAR, "l2")
    fold = Expedite(model, pixels, int(block), int(side), factor=FOLLOW)
    return fold.residual(NEAR) if how == "residual" else fold.value_then_norm(NEAR, "l1")


class MergedBefore:
    """The blocks before a fold on fewer tokens: `r` merge in each, and come back with what their groups changed."""

    def __init__(self, model, r):
        self.model, self.r = model, r

    def __getattr__(self, name):
        return getattr(self.model, name)

    def embed(self, pixels):
        return pixels

    def blocks(self, x, first, last):
        if first > 0:
            return self.model.blocks(x, first, last)
        fold = Tome(self.model, x, [self.r] * last, "keys")
        MARGINS.append(min(plan.margin for plan in fold.plans))
        return fold.residual_nested()


def merged_then_clustered(model, pixels, name):
    """merged_R_clustered_BLOCK_SIDE."""
    r, rest = re.fullmatch(r"merged_(\d+)_(clustered_\d+_\d+)", name).groups()
    return clustered(MergedBefore(model, int(r)), pixels, rest)


def coarser(model, pixels, name):
    """grid_BLOCK_SIDE takes patches of an even grid, pooled_BLOCK_SIDE means of cells; back as a picture is made larger."""
    how, block, side = re.fullmatch(r"(grid|pooled)_(\d+)_(\d+)", name).groups()
    n, k = model.grid, int(side)
    x = model.blocks(model.embed(pixels), 0, int(block))
    few = x[:, 1:][:, uniform_grid(n, k)] if how == "grid" else pool(x[:, 1:], n, k)
    y = model.blocks(torch.cat([x[:, :1], few], 1), int(block), DEPTH)[:, 1:]
    square = y.transpose(1, 2).reshape(len(y), -1, k, k)
    return model.decode(F.interpolate(square, size=(n, n), mode="bilinear", align_corners=False).flatten(2).transpose(1, 2))


def map_of(model, pixels, name):
    if name == "plain":
        return model(pixels)
    if "_clustered_" in name:
        return merged_then_clustered(model, pixels, name)
    known = {"merged": merged, "clustered": clustered, "grid": coarser, "pooled": coarser}
    return known[name.split("_")[0]](model, pixels, name)


def loaded(side):
    """In the precision that is set now."""
    return Saliency(ROOT / "bench/.models/focus/vit_s_focus.onnx", side, 6)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("side", type=int)
    parser.add_argument("pixels")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--double", type=lambda text: [int(i) for i in text.split(",")])
    parser.add_argument("--single-before", action="store_true")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    # Other jobs may run beside this; several threads would wait for each other.
    torch.set_num_threads(1)
    pixels = torch.from_numpy(numpy.fromfile(args.pixels, numpy.float32)).view(-1, 3, args.side, args.side)
    model = loaded(args.side)
    if args.double:
        torch.set_default_dtype(torch.float64)
        pixels = pixels[args.double].double()
        model = RoundedBefore(loaded(args.side), model) if args.single_before else loaded(args.side)
    end = "-before" if args.single_before else "-double" if args.double else ""
    for name in args.names:
        MARGINS.clear()
        maps = [map_of(model, photo[None], name)[0, 0].float().numpy() for photo in pixels]
        numpy.stack(maps).tofile(args.folder / f"{name}{end}.f32")
        if args.double:
            numpy.array(MARGINS or [numpy.inf] * len(maps), numpy.float32).tofile(args.folder / f"{name}-margin.f32")
        print(f"{name} at {args.side}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
