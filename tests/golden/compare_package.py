"""Runs an exported package in PyTorch, without pipe's code, and compares with what `pipe predict` says.

Usage: compare_package.py PACKAGE ROWS [--pipe PATH_TO_PIPE]

PACKAGE is the package's folder, ROWS a CSV or JSON Lines file, or a folder of
PNG pictures. The raw rows go through schema.json's steps in numpy (pictures:
in Pillow), then through model.pt (TorchScript) and, where no layer is quantized,
through model.json's layers with weights.safetensors. Both must give what
`pipe predict` gives, within the package's tolerance; so must the raw rows of
golden.jsonl. Exits with 1 where they do not.
"""

import argparse
import base64
import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file


def read_rows(path, schema):
    """Rows by column: text as a CSV file has it, values as JSON has them, a picture's path."""
    if path.is_dir():
        ((name, _),) = [(column["name"], column["type"]) for column in schema["columns"]]
        return [{name: str(picture)} for picture in sorted(path.rglob("*.png"))]
    plain = path.name.removesuffix(".gz")
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as file:
        if plain.endswith(".jsonl"):
            return [json.loads(line) for line in file if line.strip()]
        return list(csv.DictReader(file))


def raw_columns(rows, schema):
    """Columns by name: numbers as floats, words as text, missing ones None."""
    missing = {"", *schema["read"]["na"]}

    def value(raw, kind):
        if isinstance(raw, list):
            return np.asarray(raw, dtype=float)
        if raw is None or raw in missing:
            return None
        if kind == "image":
            return open_picture(raw)
        if kind == "numeric":
            return float(raw)
        if kind == "boolean":
            return float(str(raw).lower() in {"true", "yes", "1"})
        return str(raw)

    return {
        column["name"]: [value(row.get(column["name"]), column["type"]) for row in rows] for column in schema["columns"]
    }


def open_picture(where):
    """Of a path, or of what golden.jsonl has in its place."""
    from PIL import Image

    if where.startswith("data:"):
        where = io.BytesIO(base64.b64decode(where.split(",", 1)[1]))
    return Image.open(where)


def scaled(picture, channels, size):
    """Channels, height, width; from 0 to 1."""
    from PIL import Image

    picture = picture.convert("L" if channels == 1 else "RGB")
    height, width = size
    # One direction after the other: some versions of Pillow begin with the other one, which rounds differently.
    for there in [(width, picture.height), (width, height)]:
        picture = picture.resize(there, Image.Resampling.BILINEAR)
    levels = np.asarray(picture, dtype=float)
    levels = levels[None] if channels == 1 else levels.transpose(2, 0, 1)
    return (levels / 255).astype(np.float32).astype(float)


def apply(step, columns):
    ((kind, fitted),) = step.items()
    if kind == "impute":
        for name, fill in fitted["fill"].items():
            columns[name] = [fill if value is None else value for value in columns[name]]
    elif kind == "standardize":
        for name, by in fitted["columns"].items():
            columns[name] = (np.asarray(columns[name], dtype=float) - by["mean"]) / by["scale"]
    elif kind == "min_max":
        for name, by in fitted["columns"].items():
            columns[name] = np.asarray(columns[name], dtype=float) * by["scale"] + by["offset"]
    elif kind == "one_hot":
        for name, categories in fitted["categories"].items():
            values = columns.pop(name)
            for category in categories:
                columns[f"{name}={category}"] = [float(value == category) for value in values]
            rare = fitted.get("rare", {}).get(name)
            if rare is not None:
                others = fitted["unknown"] == "other"
                is_other = [it in rare or (others and it is not None and it not in categories) for it in values]
                columns[f"{name}=(other)"] = [float(it) for it in is_other]
    elif kind == "ordinal":
        for name, categories in fitted["categories"].items():
            own = fitted["unknown"] == "own"
            codes = {category: code for code, category in enumerate(categories)}
            missing, other = (len(categories), len(categories)) if own else (np.nan, -1)
            columns[name] = [missing if value is None else codes.get(value, other) for value in columns[name]]
    elif kind == "resize":
        for name, channels in fitted["columns"].items():
            columns[name] = [scaled(picture, channels, fitted["size"]) for picture in columns[name]]
    elif kind == "normalize":
        for name, by in fitted["columns"].items():
            mean, scale = (np.asarray(by[it])[:, None, None] for it in ["mean", "scale"])
            columns[name] = [(block - mean) / scale for block in columns[name]]
    elif kind == "drop":
        for name in fitted["columns"]:
            del columns[name]
    else:
        sys.exit(f"error: unknown step {kind}")


