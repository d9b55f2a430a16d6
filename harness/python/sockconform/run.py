"""`sockconform run`: pytest goes through the runs, and what they found is written and told."""

import io
import os
import time
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from . import SetupError, complain, stopping
from .implementations import load
from .plugin import Plugin, ProgramFile
from .program import Selection
from .record import output_folder, point_latest_at, write_reports, writers
from .terminal import Progress, summarise

PYTEST_OPTIONS = ["-c", os.devnull, "--noconftest", "-s"]
# What the runs have no use for; each costs time for every item, or writes where nothing should be written.
PYTEST_WITHOUT = ("terminal", "cacheprovider", "faulthandler", "logging", "junitxml", "doctest", "unittest", "nose", "pastebin",
                  "stepwise", "warnings", "recwarn", "tmpdir", "threadexception", "unraisableexception", "setuponly", "setupplan",
                  "legacypath", "debugging", "python_path")


def run(options):
    started = time.monotonic()
    writers()  # a package that is missing is told before the runs, not after
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
        if stopping.by:
            raise KeyboardInterrupt
        raise SetupError(problem or next(iter(problems), "the program reported nothing"))

    stopping.ignore()
    results = record.finish(complete=not (stopping.by or problem or problems))
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
    if stopping.by:
        complain("interrupted; what was found before is kept")
        return 128 + stopping.by[0]
    return 2 if error or problem or problems or results.missing else 1 if results.surprises else 0


class Reporter:
    """Stands in for pytest's search for files, which takes the [ in a path for a test's parameters, and for its
    terminal: the progress bar, and what went wrong inside pytest."""

    def __init__(self, plugin, progress):
        self.plugin, self.progress, self.problem = plugin, progress, ""

    def pytest_collection(self, session):
        session.items = list(ProgramFile.from_parent(session, path=Path(self.plugin.program.path), plugin=self.plugin).collect())
        session.config.hook.pytest_collection_modifyitems(session=session, config=session.config, items=session.items)
        session.testscollected = len(session.items)
        self.plugin.items = session.items
        self.progress.start(len(session.items) * self.plugin.selection.repeat)
        return True

    def pytest_internalerror(self, excrepr, excinfo):
        self.problem = self.problem or f"internal error: {excinfo.exconly()}"
        return True


def orchestrate(plugin, progress, expression):
    """Has pytest run the items, without any plugin of this machine or settings of its user; returns what went wrong."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    reporter = Reporter(plugin, progress)
    words = PYTEST_OPTIONS + [word for name in PYTEST_WITHOUT for word in ("-p", f"no:{name}")]
    said = io.StringIO()
    with redirect_stderr(said):
        status = pytest.main(words + (["-k", expression] if expression else []), plugins=[plugin, reporter])
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        return f"no run matches -k {expression!r}"
    if status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or stopping.by:
        return reporter.problem
    return reporter.problem or said.getvalue().strip().removeprefix("ERROR: ").partition("\n")[0] or f"pytest ended with status {status}"
