"""The command line: a thin front of this package."""

import argparse
import io
import json
import os
import signal
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path

from . import VERSION, SetupError
from .implementations import load
from .program import Program, Selection
from .results import Results

PYTEST_OPTIONS = ["-c", os.devnull, "--noconftest", "-s"]
# What the runs have no use for; each costs time for every item, or writes where nothing should be written.
PYTEST_WITHOUT = ("terminal", "cacheprovider", "faulthandler", "logging", "junitxml", "doctest", "unittest", "nose", "pastebin",
                  "stepwise", "warnings", "recwarn", "tmpdir", "threadexception", "unraisableexception", "setuponly", "setupplan",
                  "legacypath", "debugging", "python_path")


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise SetupError(f"{message} (see {self.prog} --help)")


def natural(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


natural.__name__ = "number"


def parser():
    top = Parser(prog="sockconform", description="Judges an implementation of the socket API.")
    top.add_argument("--version", action="version", version=f"sockconform {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    def command(name, function, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function)
        return sub

    def implementation(sub):
        sub.add_argument("--implementation", default="native", metavar="NAME",
                         help="a folder of fixtures/implementations, or the path of one (default: native)")

    def selection(sub):
        sub.add_argument("patterns", nargs="*", metavar="PATTERN", help="glob over run ids or requirement ids")
        sub.add_argument("--kind", action="append", default=[], metavar="K", help="only runs over this kind, as inet-stream")
        sub.add_argument("--document", action="append", default=[], metavar="D", help="only requirements of this document")
        sub.add_argument("--slow", default="yes", choices=("yes", "no", "only"), help="slow cases, too (yes), or not, or only")
        implementation(sub)

    sub = command("run", run, "run the cases, and report")
    selection(sub)
    sub.add_argument("-k", metavar="EXPR", help="only runs whose names match, as 'bind and not unix'")
    sub.add_argument("--repeat", type=natural, default=1, metavar="N", help="every run N times")
    sub.add_argument("--jobs", type=natural, default=len(os.sched_getaffinity(0)), metavar="N", help="programs at once (default: CPUs)")
    sub.add_argument("--output", metavar="DIR", help="where results go (default: reports/out, else ./sockconform-out)")
    sub.add_argument("--quiet", action="store_true", help="only what is not as expected, and the counts")
    sub.add_argument("--time-scale", default="", metavar="X", help="multiplies every limit of a run")

    sub = command("list", list_, "list requirements and their runs")
    selection(sub)
    sub.add_argument("--json", action="store_true", help="the program's own list")

    sub = command("show", show, "show a run, a case or a requirement, and how to reproduce it")
    sub.add_argument("id", metavar="ID")
    implementation(sub)

    sub = command("doctor", doctor, "say what this environment can and cannot decide, and how to get the rest")
    implementation(sub)

    sub = command("report", report, "make the reports again from a results.jsonl")
    sub.add_argument("results", metavar="RESULTS")
    sub.add_argument("--output", metavar="DIR", help="where to (default: beside RESULTS)")

    sub = command("compare", compare, "compare two results: fixed, broken, new, gone")
    sub.add_argument("old", metavar="A")
    sub.add_argument("new", metavar="B")
    return top


def complain(text):
    print(f"sockconform: {' '.join(str(text).split())}", file=sys.stderr)


class Stopped(KeyboardInterrupt):
    """A signal that asks to end; Python's own for Ctrl-C, and these for others."""


def stop(number, _):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # what was found is written first
    stopped.append(number)
    raise Stopped


stopped = []  # the signal that ended the invocation


def main(arguments=None):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    sys.stdout.reconfigure(errors="replace")
    sys.stderr.reconfigure(errors="replace")
    try:
        options = parser().parse_args(arguments)
        status = options.function(options)
        sys.stdout.flush()
        return status
    except SetupError as error:
        complain(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains when it flushes
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error)
    except ModuleNotFoundError as error:
        package = {"_pytest": "pytest"}.get(error.name.partition(".")[0], error.name.partition(".")[0])
        complain(f"the Python module {package} is missing; install it: apt-get install python3-{package}")
    except KeyboardInterrupt:
        complain("interrupted")
        return 128 + (stopped or [signal.SIGINT])[0]
    return 2


def run(options):
    from .plugin import Plugin
    from .record import output_folder, point_latest_at, write_reports
    from .terminal import Progress, summarise

    started = time.monotonic()
    selection = Selection(options.patterns, options.kind, options.document, options.slow, options.repeat, options.time_scale)
    progress = Progress(options.quiet)
    plugin = Plugin(load(options.implementation), selection, options.jobs,
                    lambda line: progress.line(line, plugin.batches.current))
    if not plugin.cases():
        raise SetupError("nothing to run: no run is selected")
    plugin.folder = folder = output_folder(options.output)
    try:
        problem = orchestrate(plugin, progress, options.k)
    finally:
        progress.stop()
        if not any(folder.iterdir()):
            folder.rmdir()
    record, problems = plugin.record, plugin.batches.problems if plugin.batches else []
    if not record or not record.header:
        if stopped:
            raise KeyboardInterrupt
        raise SetupError(problem or next(iter(problems), "the program reported nothing"))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    results = record.finish(complete=not (stopped or problem or problems))
    error = record.error
    try:
        write_reports(results, folder)
        point_latest_at(folder)
    except OSError as failure:
        error = error or failure
    summarise(results, plugin.implementation.title, None if error else folder, time.monotonic() - started, options.quiet)
    for text in [problem] * bool(problem) + problems:
        complain(text)
    if error:
        complain(f"cannot write the reports to {folder}: {error.strerror}")
    if stopped:
        complain("interrupted; what was found before is kept")
        return 128 + stopped[0]
    return 2 if error or problem or problems or results.missing else 1 if results.surprises else 0


class Reporter:
    """Stands in for pytest's terminal: the progress bar, and what went wrong inside pytest."""

    def __init__(self, progress, repeat):
        self.progress, self.repeat, self.problem = progress, repeat, ""

    def pytest_collection_finish(self, session):
        self.progress.start(len(session.items) * self.repeat)

    def pytest_internalerror(self, excrepr, excinfo):
        self.problem = self.problem or f"internal error: {excinfo.exconly()}"
        return True


def orchestrate(plugin, progress, expression):
    """Has pytest run the items, without any plugin of this machine or settings of its user; returns what went wrong."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    reporter = Reporter(progress, plugin.selection.repeat)
    words = PYTEST_OPTIONS + [word for name in PYTEST_WITHOUT for word in ("-p", f"no:{name}")]
    words += ["-k", expression] if expression else []
    said = io.StringIO()
    with redirect_stderr(said):
        status = pytest.main([*words, "--rootdir", str(Path(plugin.program.path).parent), plugin.program.path],
                             plugins=[plugin, reporter])
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        return f"no run matches -k {expression!r}"
    if status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or stopped:
        return reporter.problem
    return reporter.problem or said.getvalue().strip().removeprefix("ERROR: ").partition("\n")[0] or f"pytest ended with status {status}"


def list_(options):
    from .show import table

    cases = Program(load(options.implementation)).list(
        Selection(options.patterns, options.kind, options.document, options.slow))
    if options.json:
        print(json.dumps(cases, indent=1, ensure_ascii=False))
    else:
        table(cases)
    return 0


def show(options):
    from .show import show as show_

    return show_(Program(load(options.implementation)), options.id)


def doctor(options):
    from .doctor import examine

    return examine(options.implementation)


def report(options):
    from .record import write_reports

    results = Results.read(options.results)
    folder = Path(options.output or Path(options.results).parent)
    folder.mkdir(parents=True, exist_ok=True)
    write_reports(results, folder)
    print(f"{folder / 'report.html'}\n{folder / 'junit.xml'}")
    if results.missing:
        complain(f"{options.results} was cut off: {len(results.missing)} planned runs have no result:"
                 if results.cut_off else f"{options.results}: {len(results.missing)} planned runs have no result:")
        for name in results.missing:
            print(f"  {name}", file=sys.stderr)
    elif results.cut_off:
        complain(f"{options.results} was cut off: it has no summary line")
    return 2 if results.missing or results.cut_off else 0


def compare(options):
    from .show import compare as compare_

    return compare_(Results.read(options.old), Results.read(options.new))
