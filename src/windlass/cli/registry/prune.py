"""`windlass registry prune`: delete images that nothing needs any more."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.session import Session
    from windlass.model.retention import RetentionPolicy
    from windlass.registry.retention.deletion import DeletionPlan
    from windlass.registry.retention.model import Inventory
    from windlass.registry.retention.protected import Protected

EXAMPLE = "windlass registry prune --keep 5 --dry-run"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        type=_count,
        metavar="N",
        help="newest images of each service and branch that stay, whatever windlass.yaml says",
    )
    parser.add_argument("--older-than", type=_age, metavar="AGE", help="delete only what is older, such as 30d or 12h")
    parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and why; delete nothing")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write every item with its reason to FILE, as JSON")
    parser.add_argument("--verbose", action="store_true", help="show every item, not counts alone")
    parser.add_argument(
        "--state-here",
        action="store_true",
        help="nobody deploys from another clone (needed for a shared registry without state.remote)",
    )
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.cli.registry.prune_text import tell, tell_done
    from windlass.cli.session import open_session
    from windlass.errors import ExitCode
    from windlass.registry.retention.execute import Execution, Outcome
    from windlass.registry.retention.report import document

    session = open_session(arguments)
    project = session.project
    policy = _policy(project.retention, arguments)
    protected = needed(session, policy, state_here=arguments.state_here)
    wiring.ensure_registry(project)
    inventory, plan = judge(session, protected, policy)
    outcome = Outcome()

    def report() -> dict[str, Any]:
        return document(plan, policy, protected, outcome)

    if arguments.report is not None:
        _write(arguments.report, report())  # before the first deletion: who cannot write it deletes nothing
    out = output()
    if not arguments.json:
        tell(plan, project.registry.host, arguments.dry_run, arguments.verbose, out)
    if not arguments.dry_run:
        execution = Execution(plan, inventory, wiring.registry_client(project))
        outcome = execution.outcome
        try:
            execution.run()
        except BaseException:
            execution.break_off("interrupted")
            if arguments.report is not None:
                _write(arguments.report, report())
            raise
        if arguments.report is not None and (outcome.failed or outcome.skipped):
            _write(arguments.report, report())
    if arguments.json:
        print_json(report())
    elif not arguments.dry_run:
        tell_done(plan, outcome, inventory, project.registry, out)
    return ExitCode.UNUSABLE if outcome.failed or outcome.stopped else ExitCode.DONE


def needed(session: Session, policy: RetentionPolicy, *, state_here: bool) -> Protected:
    """What environments need.

    Raises:
        EnvironmentUnusable: that cannot be known for certain.
    """
    from windlass import wiring
    from windlass.errors import EnvironmentUnusable
    from windlass.oci.transport import is_loopback
    from windlass.registry.retention.here import with_running
    from windlass.registry.retention.protected import protect
    from windlass.state.environments import histories, waiting

    project = session.project
    if project.state_remote is None and not is_loopback(project.registry.host) and not state_here:
        raise EnvironmentUnusable(
            f"what others deployed from {project.registry.host} cannot be known: environments are recorded in this"
            " repository only",
            remedy="set state: {remote: origin} in windlass.yaml, or add --state-here if nobody deploys from elsewhere",
        )
    found = histories(session.repository, project.state_remote)
    held = waiting(session.repository, project.state_remote, found)
    return with_running(
        protect(found, project.registry.host, policy.rollback, held), project.registry.host, wiring.engines(project)
    )


def judge(session: Session, protected: Protected, policy: RetentionPolicy) -> tuple[Inventory, DeletionPlan]:
    """The project's part of the registry, and what is to be deleted from it."""
    import time

    from windlass import wiring
    from windlass.cli.registry import look
    from windlass.registry.retention.ages import dated
    from windlass.registry.retention.policy import plan
    from windlass.registry.retention.survey import survey

    scope = look.scope(session, sorted(protected.repositories))
    inventory = survey(wiring.registry_client(session.project), scope.repositories)
    commits = {} if inventory.untags else look.commit_times(session)
    inventory = dated(inventory, scope, commits)
    return inventory, plan(inventory, protected, policy, scope, time.time())


def _policy(usual: RetentionPolicy, arguments: argparse.Namespace) -> RetentionPolicy:
    from dataclasses import replace

    changed = usual
    if arguments.keep is not None:
        changed = replace(changed, keep=arguments.keep, branches=())
    if arguments.older_than is not None:
        changed = replace(changed, older_than=arguments.older_than)
    return changed


def _write(path: Path, document: dict[str, Any]) -> None:
    """Write a report, whole or not at all.

    Raises:
        UsageError: it cannot be written there.
    """
    import json

    from windlass.errors import UsageError

    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8") as stream:  # a pipe or a device
                stream.write(text)
            return
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"the report cannot be written: {reason}", where=str(path), remedy="name a file in a folder that is there"
        ) from error


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is not a whole number from 1 to 1000000")
    return int(text)


def _age(text: str) -> float:
    from windlass.config.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text[:40]}': {error}") from error
