"""What may not be deleted because environments need it, from their histories. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from windlass.errors import EnvironmentUnusable
from windlass.model.release import Record, Release
from windlass.registry.retention.environments import Need, needed
from windlass.registry.retention.reason import Reason

_WORDS: dict[Need, str] = {
    "runs": "runs in {}",
    "deploying": "{} may be half way to it",
    "rollback": "{} can go back to it",
}


@dataclass(frozen=True, slots=True)
class Protected:
    """What may not be deleted whatever the rules say.

    `digests` maps image digests to the strongest reason; they are protected in whichever repository they are. `tags` are
    the (digest, tag) pairs those releases are known by. `repositories` (without the host) are all that any release of any
    environment came from, also of services that are gone.
    """

    digests: Mapping[str, Reason] = field(default_factory=dict)
    tags: frozenset[tuple[str, str]] = frozenset()
    repositories: frozenset[str] = frozenset()
    environments: tuple[str, ...] = ()


def protect(
    histories: Mapping[str, Sequence[Record]],
    host: str,
    window: int,
    waiting: Mapping[str, Sequence[Release]] | None = None,
) -> Protected:
    """From every environment's records, newest first.

    Args:
        host: the registry, as images of releases name it.
        window: how many of the last healthy releases of each environment a rollback can go back to; and how many of those
            that wait for approvals may still be given them.
        waiting: environments to the releases that wait for approvals there, the latest first.

    Raises:
        EnvironmentUnusable: a history does not say what it is that serves.
    """
    digests: dict[str, Reason] = {}
    tags: set[tuple[str, str]] = set()
    held = [(environment, one) for environment, found in sorted((waiting or {}).items()) for one in found[:window]]
    wanted = _needed(histories, window)
    wanted += [(Reason("waiting", f"waits for approvals on {environment}"), one) for environment, one in held]
    for reason, release in sorted(wanted, key=lambda one: one[0].rank):
        for service in release.services:
            digests.setdefault(service.digest, reason)
            tags.update((service.digest, tag) for tag in service.tags)
    known = [record.release for records in histories.values() for record in records] + [one for _, one in held]
    repositories = frozenset(
        service.image.removeprefix(f"{host}/")
        for release in known
        for service in release.services
        if service.image.startswith(f"{host}/")
    )
    return Protected(digests, frozenset(tags), repositories, tuple(sorted(histories)))


def _needed(histories: Mapping[str, Sequence[Record]], window: int) -> list[tuple[Reason, Release]]:
    found: list[tuple[Reason, Release]] = []
    for environment, records in sorted(histories.items()):
        for need, release in needed(records, window):
            if release is None:
                raise _unknown(environment, records[0].running)
            found.append((Reason(need, _WORDS[need].format(environment)), release))
    return found


def _unknown(environment: str, running: str | None) -> EnvironmentUnusable:
    return EnvironmentUnusable(
        f"{environment} runs {running}, and its history does not say which images that is",
        where=f"windlass/env/{environment}",
        remedy=f"windlass deploy {environment} records what runs; then prune again",
    )
