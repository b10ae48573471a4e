"""`windlass dev update`: the services that are here, on the newest images."""

from __future__ import annotations

import argparse

from windlass.cli.dev.start import which

EXAMPLE = "windlass dev update"


def configure(parser: argparse.ArgumentParser) -> None:
    which(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import open_bench, tag
    from windlass.cli.dev.start import document, tell
    from windlass.cli.output import output, print_json
    from windlass.cli.progress import sink
    from windlass.dev.workbench import Request, start

    named = tag(arguments)
    bench = open_bench(arguments)
    declared = {service.name: service.heavy for service in bench.project.services}
    running = [state.service for state in bench.observe().services if state.health not in ("exited", "created")]
    here = tuple(name for name in running if name in declared)
    minimal = not any(declared[name] for name in here)  # what start-min left out stays out
    with sink(arguments.progress) as emit:
        started = start(bench, Request(here, minimal, named, arguments.build, arguments.timeout), emit)
    if arguments.json:
        print_json(document(started, bench))
    else:
        out = output()
        tell(started, bench, out)
        if not started.changed:
            out.say("every service runs on the newest image already")
    return 0
