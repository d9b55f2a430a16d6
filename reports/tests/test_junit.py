"""junit.xml, read back with the parser that others use, and as plain XML."""

import re
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml
from reports import junit
from sockconform.results import Results

CALL = {"role": "server", "thread": 0, "t": 0.5, "took": 0.1, "call": "recv(3, buf, 10, 0)", "result": "-1", "errno": "EAGAIN"}


def a_run(name="bind_x/inet-stream", verdict="FAIL", **rest):
    case, kind = name.split("/")
    return {"run": name, "case": case, "kind": kind, "repetition": 1, "requirement": "bind.EINVAL", "statement": "It fails",
            "strength": "shall", "documents": {"posix": "XSH bind() ERRORS", "linux": "bind(2)"}, "verdict": verdict, "expected": None,
            "message": "solo FAIL at cases/bind.c:9: bind()\nexpected -1\nactual   0" if verdict == "FAIL" else "", "roles": [],
            "transcript": [CALL], "left_out": 0, "seconds": 0.25, "observed": {}, "file": "cases/bind.c", "line": 7, "slow": False,
            "surprise": verdict in ("FAIL", "UNRESOLVED")} | rest


@pytest.fixture
def written(tmp_path):
    """Writes junit.xml; gives its root, and its test cases by their pair of names."""
    def write(*runs, planned=None, **header):
        header = {"implementation": "native", "started": "2026-11-23T12:00:00Z", "environment": {"system": "Linux", "user": "root"},
                  "planned": planned or [run["run"] for run in runs], "repeat": 1} | header
        junit.write(Results(header, list(runs), {"seconds": 1}), tmp_path / "junit.xml")
        root = ElementTree.parse(tmp_path / "junit.xml").getroot()
        cases = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
        assert len(set(cases)) == len(cases)
        return root, dict(zip(cases, root.iter("testcase")))

    return write


def test_a_failure_says_all(written):
    root, cases = written(a_run())
    case = cases["sockconform.bind.inet-stream", "bind_x"]
    assert (case.get("file"), case.get("line"), case.get("time")) == ("cases/bind.c", "7", "0.25")
    assert {one.get("name"): one.get("value") for one in case.iter("property")} == {"requirement": "bind.EINVAL", "documents": "posix, linux"}
    failure = case.find("failure")
    assert failure.get("message") == "solo FAIL at cases/bind.c:9: bind()\nexpected -1\nactual   0"
    assert failure.text == ("bind.EINVAL (shall): It fails\nposix: XSH bind() ERRORS\nlinux: bind(2)\n\n"
                            "solo FAIL at cases/bind.c:9: bind()\nexpected -1\nactual   0\n\nreproduce: build/conformance bind_x/inet-stream")
    assert case.find("system-out").text == "  0.500000 server recv(3, buf, 10, 0) = -1 EAGAIN"
    suite, = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("timestamp")) == (
        "sockconform.bind", "1", "1", "2026-11-23T12:00:00")


def test_every_outcome_has_its_element(written, tmp_path):
    known = {"verdict": "FAIL", "reason": "never did", "source": "a link"}
    root, cases = written(
        a_run("a/inet-stream", "PASS"), a_run("b/inet-stream", "UNRESOLVED", message="socket() failed"),
        a_run("c/inet-stream", "UNSUPPORTED", message="no such option"), a_run("d/inet-stream", "UNTESTED", message="no IPv6"),
        a_run("e/inet-stream", expected=known, surprise=False), a_run("f/inet-stream", "PASS", expected=known, surprise=True),
        a_run("g/inet-stream", surprise=False), planned=[f"{name}/inet-stream" for name in "abcdefgh"])
    found = {name: [(child.tag, child.get("type"), child.get("message")) for child in case if child.tag != "properties" and child.get("message")]
             for (_, name), case in cases.items()}
    assert found == {
        "a": [], "b": [("error", "UNRESOLVED", "UNRESOLVED: socket() failed")],
        "c": [("skipped", "UNSUPPORTED", "UNSUPPORTED: no such option")], "d": [("skipped", "UNTESTED", "UNTESTED: no IPv6")],
        "e": [("skipped", "xfail", "expected FAIL: never did [a link]")],
        "f": [("failure", "PASS", "passes, though FAIL is expected: never did")],
        "g": [("skipped", "not counted", "FAIL, not counted: the implementation does not claim posix, linux")],
        "h": [("error", "missing", "no result: the program ended before it reported this run")]}
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("8", "1", "2", "4")
    assert sum(suite.tests for suite in JUnitXml.fromfile(str(tmp_path / "junit.xml"))) == 8


def test_repetitions_keep_their_names_apart(written):
    _, cases = written(a_run(), a_run(repetition=2), planned=["bind_x/inet-stream", "other/inet-stream"], repeat=3)
    assert [name for _, name in cases] == ["bind_x [1]", "bind_x [2]", "bind_x [missing]", "other [missing]"]


def test_what_xml_cannot_hold_is_replaced(written):
    _, cases = written(a_run(message="\x00\x1b\ud800\ufffe <&> ü \U0001f600 ]]>", transcript=[CALL | {"call": 'send("\x01")'}]))
    case, = cases.values()
    assert case.find("failure").get("message") == "FAIL: ???? <&> ü \U0001f600 ]]>"
    assert 'send("?")' in case.find("system-out").text


def test_transcripts_show_what_never_returned_and_what_was_left_out():
    text = junit.transcript(a_run(left_out=70, transcript=[
        CALL | {"result": "3", "errno": None}, CALL | {"call": "ready()", "hand_over": True, "result": None, "errno": None},
        CALL | {"role": "client", "result": None, "errno": None, "took": None}]))
    assert [re.sub(" +", " ", line).strip() for line in text.splitlines()] == [
        "0.500000 server recv(3, buf, 10, 0) = 3", "(70 calls left out)", "0.500000 server ready()",
        "0.500000 client recv(3, buf, 10, 0) = (never returned)"]


def test_the_file_stays_below_thirty_megabytes(written, tmp_path):
    calls = [CALL | {"call": "send(3, \"" + "&" * 100 + "\")"}] * 64
    runs = [a_run(f"case{number}/inet-stream", message="FAIL " + "<" * 100_000, transcript=calls) for number in range(100)]
    written(*runs)
    assert "[cut; results.jsonl has all of it]" in (tmp_path / "junit.xml").read_text()
    runs = [a_run(f"case{number}/inet-stream", transcript=calls) for number in range(5000)]
    _, cases = written(*runs)
    assert (tmp_path / "junit.xml").stat().st_size < 30_000_000
    assert "left out, for the size" in list(cases.values())[-1].find("system-out").text
