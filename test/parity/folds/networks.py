"""The networks of these cases in plain operations, one record at a time, so that rows of a batch which fold to different lengths need no padding here."""
from types import SimpleNamespace

import torch
import torch.nn.functional as F


class Vit:
    """Pre-norm blocks over a class token and patches; tokens are [N, C]."""

    def __init__(self, weights, config):
        self.w, self.heads, self.patch, self.eps = weights, config["num_attention_heads"], config["patch_size"], config["layer_norm_eps"]
        self.depth = config["num_hidden_layers"]

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def layer_norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], self.eps)

    def embed(self, pixels):
        p = "vit.embeddings.patch_embeddings.projection"
        patches = F.conv2d(pixels[None], self.w[p + ".weight"], self.w[p + ".bias"], stride=self.patch)[0].flatten(1).T
        return torch.cat([self.w["vit.embeddings.cls_token"][0], patches]) + self.w["vit.embeddings.position_embeddings"][0]

    def attend(self, i, x, bias=None):
        """The block up to the sum behind its attention; `bias` [N] is added to the score of each key."""
        at = f"vit.encoder.layer.{i}."
        normed = self.layer_norm(x, at + "layernorm_before")
        q, k, v = (heads(self.linear(normed, at + "attention.attention." + name), self.heads) for name in ("query", "key", "value"))
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        probs = scores.softmax(-1)
        attended = x + self.linear(joined(probs @ v), at + "attention.output.dense")
        return SimpleNamespace(queries=q, keys=k, values=v, scores=scores, probs=probs, attended=attended)

    def feed(self, i, attended):
        at = f"vit.encoder.layer.{i}."
        return attended + self.linear(F.gelu(self.linear(self.layer_norm(attended, at + "layernorm_after"), at + "intermediate.dense")), at + "output.dense")

    def block(self, i, x, bias=None):
        sites = self.attend(i, x, bias)
        sites.output = self.feed(i, sites.attended)
        return sites

    def blocks(self, x, first, end, bias=None):
        for i in range(first, end):
            x = self.block(i, x, bias).output
        return x

    def finish(self, x, first, bias=None):
        """The blocks from `first` on and the final norm."""
        return self.layer_norm(self.blocks(x, first, self.depth, bias), "vit.layernorm")


class Decoder:
    """Llama's blocks. Tokens stand at `positions`, which folds may make gaps in; a token sees those that do not stand behind it."""

    def __init__(self, weights, config):
        self.w, self.heads, self.groups, self.eps = weights, config["num_attention_heads"], config["num_key_value_heads"], config["rms_norm_eps"]
        self.depth, self.theta = config["num_hidden_layers"], config["rope_theta"]

    def norm(self, x, name):
        return x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * self.w[name + ".weight"]

    def embed(self, ids):
        return self.w["model.embed_tokens.weight"][ids]

    def project(self, i, x):
        """Queries before and after their rotation wait for positions; keys and values once for each group."""
        at = f"model.layers.{i}."
        normed = self.norm(x, at + "input_layernorm")
        q, k, v = (F.linear(normed, self.w[f"{at}self_attn.{name}_proj.weight"]) for name in "qkv")
        return heads(q, self.heads), heads(k, self.groups), heads(v, self.groups)

    def rotated(self, x, positions):
        half = x.shape[-1] // 2
        angles = positions.to(x.dtype)[:, None] * self.theta ** (-torch.arange(half).to(x.dtype) / half)
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)

    def served(self, x):
        """[G, N, D] to [H, N, D]: each group serves its heads."""
        return x.repeat_interleave(self.heads // self.groups, 0)

    def block(self, i, x, positions, bias=None):
        q, k, v = self.project(i, x)
        q, k, v = self.rotated(q, positions), self.served(self.rotated(k, positions)), self.served(v)
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        scores = scores.masked_fill(positions[:, None] < positions[None, :], -torch.inf)
        probs = scores.softmax(-1)
        return SimpleNamespace(queries=q, keys=k, values=v, scores=scores, probs=probs, output=self.close(i, x, joined(probs @ v)))

    def close(self, i, x, context):
        """What follows the attention of a block: its projection, the two sums, the MLP."""
        at = f"model.layers.{i}."
        attended = x + F.linear(context, self.w[at + "self_attn.o_proj.weight"])
        normed = self.norm(attended, at + "post_attention_layernorm")
        inner = F.silu(F.linear(normed, self.w[at + "mlp.gate_proj.weight"])) * F.linear(normed, self.w[at + "mlp.up_proj.weight"])
        return attended + F.linear(inner, self.w[at + "mlp.down_proj.weight"])

    def states(self, x, positions=None, first=0):
        positions = torch.arange(len(x)) if positions is None else positions
        for i in range(first, self.depth):
            x = self.block(i, x, positions).output
        return self.norm(x, "model.norm")

    def logits(self, states):
        return F.linear(states, self.w["lm_head.weight"])


class Bert:
    """Post-norm blocks; `bias` [N] is added to the score of each key."""

    def __init__(self, weights, config):
        self.w, self.heads, self.eps, self.depth = weights, config["num_attention_heads"], config["layer_norm_eps"], config["num_hidden_layers"]

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def layer_norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], self.eps)

    def embed(self, ids, kinds):
        words, types, places = (self.w[f"embeddings.{name}_embeddings.weight"] for name in ("word", "token_type", "position"))
        return self.layer_norm(words[ids] + types[kinds] + places[: len(ids)], "embeddings.LayerNorm")

    def block(self, i, x, bias=None):
        at = f"encoder.layer.{i}."
        q, k, v = (heads(self.linear(x, f"{at}attention.self.{name}"), self.heads) for name in ("query", "key", "value"))
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        attended = self.layer_norm(x + self.linear(joined(scores.softmax(-1) @ v), at + "attention.output.dense"), at + "attention.output.LayerNorm")
        return self.layer_norm(attended + self.linear(F.gelu(self.linear(attended, at + "intermediate.dense")), at + "output.dense"), at + "output.LayerNorm")

    def blocks(self, x, first=0, bias=None):
        for i in range(first, self.depth):
            x = self.block(i, x, bias)
        return x


def heads(x, count):
    """[N, C] to [H, N, D]."""
    return x.view(len(x), count, -1).transpose(0, 1)


def joined(x):
    """[H, N, D] to [N, C]."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)
