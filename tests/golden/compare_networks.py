"""Trains a small network of every kind with pipe, and runs each package in PyTorch (compare_package.py).

Usage: compare_networks.py [--pipe PATH_TO_PIPE]

The networks have each layer of the language at least once; the rows are CSV
and JSON Lines, words, codes, blocks of numbers and pictures; the targets are
classes, one logit, labels, numbers, scaled numbers. Exits with 1 where PyTorch
gives something else than pipe.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from compare_package import compare_all
from PIL import Image

ROWS = 150
WORDS = ["Graz", "Linz", "Wien", "Wels", ""]


def write_rows(folder):
    """One table in two forms, and pictures: every column that the networks ask for."""
    random = np.random.default_rng(5)
    csv = ["x,y,z,city,size,kind,sunny,quiet,price,rent"]
    lines = []
    for row in range(ROWS):
        x, y, z = np.round(random.normal(size=3), 3)
        city, size = WORDS[row * 7 % 5], ["S", "M", "L"][row * 11 % 3]
        kind = ["low", "mid", "high"][int(np.clip(x + y + 1.5, 0, 2.9))]
        sunny, quiet = bool(x > 0), bool(y + z > 0.3)
        price, rent = round(4e6 + 1e6 * (x - y), 0), round(0.01 * (y + z), 6)
        yes = ["no", "yes"]
        csv.append(f"{x},{y},{z},{city},{size},{kind},{yes[sunny]},{yes[quiet]},{price},{rent}")
        block = np.round(random.normal(size=(2, 6, 6)) + int(sunny), 3)
        lines.append(json.dumps({"block": block.tolist(), "kind": ["dark", "light"][int(sunny)]}))
        picture = folder / "pictures" / ["dark", "light"][int(sunny)] / f"{row:03}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        levels = np.clip(random.normal(120 + 60 * int(sunny), 40, size=(9 + row % 3, 8, 3)), 0, 255)
        Image.fromarray(levels.astype(np.uint8)).save(picture)
    (folder / "rows.csv").write_text("\n".join(csv) + "\n")
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n")


def table(target, *, steps=("impute", "standardize", "one_hot")):
    others = [name for name in ["kind", "sunny", "quiet", "price", "rent"] if name not in target and name != target]
    return {"source": {"csv": "rows.csv"}, "target": target, "steps": [{"drop": {"columns": others}}, *steps]}


CODES = ["standardize", {"ordinal": {"unknown": "own"}}]
ONLY_CODES = [{"drop": {"columns": ["x", "y", "z"]}}, {"ordinal": {"unknown": "own"}}]
BLOCKS = {"source": {"jsonl": "rows.jsonl"}, "target": "kind"}
PICTURES = {"source": {"images": "pictures/*/*.png"}, "target": "label"}


def linear(size):
    return {"linear": {"out_features": size}}


def layers(*them):
    return {"layers": list(them)}


def conv(kind, channels, size, **options):
    return {kind: {"out_channels": channels, "kernel_size": size, **options}}


CASES = {
    "mlp, classes": (table("kind"), {"mlp": {"hidden": [16, 8], "activation": "gelu", "dropout": 0.1}}, "cross_entropy"),
    "mlp, one logit": (table("sunny"), {"mlp": {"hidden": [8], "activation": "sigmoid"}}, "bce_with_logits"),
    "mlp, labels": (table(["sunny", "quiet"]), {"mlp": {"hidden": [8], "activation": "tanh"}}, "bce_with_logits"),
    "mlp, a scaled number": (table("price"), {"mlp": {"hidden": [8]}}, "huber", True),
    "mlp, scaled numbers": (table(["price", "rent"]), {"mlp": {"hidden": [8]}}, "mse", True),
    "mlp, numbers": (table(["price", "rent"]), {"mlp": {"hidden": [8]}}, "l1"),
    "tabular": (table("kind", steps=CODES), {"tabular": {"hidden": [8], "dropout": 0.1}}, "cross_entropy"),
    "tabular, a scaled number": (table("price", steps=CODES), {"tabular": {"hidden": [8]}}, "mse", True),
    "embedding, conv1d": (
        table("kind", steps=ONLY_CODES),
        layers({"embedding": {"embedding_dim": 4, "num_embeddings": 9}}, conv("conv1d", 6, 2), "relu", "global_avg_pool", linear(3)),
        "cross_entropy",
    ),
    "conv1d and pools": (
        table("kind"),
        layers(
            {"batch_norm": {}}, {"reshape": {"shape": [1, 10]}}, conv("conv1d", 4, 3, padding=1), {"batch_norm": {"eps": 1e-3}},
            "tanh", {"max_pool1d": {"kernel_size": 3, "stride": 2, "padding": 1}}, conv("conv1d", 5, 2, stride=2, bias=False),
            {"layer_norm": {}}, "sigmoid", "softmax", "flatten", {"dropout": {"p": 0.2}}, linear(3),
        ),
        "cross_entropy",
    ),
    "residual rows": (
        table("kind"),
        layers(
            linear(8), {"residual": {"layers": [linear(8), {"layer_norm": {"eps": 1e-4}}, "gelu"]}},
            {"residual": {"layers": [linear(6), "relu"], "shortcut": [linear(6)]}}, linear(3),
        ),
        "cross_entropy",
    ),
    "blocks: conv2d, pools, residual": (
        BLOCKS,
        layers(
            conv("conv2d", 4, 3, padding=1), {"batch_norm": {}}, "relu",
            {"residual": {"layers": [conv("conv2d", 4, 3, padding=1, bias=False), {"batch_norm": {}}, "gelu"]}},
            {"avg_pool2d": {"kernel_size": 3, "stride": 2, "padding": 1}}, conv("conv2d", 3, 1), {"layer_norm": {}},
            {"max_pool2d": {"kernel_size": 2, "stride": 1}}, "global_avg_pool", linear(2),
        ),
        "cross_entropy",
    ),
    "blocks: cnn": (BLOCKS, {"cnn": {"channels": [4], "hidden": [8], "dropout": 0.1}}, "cross_entropy"),
    "pictures: cnn": (
        PICTURES | {"steps": [{"resize": {"size": [8, 8]}}, "normalize"]},
        {"cnn": {"channels": [4, 6], "hidden": [8]}},
        "cross_entropy",
    ),
    "pictures: grey": (
        PICTURES | {"steps": [{"resize": {"size": [6, 7], "channels": 1}}]},
        {"mlp": {"hidden": [8]}},
        "bce_with_logits",
    ),
}


def spec(preprocess, model, loss, scale_target=False):
    train = {"data": "prepare", "model": model, "loss": loss, "epochs": 3, "seed": 2, "device": "cpu"}
    if scale_target:
        train["scale_target"] = True
    split = {"random": {"train": 0.7, "val": 0.1, "test": 0.2, "seed": 3}}
    return {
        "version": 1,
        "name": "compare",
        "stages": {
            "prepare": {"preprocess": {"split": split, **preprocess}},
            "fit": {"train": train},
            "score": {"evaluate": {"model": "fit", "data": "prepare.test"}},
            "bundle": {"package": {"model": "fit", "report": "score", "formats": ["torchscript"]}},
        },
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pipe", type=Path, default=Path("pipe"))
    pipe = arguments.parse_args().pipe
    pipe = pipe.resolve() if pipe.exists() else pipe
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_rows(folder)
        for name, case in CASES.items():
            print(f"{name}:")
            # JSON is YAML.
            (folder / "pipe.yaml").write_text(json.dumps(spec(*case)))
            done = subprocess.run([pipe, "run", "--quiet"], cwd=folder, capture_output=True, text=True)
            if done.returncode != 0:
                print(done.stdout + done.stderr)
                good = False
                continue
            ((form, pattern),) = case[0]["source"].items()
            rows = folder / ("pictures" if form == "images" else pattern)
            good &= compare_all(folder / "artifacts/current/bundle", rows, pipe)
    print("all equal" if good else "some DIFFER")
    sys.exit(not good)


if __name__ == "__main__":
    main()
