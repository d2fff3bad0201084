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
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

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
SKEWED = {
    "train": {
        "income": [0.0, 12.5, 3.0, 250.0, 31.0, 8.0, 1.5, 99.0, 17.0, 42.0, 5.0, 2.0],
        "change": [-3.0, 0.5, -0.25, 1.0, 4.0, -20.0, 2.0, 0.0, -1.0, 7.5, -6.0, 0.75],
        "ties": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 4.0, 9.0],
        "constant": [2.5] * 12,
    },
    "test": {"income": [1e4, 7.0], "change": [-100.0, 100.0], "ties": [0.0, 3.0], "constant": [2.5, 3.0]},
}
POSITIVE = {part: {"income": columns["income"], "ties": columns["ties"]} for part, columns in SKEWED.items()}
GAPS = {
    "train": {"a": [3.0, None, 1.0, 10.0, 4.0, 4.0, None, -7.0], "b": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]},
    "test": {"a": [None, 2.0], "b": [None, 100.0]},
}
RARE = {
    "train": {"color": ["red"] * 4 + ["blue"] * 3 + ["teal", "Ölive", "teal"], "size": ["S", "M"] * 5},
    "test": {"color": ["teal", "green", "blue"], "size": ["S", "XL", "M"]},
}
PLACES = {
    "train": {
        "city": ["Oslo", "Bern", "Oslo", "Rome", None, "Bern", "Oslo", "Bern", "Rome", "Oslo", None, "Oslo"],
        "size": ["S", "M", "L"] * 4,
    },
    "test": {"city": ["Bern", "Paris", None, "Rome"], "size": ["S", "XL", "L", "M"]},
}
PRICES = [3.5, 1.0, 4.25, 9.0, 2.0, 1.5, 3.0, 0.5, 12.0, 5.0, 2.5, 4.0]
ANSWERS = ["yes", "no", "yes", "no", "no", "no", "yes", "yes", "no", "yes", "no", "no"]
KINDS = ["a", "b", "c", "a", "b", "c", "c", "b", "a", "a", "b", "c"]
MAILS = {
    "train": {
        "mail": [
            "The quick brown fox, the lazy dog.",
            "A fox is a fox: don't ask the dog!",
            "Über_schön 42 times 7; ÜBER_SCHÖN",
            "the the the",
            "x",
        ]
    },
    "test": {"mail": ["The fox & a bird", "nothing known", "quick quick DOG 42"]},
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
    transformer = SimpleImputer(strategy=strategy, fill_value=fill, add_indicator=options.get("indicator", False))
    told = None if options.get("indicator") else names
    return transformer, told, lambda: {"fill": dict(zip(names, transformer.statistics_.tolist(), strict=True))}


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


def one_hot(options, names):
    transformer = OneHotEncoder(
        handle_unknown="infrequent_if_exist" if options.get("unknown") == "other" else "ignore",
        min_frequency=options.get("min_count"),
        sparse_output=False,
    )
    return transformer, None, lambda: {} if "min_count" in options else {"categories": categories(transformer, names)}


def categories(transformer, names):
    return {
        name: [value for value in values.tolist() if isinstance(value, str)]
        for name, values in zip(names, transformer.categories_, strict=True)
    }


def robust(options, names):
    low, high = options.get("quantiles", (0.25, 0.75))
    transformer = RobustScaler(quantile_range=(100 * low, 100 * high))
    return (
        transformer,
        names,
        lambda: {
            "columns": {
                name: {"center": center, "scale": scale}
                for name, center, scale in zip(
                    names, transformer.center_.tolist(), transformer.scale_.tolist(), strict=True
                )
            }
        },
    )


def log(_, names):
    return FunctionTransformer(np.log1p), names, lambda: {"columns": names}


def power(options, names):
    transformer = PowerTransformer(standardize=options.get("standardize", True))
    return (
        transformer,
        names,
        lambda: {
            "columns": {name: {"lambda": it} for name, it in zip(names, transformer.lambdas_.tolist(), strict=True)}
        },
    )


def bucketize(options, names):
    is_one_hot = options.get("encode") == "one_hot"
    transformer = KBinsDiscretizer(
        n_bins=options.get("bins", 5),
        strategy=options.get("strategy", "quantile"),
        encode="onehot-dense" if is_one_hot else "ordinal",
    )
    return (
        transformer,
        None if is_one_hot else names,
        lambda: {
            "edges": {
                name: edges[1:-1].tolist() for name, edges in zip(names, transformer.bin_edges_, strict=True)
            }
        },
    )


def ordinal(_, names):
    transformer = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return transformer, names, lambda: {"categories": categories(transformer, names)}


class Hasher:
    """FeatureHasher on each column by itself."""

    def __init__(self, buckets):
        self.hasher = FeatureHasher(buckets, input_type="string", alternate_sign=False)
        self.buckets = buckets

    def fit_transform(self, columns, _):
        return self.transform(columns)

    def transform(self, columns):
        return np.hstack([self.hasher.transform([[word] for word in column]).toarray() for column in columns.T])

    def get_feature_names_out(self, names):
        return [f"{name}#{bucket}" for name in names for bucket in range(self.buckets)]


def hash_words(options, _):
    return Hasher(options["buckets"]), None, lambda: options


def target_encode(options, names):
    # Folds of numbers are plain, those of classes stratified; neither is shuffled in these cases.
    folds = StratifiedKFold if options["classes"] else KFold
    transformer = TargetEncoder(smooth=options.get("smooth", "auto"), cv=folds(options.get("folds", 5)))
    return (
        transformer,
        None,
        lambda: {
            "columns": {name: {"unknown": np.atleast_1d(transformer.target_mean_).tolist()} for name in names}
        },
    )


class Bag:
    """A vectorizer on each column by itself."""

    def __init__(self, options):
        self.options = options

    def new(self):
        kind = CountVectorizer if self.options.get("weights") == "counts" else TfidfVectorizer
        return kind(
            max_features=self.options.get("max_features"),
            min_df=self.options.get("min_count", 1),
            ngram_range=tuple(self.options.get("ngrams", (1, 1))),
        )

    def fit_transform(self, columns, _):
        self.bags = [self.new().fit(column) for column in columns.T]
        return self.transform(columns)

    def transform(self, columns):
        parts = [bag.transform(column).toarray() for bag, column in zip(self.bags, columns.T, strict=True)]
        return np.hstack(parts).astype(float)

    def get_feature_names_out(self, names):
        return [
            f"{name}:{term}"
            for name, bag in zip(names, self.bags, strict=True)
            for term in bag.get_feature_names_out()
        ]


def bag_of_words(options, names):
    bag = Bag(options)
    return (
        bag,
        None,
        lambda: {
            "columns": {
                name: {"terms": it.get_feature_names_out().tolist()} for name, it in zip(names, bag.bags, strict=True)
            }
        },
    )


STEPS = {
    "bag_of_words": bag_of_words,
    "target_encode": target_encode,
    "impute": impute,
    "standardize": standardize,
    "min_max": min_max,
    "robust": robust,
    "log": log,
    "power": power,
    "bucketize": bucketize,
    "one_hot": one_hot,
    "ordinal": ordinal,
    "hash": hash_words,
}


def names_of(transformer, names):
    """The new names, as pipe writes them."""
    if isinstance(transformer, OneHotEncoder):
        pairs = zip(names, transformer.categories_, strict=True)
        rare = transformer.infrequent_categories_ if transformer.min_frequency else [None] * len(names)
        found = []
        for (name, values), few in zip(pairs, rare, strict=True):
            few = [] if few is None else few.tolist()
            found += [f"{name}={value}" for value in values if value not in few]
            found += [f"{name}=(other)"] if few else []
        return found
    if isinstance(transformer, KBinsDiscretizer):
        return [f"{name}={at}" for name, bins in zip(names, transformer.n_bins_, strict=True) for at in range(bins)]
    if isinstance(transformer, TargetEncoder):
        if transformer.target_type_ != "multiclass":
            return names
        return [f"{name}~{it}" for name in names for it in transformer.classes_]
    if isinstance(transformer, SimpleImputer):
        return names + [f"{names[at]}_missing" for at in transformer.indicator_.features_]
    return transformer.get_feature_names_out(names)


def case(name, table, *steps, tolerance=1e-12, target=()):
    """Each step is on all columns."""
    names = list(table["train"])
    parts = {part: as_array(columns) for part, columns in table.items()}
    fitted = []
    for step in steps:
        ((kind, options),) = step.items()
        if kind == "target_encode":
            options = {**options, "classes": isinstance(target[0], str)}
        transformer, names_after, learned = STEPS[kind](options, names)
        parts["train"] = transformer.fit_transform(parts["train"], list(target) or None)
        parts["test"] = transformer.transform(parts["test"])
        fitted.append({kind: learned()})
        if names_after is None:
            names_after = names_of(transformer, names)
        names = names_after
    return {
        "name": name,
        "tolerance": tolerance,
        "target": list(target),
        "steps": list(steps),
        "raw": table,
        "fitted": fitted,
        "expected": {part: as_columns(names, array) for part, array in parts.items()},
    }


def token_case(name, options):
    """The vocabulary is CountVectorizer's, the words of a text those of its analyzer; a text without words has none."""
    step = {"columns": ["mail"], **options}
    bag = CountVectorizer(min_df=step["min_count"], lowercase=step.get("lowercase", True))
    texts = MAILS["train"]["mail"]
    counts = bag.fit_transform(it or "" for it in texts).sum(axis=0).A1
    ranked = sorted(bag.vocabulary_, key=lambda it: (-counts[bag.vocabulary_[it]], it))
    words = ranked[: step.get("vocabulary")]
    codes = {word: at + 2 for at, word in enumerate(words)}
    analyze = bag.build_analyzer()

    def code(text):
        found = [codes.get(it, 1) for it in analyze(text or "")][: step["length"]]
        return found + [0] * (step["length"] - len(found))

    return {
        "name": name,
        "tolerance": 0,
        "target": [],
        "steps": [{"tokens": step}],
        "raw": MAILS,
        "fitted": [{"tokens": {"columns": {"mail": words}}}],
        "expected": {part: {"mail": [code(it) for it in columns["mail"]]} for part, columns in MAILS.items()},
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
        case("impute_with_indicator", GAPS, {"impute": {"strategy": "median", "indicator": True}}),
        case("robust", WHOLE_NUMBERS, {"robust": {}}),
        case("robust_with_gaps", GAPS, {"robust": {"quantiles": [0.1, 0.9]}}),
        case("log", POSITIVE, {"log": {}}),
        case("power", SKEWED, {"power": {}}, tolerance=1e-6),
        case("power_as_it_is", SKEWED, {"power": {"standardize": False}}, tolerance=1e-6),
        case("bucketize", SKEWED, {"bucketize": {"bins": 4}}),
        case("bucketize_uniform", POSITIVE, {"bucketize": {"bins": 3, "strategy": "uniform"}}),
        case("bucketize_one_hot", SKEWED, {"bucketize": {"encode": "one_hot"}}),
        case("one_hot_of_rare", RARE, {"one_hot": {"min_count": 3, "unknown": "other"}}),
        case("one_hot_of_rare_ignoring", RARE, {"one_hot": {"min_count": 3}}),
        case("ordinal", RARE, {"ordinal": {}}),
        case("ordinal_with_gaps", WORDS, {"ordinal": {}}),
        case("hash", RARE, {"hash": {"buckets": 4}}),
        case("target_of_numbers", PLACES, {"target_encode": {"shuffle": False}}, target=PRICES),
        case(
            "target_smoothed",
            PLACES,
            {"target_encode": {"shuffle": False, "smooth": 2.5, "folds": 3}},
            target=PRICES,
        ),
        case("target_of_two", PLACES, {"target_encode": {"shuffle": False}}, target=ANSWERS),
        case("target_of_three", PLACES, {"target_encode": {"shuffle": False, "folds": 4}}, target=KINDS),
        case("words_counted", MAILS, {"bag_of_words": {"weights": "counts", "columns": ["mail"]}}),
        case("words_weighed", MAILS, {"bag_of_words": {"columns": ["mail"]}}),
        case(
            "pairs_of_words",
            MAILS,
            {"bag_of_words": {"columns": ["mail"], "ngrams": [1, 2], "min_count": 2}},
        ),
        case(
            "most_frequent_words",
            MAILS,
            {"bag_of_words": {"columns": ["mail"], "max_features": 2}},
        ),
        token_case("words_in_order", {"length": 5, "min_count": 1}),
        token_case("few_words_in_order", {"length": 3, "min_count": 2, "vocabulary": 2}),
        token_case("words_as_written", {"length": 40, "min_count": 1, "lowercase": False}),
    ]
    CASES.write_text(json.dumps({"cases": cases}, indent=1, ensure_ascii=False) + "\n")


main()
