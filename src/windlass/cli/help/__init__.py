"""Help texts, rendered beforehand: `windlass COMMAND --help` answers at once, without building a parser.

`python -m windlass.cli.help` writes them anew from the parsers; a test asserts that they are current.
"""

from __future__ import annotations

import os  # not pathlib, whose import would cost what this saves


def rendered(name: str) -> str | None:
    """The help of a command, 80 columns wide, or None when it was not rendered."""
    try:
        with open(os.path.join(os.path.dirname(__file__), f"{name}.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH120, PTH123
            return file.read()
    except OSError:
        return None
