"""`windlass build`: build what the plan says, and stop there."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from typing import Literal

EXAMPLE = "windlass build platform"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: every service that has a build")
    options.directory(parser)
    options.commit(parser)
    options.rebuild(parser)
    options.progress(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    return until(arguments, "build")


def until(arguments: argparse.Namespace, last: Literal["build", "scan"]) -> int:
    """Run the flow up to a stage."""
    from windlass.cli import report
    from windlass.cli.progress import sink
    from windlass.cli.session import open_session
    from windlass.delivery import Order, deliver

    session = open_session(arguments)
    order = Order(
        session.source,
        only=session.services(arguments.services),
        rebuild=session.rebuild(arguments.rebuild),
        until=last,
    )
    with sink(arguments.progress) as emit:
        delivery = deliver(order, session.tools, emit)
    return report.show(delivery, as_json=arguments.json)
