"""Writes folds.json: the folds of scikit-learn's StratifiedGroupKFold for small tables.

A case has the group and the class of each row, how many folds there are, and
for each row the fold that holds it out. Nothing is shuffled.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

CASES = Path(__file__).parent / "folds.json"


def case(name, folds, groups, classes):
    splitter = StratifiedGroupKFold(n_splits=folds)
    fold_of = np.full(len(groups), -1)
    for fold, (_, held) in enumerate(splitter.split(np.zeros(len(groups)), classes, groups)):
        fold_of[held] = fold
    assert (fold_of >= 0).all()
    return {
        "name": name,
        "folds": folds,
        "groups": [str(it) for it in groups],
        "classes": [str(it) for it in classes],
        "fold_of": fold_of.tolist(),
    }


def main():
    rng = np.random.default_rng(5)
    documented = case(
        "the documentation's",
        3,
        np.array([1, 1, 2, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 6, 7, 8, 8]),
        np.array([0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    )
    cases = [documented]
    for rows, groups, classes, folds in [(200, 40, 2, 5), (300, 120, 3, 4), (400, 60, 10, 5), (500, 23, 2, 10), (900, 150, 140, 3)]:
        of_group = rng.integers(0, groups, rows)
        # Classes that depend on the group, and some that do not.
        of_row = np.where(rng.random(rows) < 0.6, of_group % classes, rng.integers(0, classes, rows))
        name = f"{rows} rows, {groups} groups, {classes} classes"
        cases.append(case(name, folds, of_group, of_row))
    words = np.array([f"patient {it}" for it in rng.integers(0, 50, 260)])
    cases.append(case("words", 6, words, np.array(["no", "yes"])[(rng.random(260) < 0.1).astype(int)]))
    CASES.write_text(json.dumps(cases, indent=None) + "\n")


if __name__ == "__main__":
    main()
