"""A State in memory, with the rules of the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from windlass.errors import UsageError
from windlass.model.release import Kind, Outcome, Record, Release
from windlass.model.rules import Person
from windlass.state import lease
from windlass.state.interface import Approval


class FakeApprovals:
    """`people` are the authors of commits by id; `person` is who approves here."""

    def __init__(self) -> None:
        self.kept: list[Approval] = []
        self.people: dict[str, tuple[Person, ...]] = {}
        self.person = Person("Ada", "ada@example.org")

    def entries(self, environment: str) -> tuple[Approval, ...]:
        return tuple(one for one in reversed(self.kept) if one.release.environment == environment)

    def propose(self, release: Release) -> None:
        self._keep(release, proposed=True)

    def approve(self, release: Release) -> Approval:
        return self._keep(release)

    def withdraw(self, release: Release) -> Approval:
        return self._keep(release, withdrawn=True)

    def me(self) -> Person:
        if not self.person.email:
            raise UsageError("nobody knows who you are")
        return self.person

    def authors(self, commit: str) -> tuple[Person, ...]:
        return self.people.get(commit, ())

    def _keep(self, release: Release, *, proposed: bool = False, withdrawn: bool = False) -> Approval:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.kept.append(Approval(release, self.me(), at, proposed, withdrawn))
        return self.kept[-1]


class FakeState:
    def __init__(self) -> None:
        self.approvals = FakeApprovals()
        self.kept: dict[str, list[Record]] = {}
        self.stale: str | None = None

    def records(self, environment: str, limit: int = 1000) -> tuple[Record, ...]:
        return tuple(reversed(self.kept.get(environment, [])))[:limit]

    def others(self, declared: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted(set(self.kept) - set(declared)))

    def refuse_if_held(self, environment: str) -> None:
        lease.refuse_if_held(next(iter(self.records(environment)), None), datetime.now(UTC))

    def assure(self, admitted: Record) -> None:
        lease.refuse_if_superseded(self.records(admitted.release.environment)[0], admitted)

    def admit(
        self,
        release: Release,
        kind: Kind,
        running: str | None,
        *,
        retry: bool = False,
        decided_on: tuple[Record, ...] | None = None,
    ) -> Record:
        newest = next(iter(self.records(release.environment)), None)
        now = datetime.now(UTC)
        lease.refuse_if_held(newest, now)
        lease.refuse_if_overtaken(newest, decided_on)
        return self._keep(
            Record(
                sequence=lease.next_sequence(newest, now),
                release=release,
                outcome="deploying",
                at=now.isoformat(timespec="seconds"),
                by=lease.holder(),
                running=running,
                kind=kind,
                lease=lease.take(now),
                retry=retry,
            )
        )

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
        newest = self.records(admitted.release.environment)[0]
        lease.refuse_if_superseded(newest, admitted)
        return self._keep(
            replace(
                admitted,
                sequence=admitted.sequence + 1,
                outcome=outcome,
                running=running,
                reason=reason,
                evidence=evidence,
                lease=None,
                blamed=blamed,
            )
        )

    def _keep(self, record: Record) -> Record:
        self.kept.setdefault(record.release.environment, []).append(record)
        return record
