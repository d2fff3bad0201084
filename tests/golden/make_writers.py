"""Writes one table as pandas, pyarrow, polars and DuckDB write it, in CSV, JSON Lines and parquet, and the features that
come of it, computed with pandas, as JSON.

Run in the test venv: .venv/bin/python tests/golden/make_writers.py
"""

import datetime as dt
import decimal
import json
import pathlib
import zoneinfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent / "writers"
HERE.mkdir(exist_ok=True)
ROWS = 36
ZONE = "America/New_York"
rng = np.random.default_rng(19)


def holed(values, every=7):
    """Every seventh value is missing."""
    return [None if i % every == 3 else it for i, it in enumerate(values)]


# Over the change to summer time.
naive = [dt.datetime(2024, 3, 8, 22, 30) + dt.timedelta(hours=5 * i) for i in range(ROWS)]
zoned = [it.replace(tzinfo=dt.timezone.utc).astimezone(zoneinfo.ZoneInfo(ZONE)) for it in naive]
table = pa.table({
    "whole": pa.array(holed([i - 20 for i in range(ROWS)]), pa.int64()),
    "huge": pa.array([2**60 + 1000 * i for i in range(ROWS)], pa.int64()),
    "number": pa.array(holed([*rng.normal(size=ROWS - 2).tolist(), 1e-7, 3e20], 5), pa.float64()),
    "gap": pa.array([float("nan") if i % 6 == 1 else i / 8 for i in range(ROWS)], pa.float64()),
    "single": pa.array(rng.normal(size=ROWS).round(2).astype(np.float32).tolist(), pa.float32()),
    "truth": pa.array(holed([i % 3 == 0 for i in range(ROWS)]), pa.bool_()),
    "flag": pa.array([i % 5 == 0 for i in range(ROWS)], pa.bool_()),
    "word": pa.array(holed([["cat", "dog", "été"][i % 3] for i in range(ROWS)]), pa.string()),
    "code": pa.array(holed([i % 4 for i in range(ROWS)], 9), pa.int64()),
    "level": pa.array([[0.5, 1.0, 2.25][i % 3] for i in range(ROWS)], pa.float32()),
    "coded": pa.array([["low", "high"][i % 2] for i in range(ROWS)]).dictionary_encode(),
    "price": pa.array(holed([decimal.Decimal(i * 37 - 100).scaleb(-2) for i in range(ROWS)]), pa.decimal128(9, 2)),
    "day": pa.array([dt.date(2023, 12, 25) + dt.timedelta(days=3 * i) for i in range(ROWS)], pa.date32()),
    "naive": pa.array(naive, pa.timestamp("us")),
    "zoned": pa.array(zoned, pa.timestamp("us", tz=ZONE)),
    "y": pa.array([["no", "yes"][i % 2] for i in range(ROWS)]),
})

frame = table.to_pandas()
frame.to_parquet(HERE / "pandas.parquet")
frame.to_csv(HERE / "pandas.csv", index=False)
# pandas writes moments as those of UTC into JSON; as texts they keep their zone.
texts = frame.assign(zoned=frame.zoned.astype(str))
texts.to_json(HERE / "pandas.jsonl", orient="records", lines=True, date_format="iso")
frame.convert_dtypes().to_csv(HERE / "pandas_nullable.csv", index=False, na_rep="<NA>")

pq.write_table(table, HERE / "pyarrow.parquet")
plain = table.set_column(table.column_names.index("coded"), "coded", table["coded"].cast(pa.string()))
pa.csv.write_csv(plain, HERE / "pyarrow.csv")

polars = pl.from_arrow(table)
polars.write_parquet(HERE / "polars.parquet")
polars.write_csv(HERE / "polars.csv")
polars.write_ndjson(HERE / "polars.jsonl")

duckdb.sql(f"set timezone = '{ZONE}'")
duckdb.register("t", table)
duckdb.sql(f"copy t to '{HERE}/duckdb.csv'")
# JSON has no NaN.
duckdb.sql(f"copy (select * replace (if(isnan(gap), null, gap) as gap) from t) to '{HERE}/duckdb.jsonl' (format json)")

features = {}
for name in table.column_names[:-1]:
    column = frame[name]
    if name in ["flag", "word", "code", "level", "coded"]:
        column = column.astype("Int64") if name == "code" else column
        column = column.fillna(column.mode()[0])
        for category in sorted(column.unique(), key=str):
            features[f"{name}={category}"] = (column == category).astype(float)
    elif name in ["day", "naive", "zoned"]:
        column = pd.to_datetime(column)
        for part in ["year", "month", "day", "hour", "minute"]:
            features[f"{name}_{part}"] = getattr(column.dt, part).astype(float)
    elif name == "truth":
        features[name] = column.fillna(column.mode()[0]).astype(bool).astype(float)
    else:
        column = column.astype(float)
        features[name] = column.fillna(column.median())
expected = {name: [float(it) for it in column] for name, column in features.items()}
(HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
