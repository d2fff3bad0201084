"""Writes thresholds.json: the thresholds that scikit-learn's metrics make the best, by trying all.

A row is predicted as the positive class where its score is at least the threshold. Tried are, from the highest
to the lowest, one above all scores and each distinct score. Of equals the first one counts. `above` and `upto`
bound the thresholds that predict the same: greater than the next lower score (0 for the last), and at most the
score itself (2 for the one above all).
"""

import json
from pathlib import Path

import numpy as np
from sklearn import metrics

CASES = Path(__file__).parent / "thresholds.json"

MAXIMIZED = {
    "f1": metrics.f1_score,
    "fbeta_2": lambda truth, predicted: metrics.fbeta_score(truth, predicted, beta=2),
    "fbeta_0.5": lambda truth, predicted: metrics.fbeta_score(truth, predicted, beta=0.5),
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1_macro": lambda truth, predicted: metrics.f1_score(truth, predicted, average="macro"),
    "matthews_corrcoef": metrics.matthews_corrcoef,
    "precision": lambda truth, predicted: metrics.precision_score(truth, predicted, zero_division=0),
}


def tried(score):
    """Thresholds with their bounds, falling."""
    distinct = np.unique(score)[::-1]
    bounds = [(distinct[0], 2.0)]
    bounds += list(zip([*distinct[1:], 0.0], distinct, strict=True))
    return [{"above": float(low), "upto": float(high), "predicted": score >= high} for low, high in bounds]


def first_best(candidates, value):
    values = [value(it["predicted"]) for it in candidates]
    # The first of those that differ in rounding alone.
    at = next(at for at, it in enumerate(values) if it >= max(values) - 1e-12)
    return candidates[at], values[at]


def found(rule, candidate, value):
    return {"rule": rule, "above": candidate["above"], "upto": candidate["upto"], "value": None if value is None else float(value)}


def rule_of(name):
    if name.startswith("fbeta"):
        return {"maximize": {"fbeta": {"beta": float(name.split("_")[1])}}}
    return {"maximize": name}


def case(name, truth, score):
    truth, score = np.asarray(truth, dtype=bool), np.asarray(score, dtype=np.float64)
    candidates = tried(score)
    expected = []
    for metric, of in MAXIMIZED.items():
        expected.append(found(rule_of(metric), *first_best(candidates, lambda it, of=of: of(truth, it))))
    for least in [0.3, 0.5, 0.9, 1.0]:
        enough = next(it for it in candidates if metrics.recall_score(truth, it["predicted"]) >= least)
        expected.append(found({"recall": least}, enough, metrics.recall_score(truth, enough["predicted"])))
        precise = [
            it
            for it in candidates
            if it["predicted"].any() and metrics.precision_score(truth, it["predicted"]) >= least
        ]
        if precise:
            best, recall = first_best(precise, lambda it: metrics.recall_score(truth, it))
            expected.append(found({"precision": least}, best, recall))
        else:
            expected.append({"rule": {"precision": least}, "above": None, "upto": None, "value": None})
    for costs in [
        {"false_positive": 1, "false_negative": 20},
        {"false_positive": 5, "false_negative": 1},
        {"false_positive": 1, "false_negative": 8, "true_positive": 1},
    ]:

        def saved(predicted, costs=costs):
            tn, fp, fn, tp = metrics.confusion_matrix(truth, predicted, labels=[False, True]).ravel()
            return -(fp * costs["false_positive"] + fn * costs["false_negative"] + tp * costs.get("true_positive", 0))

        best, value = first_best(candidates, saved)
        expected.append(found({"costs": costs}, best, -value))
    return {"name": name, "truth": truth.tolist(), "score": score.tolist(), "expected": expected}


def cases():
    random = np.random.default_rng(12)
    rare = random.random(150) < 0.1
    skilled = np.round(1 / (1 + np.exp(-(random.normal(size=150) + 2 * rare - 2))), 6)
    return [
        case("rare_and_skilled", rare, skilled),
        case("rare_and_noise", rare, np.round(random.random(150), 6)),
        case("many_ties", rare, np.round(skilled * 8) / 8),
        case("perfect", [0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9]),
        case("upside_down", [1, 1, 0, 0], [0.1, 0.2, 0.7, 0.9]),
        case("one_score", [0, 1, 0, 1, 1], [0.5] * 5),
        case("certain", [0, 1, 1, 0], [0.0, 1.0, 1.0, 1.0]),
        case("two_rows", [1, 0], [0.6, 0.4]),
    ]


CASES.write_text(json.dumps(cases()) + "\n")
