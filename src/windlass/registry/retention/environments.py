"""Which releases an environment needs: what serves, what it may be half way to, what a rollback can go back to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from windlass.model.release import Record, Release

Need: TypeAlias = Literal["runs", "deploying", "rollback"]
_UNDER_WAY = ("deploying", "interrupted", "failed")


def needed(records: Sequence[Record], window: int) -> list[tuple[Need, Release | None]]:
    """The releases an environment needs, the most pressing first; one may be there for several needs.

    Args:
        records: the environment's, newest first. The newest record of a release says best what it is made of.
        window: how many of the last healthy releases a rollback can go back to.

    Returns:
        None as the release that runs when no record says which images it is made of.
    """
    if not records:
        return []
    newest = records[0]
    found: list[tuple[Need, Release | None]] = []
    if newest.running is not None:
        serving = (record.release for record in records if record.release.id == newest.running)
        found.append(("runs", next(serving, None)))
    if newest.outcome in _UNDER_WAY:
        found.append(("deploying", newest.release))
    healthy: dict[str, Release] = {}
    for record in records:
        if record.outcome == "healthy":
            healthy.setdefault(record.release.id, record.release)
    return found + [("rollback", release) for release in list(healthy.values())[:window]]
