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
import text  # noqa: E402
import vision  # noqa: E402
from models import BERT, DECODER, VIT, weights  # noqa: E402
from networks import Bert, Decoder, Vit  # noqa: E402
from support.expected import difference, write  # noqa: E402

STRIDE = 7


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
    """Tokens of each record: how many, and every seventh value of all of them."""
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
        "token-correlation-twice": lambda x: vision.token_correlation_twice(vit, x),
        "pyra": lambda x: vision.pyra(vit, x, trained),
        "token-shuffle": lambda x: vision.token_shuffle(vit, x, trained),
        "reweave": lambda x: vision.reweave(vit, x),
        "reweave-mapped": lambda x: vision.reweave(vit, x, trained),
        "mrt5": lambda x: vision.mrt5(vit, x, trained),
        "pyra-todre": lambda x: vision.merged_then_diverse(vit, x, trained),
        "pyra-mrt5": lambda x: vision.merged_then_gated(vit, x, trained),
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


def on_texts():
    decoder, trained = Decoder(weights(HERE / "decoder"), DECODER), weights(HERE / "trained")
    bert = Bert(weights(BERT), json.loads((BERT / "config.json").read_text()))
    decoder_is_transformers(decoder)
    ids = numbers(21, 3, 16)
    marked = ids.clone()
    for row, place in enumerate((3, 0, 7)):
        marked[row, place] = 39
    long, newest, prompt = numbers(22, 3, 28), numbers(23, 3, 2), numbers(24, 3, 5)
    folded = {
        "decoder": lambda x, m: decoder.logits(decoder.states(decoder.embed(x))),
        "prepend": lambda x, m: text.prepended(decoder, m),
        "aim-prune": lambda x, m: text.aim_prune(decoder, x),
        "decoder-aim-merge": lambda x, m: text.aim_merge(decoder, x),
        "decoder-relevance-gate": lambda x, m: text.relevance_gate(decoder, x),
        "decoder-reweave": lambda x, m: text.reweave(decoder, x, trained),
    }
    out = {"ids": ids, "marked": marked, "long": long, "newest": newest, "prompt": prompt}
    for name, fold in folded.items():
        out |= {f"{name}.{part}": t for part, t in rows(attempted(name, lambda: [fold(x, m) for x, m in zip(ids, marked)])).items()}
    out |= {f"razor.{part}": t for part, t in rows([text.razor(decoder, x, y) for x, y in zip(long, newest)]).items()}
    found = attempted("actqkv", lambda: [text.actqkv(decoder, x) for x in long])
    out |= {f"actqkv.{part}": t for part, t in rows([logits for logits, _, _ in found]).items()}
    out |= {"actqkv.blocks": torch.stack([blocks for _, blocks, _ in found]), "actqkv.densities": torch.stack([d for _, _, d in found])}
    lengths = torch.tensor([16, 11, 7])
    out["lengths"] = lengths
    out |= {f"arc-encoder.{part}": t for part, t in rows([text.arc_encoder(decoder, x[:n]) for x, n in zip(ids, lengths)]).items()}
    out |= {f"arc-decoder.{part}": t for part, t in rows([text.read_compressed(decoder, text.arc_encoder(decoder, x[:14]), p, trained) for x, p in zip(ids, prompt)]).items()}
    out["pils.tokens"] = torch.randperm(40, generator=torch.Generator().manual_seed(8))[:33]
    found = [text.pils(decoder, x, out["pils.tokens"]) for x in ids]
    out |= {f"pils-code.{part}": t for part, t in rows([code for code, _ in found]).items()} | {f"pils-back.{part}": t for part, t in rows([back for _, back in found]).items()}

    words, count = numbers(31, 3, 11), [11, 7, 9]
    mask = (torch.arange(11)[None] < torch.tensor(count)[:, None]).long()
    kinds = (torch.arange(11)[None] > 4).long().expand(3, 11).contiguous()
    there = [(x[:n], k[:n]) for x, k, n in zip(words, kinds, count)]
    out |= {"words": words * mask, "mask": mask, "kinds": kinds}
    out |= {f"text-plain.{part}": t for part, t in rows([bert.blocks(bert.embed(x, k)) for x, k in there]).items()}
    out |= {f"text-todre.{part}": t for part, t in rows(attempted("text-todre", lambda: [text.todre(bert, *x) for x in zip(out["words"], mask, kinds)])).items()}
    out |= {f"text-mrt5.{part}": t for part, t in rows(attempted("text-mrt5", lambda: [text.mrt5(bert, x, k, trained) for x, k in there])).items()}
    units = torch.tensor([[0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6], [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 4], [0, 1, 2, 2, 3, 3, 4, 5, 6, 7, 7]])
    out |= {"units": units} | {f"code-units.{part}": t for part, t in rows([text.code_units(bert, x, u[: len(x)].tolist(), trained) for (x, _), u in zip(there, units)]).items()}
    start, size = torch.tensor([[1, 4], [2, 2], [5, 1]]), torch.tensor([[2, 3], [4, 1], [3, 0]])
    out |= {"start": start, "size": size} | {f"follow-flow.{part}": t for part, t in rows([text.follow_flow(bert, x, list(zip(a.tolist(), b.tolist()))) for x, a, b in zip(words * mask, start, size)]).items()}
    out["causal2vec"] = torch.stack([text.causal2vec(bert, decoder, x, y[:n], trained) for (x, _), y, n in zip(there, ids, lengths)])
    for name in out:
        if name.endswith(".counts"):
            print(name, out[name].tolist())
    return out


def numbers(seed, *shape):
    """Ids of tokens; 0 is padding, 39 the placeholder."""
    return torch.randint(1, 39, shape, generator=torch.Generator().manual_seed(seed))


def decoder_is_transformers(decoder):
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(LlamaConfig(**DECODER, attn_implementation="eager", use_cache=False)).to(torch.get_default_dtype()).eval()
    model.load_state_dict(decoder.w)
    ids = numbers(1, 2, 9)
    logits = model(ids).logits
    assert max(difference(logits[i], decoder.logits(decoder.states(decoder.embed(x)))) for i, x in enumerate(ids)) < 1e-5


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
    assert max(difference(states[i], vit.finish(x, 0)) for i, x in enumerate(embedded)) < 1e-5


def published_name(name):
    from support.exports import published

    return published("vit." + name).replace("vit.", "", 1)


def compute():
    return on_pictures() | on_texts()


if __name__ == "__main__":
    write(__file__, compute)
