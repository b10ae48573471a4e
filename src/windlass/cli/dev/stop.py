"""`windlass dev stop`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass dev stop"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: every one")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import known, open_bench
    from windlass.cli.output import output, print_json
    from windlass.dev.compose import act

    bench = open_bench(arguments)
    names = known(bench, arguments.services) or tuple(s.service for s in bench.observe().services)
    if names:
        act(bench.compose_project, "stop", *names)
    if arguments.json:
        print_json({"stopped": list(names)})
        return 0
    if not names:
        output().say("nothing runs here")
        return 0
    output().say(f"stopped: {', '.join(names)}; windlass dev start goes on, windlass dev clean removes them", indent=9)
    return 0
