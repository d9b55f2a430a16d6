"""The pytest plugin: runs are items, the program runs in batches, pytest only orchestrates.

    pytest -p sockconform.plugin build/conformance -k "bind and inet"

collects `build/conformance::CASE/KIND`. The first item that needs its result starts the program for all of them.
"""

import os

import pytest

from . import SetupError
from .implementations import load
from .program import Batches, Program, Selection, location
from .record import Record
from .results import describe, outcome


def pytest_addoption(parser):
    group = parser.getgroup("sockconform", "conformance of the socket API")
    group.addoption("--implementation", default="native", metavar="NAME", help="what is judged (default: native)")
    group.addoption("--kind", action="append", default=[], help="only runs over this kind")
    group.addoption("--document", action="append", default=[], help="only requirements of this document")
    group.addoption("--slow", default="yes", choices=("yes", "no", "only"), help="slow cases (default: yes)")
    group.addoption("--repeat", type=int, default=1, metavar="N", help="every run N times")
    group.addoption("--time-scale", default="", metavar="X", help="multiplies every limit of a run")
    group.addoption("--jobs", type=int, default=0, metavar="N", help="programs at once (default: number of CPUs)")


def pytest_collect_file(file_path, parent):
    """Knows build/conformance; `sockconform run` has registered a Plugin of its own instead."""
    config, option = parent.config, parent.config.option
    if str(file_path) == location() and not config.pluginmanager.has_plugin("sockconform"):
        selection = Selection([], option.kind, option.document, option.slow, option.repeat, option.time_scale)
        try:
            plugin = Plugin(load(option.implementation), selection, option.jobs)
        except SetupError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(plugin, "sockconform")
        return plugin.pytest_collect_file(file_path, parent)
    return None


class RunFailed(Exception):
    """Carries the run's message; never shown as a traceback."""


class ProgramFile(pytest.File):
    """build/conformance."""

    def __init__(self, plugin, **rest):
        super().__init__(**rest)
        self.plugin = plugin

    def collect(self):
        try:
            cases = self.plugin.cases()
        except SetupError as error:
            raise self.CollectError(str(error)) from None
        def names(case):
            return [case["case"], case["requirement"], *case["documents"]] + ["slow"] * case["slow"]

        marks = dict.fromkeys(name for case in cases for name in names(case) + case["kinds"])
        for name in marks:  # all of them first: pytest reads the whole list again when it misses one
            self.config.addinivalue_line("markers", f"{name}: of sockconform")
        marks = {name: getattr(pytest.mark, name).mark for name in marks}
        runs = [(case, kind) for case in cases for kind in case["kinds"]]
        for place, (case, kind) in sorted(enumerate(runs), key=lambda run: run[1][0]["slow"]):
            item = RunItem.from_parent(self, name=f"{case['case']}/{kind}", case=case, place=place)
            item.own_markers += [marks[name] for name in names(case) + [kind]]
            yield item


class RunItem(pytest.Item):
    """A run; `place` is its place in the program's order, in which slow runs are not yet last."""

    def __init__(self, case, place, **rest):
        super().__init__(**rest)
        self.case, self.place = case, place

    def runtest(self):
        lines = self.parent.plugin.lines(self)
        if not lines:
            raise RunFailed("missing: the program ended before it reported this run")
        by_outcome = {outcome(line): line for line in reversed(lines)}
        if "surprise" in by_outcome:
            raise RunFailed(describe(by_outcome["surprise"]))
        if "departure" in by_outcome:
            pytest.xfail(by_outcome["departure"]["expected"]["reason"])
        if "not counted" in by_outcome:
            pytest.xfail("not counted: " + ", ".join(self.case["documents"]))
        if "skipped" in by_outcome:
            pytest.skip(f"{lines[0]['verdict']}: {lines[0]['message']}")

    def repr_failure(self, excinfo):
        return str(excinfo.value) if isinstance(excinfo.value, RunFailed) else super().repr_failure(excinfo)

    def reportinfo(self):
        return self.case["file"], self.case["line"] - 1, self.name


class Plugin:
    """What one invocation works with. `watch` is called with every line that comes."""

    def __init__(self, implementation, selection, jobs=0, watch=None):
        self.implementation, self.selection, self.watch = implementation, selection, watch
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.program = Program(implementation)
        self.batches = self.record = self._cases = None
        self.items = []
        self.folder = None

    def cases(self):
        if self._cases is None:
            if self.implementation.expectations.lines:
                self.implementation.expectations.check(self.program.list())
            self._cases = self.program.list(self.selection)
        return self._cases

    def pytest_collect_file(self, file_path, parent):
        if str(file_path) == self.program.path:
            return ProgramFile.from_parent(parent, path=file_path, plugin=self)

    def pytest_collection_finish(self, session):
        self.items = [item for item in session.items if isinstance(item, RunItem)]

    def start(self, items):
        """Shares the items out among the jobs, and starts them."""
        planned = [item.name for item in sorted(items, key=lambda item: item.place)]
        self.record = Record(self.implementation, planned, self.selection.repeat,
                             self.folder and self.folder / "results.jsonl")
        names = [item.name for item in items]
        shards = [names[job::self.jobs] for job in range(min(self.jobs, len(names)))]
        self.batches = Batches(self.program, shards, self.selection.how(), self.selection.repeat,
                               self.record.add_header, self._line)

    def _line(self, run):
        self.record.add(run)
        if self.watch:
            self.watch(run)

    def lines(self, item):
        """The lines of an item. A pytest-xdist worker knows no other item that will surely be its own."""
        if hasattr(item.config, "workerinput"):
            self.start([item])
        elif not self.batches:
            self.start(self.items)
        return self.batches.of(item.name)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        if isinstance(item, RunItem) and report.skipped and isinstance(report.longrepr, tuple):
            report.longrepr = (item.case["file"], item.case["line"], report.longrepr[2])

    def pytest_sessionfinish(self, exitstatus):
        if self.batches and exitstatus == pytest.ExitCode.INTERRUPTED:
            self.batches.kill()
        elif self.batches:
            self.batches.finish()
