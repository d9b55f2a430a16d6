"""The kernel beneath is judged without surprise: as root, as a plain user, under load, by the static program."""
import json
import os
import shutil
import subprocess
import sys

import pytest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / "harness" / "sockconform"


def as_plain_user(folder):
    """What runs a command as a user without privileges, for whom the folder is a place to write."""
    if os.geteuid() != 0:
        return []
    for parent in [folder, *folder.parents[:2]]:
        parent.chmod(0o755)
    shutil.chown(folder, 65534, 65534)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def verdicts(report):
    """Run id -> the set of its verdicts."""
    found = {}
    for line in map(json.loads, Path(report).read_text().splitlines()):
        if "run" in line:
            found.setdefault(line["run"], set()).add(line["verdict"])
    return found


def contradictions(one, other):
    """The runs that were decided in two ways; UNTESTED, with its reason, decides nothing."""
    assert one.keys() == other.keys()
    return {run: one[run] | other[run] for run in one if len((one[run] | other[run]) - {"UNTESTED"}) > 1}


def test_no_surprise(tmp_path):
    process = subprocess.run([COMMAND, "run", "--output", tmp_path], capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert {"results.jsonl", "junit.xml", "report.html"} <= {file.name for file in (tmp_path / "latest").iterdir()}


def test_no_surprise_as_a_plain_user(build, tmp_path):
    """The same verdicts as root's, or UNTESTED with a reason."""
    user = as_plain_user(tmp_path)
    program = tmp_path / "conformance"
    shutil.copy(build / "conformance", program)
    subprocess.run([*user, program, "--slow", "no", "--report", tmp_path / "plain.jsonl"], stdout=subprocess.DEVNULL,
                   env={**os.environ, "TMPDIR": str(tmp_path)})
    subprocess.run([program, "--slow", "no", "--report", tmp_path / "own.jsonl"], stdout=subprocess.DEVNULL)
    assert contradictions(verdicts(tmp_path / "own.jsonl"), verdicts(tmp_path / "plain.jsonl")) == {}


def test_in_a_shared_network(build, tmp_path):
    """Where the program has no network of its own, no verdict is another, or it is UNTESTED."""
    for network in ("own", "shared"):
        subprocess.run([build / "conformance", "--slow", "no", "--network", network, "--report", tmp_path / network],
                       stdout=subprocess.DEVNULL)
    assert contradictions(verdicts(tmp_path / "own"), verdicts(tmp_path / "shared")) == {}


def test_the_static_program_says_the_same(build, tmp_path):
    for program in ("conformance", "static/conformance", "clang/conformance"):
        subprocess.run([build / program, "--slow", "no", "--report", tmp_path / program.replace("/", "-")],
                       stdout=subprocess.DEVNULL)
    assert contradictions(verdicts(tmp_path / "conformance"), verdicts(tmp_path / "static-conformance")) == {}
    assert contradictions(verdicts(tmp_path / "conformance"), verdicts(tmp_path / "clang-conformance")) == {}


@pytest.fixture
def load():
    """Busy loops, two for each core."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


def test_no_verdict_changes_under_load(build, tmp_path, load):
    subprocess.run([build / "conformance", "--slow", "no", "--report", tmp_path / "quiet"], stdout=subprocess.DEVNULL)
    subprocess.run([build / "conformance", "--slow", "no", "--repeat", "3", "--report", tmp_path / "loaded"],
                   stdout=subprocess.DEVNULL)
    assert contradictions(verdicts(tmp_path / "quiet"), verdicts(tmp_path / "loaded")) == {}
