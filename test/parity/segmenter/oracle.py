"""Plain digit-scenes-segmenter on scenes 0 and 1; checked against the reference.json that came with the weights."""
import json
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.expected import every, worst, write  # noqa: E402
from support.pictures import ROOT, scenes  # noqa: E402
from support.vit import Segmenter  # noqa: E402

STRIDE = 7
FOLDER = ROOT / "pipelines/models/digit-scenes-segmenter"


def compute():
    model = Segmenter(FOLDER)
    pixels = model.pixels(scenes(2)[0])
    logits = model(pixels)
    for i, scene in enumerate(json.loads((FOLDER / "reference.json").read_text())["scenes"]):
        assert worst(pixels[i].flatten(), torch.tensor(scene["input"])) < 1e-6
        assert worst(every(logits, STRIDE)[i], torch.tensor(scene["logits_every_7th"])) < 1e-3
    classes = logits.argmax(1)
    return {
        "scenes": torch.tensor([0, 1]),
        "stride": torch.tensor([STRIDE]),
        "logits": every(logits, STRIDE),
        "classes": classes.to(torch.uint8),
        "histogram": torch.stack([torch.bincount(c.flatten(), minlength=11) for c in classes]),
    }


if __name__ == "__main__":
    write(__file__, compute)
