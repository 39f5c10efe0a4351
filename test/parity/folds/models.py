"""The small models of these cases, made once from seeds: a ViT and a decoder as folders and as ONNX files, and weights that folds are trained with.

    python models.py      # needs torch, transformers, onnx, onnxscript, safetensors; writes vit/, decoder/, trained/ and their .onnx
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, ViTConfig, ViTModel

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.exports import Outputs, directory, export, seeded  # noqa: E402

VIT = dict(hidden_size=24, num_hidden_layers=4, num_attention_heads=3, intermediate_size=48, image_size=24, patch_size=4, num_channels=1, layer_norm_eps=1e-6, hidden_act="gelu")
DECODER = dict(vocab_size=40, hidden_size=24, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=6, intermediate_size=48, rope_theta=10000.0, rms_norm_eps=1e-6, hidden_act="silu", tie_word_embeddings=False)
BERT = HERE.parents[2] / "pipelines/models/tiny-onnx/bert"

# What each fold is trained with, by the names under which the library's layers look for it, and how far it spreads.
TRAINED = {
    "pyra.blocks.0.wa": (5,), "pyra.blocks.0.wb": (24,), "pyra.blocks.0.norm.weight": (24,), "pyra.blocks.0.norm.bias": (24,),
    "pyra.blocks.1.wa": (4,), "pyra.blocks.1.wb": (24,), "pyra.blocks.1.norm.weight": (24,), "pyra.blocks.1.norm.bias": (24,),
    "shuffle.shuffle.compress.weight": (6, 24), "shuffle.shuffle.compress.bias": (6,),
    "shuffle.unshuffle.expand.weight": (24, 6), "shuffle.unshuffle.expand.bias": (24,),
    **{f"shuffle.{way}.refine.{i}.{part}": shape for way in ("shuffle", "unshuffle") for i in (0, 1) for part, shape in {"fc1.weight": (48, 24), "fc1.bias": (48,), "fc2.weight": (24, 48), "fc2.bias": (24,)}.items()},
    "reconstruction.maps": (2, 24, 24), "reconstruction.logits": (2,),
    "gate.layer_norm.weight": (24,), "gate.feed_forward.weight": (1, 24), "gate.feed_forward.bias": (1,),
    "text_gate.layer_norm.weight": (32,), "text_gate.feed_forward.weight": (1, 32), "text_gate.feed_forward.bias": (1,),
    "projection.0.weight": (24, 32), "projection.0.bias": (24,), "projection.2.weight": (24, 24), "projection.2.bias": (24,),
    "projector.layers.0.weight": (12, 24), "projector.layers.1.weight": (24, 12),
    "units.weight": (32,), "newline": (24,),
}


def trained():
    torch.manual_seed(11)
    return {name: torch.randn(shape) * (0.5 if len(shape) == 1 else 0.3) + (1.0 if "norm.weight" in name else 0.0) for name, shape in TRAINED.items()}


def main():
    vit = seeded(ViTModel(ViTConfig(**VIT, attn_implementation="eager"), add_pooling_layer=False), spread=0.35)
    directory(HERE / "vit", vit, VIT, prefix="vit.")
    pixels = torch.randn(2, 1, 24, 24)
    export(HERE / "vit.onnx", Outputs(vit, ["last_hidden_state"]), (pixels,), ["pixels"], ["tokens"], ({0: "batch"},), False)
    decoder = seeded(LlamaForCausalLM(LlamaConfig(**DECODER, attn_implementation="eager", use_cache=False)), spread=0.35)
    directory(HERE / "decoder", decoder, DECODER)
    ids = torch.randint(1, 40, (2, 16))
    export(HERE / "decoder.onnx", Outputs(decoder, ["logits"]), (ids,), ["ids"], ["logits"], ({0: "batch", 1: "sequence"},), True)
    (HERE / "trained").mkdir(exist_ok=True)
    save_file(trained(), HERE / "trained/model.safetensors")
    (HERE / "trained/config.json").write_text("{}\n")


def weights(folder):
    return {name: t.to(torch.get_default_dtype()) for name, t in load_file(Path(folder) / "model.safetensors").items()}


if __name__ == "__main__":
    main()
