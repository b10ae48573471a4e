"""Desired state in git: one ref per environment, `refs/heads/windlass/env/NAME`.

Each record is a commit whose tree holds `record.json` and, as `source`, the release's whole git tree. So everything that
restoring a release needs is kept alive by the ref alone, costs no space (git shares the objects), and is pushed with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from windlass.errors import EnvironmentUnusable
from windlass.git.repository import Repository, TreeEntry
from windlass.model.release import Kind, Outcome, Record, Release
from windlass.state import documents, lease


class GitState:
    """`remote` is the git remote the refs live on; None keeps them in this repository."""

    def __init__(
        self, repository: Repository, remote: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._repository = repository
        self._remote = remote
        self._now = now
        self.stale: str | None = None

    def records(self, environment: str, limit: int = 1000) -> tuple[Record, ...]:
        ref = ref_name(environment)
        try:
            self._head(environment)
        except EnvironmentUnusable as error:
            # Who looks while the remote is away gets what was seen last, and is told. Nothing can be changed this way:
            # `admit` asks the remote again.
            if self._repository.ref(ref) is None:
                raise
            self.stale = error.message
        commits = self._repository.history(ref, limit)
        texts = self._repository.read_many([f"{commit}:record.json" for commit in commits])
        return tuple(
            documents.record_from_json(text or "", f"{ref} at {commit[:7]}")
            for commit, text in zip(commits, texts, strict=True)
        )

    def admit(self, release: Release, kind: Kind, running: str | None) -> Record:
        head = self._head(release.environment)
        newest = self._record_at(release.environment, head)
        now = self._now()
        lease.refuse_if_held(newest, now)
        record = Record(
            sequence=lease.next_sequence(newest, now),
            release=release,
            outcome="deploying",
            at=now.isoformat(timespec="seconds"),
            by=lease.holder(),
            running=running,
            kind=kind,
            lease=lease.take(now),
        )
        self._write(record, head, f"{kind} {release.id}: deploying")
        return record

    def settle(
        self, admitted: Record, outcome: Outcome, *, running: str | None, reason: str, evidence: str | None
    ) -> Record:
        environment = admitted.release.environment
        head = self._head(environment)
        newest = self._record_at(environment, head)
        lease.refuse_if_superseded(newest, admitted)
        record = replace(
            admitted,
            sequence=admitted.sequence + 1,
            outcome=outcome,
            at=self._now().isoformat(timespec="seconds"),
            running=running,
            reason=reason,
            evidence=evidence,
            lease=None,
        )
        self._write(
            record, head, f"{admitted.kind} {admitted.release.id}: {outcome}" + (f"\n\n{reason}" if reason else "")
        )
        return record

    def _head(self, environment: str) -> str | None:
        name = ref_name(environment)
        if self._remote is not None:
            return self._repository.fetch_ref(self._remote, name)
        return self._repository.ref(name)

    def _record_at(self, environment: str, commit: str | None) -> Record | None:
        if commit is None:
            return None
        text = self._repository.read(commit, "record.json") or ""
        return documents.record_from_json(text, f"{ref_name(environment)} at {commit[:7]}")

    def _write(self, record: Record, head: str | None, message: str) -> None:
        repository = self._repository
        blob = repository.write_blob(documents.record_to_json(record))
        tree = repository.write_tree(
            [
                TreeEntry("100644", "blob", blob, "record.json"),
                TreeEntry("040000", "tree", record.release.tree, "source"),
            ]
        )
        commit = repository.write_commit(tree, head, message)
        repository.compare_and_swap(ref_name(record.release.environment), commit, head, self._remote)


def ref_name(environment: str) -> str:
    """The full name of an environment's ref; characters git refuses are replaced."""
    return "refs/heads/windlass/env/" + re.sub(r"[^A-Za-z0-9_-]", "-", environment)
