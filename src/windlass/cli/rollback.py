"""`windlass rollback`: the release before, or a named one, by digest."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass rollback production"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("release", nargs="?", metavar="RELEASE", help="an id, tag or commit; default: the one before")
    options.directory(parser)
    options.retry(parser)
    options.wait(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.releases import bring
    from windlass.cli.session import open_session
    from windlass.steps.rollback import Rollback

    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    return bring(
        session,
        lambda emit: Rollback(environment, session.existing, arguments.release, emit),
        "rollback",
        environment,
        arguments,
    )
