"""Writes examples/images/shoes: 360 pictures of three kinds of shoes, a folder a kind, from fashion-mnist's test files.

The white border of each picture is cut off, so that they differ in size as
pictures do. Needs scripts/fetch-data fashion-mnist.
"""

import gzip
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FETCHED = ROOT / "pipelines/data/fetched/fashion-mnist"
OUT = ROOT / "examples/images/shoes"
KINDS = {5: "sandal", 7: "sneaker", 9: "ankle_boot"}
OF_EACH = 120


def numbers(name, header):
    return np.frombuffer(gzip.decompress((FETCHED / name).read_bytes()), np.uint8, offset=header)


def trimmed(picture):
    rows, columns = np.nonzero(picture)
    return picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def png(picture):
    """Grey values, 8 bits each, dark on white."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = picture.shape
    # Each line begins with its filter: none.
    lines = np.zeros((height, width + 1), np.uint8)
    lines[:, 1:] = 255 - picture
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


pictures = numbers("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
labels = numbers("t10k-labels-idx1-ubyte.gz", 8)
shutil.rmtree(OUT, ignore_errors=True)
for label, kind in KINDS.items():
    folder = OUT / kind
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures[labels == label][:OF_EACH], start=1):
        (folder / f"{number:03}.png").write_bytes(png(trimmed(picture)))
