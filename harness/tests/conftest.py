"""What the tests of the program share: where it is, and small libraries to put under it."""
import functools
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()


class Outcome:
    """How an invocation ended: its words, its status, and its results where it wrote any."""

    def __init__(self, process, report):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr
        self.lines = []
        if report and report.exists():
            self.lines = [json.loads(line) for line in report.read_text().splitlines()]
        self.runs = {line["run"]: line for line in self.lines if "run" in line}


@pytest.fixture(scope="session")
def build():
    """The folder of the built programs: build, or what the environment variable BUILD names."""
    return BUILD


@pytest.fixture(scope="session")
def outcome_of():
    """Runs a built program, with its report and its scratch files in a folder; gives its Outcome."""
    def run(folder, program, *arguments, report=True, env=(), **more):
        file = folder / "results.jsonl"
        asked = ["--report", file] if report else []
        process = subprocess.run([BUILD / program, *asked, *arguments], capture_output=True, text=True, timeout=300,
                                 env={**os.environ, "TMPDIR": str(folder), **dict(env)}, **more)
        return Outcome(process, file if report else None)
    return run


@pytest.fixture
def invoke(outcome_of, tmp_path):
    """The same in a folder of the test's own."""
    return functools.partial(outcome_of, tmp_path)


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """Builds harness/tests/libraries/NAME.c; gives the shared object's path."""
    folder = tmp_path_factory.mktemp("libraries")

    def build(name):
        shared = folder / f"{name}.so"
        if not shared.exists():
            source = ROOT / "harness" / "tests" / "libraries" / f"{name}.c"
            subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-Wall", "-Werror", "-D_GNU_SOURCE",
                            "-pthread", "-o", shared, source], check=True)
        return shared
    return build
