"""Writes small files in every form of source, as other tools write them, and what they hold as JSON.

Run in the test venv: .venv/bin/python tests/golden/make_sources.py
"""

import gzip
import json
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent / "sources"
ROWS = 12
rng = np.random.default_rng(7)

images = rng.integers(0, 256, (ROWS, 3, 4), dtype=np.uint8)
colours = rng.integers(0, 256, (ROWS, 5, 4, 3), dtype=np.uint8)
label = np.array([0, 1, 2] * 4, dtype=np.uint8)
number = rng.normal(size=ROWS)
word = np.array(["cat", "dog", "été"] * 4)
expected = {
    "images": images.reshape(ROWS, -1).tolist(),
    # Channels first, as a network for images wants them.
    "colours": colours.transpose(0, 3, 1, 2).reshape(ROWS, -1).tolist(),
    "label": label.tolist(),
    "number": number.astype(np.float32).tolist(),
    "word": word.tolist(),
}


def idx(path, array, code):
    header = struct.pack(">BBBB", 0, 0, code, array.ndim)
    header += struct.pack(f">{array.ndim}I", *array.shape)
    body = header + array.astype(array.dtype.newbyteorder(">")).tobytes()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(body, mtime=0))
    else:
        path.write_bytes(body)


HERE.mkdir(exist_ok=True)
idx(HERE / "images-idx3-ubyte.gz", images, 0x08)
idx(HERE / "label-idx1-ubyte", label, 0x08)
idx(HERE / "number-idx1-double", number, 0x0E)
idx(HERE / "short-idx2", images.reshape(ROWS, -1).astype(np.int16), 0x0B)

np.savez(HERE / "plain.npz", images=images, number=number, word=word)
np.savez_compressed(
    HERE / "packed.npz",
    images=images.astype(np.int64),
    half=np.float16(number),
    flags=label > 0,
    word=np.char.encode(word, "utf-8"),
)
np.save(HERE / "fortran.npy", np.asfortranarray(images.astype(">f4")))
np.save(HERE / "colours.npy", colours)
np.save(HERE / "word.npy", word)
expected["half"] = np.float16(number).astype(np.float32).tolist()
np.savez(HERE / "other_order.npz", b=np.array([[3.0, 4.0, 5.0]]), a=np.array([[1, 2]]))
np.savez(HERE / "objects.npz", images=images, word=np.array(word, dtype=object))

(HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", encoding="utf-8")
