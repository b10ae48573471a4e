"""`windlass dev update`: the services that run, on the newest images; nothing is started that does not."""

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
    from windlass.dev.choice import Choice
    from windlass.dev.workbench import Request, Started, fetch, start

    named = tag(arguments)
    bench = open_bench(arguments)
    declared = [service.name for service in bench.project.services]
    there = [state for state in bench.observe().services if state.service in declared]
    here = tuple(state.service for state in there if state.health not in ("exited", "created"))
    with sink(arguments.progress) as emit:
        if here:  # what was stopped, or left out by start-min, stays so
            request = Request(here, False, named, arguments.build, arguments.timeout, alone=True)
            started = start(bench, request, emit)
        else:
            stopped = tuple(state.service for state in there)
            request = Request(stopped, not stopped, named, arguments.build, alone=bool(stopped))
            started = Started(Choice(()), fetch(bench, request, emit), ())
    if arguments.json:
        print_json(document(started, bench))
        return 0
    out = output()
    if not here:
        out.say("nothing runs here, and nothing was started; [bold]windlass dev start[/] does, on the newest images")
        return 0
    tell(started, bench, out)
    if not started.changed:
        out.say("every service runs on the newest image already")
    return 0
