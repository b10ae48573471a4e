"""Words on the screen: one place for width, colour and tables.

Nothing is ever cut and no line is longer than the terminal: long text is folded at spaces, with a hanging indent.
Colour follows the terminal, `NO_COLOR` and `FORCE_COLOR`; meaning never depends on it.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO, cast

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from windlass.cli.lines import short as short
from windlass.cli.stream import Heard, is_unicode, write_json

_WORD = re.compile(r"\S+")
_JOINTS = (re.compile(r"[/\\]+"), re.compile(r"[,;:&?=_-]+"))
_FIGURE = re.compile(r"(?<=\d) (?=(?:s|min|h|days|B|kB|MB|GB|KiB|MiB|GiB|%)(?![\w/]))")
_GLUE = "\ue000"
"""Stands for the space between a figure and its unit, which belong on one line; private use, one cell wide."""
_MEASURE = Console(file=io.StringIO(), width=80)


class Output:
    """A terminal, a pipe or a file that text goes to."""

    def __init__(self, stream: TextIO, width: int | None = None) -> None:
        # On its own, rich ends the process where a reader has gone, in the middle of whatever it does.
        self.rich = Console(file=cast(TextIO, Heard(stream)), highlight=False, width=width, emoji=False)
        self._unicode = is_unicode(stream)

    @property
    def width(self) -> int:
        return self.rich.width

    def plain(self, text: str) -> str:
        """Text that is to be shown as it is, markup characters included."""
        return escape(text) if self._unicode else escape(text.encode("ascii", "replace").decode())

    def say(self, text: str = "", *, indent: int = 0, first: int = 0) -> None:
        """One paragraph of markup, folded to the width; following lines are indented by `indent`, the first one by `first`."""
        for raw in text.split("\n"):
            for line in fold(Text.from_markup(raw, emoji=False), self.width, indent=indent, first=first):
                self.rich.print(line, soft_wrap=True)
            first = indent

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 0) -> None:
        """Columns of markup; a cell that does not fit is folded inside its column."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
        for header in headers:
            table.add_column(header, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.rich.print(Padding(table, (0, 0, 0, indent)) if indent else table)


def fold(text: Text, width: int, *, indent: int, first: int) -> list[Text]:
    """A styled line as lines of at most `width` cells, broken at spaces. A word that alone is longer (a path) is broken after
    a separator in it where there is one, and anywhere where there is none."""
    room = max(width - max(indent, first), 20)
    glued = text.copy()
    glued.plain = _FIGURE.sub(_GLUE, text.plain)
    lines = _broken(glued, room).wrap(_MEASURE, room, overflow="fold") or [text]
    for line in lines:
        line.plain = line.plain.replace(_GLUE, " ")
        line.rstrip()
    return [Text(" " * (indent if number else first)) + line for number, line in enumerate(lines)]


def _broken(text: Text, room: int) -> Text:
    """The text with line breaks in words that are longer than a line."""
    places = []
    for word in _WORD.finditer(text.plain):
        at, end = word.start(), word.end()
        while cell_len(text.plain[at:end]) > room:
            fits = at + room
            while cell_len(text.plain[at:fits]) > room:
                fits -= 1
            ends = (found.end() for joint in _JOINTS for found in [*joint.finditer(text.plain, at + 1, fits)][-1:])
            at = next(ends, fits)
            places.append(at)
    return Text("\n").join(text.divide(places)) if places else text


def output() -> Output:
    """Standard output: reports."""
    return Output(sys.stdout)


def errors() -> Output:
    """Standard error: progress, warnings, failures."""
    return Output(sys.stderr)


def print_json(document: Any) -> None:
    """The one document of a `--json` command."""
    write_json(document, indent=2)


def seconds(value: float) -> str:
    """A duration for people: "0.4 s", "12 s", "3 min 20 s"."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 100:
        return f"{value:.0f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def size(count: int) -> str:
    """Bytes for people, in powers of 1000: "312 B", "4.1 MB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
