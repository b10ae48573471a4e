"""What `deploy`, `promote` and `rollback` share: bring a release that exists to an environment, and report."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from windlass.cli import report
from windlass.cli.progress import sink
from windlass.cli.session import Session
from windlass.delivery import Choose, deploy
from windlass.model.events import Emit
from windlass.model.project import Environment
from windlass.model.release import Kind


def bring(
    session: Session,
    chooser: Callable[[Emit], Choose],
    kind: Kind,
    environment: Environment,
    arguments: argparse.Namespace,
) -> int:
    """`chooser` says which release, given where it may tell about it."""
    with sink(arguments.progress) as emit:
        delivery = deploy(
            chooser(emit), kind, environment, session.existing, emit, retry=arguments.retry, wait=arguments.wait
        )
    return report.show(delivery, as_json=arguments.json)
