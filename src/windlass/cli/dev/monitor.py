"""`windlass dev monitor`: a live view that fits the terminal."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.table import Table

    from windlass.dev.monitor import Seen
    from windlass.dev.workbench import Workbench

EXAMPLE = "windlass dev monitor"

_STYLE = {"healthy": "green", "running": "green", "completed": "dim", "starting": "yellow"}
_WIDE = 110
"""Columns from which on image names are shown whole."""
_HEADERS = ("service", "state", "health", "cpu", "memory", "restarts", "image", "age")
_AROUND = 4
"""Lines of a screen that are no rows: title, header, caption, and one left empty."""
_FIGURES, _IMAGE = (3, 4, 5, 7), 6


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="show it once and end; as without a terminal")
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="between two looks (default 1)")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    import sys
    from datetime import UTC, datetime

    from windlass.cli.dev.bench import open_bench
    from windlass.cli.output import output, print_json
    from windlass.dev.monitor import Monitor

    bench = open_bench(arguments)
    out = output()
    if arguments.json or arguments.once or not sys.stdout.isatty():
        with Monitor(bench, follow=False) as monitor:
            seen = monitor.look()
        now = datetime.now(UTC)
        if arguments.json:
            print_json({"project": bench.compose_project, "services": [_row(one, now) for one in seen]})
        else:
            out.rich.print(view(titled(bench), seen, out.width, now))
        return 0
    _live(bench, arguments.every)
    return 0


def _live(bench: Workbench, every: float) -> None:
    from datetime import UTC, datetime

    from rich.live import Live

    from windlass.cli.output import output
    from windlass.dev.monitor import Monitor
    from windlass.waiting import SystemClock

    out, clock = output(), SystemClock()

    def draw(monitor: Monitor) -> Table:
        return view(titled(bench), monitor.look(), out.width, datetime.now(UTC), height=out.rich.height)

    with (
        Monitor(bench, follow=True) as monitor,
        Live(draw(monitor), console=out.rich, screen=True, auto_refresh=False) as shown,
    ):
        try:
            while True:
                clock.pause(max(every, 0.2))
                shown.update(draw(monitor), refresh=True)
        except KeyboardInterrupt:
            return


def view(project: str, seen: Sequence[Seen], width: int, now: datetime, *, height: int | None = None) -> Table:
    """The table, made so that nothing wraps or is cut at `width` columns from 80 on: a long name is shortened in its middle.

    Args:
        height: the lines of a live view's screen; None shows everything.
    """
    from rich.table import Table

    from windlass.cli.dev.status import image
    from windlass.model.times import since

    shown = seen if height is None else fitting(seen, height - _AROUND)
    more = f"{len(seen) - len(shown)} more do not fit on the screen; " if len(shown) < len(seen) else ""
    rows = [
        (
            one.state.service,
            one.status or one.state.health,
            one.health or "-",
            cpu(one.usage.cpu) if one.usage else "-",
            memory(one.usage.memory) if one.usage else "-",
            str(one.state.restarts),
            whole(one.state.image) if width >= _WIDE else image(one.state),
            since(one.state.since, now),
        )
        for one in shown
    ]
    widths = [max([len(header), *(len(row[number]) for row in rows)]) for number, header in enumerate(_HEADERS)]
    between = 2 if sum(widths) + 2 * (len(_HEADERS) - 1) <= width else 1
    over = sum(widths) + between * (len(_HEADERS) - 1) - width
    for column in (_IMAGE, 0):  # what may be shortened, the image first
        if over > 0:
            less = min(over, max(widths[column] - 12, 0))
            widths[column] -= less
            over -= less
    well = sum(one.state.well for one in seen)
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, between, 0, 0),
        header_style="bold",
        title=shorten(f"{project}: {well} of {len(seen)} services are well", width),
        title_justify="left",
        title_style="bold",
        caption=f"{more}Ctrl-C ends" if height is not None else None,
        caption_justify="left",
    )
    for number, header in enumerate(_HEADERS):
        table.add_column(header, justify="right" if number in _FIGURES else "left", no_wrap=True)
    for one, row in zip(shown, rows, strict=True):
        cells = [shorten(cell, room) for cell, room in zip(row, widths, strict=True)]
        style = _STYLE.get(one.state.health, "red")
        cells[0] = f"[bold]{cells[0]}[/]"
        cells[1:3] = [f"[{style}]{cell}[/]" for cell in cells[1:3]]
        table.add_row(*cells)
    return table


def whole(name: str) -> str:
    """An image's name, its digest as far as a person compares it."""
    from windlass.cli.lines import short

    bare, at, digest = name.removeprefix("docker.io/").partition("@")
    return f"{bare}@{short(digest)}" if at else bare


def titled(bench: Workbench) -> str:
    return f"{bench.compose_project} at {bench.engine}" if bench.engine else bench.compose_project


def shorten(text: str, room: int) -> str:
    """The text, its middle left out where it is longer than `room`: both ends of a name tell most."""
    if len(text) <= room:
        return text
    head = (room - 1) // 2
    return f"{text[:head]}…{text[len(text) - (room - 1 - head) :]}"


def fitting(seen: Sequence[Seen], room: int) -> list[Seen]:
    """As many as there is room for, in their order: those that are not well come first in the choice."""
    by_need = sorted(range(len(seen)), key=lambda number: (seen[number].state.well, number))
    return [seen[number] for number in sorted(by_need[: max(room, 1)])]


def cpu(percent: float) -> str:
    """Per cent of one core."""
    return f"{percent:.1f} %" if percent < 99.95 else f"{percent:.0f} %"


def memory(count: int) -> str:
    """Bytes in binary units, as `docker stats` shows them."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"


def _row(one: Seen, now: datetime) -> dict[str, Any]:
    from windlass.cli.dev.status import row

    usage = {"cpu_percent": one.usage.cpu, "memory_bytes": one.usage.memory} if one.usage else None
    return {**row(one.state), "state": one.status, "usage": usage}
