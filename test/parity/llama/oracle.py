"""tiny-llama-shakespeare (weights f16, computed in f32 and above) on two prompts, each alone, and its loss on val.txt."""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.expected import write  # noqa: E402
from support.pictures import ROOT  # noqa: E402

FOLDER = ROOT / "pipelines/models/tiny-llama-shakespeare"
WINDOW, WINDOWS = 128, 8


def compute():
    model = LlamaForCausalLM.from_pretrained(FOLDER, dtype=torch.get_default_dtype()).eval()
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    out = {}
    for i, prompt in enumerate(json.loads((pathlib.Path(__file__).with_name("prompts.json")).read_text())):
        ids = torch.tensor([tokenizer.encode(prompt).ids])
        logits = model(input_ids=ids).logits
        out |= {f"{i}.input_ids": ids, f"{i}.logits": logits, f"{i}.next": logits.argmax(-1)}
    text = tokenizer.encode((FOLDER / "val.txt").read_text()).ids
    windows = torch.tensor(text[: WINDOW * WINDOWS]).view(WINDOWS, WINDOW)
    logits = model(input_ids=windows).logits[:, :-1]
    loss = F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
    return out | {"val.input_ids": windows, "val.loss": loss[None]}


if __name__ == "__main__":
    write(__file__, compute)
