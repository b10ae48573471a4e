"""What `deploy`, `promote` and `rollback` share: bring a release that exists to an environment, and report."""

from __future__ import annotations

import argparse

from windlass.cli import report
from windlass.cli.progress import sink
from windlass.cli.session import Session
from windlass.delivery import deploy
from windlass.model.project import Environment
from windlass.model.release import Kind, Release


def bring(
    session: Session, release: Release, kind: Kind, environment: Environment, arguments: argparse.Namespace
) -> int:
    with sink(arguments.progress) as emit:
        delivery = deploy(release, kind, environment, session.tools, emit)
    return report.show(delivery, as_json=arguments.json)
