"""Runs an exported package in PyTorch, without pipe's code, and compares with what `pipe predict` says.

Usage: compare_package.py PACKAGE ROWS.csv [--pipe PATH_TO_PIPE]

PACKAGE is the package's folder. The raw rows go through schema.json's steps in
numpy, then through model.pt (TorchScript) and, where no layer is quantized,
through model.json's layers with weights.safetensors. Both must give what
`pipe predict` gives, within the package's tolerance; so must the raw rows of
golden.jsonl. Exits with 1 where they do not.
"""

import argparse
import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file


def read_table(path):
    """Rows as a CSV file has them: text by column."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as file:
        return list(csv.DictReader(file))


def raw_columns(rows, schema):
    """Columns by name: numbers as floats, words as text, missing ones None."""
    missing = {"", *schema["read"]["na"]}

    def value(raw, kind):
        if raw is None or raw in missing:
            return None
        if kind == "numeric":
            return float(raw)
        if kind == "boolean":
            return float(str(raw).lower() in {"true", "yes", "1"})
        return str(raw)

    return {
        column["name"]: [value(row.get(column["name"]), column["type"]) for row in rows] for column in schema["columns"]
    }


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
    elif kind == "drop":
        for name in fitted["columns"]:
            del columns[name]
    else:
        sys.exit(f"error: unknown step {kind}")


def features(columns, schema):
    for step in schema["steps"]:
        apply(step, columns)
    table = np.array([np.asarray(columns[name], dtype=float) for name in schema["features"]])
    return torch.from_numpy(np.ascontiguousarray(table.T.astype(np.float32)))


class Norm(torch.nn.BatchNorm1d):
    """batch_norm of flat rows, sequences and images."""

    def _check_input_dim(self, rows):
        pass


class GlobalAvgPool(torch.nn.Module):
    def forward(self, rows):
        return rows.flatten(2).mean(2)


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
    """Predictions as text, and the probabilities of a row's classes (or nothing)."""
    command = [pipe, "predict", str(package), str(rows)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    table = list(csv.DictReader(lines))
    probabilities = [[float(value) for name, value in row.items() if name.startswith("p=")] for row in table]
    return [row["prediction"] for row in table], probabilities


def golden_predictions(rows):
    return [str(row["prediction"]) for row in rows], [row["probabilities"] for row in rows]


def compare(name, outputs, expected, package):
    predictions, probabilities = expected
    classes = package["classes"]
    if classes and outputs.shape[1] == 1:
        # One logit is that of the second class.
        outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    if classes:
        ours = torch.softmax(outputs, dim=1).numpy()
        theirs = np.array(probabilities)
        chosen = [classes[index] for index in ours.argmax(axis=1)]
        other = sum(theirs_word != ours_word for theirs_word, ours_word in zip(predictions, chosen, strict=True))
    else:
        ours = outputs[:, 0].numpy()
        theirs = np.array([float(prediction) for prediction in predictions])
        other = 0
    worst = float((np.abs(ours - theirs) / (1 + np.abs(theirs))).max())
    good = worst <= package["tolerance"] and other == 0
    verdict = "ok" if good else "DIFFERS"
    print(f"{name}: {len(ours)} rows, largest difference {worst:.1e}, {other} other predictions: {verdict}")
    return good


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("package", type=Path)
    arguments.add_argument("rows", type=Path)
    arguments.add_argument("--pipe", default="pipe")
    given = arguments.parse_args()

    package = json.loads((given.package / "package.json").read_text())
    schema = json.loads((given.package / "schema.json").read_text())
    golden = [json.loads(line) for line in (given.package / "golden.jsonl").read_text().splitlines()]
    cases = {
        given.rows.name: (read_table(given.rows), pipe_predictions(given.pipe, given.package, given.rows)),
        "golden.jsonl": ([row["input"] for row in golden], golden_predictions(golden)),
    }
    models = {
        "model.pt": torch.jit.load(given.package / "model.pt").eval(),
        "weights.safetensors": network(given.package),
    }
    good = True
    for model_name, model in models.items():
        for rows_name, (rows, expected) in cases.items():
            if model is None:
                print(f"{model_name} on {rows_name}: not compared, PyTorch has no module for a quantized layer")
                continue
            with torch.no_grad():
                outputs = model(features(raw_columns(rows, schema), schema))
            good &= compare(f"{model_name} on {rows_name}", outputs, expected, package)
    sys.exit(not good)


main()
