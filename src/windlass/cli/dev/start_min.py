"""`windlass dev start-min`: services marked `heavy: true` stay away, and so do those behind a profile."""

from __future__ import annotations

import argparse

from windlass.cli.dev.start import begin, which

EXAMPLE = "windlass dev start-min"


def configure(parser: argparse.ArgumentParser) -> None:
    which(parser)


def run(arguments: argparse.Namespace) -> int:
    return begin(arguments, (), minimal=True)
