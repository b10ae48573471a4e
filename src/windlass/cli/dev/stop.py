"""`windlass dev stop`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass dev stop"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: every one")
    options.directory(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import known, open_bench
    from windlass.cli.output import output
    from windlass.dev.compose import act

    bench = open_bench(arguments)
    names = known(bench, arguments.services) or tuple(s.service for s in bench.observe().services)
    if not names:
        output().say("nothing runs here")
        return 0
    act(bench.compose_project, "stop", *names)
    output().say(f"stopped: {', '.join(names)}; windlass dev start goes on, windlass dev clean removes them", indent=9)
    return 0
