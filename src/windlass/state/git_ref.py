"""Desired state in git: one ref per environment, `refs/heads/windlass/env/NAME`.

Each record is a commit whose tree holds `record.json` and, as `source`, the release's whole git tree. So everything that
restoring a release needs is kept alive by the ref alone, costs no space (git shares the objects), and is pushed with it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from windlass.errors import EnvironmentUnusable, Held, Locked, WindlassError
from windlass.git.refs import Refs
from windlass.git.repository import Repository, TreeEntry
from windlass.model.release import Kind, Outcome, Record, Release
from windlass.state import documents, lease
from windlass.state.approvals import GitApprovals
from windlass.state.heartbeat import Heartbeat
from windlass.state.writing import NotWritten, writing
from windlass.waiting import DeadlinePassed, wait_for

_PLACE = "refs/heads/windlass/env/"
_RENEWED = "still at it"
_HURRY = 5.0
"""Seconds that somebody waits who has interrupted."""


class GitState:
    """`remote` is the git remote the refs live on; None keeps them in this repository. `beat` is how often, in seconds, the
    lease of an admitted release is renewed, `patience` how long `settle` waits for a remote that is away."""

    def __init__(
        self,
        repository: Repository,
        remote: str | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        beat: float = lease.BEAT.total_seconds(),
        patience: float = 20.0,
    ) -> None:
        self._repository = repository
        self._refs = Refs(repository)
        self._remote = remote
        self._now = now
        self._every = beat
        self._patience = patience
        self._beats: dict[str, Heartbeat] = {}
        self.stale: str | None = None
        self.approvals = GitApprovals(repository, remote)

    def records(self, environment: str, limit: int = 1000) -> tuple[Record, ...]:
        ref = ref_name(environment)
        try:
            head = self._head(environment)
        except EnvironmentUnusable as error:
            # Who looks while the remote is away gets what was seen last, and is told. Nothing can be changed this way:
            # `admit` asks the remote again.
            if (head := self._refs.ref(ref)) is None:
                raise
            self.stale = error.message
        # Renewals of leases are no records: many of them must not push older releases, and quarantines, out of sight.
        renewed = f"^(deploy|rollback|promote) .*: {_RENEWED}$"
        commits = self._refs.history(head, limit, without=renewed) if head is not None else []
        if head is not None and head not in commits:
            commits.insert(0, head)  # the newest says until when its lease is
        texts = self._repository.read_many([f"{commit}:record.json" for commit in commits])
        return _once(
            documents.record_from_json(text or "", f"{ref} at {commit[:7]}")
            for commit, text in zip(commits, texts, strict=True)
        )

    def others(self, declared: Sequence[str]) -> tuple[str, ...]:
        known = {ref_name(name) for name in declared}
        found = [ref for ref in self._refs.refs(_PLACE, self._remote) if ref not in known]
        if found and self._remote is not None:
            with suppress(EnvironmentUnusable):  # what was seen last will do
                for ref in found:
                    self._refs.fetch_ref(self._remote, ref)
        heads = [(ref, commit) for ref in found if (commit := self._refs.ref(ref)) is not None]
        texts = self._repository.read_many([f"{commit}:record.json" for _, commit in heads])
        return tuple(
            documents.record_from_json(text, ref).release.environment
            for (ref, _), text in zip(heads, texts, strict=True)
            if text is not None
        )

    def refuse_if_held(self, environment: str) -> None:
        lease.refuse_if_held(self._record_at(environment, self._head(environment)), self._now())

    def admit(
        self,
        release: Release,
        kind: Kind,
        running: str | None,
        *,
        retry: bool = False,
        decided_on: tuple[Record, ...] | None = None,
    ) -> Record:
        head = self._head(release.environment)
        newest = self._record_at(release.environment, head)
        now = self._now()
        lease.refuse_if_held(newest, now)
        lease.refuse_if_overtaken(newest, decided_on)
        record = Record(
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
        try:
            commit = self._write(record, head, f"{kind} {release.id}: deploying")
            self._beats[release.environment] = Heartbeat(self._renewal(record, commit), self._every, now + lease.LEASE)
        except Locked as error:
            self.refuse_if_held(release.environment)  # names who was quicker
            raise Held(error.message, remedy=error.remedy) from error
        except KeyboardInterrupt:
            # Whoever interrupts because the remote does not answer does not wait for it again.
            hurry = threading.Thread(target=self._take_back, args=(record,), daemon=True)
            hurry.start()
            hurry.join(_HURRY)
            raise
        return record

    def _take_back(self, admitted: Record) -> None:
        """Settle a record whose writer was interrupted, if it went out."""
        environment = admitted.release.environment
        with suppress(WindlassError, OSError):
            if self._record_at(environment, self._head(environment)) == admitted:
                reason = "stopped by hand before anything was changed"
                self.settle(admitted, "interrupted", running=admitted.running, reason=reason, evidence=None)

    def assure(self, admitted: Record) -> None:
        if beat := self._beats.get(admitted.release.environment):
            beat.assure(self._now())

    def _renewal(self, record: Record, commit: str) -> Callable[[], datetime]:
        """Writes a record again, its lease longer, if nobody has written another one since, and returns when it ends now.
        Raises Locked."""
        head = commit

        def renew() -> datetime:
            nonlocal head
            now = self._now()
            longer = lease.renewed(record, now)
            head = self._write(longer, head, f"{record.kind} {record.release.id}: {_RENEWED}")
            return now + lease.LEASE

        return renew

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
        environment = admitted.release.environment
        if beat := self._beats.pop(environment, None):
            beat.stop()
        settled = replace(
            admitted,
            sequence=admitted.sequence + 1,
            outcome=outcome,
            running=running,
            reason=reason,
            evidence=evidence,
            lease=None,
            blamed=blamed,
        )
        away: list[EnvironmentUnusable] = []

        def attempt() -> Record | None:
            try:
                return self._settle(admitted, settled)
            except NotWritten:
                raise
            except EnvironmentUnusable as error:
                away[:] = [error]
                return None

        # What was deployed for minutes is not left unrecorded because the remote stammers for a moment.
        with suppress(DeadlinePassed):
            done = wait_for(attempt, lambda record: record is not None, seconds=self._patience, every=1.0)
            if done is not None:
                return done
        raise away[0]

    def _settle(self, admitted: Record, settled: Record) -> Record:
        environment = admitted.release.environment
        head = self._head(environment)
        newest = self._record_at(environment, head)
        if newest is not None and replace(newest, at=settled.at) == settled:
            return newest  # it went out, and the answer got lost
        lease.refuse_if_superseded(newest, admitted)
        record = replace(settled, at=self._now().isoformat(timespec="seconds"))
        said = f"{record.kind} {record.release.id}: {record.outcome}"
        self._write(record, head, said + (f"\n\n{record.reason}" if record.reason else ""))
        return record

    def _head(self, environment: str) -> str | None:
        name = ref_name(environment)
        if self._remote is not None:
            return self._refs.fetch_ref(self._remote, name)
        return self._refs.ref(name)

    def _record_at(self, environment: str, commit: str | None) -> Record | None:
        if commit is None:
            return None
        text = self._repository.read(commit, "record.json") or ""
        return documents.record_from_json(text, f"{ref_name(environment)} at {commit[:7]}")

    def _write(self, record: Record, head: str | None, message: str) -> str:
        repository, name = self._repository, ref_name(record.release.environment)
        with writing(f"the record of {record.release.id}", str(repository.root)):
            blob = repository.write_blob(documents.record_to_json(record))
            tree = repository.write_tree(
                [
                    TreeEntry("100644", "blob", blob, "record.json"),
                    TreeEntry("040000", "tree", record.release.tree, "source"),
                ]
            )
            commit = repository.write_commit(tree, head, message)
            self._refs.compare_and_swap(name, commit, head, self._remote)
        return commit


def _once(records: Iterable[Record]) -> tuple[Record, ...]:
    """Records newest first, of each deployment that renewed its lease the newest one."""
    found: list[Record] = []
    for record in records:
        if not found or (record.sequence, record.outcome) != (found[-1].sequence, found[-1].outcome):
            found.append(record)
    return tuple(found)


def ref_name(environment: str) -> str:
    """The full name of an environment's ref; characters git refuses are replaced."""
    return _PLACE + re.sub(r"[^A-Za-z0-9_-]", "-", environment)
