"""What there is: the list, one run with its source and how to reproduce it, and two results compared."""

import re
import shlex
from pathlib import Path

from . import ROOT, SetupError
from .results import went_wrong
from .terminal import console, number


def table(cases):
    """The requirements and their runs: a table on a terminal, columns of text elsewhere."""
    rows = [(case["requirement"], case["case"] + (" (slow)" if case["slow"] else ""), " ".join(case["kinds"]),
             " ".join(case["documents"])) for case in sorted(cases, key=lambda case: case["requirement"])]
    runs = sum(len(case["kinds"]) for case in cases)
    last = f"{number(len({row[0] for row in rows}), 'requirement')}, {number(len(cases), 'case')}, {number(runs, 'run')}"
    out = console()
    if out.is_terminal:
        from rich import box
        from rich.table import Table

        view = Table("requirement", "case", "kinds", "documents", box=box.SIMPLE_HEAD)
        for row in rows:
            view.add_row(*row)
        out.print(view, soft_wrap=False)
    else:
        widths = [max((len(row[place]) for row in rows), default=0) for place in range(3)]
        for row in rows:
            print("  ".join([*(text.ljust(width) for text, width in zip(row, widths)), row[3]]))
    print(last)


def source(case):
    """The case's text: the comment above it, its declaration, and its functions; "" when the source is not there."""
    try:
        lines = (ROOT / case["file"]).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    first = end = case["line"] - 1
    own = re.compile(rf"\b(CASE|SERVER|CLIENT)\({re.escape(case['case'])}\b")
    heads = [number for number, line in enumerate(lines) if number >= first and own.search(line)]
    if heads:
        ends = [number for number in range(heads[-1], len(lines)) if lines[number].endswith("}")
                and (lines[number].startswith("}") or number == heads[-1])]
    else:  # a macro makes it
        ends = [number for number in range(first, len(lines)) if not lines[number].strip()]
    end = ends[0] if ends else len(lines) - 1
    while first > 0 and re.match(r"\s*(/\*|\*|//)", lines[first - 1]):
        first -= 1
    return "\n".join(lines[first:end + 1]).rstrip()


def show(program, name):
    """Prints the requirement, its sources, the case's text, and the commands that reproduce it."""
    cases = [case for case in program.list()
             if name in (case["case"], case["requirement"]) or name in [f"{case['case']}/{kind}" for kind in case["kinds"]]]
    if not cases:
        raise SetupError(f"no run, case or requirement is called {name!r}; sockconform list names them all")
    out = console()

    def head(text):
        out.print(text, style="bold", markup=False)

    for case in cases:
        kinds = [name.partition("/")[2]] if "/" in name else case["kinds"]
        run = f"{case['case']}/{kinds[0]}"
        head(f"{case['requirement']} ({case['strength']})")
        print(f"  {case['statement']}")
        for document, place in case["documents"].items():
            print(f"  {document + ':':7} {place}")
        head(f"\n{case['case']}" + (", slow" if case["slow"] else ""))
        print(f"  over {' '.join(kinds)}; {case['file']}:{case['line']}\n")
        text = source(case)
        if text and out.is_terminal:
            from rich.syntax import Syntax

            out.print(Syntax(text, "c", line_numbers=True, start_line=case["line"], background_color="default"))
        else:
            print("\n".join("  " + line for line in text.splitlines()) or f"  ({case['file']} is not here)")
        head("\nreproduce")
        path = Path(program.path)
        direct = shlex.join([str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path), run])
        settings = ["set detach-on-fork off", "set follow-fork-mode child", "set schedule-multiple on"]
        settings += [f"break {case['case']}_{role}" for role in (("solo",) if case["roles"] == 1 else ("server", "client"))]
        stops = " ".join(f"-ex {shlex.quote(setting)}" for setting in settings)
        print(f"  {direct}\n  gdb {stops} --args {direct} --time-scale 1000\n  strace -f -yy {direct}\n")
    return 0


def compare(old, new):
    """Prints what changed from old results to new; 1 when something broke."""
    def verdicts(results):
        found = {}
        for run in results.runs:  # of repetitions, one that went wrong stands for all
            if run["run"] not in found or went_wrong(run):
                found[run["run"]] = run
        return found

    before, after = verdicts(old), verdicts(new)
    groups = {"broken": [], "fixed": [], "changed": [], "observed": [], "new": [], "gone": []}
    for name in before | after:
        if name not in before:
            groups["new"].append((name, after[name]["verdict"]))
        elif name not in after:
            groups["gone"].append((name, before[name]["verdict"] + (", missing" if name in new.missing else "")))
        else:
            pair = before[name], after[name]
            bad = [went_wrong(run) for run in pair]
            if pair[0]["verdict"] != pair[1]["verdict"]:
                group = "broken" if bad == [False, True] else "fixed" if pair[1]["verdict"] == "PASS" and bad[0] else "changed"
                groups[group].append((name, f"{pair[0]['verdict']} -> {pair[1]['verdict']}"))
            values = [run.get("observed") or {} for run in pair]
            for key in dict.fromkeys([*values[0], *values[1]]):
                if values[0].get(key) != values[1].get(key):
                    groups["observed"].append((name, f"{key}: {values[0].get(key, '-')} -> {values[1].get(key, '-')}"))
    for group, rows in groups.items():
        for name, what in rows:
            print(f"{group:8} {name}  {what}")
    print(", ".join(f"{len(rows)} {group}" for group, rows in groups.items()))
    return 1 if groups["broken"] else 0
