"""The one reader of results.jsonl. Every report is written from a Results and from nothing else.

    results = Results.read("reports/out/latest/results.jsonl")
    results.header      the first line: implementation, version, started, environment, planned, claims ...
    results.runs        the run lines, dicts as in results.schema.json, in the file's order
    results.summary     counts: {"PASS": 9, "FAIL": 1, ...}, always computed from the runs
    results.seconds     wall time, or None when the file was cut off
    results.cut_off     True when the last line, the summary, is not there
    results.missing     ids of planned runs that have no line (or fewer than `repeat`)
    results.claims      Claim objects: verdict computed, evidence = the run lines that decided it
    results.surprises   the run lines that are not as expected

    outcome(run)        what a run line means to a report, one of OUTCOMES
    describe(run)       what it says, in words
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import SetupError

SCHEMA = "sockconform/results/1"
VERDICTS = ("PASS", "FAIL", "UNRESOLVED", "UNSUPPORTED", "UNTESTED")
OUTCOMES = ("surprise", "departure", "not counted", "skipped", "passed")  # bad first


class ResultsError(SetupError):
    """A file that holds no results; the text is one line that names the file."""


def went_wrong(run):
    return run["verdict"] in ("FAIL", "UNRESOLVED")


def outcome(run):
    """surprise: not as expected; departure: expected, with run["expected"]["reason"]; not counted: failed a
    requirement of documents that the implementation does not claim; skipped: UNSUPPORTED or UNTESTED; passed."""
    if run["surprise"]:
        return "surprise"
    if went_wrong(run):
        return "departure" if run["expected"] else "not counted"
    return "passed" if run["verdict"] == "PASS" else "skipped"


def describe(run):
    """What a run that went wrong, or passed against expectation, says."""
    if run["expected"] and run["verdict"] == "PASS":
        return f"passes, though {run['expected']['verdict']} is expected: {run['expected']['reason']}"
    return run["message"] if run["verdict"] in run["message"] else f"{run['verdict']}: {run['message']}".rstrip(": ")


@dataclass
class Claim:
    """A claim of the seed notes. verdict: "holds", "holds with conditions", "contradicted",
    "does not hold here", "not testable" or "undecided here"."""

    id: str
    line: int
    claim: str
    reality: str
    supports: list
    limits: list
    contradicts: list
    verdict: str = "undecided here"
    evidence: list = field(default_factory=list)  # run lines of all three lists' requirements, in the file's order


class Results:
    def __init__(self, header, runs, summary_line=None):
        self.header = header
        self.runs = runs
        for run in runs:  # a file that the program wrote by itself knows of no expectations
            run.setdefault("expected", None)
            run.setdefault("surprise", went_wrong(run))
        self.cut_off = summary_line is None
        self.seconds = None if self.cut_off else summary_line.get("seconds")
        counts = Counter(run["verdict"] for run in runs)
        self.summary = {verdict: counts[verdict] for verdict in VERDICTS}
        lines = Counter(run["run"] for run in runs)
        self.missing = [run for run in header["planned"] if lines[run] < header.get("repeat", 1)]
        self.surprises = [run for run in runs if run["surprise"]]
        self.claims = self._claims()

    def _claims(self):
        by_requirement = {}
        for run in self.runs:
            by_requirement.setdefault(run["requirement"], []).append(run)
        order = {id(run): place for place, run in enumerate(self.runs)}

        def decided(requirements, verdict):
            """Is there a requirement with this verdict? One FAIL over any kind makes a requirement FAIL."""
            for requirement in requirements:
                verdicts = {run["verdict"] for run in by_requirement.get(requirement, ())}
                if ("FAIL" if "FAIL" in verdicts else "PASS" if "PASS" in verdicts else None) == verdict:
                    return True
            return False

        claims = []
        for row in self.header.get("claims", []):
            claim = Claim(row["id"], row["line"], row["claim"], row.get("reality") or "",
                          row.get("supports", []), row.get("limits", []), row.get("contradicts", []))
            supported, limited = decided(claim.supports, "PASS"), decided(claim.limits, "PASS")
            if decided(claim.contradicts, "PASS"):
                claim.verdict = "contradicted"
            elif limited:
                claim.verdict = "holds with conditions"
            elif supported:
                claim.verdict = "holds"
            elif decided(claim.supports, "FAIL"):
                claim.verdict = "does not hold here"
            elif not (claim.supports or claim.limits or claim.contradicts):
                claim.verdict = "not testable"
            named = dict.fromkeys(claim.supports + claim.limits + claim.contradicts)
            claim.evidence = sorted((run for name in named for run in by_requirement.get(name, ())),
                                    key=lambda run: order[id(run)])
            claims.append(claim)
        return claims

    @classmethod
    def read(cls, path):
        """Reads a file. A last line that was cut off is left out, and the file counts as cut off."""
        try:
            lines = Path(path).read_bytes().decode("utf-8", "replace").rstrip("\n").split("\n")
        except OSError as error:
            raise ResultsError(f"{path}: {error.strerror}") from None
        objects = []
        for number, line in enumerate(lines, 1):
            try:
                item = json.loads(line)
                if not isinstance(item, dict):
                    raise ValueError
            except ValueError:
                if number == len(lines) > 1:
                    break
                raise ResultsError(f"{path}: line {number} is not a JSON object, so this is no results.jsonl") from None
            objects.append(item)
        header = objects[0]
        if "schema" not in header:
            raise ResultsError(f"{path}: no header; the first line of results must name its schema, {SCHEMA}")
        if header["schema"] != SCHEMA:
            raise ResultsError(f"{path}: schema is {header['schema']!r}; this version reads {SCHEMA}")
        if not isinstance(header.get("planned"), list):
            raise ResultsError(f"{path}: the header has no list of planned runs")
        runs, summary = [], None
        for number, item in enumerate(objects[1:], 2):
            if "summary" in item:
                summary = item
            elif item.get("verdict") in VERDICTS and "run" in item and "requirement" in item:
                runs.append(item)
            else:
                raise ResultsError(f"{path}: line {number} is neither a run nor the summary")
        return cls(header, runs, summary)
