"""Approvals in git: one ref an environment, `refs/heads/windlass/approvals/NAME`, beside the one of its history.

Each entry is a commit whose tree holds `approval.json` and, as `source`, the release's whole git tree. A release that lacks
approvals is proposed there by whoever wanted to deploy it; an approval is a commit by whoever gives it. So it is worth
what git enforces of that ref: who may push to it, and, where the forge asks for it, that commits are signed.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Literal

from windlass.errors import EnvironmentUnusable, Locked, UsageError, WindlassError
from windlass.git.refs import Refs
from windlass.git.repository import Repository, TreeEntry
from windlass.model.release import Release
from windlass.model.rules import Person
from windlass.state import documents
from windlass.state.interface import Approval
from windlass.state.writing import writing

SCHEMA = 1
APPROVALS = "refs/heads/windlass/approvals/"
_AT_MOST = 200
_TRIES = 5
_TRAILER = re.compile(r"co-authored-by:\s*(.*?)\s*<(.*?)>\s*", re.IGNORECASE)


class GitApprovals:
    """`remote` is the git remote the refs live on; None keeps them in this repository."""

    def __init__(self, repository: Repository, remote: str | None) -> None:
        self._repository = repository
        self._refs = Refs(repository)
        self._remote = remote

    def entries(self, environment: str) -> tuple[Approval, ...]:
        """Newest first. Raises EnvironmentUnusable: the remote does not answer, and nothing is known from before."""
        ref = ref_name(environment)
        try:
            self._head(ref)
        except EnvironmentUnusable:
            if self._refs.ref(ref) is None:
                raise
        log = self._repository.git(
            "log",
            "--first-parent",
            "-z",
            f"--max-count={_AT_MOST}",
            "--format=%H%x1f%cn%x1f%ce%x1f%cI",
            ref,
            "--",
            check=False,
        )
        commits = [line.split("\x1f") for line in log.split("\0") if line.count("\x1f") == 3]
        texts = self._repository.read_many([f"{commit[0]}:approval.json" for commit in commits])
        return tuple(
            _from_json(text or "", Person(name, email), at, f"{ref} at {commit[:7]}")
            for (commit, name, email, at), text in zip(commits, texts, strict=True)
        )

    def propose(self, release: Release) -> None:
        self._write("proposal", release)

    def approve(self, release: Release) -> Approval:
        self.me()
        self._write("approval", release)
        return self.entries(release.environment)[0]

    def withdraw(self, release: Release) -> Approval:
        self.me()
        self._write("withdrawal", release)
        return self.entries(release.environment)[0]

    def me(self) -> Person:
        """Who would approve. Raises UsageError: git does not know."""
        name, email = (self._repository.git("config", f"user.{key}", check=False).strip() for key in ("name", "email"))
        if not email:
            raise UsageError(
                "git does not know who you are, and an approval is worth its name",
                remedy='git config user.email YOU@EXAMPLE.ORG && git config user.name "YOUR NAME"',
            )
        return Person(name, email)

    def authors(self, commit: str) -> tuple[Person, ...]:
        """Who wrote a commit: its author, and those it names as co-authors; empty when it is not here."""
        text = self._repository.git("show", "--no-patch", "--format=%an%x1f%ae%x1f%B", commit, "--", check=False)
        if text.count("\x1f") < 2:
            return ()
        name, email, message = text.split("\x1f", 2)
        others = (_TRAILER.fullmatch(line.strip()) for line in message.splitlines())
        return (Person(name, email), *(Person(found[1], found[2]) for found in others if found))

    def _write(self, kind: Literal["proposal", "approval", "withdrawal"], release: Release) -> None:
        """Add an entry; what others add meanwhile stays."""
        repository, ref = self._repository, ref_name(release.environment)
        text = json.dumps({"schema": SCHEMA, "kind": kind, "release": asdict(release)}, indent=2, ensure_ascii=False)
        with writing(f"the {kind} of {release.id}", str(repository.root)):
            blob = repository.write_blob(text + "\n")
            tree = repository.write_tree(
                [
                    TreeEntry("100644", "blob", blob, "approval.json"),
                    TreeEntry("040000", "tree", release.tree, "source"),
                ]
            )
            for left in reversed(range(_TRIES)):
                head = self._head(ref)
                commit = repository.write_commit(tree, head, f"{kind} of {release.id}")
                try:
                    self._refs.compare_and_swap(ref, commit, head, self._remote)
                except Locked:
                    if not left:
                        raise
                else:
                    return

    def _head(self, ref: str) -> str | None:
        return self._refs.fetch_ref(self._remote, ref) if self._remote else self._refs.ref(ref)


def ref_name(environment: str) -> str:
    """The full name of an environment's approvals; characters git refuses are replaced."""
    return APPROVALS + re.sub(r"[^A-Za-z0-9_-]", "-", environment)


def _from_json(text: str, by: Person, at: str, where: str) -> Approval:
    try:
        document = json.loads(text)
        release = documents.release_from_dict(document["release"])
        if document["kind"] not in ("proposal", "approval", "withdrawal"):  # nothing unknown counts as somebody's word
            raise ValueError(f"its kind is {document['kind']!r}")
        return Approval(release, by, at, document["kind"] == "proposal", document["kind"] == "withdrawal")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WindlassError(
            f"this approval cannot be read ({type(error).__name__}: {error})",
            where=where,
            remedy="git log shows who wrote it; point the ref at an earlier commit to go on",
        ) from error
