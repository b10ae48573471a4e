"""Standard output and standard error as they are: a reader may have gone, and not every terminal speaks UTF-8.

A reader that has gone (`| head`) ends nothing: a deployment goes on, and its exit code tells how it went. Nor is a terminal
that was closed a failure of what runs: its signal says that there is to be an end.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_GONE = (errno.EPIPE, errno.EIO)
"""What writing to a pipe that nobody reads, and to a terminal that was closed, ends with."""


def is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def write_json(document: Any, *, indent: int | None = None) -> None:
    """One JSON document on standard output, in ASCII where it cannot be more."""
    with unheard(sys.stdout):
        sys.stdout.write(json.dumps(document, indent=indent, ensure_ascii=not is_unicode(sys.stdout)) + "\n")
        sys.stdout.flush()


def flush() -> None:
    """Write what is still held back, so that Python does not stumble over it on its way out."""
    for stream in (sys.stdout, sys.stderr):
        with unheard(stream):
            stream.flush()


@contextmanager
def unheard(stream: TextIO) -> Iterator[None]:
    """What the block writes to a stream goes nowhere, and so does all that comes after it, where nobody hears it any more."""
    try:
        yield
    except OSError as error:
        if error.errno not in _GONE:
            raise
        abandon(stream)


class Heard:
    """A stream that never fails because nobody hears it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with unheard(self._stream):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with unheard(self._stream):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def abandon(stream: TextIO) -> None:
    """Nobody reads this any more: what is still written to it goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
