"""`windlass scan`: build what the plan says, scan every image, and stop there."""

from __future__ import annotations

import argparse

from windlass.cli import build

EXAMPLE = "windlass scan platform"


def configure(parser: argparse.ArgumentParser) -> None:
    build.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    return build.until(arguments, "scan")
