"""Writes pipelines/data/digits.csv.gz and the tables of examples/{regression,matrix,profiles} from scikit-learn's copies.

The tables are written byte for byte alike on each run (the gzip header has no
time and no name). The regression target is in hundreds of the original unit,
so that a small network reaches it in the 1000 steps of the example.
"""

import gzip
import io
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

ROOT = Path(__file__).resolve().parents[2]


def csv_text(header, rows):
    return "".join(",".join(line) + "\n" for line in [header, *rows])


def write_digits():
    pixels, labels = load_digits(return_X_y=True)
    rows = [[*(f"{value:.0f}" for value in row), str(label)] for row, label in zip(pixels, labels, strict=True)]
    header = [*(f"p{index}" for index in range(pixels.shape[1])), "label"]
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(csv_text(header, rows).encode())
    (ROOT / "pipelines/data/digits.csv.gz").write_bytes(packed.getvalue())


def write_diabetes():
    table = load_diabetes(scaled=False)
    rows = [
        [*(f"{value:g}" for value in row), f"{target / 100:.2f}"]
        for row, target in zip(table.data, table.target, strict=True)
    ]
    write_parts("regression", [*table.feature_names, "progression"], rows)


def write_wine():
    table = load_wine()
    header = [name.replace("/", "_") for name in table.feature_names]
    rows = [
        [*(f"{value:g}" for value in row), "abc"[target]]
        for row, target in zip(table.data, table.target, strict=True)
    ]
    write_parts("matrix", [*header, "grower"], rows)


def write_parts(example, header, rows):
    order = np.random.default_rng(7).permutation(len(rows))
    held_out = len(order) // 5
    for name, indices in [("test", order[:held_out]), ("train", order[held_out:])]:
        text = csv_text(header, [rows[index] for index in indices])
        (ROOT / f"examples/{example}/{name}.csv").write_text(text)


def write_breast_cancer():
    table = load_breast_cancer()
    header = [name.replace(" ", "_") for name in table.feature_names]
    rows = [
        [*(f"{value:g}" for value in row), table.target_names[target]]
        for row, target in zip(table.data, table.target, strict=True)
    ]
    (ROOT / "examples/profiles/biopsies.csv").write_text(csv_text([*header, "finding"], rows))


write_digits()
write_diabetes()
write_wine()
write_breast_cancer()
