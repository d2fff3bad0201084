"""Writes windows.json: windows over a shuffled table of two stations, as numpy's sliding_window_view sees each in its order.

`table`, as CSV; `length` and `horizon`; `windows`: for each, by the row (from 0) whose target it predicts, that target and the
numbers of the columns x and y one after another, each in its order.
"""

import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).with_name("windows.json")
LENGTH, HORIZON = 4, 2
HOURS = {"north": 11, "south": 7}


def main():
    rows = [
        (station, hour, (hour * 37 + len(station) * hour**2) % 23 / 4, (hour * 5 + at * 3) % 7 - 2.5)
        for at, (station, hours) in enumerate(HOURS.items())
        for hour in range(hours)
    ]
    rows = [rows[at] for at in np.random.default_rng(3).permutation(len(rows))]
    windows = {}
    for station in HOURS:
        places = sorted((hour, at) for at, (name, hour, _, _) in enumerate(rows) if name == station)
        places = [at for _, at in places]
        numbers = np.array([rows[at][2:] for at in places])
        for start, window in enumerate(np.lib.stride_tricks.sliding_window_view(numbers, LENGTH, axis=0)):
            goal = start + LENGTH - 1 + HORIZON
            if goal < len(places):
                windows[places[goal]] = {"target": numbers[goal, 1], "numbers": window.ravel().tolist()}
    lines = ["station,hour,x,y", *(f"{name},{hour},{x},{y}" for name, hour, x, y in rows)]
    golden = {
        "table": "\n".join(lines) + "\n",
        "length": LENGTH,
        "horizon": HORIZON,
        "windows": [{"row": row, **windows[row]} for row in sorted(windows)],
    }
    OUT.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


main()
