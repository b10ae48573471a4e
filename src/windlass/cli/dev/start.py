"""`windlass dev start`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.dev.workbench import Started, Workbench

EXAMPLE = "TAG=main-abc1234 windlass dev start"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: every service without a profile")
    which(parser)


def which(parser: argparse.ArgumentParser) -> None:
    """The options of all verbs that start something."""
    parser.add_argument("--tag", metavar="TAG", help="a release, such as main-abc1234; default: $TAG, then latest")
    parser.add_argument("--build", action="store_true", help="images of the files as they are, not the registry's")
    parser.add_argument("--timeout", type=float, default=180.0, metavar="SECONDS", help="to be well (default 180)")
    options.directory(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    return begin(arguments, tuple(arguments.services), minimal=False)


def begin(arguments: argparse.Namespace, names: tuple[str, ...], *, minimal: bool) -> int:
    from windlass.cli.dev.bench import open_bench, tag
    from windlass.cli.output import output, print_json
    from windlass.cli.progress import sink
    from windlass.dev.workbench import Request, start

    named = tag(arguments)
    bench = open_bench(arguments)
    request = Request(names, minimal, named, arguments.build, arguments.timeout)
    with sink(arguments.progress) as emit:
        started = start(bench, request, emit)
    if arguments.json:
        print_json(document(started, bench))
    else:
        tell(started, bench, output())
    return 0


def document(started: Started, bench: Workbench) -> dict[str, object]:
    from windlass.cli.dev.status import row

    states = {state.service: state for state in bench.observe().services}
    return {
        "services": [row(states[name]) for name in started.choice.services if name in states],
        "images": {name: {"digest": i.digest, "from": i.origin} for name, i in started.images.items()},
        "changed": list(started.changed),
        "left_out": dict(started.choice.left_out),
    }


def tell(started: Started, bench: Workbench, out: Output) -> None:
    from windlass.cli.dev.status import table
    from windlass.dev.choice import set_aside

    out.say()
    left_out, there = started.choice.left_out, bench.observe()
    aside = set_aside(there, bench.heavy)
    table(there, out, aside)
    for name, reason in left_out.items():
        if name not in aside:
            out.say(f"[yellow]left out[/]  {name}: {out.plain(reason)}", indent=10)
    for name in started.changed:
        out.say(f"[green]changed[/]   {name} runs on another image now", indent=10)
    out.say()
    out.say("next: [bold]windlass dev test[/] asks every endpoint, [bold]windlass dev logs -f[/] listens", indent=6)
