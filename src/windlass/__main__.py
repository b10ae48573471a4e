"""`python -m windlass`."""

from windlass.cli.main import entry

entry()
