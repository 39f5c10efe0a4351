"""A tiny DINOv2 with a dense head and seeded random weights: exported with all that is awkward in the trained one, and folded in PyTorch.

    python oracle.py      # needs torch, onnx, onnxruntime, safetensors

pipelines/models/tiny-onnx/saliency.onnx: operator set 14, so norms in nine nodes; keys, values and queries in this order; half of
the scale on either side; LayerScale; a position table that is resized in the graph; a head whose grid comes from the picture's size.
The picture's size is written into the file, as exporters do.
"""
import pathlib
import sys
import tempfile
import warnings

import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.dinov2 import Saliency  # noqa: E402
from support.expected import every, write, worst  # noqa: E402
from support.folds import Expedite, Tome  # noqa: E402

FILE = HERE.parents[2] / "pipelines/models/tiny-onnx/saliency.onnx"
WIDTH, HEADS, DEPTH, PATCH, SIDE, TABLE = 32, 4, 4, 4, 24, 5
STRIDE = {24: 1, 48: 3}


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        b, n, _ = x.shape
        k, v, q = (project(x).view(b, n, HEADS, WIDTH // HEADS).transpose(1, 2) for project in (self.key, self.value, self.query))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, WIDTH)


class Output(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return self.dense(x)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.output = Attention(), Output()

    def forward(self, x):
        return self.output(self.attention(x))


class LayerScale(nn.Module):
    def __init__(self):
        super().__init__()
        self.lambda1 = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * self.lambda1


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attention, self.mlp = Attending(), Mlp()
        self.layer_scale1, self.layer_scale2 = LayerScale(), LayerScale()

    def forward(self, x):
        attended = self.layer_scale1(self.attention(self.norm1(x))) + x
        return self.layer_scale2(self.mlp(self.norm2(attended))) + attended


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.projection = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, pixels):
        return self.projection(pixels).flatten(2).transpose(1, 2)


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.position_embeddings = nn.Parameter(torch.zeros(1, TABLE**2 + 1, WIDTH))
        self.patch_embeddings = Patches()

    def forward(self, pixels):
        tokens = self.patch_embeddings(pixels)
        tokens = torch.cat([self.cls_token.expand(tokens.shape[0], -1, -1), tokens], 1)
        rows = self.position_embeddings[:, 1:]
        square = rows.reshape(1, TABLE, TABLE, tokens.shape[-1]).permute(0, 3, 1, 2)
        resized = F.interpolate(square, size=(pixels.shape[-2] // PATCH, pixels.shape[-1] // PATCH), mode="bicubic", align_corners=False)
        return tokens + torch.cat([self.position_embeddings[:, :1], resized.permute(0, 2, 3, 1).view(1, -1, tokens.shape[-1])], 1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.ModuleList(Block() for _ in range(DEPTH))

    def forward(self, x):
        for block in self.layer:
            x = block(x)
        return x


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings, self.encoder, self.layernorm = Embeddings(), Encoder(), nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, pixels):
        return self.layernorm(self.encoder(self.embeddings(pixels)))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.upconv1, self.upconv2, self.upconv3 = (nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in ((WIDTH, 16), (16, 8), (8, 4)))
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(16), nn.BatchNorm2d(8), nn.BatchNorm2d(4)
        self.final_conv = nn.Conv2d(4, 1, 1)

    def forward(self, x, size):
        x = F.relu(self.bn1(self.upconv1(x)))
        x = F.relu(self.bn2(self.upconv2(x)))
        x = F.relu(self.bn3(self.upconv3(x)))
        return F.interpolate(self.final_conv(x), size=size, mode="bilinear", align_corners=False)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.decoder = Backbone(), Decoder()

    def forward(self, pixels):
        b, _, height, width = pixels.shape
        patches = self.backbone(pixels)[:, 1:]
        grid = patches.permute(0, 2, 1).reshape(b, WIDTH, height // PATCH, width // PATCH)
        return torch.sigmoid(self.decoder(grid, (height, width)))


def seeded():
    model = Model()
    with torch.no_grad():
        generator = torch.Generator().manual_seed(5)
        for name, p in [*model.named_parameters(), *model.named_buffers()]:
            if not p.is_floating_point():
                continue
            scale = 0.2 if p.dim() > 1 and "position" not in name else 0.1
            p.copy_(torch.randn(p.shape, generator=generator) * scale + (1.0 if ("norm" in name or ".bn" in name or "lambda" in name) and not name.endswith(("bias", "mean")) else 0.0))
            if name.endswith("var"):
                p.abs_()
    return model.eval()


def export(model):
    with tempfile.TemporaryDirectory() as folder:
        temporary = pathlib.Path(folder) / FILE.name
        torch.onnx.export(model, (torch.randn(1, 3, SIDE, SIDE),), temporary, dynamo=False, opset_version=14, input_names=["input_image"], output_names=["output_importance"], dynamic_axes={"input_image": {0: "batch_size"}})
        made = onnx.load(temporary)
    for part in [made, made.graph, *made.graph.node]:
        for field in ("metadata_props", "doc_string"):
            if field in part.DESCRIPTOR.fields_by_name:
                part.ClearField(field)
    onnx.save(made, FILE)


def compute():
    out = {}
    for side, stride in STRIDE.items():
        pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(side), dtype=torch.float32).to(torch.get_default_dtype())
        model = Saliency(FILE, side, HEADS)
        grid, near = side // PATCH, 4
        keys = Tome(model, pixels, [grid] * DEPTH, "keys")
        late = Tome(model, pixels, [0, 0] + [2 * grid] * (DEPTH - 2), "features")
        folded = Expedite(model, pixels, 2, 2 * grid // 3, factor=5.0)
        maps = {
            "plain": model(pixels),
            "tome": model.decode(keys.value()[:, 1:]),
            "tome-unweighed": model.decode(Tome(model, pixels, [grid] * DEPTH, "keys", proportional=False).value()[:, 1:]),
            "tome-features-residual": model.decode(late.residual_nested()[:, 1:]),
            "expedite": folded.value_then_norm(near, "l1"),
            "expedite-normed": folded.value(near, "l2"),
            "expedite-residual": folded.residual(near),
        }
        out |= {f"{name}.{side}": every(m, stride) for name, m in maps.items()} | {f"pixels.{side}": pixels, f"stride.{side}": torch.tensor([stride])}
        out[f"tome-groups.{side}"] = keys.place()
    return out


def check_against_the_file(model):
    """The reference that reads the file's weights, the model that was exported, and the file itself in ONNX Runtime."""
    with torch.no_grad():
        for side in STRIDE:
            pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(9))
            opened = onnx.load(FILE)
            for axis in (2, 3):
                opened.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
            run = torch.from_numpy(onnxruntime.InferenceSession(opened.SerializeToString()).run(None, {"input_image": pixels.numpy()})[0])
            reference, written = Saliency(FILE, side, HEADS)(pixels), model(pixels)
            print(f"{side}: reference against the exported model {worst(reference, written):.1e}, against ONNX Runtime {worst(reference, run):.1e}; the map deviates by {run.std():.2f}")
            assert worst(reference, written) < 1e-5 and worst(reference, run) < 1e-5


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    tiny = seeded()
    export(tiny)
    check_against_the_file(tiny)
    write(__file__, compute)
