"""digit-scenes-segmenter with `tome` (system 00) in all blocks and its variants, on scenes where f32 decides clearly."""
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.expected import every, write  # noqa: E402
from support.folds import Tome  # noqa: E402
from support.pictures import ROOT, scenes  # noqa: E402
from support.vit import Segmenter  # noqa: E402

STRIDE = 31
# The smallest gap between scores at any decision is 1.4e-4 in these two, 1e-6 in scene 1.
SCENES = [30, 44]


def compute():
    model = Segmenter(ROOT / "pipelines/models/digit-scenes-segmenter")
    pixels = model.pixels(scenes()[0][SCENES])
    out = {"scenes": torch.tensor(SCENES), "stride": torch.tensor([STRIDE])}
    for metric in ("keys", "features"):
        name = f"{metric}-r14"
        fold = Tome(model, pixels, [14] * model.depth, metric)
        variants = {
            "value": fold.value(),
            "residual": fold.residual_nested(),
            "residual-first": fold.residual_first(),
            "no-proportional": Tome(model, pixels, [14] * model.depth, metric, proportional=False).value(),
        }
        out |= {f"{name}.{variant}": every(model.decode(y[:, 1:]), STRIDE) for variant, y in variants.items()}
        out[f"{name}.group"] = fold.place()
        out[f"{name}.size"] = fold.size[..., 0]
    return out


if __name__ == "__main__":
    write(__file__, compute)
