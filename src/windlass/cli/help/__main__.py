"""Write the help texts of all commands: `python -m windlass.cli.help`."""

from __future__ import annotations

from pathlib import Path

from windlass.cli.dispatch import make_parser
from windlass.cli.main import COMMANDS


def render(name: str) -> str:
    """What the command's own parser says, at 80 columns."""
    return make_parser(name, COMMANDS[name], width=80).format_help()


if __name__ == "__main__":
    for command in COMMANDS:
        (Path(__file__).parent / f"{command}.txt").write_text(render(command), encoding="utf-8")
