"""Tiny transformers with seeded random weights, as both exporters of PyTorch write them, and what they give.

    python oracle.py      # needs torch, transformers, onnx, onnxscript, safetensors

pipelines/models/tiny-onnx: the exports, and the same weights for the library's own models in vit/ and bert/;
expected.safetensors, beside this: inputs and outputs of PyTorch itself.
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, ViTConfig, ViTForImageClassification

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.exports import Outputs, directory, export, seeded  # noqa: E402

MODELS = HERE.parents[2] / "pipelines/models/tiny-onnx"


def main():
    expected = {}
    vit_config = dict(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, image_size=24, patch_size=6, num_channels=3, layer_norm_eps=1e-6, hidden_act="gelu")
    vit = seeded(ViTForImageClassification(ViTConfig(**vit_config, num_labels=5, attn_implementation="eager")))
    directory(MODELS / "vit", vit, {**vit_config, "id2label": {str(i): str(i) for i in range(5)}})
    torch.manual_seed(1)
    pixels = torch.randn(3, 3, 24, 24)
    batch = ({0: "batch"},)
    for kind, dynamo in (("torchscript", False), ("dynamo", True)):
        export(MODELS / f"vit-{kind}.onnx", Outputs(vit, ["logits"]), (pixels[:2],), ["pixel_values"], ["logits"], batch, dynamo)
    export(MODELS / "vit-one.onnx", Outputs(vit, ["logits"]), (pixels[:1],), ["pixel_values"], ["logits"], None, False)
    with torch.no_grad():
        expected["pixels"], expected["logits"] = pixels, vit(pixels).logits

    bert_config = dict(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=32, type_vocab_size=2, hidden_act="gelu", layer_norm_eps=1e-12)
    bert = seeded(BertModel(BertConfig(**bert_config, attn_implementation="eager"), add_pooling_layer=False))
    directory(MODELS / "bert", bert, bert_config)
    ids = torch.randint(1, 40, (3, 11))
    mask = (torch.arange(11)[None] < torch.tensor([[11], [7], [9]])).long()
    kinds = (torch.arange(11)[None] > 4).long().expand(3, 11).contiguous()
    axes = tuple({0: "batch", 1: "sequence"} for _ in range(3))
    for kind, dynamo in (("torchscript", False), ("dynamo", True)):
        export(MODELS / f"bert-{kind}.onnx", Outputs(bert, ["last_hidden_state"]), (ids[:2], mask[:2], kinds[:2]), ["input_ids", "attention_mask", "token_type_ids"], ["last_hidden_state"], axes, dynamo)
    with torch.no_grad():
        expected.update(ids=ids, mask=mask, kinds=kinds, hidden=bert(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state)
    save_file({k: v.contiguous() for k, v in expected.items()}, HERE / "expected.safetensors")


if __name__ == "__main__":
    main()
