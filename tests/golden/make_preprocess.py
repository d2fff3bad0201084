"""Writes preprocess.json: what scikit-learn's transformers make of small tables.

A case has `steps` as in a spec, the raw columns of a train and a test part
(null is a missing value), and the columns after the steps. `fitted` has what
each step learned, in the words of a dataset's schema. An expected column
`c=x` is category x of column c. Numbers are float64.

Conventions, the same in pipe: the standard deviation is the population's; a
constant column is divided by 1; of equally frequent values the smallest is
filled in; values outside the train part's range are not cut by min_max; an
unknown category is all zeros.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

CASES = Path(__file__).parent / "preprocess.json"

NUMBERS = {
    "train": {
        "a": [1.0, None, 3.0, 4.0, 8.5, 2.0],
        "b": [10.0, 10.0, None, 20.0, 20.0, -5.0],
        "c": [7.0, 7.0, 7.0, 7.0, None, 7.0],
    },
    "test": {"a": [None, 100.0, -3.5], "b": [0.125, None, 30.0], "c": [7.0, None, 9.0]},
}
WORDS = {
    "train": {"color": ["red", "blue", None, "red", "blue", "Ölive"], "size": ["L", "S", "S", "M", "M", "M"]},
    "test": {"color": ["green", None, "Ölive"], "size": ["XL", "S", "L"]},
}
WHOLE_NUMBERS = {
    "train": {"a": [1.0, 2.0, 3.0, 4.0, 1e6], "b": [-0.1, 0.1, 0.2, 0.3, 0.7], "constant": [3.25] * 5},
    "test": {"a": [0.0, 2e6], "b": [-1.0, 1.0], "constant": [3.25, 4.25]},
}


def as_array(columns):
    words = any(isinstance(value, str) for values in columns.values() for value in values)
    if words:
        return np.array([[np.nan if v is None else v for v in values] for values in columns.values()], dtype=object).T
    return np.array([[np.nan if v is None else v for v in values] for values in columns.values()], dtype=float).T


def as_columns(names, array):
    return {
        name: [None if v is None or v != v else v for v in array[:, index].tolist()] for index, name in enumerate(names)
    }


def impute(options, names):
    strategy = options["strategy"]
    fill = options.get("value")
    transformer = SimpleImputer(strategy=strategy, fill_value=fill)
    return transformer, names, lambda: {"fill": dict(zip(names, transformer.statistics_.tolist(), strict=True))}


def standardize(_, names):
    transformer = StandardScaler()
    return (
        transformer,
        names,
        lambda: {
            "columns": {
                name: {"mean": mean, "scale": scale}
                for name, mean, scale in zip(
                    names, transformer.mean_.tolist(), transformer.scale_.tolist(), strict=True
                )
            }
        },
    )


def min_max(options, names):
    transformer = MinMaxScaler(feature_range=tuple(options.get("range", (0, 1))))
    return (
        transformer,
        names,
        lambda: {
            "columns": {
                name: {"scale": scale, "offset": offset}
                for name, scale, offset in zip(
                    names, transformer.scale_.tolist(), transformer.min_.tolist(), strict=True
                )
            }
        },
    )


def one_hot(_, names):
    transformer = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return (
        transformer,
        None,
        lambda: {
            "categories": {
                name: categories.tolist() for name, categories in zip(names, transformer.categories_, strict=True)
            }
        },
    )


STEPS = {"impute": impute, "standardize": standardize, "min_max": min_max, "one_hot": one_hot}


def case(name, table, *steps):
    """Each step is on all columns."""
    names = list(table["train"])
    parts = {part: as_array(columns) for part, columns in table.items()}
    fitted = []
    for step in steps:
        ((kind, options),) = step.items()
        transformer, names_after, learned = STEPS[kind](options, names)
        parts["train"] = transformer.fit_transform(parts["train"])
        parts["test"] = transformer.transform(parts["test"])
        fitted.append({kind: learned()})
        if names_after is None:
            names_after = [
                f"{column}={category}"
                for column, categories in zip(names, transformer.categories_, strict=True)
                for category in categories
            ]
        names = names_after
    return {
        "name": name,
        "steps": list(steps),
        "raw": table,
        "fitted": fitted,
        "expected": {part: as_columns(names, array) for part, array in parts.items()},
    }


def main():
    cases = [
        case("impute_mean", NUMBERS, {"impute": {"strategy": "mean"}}),
        case("impute_median", NUMBERS, {"impute": {"strategy": "median"}}),
        case("impute_most_frequent", NUMBERS, {"impute": {"strategy": "most_frequent"}}),
        case("impute_constant", NUMBERS, {"impute": {"strategy": "constant", "value": -1.5}}),
        case("impute_most_frequent_words", WORDS, {"impute": {"strategy": "most_frequent"}}),
        case("impute_constant_word", WORDS, {"impute": {"strategy": "constant", "value": "missing"}}),
        case("standardize", WHOLE_NUMBERS, {"standardize": {}}),
        case("min_max", WHOLE_NUMBERS, {"min_max": {}}),
        case("min_max_to_a_range", WHOLE_NUMBERS, {"min_max": {"range": [-1.0, 1.0]}}),
        case("impute_then_standardize", NUMBERS, {"impute": {"strategy": "mean"}}, {"standardize": {}}),
        case("impute_then_min_max", NUMBERS, {"impute": {"strategy": "median"}}, {"min_max": {}}),
        case("impute_then_one_hot", WORDS, {"impute": {"strategy": "most_frequent"}}, {"one_hot": {}}),
        case(
            "impute_constant_then_one_hot",
            WORDS,
            {"impute": {"strategy": "constant", "value": "missing"}},
            {"one_hot": {}},
        ),
    ]
    CASES.write_text(json.dumps({"cases": cases}, indent=1, ensure_ascii=False) + "\n")


main()
