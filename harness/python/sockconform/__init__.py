"""sockconform: starts build/conformance, gathers what it found, and tells. It never judges."""

from pathlib import Path

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parents[3]  # the source tree, or an installed copy with the same layout


class SetupError(Exception):
    """What keeps an invocation from working: one clear line, status 2."""
