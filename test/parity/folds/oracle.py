"""Folds on small random transformers against the compiled pipelines: every case is a function written from a page of definitions.

    python oracle.py      # needs torch, transformers, safetensors; models.py has made the models

A new fold is one function of `vision.py` or `text.py`, one line here and one in `test/parity/folds.test.ts`.
"""
import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import vision  # noqa: E402
from models import VIT, weights  # noqa: E402
from networks import Vit  # noqa: E402
from support.expected import worst, write  # noqa: E402

STRIDE = 5


def pictures():
    """Three pictures, f32 values in either precision; a blank half makes patches alike."""
    g = torch.Generator().manual_seed(3)
    pixels = torch.randn(3, 1, 24, 24, generator=g, dtype=torch.float32)
    pixels[1, :, 14:] = pixels[1, :, 14:] * 0.15
    pixels[2, :, :, 5:19] = 0.2 * pixels[2, :, :, 5:19] + 1
    return pixels.to(torch.get_default_dtype())


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32).to(torch.get_default_dtype())


def rows(found):
    """Tokens of each record: how many, and every fifth value of all of them."""
    return {"counts": torch.tensor([len(x) for x in found]), "tokens": torch.cat([x.flatten()[::STRIDE] for x in found])}


def on_pictures():
    vit, trained, pixels = Vit(weights(HERE / "vit"), VIT), weights(HERE / "trained"), pictures()
    embedded = [vit.embed(p) for p in pixels]
    plain_is_transformers(vit, pixels, embedded)
    question = torch.stack([drawn(seed, 24) for seed in (7, 19, 9)])
    noise = drawn(6, 3, 37, 24)
    folded = {
        "plain": lambda x: vit.finish(x, 0),
        "hiprune": lambda x: vision.hiprune(vit, x),
        "todre": lambda x: vision.todre(vit, x),
        "todre-k-center": lambda x: vision.todre(vit, x, farthest=True),
        "relevance-gate": lambda x: vision.relevance_gate(vit, x),
        "vflowopt": lambda x: vision.vflowopt(vit, x),
        "aim-merge": lambda x: vision.aim_merge(vit, x, back=False),
        "aim-merge-back": lambda x: vision.aim_merge(vit, x),
        "token-correlation": lambda x: vision.token_correlation(vit, x),
        "pyra": lambda x: vision.pyra(vit, x, trained),
        "token-shuffle": lambda x: vision.token_shuffle(vit, x, trained),
        "reweave": lambda x: vision.reweave(vit, x),
        "reweave-mapped": lambda x: vision.reweave(vit, x, trained),
        "mrt5": lambda x: vision.mrt5(vit, x, trained),
        "mrt5-soft": lambda x: vision.mrt5(vit, x, trained, soft=True),
    }
    out = {"pixels": pixels, "question": question, "noise": noise}
    for name, fold in folded.items():
        out |= {f"{name}.{part}": t for part, t in rows(attempted(name, lambda: [fold(x) for x in embedded])).items()}
    found = attempted("recoverable", lambda: [vision.recoverable(vit, x, q) for x, q in zip(embedded, question)])
    out |= {f"recoverable.{part}": t for part, t in rows([tokens for tokens, _ in found]).items()} | {"recoverable.parts": torch.stack([parts for _, parts in found])}
    out["views"] = torch.stack([crops(p) for p in pixels])
    out |= {f"globalcom2.{part}": t for part, t in rows(attempted("globalcom2", lambda: [vision.globalcom2(vit, [vit.embed(v) for v in views], trained["newline"]) for views in out["views"]])).items()}
    out |= {f"sealed.{part}": t for part, t in rows([vision.sealed(vit, x, n) for x, n in zip(embedded, noise)]).items()}
    for name in out:
        if name.endswith(".counts"):
            print(name, out[name].tolist())
    return out


def crops(picture):
    """A thumbnail and four crops [5, 1, H, W]: the picture rolled by a quarter each, and paler."""
    return torch.stack([torch.roll(picture.float(), 6 * i, -1) * (1 - i / 8) for i in range(5)]).to(picture.dtype)


def attempted(name, compute):
    try:
        return compute()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def plain_is_transformers(vit, pixels, embedded):
    """The network of these cases is the one of the library that its weights have their names from."""
    from transformers import ViTConfig, ViTModel

    model = ViTModel(ViTConfig(**VIT, attn_implementation="eager"), add_pooling_layer=False).to(pixels.dtype).eval()
    own = {k.replace("vit.", "", 1): v for k, v in vit.w.items()}
    back = {theirs: own[published_name(theirs)] for theirs in model.state_dict()}
    model.load_state_dict(back)
    states = model(pixels).last_hidden_state
    assert max(worst(states[i], vit.finish(x, 0)) for i, x in enumerate(embedded)) < 1e-5


def published_name(name):
    from support.exports import published

    return published("vit." + name).replace("vit.", "", 1)


def compute():
    return on_pictures()


if __name__ == "__main__":
    write(__file__, compute)
