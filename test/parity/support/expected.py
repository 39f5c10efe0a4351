"""Writes `expected.safetensors` beside an oracle: computed in f64, kept as f32, and checked against the same in f32."""
import pathlib

import torch
from safetensors.torch import save_file

LIMIT = 200_000
TOLERANCE = 1e-4


def write(oracle, compute):
    """`compute()` gives tensors by name; what f32 decides otherwise than f64 is not fit for a golden file."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    path = pathlib.Path(oracle).with_name("expected.safetensors")
    exact, single = in_dtype(torch.float64, compute), in_dtype(torch.float32, compute)
    for name, t in sorted(exact.items()):
        off = difference(t, single[name])
        print(f"{name:34s} {str(t.dtype)[6:]:8s} {str(list(t.shape)):18s} f32 differs by {off:.1e}")
        assert off <= (TOLERANCE if t.is_floating_point() else 0), name
    save_file({name: (t.float() if t.is_floating_point() else t).contiguous().clone() for name, t in sorted(exact.items())}, path)
    path.chmod(0o644)
    size = path.stat().st_size
    assert size < LIMIT, f"{path} has {size} bytes, at most {LIMIT} are kept"
    print(f"{path.parent.name}: {size} bytes")


def in_dtype(dtype, compute):
    torch.set_default_dtype(dtype)
    torch.manual_seed(0)
    return compute()


def difference(a, b):
    """Largest difference over the largest value."""
    return worst(a, b) / max(a.double().abs().max().item(), 1e-12)


def worst(a, b):
    return (a.double() - b.double()).abs().max().item()


def every(logits, stride):
    """[B, ...] to [B, ceil(size / stride)], row-major over the rest."""
    return logits.flatten(1)[:, ::stride]
