"""The reader of results: claims, what is missing, and files that the program wrote alone."""

import json

import pytest
from sockconform.results import Results, outcome


def results(verdicts, claim=None, planned=None, repeat=1):
    """Results of runs {"requirement/kind": verdict}, with one claim."""
    runs = [{"run": f"case_{name}", "case": "c", "kind": name.partition("/")[2], "repetition": 1, "requirement": name.partition("/")[0],
             "documents": {}, "verdict": verdict, "message": ""} for name, verdict in verdicts.items()]
    row = {"id": "C1", "line": 3, "claim": "it is so", "supports": [], "limits": [], "contradicts": [], "reality": None} | (claim or {})
    return Results({"planned": planned or [run["run"] for run in runs], "repeat": repeat, "claims": [row]}, runs)


@pytest.mark.parametrize("verdicts, verdict", [
    ({"s/a": "PASS"}, "holds"), ({"s/a": "PASS", "l/a": "PASS"}, "holds with conditions"), ({"l/a": "PASS"}, "holds with conditions"),
    ({"s/a": "PASS", "c/a": "PASS"}, "contradicted"), ({"s/a": "FAIL"}, "does not hold here"), ({"s/a": "UNTESTED"}, "undecided here"),
    ({"c/a": "FAIL"}, "undecided here"), ({}, "undecided here"), ({"s/a": "PASS", "s/b": "UNSUPPORTED"}, "holds"),
    ({"s/a": "PASS", "s/b": "FAIL"}, "does not hold here")])
def test_the_verdict_of_a_claim(verdicts, verdict):
    claim, = results(verdicts, {"supports": ["s"], "limits": ["l"], "contradicts": ["c"]}).claims
    assert (claim.verdict, claim.reality) == (verdict, "")
    assert [run["requirement"] for run in claim.evidence] == [name[0] for name in verdicts]


def test_a_claim_that_no_requirement_bears_on():
    claim, = results({"s/a": "PASS"}, {"reality": "A matter of taste."}).claims
    assert (claim.verdict, claim.evidence, claim.reality) == ("not testable", [], "A matter of taste.")


def test_missing_runs():
    assert results({"s/a": "PASS"}, planned=["case_s/a", "case_s/b"]).missing == ["case_s/b"]
    assert results({"s/a": "PASS"}, repeat=2).missing == ["case_s/a"]


def test_a_file_of_the_program_alone_knows_no_expectations():
    read = results({"s/a": "PASS", "s/b": "FAIL", "s/c": "UNRESOLVED", "s/d": "UNTESTED"})
    assert [outcome(run) for run in read.runs] == ["passed", "surprise", "surprise", "skipped"]
    assert [run["run"] for run in read.surprises] == ["case_s/b", "case_s/c"]


@pytest.mark.parametrize("end", ["", '{"run": "case_s/b", "verd', '{"run": "case_s/b", "message": "\xe4'])
def test_a_cut_off_file(tmp_path, end):
    run = {"run": "case_s/a", "requirement": "s", "verdict": "PASS"}
    head = {"schema": "sockconform/results/1", "planned": ["case_s/a", "case_s/b"]}
    (tmp_path / "r").write_bytes((json.dumps(head) + "\n" + json.dumps(run) + "\n" + end).encode("latin-1"))
    read = Results.read(tmp_path / "r")
    assert (read.cut_off, read.missing, read.seconds, len(read.runs)) == (True, ["case_s/b"], None, 1)
