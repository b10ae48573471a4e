"""`windlass dev restart`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass dev restart platform"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: all but heavy ones that are stopped")
    parser.add_argument("--timeout", type=float, default=180.0, metavar="SECONDS", help="to be well (default 180)")
    options.directory(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import known, open_bench
    from windlass.cli.dev.status import row, table
    from windlass.cli.output import output, print_json
    from windlass.cli.progress import sink
    from windlass.dev.choice import set_aside
    from windlass.dev.workbench import restart
    from windlass.errors import UsageError

    bench = open_bench(arguments)
    there = bench.observe()
    aside = set_aside(there, bench.heavy)
    names = known(bench, arguments.services) or tuple(s.service for s in there.services if s.service not in aside)
    if not names:
        raise UsageError("nothing is here to be restarted", remedy="windlass dev start")
    with sink(arguments.progress) as emit:
        restart(bench, names, arguments.timeout, emit)
    if arguments.json:
        print_json({"restarted": list(names), "services": [row(state) for state in bench.observe().services]})
    else:
        table(bench.observe(), output(), aside)
    return 0
