"""Lets `pytest build/conformance` know the runs; pyproject.toml alone cannot, since it names the folder too late."""

pytest_plugins = ["sockconform.plugin"]
