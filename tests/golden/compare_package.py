"""Runs an exported package in PyTorch, without pipe's code, and compares with what `pipe predict` says.

Usage: compare_package.py PACKAGE ROWS.csv [--pipe PATH_TO_PIPE]

PACKAGE is the package's folder. Reads the raw rows, does the preprocessing of
schema.json in numpy, evaluates both model.pt (TorchScript) and, for models of
linear layers and activations, model.json with weights.safetensors, and
compares each with the predictions of `pipe predict`. Fails if they differ by
more than the package's tolerance.
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


def read_rows(path, schema):
    """Raw columns by name: numbers as floats, words as text, missing ones None."""
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        rows = list(csv.DictReader(file))
    missing = {"", *schema["read"]["na"]}

    def value(text, kind):
        if text in missing:
            return None
        if kind == "numeric":
            return float(text)
        if kind == "boolean":
            return float(text.lower() in {"true", "yes", "1"})
        return text

    return {
        column["name"]: [value(row[column["name"]], column["type"]) for row in rows] for column in schema["columns"]
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


def pipe_predictions(pipe, package, rows):
    """One object a row: its prediction and, for classes, their probabilities."""
    command = [pipe, "predict", str(package), str(rows), "--format", "jsonl"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def compare(name, outputs, predictions, package):
    classes = package["classes"]
    if classes:
        ours = torch.softmax(outputs, dim=1).numpy()
        theirs = np.array([list(row["probabilities"].values()) for row in predictions])
        words = [classes[index] for index in ours.argmax(axis=1)]
        other = sum(str(row["prediction"]) != word for row, word in zip(predictions, words, strict=True))
    else:
        ours = outputs[:, 0].numpy()
        theirs = np.array([row["prediction"] for row in predictions])
        other = 0
    worst = float((np.abs(ours - theirs) / (1 + np.abs(ours))).max())
    good = worst <= package["tolerance"] and other == 0
    print(f"{name}: {len(ours)} rows, largest difference {worst:.1e}, {other} other predictions: {'ok' if good else 'DIFFERS'}")
    return good


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("package", type=Path)
    arguments.add_argument("rows", type=Path)
    arguments.add_argument("--pipe", default="pipe")
    given = arguments.parse_args()

    package = json.loads((given.package / "package.json").read_text())
    schema = json.loads((given.package / "schema.json").read_text())
    inputs = features(read_rows(given.rows, schema), schema)
    predictions = pipe_predictions(given.pipe, given.package, given.rows)
    with torch.no_grad():
        outputs = torch.jit.load(given.package / "model.pt").eval()(inputs)
    sys.exit(not compare("model.pt", outputs, predictions, package))


main()
