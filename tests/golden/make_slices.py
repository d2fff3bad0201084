"""Writes slices.json: a table with gaps, predictions for it, and scikit-learn's metrics for each group of its rows.

Groups are told apart here by numpy alone, as the documentation says: each word; each number of at most ten in
the train rows, else by the quartiles of the train rows; given bins; further values as one; rows without a value.
A group of fewer rows than asked for, or for which scikit-learn has no value, has null.
"""

import json
from pathlib import Path

import numpy as np
from sklearn import metrics

PATH = Path(__file__).parent / "slices.json"
TRAIN, TEST = 120, 240


def column(values):
    return [None if v is None else v if isinstance(v, str) else repr(v) for v in values]


def table(rng, rows):
    cities = np.array(["Graz", "Linz", "Wien", "Ä ö", "missing", "St. Pölten", "x,y"])
    city = rng.choice(cities, rows, p=[0.35, 0.25, 0.2, 0.08, 0.06, 0.04, 0.02])
    age = np.round(rng.normal(45, 15, rows), 1)
    stars = rng.integers(1, 6, rows)
    member = rng.random(rows) < 0.3
    income = np.exp(rng.normal(10, 1, rows))
    gap = rng.random((5, rows)) < 0.08
    return {
        "city": [None if g else str(v) for g, v in zip(gap[0], city)],
        "age": [None if g else float(v) for g, v in zip(gap[1], age)],
        "stars": [None if g else int(v) for g, v in zip(gap[2], stars)],
        "member": [None if g else ("yes" if v else "no") for g, v in zip(gap[3], member)],
        "income": [None if g else float(v) for g, v in zip(gap[4], income)],
    }


def groups(name, values, train, bins, most):
    """Pairs of a label and the rows."""
    known = [i for i, v in enumerate(values) if v is not None]
    missing = [i for i, v in enumerate(values) if v is None]
    found = []
    if name in ("city", "member"):
        word = {"yes": "true", "no": "false"} if name == "member" else {}
        names, counts = np.unique([word.get(values[i], values[i]) for i in known], return_counts=True)
        order = sorted(zip(names, counts), key=lambda it: (-it[1], it[0]))
        label = lambda i: word.get(values[i], values[i])
        found = [(str(n), [i for i in known if label(i) == n]) for n, _ in order[:most]]
        rest = [str(n) for n, _ in order[most:]]
        if rest:
            found.append((f"({len(rest)} other values)", [i for i in known if label(i) in rest]))
    else:
        learned = np.array([v for v in train if v is not None], dtype=float)
        if not bins and len(np.unique(learned)) <= 10:
            found = [(f"{v:g}", [i for i in known if values[i] == v]) for v in np.unique([values[i] for i in known])]
        else:
            ends = bins or list(np.unique(np.quantile(learned, [0.25, 0.5, 0.75])))
            at = np.digitize([values[i] for i in known], ends)
            for k in range(len(ends) + 1):
                rows = [i for i, b in zip(known, at) if b == k]
                found += [(None, rows)] if rows else []
    return found + ([("(missing)", missing)] if missing else [])


def of_classes(truth, probabilities, rows):
    y, p = truth[rows], probabilities[rows]
    predicted = p.argmax(axis=1)
    return {
        "accuracy": metrics.accuracy_score(y, predicted),
        "f1_macro": metrics.f1_score(y, predicted, average="macro", zero_division=0),
        "log_loss": metrics.log_loss(y, p, labels=[0, 1]),
        "roc_auc": metrics.roc_auc_score(y, p[:, 1]) if len(set(y)) == 2 else None,
    }


def of_numbers(truth, predicted, rows):
    y, p = truth[rows], predicted[rows]
    return {
        "rmse": metrics.root_mean_squared_error(y, p),
        "mae": metrics.mean_absolute_error(y, p),
        "r2": metrics.r2_score(y, p) if len(rows) > 1 else None,
    }


def main():
    rng = np.random.default_rng(11)
    train, test = table(rng, TRAIN), table(rng, TEST)
    one = np.round(np.clip(rng.beta(1, 1, TEST), 0.01, 0.99), 3)
    probabilities = np.stack([1 - one, one], axis=1)
    truth = (rng.random(TEST) < one * 0.8).astype(int)
    # One city has rows of one class alone.
    truth[[i for i, v in enumerate(test["city"]) if v == "Ä ö"]] = 0
    numbers = rng.normal(100, 20, TEST).round(2)
    predicted = (numbers + rng.normal(0, 8, TEST)).round(2)
    asked = [
        {"column": "city"},
        {"column": "city", "most": 3, "min_rows": 1},
        {"column": "age"},
        {"column": "age", "bins": [30, 45.5, 60], "min_rows": 1},
        {"column": "stars", "min_rows": 1},
        {"column": "member"},
        {"column": "income"},
    ]
    cases = []
    for by in asked:
        name, least = by["column"], by.get("min_rows", 10)
        slices = []
        for label, rows in groups(name, test[name], train[name], by.get("bins"), by.get("most", 20)):
            few = len(rows) < least
            c, n = of_classes(truth, probabilities, rows), of_numbers(numbers, predicted, rows)
            slices.append({
                "label": label,
                "rows": len(rows),
                "classes": {k: None if few else v for k, v in c.items()},
                "numbers": {k: None if few else v for k, v in n.items()},
            })
        cases.append({"by": by, "slices": slices})
    content = {
        "train": {k: column(v) for k, v in train.items()},
        "test": {k: column(v) for k, v in test.items()},
        "truth": truth.tolist(),
        "probabilities": probabilities.tolist(),
        "numbers": numbers.tolist(),
        "predicted": predicted.tolist(),
        "cases": cases,
    }
    PATH.write_text(json.dumps(content, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
