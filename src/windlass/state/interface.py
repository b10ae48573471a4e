"""Where it is written which release an environment should run, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from windlass.model.release import Kind, Outcome, Record, Release
from windlass.model.rules import Person
from windlass.state.quarantine import content, quarantined


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's word on a release for an environment; or, `proposed`, that somebody wanted to deploy it; or, `withdrawn`, that
    somebody takes an earlier word back. `at` is ISO 8601."""

    release: Release
    by: Person
    at: str
    proposed: bool = False
    withdrawn: bool = False


class Approvals(Protocol):
    """Drivers: `approvals.GitApprovals` and `testing.state.FakeApprovals`."""

    def entries(self, environment: str) -> tuple[Approval, ...]:
        """Approvals, what was withdrawn, and proposals, newest first."""

    def propose(self, release: Release) -> None:
        """Write down that a release waits for approvals, so that others can give theirs."""

    def approve(self, release: Release) -> Approval:
        """Give one's word. Raises UsageError: nobody knows who that is."""

    def withdraw(self, release: Release) -> Approval:
        """Take one's word back. Raises as `approve`."""

    def me(self) -> Person:
        """Who would approve. Raises UsageError: nobody knows."""

    def authors(self, commit: str) -> tuple[Person, ...]:
        """Who wrote a commit; empty when nobody knows."""


class State(Protocol):
    """Drivers: `git_ref.GitState` and `testing.state.FakeState`. One contract suite for both."""

    @property
    def approvals(self) -> Approvals: ...

    stale: str | None
    """Why the last `records` may be out of date (the remote is away), or None."""

    def records(self, environment: str, limit: int = 1000) -> tuple[Record, ...]:
        """The environment's history, newest first; empty when nothing was ever deployed."""

    def others(self, declared: Sequence[str]) -> tuple[str, ...]:
        """Names of environments that have a history and are not among those declared."""

    def refuse_if_held(self, environment: str) -> None:
        """Raises Held: somebody is changing the environment (names who, since when and for what)."""

    def admit(
        self,
        release: Release,
        kind: Kind,
        running: str | None,
        *,
        retry: bool = False,
        decided_on: tuple[Record, ...] | None = None,
    ) -> Record:
        """Write the intended release by compare-and-swap and take the lease, which is renewed until `settle`; returns the
        record with its sequence number.

        Args:
            decided_on: the history, newest first, that made it the release to deploy; None where that does not matter.

        Raises:
            Held: somebody holds the environment, or was quicker.
            Overtaken: the history went on since.
        """

    def assure(self, admitted: Record) -> None:
        """See that the lease of an admitted release is still this process's; one that ran out (the machine was asleep, the
        remote away) is taken again. Asked right before what users notice; nothing is looked at while the lease lasts.

        Raises:
            Locked: somebody took the environment over meanwhile.
            EnvironmentUnusable: it ran out, and the remote does not say whether anybody did.
        """

    def settle(
        self,
        admitted: Record,
        outcome: Outcome,
        *,
        running: str | None,
        reason: str,
        evidence: str | None,
        blamed: bool = False,
    ) -> Record:
        """Write what became of an admitted release, and give the lease back.

        Raises:
            Locked: somebody took the environment over meanwhile.
        """


def running_release(records: tuple[Record, ...]) -> Release | None:
    """The release that serves now, from a history (newest first)."""
    if not records or records[0].running is None:
        return None
    return find_release(records, records[0].running)


def was_healthy(records: tuple[Record, ...], release: Release) -> bool:
    """Whether a release ever was: one may serve that was not, where going back from it failed."""
    return any(record.outcome == "healthy" and record.release.id == release.id for record in records)


def find_release(records: tuple[Record, ...], wanted: str) -> Release | None:
    """A release by its id, or by a commit or tag that names exactly one that was healthy here."""
    for record in records:
        if record.release.id == wanted:
            return record.release
    matches = {
        record.release.id: record.release
        for record in reversed(records)
        if record.outcome == "healthy"
        and (
            (len(wanted) >= 7 and record.release.commit.startswith(wanted))
            or any(wanted in service.tags for service in record.release.services)
        )
    }
    committed = {name: release for name, release in matches.items() if "-dirty-" not in name}
    chosen = committed if len(committed) == 1 else matches
    return next(iter(chosen.values())) if len(chosen) == 1 else None


def ways_back(records: tuple[Record, ...]) -> tuple[Release, ...]:
    """What `rollback` without an argument may go back to, the likeliest first.

    After a deployment that was broken off, the way back is to the release that was to be replaced; after a rollback that
    was, it is to where that was going. After one whose way back failed as well, it is to the release that was to serve
    again, and to those before it: it may run, and do no better. Otherwise what is `earlier`.
    """
    current = running_release(records)
    if current is None:
        return earlier(records)
    if broken_off(records) and records[0].kind == "rollback":
        return (records[0].release,)  # the same command goes on, and does not lead back to what was to be left
    if broken_off(records) and was_healthy(records, current):
        return (current,)
    if records[0].outcome == "failed" and was_healthy(records, current):
        return (current, *earlier(records))
    return earlier(records)


def broken_off(records: tuple[Record, ...]) -> bool:
    """Whether the last deployment came to no end."""
    return bool(records) and records[0].outcome in ("interrupted", "deploying")


def earlier(records: tuple[Record, ...]) -> tuple[Release, ...]:
    """Healthy releases before the one that serves now, the latest first, each content once.

    Going back twice goes further back, not forth again: releases that a rollback has left are passed over. So are those
    in quarantine, and those that were deployed without a service that runs now (`--keep-going`): going back must not
    take it down.
    """
    current = running_release(records)
    left: set[str] = set()
    passed = {content(one.release) for one in quarantined(records)}
    if current is not None:
        passed.add(content(current))
    found = []
    for record in records:
        if record.kind == "rollback" and record.outcome == "healthy":
            left.update(_left_by(record, records))
        if record.outcome != "healthy" or record.release.id in left or content(record.release) in passed:
            continue
        if not _lacks(record.release, current):
            passed.add(content(record.release))
            found.append(record.release)
    return tuple(found)


def _lacks(release: Release, current: Release | None) -> bool:
    """Whether a release left out a service that runs now."""
    return current is not None and any(current.service(name) is not None for name, _ in release.excluded)


def _left_by(rollback: Record, records: tuple[Record, ...]) -> set[str]:
    """The releases deployed between a rollback and the last time before it that its target served. One that was only gone back
    to meanwhile is none of them: from there the rollback went forth again. None where it never served before."""
    between: set[str] = set()
    for record in records:
        if record.sequence >= rollback.sequence or record.outcome != "healthy":
            continue
        if record.release.id == rollback.release.id:
            return between
        if record.kind != "rollback":
            between.add(record.release.id)
    return set()
