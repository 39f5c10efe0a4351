"""Pictures and what Pillow makes of them, for test/runtime/image.test.ts. Needs Pillow and numpy; `python test/runtime/pictures/oracle.py` writes the same files again."""
import json
import pathlib
import struct

import numpy
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def picture(height, width):
    """Slopes, waves, an edge and noise: what filters differ on."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    random = numpy.random.default_rng(7)
    red = 128 + 100 * numpy.sin(x / 5) * numpy.cos(y / 9)
    green = 255 * (x + y > (height + width) / 2)
    blue = 255 * y / height
    noise = random.normal(0, 12, (height, width, 3))
    return numpy.clip(numpy.stack([red, green, blue], -1) + noise, 0, 255).astype(numpy.uint8)


def save(name, image, **options):
    image.save(HERE / name, **options)


def write(path, tensors):
    header, at = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "U8", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(numpy.ascontiguousarray(v).tobytes() for v in tensors.values()))


if __name__ == "__main__":
    colours = Image.fromarray(picture(37, 53))
    save("rgb.png", colours)
    save("rgb.jpg", colours, quality=90)
    turned = Image.Exif()
    turned[0x0112] = 6
    save("turned.jpg", colours, quality=90, exif=turned)
    save("grey.png", colours.convert("L"))
    save("palette.png", colours.quantize(16))
    alpha = colours.copy()
    alpha.putalpha(Image.fromarray(picture(37, 53)[:, :, 0]))
    save("rgba.png", alpha)
    out = {}
    for name in ("rgb.png", "rgb.jpg", "grey.png", "palette.png", "rgba.png"):
        image = Image.open(HERE / name)
        out[f"{name} rgb"] = numpy.asarray(image.convert("RGB"))
        out[f"{name} l"] = numpy.asarray(image.convert("L"))
    out["rgba.png rgba"] = numpy.asarray(Image.open(HERE / "rgba.png"))
    for kernel, filter in KERNELS.items():
        for width, height in ((20, 16), (40, 40), (70, 60)):
            out[f"{kernel} {width}x{height}"] = numpy.asarray(colours.resize((width, height), filter))
        out[f"{kernel} rgba 40x30"] = numpy.asarray(alpha.resize((40, 30), filter))
        out[f"{kernel} l 40x30"] = numpy.asarray(colours.convert("L").resize((40, 30), filter))
    out["turned.jpg upright"] = numpy.asarray(ImageOps.exif_transpose(Image.open(HERE / "turned.jpg")))
    write(HERE / "expected.safetensors", out)