def features(columns, schema):
    for step in schema["steps"]:
        apply(step, columns)
    # A block's numbers are features side by side.
    by_column = [np.asarray(values, dtype=float) for values in columns.values()]
    wide = [it.reshape(len(it), -1) for it in by_column]
    if any(it.shape[1] > 1 for it in wide):
        table = np.concatenate(wide, axis=1)
    else:
        table = np.array([np.asarray(columns[name], dtype=float) for name in schema["features"]]).T
    assert table.shape[1] == len(schema["features"]), (table.shape, len(schema["features"]))
    return torch.from_numpy(np.ascontiguousarray(table.astype(np.float32)))


class Norm(torch.nn.BatchNorm1d):
    """batch_norm of flat rows, sequences and images."""

    def _check_input_dim(self, rows):
        pass


class GlobalAvgPool(torch.nn.Module):
    def forward(self, rows):
        return rows.flatten(2).mean(2)


class Codes(torch.nn.Embedding):
    """Codes in a row: as channels, which PyTorch puts last."""

    def forward(self, rows):
        return super().forward(rows.long()).transpose(1, 2)


class CodeColumn(torch.nn.Embedding):
    """The code in one column: its numbers come last."""

    def __init__(self, column, *sizes):
        super().__init__(*sizes)
        self.column = column

    def forward(self, rows):
        numbers = super().forward(rows[:, self.column].long())
        return torch.cat([rows[:, : self.column], rows[:, self.column + 1 :], numbers], 1)


class Rescale(torch.nn.Module):
    """From deviations to a target's units."""

    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = torch.tensor(scale), torch.tensor(shift)

    def forward(self, rows):
        return rows * self.scale + self.shift


class Layers(torch.nn.Sequential):
    """Layers in order; `recall` and `add` ask for what an earlier one got."""

    def __init__(self, layers):
        super().__init__(*map(module, layers))
        self.layers = layers

    def forward(self, rows):
        got = []
        for layer, run in zip(self.layers, self, strict=True):
            got.append(rows)
            if "recall" in layer:
                rows = got[layer["recall"]["point"]]
            elif "add" in layer:
                rows = rows + got[layer["add"]["point"]]
            else:
                rows = run(rows)
        return rows


class Reshape(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, rows):
        return rows.reshape(-1, *self.shape)


