"""MiniLM as programs around transformers.js take it: exported by PyTorch, and in 8 bits by ONNX Runtime's own tool.

`python bench/embed-reference.py` (torch, transformers, onnx, onnxruntime) reads bench/.models/minilm and writes bench/.models/minilm-hub.
"""
import pathlib
import shutil
import tempfile

import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = pathlib.Path(__file__).resolve().parent / ".models"
SOURCE, TARGET = HERE / "minilm", HERE / "minilm-hub"


class States(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def main():
    if TARGET.exists():
        print(f"already in {TARGET}")
        return
    model = States(transformers.AutoModel.from_pretrained(SOURCE, attn_implementation="eager").eval())
    ids = torch.randint(1000, 2000, (2, 16))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    open_axes = {name: {0: "batch_size", 1: "sequence_length"} for name in [*names, "last_hidden_state"]}
    with tempfile.TemporaryDirectory(dir=HERE) as work:
        folder = pathlib.Path(work) / "hub"
        (folder / "onnx").mkdir(parents=True)
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]:
            shutil.copy(SOURCE / name, folder / name)
        full = folder / "onnx" / "model.onnx"
        torch.onnx.export(model, (ids, torch.ones_like(ids), torch.zeros_like(ids)), full, input_names=names, output_names=["last_hidden_state"], dynamic_axes=open_axes, opset_version=14, dynamo=False)
        quantize_dynamic(full, folder / "onnx" / "model_quantized.onnx", weight_type=QuantType.QInt8, extra_options={"EnableSubgraph": True})
        # Whole or not at all: the rename is the last step.
        folder.rename(TARGET)
    print(f"{sum(f.stat().st_size for f in TARGET.rglob('*') if f.is_file()) / 1e6:.0f} MB in {TARGET}")


if __name__ == "__main__":
    main()
