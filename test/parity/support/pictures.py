"""Reads the committed pictures and counts how well they were segmented."""
import json
import pathlib
import struct
import zlib

import torch

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCENES = ROOT / "pipelines/data/scenes"
DIGITS = ROOT / "pipelines/data/digits/digits.safetensors"


def png(path):
    """8-bit grey PNG, not interlaced, to a u8 tensor [H,W]."""
    data, at, packed = pathlib.Path(path).read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, interlaced) == (8, 0, 0), f"{path} is not an 8-bit grey PNG"
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, above, out = zlib.decompress(packed), bytes(width), bytearray()
    for y in range(height):
        line = raw[y * (width + 1) : (y + 1) * (width + 1)]
        above = unfilter(line[0], line[1:], above)
        out += above
    return torch.frombuffer(out, dtype=torch.uint8).view(height, width)


def unfilter(kind, line, above):
    out = bytearray(line)
    for i in range(len(line)):
        left, corner = (out[i - 1], above[i - 1]) if i else (0, 0)
        guess = (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]
        out[i] = (line[i] + guess) & 255
    return bytes(out)


def paeth(left, above, corner):
    p = left + above - corner
    return min((abs(p - left), 0, left), (abs(p - above), 1, above), (abs(p - corner), 2, corner))[2]


def scenes(count=None):
    """u8 [B,1,H,W] and labels i64 [B,H,W] in the order of the index."""
    records = json.loads((SCENES / "index.json").read_text())[:count]
    pictures = torch.stack([png(SCENES / r["picture"]) for r in records])[:, None]
    return pictures, torch.stack([png(SCENES / r["label"]) for r in records]).long()


class Confusion:
    """Counts pixels over all scenes; mIoU is the mean over classes of intersection / union of these counts."""

    def __init__(self, classes=11):
        self.classes = classes
        self.counts = torch.zeros(classes, classes, dtype=torch.float64)

    def add(self, logits, labels):
        pair = labels * self.classes + logits.argmax(1)
        self.counts += torch.bincount(pair.reshape(-1), minlength=self.classes**2).view(self.classes, self.classes)
        return self

    def miou(self):
        hit = self.counts.diagonal()
        return (hit / (self.counts.sum(0) + self.counts.sum(1) - hit)).mean().item()

    def accuracy(self):
        return (self.counts.diagonal().sum() / self.counts.sum()).item()
