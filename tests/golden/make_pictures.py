"""Writes small pictures of every kind, and what Pillow reads and scales of them as JSON.

Run in a venv with Pillow 13.0.0 and numpy: python tests/golden/make_pictures.py
"""

import json
import pathlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent / "pictures"
HERE.mkdir(exist_ok=True)
rng = np.random.default_rng(11)


def smooth(height, width, channels):
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 120 * np.sin(x / (3 + c) + y / (7 - c)) for c in range(channels)]
    noise = rng.integers(-6, 7, (height, width, channels))
    return np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


colour = Image.fromarray(smooth(13, 17, 3), "RGB")
grey = Image.fromarray(smooth(11, 9, 1)[:, :, 0], "L")
clear = Image.merge("RGBA", [*colour.split(), Image.fromarray(smooth(13, 17, 1)[:, :, 0], "L")])
wide = (smooth(8, 6, 1)[:, :, 0].astype(np.uint16) << 8) + 77
pictures = {
    "colour.png": colour,
    "grey.png": grey,
    "clear.png": clear,
    "grey_clear.png": Image.merge("LA", [grey, grey]),
    "palette.png": colour.quantize(16),
    "bits.png": grey.convert("1"),
    "deep.png": Image.fromarray(wide),
    "colour.jpg": colour,
    "grey.jpg": grey,
    "cmyk.jpg": colour.convert("CMYK"),
    "progressive.jpg": colour,
}
cases = []
for name, picture in pictures.items():
    options = {}
    if name.endswith(".jpg"):
        options = {"quality": 90, "progressive": name == "progressive.jpg"}
    picture.save(HERE / name, **options)
    read = Image.open(HERE / name)
    if name == "deep.png":
        read = Image.fromarray((np.asarray(read) >> 8).astype(np.uint8), "L")
    for mode, channels in [("L", 1), ("RGB", 3)]:
        flat = read.convert(mode)
        for size in [(read.height, read.width), (5, 4), (20, 31), (7, read.width)]:
            scaled = flat.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            cases.append(
                {
                    "file": name,
                    "channels": channels,
                    "size": size,
                    "levels": np.asarray(scaled).reshape(-1).tolist(),
                }
            )
# WebP, with the same pictures as they come; and levels of 16 bits.
for name, picture, options in [
    ("lossless.webp", colour, {"lossless": True}),
    ("lossy.webp", colour, {"quality": 80}),
    ("clear.webp", clear, {"lossless": True}),
]:
    picture.save(HERE / name, **options)
    read = Image.open(HERE / name)
    for mode, channels in [("L", 1), ("RGB", 3)]:
        flat = read.convert("RGB").convert(mode)
        for size in [(read.height, read.width), (5, 4)]:
            scaled = flat.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            cases.append(
                {
                    "file": name,
                    "channels": channels,
                    "size": size,
                    "levels": np.asarray(scaled).reshape(-1).tolist(),
                }
            )
whole = (HERE / "lossless.webp").read_bytes()
(HERE / "cut.webp").write_bytes(whole[: len(whole) // 2])
deep = []
read = Image.open(HERE / "deep.png")
assert read.mode == "I;16"
for size in [(read.height, read.width), (5, 4), (20, 31), (7, read.width)]:
    scaled = read.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    levels = np.asarray(scaled).reshape(-1).tolist()
    deep.append({"file": "deep.png", "channels": 1, "size": size, "levels": levels})

whole = (HERE / "colour.png").read_bytes()
(HERE / "cut.png").write_bytes(whole[: len(whole) // 2])
whole = (HERE / "colour.jpg").read_bytes()
(HERE / "cut.jpg").write_bytes(whole[:-30])

block = smooth(4, 3, 2 * 3).transpose(2, 0, 1).reshape(2, 3, 4, 3)
shares = block / 255
mean = shares.mean(axis=(0, 2, 3))
std = shares.std(axis=(0, 2, 3))
normalized = (shares - mean[:, None, None]) / std[:, None, None]
normalize = {
    "levels": block.tolist(),
    "mean": mean.tolist(),
    "std": std.tolist(),
    "expected": normalized.tolist(),
}
text = json.dumps({"cases": cases, "deep": deep, "normalize": normalize}, separators=(",", ":"))
(HERE / "expected.json").write_text(text + "\n")
