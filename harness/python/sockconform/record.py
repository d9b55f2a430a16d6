"""The results of an invocation: written as they come, and put in order at the end."""

import json
import os
import time
from pathlib import Path

from . import ROOT, VERSION, SetupError
from .results import Results


def output_folder(output):
    """Makes this invocation's own folder, and returns it. Two invocations never share one."""
    if output:
        bases = [Path(output)]
    else:
        bases = [ROOT / "reports" / "out", Path("sockconform-out")]
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
    for base in bases:
        try:
            base.mkdir(parents=True, exist_ok=True)
            for number in range(1, 1000):
                folder = base / (stamp if number == 1 else f"{stamp}.{number}")
                try:
                    folder.mkdir()
                    return folder
                except FileExistsError:
                    pass
        except OSError as error:
            reason = error.strerror
    raise SetupError(f"cannot write results to {base}: {reason}")


def replace(path, write):
    """Has write(temporary path) make a file, and renames it to `path`, so that no reader sees half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def point_latest_at(folder):
    """Moves the symlink `latest`, atomically."""
    replace(folder.parent / "latest", lambda temporary: temporary.symlink_to(folder.name))


class Record:
    """Merges what the batches report into one results.jsonl: one header, the runs, one summary."""

    def __init__(self, implementation, planned, repeat, path=None):
        self.implementation, self.planned, self.repeat, self.path = implementation, planned, repeat, path
        self.header = None
        self.runs = []
        self.started = time.monotonic()
        self.file = None
        self.error = None  # the first OSError: the runs go on, since what they find can still be told

    def _write(self, item):
        try:
            if self.path and not self.error:
                self.file = self.file or open(self.path, "w", encoding="utf-8", errors="backslashreplace")
                self.file.write(json.dumps(item, ensure_ascii=False) + "\n")
                self.file.flush()
        except OSError as error:
            self.error = error
            self.close()

    def add_header(self, header):
        """Keeps the first batch's header, with the plan of all."""
        if not self.header:
            self.header = header | {"implementation": self.implementation.name, "version": VERSION,
                                    "planned": self.planned, "repeat": self.repeat}
            self._write(self.header)

    def add(self, run):
        self.runs.append(self.implementation.mark(run))
        self._write(run)

    def close(self):
        try:
            if self.file:
                self.file.close()
        except OSError as error:
            self.error = self.error or error
        self.file = None

    def finish(self, complete):
        """Rewrites the file in the order of `planned`; the summary line says that it is complete."""
        self.close()
        order = {run: place for place, run in enumerate(self.planned)}
        self.runs.sort(key=lambda run: (order[run["run"]], run["repetition"]))
        last = {"summary": {}, "runs": len(self.runs), "seconds": round(time.monotonic() - self.started, 3)}
        results = Results(self.header, self.runs, last if complete else None)
        last["summary"] = results.summary
        items = [self.header, *self.runs] + [last] * complete

        def write(path):
            with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in items)

        if self.path and not self.error:
            try:
                replace(self.path, write)
            except OSError as error:
                self.error = error
        return results


def writers():
    from reports import html, junit

    return ("junit.xml", junit.write), ("report.html", html.write)


def write_reports(results, folder):
    """Writes junit.xml and report.html beside the results."""
    for name, write in writers():
        replace(folder / name, lambda path, write=write: write(results, path))
