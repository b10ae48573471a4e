"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

import argparse
from pathlib import Path


def directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-C", "--directory", type=Path, default=Path(), metavar="DIR", help="run as if started in DIR")


def as_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def whole(arguments: argparse.Namespace) -> None:
    """Raises UsageError: one document is wanted of what has no end."""
    if arguments.json and arguments.follow:
        from windlass.errors import UsageError

        raise UsageError("--json is one document, and --follow never ends", remedy="leave out one of the two")


def commit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--commit", metavar="REF", help="a commit, instead of the working tree as it is (uncommitted changes included)"
    )


def progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress",
        choices=("auto", "terminal", "plain", "json", "quiet"),
        default="auto",
        help="how to show progress on standard error: a live view, lines, JSON lines, nothing (auto: live on a terminal)",
    )


def rebuild(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rebuild",
        action="append",
        default=[],
        metavar="SERVICE",
        help="build SERVICE even if nothing changed (all: every one)",
    )


def keep_going(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="deploy what could be built even when a service failed; the exit code still tells",
    )


def retry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retry", action="store_true", help="deploy the release though it is in quarantine; this is recorded"
    )


def wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        type=_span,
        default=0.0,
        metavar="TIME",
        help="wait, such as 10m, while somebody else changes the environment (default: exit with 6 at once)",
    )


def _span(text: str) -> float:
    from windlass.config.duration import parse_duration

    try:
        return 0.0 if text == "0" else parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
