"""Starting build/conformance: asking it what it has, and running it in batches whose lines are read as they come."""

import json
import os
import selectors
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field

from . import ROOT, SetupError
from .results import went_wrong


def location():
    """Where the program is: in the tree, or where SOCKCONFORM_PROGRAM says."""
    return os.path.abspath(os.environ.get("SOCKCONFORM_PROGRAM") or ROOT / "build" / "conformance")


def existing():
    """The same, once it is built."""
    file = location()
    if not os.access(file, os.X_OK) or os.path.isdir(file):
        raise SetupError(f"{file} is not there; build it first: make -C {ROOT}")
    return file


@dataclass
class Selection:
    """Which runs, and how; the options of the same names."""

    patterns: list = field(default_factory=list)
    kinds: list = field(default_factory=list)
    documents: list = field(default_factory=list)
    slow: str = "yes"
    repeat: int = 1
    time_scale: str = ""

    def arguments(self):
        pairs = [("--kind", kind) for kind in self.kinds] + [("--document", name) for name in self.documents]
        return [word for pair in pairs for word in pair] + ["--slow", self.slow, *self.patterns]

    def how(self):
        arguments = ["--repeat", str(self.repeat)] if self.repeat != 1 else []
        return arguments + (["--time-scale", self.time_scale] if self.time_scale else [])


class Program:
    """The program, started the implementation's way."""

    def __init__(self, implementation):
        self.implementation = implementation
        self.path = existing()
        self.command = [word.replace("{program}", self.path) for word in implementation.command]

    def ask(self, *arguments):
        """Runs it for one JSON answer; its own words when it refuses."""
        try:
            done = subprocess.run([*self.command, *arguments], stdin=subprocess.DEVNULL, capture_output=True)
        except OSError as error:
            raise SetupError(f"cannot start {self.command[0]}: {error.strerror}") from None
        try:
            if done.returncode == 0:
                return json.loads(done.stdout)
        except ValueError:
            raise SetupError(f"{self.path} {arguments[0]}: the answer is not JSON") from None
        raise SetupError(refusal(done.stderr) or f"{self.path} {arguments[0]}: {ending(done.returncode)}")

    def list(self, selection=None):
        """The cases selected (all: None), narrowed to the kinds that the implementation has."""
        cases = self.ask("--list", *(selection.arguments() if selection else ()))
        for case in cases:
            case["kinds"] = [kind for kind in case["kinds"] if self.implementation.has(kind)]
        return [case for case in cases if case["kinds"]]

    def environment(self):
        return self.ask("--environment")


def refusal(stderr):
    """The first line that the program complained with, without its name."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("conformance: ") if lines else ""


def ending(status):
    if status < 0:
        return f"was killed by signal {-status} ({signal.Signals(-status).name})"
    return f"ended with status {status}"


class Batch:
    """One process of the program, with the runs it was given."""

    def __init__(self, program, runs, how):
        self.pending = dict.fromkeys(runs)  # an ordered set; the first is about what runs now
        self.went_wrong = self.finished = False
        self.rest = b""
        self.stderr = tempfile.TemporaryFile()
        self.fd, end = os.pipe()
        report = f"/dev/fd/{end}"
        self.folder = None
        if not os.path.exists(report):  # no /proc: a named pipe, which this side holds open to write, too
            os.close(self.fd)
            os.close(end)
            self.folder = tempfile.TemporaryDirectory(prefix="sockconform-")
            report = os.path.join(self.folder.name, "report")
            os.mkfifo(report)
            self.fd = end = os.open(report, os.O_RDWR)
        os.set_blocking(self.fd, False)
        try:
            # A session of its own: a Ctrl-C in the terminal reaches this side only, which then ends it in order.
            self.process = subprocess.Popen(
                [*program.command, "--report", report, *how, *runs], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=self.stderr, pass_fds=(end,), start_new_session=True)
        except OSError as error:
            raise SetupError(f"cannot start {program.command[0]}: {error.strerror}") from None
        finally:
            if end != self.fd:
                os.close(end)

    def read(self):
        """The whole lines that came; None at the end."""
        try:
            data = os.read(self.fd, 1 << 20)
        except BlockingIOError:
            return []
        if not data:
            return None
        *lines, self.rest = (self.rest + data).split(b"\n")
        return lines

    def kill(self):
        """Ends it: politely, so that it ends its roles, then by force."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(2)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass

    def close(self):
        os.close(self.fd)
        self.stderr.close()
        if self.folder:
            self.folder.cleanup()


class Batches:
    """All batches of an invocation. on_header and on_line get the parsed lines, in the order of coming."""

    def __init__(self, program, shards, how, repeat, on_header, on_line):
        self.selector = selectors.DefaultSelector()
        self.live = []
        self.repeat, self.on_header, self.on_line = repeat, on_header, on_line
        self.lines = {}  # run id -> its lines so far
        self.problems = []  # what the program did against the rules: a line of text each
        for runs in shards:
            try:
                self.live.append(Batch(program, runs, how))
            except BaseException:
                self.kill()
                raise
            self.selector.register(self.live[-1].fd, selectors.EVENT_READ, self.live[-1])

    @property
    def current(self):
        return next((run for batch in self.live for run in batch.pending), "")

    def of(self, run):
        """All the lines of a run; fewer when the program ended without them."""
        while self.live and len(self.lines.get(run, ())) < self.repeat:
            self.pump()
        return self.lines.get(run, [])

    def pump(self):
        """Takes in what came within a moment."""
        ready = self.selector.select(0.1)
        for key, _ in ready:
            lines = key.data.read()
            if lines is None:
                self._ended(key.data)
            else:
                for line in lines:
                    self._line(key.data, line)
        if not ready:  # a stray process can hold the pipe open after its program ended
            for batch in [batch for batch in self.live if batch.process.poll() is not None]:
                self._ended(batch)

    def _line(self, batch, line):
        try:
            item = json.loads(line)
            if "schema" in item:
                self.on_header(item)
            elif "summary" in item:
                batch.finished = True
            elif item["run"] not in batch.pending:
                self.problems.append(f"the program reported {item['run']}, which it was not asked for")
            else:
                for field_ in ("case", "kind", "requirement", "documents", "verdict"):
                    item[field_]
                lines = self.lines.setdefault(item["run"], [])
                lines.append(item)
                batch.went_wrong |= went_wrong(item)
                if len(lines) == self.repeat:
                    del batch.pending[item["run"]]
                self.on_line(item)
        except (ValueError, KeyError, TypeError):
            text = line[:60].decode("utf-8", "replace")
            self.problems.append(f"the program wrote a line that is no result: {text!r}")

    def _ended(self, batch):
        self.live.remove(batch)
        self.selector.unregister(batch.fd)
        status = batch.process.wait()
        batch.stderr.seek(0)
        said = refusal(batch.stderr.read())
        where = f" at {next(iter(batch.pending))}" if batch.pending else ", against its results" if batch.finished else ""
        if status == 2 and said:
            problem = said
        elif batch.pending or not batch.finished or status != int(batch.went_wrong):
            problem = f"the program {ending(status)}{where}" + (f": {said}" if said else "")
        else:
            problem = None
        if problem and problem not in self.problems:
            self.problems.append(problem)
        batch.close()

    def finish(self):
        """Waits for the end of programs that reported all; ends others."""
        while any(not batch.pending for batch in self.live):
            self.pump()
        self.kill()

    def kill(self):
        """Ends what still runs, and keeps what it reported."""
        for batch in self.live:
            batch.kill()
            for line in batch.read() or ():
                self._line(batch, line)
            batch.close()
        self.live = []
