"""`windlass dev restart`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass dev restart platform"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: every one that is here")
    options.directory(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import known, open_bench
    from windlass.cli.dev.status import table
    from windlass.cli.output import output
    from windlass.dev.compose import act
    from windlass.errors import UsageError

    bench = open_bench(arguments)
    names = known(bench, arguments.services) or tuple(s.service for s in bench.observe().services)
    if not names:
        raise UsageError("nothing is here to be restarted", remedy="windlass dev start")
    act(bench.compose_project, "restart", *names)
    table(bench.observe(), output())
    return 0
