"""Writes baselines.json: what scikit-learn's simple models reach on the sets of scripts/fetch-data.

    make_baselines.py [SET...]      the figures of the other sets are kept

The official split of each set where it has one, the models' own defaults where
nothing is written, one thread. They say what a shipped pipeline has to be
compared with; none of them was tuned. About 10 minutes for all.
"""

import csv
import gzip
import json
import os
import sys
from pathlib import Path

# One thread: figures do not depend on the machine's cores, and others may work beside it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

ROOT = Path(__file__).resolve().parents[2]
FETCHED = ROOT / "pipelines/data/fetched"
OUT = Path(__file__).with_name("baselines.json")


def fashion_mnist():
    def idx(name):
        data = gzip.decompress((FETCHED / "fashion-mnist" / name).read_bytes())
        shape = [int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(data[3])]
        return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape[0], -1)

    def part(name):
        return idx(f"{name}-images-idx3-ubyte.gz") / np.float32(255), idx(f"{name}-labels-idx1-ubyte.gz").ravel()

    models = {
        "logistic_regression": LogisticRegression(max_iter=100),
        "random_forest": RandomForestClassifier(random_state=0),
        "pca_50_svc": make_pipeline(PCA(50, random_state=0), SVC(C=10)),
        "mlp_128_5_epochs": MLPClassifier([128], max_iter=5, random_state=0),
    }
    return "official", part("train"), part("t10k"), models


def adult():
    words = [1, 3, 5, 6, 7, 8, 9, 13]
    numbers = [0, 2, 4, 10, 11, 12]

    def part(name):
        with open(FETCHED / "adult" / name, newline="", encoding="ascii") as file:
            rows = [row for row in csv.reader(file, skipinitialspace=True) if len(row) == 15]
        # A missing value is a category of its own.
        features = np.array([row[:14] for row in rows], dtype=object)
        features[:, numbers] = features[:, numbers].astype(float)
        return features, np.array([row[14].rstrip(".") == ">50K" for row in rows])

    one_hot = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), words)
    )
    codes = make_column_transformer(
        ("passthrough", numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), words),
    )
    categories = list(range(len(numbers), len(numbers) + len(words)))
    models = {
        "logistic_regression": make_pipeline(one_hot, LogisticRegression(max_iter=1000)),
        "random_forest": make_pipeline(codes, RandomForestClassifier(min_samples_leaf=3, random_state=0)),
        "hist_gradient_boosting": make_pipeline(
            codes, HistGradientBoostingClassifier(categorical_features=categories, random_state=0)
        ),
        "mlp_128_early_stopping": make_pipeline(
            one_hot, MLPClassifier([128], early_stopping=True, random_state=0)
        ),
    }
    return "official", part("adult.data"), part("adult.test"), models


def table(name, target):
    def part(part_name):
        with open(FETCHED / name / f"{part_name}.csv", newline="", encoding="ascii") as file:
            rows = list(csv.DictReader(file))
        features = [[float(value) for column, value in row.items() if column != target] for row in rows]
        return np.array(features), np.array([row[target] for row in rows])

    def scaled(model):
        return make_pipeline(StandardScaler(), model)

    models = {
        "logistic_regression": scaled(LogisticRegression(max_iter=1000)),
        "random_forest": RandomForestClassifier(random_state=0),
        "hist_gradient_boosting": HistGradientBoostingClassifier(random_state=0),
        "svc": scaled(SVC(C=10)),
        "mlp_128": scaled(MLPClassifier([128], random_state=0)),
    }
    return "official", part("train"), part("test"), models


def spam_assassin():
    with open(ROOT / "examples/text/fetched/mails.jsonl", encoding="utf-8") as file:
        mails = [json.loads(line) for line in file]
    texts = [f"{mail['subject']}\n{mail['text']}" for mail in mails]
    labels = np.array([mail["label"] == "spam" for mail in mails])
    train_texts, test_texts, train_labels, test_labels = train_test_split(
        texts, labels, test_size=0.2, stratify=labels, random_state=0
    )
    models = {
        "tf_idf_logistic_regression": make_pipeline(
            TfidfVectorizer(min_df=5, sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
        ),
    }
    return "a fifth at random for the test", (train_texts, train_labels), (test_texts, test_labels), models


SETS = {
    "fashion-mnist": fashion_mnist,
    "adult": adult,
    "letter": lambda: table("letter", "letter"),
    "satimage": lambda: table("satimage", "soil"),
    "spam-assassin": spam_assassin,
}


def measure(split, train, test, models):
    figures = {}
    for name, model in models.items():
        model.fit(*train)
        found = {"accuracy": accuracy_score(test[1], model.predict(test[0]))}
        if len(np.unique(test[1])) == 2:
            found["roc_auc"] = roc_auc_score(test[1], model.predict_proba(test[0])[:, 1])
        figures[name] = {metric: round(float(value), 4) for metric, value in found.items()}
        print(f"  {name}: {figures[name]}", flush=True)
    return {"split": split, "train_rows": len(train[1]), "test_rows": len(test[1]), "models": figures}


def main():
    wanted = sys.argv[1:] or list(SETS)
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in wanted:
        print(name, flush=True)
        results[name] = measure(*SETS[name]())
        results["scikit-learn"] = sklearn.__version__
        OUT.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")


main()
