"""Writes metrics.json: what scikit-learn says of a number of predictions.

Conventions, the same in pipe:
- precision, recall and F1 with scikit-learn's defaults: a class that is neither in the target
  nor predicted does not count; zero_division=0;
- the confusion matrix and log_loss have all classes 0..k, seen or not: labels=range(k);
- a prediction is the most probable class, of equals the first;
- log_loss: probabilities are clipped to [eps, 1 - eps] with the eps of float64;
- r2 and explained_variance of a constant target are 1 if nothing is unexplained, else 0;
- roc_auc and average_precision: of the positive class, if there is one; else the mean of each class
  against the rest, over the classes for which scikit-learn defines it. Where it defines none, they are
  null: an error in pipe;
- metrics of one class are those of `positive`, null where scikit-learn warns that they are undefined,
  or where no row is of that class;
- of the rows with equal probabilities at the end of the first k, each counts with the chance that a
  random order puts it among them;
- likewise of labels: the mean over the labels for which scikit-learn defines it without a warning;
- of several numbers, the mean over the targets: multioutput="uniform_average";
- top_k_accuracy with as many classes as there are, or more, is 1.
"""

import json
import math
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve

CASES = Path(__file__).parent / "metrics.json"


def areas(classes, positive, target, probabilities):
    """ROC AUC (plain and weighted) and average precision; None where there is none."""
    target = np.asarray(target)
    found = {"roc_auc": [], "average_precision": []}
    for looked_for in range(classes) if positive is None else [positive]:
        of_it = target == looked_for
        score = probabilities[:, looked_for]
        if of_it.any() and not of_it.all():
            found["roc_auc"].append((metrics.roc_auc_score(of_it, score), of_it.sum()))
        if of_it.any():
            found["average_precision"].append((metrics.average_precision_score(of_it, score), 1))
    mean = {key: np.mean([it[0] for it in values]) if values else None for key, values in found.items()}
    values = found["roc_auc"]
    if positive is not None and classes > 2:
        values = areas(classes, None, target, probabilities)["of_each"]
    weighted = np.average([it[0] for it in values], weights=[it[1] for it in values]) if values else None
    mean["roc_auc_ovr_weighted"] = weighted
    mean["of_each"] = values
    # Where all classes occur, scikit-learn does the same by itself.
    if classes > 2 and positive is None and set(target) == set(range(classes)):
        for key, average in [("roc_auc", "macro"), ("roc_auc_ovr_weighted", "weighted")]:
            whole = metrics.roc_auc_score(target, sums_to_one(probabilities), multi_class="ovr", average=average)
            assert abs(whole - mean[key]) < 1e-9
        whole = metrics.average_precision_score(np.eye(classes)[target], probabilities, average="macro")
        assert abs(whole - mean["average_precision"]) < 1e-9
    return mean


def sums_to_one(probabilities):
    assert np.allclose(probabilities.sum(axis=1), 1.0)
    return probabilities


def top_k(classes, target, probabilities, k):
    score = probabilities[:, 1] if classes == 2 else probabilities
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return metrics.top_k_accuracy_score(target, score, k=k, labels=range(classes))


def defined(score, *arguments, **options):
    """None where scikit-learn calls it undefined."""
    value = score(*arguments, zero_division=np.nan, **options)
    return None if np.isnan(value) else value


