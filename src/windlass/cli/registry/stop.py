"""`windlass registry stop`."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "windlass registry stop"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, metavar="DIR", help="default: the one windlass starts")


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output
    from windlass.registry.server.daemon import stop

    output().say("ended" if stop(arguments.root or wiring.registry_root()) else "it does not run")
    return 0
