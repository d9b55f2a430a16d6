"""Known departures of an implementation: `GLOB VERDICT reason in words [source or link]`, one a line."""

import re
from fnmatch import fnmatchcase

from . import SetupError
from .results import VERDICTS

LINE = re.compile(r"(\S+)\s+(\S+)\s+(.*?)\s*(?:\[([^][]*)\])?$")


class Expectations:
    def __init__(self, file=None, lines=()):
        self.file = file
        self.lines = list(lines)  # (line number, glob, {"verdict", "reason", "source"})

    @classmethod
    def read(cls, file):
        """Reads the file; an implementation without one departs nowhere."""
        lines = []
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(file)
        except UnicodeDecodeError:
            raise SetupError(f"{file}: not UTF-8") from None
        for number, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            match = LINE.match(line)
            if not match or not match[3]:
                raise SetupError(f"{file}:{number}: not of the form GLOB VERDICT reason [source]")
            glob, verdict, reason, source = match.groups()
            if verdict not in VERDICTS or verdict == "PASS":
                raise SetupError(f"{file}:{number}: {verdict!r} is no verdict of a departure")
            lines.append((number, glob, {"verdict": verdict, "reason": reason, "source": source or ""}))
        return cls(file, lines)

    def of(self, run, requirement):
        """What is expected of a run, by the first line that matches it; None: that it passes."""
        for _, glob, expected in self.lines:
            if fnmatchcase(run, glob) or fnmatchcase(requirement, glob):
                return expected
        return None

    def check(self, cases):
        """A line that matches no run there is was mistyped or is stale: a set-up error."""
        names = {case["requirement"] for case in cases}
        names.update(f"{case['case']}/{kind}" for case in cases for kind in case["kinds"])
        for number, glob, _ in self.lines:
            if glob not in names and not any(fnmatchcase(name, glob) for name in names):
                raise SetupError(f"{self.file}:{number}: {glob!r} matches no run and no requirement")
