"""`windlass deploy ENV`: a release that exists, by digest; never rebuilding."""

from __future__ import annotations

import argparse

from windlass.cli import options

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
    from windlass.steps.named import Named

    session = open_session(arguments)
    environment = session.environment(arguments.env)
    if arguments.release:
        return bring(
            session,
            lambda emit: Named(arguments.release, environment, session.existing),
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
