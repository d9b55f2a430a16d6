"""sockconform: starts build/conformance, gathers what it found, and tells. It never judges."""

import os
import sys
from pathlib import Path

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parents[3]  # the source tree, or an installed copy with the same layout


class SetupError(Exception):
    """What keeps an invocation from working: one clear line, status 2."""


def complain(text):
    """Says what is wrong in one line. Where that cannot be said either, the status alone must do."""
    try:
        print(f"sockconform: {' '.join(str(text).split())}", file=sys.stderr, flush=True)
    except OSError:
        close(2)


def close(fd):
    """Sends to nowhere what Python would flush to it at the end, and complain about again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
