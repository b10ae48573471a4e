"""`windlass init`: a windlass.yaml derived from what the repository holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.config.init import Derived

EXAMPLE = "windlass init && windlass plan"


def configure(parser: argparse.ArgumentParser) -> None:
    options.directory(parser)
    parser.add_argument("--force", action="store_true", help="overwrite a windlass.yaml that says something else")
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.config.init import derive, write

    root = wiring.open_repository(arguments.directory).root
    derived = derive(root)
    wrote = write(root, derived, force=arguments.force)
    if arguments.json:
        print_json(
            {
                "file": "windlass.yaml",
                "written": wrote,
                "decisions": [{"about": d.about, "because": d.sentence} for d in derived.decisions],
                "warnings": list(derived.warnings),
            }
        )
        return 0
    tell(derived, wrote, output())
    return 0


def tell(derived: Derived, wrote: bool, out: Output) -> None:
    out.say(f"[bold]windlass.yaml[/] {'written' if wrote else 'says all this already; nothing changed'}")
    out.say()
    for decision in derived.decisions:
        about, sentence = decision.about, decision.sentence.removeprefix(f"{decision.about} is ")
        out.say(f"[bold]{out.plain(about)}[/]  {out.plain(sentence)}", indent=4, first=2)
    for warning in derived.warnings:
        out.say(f"[yellow]warning[/]  {out.plain(warning)}", indent=9)
    out.say()
    out.say("next: [bold]windlass plan[/] shows what would be built, [bold]windlass run[/] does it", indent=6)