def module(layer):
    kind, options = (layer, {}) if isinstance(layer, str) else next(iter(layer.items()))
    nn = torch.nn
    if kind == "linear":
        return nn.Linear(options["in_features"], options["out_features"], options["bias"])
    if kind == "embedding":
        return Codes(options["num_embeddings"], options["embedding_dim"])
    if kind == "column_embedding":
        return CodeColumn(options["column"], options["num_embeddings"], options["embedding_dim"])
    if kind == "rescale":
        return Rescale(options["scale"], options["shift"])
    if kind == "conv2d":
        sizes = [options[name] for name in ["in_channels", "out_channels", "kernel_size", "stride", "padding"]]
        return nn.Conv2d(*sizes, bias=options["bias"])
    if kind == "conv1d":
        sizes = [options[name] for name in ["in_channels", "out_channels", "kernel_size", "stride", "padding"]]
        return nn.Conv1d(*sizes, bias=options["bias"])
    pools = {"max_pool2d": nn.MaxPool2d, "avg_pool2d": nn.AvgPool2d, "max_pool1d": nn.MaxPool1d}
    if kind in pools:
        return pools[kind](options["kernel_size"], options["stride"], options["padding"])
    if kind == "batch_norm":
        return Norm(options["features"], options["eps"], options["momentum"])
    if kind == "layer_norm":
        return nn.LayerNorm(options["shape"], options["eps"])
    if kind in ["recall", "add"]:
        return nn.Identity()
    if kind == "softmax":
        return nn.Softmax(1)
    if kind == "global_avg_pool":
        return GlobalAvgPool()
    if kind == "reshape":
        return Reshape(options["shape"])
    if kind == "dropout":
        return nn.Dropout(options["p"])
    plain = {"flatten": nn.Flatten, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
    return plain[kind]()


def network(package):
    """The layer list as PyTorch's own modules; None where PyTorch has none for a layer."""
    layers = json.loads((package / "model.json").read_text())["layers"]
    if any("quantized_linear" in layer for layer in layers):
        return None
    model = Layers(layers)
    keys = model.load_state_dict(load_file(package / "weights.safetensors"), strict=False)
    # PyTorch counts batches, which changes nothing in evaluation.
    missing = [name for name in keys.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or keys.unexpected_keys:
        sys.exit(f"error: weights.safetensors lacks {missing} and has {keys.unexpected_keys} too many")
    return model.eval()


def pipe_predictions(pipe, package, rows):
    """Predictions as text, those of several targets in a list, and the probabilities of a row's classes (or nothing)."""
    command = [pipe, "predict", str(package), str(rows), "--output-format", "csv"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    table = list(csv.DictReader(lines))
    probabilities = [[float(value) for name, value in row.items() if name.startswith("p=")] for row in table]
    return [[value for name, value in row.items() if name.startswith("prediction")] for row in table], probabilities


def golden_predictions(rows):
    def texts(prediction):
        values = prediction.values() if isinstance(prediction, dict) else [prediction]
        return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]

    return [texts(row["prediction"]) for row in rows], [row["probabilities"] for row in rows]


def compare(name, outputs, expected, package):
    predictions, probabilities = expected
    classes = package["classes"]
    labels = "labels" in (package.get("targets") or {})
    if classes and outputs.shape[1] == 1:
        # One logit is that of the second class.
        outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    if classes:
        ours = torch.softmax(outputs, dim=1).numpy()
        theirs = np.array(probabilities)
        chosen = [classes[index] for index in ours.argmax(axis=1)]
        other = sum(theirs_word != [ours_word] for theirs_word, ours_word in zip(predictions, chosen, strict=True))
    elif labels:
        ours = torch.sigmoid(outputs).numpy()
        theirs = np.array(probabilities)
        other = int(((outputs.numpy() > 0) != (np.array(predictions) == "true")).sum())
    else:
        ours = outputs.numpy()
        theirs = np.array([[float(it) for it in prediction] for prediction in predictions])
        other = 0
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    worst = float((np.abs(ours - theirs) / (1 + np.abs(theirs))).max())
    good = worst <= package["tolerance"] and other == 0
    verdict = "ok" if good else "DIFFERS"
    print(f"{name}: {len(ours)} rows, largest difference {worst:.1e}, {other} other predictions: {verdict}")
    return good


def compare_all(folder, rows, pipe):
    """Whether PyTorch gives what pipe gives, for both files of the network."""
    package = json.loads((folder / "package.json").read_text())
    schema = json.loads((folder / "schema.json").read_text())
    golden = [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]
    cases = {
        rows.name: (read_rows(rows, schema), pipe_predictions(pipe, folder, rows)),
        "golden.jsonl": ([row["input"] for row in golden], golden_predictions(golden)),
    }
    models = {
        "model.pt": torch.jit.load(folder / "model.pt").eval(),
        "weights.safetensors": network(folder),
    }
    good = True
    for model_name, model in models.items():
        for rows_name, (table, expected) in cases.items():
            if model is None:
                print(f"{model_name} on {rows_name}: not compared, PyTorch has no module for a quantized layer")
                continue
            with torch.no_grad():
                outputs = model(features(raw_columns(table, schema), schema))
            good &= compare(f"{model_name} on {rows_name}", outputs, expected, package)
    return good


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("package", type=Path)
    arguments.add_argument("rows", type=Path)
    arguments.add_argument("--pipe", default="pipe")
    given = arguments.parse_args()
    sys.exit(not compare_all(given.package, given.rows, given.pipe))


if __name__ == "__main__":
    main()
