"""`windlass dev logs`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.deploy.interface import LogLine

EXAMPLE = "windlass dev logs -f --grep error platform"

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_red", "bright_cyan", "bright_green")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: every one, interleaved")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until interrupted")
    parser.add_argument("-n", "--tail", type=int, default=100, metavar="N", help="last N lines of each (default 100)")
    parser.add_argument("--grep", metavar="PATTERN", help="only lines in which this regular expression is found")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    import re

    from windlass.cli.dev.bench import known, open_bench
    from windlass.cli.output import output, print_json
    from windlass.dev.logs import listen
    from windlass.errors import UsageError

    options.whole(arguments)
    try:
        wanted = re.compile(arguments.grep) if arguments.grep else None
    except re.error as error:
        raise UsageError(f"--grep is no regular expression: {error}") from None
    bench = open_bench(arguments)
    names = known(bench, arguments.services)
    there = names or tuple(state.service for state in bench.observe().services)
    if not there:
        raise UsageError("nothing is here that could say anything", remedy="windlass dev start")
    if arguments.json:
        lines: list[LogLine] = []
        listen(bench.compose_project, names, tail=max(arguments.tail, 0), follow=False, on_line=lines.append)
        said = [one for one in lines if wanted is None or wanted.search(one.text)]
        document = [{"service": one.service, "text": one.text} for one in said]
        print_json({"project": bench.compose_project, "lines": document})
        return 0
    console = output().rich
    width = max(len(name) for name in there)
    colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(sorted(there))}

    def show(line: LogLine) -> None:
        if wanted is not None and wanted.search(line.text) is None:
            return
        # A service's own words are passed on as they are: only its name is coloured.
        name = f"{line.service:<{width}}"
        if console.color_system is not None:
            with console.capture() as captured:
                console.print(f"[{colours.get(line.service, 'white')}]{name}[/]", end="")
            name = captured.get()
        sys.stdout.write(f"{name}  {line.text}\n" if len(there) > 1 else f"{line.text}\n")
        sys.stdout.flush()

    listen(bench.compose_project, names, tail=max(arguments.tail, 0), follow=arguments.follow, on_line=show)
    return 0
