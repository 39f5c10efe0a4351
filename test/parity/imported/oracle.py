"""Tiny transformers with seeded random weights, as both exporters of PyTorch write them, and what they give.

    python oracle.py      # needs torch, transformers, onnx, onnxscript, safetensors

pipelines/models/tiny-onnx: the exports, and the same weights for the library's own models in vit/ and bert/;
expected.safetensors, beside this: inputs and outputs of PyTorch itself.
"""
import json
import shutil
import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, ViTConfig, ViTForImageClassification

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[2] / "pipelines/models/tiny-onnx"
warnings.filterwarnings("ignore")


class Outputs(torch.nn.Module):
    """A model whose result is a tensor, or several."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names
        self.eval()

    def forward(self, *inputs):
        made = self.model(*inputs) if len(inputs) == 1 else self.model(input_ids=inputs[0], attention_mask=inputs[1], token_type_ids=inputs[2])
        found = tuple(made[name] for name in self.names)
        return found[0] if len(found) == 1 else found


def stripped(path):
    """Paths of the machine that exported, out; weights in the file itself."""
    model = onnx.load(path)
    for part in [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer, *model.functions]:
        for field in ("metadata_props", "doc_string"):
            if field in part.DESCRIPTOR.fields_by_name:
                part.ClearField(field)
    onnx.save(model, path)


def export(name, model, inputs, input_names, output_names, dynamic, dynamo):
    path = MODELS / f"{name}.onnx"
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / path.name
        if dynamo:
            shapes = None if dynamic is None else tuple({axis: torch.export.Dim(symbol) for axis, symbol in axes.items()} for axes in dynamic)
            shapes = None if shapes is None else {"inputs": shapes}
            torch.onnx.export(model, inputs, temporary, dynamo=True, input_names=input_names, output_names=output_names, dynamic_shapes=shapes, opset_version=18, external_data=False, verbose=False)
        else:
            axes = None if dynamic is None else dict(zip(input_names, dynamic))
            torch.onnx.export(model, inputs, temporary, dynamo=False, input_names=input_names, output_names=output_names, dynamic_axes=axes, opset_version=17)
        stripped(temporary)
        shutil.copy(temporary, path)
    print(path.name, path.stat().st_size)


def seeded(model):
    torch.manual_seed(7)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            p.copy_(torch.randn(p.shape) * (0.25 if p.dim() > 1 else 0.1) + (1.0 if "orm" in name and name.endswith("weight") else 0.0))
    return model.eval()


NAMES = [(".layers.", ".encoder.layer."), ("attention.q_proj", "attention.attention.query"), ("attention.k_proj", "attention.attention.key"), ("attention.v_proj", "attention.attention.value"),
         ("attention.o_proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense")]


def published(name):
    """The name that checkpoints on the hub have; newer releases of the library call some parts otherwise."""
    for ours, theirs in NAMES:
        name = name.replace(ours, theirs)
    return name


def directory(name, model, config):
    folder = MODELS / name
    folder.mkdir(exist_ok=True)
    save_file({published(k): v.contiguous() for k, v in model.state_dict().items() if "position_ids" not in k and "pooler" not in k}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    expected = {}
    vit_config = dict(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, image_size=24, patch_size=6, num_channels=3, layer_norm_eps=1e-6, hidden_act="gelu")
    vit = seeded(ViTForImageClassification(ViTConfig(**vit_config, num_labels=5, attn_implementation="eager")))
    directory("vit", vit, {**vit_config, "id2label": {str(i): str(i) for i in range(5)}})
    torch.manual_seed(1)
    pixels = torch.randn(3, 3, 24, 24)
    batch = ({0: "batch"},)
    for kind, dynamo in (("torchscript", False), ("dynamo", True)):
        export(f"vit-{kind}", Outputs(vit, ["logits"]), (pixels[:2],), ["pixel_values"], ["logits"], batch, dynamo)
    export("vit-one", Outputs(vit, ["logits"]), (pixels[:1],), ["pixel_values"], ["logits"], None, False)
    with torch.no_grad():
        expected["pixels"], expected["logits"] = pixels, vit(pixels).logits

    bert_config = dict(vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=32, type_vocab_size=2, hidden_act="gelu", layer_norm_eps=1e-12)
    bert = seeded(BertModel(BertConfig(**bert_config, attn_implementation="eager"), add_pooling_layer=False))
    directory("bert", bert, bert_config)
    ids = torch.randint(1, 40, (3, 11))
    mask = (torch.arange(11)[None] < torch.tensor([[11], [7], [9]])).long()
    kinds = (torch.arange(11)[None] > 4).long().expand(3, 11).contiguous()
    axes = tuple({0: "batch", 1: "sequence"} for _ in range(3))
    for kind, dynamo in (("torchscript", False), ("dynamo", True)):
        export(f"bert-{kind}", Outputs(bert, ["last_hidden_state"]), (ids[:2], mask[:2], kinds[:2]), ["input_ids", "attention_mask", "token_type_ids"], ["last_hidden_state"], axes, dynamo)
    with torch.no_grad():
        expected.update(ids=ids, mask=mask, kinds=kinds, hidden=bert(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state)
    save_file({k: v.contiguous() for k, v in expected.items()}, HERE / "expected.safetensors")


if __name__ == "__main__":
    main()
