"""digit-scenes-segmenter with `expedite` (system 01) and its variants, on scenes where f32 is steady."""
import json
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.expected import every, worst, write  # noqa: E402
from support.folds import Expedite  # noqa: E402
from support.pictures import ROOT, scenes  # noqa: E402
from support.vit import Segmenter  # noqa: E402

STRIDE = 31
FACTOR = 5.0
# Clustering carries f32 noise on by a factor of 10 to 1000; in these two by about 10.
SCENES = [1, 8]
FOLDER = ROOT / "pipelines/models/digit-scenes-segmenter"


def compute():
    model = Segmenter(FOLDER)
    pixels = model.pixels(scenes(9)[0][SCENES])
    out = {"scenes": torch.tensor(SCENES), "stride": torch.tensor([STRIDE])}
    for alpha, k, near in ((3, 8, 20), (4, 12, 4)):
        name = f"a{alpha}-{k}x{k}"
        fold = Expedite(model, pixels, alpha, k, t=0.02)
        follow = Expedite(model, pixels, alpha, k, factor=FACTOR)
        variants = {
            "l2": fold.value(near, "l2"),
            "l1": fold.value(near, "l1"),
            "l2-norm-after": fold.value_then_norm(near, "l2"),
            "residual": fold.residual(4),
            "follow-l1": follow.value(near, "l1"),
            "follow-residual": follow.residual(4),
        }
        if alpha == 3:
            agree(variants["l2"])
        out |= {f"{name}.{variant}": every(logits, STRIDE) for variant, logits in variants.items()}
        # The first 8 channels are enough to find where a difference begins.
        out[f"{name}.saved"] = fold.x[:1, :, :8]
        out[f"{name}.centres"] = fold.c[:, :, :8]
        out[f"{name}.follow.t"] = follow.t.flatten()
    return out


def agree(logits):
    """The reference that came with the weights holds scene 1."""
    scene = json.loads((FOLDER / "reference.json").read_text())["scenes"][1]
    assert worst(every(logits, 7)[0], torch.tensor(scene["expedit_logits_every_7th"])) < 1e-3


if __name__ == "__main__":
    write(__file__, compute)
