"""Looks for what an average hides: the worst class, the worst pump, and errors of which the model was sure.

Usage: audit.py SCORE ROWS PACKAGE REPORT

SCORE is the folder of an evaluate stage, ROWS the rows it was made on as CSV, PACKAGE a package's folder.
REPORT is written: flat JSON, a number by name.
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path


def worst(rights):
    """The lowest share of right answers among groups."""
    return min(sum(group) / len(group) for group in rights.values())


def main(score, rows, package, report):
    with open(Path(score) / "predictions.csv", newline="") as file:
        predictions = list(csv.DictReader(file))
    with open(rows, newline="") as file:
        features = {row["row"]: row for row in csv.DictReader(file)}
    classes = json.loads((Path(package) / "package.json").read_text())["classes"]

    by_class, by_pump, sure_and_wrong = defaultdict(list), defaultdict(list), 0
    for row in predictions:
        is_right = row["prediction"] == row["target"]
        by_class[row["target"]].append(is_right)
        for name, value in features[row["row"]].items():
            if name.startswith("pump=") and float(value) == 1:
                by_pump[name].append(is_right)
        sure_and_wrong += not is_right and max(float(row[f"p={name}"]) for name in classes) > 0.9
    found = {
        "worst_class": worst(by_class),
        "worst_pump": worst(by_pump),
        "sure_and_wrong": sure_and_wrong / len(predictions),
    }
    Path(report).write_text(json.dumps(found) + "\n")


main(*sys.argv[1:])
