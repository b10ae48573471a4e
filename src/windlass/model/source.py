"""What is being delivered: a commit, or a working tree that has gone on from one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A git tree to deliver.

    `commit` is 40 hex digits, `tree` the tree object to build from: the commit's own, or one written from the working
    tree when `dirty`. `branch` is None for a detached HEAD. `epoch` is the commit's time in seconds since 1970 (UTC).
    """

    commit: str
    tree: str
    branch: str | None
    dirty: bool
    epoch: int

    @property
    def sha(self) -> str:
        """The short id used in tags: 7 characters, and `-dirty-` with 7 of the tree when dirty, so that tags stay immutable."""
        short = self.commit[:7]
        return f"{short}-dirty-{self.tree[:7]}" if self.dirty else short
