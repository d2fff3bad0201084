"""Measures pipe's engine beside ninja, DVC and Snakemake on the same graphs.

Usage: engine.py [--pipe PIPE] [--rounds N] [--stages 1000 10000] [--slow] [--only ROW ...] [--beside TOOL ...]

Every graph is of trivial shell commands in layers of 100, each with two deps of
the layer before. The tools run in turn, round after round, in folders of their
own. Told are medians of CPU time (of the whole process tree, as the kernel
counts it), of wall time, the largest memory, and the ratio to the yardstick of
the row. A tool that is not installed is left out and named. DVC and Snakemake
need minutes at 1,000 stages and more beyond: `--slow` runs them at every size.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAYER = 100
SOURCE_FILES = 20_000
SOURCE_BYTES = 100_000
OBJECTS = 1_000


class Figures:
    """What one run of a command cost."""

    def __init__(self, wall, usage):
        self.wall = wall
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss / 1000


def measure(words, folder):
    """Runs a command to its end; fails loudly if it does."""
    with tempfile.TemporaryFile() as log:
        environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "NO_COLOR": "1"}
        before = time.monotonic()
        child = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - before
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            log.seek(0)
            tail = log.read().decode(errors="replace")[-2000:]
            sys.exit(f"{' '.join(map(str, words))} ended with {child.returncode} in {folder}\n{tail}")
    return Figures(wall, usage)


def graph(stages):
    """Names with the names that each depends on."""
    for at in range(stages):
        layer, place = divmod(at, LAYER)
        before = (layer - 1) * LAYER
        deps = [before + place, before + (place + 1) % LAYER] if layer else []
        yield f"s{at}", [f"s{it}" for it in deps]


class Pipe:
    name = "pipe"

    def __init__(self, words):
        self.words = words

    def write(self, folder, stages):
        lines = ["version: 1", "name: bench", "stages:"]
        for name, deps in graph(stages):
            lines += [
                f"  {name}:",
                "    command:",
                f"      cmd: echo {name} > out/{name}",
                f"      deps: [{', '.join(f'out/{it}' for it in deps)}]",
                f"      outs: [out/{name}]",
            ]
        (folder / "pipe.yaml").write_text("\n".join(lines) + "\n")
        (folder / "out").mkdir()

    def run(self):
        return [*self.words, "run"]


class Ninja:
    name = "ninja"

    def __init__(self, words):
        self.words = words

    def write(self, folder, stages):
        lines = ["rule echo", "  command = echo $name > $out"]
        for name, deps in graph(stages):
            lines += [f"build out/{name}: echo {' '.join(f'out/{it}' for it in deps)}", f"  name = {name}"]
        (folder / "build.ninja").write_text("\n".join(lines) + "\n")
        (folder / "out").mkdir()

    def run(self):
        return [*self.words, "-j2"]


class Dvc:
    name = "dvc"

    def __init__(self, words):
        self.words = words

    def write(self, folder, stages):
        lines = ["stages:"]
        for name, deps in graph(stages):
            lines += [f"  {name}:", f"    cmd: echo {name} > out/{name}"]
            if deps:
                lines.append(f"    deps: [{', '.join(f'out/{it}' for it in deps)}]")
            lines.append(f"    outs: [out/{name}]")
        (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")
        (folder / "out").mkdir()
        measure([*self.words, "init", "-q", "--no-scm"], folder)

    def run(self):
        return [*self.words, "repro", "-q"]


class Snakemake:
    name = "snakemake"

    def __init__(self, words):
        self.words = words

    def write(self, folder, stages):
        lines = []
        rules = list(graph(stages))
        last = [f'"out/{name}"' for name, _ in rules[-LAYER:]]
        lines += ["rule all:", f"    input: {', '.join(last)}"]
        for name, deps in rules:
            lines.append(f"rule {name}:")
            if deps:
                given = ", ".join(f'"out/{it}"' for it in deps)
                lines.append(f"    input: {given}")
            lines += [f'    output: "out/{name}"', f'    shell: "echo {name} > {{output}}"']
        (folder / "Snakefile").write_text("\n".join(lines) + "\n")
        (folder / "out").mkdir()

    def run(self):
        return [*self.words, "-j2", "-q", "all"]


class Row:
    """The runs of one line of the table, by tool."""

    def __init__(self, title, yardstick):
        self.title, self.yardstick = title, yardstick
        self.runs = {}

    def add(self, tool, figures):
        self.runs.setdefault(tool, []).append(figures)

    def median(self, tool, what):
        return statistics.median(getattr(it, what) for it in self.runs[tool])

    def show(self):
        print(f"\n{self.title}")
        print(f"  {'':<10} {'CPU ms':>10} {'wall ms':>10} {'peak MB':>9}   CPU / {self.yardstick}   wall / {self.yardstick}")
        for tool in self.runs:
            cpu, wall = self.median(tool, "cpu"), self.median(tool, "wall")
            peak = max(it.peak for it in self.runs[tool])
            line = f"  {tool:<10} {cpu * 1000:>10.1f} {wall * 1000:>10.1f} {peak:>9.1f}"
            if self.yardstick in self.runs:
                base = self.median(self.yardstick, "cpu"), self.median(self.yardstick, "wall")
                line += f"   {cpu / base[0]:>8.2f}   {wall / base[1]:>8.2f}"
            print(line)
        sys.stdout.flush()


def version(options, tools, root):
    row = Row("--version", "pipe")
    for _ in range(options.rounds * 4):
        for tool in tools[:2]:
            row.add(tool.name, measure([*tool.words, "--version"], root))
    row.show()


def graphs(options, tools, root):
    for stages in options.stages:
        graphs_of(options, tools, root, stages)


def graphs_of(options, tools, root, stages):
    """First runs, runs with nothing to do, and, for pipe, an edited spec with nothing stale."""
    first = Row(f"first run, {stages} trivial commands", "ninja")
    nothing = Row(f"nothing to do, {stages} command stages", "ninja")
    edited = Row(f"spec edited, nothing stale, {stages} command stages", "ninja")
    folders = {}
    for tool in tools:
        if tool.name in ("dvc", "snakemake") and stages > 1000 and not options.slow:
            continue
        folder = folders[tool.name] = root / f"{tool.name}-{stages}"
        folder.mkdir()
        tool.write(folder, stages)
    for at in range(3 if stages <= 1000 else 1):
        for tool in tools:
            is_slow = tool.name in ("dvc", "snakemake")
            if tool.name not in folders or (is_slow and at > 0):
                continue
            folder = folders[tool.name]
            if at > 0:
                # A new one: where much was removed a moment ago, ext4 takes long to find inodes.
                folder = folders[tool.name] = root / f"{tool.name}-{stages}-{at}"
                folder.mkdir()
                tool.write(folder, stages)
            first.add(tool.name, measure(tool.run(), folder))
            measure(tool.run(), folder)
    for _ in range(options.rounds):
        for tool in tools:
            is_slow = tool.name in ("dvc", "snakemake")
            if tool.name in folders and not (is_slow and len(nothing.runs.get(tool.name, [])) >= 2):
                nothing.add(tool.name, measure(tool.run(), folders[tool.name]))
    if "ninja" in folders:
        edited.runs["ninja"] = nothing.runs["ninja"]
    spec = folders["pipe"] / "pipe.yaml"
    whole = spec.read_text()
    fewer = whole[: whole.rindex(f"  s{stages - 1}:")]
    for at in range(options.rounds):
        edits = {
            "a remark": f"{whole}# edit {at}\n",
            "a var": f"vars: {{unused: {at}}}\n{whole}",
            "a retry": f"{whole}    retries: {at + 1}\n",
            "one less": fewer,
            "put back": whole,
        }
        for name, text in edits.items():
            spec.write_text(text)
            # The clock that stamps files stands still for a moment: what was written in it would be looked at twice.
            time.sleep(0.02)
            edited.add(name, measure(tools[0].run(), folders["pipe"]))
            measure(tools[0].run(), folders["pipe"])
    for row in (first, nothing, edited):
        row.show()


def sources(options, tools, root):
    """One dep of many files: hashed once, then told by their stat; beside one warm file, by one core of pipe and of openssl."""
    folder = root / "sources"
    rows = folder / "rows"
    for at in range(SOURCE_FILES // 200):
        (rows / f"{at:03}").mkdir(parents=True)
    block = os.urandom(SOURCE_BYTES - 8)
    for at in range(SOURCE_FILES):
        (rows / f"{at % (SOURCE_FILES // 200):03}" / f"{at}.bin").write_bytes(at.to_bytes(8, "big") + block)
    spec = "version: 1\nname: bench\nstages:\n  count:\n    command:\n      cmd: echo done > out\n      deps: [rows]\n      outs: [out]\n"
    (folder / "pipe.yaml").write_text(spec)
    alone = root / "alone"
    alone.mkdir()
    (alone / "pipe.yaml").write_text(spec.replace("rows", "warm"))
    warm = alone / "warm"
    with warm.open("wb") as file:
        for _ in range(5000):
            file.write(block)
    row = Row(f"{SOURCE_FILES} source files of {SOURCE_BYTES // 1000} kB as one dep, unchanged", "pipe")
    first = Row("the same, first run; alone, openssl: a quarter of the bytes in one warm file, on one core", "openssl")
    for _ in range(2):
        measure(["openssl", "dgst", "-sha256", str(warm)], root)
    for at in range(3):
        first.add("pipe", measure([*tools[0].run(), "--force", "--store", str(root / f"store-{at}")], folder))
        first.add("alone", measure([*tools[0].run(), "--force", "--store", str(root / f"store-alone-{at}")], alone))
        first.add("openssl", measure(["openssl", "dgst", "-sha256", str(warm)], root))
    measure([*tools[0].run(), "--force"], folder)
    measure(tools[0].run(), folder)
    for _ in range(options.rounds):
        row.add("pipe", measure(tools[0].run(), folder))
    row.show()
    first.show()
    cores = len(os.sched_getaffinity(0))
    reached = SOURCE_FILES * SOURCE_BYTES / first.median("pipe", "wall")
    for name in ("alone", "openssl"):
        one = 5000 * len(block) / first.median(name, "wall")
        print(f"  {reached / 1e9:.2f} GB/s beside {one / 1e9:.2f} GB/s ({name}): {reached / one / cores:.2f} x {cores} cores")


def publish(options, tools, root):
    """What an object in the store costs: commands that write one each, beside the same that write to nothing."""
    row = Row(f"first run, {OBJECTS} commands, each with an object of its own or none", "without")
    places = {"objects": "{x: {type: files}}", "without": "{}"}
    for at in range(3):
        for name, outputs in places.items():
            folder = root / f"{name}-{at}"
            folder.mkdir()
            place = "${outputs.x}" if name == "objects" else "/dev/null"
            stages = "".join(
                f"  s{at}: {{command: {{cmd: 'echo {at} > {place}', outs: [], outputs: {outputs}}}}}\n" for at in range(OBJECTS)
            )
            (folder / "pipe.yaml").write_text(f"version: 1\nname: bench\nstages:\n{stages}")
            row.add(name, measure(tools[0].run(), folder))
    row.show()
    spent = (row.median("objects", "wall") - row.median("without", "wall")) / OBJECTS
    print(f"  {spent * 1000:.2f} ms an object")


def remove(folder):
    """A store's objects are read-only."""
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)


ROWS = {"version": version, "graphs": graphs, "publish": publish, "sources": sources}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pipe", default="target/release/pipe", help="the pipe to measure; an optimized build")
    parser.add_argument("--rounds", type=int, default=9, help="runs of each command")
    parser.add_argument("--stages", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--slow", action="store_true", help="DVC and Snakemake at every size")
    parser.add_argument("--beside", nargs="*", choices=["ninja", "dvc", "snakemake"], default=["ninja", "dvc", "snakemake"])
    parser.add_argument("--only", nargs="*", choices=list(ROWS), default=list(ROWS))
    options = parser.parse_args()
    beside = Path(sys.executable).parent
    tools = [Pipe([str(Path(options.pipe).resolve())])]
    for make in (Ninja, Dvc, Snakemake):
        if make.name not in options.beside:
            continue
        found = shutil.which(make.name, path=f"{beside}:{os.environ['PATH']}")
        if found:
            tools.append(make([found]))
        else:
            print(f"{make.name} is not installed: left out")
    root = Path(tempfile.mkdtemp(prefix="pipe-bench-"))
    try:
        for name in options.only:
            ROWS[name](options, tools, root)
    finally:
        remove(root)


if __name__ == "__main__":
    main()
