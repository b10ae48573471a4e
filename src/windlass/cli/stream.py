"""Standard output and standard error as they are: a reader may have gone, and not every terminal speaks UTF-8.

A reader that has gone (`| head`) ends nothing: a deployment goes on, and its exit code tells how it went.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO


def is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def write_json(document: Any, *, indent: int | None = None) -> None:
    """One JSON document on standard output, in ASCII where it cannot be more."""
    try:
        sys.stdout.write(json.dumps(document, indent=indent, ensure_ascii=not is_unicode(sys.stdout)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        abandon(sys.stdout)


def flush() -> None:
    """Write what is still held back, so that Python does not stumble over it on its way out."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            abandon(stream)


def abandon(stream: TextIO) -> None:
    """Nobody reads this any more: what is still written to it goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
