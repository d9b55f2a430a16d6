"""Implementations under test: folders of data, `implementation.toml` and `expectations.txt`."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from . import ROOT, SetupError
from .expectations import Expectations

# Where implementations are looked for by name: here, or where the user keeps some of their own.
FOLDER = Path(os.environ.get("SOCKCONFORM_IMPLEMENTATIONS") or ROOT / "fixtures" / "implementations")


@dataclass
class Implementation:
    """A conformance statement (what it says it implements) and its known departures."""

    name: str
    title: str
    documents: list
    command: list = field(default_factory=lambda: ["{program}"])  # how the program is started
    domains: list = field(default_factory=list)  # none named: all
    types: list = field(default_factory=list)
    expectations: Expectations = field(default_factory=Expectations)

    def has(self, kind):
        domain, _, type_ = kind.partition("-")
        return (not self.domains or domain in self.domains) and (not self.types or type_ in self.types)

    def counts(self, documents):
        """Is it judged by these? What no document states is the suite's own claim, and counts."""
        return not documents or not set(documents).isdisjoint(self.documents)

    def mark(self, run):
        """Adds to a run line what was expected of it, and whether it is a surprise."""
        expected = self.expectations.of(run["run"], run["requirement"])
        run["expected"] = expected
        wanted = ("UNSUPPORTED", "UNTESTED", expected["verdict"] if expected else "PASS")
        run["surprise"] = run["verdict"] not in wanted and self.counts(run["documents"])
        return run


def load(name):
    """Reads the implementation of that name, or the one in that folder when the name has a slash."""
    folder = Path(name) if "/" in name else FOLDER / name
    file = folder / "implementation.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        known = ", ".join(sorted(path.parent.name for path in FOLDER.glob("*/implementation.toml")))
        raise SetupError(f"unknown implementation {name!r}; there are: {known or 'none'}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{file}: {error}") from None
    unknown = set(table) - set(Implementation.__dataclass_fields__) | {"expectations"} & set(table)
    if unknown:
        raise SetupError(f"{file}: unknown entry {sorted(unknown)[0]!r}")
    for entry in ("name", "title", "documents"):
        if entry not in table:
            raise SetupError(f"{file}: no entry {entry!r}")
    for entry, value in table.items():
        wanted = str if entry in ("name", "title") else list
        if not isinstance(value, wanted) or wanted is list and not all(isinstance(item, str) for item in value):
            raise SetupError(f"{file}: {entry} must be a {'text' if wanted is str else 'list of texts'}")
    return Implementation(**table, expectations=Expectations.read(folder / "expectations.txt"))
