"""How old things are, and what that may be trusted for. Pure.

Registries without Azure's API tell no times at all. Then a tag is as old as the commit that it names, or as the record of
the build of its image; what has no time at all is never deleted for its age.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from windlass.oci import records
from windlass.registry.retention.model import Inventory, Manifest, Repository
from windlass.registry.retention.scope import Scope

SLACK = 300.0
"""Seconds that clocks may differ before a time counts as one of the future."""

SETTLED = 86400.0
"""Seconds after which something without a tag is no longer part of a push that is under way."""

_EARLIEST = 1_000_000_000.0


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of a clean-up: the earlier one of this machine's clock and the registry's, so that neither running ahead
    makes anything older than it is."""

    now: float

    def age(self, moment: float) -> float:
        return max(0.0, self.now - moment)

    def future(self, moment: float) -> bool:
        return moment > self.now + SLACK


def clock_of(inventory: Inventory, now: float) -> Clock:
    return Clock(min(now, inventory.clock) if inventory.clock is not None else now)


def usable(moment: float | None) -> float | None:
    """A time that can be one; registries write year 1 or 1970 for "unknown"."""
    return moment if moment is not None and moment == moment and _EARLIEST < moment < float("inf") else None


def parse_time(text: object) -> float | None:
    """Seconds since 1970 of an ISO 8601 time, as registries and annotations write it; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(_microseconds(text))
    except ValueError:
        return None
    try:
        return usable(found.timestamp()) if found.tzinfo is not None else None
    except (OverflowError, OSError, ValueError):
        return None


def dated(inventory: Inventory, scope: Scope, commits: Mapping[str, float]) -> Inventory:
    """The same, with times for tags of images whose registry tells none.

    Args:
        commits: the times of commits by their short ids (7 digits), as far as the repository has them.
    """
    built = _recorded(inventory, scope)

    def moment(repository: Repository, name: str, digest: str) -> float | None:
        commit = scope.names.commit(name)
        known = [commits.get(commit[1]) if commit else None, built.get((repository.name, digest))]
        return max((time for time in known if time is not None), default=None)

    def one(repository: Repository) -> Repository:
        if repository.name not in scope.images or all(tag.pushed is not None for tag in repository.tags):
            return repository
        tags = tuple(
            tag if tag.pushed is not None else replace(tag, pushed=moment(repository, tag.name, tag.digest))
            for tag in repository.tags
        )
        return replace(repository, tags=tags)

    return replace(inventory, repositories=tuple(one(repository) for repository in inventory.repositories))


def created(manifest: Manifest) -> float | None:
    """When a record was written: what the registry says, or what the record does."""
    return manifest.pushed if manifest.pushed is not None else parse_time(manifest.annotation(records.CREATED))


def _recorded(inventory: Inventory, scope: Scope) -> dict[tuple[str, str], float]:
    """When images (repository, digest) were recorded as built, the last time."""
    found: dict[tuple[str, str], float] = {}
    repository = inventory.repository(scope.fingerprints)
    for manifest in repository.manifests if repository is not None else ():
        name, digest = manifest.annotation(records.REPOSITORY), manifest.annotation(records.DIGEST)
        moment = parse_time(manifest.annotation(records.CREATED))
        if name and digest and moment is not None:
            found[name, digest] = max(moment, found.get((name, digest), 0.0))
    return found


def _microseconds(text: str) -> str:
    """.NET and Go write up to nine digits after the second; Python 3.11 reads up to six."""
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[: min(digits, 6)]}{rest[digits:]}" if dot and digits else text
