"""Sentence vectors as sentence-transformers makes them: masked mean of the last state, unit length."""
import json
import pathlib

import torch
from tokenizers import Tokenizer
from transformers import BertModel

TEXTS = pathlib.Path(__file__).resolve().parents[1] / "bert/texts.json"


def embed(folder, state):
    """Padded to the longest of the batch, whatever tokenizer.json says; `state` also gives the last hidden state."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    found = tokenizer.encode_batch(json.loads(TEXTS.read_text()))
    ids, mask = torch.tensor([f.ids for f in found]), torch.tensor([f.attention_mask for f in found])
    model = BertModel.from_pretrained(folder).to(torch.get_default_dtype()).eval()
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weight = mask[..., None].to(hidden.dtype)
    mean = (hidden * weight).sum(1) / weight.sum(1).clamp_min(1e-9)
    out = {
        "input_ids": ids,
        "attention_mask": mask,
        "offsets": torch.tensor([f.offsets for f in found]),
        "sentence": mean / mean.norm(dim=-1, keepdim=True).clamp_min(1e-12),
    }
    # What stands at padding is nobody's business, so it is zero here.
    return out | ({"last_hidden_state": hidden * weight} if state else {})
