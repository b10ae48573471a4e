"""`windlass promote FROM TO`: exactly what was verified there, here."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass promote staging production"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("origin", metavar="FROM")
    parser.add_argument("to", metavar="TO")
    parser.add_argument("--release", metavar="ID", help="refuse when FROM runs another release than this one")
    options.directory(parser)
    options.retry(parser)
    options.wait(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.releases import bring
    from windlass.cli.session import open_session
    from windlass.errors import UsageError
    from windlass.steps.promote import Promotion

    session = open_session(arguments)
    if arguments.origin == arguments.to:
        raise UsageError(
            "FROM and TO are the same environment", remedy=f"windlass deploy {arguments.to} repeats a release"
        )
    origin, to = session.environment(arguments.origin), session.environment(arguments.to)
    return bring(
        session,
        lambda emit: Promotion(origin, to, session.existing, arguments.release, emit),
        "promote",
        to,
        arguments,
    )
