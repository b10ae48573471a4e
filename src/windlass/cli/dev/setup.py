"""`windlass dev setup`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windlass.dev.images import Image

EXAMPLE = "windlass dev setup"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tag", metavar="TAG", help="a release, such as main-abc1234; default: $TAG, then latest")
    parser.add_argument(
        "--no-images", action="store_true", help="check and write only; images come with the first start"
    )
    options.directory(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from windlass.cli.dev.bench import open_bench, tag
    from windlass.cli.output import output, print_json
    from windlass.cli.progress import sink
    from windlass.dev import script
    from windlass.dev.workbench import Request, fetch
    from windlass.doctor.examine import compose, engine
    from windlass.errors import EnvironmentUnusable

    named = tag(arguments)
    out = output()
    verdicts = (engine(), compose())
    for verdict in verdicts:
        if verdict.state == "broken":
            raise EnvironmentUnusable(f"{verdict.subject}: {verdict.found}", remedy=verdict.remedy)
        if not arguments.json:
            out.say(f"[green]ok[/]  {verdict.subject}: {out.plain(verdict.found)}", indent=4)
    bench = open_bench(arguments)
    images: Mapping[str, Image] = {}
    if not arguments.no_images:
        with sink(arguments.progress) as emit:
            images = fetch(bench, Request(tag=named), emit)
    wrote = script.write(bench.project.root)
    if arguments.json:
        print_json(
            {
                "verdicts": [asdict(verdict) for verdict in verdicts],
                "images": {name: {"digest": one.digest, "from": one.origin} for name, one in images.items()},
                "script": {"name": script.NAME, "written": wrote},
            }
        )
        return 0
    advice = "; commit it: until then, releases made of this checkout are marked -dirty-"
    out.say(f"[green]ok[/]  {script.NAME} {f'written{advice}' if wrote else 'is there'}", indent=4)
    out.say()
    out.say(f"next: [bold]./{script.NAME} start[/], or windlass dev start")
    return 0
