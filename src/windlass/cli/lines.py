"""What a report says where nobody looks at a terminal: the same words as `output.Output`, without loading what draws them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TextIO

from windlass.cli.stream import is_unicode

if TYPE_CHECKING:
    from windlass.cli.output import Output

_WIDTH = 80
_STYLE = re.compile(r"(?<!\\)\[(?:/|/?[a-z]+)\]")
_SETTINGS = ("FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JUPYTER_COLUMNS")


def wanted(stream: TextIO) -> bool:
    """Whether a stream is a file or a pipe of the usual width, without colour."""
    return not stream.isatty() and not any(os.environ.get(name) for name in _SETTINGS)


class Lines:
    """Writes lines that fit as they are, and leaves the others to `Output`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._unicode = is_unicode(stream)
        self._full: Output | None = None

    def plain(self, text: str) -> str:
        """Text that is to be shown as it is, markup characters included."""
        shown = text if self._unicode else text.encode("ascii", "replace").decode()
        return shown if "[" not in shown and not shown.endswith("\\") else self._output().plain(text)

    def say(self, text: str = "", *, indent: int = 0, first: int = 0) -> None:
        """One paragraph of markup, as `Output.say` writes it."""
        bare = _STYLE.sub("", text)
        room = _WIDTH - max(indent, first)
        if (
            "[" in bare
            or "\n" in bare
            or "\t" in bare
            or not bare.isascii()
            or not bare.isprintable()
            or len(bare) > room
        ):
            self._output().say(text, indent=indent, first=first)
        else:
            self._stream.write(" " * first + bare.rstrip() + "\n")

    def _output(self) -> Output:
        if self._full is None:
            from windlass.cli.output import Output

            self._full = Output(self._stream)
        return self._full


def short(digest: str | None) -> str:
    """A digest as far as a person compares it: 12 digits."""
    return digest.partition(":")[2][:12] if digest else "-"
