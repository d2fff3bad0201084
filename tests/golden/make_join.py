"""Writes the tables in tests/golden/join and what pandas.merge makes of them.

    .venv/bin/python tests/golden/make_join.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent / "join"

# A key is written in several ways on the left, in one way by each program on the right.
KEYS = ["1", "2.0", "03", "4", "5e0", "6", "", "8", "99", "1.0", "-7", "2"]


def left(random):
    rows = 28
    return pd.DataFrame(
        {
            "key": [KEYS[i % len(KEYS)] for i in random.permutation(rows)],
            "shop": [["north", "south", "No 7", ""][i] for i in random.integers(0, 4, rows)],
            "amount": random.integers(1, 50, rows).astype(str),
            "y": random.integers(0, 100, rows).astype(str),
        }
    )


def by_number(random):
    ids = random.permutation([1, 2, 3, 4, 5, 6, 7, 8, -7, 1000])
    age = random.integers(20, 70, len(ids)).astype(float)
    age[3] = np.nan
    return pd.DataFrame({"id": ids, "age": age, "city": [f"c{i % 3}" for i in range(len(ids))]})


def by_two(random):
    pairs = [(k, s) for k in [1, 2, 3, 4, 6, 8, -7] for s in ["north", "south", "No 7"]]
    order = random.permutation(len(pairs))[:15]
    return pd.DataFrame(
        {
            "key": [pairs[i][0] for i in order],
            "shop": [pairs[i][1] for i in order],
            "stock": random.integers(0, 1000, len(order)),
        }
    )


def by_word():
    return pd.DataFrame({"shop": ["south", "No 7", "west"], "rent": [10.5, 20.25, 30.0]})


def known(frame, names):
    """A missing key has no partner: pandas pairs missing ones."""
    return frame.dropna(subset=names)


def merged(rows, other, on, how):
    """`on`: names on the left -> names on the right. Rows keep the order of the left table."""
    rows = rows.assign(at=range(len(rows)))
    right = known(other, list(on.values()))
    both = rows.merge(right, how=how, left_on=list(on), right_on=list(on.values()))
    gone = [name for key, name in on.items() if key != name]
    return both.sort_values("at").drop(columns=[*gone, "at"])


def plain(frame):
    return json.loads(frame.to_json(orient="records"))


def main():
    random = np.random.default_rng(5)
    HERE.mkdir(exist_ok=True)
    rows, people, stock, rent = left(random), by_number(random), by_two(random), by_word()
    rows.to_csv(HERE / "rows.csv", index=False)
    people.to_csv(HERE / "people.csv", index=False)
    people.to_parquet(HERE / "people.parquet", index=False)
    people.to_json(HERE / "people.jsonl", orient="records", lines=True)
    np.savez(HERE / "people.npz", **{name: people[name].to_numpy() for name in ["id", "age"]})
    stock.to_parquet(HERE / "stock.parquet", index=False)
    rent.to_csv(HERE / "rent.csv", index=False)

    read = pd.read_csv(HERE / "rows.csv")
    expected = {}
    for how in ["left", "inner"]:
        expected[f"number_{how}"] = plain(merged(read, people, {"key": "id"}, how))
        expected[f"word_{how}"] = plain(merged(read, rent, {"shop": "shop"}, how))
        expected[f"two_{how}"] = plain(
            merged(read, stock, {"key": "key", "shop": "shop"}, how)
        )
        first = merged(read, people, {"key": "id"}, how)
        expected[f"both_{how}"] = plain(merged(first, rent, {"shop": "shop"}, "left"))
    lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in expected.items()]
    (HERE / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
