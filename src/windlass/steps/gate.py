"""What may be deployed: asked when everything is ready and nothing has been touched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from windlass.errors import EnvironmentUnusable, Refused
from windlass.model.project import Environment
from windlass.model.release import Kind, Record, Release
from windlass.model.rules import Freeze, Person
from windlass.model.times import moment
from windlass.state.interface import Approvals, running_release
from windlass.state.quarantine import Quarantine, content, quarantine_of
from windlass.steps.approval import standing


def refuse(
    release: Release,
    kind: Kind,
    environment: Environment,
    records: tuple[Record, ...],
    approvals: Approvals,
    now: datetime,
    *,
    retry: bool = False,
) -> Quarantine | None:
    """Refuse a release that the environment does not take.

    What serves already is let through: it is looked at, and repaired at most; unless it failed, and serves because the way
    back failed too. A rollback is held back by quarantine alone.

    Args:
        records: the environment's history, newest first.
        retry: somebody said to deploy it though it is in quarantine.

    Returns:
        The quarantine that this deployment lifts, if it is in one.

    Raises:
        Refused: with who, when and why. A release that lacks approvals is proposed, so that they can be given; in a freeze,
            too.
    """
    serving = running_release(records)
    known = quarantine_of(release, records)
    if known is None and serving is not None and content(serving) == content(release):
        return None
    if known is not None and not retry:
        raise _in_quarantine(release, kind, environment, known)
    if kind != "rollback":
        lacking = _proposed(release, environment, approvals)
        refuse_frozen(environment, now)
        if lacking is not None:
            raise lacking
    return known


def frozen(windows: Sequence[Freeze], now: datetime) -> tuple[Freeze, datetime] | None:
    """The freeze that lasts longest of those that `now` is in, and its end. Raises EnvironmentUnusable: a time zone is unknown here."""
    found = []
    for window in windows:
        try:
            until = window.until(now)
        except (KeyError, ValueError) as error:
            raise EnvironmentUnusable(
                f"this machine does not know the time zone {window.zone}, and cannot tell whether there is a freeze",
                remedy="install the system's time zones (the package tzdata)",
            ) from error
        if until is not None:
            found.append((window, until))
    return max(found, key=lambda one: one[1], default=None)


def refuse_frozen(environment: Environment, now: datetime) -> None:
    """Raises Refused: it is a time without deployments."""
    if found := frozen(environment.freeze, now):
        window, until = found
        raise Refused(
            f"no deployments until {until:%a %Y-%m-%d %H:%M} {window.zone}"
            + (f": {window.reason}" if window.reason else ""),
            where=environment.name,
            remedy=f"run again then; windlass rollback {environment.name} goes on working",
        )


def authors_of(release: Release, approvals: Approvals) -> tuple[Person, ...]:
    """Who wrote a release's commit. Raises EnvironmentUnusable: nobody here knows."""
    authors = approvals.authors(release.commit)
    if not authors:
        raise EnvironmentUnusable(
            f"the commit {release.commit[:7]} is not in this clone, so nobody knows whose approval does not count",
            remedy="git fetch --all, then run again",
        )
    return authors


def _in_quarantine(release: Release, kind: Kind, environment: Environment, known: Quarantine) -> Refused:
    same = "" if known.release.id == release.id else f" as {known.release.id}, which has the same content"
    return Refused(
        f"{release.id} is in quarantine{same} since {moment(known.since)} ({known.by}): {known.why}",
        where=environment.name,
        remedy=f"deliver a commit that mends it; with --retry the same {kind} is done all the same, and recorded so",
    )


def _proposed(release: Release, environment: Environment, approvals: Approvals) -> Refused | None:
    """Propose a release that lacks approvals, and say what it lacks; None when it lacks none."""
    if environment.approvals is None:
        return None
    entries = approvals.entries(environment.name)
    found = standing(release, environment.approvals, entries, authors_of(release, approvals))
    if found.enough:
        return None
    if not any(one.proposed and content(one.release) == content(release) for one in entries):
        approvals.propose(release)
    return Refused(
        f"{release.id} has {found}; it needs {found.missing}",
        where=environment.name,
        remedy=f"windlass approve {environment.name} {release.id} gives one; then run again",
    )
