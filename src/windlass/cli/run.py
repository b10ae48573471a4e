"""`windlass run`: the whole pipeline."""

from __future__ import annotations

import argparse
from pathlib import Path

from windlass.cli import options

EXAMPLE = "windlass run --env staging"


def configure(parser: argparse.ArgumentParser) -> None:
    options.directory(parser)
    parser.add_argument(
        "--env", metavar="ENV", help="default: the environment of the branch; without one, everything up to publish"
    )
    options.commit(parser)
    parser.add_argument("--plan", type=Path, metavar="FILE", help="execute a plan saved by windlass plan --save FILE")
    options.rebuild(parser)
    options.keep_going(parser)
    options.retry(parser)
    options.wait(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli import report
    from windlass.cli.progress import sink
    from windlass.cli.session import open_plan, open_session
    from windlass.delivery import Order, deliver

    session, plan = open_plan(arguments) if arguments.plan else (open_session(arguments), None)
    environment = session.chosen(arguments.env or (plan.environment if plan else None))
    order = Order(
        session.source,
        environment,
        keep_going=arguments.keep_going,
        rebuild=session.rebuild(arguments.rebuild),
        plan=plan,
        retry=arguments.retry,
        wait=arguments.wait,
    )
    with sink(arguments.progress) as emit:
        delivery = deliver(order, session.tools, emit)
    return report.show(delivery, as_json=arguments.json)
