"""DINOv2 with a dense saliency head in plain PyTorch operations, over the weights of an ONNX file; the folds of `folds.py` run on it."""
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

from .vit import Vit

BLOCK = "backbone.encoder.layer."


def weights(path):
    """By their names in PyTorch. Matrices of linear layers have no names in the file and lie transposed: the node says whose they are."""
    graph = onnx.load(path).graph
    stored = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    found = {name: t for name, t in stored.items() if name.startswith(("backbone.", "decoder."))}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in stored:
            found[node.name[1 : -len("/MatMul")].replace("/", ".") + ".weight"] = stored[node.input[1]].T
    # The position table is cut in two, both without a name: the class token's row, and the patches' before they are resized.
    rows = [t for name, t in stored.items() if name not in found and t.dim() == 3]
    found["positions"] = torch.cat(sorted(rows, key=lambda t: t.shape[1]), 1)
    return {name: t.to(torch.get_default_dtype()) for name, t in found.items()}


class Saliency(Vit):
    """One class token, then the patches of a picture `side` pixels high and wide, row by row; the map is as large as the picture."""

    def __init__(self, path, side, heads):
        self.w = weights(path)
        patches = self.w["backbone.embeddings.patch_embeddings.projection.weight"]
        self.width, self.patch, self.heads, self.side = patches.shape[0], patches.shape[-1], heads, side
        self.grid = side // self.patch
        self.depth = sum(name.startswith(BLOCK) and name.endswith("norm1.weight") for name in self.w)
        self.config = {"layer_norm_eps": 1e-6}

    def at(self, layer, name):
        renamed = {"layernorm_before": "norm1", "layernorm_after": "norm2", "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2"}
        return f"{BLOCK}{layer}.{renamed.get(name, name)}"

    def linear(self, x, name):
        """The two projections that end in the residual stream are scaled, channel by channel."""
        out = super().linear(x, name)
        scale = {"attention.output.dense": "layer_scale1.lambda1", "mlp.fc2": "layer_scale2.lambda1"}
        return next((out * self.w[name[: -len(end)] + by] for end, by in scale.items() if name.endswith(end)), out)

    def positions(self):
        """The trained square of rows, resized by cubic convolution (a = -0.75)."""
        first, rows = self.w["positions"][:, :1], self.w["positions"][:, 1:]
        old = round(rows.shape[1] ** 0.5)
        square = rows.view(1, old, old, -1).permute(0, 3, 1, 2)
        resized = F.interpolate(square, size=(self.grid, self.grid), mode="bicubic", align_corners=False)
        return torch.cat([first, resized.permute(0, 2, 3, 1).reshape(1, self.grid**2, -1)], 1)

    def embed(self, pixels):
        name = "backbone.embeddings.patch_embeddings.projection"
        t = F.conv2d(pixels, self.w[name + ".weight"], self.w[name + ".bias"], stride=self.patch).flatten(2).transpose(1, 2)
        return torch.cat([self.w["backbone.embeddings.cls_token"].expand(len(t), -1, -1), t], 1) + self.positions()

    def norm(self, x):
        return self.layer_norm(x, "backbone.layernorm")

    def head(self, normed_patches):
        x = normed_patches.transpose(1, 2).reshape(len(normed_patches), -1, self.grid, self.grid)
        for i in (1, 2, 3):
            up, bn = f"decoder.upconv{i}.", f"decoder.bn{i}."
            x = F.conv_transpose2d(x, self.w[up + "weight"], self.w[up + "bias"], stride=2, padding=1)
            x = F.relu(F.batch_norm(x, *(self.w[bn + name] for name in ("running_mean", "running_var", "weight", "bias")), eps=1e-5))
        x = F.conv2d(x, self.w["decoder.final_conv.weight"], self.w["decoder.final_conv.bias"])
        return torch.sigmoid(F.interpolate(x, size=(self.side, self.side), mode="bilinear", align_corners=False))

    def decode(self, patches):
        return self.head(self.norm(patches))

    def __call__(self, pixels):
        return self.decode(self.blocks(self.embed(pixels), 0, self.depth)[:, 1:])
