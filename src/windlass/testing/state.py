"""A State in memory, with the rules of the real one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from windlass.model.release import Kind, Outcome, Record, Release
from windlass.state import lease


class FakeState:
    def __init__(self) -> None:
        self.kept: dict[str, list[Record]] = {}
        self.stale: str | None = None

    def records(self, environment: str, limit: int = 1000) -> tuple[Record, ...]:
        return tuple(reversed(self.kept.get(environment, [])))[:limit]

    def refuse_if_held(self, environment: str) -> None:
        lease.refuse_if_held(next(iter(self.records(environment)), None), datetime.now(UTC))

    def admit(self, release: Release, kind: Kind, running: str | None, *, retry: bool = False) -> Record:
        newest = next(iter(self.records(release.environment)), None)
        now = datetime.now(UTC)
        lease.refuse_if_held(newest, now)
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