def one_class(truth, predicted, score):
    """Metrics of one class: which rows are of it, which are predicted as it, how probable it is."""
    found = {
        "precision": defined(metrics.precision_score, truth, predicted),
        "recall": defined(metrics.recall_score, truth, predicted),
        "specificity": defined(metrics.recall_score, ~truth, ~predicted),
        "f1": None,
        "fbeta_0.5": None,
        "fbeta_2": None,
        "recall_at_precision_0.5": None,
        "recall_at_precision_0.9": None,
        "brier_score": metrics.brier_score_loss(truth, score),
    }
    if truth.any():
        found["f1"] = metrics.f1_score(truth, predicted)
        for beta in ["0.5", "2"]:
            found[f"fbeta_{beta}"] = metrics.fbeta_score(truth, predicted, beta=float(beta))
        precisions, recalls, _ = metrics.precision_recall_curve(truth, score)
        for least in ["0.5", "0.9"]:
            found[f"recall_at_precision_{least}"] = recalls[precisions >= float(least)].max()
    for top in ["1", "10", "0.1", "0.34"]:
        k = int(top) if "." not in top else math.ceil(Fraction(top) * len(truth))
        names = [f"{word}_at_{top}" for word in ["hits", "precision", "lift"]]
        if k > len(truth):
            found |= dict.fromkeys(names)
            continue
        above, equal = (score > score[:, None]).sum(axis=1), (score == score[:, None]).sum(axis=1)
        hits = (truth * np.clip((k - above) / equal, 0, 1)).sum()
        share = truth.mean()
        found |= dict(zip(names, [hits, hits / k, hits / k / share if share else None], strict=True))
    return found


def calibration_error(truth, score, bins=10):
    """The rows of each range, from the same edges as calibration_curve has."""
    right, given = calibration_curve(truth, score, n_bins=bins, strategy="uniform")
    rows = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], score))
    return np.average(abs(right - given), weights=rows[rows > 0])


def calibration_errors(truth, score):
    names = {"expected_calibration_error": 10, "expected_calibration_error_3": 3}
    with warnings.catch_warnings():
        # Of rows that are all alike.
        warnings.simplefilter("ignore")
        return {name: calibration_error(truth, score, bins) for name, bins in names.items()}


def classification(name, classes, target, probabilities, positive=None):
    """`probabilities`: a row for each target, exact in float64. Of two classes the second is positive, unless said."""
    if classes == 2 and positive is None:
        positive = 1
    probabilities = np.asarray(probabilities, dtype=np.float64)
    predicted = probabilities.argmax(axis=1)
    labels = range(classes)
    expected = {
        "accuracy": metrics.accuracy_score(target, predicted),
        "hamming_loss": metrics.hamming_loss(target, predicted),
    }
    for average in ["macro", "micro", "weighted"]:
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            target, predicted, average=average, zero_division=0
        )
        expected |= {f"precision_{average}": precision, f"recall_{average}": recall, f"f1_{average}": f1}
    with warnings.catch_warnings():
        # Of predictions that never occur in the target, and of one class.
        warnings.simplefilter("ignore")
        expected["balanced_accuracy"] = metrics.balanced_accuracy_score(target, predicted)
        expected["matthews_corrcoef"] = metrics.matthews_corrcoef(target, predicted)
    for k in [1, 2, 3]:
        expected[f"top_{k}_accuracy"] = top_k(classes, target, probabilities, k)
    of_curves = areas(classes, positive, target, probabilities)
    del of_curves["of_each"]
    expected |= of_curves
    expected["log_loss"] = metrics.log_loss(target, probabilities, labels=labels)
    if positive is None:
        expected["brier_score"] = metrics.brier_score_loss(target, probabilities, labels=labels)
        expected |= calibration_errors(predicted == target, probabilities.max(axis=1))
    else:
        truth, score = np.asarray(target) == positive, probabilities[:, positive]
        expected |= one_class(truth, predicted == positive, score)
        expected |= calibration_errors(truth, score)
    return {
        "name": name,
        "classes": classes,
        "positive": positive,
        "target": [int(value) for value in target],
        "probabilities": probabilities.tolist(),
        "predicted": predicted.tolist(),
        "expected": {key: None if value is None else float(value) for key, value in expected.items()},
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
            "median_absolute_error": float(metrics.median_absolute_error(target, predicted)),
            "max_error": float(metrics.max_error(target, predicted)),
            "mape": float(metrics.mean_absolute_percentage_error(target, predicted)),
            "mean_pinball_loss_0.5": float(metrics.mean_pinball_loss(target, predicted, alpha=0.5)),
            "mean_pinball_loss_0.9": float(metrics.mean_pinball_loss(target, predicted, alpha=0.9)),
            "r2": float(metrics.r2_score(target, predicted)),
            "explained_variance": float(metrics.explained_variance_score(target, predicted)),
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


def coarse(random, rows, classes):
    """Probabilities in quarters: most are tied."""
    target = random.integers(classes, size=rows)
    probabilities = random.multinomial(4, [1 / classes] * classes, size=rows) / 4
    return target, probabilities


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
        classification("one_class_of_three_in_target", 3, [2, 2], [[0.2, 0.3, 0.5], [0.5, 0.25, 0.25]]),
        classification("first_class_of_two_alone", 2, [0, 0], [[0.8, 0.2], [0.6, 0.4]]),
        classification("equal_probabilities_everywhere", 2, [0, 1, 1, 0, 1], [[0.5, 0.5]] * 5),
        classification("many_ties", 3, *coarse(random, 60, 3)),
        classification("many_ties_of_two", 2, *coarse(random, 60, 2)),
        *positives(),
    ]


