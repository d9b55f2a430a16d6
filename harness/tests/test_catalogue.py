"""The catalogue, the cases and the claims of the notes fit each other."""
import csv
import json
import re
import subprocess

import pytest
from pathlib import Path

CASES = Path(__file__).resolve().parents[2] / "cases"
DOCUMENTS = ("posix", "rfc", "linux")


def rows_of(table):
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def requirements():
    return {row["id"]: row for table in sorted((CASES / "requirements").glob("*.tsv")) for row in rows_of(table)}


@pytest.fixture(scope="module")
def claims():
    return rows_of(CASES / "claims.tsv")


@pytest.fixture(scope="module")
def cases(build):
    return json.loads(subprocess.run([build / "conformance", "--list"], capture_output=True, check=True).stdout)


def test_every_case_names_a_requirement_that_exists(cases, requirements):
    assert [case["case"] for case in cases if case["requirement"] not in requirements] == []


def test_every_requirement_has_a_case_or_a_reason(cases, requirements):
    decided = {case["requirement"] for case in cases}
    assert [id for id, row in requirements.items() if (id in decided) == bool(row["undecided"])] == []


def test_the_program_has_what_the_tables_say(cases, requirements):
    for case in cases:
        row = requirements[case["requirement"]]
        assert case["statement"] == row["statement"] and case["strength"] == row["strength"]
        assert {name: place for name, place in case["documents"].items() if name != "notes"} == {
            name: row[name] for name in DOCUMENTS if row[name]}


def test_names_of_cases_are_unique(cases):
    names = [case["case"] for case in cases]
    assert len(names) == len(set(names))


def test_each_table_is_sorted_and_of_its_form():
    for table in sorted((CASES / "requirements").glob("*.tsv")):
        ids = [row["id"] for row in rows_of(table)]
        assert ids == sorted(ids), table.name
        assert all(re.fullmatch(r"[a-z0-9_-]+(\.[A-Za-z0-9_-]+)+", id) for id in ids), table.name


def test_claims_rest_on_requirements_that_exist(claims, requirements):
    named = {id for claim in claims for column in ("supports", "limits", "contradicts") for id in claim[column].split()}
    assert sorted(named - set(requirements)) == []


def test_claims_that_can_be_tested_rest_on_cases(claims, requirements):
    for claim in claims:
        ids = " ".join((claim["supports"], claim["limits"], claim["contradicts"])).split()
        assert not ids or any(not requirements[id]["undecided"] for id in ids), claim["id"]
        assert claim["reality"], claim["id"]


def test_a_document_selects_what_it_states(build, cases, requirements):
    listed = json.loads(subprocess.run([build / "conformance", "--list", "--document", "rfc"], capture_output=True,
                                       check=True).stdout)
    assert [case["case"] for case in listed] == [case["case"] for case in cases if "rfc" in case["documents"]]


def test_no_case_sleeps():
    naps = re.compile(r"\b(u?sleep|nanosleep|clock_nanosleep)\s*\(")
    assert [file.name for file in sorted(CASES.glob("*.c")) if naps.search(file.read_text())] == []


BAD_TABLES = {
    "six columns": ("bind.X\tshall\tSays.\tXSH\t\t\n", "a requirement has 7 columns, not 6"),
    "twice": ("bind.X\tshall\tSays.\tXSH\t\t\t\n" * 2, "requirement bind.X stands twice"),
    "strength": ("bind.X\tmust\tSays.\tXSH\t\t\t\n", "strength of bind.X is 'must'"),
    "source": ("bind.X\tshall\tSays.\t\t\t\t\n", "requirement bind.X lacks a statement or a source"),
}


@pytest.mark.parametrize("fault", BAD_TABLES)
def test_a_bad_table_ends_the_build_in_one_line(tmp_path, fault):
    rows, words = BAD_TABLES[fault]
    table = tmp_path / "bad.tsv"
    table.write_text("id\tstrength\tstatement\tposix\trfc\tlinux\tundecided\n" + rows)
    process = subprocess.run(["awk", "-f", CASES.parent / "harness/catalogue.awk", CASES / "claims.tsv", table],
                             capture_output=True, text=True)
    assert process.returncode == 1
    assert process.stderr == f"{table}:{len(rows.splitlines()) + 1}: {words}\n"
