"""`windlass dev clean`."""

from __future__ import annotations

import argparse
import sys

from windlass.cli import options

EXAMPLE = "windlass dev clean"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--volumes", action="store_true", help="remove the services' data too")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from windlass.cli.dev.bench import open_bench
    from windlass.cli.output import output, print_json
    from windlass.dev.clean import clean, volumes
    from windlass.errors import Refused

    bench = open_bench(arguments)
    out = output()
    data = volumes(bench.compose_project) if arguments.volumes else ()
    if data and not arguments.yes:
        if not arguments.json:
            out.say(f"this removes the data in {', '.join(data)}", indent=2)
        if arguments.json or not sys.stdin.isatty() or input("remove it? [y/N] ").strip().lower() not in ("y", "yes"):
            raise Refused("nothing was removed", remedy="windlass dev clean --volumes --yes, or without --volumes")
    removed = clean(bench.compose_project, bench.project.name, data=arguments.volumes)
    if arguments.json:
        print_json(asdict(removed))
        return 0
    counts = ((removed.containers, "container"), (removed.networks, "network"), (removed.images, "image"))
    told = [counted(count, noun) for count, noun in counts]
    out.say(
        f"removed {', '.join(told)} built here"
        + (
            f", and the data of {counted(removed.volumes, 'volume')}"
            if arguments.volumes
            else "; data in volumes stays"
        )
    )
    for name in removed.kept:
        out.say(f"[yellow]stays[/]  {out.plain(name)}: a container of another checkout is made from it", indent=7)
    return 0


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