def positives():
    """Cases whose positive class is not the second of two."""
    random = np.random.default_rng(11)
    few = (random.random(200) < 0.9).astype(int), softmax(random.normal(size=(200, 2)) + [0.0, 2.0])
    ten = drawn(random, 120, 10, 2.5)
    ties = coarse(random, 60, 3)
    halves = [[0.5, 0.5], [0.3, 0.7], [0.2, 0.8], [0.9, 0.1]]
    return [
        classification("first_of_two", 2, *drawn(random, 40, 2, 1.0), positive=0),
        classification("first_of_two_is_rare_and_the_rest_is_noise", 2, *few, positive=0),
        classification("first_of_two_with_ties", 2, *coarse(random, 60, 2), positive=0),
        classification("first_of_two_never_predicted", 2, [0, 0, 1, 1], [[0.4, 0.6]] * 4, positive=0),
        classification("first_of_two_never_in_target", 2, [1, 1, 1, 1], halves, positive=0),
        classification("first_of_two_in_all_rows", 2, [0, 0, 0, 0], halves, positive=0),
        classification("first_of_two_neither_in_target_nor_predicted", 2, [1, 1], [[0.4, 0.6]] * 2, positive=0),
        classification("one_of_ten", 10, *ten, positive=3),
        classification("one_of_three_with_ties", 3, *ties, positive=2),
        classification("one_of_three_never_in_target", 3, [0, 0, 1, 1], certain([0, 2, 1, 1], 3), positive=2),
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
        regression("zeros_in_target", [0.0, 1.0, -2.0, 0.0], [0.0, 1.5, -1.0, 0.25]),
        regression("constant_error", [1.0, 2.0, 4.0], [3.0, 4.0, 6.0]),
        regression("constant_target_and_error", [2.0, 2.0], [3.0, 3.0]),
        regression("one_far_out", [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 1000.0]),
    ]


def label_areas(target, probabilities):
    """Of each label that has rows with yes (and with no), then the mean."""
    aucs, precisions, weights = [], [], []
    for truth, score in zip(target.T, probabilities.T, strict=True):
        if truth.any():
            precisions.append(metrics.average_precision_score(truth, score))
        if truth.any() and not truth.all():
            aucs.append(metrics.roc_auc_score(truth, score))
            weights.append(truth.sum())
    found = {
        "roc_auc": np.mean(aucs) if aucs else None,
        "roc_auc_ovr_weighted": np.average(aucs, weights=weights) if aucs else None,
        "average_precision": np.mean(precisions) if precisions else None,
    }
    # Where all labels occur and none is everywhere, scikit-learn does the same by itself.
    if target.any(axis=0).all() and not target.all(axis=0).any():
        assert abs(found["roc_auc"] - metrics.roc_auc_score(target, probabilities)) < 1e-9
        weighted = metrics.roc_auc_score(target, probabilities, average="weighted")
        assert abs(found["roc_auc_ovr_weighted"] - weighted) < 1e-9
        assert abs(found["average_precision"] - metrics.average_precision_score(target, probabilities)) < 1e-9
    return found


