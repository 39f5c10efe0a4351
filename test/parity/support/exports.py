"""Small transformers with seeded random weights: as ONNX files that PyTorch exports, and as folders with the names of the hub."""
import json
import shutil
import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file

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


def export(path, model, inputs, input_names, output_names, dynamic, dynamo):
    """`dynamic`: for each input the names of its free axes, or None; `dynamo`: by the newer of the two exporters."""
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


def seeded(model, seed=7, spread=0.25):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            p.copy_(torch.randn(p.shape) * (spread if p.dim() > 1 else 0.1) + (1.0 if "orm" in name and name.endswith("weight") else 0.0))
    return model.eval()


NAMES = [("vit.layers.", "vit.encoder.layer."), ("attention.q_proj", "attention.attention.query"), ("attention.k_proj", "attention.attention.key"), ("attention.v_proj", "attention.attention.value"),
         ("attention.o_proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense")]


def published(name):
    """The name that checkpoints on the hub have; newer releases of the library call some parts otherwise."""
    for ours, theirs in NAMES:
        name = name.replace(ours, theirs)
    return name


def directory(folder, model, config, prefix=""):
    """Weights and configuration as on the hub; `prefix` is what the names of a bare model lack."""
    folder.mkdir(exist_ok=True)
    save_file({published(prefix + k): v.contiguous() for k, v in model.state_dict().items() if "position_ids" not in k and "pooler" not in k}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
