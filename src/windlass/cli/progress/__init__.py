"""Sinks for the events of a run: a live view, plain lines, JSON lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from windlass.model.events import Emit, silent


@contextmanager
def sink(kind: str) -> Iterator[Emit]:
    """The sink for a `--progress` choice, on standard error, for the time of a `with` block."""
    if kind == "auto":
        live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
        kind = "terminal" if live else "plain"
    if kind == "quiet":
        yield silent
    elif kind == "json":
        from windlass.cli.progress.json_lines import JsonLines

        yield JsonLines(sys.stderr)
    elif kind == "plain":
        from windlass.cli.output import errors
        from windlass.cli.progress.plain import PlainLines

        yield PlainLines(errors())
    else:
        from windlass.cli.output import errors
        from windlass.cli.progress.live import LiveView

        with LiveView(errors()) as view:
            yield view
