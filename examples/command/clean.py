"""Makes a table of the pumps' log: one unit a column, no line twice.

Usage: clean.py LOG TABLE
"""

import csv
import json
import os
import re
import sys

LINE = re.compile(
    r"(?P<day>\S+) (?P<hour>\d\d):00 pump=(?P<pump>\S+) temp=(?P<temp>\S+)"
    r" vibration=(?P<vibration>\S+) noise=(?P<noise>\S+) state=(?P<state>\S+)"
)
# What a number in this unit is to be multiplied by, after subtracting the first.
UNITS = {"C": (0, 1), "F": (32, 5 / 9), "mm/s": (0, 1), "in/s": (0, 25.4), "dB": (0, 1)}


def number(text):
    """A number without its unit; nothing where the log has a dash."""
    if text == "-":
        return ""
    digits = re.match(r"[-0-9.]+", text).group()
    offset, factor = UNITS[text.removeprefix(digits)]
    return round((float(digits) - offset) * factor, 3)


def main(log, table):
    seen, rows, skipped = set(), [], 0
    for line in open(log):
        found = LINE.match(line)
        if not found or line in seen:
            skipped += 1
            continue
        seen.add(line)
        row = found.groupdict()
        rows.append([row["pump"], *(number(row[name]) for name in ("temp", "vibration", "noise")), row["state"]])
    with open(table, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pump", "temp", "vibration", "noise", "state"])
        writer.writerows(rows)
    # Shown while the stage runs, and kept with it.
    with open(os.environ["PIPE_METRICS"], "a") as file:
        for name, value in {"rows": len(rows), "skipped": skipped}.items():
            print(json.dumps({"name": name, "step": 0, "value": value}), file=file)


main(*sys.argv[1:])
