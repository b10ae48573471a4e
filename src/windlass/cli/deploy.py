"""`windlass deploy ENV`: a release that exists, by digest; never rebuilding."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.delivery import Choose
    from windlass.model.project import Environment
    from windlass.model.release import Record, Release
    from windlass.steps.tools import Tools

EXAMPLE = "windlass deploy staging --release develop-def5678"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument(
        "--release",
        metavar="ID",
        help="a release of ENV's history, by id, tag or commit; default: what was built of the current commit",
    )
    options.directory(parser)
    options.commit(parser)
    options.retry(parser)
    options.wait(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli import report
    from windlass.cli.progress import sink
    from windlass.cli.releases import bring
    from windlass.cli.session import open_session
    from windlass.delivery import Order, deliver
    from windlass.errors import Refused

    session = open_session(arguments)
    environment = session.environment(arguments.env)
    if arguments.release:
        return bring(
            session,
            lambda emit: _named(arguments.release, environment, session.tools),
            "deploy",
            environment,
            arguments,
        )
    plan = session.tools.plan(session.source, environment.name)
    missing = [item.service.name for item in plan.services if item.action == "build"] + list(plan.failed)
    if missing:
        raise Refused(
            f"not built yet: {', '.join(missing)}; deploy never builds",
            remedy=f"windlass run --env {environment.name} builds, then deploys",
        )
    with sink(arguments.progress) as emit:
        order = Order(session.source, environment, plan=plan, retry=arguments.retry, wait=arguments.wait)
        delivery = deliver(order, session.tools, emit)
    return report.show(delivery, as_json=arguments.json)


def _named(wanted: str, environment: Environment, tools: Tools) -> Choose:
    """A release of the environment's history, or one that waited for approvals."""
    from windlass.errors import UsageError
    from windlass.state.interface import find_release
    from windlass.steps.approval import proposed
    from windlass.steps.compose_release import unique
    from windlass.steps.promote import tag_images

    def choose(records: tuple[Record, ...]) -> Release:
        release = find_release(records, wanted)
        if release is None and environment.approvals is not None:
            waiting = proposed(wanted, tools.state.approvals.entries(environment.name))
            if waiting is not None:
                release = unique(waiting, records)
                tag_images(release, tools)
        if release is None:
            raise UsageError(
                f"{environment.name} has no release '{wanted}'",
                remedy=f"windlass history {environment.name} lists them",
            )
        return release

    return choose
