"""Prints what token merging does to tiny-vit-mnist on the 1000 test digits, in PyTorch: `python bench/digits-reference.py`."""
import pathlib
import sys

import torch
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test/parity"))
from support.folds import Tome, merge_ratio  # noqa: E402
from support.pictures import DIGITS  # noqa: E402
from support.vit import Classifier  # noqa: E402

BATCH = 100


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Classifier(ROOT / "pipelines/models/tiny-vit-mnist")
    digits = load_file(DIGITS)
    pixels = model.pixels(digits["picture"])

    def classes(of):
        return torch.cat([of(pixels[i : i + BATCH]).argmax(1) for i in range(0, len(pixels), BATCH)])

    def row(name, found, ratio):
        right, same = (found == digits["label"]).float().mean(), (found == plain).float().mean()
        print(f"{name:46s} ratio {ratio:.3f}  accuracy {right:.3f}  as plain {same:.3f}", flush=True)

    plain = classes(model)
    row("plain", plain, 1)
    for rs in ([0, 0, 4, 4, 4, 4], [4] * 6, [8] * 6):
        for metric in ("keys", "features", "random"):
            found = classes(lambda x: model.decode(Tome(model, x, rs, metric).y))
            row(f"tome {metric}, r {rs}", found, merge_ratio(rs, 50, 96, 4))


if __name__ == "__main__":
    with torch.no_grad():
        main()
