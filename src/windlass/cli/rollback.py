"""`windlass rollback`: the release before, or a named one, by digest."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass rollback production main-abc1234"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("release", nargs="?", metavar="RELEASE", help="an id, tag or commit; default: the one before")
    options.directory(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.releases import bring
    from windlass.cli.session import open_session
    from windlass.errors import UsageError
    from windlass.state.interface import find_release, previous_release

    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    records = session.tools.state.records(environment.name)
    wanted = arguments.release
    release = find_release(records, wanted) if wanted else previous_release(records)
    if release is None:
        said = (
            f"no release '{wanted}' was healthy on {environment.name}"
            if wanted
            else (f"{environment.name} has no earlier healthy release to go back to")
        )
        raise UsageError(said, remedy=f"windlass history {environment.name} lists its releases")
    return bring(session, release, "rollback", environment, arguments)
