"""`windlass doctor`: is this machine able to do the work?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windlass.cli.output import Output
    from windlass.doctor.examine import Verdict

EXAMPLE = "windlass doctor"


def configure(parser: argparse.ArgumentParser) -> None:
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.errors import ExitCode

    verdicts = wiring.examine(arguments.directory)
    broken = [verdict for verdict in verdicts if verdict.state == "broken"]
    if arguments.json:
        print_json({"able": not broken, "verdicts": [asdict(verdict) for verdict in verdicts]})
    else:
        tell(verdicts, output())
    return ExitCode.UNUSABLE if broken else ExitCode.DONE


def tell(verdicts: Sequence[Verdict], out: Output) -> None:
    style = {"fine": "green", "limited": "yellow", "broken": "red"}
    for verdict in verdicts:
        state = f"[{style[verdict.state]}]{verdict.state:<7}[/]"
        out.say(f"{state}  [bold]{verdict.subject}[/]: {out.plain(verdict.found)}", indent=9)
        if verdict.remedy:
            out.say(f"[dim]do: {out.plain(verdict.remedy)}[/]", indent=13, first=9)
