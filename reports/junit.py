"""junit.xml: the dialect that GitLab, Jenkins and the GitHub reporters read.

They tell test cases apart by the pair of classname and name, and drop the second of two equal pairs silently; they
refuse files of 30 MB and more; and they look for output inside testcase only.
"""

import re

from junitparser import Error, Failure, JUnitXml, Property, Properties, Skipped, TestCase, TestSuite
from sockconform.results import describe, outcome

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LONGEST_TEXT = 16_000  # of one message
MOST_BYTES = 20_000_000  # of all failures in full; later ones are short


def clean(text):
    """What XML can hold of a text, cut where it is longer than any reader shows."""
    text = NOT_XML.sub("?", text)
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "\n[cut; results.jsonl has all of it]"


def transcript(run):
    """The calls of both roles, a line each, in order."""
    calls = run.get("transcript") or []
    lines = []
    for number, call in enumerate(calls):
        if run.get("left_out") and number == len(calls) // 2:
            lines.append(f"({run['left_out']} calls left out)")
        result = "" if call.get("hand_over") else f" = {call.get('result') if call.get('result') is not None else '(never returned)'}"
        lines.append(f"{call['t']:10.6f} {call['role']:6} {call['call']}{result} {call.get('errno') or ''}".rstrip())
    return "\n".join(lines)


def message(run):
    """The long text of a failure: the requirement, its sources, what happened, and how to see it again."""
    sources = [f"{name}: {place}" for name, place in run["documents"].items()]
    return "\n".join([f"{run['requirement']} ({run.get('strength', 'shall')}): {run.get('statement', '')}", *sources, "",
                      describe(run), "", f"reproduce: build/conformance {run['run']}"])


def result_of(run):
    """The element that says what came out; none for a pass."""
    what = outcome(run)
    if what == "passed":
        return None
    if what == "surprise":
        kind = Error if run["verdict"] == "UNRESOLVED" else Failure
        result = kind(clean("\n".join(describe(run).splitlines()[:5])), run["verdict"])
        result.text = clean(message(run))
        return result
    if what == "departure":
        expected = run["expected"]
        source = f" [{expected['source']}]" if expected.get("source") else ""
        return Skipped(clean(f"expected {expected['verdict']}: {expected['reason']}{source}"), "xfail")
    if what == "not counted":
        return Skipped(clean(f"{run['verdict']}, not counted: the implementation does not claim "
                             f"{', '.join(run['documents'])}"), "not counted")
    return Skipped(clean(f"{run['verdict']}: {run['message']}"), run["verdict"])


def properties(pairs):
    element = Properties()
    for name, value in pairs:
        element.append(Property(name, clean(str(value))))
    return element


def write(results, path):
    """Writes the file."""
    header = results.header
    suites, areas, left = {}, {}, MOST_BYTES

    def add(area, case):
        if area not in suites:
            suites[area] = TestSuite(f"sockconform.{area}")
            suites[area].timestamp = header.get("started", "").rstrip("Z")
            suites[area].append(properties([("implementation", header.get("implementation", "")),
                                            *((name, str(value)) for name, value in header.get("environment", {}).items()
                                              if value not in (None, ""))]))
        suites[area].append(case)

    for run in results.runs:
        area = areas[run["case"]] = run["requirement"].partition(".")[0]
        again = f" [{run['repetition']}]" if header.get("repeat", 1) > 1 else ""
        case = TestCase(clean(run["case"] + again), clean(f"sockconform.{area}.{run['kind']}"), run.get("seconds") or 0)
        case._elem.set("file", clean(run["file"]))  # junitparser knows no such attributes; the readers do
        case._elem.set("line", str(run["line"]))
        case.append(properties([("requirement", run["requirement"]), ("documents", ", ".join(run["documents"]))]))
        result = result_of(run)
        if result is not None:
            case.append(result)
        if outcome(run) == "surprise":
            case.system_out = NOT_XML.sub("?", transcript(run))
            left -= len(case.tostring())
            if left < 0:
                result.text = case.system_out = "[left out, for the size of this file; results.jsonl has it]"
                result.message = result.message[:200]
        add(area, case)
    for run in results.missing:
        name, _, kind = run.partition("/")
        area = areas.get(name, "missing")
        case = TestCase(clean(name) + " [missing]" * (header.get("repeat", 1) > 1), clean(f"sockconform.{area}.{kind}"), 0)
        case.append(Error("no result: the program ended before it reported this run", "missing"))
        add(area, case)
    xml = JUnitXml("sockconform")
    for suite in suites.values():
        suite.update_statistics()
        xml.append(suite)
    xml.update_statistics()
    xml.write(str(path))
