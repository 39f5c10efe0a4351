"""tiny-vit-mnist on 8 digits, plain and with `tome`; the plain logits are those of transformers."""
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from safetensors.torch import load_file  # noqa: E402
from transformers import ViTForImageClassification  # noqa: E402

from support.expected import worst, write  # noqa: E402
from support.folds import Tome  # noqa: E402
from support.pictures import DIGITS, ROOT  # noqa: E402
from support.vit import Classifier  # noqa: E402

FOLDER = ROOT / "pipelines/models/tiny-vit-mnist"
# Rows of digits.safetensors: one digit of each of eight classes.
ROWS = [7, 118, 231, 345, 456, 567, 678, 789]
TOME = [0, 0, 4, 4, 4, 4]


def compute():
    model = Classifier(FOLDER)
    pixels = model.pixels(load_file(DIGITS)["picture"][ROWS])
    logits = model(pixels)
    theirs = ViTForImageClassification.from_pretrained(FOLDER).to(torch.get_default_dtype()).eval()
    assert worst(logits, theirs(pixel_values=pixels).logits) < 1e-4
    out = {"rows": torch.tensor(ROWS), "pixels": pixels[:1], "logits": logits}
    for metric in ("keys", "features"):
        fold = Tome(model, pixels, TOME, metric)
        out[f"tome-{metric}.logits"] = model.decode(fold.y)
        out[f"tome-{metric}.group"] = fold.place()
    return out


if __name__ == "__main__":
    write(__file__, compute)
