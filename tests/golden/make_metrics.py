"""Writes metrics.json: what scikit-learn says of a number of predictions.

Conventions, the same in pipe:
- precision, recall and F1 with scikit-learn's defaults: a class that is neither in the target
  nor predicted does not count; zero_division=0;
- the confusion matrix and log_loss have all classes 0..k, seen or not: labels=range(k);
- a prediction is the most probable class, of equals the first;
- log_loss: probabilities are clipped to [eps, 1 - eps] with the eps of float64;
- r2 of a constant target is 1 if it is met and 0 if not.
"""

import json
from pathlib import Path

import numpy as np
from sklearn import metrics

CASES = Path(__file__).parent / "metrics.json"


def classification(name, classes, target, probabilities):
    """`probabilities`: a row for each target, exact in float64."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    predicted = probabilities.argmax(axis=1)
    labels = range(classes)
    expected = {"accuracy": metrics.accuracy_score(target, predicted)}
    for average in ["macro", "micro", "weighted"]:
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            target, predicted, average=average, zero_division=0
        )
        expected |= {f"precision_{average}": precision, f"recall_{average}": recall, f"f1_{average}": f1}
    expected["log_loss"] = metrics.log_loss(target, probabilities, labels=labels)
    return {
        "name": name,
        "classes": classes,
        "target": [int(value) for value in target],
        "probabilities": probabilities.tolist(),
        "predicted": predicted.tolist(),
        "expected": {key: float(value) for key, value in expected.items()},
        "confusion_matrix": metrics.confusion_matrix(target, predicted, labels=labels).tolist(),
    }


def regression(name, target, predicted):
    target, predicted = np.asarray(target, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    return {
        "name": name,
        "target": target.tolist(),
        "predicted": predicted.tolist(),
        "expected": {
            "mse": float(metrics.mean_squared_error(target, predicted)),
            "rmse": float(metrics.root_mean_squared_error(target, predicted)),
            "mae": float(metrics.mean_absolute_error(target, predicted)),
            "r2": float(metrics.r2_score(target, predicted)),
        },
    }


def softmax(logits):
    """Rounded to 6 places, to keep the file small."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    rounded = np.round(shifted / shifted.sum(axis=1, keepdims=True), 6)
    rounded[:, -1] = 1.0 - rounded[:, :-1].sum(axis=1)
    return np.clip(rounded, 0.0, 1.0)


def drawn(random, rows, classes, skill):
    """Targets, and probabilities that favour them by `skill`."""
    target = random.integers(classes, size=rows)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), target] += skill
    return target, softmax(logits)


def certain(predicted, classes):
    return np.eye(classes)[list(predicted)]


def classifications():
    random = np.random.default_rng(7)
    two = drawn(random, 40, 2, 1.0)
    ten = drawn(random, 120, 10, 2.5)
    poor = drawn(random, 60, 5, -1.0)
    rare = drawn(random, 80, 3, 1.5)
    rare[0][rare[0] == 2] = 0
    rare[0][5] = 2
    return [
        classification("two_classes", 2, *two),
        classification("ten_classes", 10, *ten),
        classification("worse_than_chance", 5, *poor),
        classification("one_row_of_a_class", 3, *rare),
        classification("perfect_and_certain", 4, [0, 1, 2, 3, 3, 1], certain([0, 1, 2, 3, 3, 1], 4)),
        classification("all_wrong_and_certain", 3, [0, 1, 2, 0], certain([1, 2, 0, 2], 3)),
        classification("class_never_predicted", 3, [0, 0, 1, 1, 2, 2], certain([0, 0, 1, 1, 0, 1], 3)),
        classification("class_never_in_target", 3, [0, 0, 1, 1], certain([0, 2, 1, 1], 3)),
        classification("class_neither_in_target_nor_predicted", 4, [0, 1, 2, 0], certain([0, 1, 1, 0], 4)),
        classification("one_class_in_target", 2, [1, 1, 1], [[0.2, 0.8], [0.6, 0.4], [0.1, 0.9]]),
        classification("always_the_same_prediction", 3, [0, 1, 2, 2, 2], [[0.2, 0.3, 0.5]] * 5),
        classification(
            "ties_go_to_the_first_class",
            3,
            [2, 0, 1, 2],
            [[0.25, 0.25, 0.5], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.4, 0.2, 0.4]],
        ),
        classification(
            "probabilities_of_zero_and_one", 2, [0, 1, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.3, 0.7]]
        ),
        classification("one_row", 2, [1], [[0.25, 0.75]]),
    ]


def regressions():
    random = np.random.default_rng(8)
    target = np.round(random.normal(150.0, 77.0, 50), 3)
    return [
        regression("good", target, np.round(target + random.normal(0, 10, 50), 3)),
        regression("poor", target, np.round(random.normal(150.0, 77.0, 50), 3)),
        regression("the_mean", target, np.full(50, target.mean())),
        regression("perfect", target, target),
        regression("constant_target_met", [3.5] * 4, [3.5] * 4),
        regression("constant_target_missed", [3.5] * 4, [3.5, 3.0, 4.0, 3.5]),
        regression("constant_prediction", [1.0, 2.0, 3.0], [9.0, 9.0, 9.0]),
        regression("two_rows", [0.0, 1.0], [0.25, 0.5]),
        regression("negative_values", [-5.0, -1.0, 2.0, 0.0], [-4.0, -2.0, 2.5, 0.5]),
        regression("large_offset", 1e6 + target, 1e6 + target + np.round(random.normal(0, 1, 50), 3)),
        regression("tiny_values", target * 1e-9, target * 1.01e-9),
        regression("one_far_out", [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 1000.0]),
    ]


CASES.write_text(json.dumps({"classification": classifications(), "regression": regressions()}) + "\n")
