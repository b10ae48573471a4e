"""`windlass dev setup`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass dev setup"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tag", metavar="TAG", help="a release, such as main-abc1234; default: $TAG, then latest")
    parser.add_argument(
        "--no-images", action="store_true", help="check and write only; images come with the first start"
    )
    options.directory(parser)
    options.progress(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.dev.bench import open_bench, tag
    from windlass.cli.output import output
    from windlass.cli.progress import sink
    from windlass.dev import script
    from windlass.dev.workbench import Request, fetch
    from windlass.doctor.examine import compose, engine
    from windlass.errors import EnvironmentUnusable

    named = tag(arguments)
    out = output()
    for verdict in (engine(), compose()):
        if verdict.state == "broken":
            raise EnvironmentUnusable(f"{verdict.subject}: {verdict.found}", remedy=verdict.remedy)
        out.say(f"[green]ok[/]  {verdict.subject}: {out.plain(verdict.found)}", indent=4)
    bench = open_bench(arguments)
    if not arguments.no_images:
        with sink(arguments.progress) as emit:
            fetch(bench, Request(tag=named), emit)
    wrote = script.write(bench.project.root)
    advice = "; commit it: until then, releases made of this checkout are marked -dirty-"
    out.say(f"[green]ok[/]  {script.NAME} {f'written{advice}' if wrote else 'is there'}", indent=4)
    out.say()
    out.say(f"next: [bold]./{script.NAME} start[/], or windlass dev start")
    return 0
