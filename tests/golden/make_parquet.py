"""Writes small parquet files as pyarrow writes them, and what they hold as JSON.

Run in the test venv: .venv/bin/python tests/golden/make_parquet.py
"""

import datetime as dt
import decimal
import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent / "parquet"
ROWS = 40
rng = np.random.default_rng(11)
HERE.mkdir(exist_ok=True)


def holed(values, every=7):
    """Every seventh value is missing."""
    return [None if i % every == 3 else it for i, it in enumerate(values)]


def text(value):
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return "" if value != value else f"{value:.17g}"
        case dt.datetime():
            shown = value.isoformat().replace("+00:00", "Z")
            return shown.rstrip("0") if "." in shown and not shown.endswith("Z") else shown
        case _:
            return str(value)


day = [dt.date(1969, 12, 25) + dt.timedelta(days=3 * i) for i in range(ROWS)]
noon = [dt.datetime(2024, 2, 28, 12, 30, 15) + dt.timedelta(hours=7 * i) for i in range(ROWS)]
utc = [it.replace(tzinfo=dt.timezone.utc) for it in noon]
columns = {
    "small": pa.array(holed([i - 20 for i in range(ROWS)]), pa.int8()),
    "whole": pa.array(holed([i * 10**12 - 7 for i in range(ROWS)]), pa.int64()),
    "positive": pa.array([2**32 - 1 - i for i in range(ROWS)], pa.uint32()),
    "huge": pa.array([2**64 - 1 - i for i in range(ROWS)], pa.uint64()),
    "single": pa.array(holed(rng.normal(size=ROWS).astype(np.float32).tolist()), pa.float32()),
    "double": pa.array([*rng.normal(size=ROWS - 1).tolist(), float("nan")], pa.float64()),
    "truth": pa.array(holed([i % 3 == 0 for i in range(ROWS)]), pa.bool_()),
    "word": pa.array(holed([["cat", "dog", "été", ""][i % 4] for i in range(ROWS)]), pa.string()),
    "large": pa.array([f"key {i} of many" for i in range(ROWS)], pa.large_string()),
    "coded": pa.array([["low", "high"][i % 2] for i in range(ROWS)]).dictionary_encode(),
    "day": pa.array(holed(day), pa.date32()),
    "second": pa.array(noon, pa.timestamp("s")),
    "micro": pa.array(holed([it.replace(microsecond=250_000) for it in noon]), pa.timestamp("us")),
    "zoned": pa.array(utc, pa.timestamp("ms", tz="UTC")),
    "price": pa.array(holed([decimal.Decimal(i * 37 - 100).scaleb(-2) for i in range(ROWS)]), pa.decimal128(9, 2)),
    "long_price": pa.array([decimal.Decimal(-(10**30) - i).scaleb(-4) for i in range(ROWS)], pa.decimal128(38, 4)),
    "empty": pa.array([None] * ROWS, pa.null()),
}
table = pa.table(columns)
expected = {name: [text(it) for it in column.to_pylist()] for name, column in columns.items()}

for packing in ["none", "snappy", "gzip", "zstd", "lz4"]:
    pq.write_table(table, HERE / f"{packing}.parquet", compression=packing, row_group_size=17)
pq.write_table(table, HERE / "second_version.parquet", data_page_version="2.0", use_dictionary=False)
pq.write_table(
    table.select(["day", "micro", "word"]),
    HERE / "old_dates.parquet",
    use_deprecated_int96_timestamps=True,
)
pq.write_table(table.select(["whole", "word"]), HERE / "brotli.parquet", compression="brotli")

pixels = rng.integers(0, 256, (ROWS, 6), dtype=np.uint8)
waves = rng.normal(size=(ROWS, 3)).astype(np.float32)
lists = pa.table(
    {
        "pixels": pa.array(pixels.tolist(), pa.list_(pa.uint8())),
        "waves": pa.array(waves.tolist(), pa.list_(pa.float32(), 3)),
        "label": pa.array(["a", "b"] * (ROWS // 2)),
    }
)
pq.write_table(lists, HERE / "lists.parquet", row_group_size=9)
expected["pixels"] = pixels.tolist()
expected["waves"] = waves.tolist()

nested = {
    "record": pa.table({"x": [1.0, 2.0], "place": [{"lat": 1, "lon": 2}] * 2, "y": ["a", "b"]}),
    "ragged": pa.table({"x": [[1.0, 2.0], [3.0]], "y": ["a", "b"]}),
    "gap": pa.table({"x": [[1.0, 2.0], [3.0, None]], "y": ["a", "b"]}),
    "words": pa.table({"x": [["u"], ["v"]], "y": ["a", "b"]}),
    "deep": pa.table({"x": [[[1.0]], [[2.0]]], "y": ["a", "b"]}),
    "time": pa.table({"x": pa.array([dt.time(1, 2)] * 2), "y": ["a", "b"]}),
    "bytes": pa.table({"x": pa.array([b"\xff\xfe"] * 2), "y": ["a", "b"]}),
    "no_rows": pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.string())}),
}
for name, content in nested.items():
    pq.write_table(content, HERE / f"{name}.parquet")

(HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")
