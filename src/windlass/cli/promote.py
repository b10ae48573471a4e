"""`windlass promote FROM TO`: exactly what was verified there, here."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass promote staging production"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("origin", metavar="FROM")
    parser.add_argument("to", metavar="TO")
    options.directory(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from windlass.cli.releases import bring
    from windlass.cli.session import open_session
    from windlass.errors import Refused, UsageError
    from windlass.state.interface import running_release
    from windlass.steps.promote import promoted, source_of

    session = open_session(arguments)
    if arguments.origin == arguments.to:
        raise UsageError(
            "FROM and TO are the same environment", remedy=f"windlass deploy {arguments.to} repeats a release"
        )
    origin, to = session.environment(arguments.origin), session.environment(arguments.to)
    records = session.tools.state.records(origin.name)
    running = running_release(records)
    if running is None or records[0].outcome not in ("healthy", "restored"):
        raise Refused(
            f"{origin.name} runs no verified release", remedy=f"windlass status {origin.name} shows what it runs"
        )
    tools = session.tools
    runs = tools.services_of(source_of(running, to), to)
    release = promoted(running, to, session.project, runs, tools.state.records(to.name), datetime.now(UTC))
    for service in release.services:
        tools.images.tag(service.image.partition("/")[2], service.digest, service.tags)
    return bring(session, release, "promote", to, arguments)
