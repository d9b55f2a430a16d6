"""What a person sees: progress while runs end, and the summary. Rich on a terminal, plain lines elsewhere."""

import sys
import time
from collections import Counter

from rich.console import Console
from rich.markup import escape

from .results import VERDICTS, describe, outcome

COLOURS = {"PASS": "green", "FAIL": "red", "UNRESOLVED": "yellow", "UNSUPPORTED": "cyan", "UNTESTED": "blue"}


def console():
    """Rich's console; colour and control codes only where stdout is a terminal."""
    return Console(highlight=False, soft_wrap=True, emoji=False)


def plain(text):
    """Keeps what a program under test wrote from driving the terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)


def indent(text):
    return "\n".join("    " + line for line in plain(text).splitlines())


def number(count, what):
    return f"{count} {what}{'s' * (count != 1)}"


class Progress:
    """Watches the lines come: a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, quiet=False):
        self.bar, self.quiet = None, quiet
        self.outcomes, self.total, self.last = Counter(), 0, time.monotonic()

    def start(self, total):
        self.total = total
        if self.quiet or not sys.stdout.isatty():
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn, TimeElapsedColumn

        self.bar = Bar(BarColumn(bar_width=30), MofNCompleteColumn(), TextColumn("{task.fields[bad]}"), TimeElapsedColumn(),
                       TextColumn("[dim]{task.fields[current]}"), console=console(), transient=True, refresh_per_second=8,
                       redirect_stdout=False, redirect_stderr=False)
        self.task = self.bar.add_task("", total=total, bad="", current="")
        self.bar.start()

    def line(self, run, current):
        self.outcomes[outcome(run)] += 1
        done = self.outcomes.total()
        if self.bar:
            surprises = self.outcomes["surprise"]
            bad = f"[bold red]{number(surprises, 'surprise')}" if surprises else "[green]as expected"
            self.bar.update(self.task, completed=done, bad=bad, current=current)
        elif not self.quiet and time.monotonic() - self.last > 10:
            self.last = time.monotonic()
            print(f"{done} of {self.total} runs", flush=True)

    def stop(self):
        if self.bar:
            self.bar.stop()


def describe_environment(header):
    environment = header["environment"]
    network = "own network" if environment.get("network") == "own" else "shared network"
    return " ".join(str(environment.get(key, "")) for key in ("system", "release", "machine")) + f", {network}"


def summarise(results, title, folder, seconds, quiet=False):
    """Prints the end of an invocation: each surprise in full, what is missing, the counts, where the report is."""
    out = console()
    surprises = {run["run"]: run for run in reversed(results.surprises)}
    times = Counter(run["run"] for run in results.surprises)
    for name in reversed(surprises):
        run = surprises[name]
        often = f" ({times[name]} of {results.header['repeat']} times)" if results.header.get("repeat", 1) > 1 else ""
        out.print(f"[bold red]SURPRISE[/] [bold]{escape(name)}[/]{often}  {escape(run['requirement'])}  {run['file']}:{run['line']}")
        if run.get("statement"):
            out.print(indent(run["statement"]), style="italic", markup=False)
        out.print(indent(describe(run)) + "\n", markup=False)
    if results.missing:
        out.print(f"[bold red]MISSING[/] {number(len(results.missing), 'planned run')} without a result:")
        for name in results.missing:
            out.print(f"    {escape(name)}")
    counts = ", ".join(f"[{COLOURS[verdict]}]{results.summary[verdict]}[/] {word}" if results.summary[verdict] else f"0 {word}"
                       for verdict, word in zip(VERDICTS, ("passed", "failed", "unresolved", "unsupported", "untested")))
    outcomes = Counter(outcome(run) for run in results.runs)
    departures, not_counted = outcomes["departure"], outcomes["not counted"]
    if not quiet:
        out.print(f"[bold]{escape(title)}[/] on {escape(describe_environment(results.header))}")
    out.print(f"{counts} in {seconds:.1f} s")
    verdict = "no surprise in these" if results.missing else "[bold green]as expected[/]"
    if surprises:
        verdict = f"[bold red]{number(len(surprises), 'surprise')}[/]"
    if results.missing:
        verdict += f", [bold red]{len(results.missing)} missing[/]"
    if departures:
        verdict += f", {number(departures, 'expected departure')}"
    if not_counted:
        verdict += f", {not_counted} not counted (documents it does not claim)"
    out.print(verdict + (f"; report: {escape(str(folder / 'report.html'))}" if folder else ""))
