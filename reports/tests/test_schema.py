"""results.schema.json describes what is really written."""

import json
import os
import subprocess
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "harness" / "tests" / "fake" / "conformance"
REAL = Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "conformance"


@pytest.fixture(scope="module")
def validator():
    schema = json.loads((ROOT / "reports" / "results.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def complaints(validator, file):
    return [f"{number}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
            for error in validator.iter_errors(json.loads(line))]


@pytest.mark.parametrize("program", [FAKE, REAL], ids=["stand-in", "real"])
def test_what_run_writes(validator, tmp_path, program):
    if not program.exists():
        pytest.skip("build/conformance is not built")
    beside = program.parent / "implementations"
    env = os.environ | {"SOCKCONFORM_PROGRAM": str(program), "SOCKCONFORM_IMPLEMENTATIONS": str(beside) * beside.exists(),
                        "FAKE": '{"verdicts": {"area1_case1/inet-stream": "FAIL"}}'}
    done = subprocess.run([ROOT / "harness" / "sockconform", "run", "--slow", "no", "--output", tmp_path], env=env, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    assert complaints(validator, tmp_path / "latest" / "results.jsonl") == []


def test_what_the_program_writes_by_itself(validator, tmp_path):
    if not REAL.exists():
        pytest.skip("build/conformance is not built")
    subprocess.run([REAL, "--slow", "no", "--report", tmp_path / "results.jsonl"], stdout=subprocess.DEVNULL)
    assert complaints(validator, tmp_path / "results.jsonl") == []


@pytest.mark.parametrize("line", [
    {"schema": "sockconform/results/2"}, {"schema": "sockconform/results/1"}, {"summary": {"PASS": 1}}, {"run": "a/b", "verdict": "GOOD"}, {}])
def test_what_is_wrong_is_found(validator, line):
    assert list(validator.iter_errors(line))