def labels(name, target, probabilities):
    """Yes where it is more probable than no."""
    target, probabilities = np.asarray(target, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    predicted = probabilities > 0.5
    expected = {
        "accuracy": metrics.accuracy_score(target, predicted),
        "hamming_loss": metrics.hamming_loss(target, predicted),
    }
    for average in ["macro", "micro", "weighted"]:
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            target, predicted, average=average, zero_division=0
        )
        expected |= {f"precision_{average}": precision, f"recall_{average}": recall, f"f1_{average}": f1}
    expected |= label_areas(target, probabilities)
    expected |= calibration_errors(target.ravel(), probabilities.ravel())
    return {
        "name": name,
        "target": target.tolist(),
        "probabilities": probabilities.tolist(),
        "predicted": predicted.tolist(),
        "expected": {key: None if value is None else float(value) for key, value in expected.items()},
    }


def several_labels():
    random = np.random.default_rng(9)
    truth = random.random((60, 4)) < [0.5, 0.2, 0.8, 0.05]
    truth[0, 3], truth[1, 3] = True, False
    skill = np.round(1 / (1 + np.exp(-(random.normal(size=(60, 4)) + 2 * truth - 1))), 6)
    quarters = np.round(skill * 4) / 4
    never = truth.copy()
    never[:, 1] = False
    always = never.copy()
    always[:, 2] = True
    return [
        labels("skilled", truth, skill),
        labels("many_ties", truth, quarters),
        labels("chance", truth, np.round(random.random((60, 4)), 6)),
        labels("one_label_never", never, skill),
        labels("one_label_never_and_one_always", always, quarters),
        labels("all_labels_never", np.zeros((5, 3)), skill[:5, :3]),
        labels("all_labels_always", np.ones((5, 3)), skill[:5, :3]),
        labels("no_label_predicted", truth, skill * 0.4),
        labels("all_labels_predicted", truth, 0.6 + skill * 0.4),
        labels("exactly_one_half", [[1, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]]),
        labels("perfect", truth, truth.astype(float)),
        labels("one_row", [[1, 0, 1]], [[0.9, 0.2, 0.3]]),
    ]


def several(name, target, predicted):
    """By target, then row."""
    target, predicted = np.asarray(target, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    y, p = target.T, predicted.T
    with warnings.catch_warnings():
        # R² of one row.
        warnings.simplefilter("ignore")
        expected = {
            "mse": metrics.mean_squared_error(y, p),
            "rmse": metrics.root_mean_squared_error(y, p),
            "mae": metrics.mean_absolute_error(y, p),
            "median_absolute_error": metrics.median_absolute_error(y, p),
            "mape": metrics.mean_absolute_percentage_error(y, p),
            "mean_pinball_loss_0.5": metrics.mean_pinball_loss(y, p, alpha=0.5),
            "mean_pinball_loss_0.9": metrics.mean_pinball_loss(y, p, alpha=0.9),
            "r2": metrics.r2_score(y, p) if len(y) > 1 else None,
            "explained_variance": metrics.explained_variance_score(y, p),
        }
    return {
        "name": name,
        "target": target.tolist(),
        "predicted": predicted.tolist(),
        "expected": {key: None if value is None else float(value) for key, value in expected.items()},
    }


def several_numbers():
    random = np.random.default_rng(10)
    target = np.round(random.normal([[5.0], [100.0], [-0.01]], [[1.0], [40.0], [0.003]], (3, 40)), 5)
    noise = np.round(random.normal(0.0, [[0.5], [10.0], [0.01]], (3, 40)), 5)
    constant = target.copy()
    constant[1] = 7.0
    return [
        several("three_scales", target, target + noise),
        several("perfect", target, target),
        several("one_is_constant_and_met", constant, constant + noise * [[1], [0], [1]]),
        several("one_is_constant_and_missed", constant, constant + noise),
        several("zeros", np.zeros((2, 3)), [[0.0, 1.0, 0.0], [0.0, 0.0, 0.5]]),
        several("one_row", [[1.0], [2.0]], [[1.5], [2.0]]),
    ]


cases = {
    "classification": classifications(),
    "regression": regressions(),
    "labels": several_labels(),
    "several": several_numbers(),
}
CASES.write_text(json.dumps(cases) + "\n")
