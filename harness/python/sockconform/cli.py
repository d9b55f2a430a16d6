"""The command line: a thin front of this package."""

import argparse
import json
import os
import sys
from pathlib import Path

from . import VERSION, SetupError, close, complain, stopping
from .implementations import load
from .program import Program, Selection
from .results import Results

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


def main(arguments=None):
    stopping.listen()
    for name in ("stdout", "stderr"):
        if not getattr(sys, name):  # closed
            setattr(sys, name, open(os.devnull, "w"))
        getattr(sys, name).reconfigure(errors="replace")
    try:
        options = parser().parse_args(arguments)
        status = options.function(options)
        sys.stdout.flush()
        return status
    except SetupError as error:
        complain(error)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error)
        close(1)
    except ModuleNotFoundError as error:
        package = {"_pytest": "pytest"}.get(error.name.partition(".")[0], error.name.partition(".")[0])
        complain(f"the Python module {package} is missing; install it: apt-get install python3-{package}")
    except KeyboardInterrupt:
        complain("interrupted")
        return 128 + stopping.by[0]
    return 2


def run(options):
    from .run import run as run_

    return run_(options)


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
