"""digit-scenes-segmenter with a uniform grid of tokens kept, filled from the nearest, on scenes 0 and 1."""
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.expected import every, write  # noqa: E402
from support.folds import Keep, uniform_grid  # noqa: E402
from support.pictures import ROOT, scenes  # noqa: E402
from support.vit import Segmenter  # noqa: E402

STRIDE = 31


def compute():
    model = Segmenter(ROOT / "pipelines/models/digit-scenes-segmenter")
    pixels = model.pixels(scenes(2)[0])
    out = {"scenes": torch.tensor([0, 1]), "stride": torch.tensor([STRIDE])}
    for alpha, k in ((3, 8), (4, 12)):
        name = f"a{alpha}-{k}x{k}"
        kept = uniform_grid(model.grid, k)
        fold = Keep(model, pixels, alpha, kept)
        out[f"{name}.kept"] = kept
        out[f"{name}.source"] = fold.source
        out[f"{name}.value"] = every(fold.value(), STRIDE)
        out[f"{name}.residual"] = every(fold.residual(), STRIDE)
    return out


if __name__ == "__main__":
    write(__file__, compute)
