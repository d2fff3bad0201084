"""Writes small tables with columns that no table of single values has, and files in packings that are not read.

Run in the test venv: .venv/bin/python tests/golden/make_unreadable.py
"""

import bz2
import datetime as dt
import json
import lzma
import pathlib
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent / "unreadable"
ROWS = 12
HERE.mkdir(exist_ok=True)

x = [float(i) for i in range(ROWS)]
y = ["no", "yes"] * (ROWS // 2)
ids = pa.array([uuid.UUID(int=i).bytes for i in range(ROWS)], pa.uuid().storage_type)
columns = {
    "x": pa.array(x),
    "record": pa.array([{"a": i, "b": "u"} for i in range(ROWS)]),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), ids),
    "raw": pa.array([bytes([i] * 4) for i in range(ROWS)], pa.binary(4)),
    "binary": pa.array([b"\xff\xfe"] * ROWS, pa.binary()),
    "time": pa.array([dt.time(1, i) for i in range(ROWS)], pa.time64("us")),
    "map": pa.array([[("k", i)] for i in range(ROWS)], pa.map_(pa.string(), pa.int64())),
    "ragged": pa.array([[1.0] * (i % 3) for i in range(ROWS)]),
    "records": pa.array([[{"a": i, "b": i}] for i in range(ROWS)]),
    "words": pa.array([["u", "v"]] * ROWS),
    "endless": pa.array([float("inf")] * ROWS),
    "y": pa.array(y),
}
pq.write_table(pa.table(columns), HERE / "d.parquet", row_group_size=5)

with open(HERE / "d.jsonl", "w") as file:
    for i in range(ROWS):
        row = {"x": x[i], "record": {"a": i}, "ragged": [1.0] * (i % 3), "late": i if i < 8 else {"a": 1}}
        row |= {"records": [{"a": i}], "y": y[i]}
        file.write(json.dumps(row) + "\n")

moments = np.datetime64("2024-02-28T23:00:00", "s") + 3600 * np.arange(ROWS).astype("timedelta64[s]")
gaps = moments.astype("datetime64[ns]")
gaps[3] = np.datetime64("NaT")
np.savez(
    HERE / "d.npz",
    x=np.array(x),
    y=np.array(y),
    scalar=np.array(3),
    objects=np.array([{"a": 1}] * ROWS, dtype=object),
    complex=np.array([1 + 2j] * ROWS),
    span=moments - moments[0],
    fields=np.array([(1, 2.0)] * ROWS, dtype=[("a", int), ("b", float)]),
    long=np.arange(ROWS + 1),
    endless=np.full(ROWS, np.inf),
)
np.savez(
    HERE / "moments.npz",
    x=np.array(x),
    y=np.array(y),
    second=moments,
    day=moments.astype("datetime64[D]"),
    gaps=gaps,
    big=moments.astype(">M8[ms]"),
)
shown = pd.DataFrame({"second": moments, "day": moments.astype("datetime64[D]"), "gaps": gaps, "big": moments})
shown.to_json(HERE / "moments.json", date_format="iso", orient="columns")

text = "x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y))
(HERE / "d.csv.bz2").write_bytes(bz2.compress(text.encode()))
(HERE / "d.csv.xz").write_bytes(lzma.compress(text.encode()))
