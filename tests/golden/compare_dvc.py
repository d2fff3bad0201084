"""Runs the imported pipelines of tests/cases/import beside `dvc repro`, and compares outputs and what runs again.

Usage: compare_dvc.py [--pipe PATH_TO_PIPE] [--dvc PATH_TO_DVC] [CASE...]

Each case is copied twice. One copy is run by DVC as it is; the other is imported
with `pipe import` and run by pipe. After the first run, and after each edit of
cases.json, the stages that ran must be the same, and every out must have the
same bytes. Stages that pick values for others are pipe's own and are left out;
instances are compared by the outs that they write. Exits with 1 on a difference.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = Path(__file__).resolve().parent.parent / "cases" / "import"


def run(words, folder, **more):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout


def read_yaml(path):
    from ruamel.yaml import YAML  # DVC depends on it

    return YAML(typ="safe").load(path.read_text())


def copy(case, folder):
    shutil.copytree(CASES / case, folder, ignore=shutil.ignore_patterns("expected.*", "edits.json"))
    run(["git", "init", "-q"], folder)


class Dvc:
    """A copy that DVC runs. What ran is read from its output; outs from `dvc.lock`."""

    def __init__(self, dvc, folder):
        self.dvc, self.folder = dvc, folder
        self.environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "SHELL": "/bin/sh"}
        self.call("init", "-q")

    def call(self, *words):
        return run([self.dvc, *words], self.folder, env=self.environment)

    def run(self):
        """The outs of the stages that ran, as sorted lists of paths."""
        text = self.call("repro", "-P")
        lines = text.splitlines()
        names = [it.split("'")[1] for it in lines if it.startswith("Running stage '")]
        return sorted(self.outs(name) for name in names)

    def outs(self, name):
        file, _, stage = name.rpartition(":")
        base = self.folder / Path(file or "dvc.yaml").parent
        locked = read_yaml(base / "dvc.lock")["stages"][stage]
        wdir = read_yaml(base / "dvc.yaml")["stages"].get(stage, {}).get("wdir", ".")
        paths = [os.path.normpath(base / wdir / it["path"]) for it in locked.get("outs", [])]
        return sorted(os.path.relpath(it, self.folder) for it in paths)


class Pipe:
    """A copy that was imported. What ran is read from the run's events, outs from the plan."""

    def __init__(self, pipe, folder, files):
        self.pipe, self.folder = pipe, folder
        run([pipe, "import", *files], folder)
        run([pipe, "check"], folder)

    def run(self):
        plan = json.loads(run([self.pipe, "plan", "--format", "json"], self.folder))
        stages = plan["stages"]
        events = run([self.pipe, "run", "--format", "json"], self.folder).splitlines()
        done = [json.loads(it)["event"].get("stage_done") for it in events]
        ran = [stages[it["stage"]] for it in done if it]
        return sorted(sorted(it["outs"]) for it in ran if it["outs"])


def edit(folder, change):
    path = folder / change["file"]
    if "from" not in change:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(change["to"])
        return
    text = path.read_text()
    if change["from"] not in text:
        sys.exit(f"{change['file']} has no {change['from']!r}")
    path.write_text(text.replace(change["from"], change["to"], 1))


def compare(case, arguments):
    plan = json.loads((CASES / case / "edits.json").read_text())
    differences = 0
    with tempfile.TemporaryDirectory() as root:
        ours, theirs = Path(root) / "pipe", Path(root) / "dvc"
        copy(case, ours)
        copy(case, theirs)
        pipe, dvc = Pipe(arguments.pipe, ours, plan["files"]), Dvc(arguments.dvc, theirs)
        steps = [{"what": "first run", "changes": []}, *plan["edits"]]
        for step in [*steps, {"what": "nothing changed", "changes": []}]:
            for change in step["changes"]:
                edit(theirs, change)
                # What became a var is changed where it is now.
                edit(ours, {**change, **change.get("spec", {})})
            ran, expected = pipe.run(), dvc.run()
            outs = sorted({out for outs in expected for out in outs})
            different = [it for it in outs if (ours / it).read_bytes() != (theirs / it).read_bytes()]
            is_same = ran == expected and not different
            differences += not is_same
            verdict = "same" if is_same else "DIFFERENT"
            print(f"{case:8} {step['what']:34} dvc ran {len(expected)}, pipe ran {len(ran)}: {verdict}")
            if ran != expected:
                print(f"  dvc:  {expected}\n  pipe: {ran}")
            for path in different:
                print(f"  {path} differs")
        # Both must be able to rewrite what they made.
        subprocess.run(["chmod", "-R", "u+w", root], check=True)
    return differences


def compare_texts(path, arguments):
    """Commands and outs of one dvc.yaml: as DVC resolves it, and as pipe plans what was imported."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        run(["git", "init", "-q"], folder)
        Dvc(arguments.dvc, folder)
        shutil.copy(path, folder / "dvc.yaml")
        (folder / "params.yaml").write_text("{}\n")
        # Whether it passes `pipe check` is no matter: files may be missing.
        subprocess.run([arguments.pipe, "import"], cwd=folder, capture_output=True)
        text = run([arguments.pipe, "plan", "--format", "json"], folder)
        stages = [it for it in json.loads(text)["stages"].values() if "_params" not in it["id"]]
        commands = [it["task"]["command"] for it in stages]
        ours = sorted((as_lines(it["cmd"]), tuple(sorted(it["outs"]))) for it in commands)
        names = json.loads(run([sys.executable, "-c", RESOLVE], folder))
        theirs = sorted((as_lines(it["cmd"]), tuple(sorted(it.get("outs", [])))) for it in names.values())
    verdict = "same" if ours == theirs else "DIFFERENT"
    print(f"{path.stem:8} {'commands and outs':34} dvc has {len(theirs)}, pipe has {len(ours)}: {verdict}")
    for one, other in (("dvc", set(theirs) - set(ours)), ("pipe", set(ours) - set(theirs))):
        for line in sorted(other):
            print(f"  only {one}: {line}")
    return ours != theirs


RESOLVE = """
import json
from dvc.repo import Repo
from dvc.parsing import DataResolver
from ruamel.yaml import YAML

resolver = DataResolver(Repo(), ".", YAML(typ="safe").load(open("dvc.yaml")))
print(json.dumps(resolver.resolve()["stages"]))
"""


def as_lines(cmd):
    lines = cmd if isinstance(cmd, list) else cmd.splitlines()
    return tuple(it for it in lines if it.strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", default=[])
    parser.add_argument("--pipe", default="target/debug/pipe", type=Path)
    parser.add_argument("--dvc", default=".venv-dvc/bin/dvc", type=Path)
    arguments = parser.parse_args()
    arguments.pipe, arguments.dvc = arguments.pipe.absolute(), arguments.dvc.absolute()
    cases = arguments.cases or sorted(it.parent.name for it in CASES.glob("*/edits.json"))
    differences = sum(compare(case, arguments) for case in cases)
    if not arguments.cases:
        for name in ("texts", "groups"):
            differences += compare_texts(CASES / "odd" / f"{name}.yaml", arguments)
    print(f"{differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
