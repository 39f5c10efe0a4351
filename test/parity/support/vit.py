"""A pre-norm ViT in plain PyTorch operations over Hugging Face weights, with places where a fold can step in."""
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Vit:
    """`image size / patch` squared patch tokens after one class token; weights by their names in the checkpoint."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        self.prepare = json.loads((folder / "preprocessor_config.json").read_text())
        self.w = {name: t.to(torch.get_default_dtype()) for name, t in load_file(folder / "model.safetensors").items()}
        self.width = self.config["hidden_size"]
        self.heads = self.config["num_attention_heads"]
        self.depth = self.config["num_hidden_layers"]
        self.patch = self.config["patch_size"]
        self.grid = self.config["image_size"] // self.patch

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def layer_norm(self, x, name):
        return F.layer_norm(x, (self.width,), self.w[name + ".weight"], self.w[name + ".bias"], self.config["layer_norm_eps"])

    def pixels(self, grey):
        """u8 [B,1,H,W] to pixel_values."""
        return (grey.to(torch.get_default_dtype()) * self.prepare["rescale_factor"] - self.prepare["image_mean"][0]) / self.prepare["image_std"][0]

    def embed(self, pixels):
        e = "vit.embeddings."
        p = e + "patch_embeddings.projection"
        t = F.conv2d(pixels, self.w[p + ".weight"], self.w[p + ".bias"], stride=self.patch).flatten(2).transpose(1, 2)
        t = torch.cat([self.w[e + "cls_token"].expand(len(t), -1, -1), t], 1)
        return t + self.w[e + "position_embeddings"]

    def attend(self, x, layer, size=None):
        """x + attention(norm(x)) and the keys [B,H,N,D]; `size` [B,N] makes the attention proportional."""
        b, n, c = x.shape
        h = self.layer_norm(x, self.at(layer, "layernorm_before"))
        q, k, v = (
            self.linear(h, self.at(layer, "attention.attention." + name)).view(b, n, self.heads, -1).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        scores = q @ k.transpose(-1, -2) / (c // self.heads) ** 0.5
        if size is not None:
            scores = scores + size.log()[:, None, None, :]
        context = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c)
        return x + self.linear(context, self.at(layer, "attention.output.dense")), k

    def mlp_input(self, attended, layer):
        return self.layer_norm(attended, self.at(layer, "layernorm_after"))

    def feed(self, attended, layer):
        """attended + mlp(norm(attended)), the block's output."""
        h = F.gelu(self.linear(self.mlp_input(attended, layer), self.at(layer, "intermediate.dense")))
        return attended + self.linear(h, self.at(layer, "output.dense"))

    def blocks(self, x, first, last):
        """blocks[first..last], `last` not included."""
        for layer in range(first, last):
            x = self.feed(self.attend(x, layer)[0], layer)
        return x

    def norm(self, x):
        return self.layer_norm(x, "vit.layernorm")

    def at(self, layer, name):
        return f"vit.encoder.layer.{layer}.{name}"


class Segmenter(Vit):
    """Head: one linear layer a patch token; its columns are (class, row in patch, column in patch)."""

    def head(self, normed_patches):
        b = len(normed_patches)
        t = F.linear(normed_patches, self.w["decode_head.weight"], self.w["decode_head.bias"])
        g, p, classes = self.grid, self.patch, t.shape[-1] // self.patch**2
        return t.view(b, g, g, classes, p, p).permute(0, 3, 1, 4, 2, 5).reshape(b, classes, g * p, g * p)

    def decode(self, patches):
        return self.head(self.norm(patches))

    def __call__(self, pixels):
        return self.decode(self.blocks(self.embed(pixels), 0, self.depth)[:, 1:])


class Classifier(Vit):
    """Head: one linear layer on the class token."""

    def decode(self, tokens):
        return self.linear(self.norm(tokens)[:, 0], "classifier")

    def __call__(self, pixels):
        return self.decode(self.blocks(self.embed(pixels), 0, self.depth))
