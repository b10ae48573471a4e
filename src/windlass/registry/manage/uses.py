"""Which environment needs which image: what runs, what is being deployed, what a rollback may go back to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from windlass.model.release import Record
from windlass.registry.retention import environments
from windlass.registry.retention.environments import needed

Need: TypeAlias = environments.Need | Literal["container"]
_ORDER: tuple[Need, ...] = ("runs", "deploying", "rollback", "container")


@dataclass(frozen=True, slots=True)
class Use:
    """An environment needs an image: its release `release` runs there, is on its way, or is in the rollback window. Or
    (`container`) a container is made from it: `environment` names its engine then. `image` is `host/repository`."""

    environment: str
    release: str
    need: Need
    image: str = ""

    @property
    def words(self) -> str:
        if self.need == "runs":
            return f"runs in {self.environment}"
        if self.need == "deploying":
            return f"{self.environment} may be half way to it"
        if self.need == "container":
            return f"a container on {self.environment} is made from it"
        return f"{self.environment} may roll back to it"


Uses: TypeAlias = Mapping[str, tuple[Use, ...]]
"""Image digests to who needs them, the most pressing need first, one for each environment."""


def uses(histories: Mapping[str, Sequence[Record]], rollback: int) -> Uses:
    """Who needs which image.

    Args:
        histories: environments to their records, newest first.
        rollback: how many of an environment's last healthy releases it may roll back to.
    """
    found: defaultdict[str, dict[str, Use]] = defaultdict(dict)
    for environment, records in histories.items():
        for need, release in needed(records, rollback):
            if release is None:
                continue
            for service in release.services:
                found[service.digest].setdefault(environment, Use(environment, release.id, need, service.image))
    return {
        digest: tuple(sorted(by.values(), key=lambda use: (_ORDER.index(use.need), use.environment)))
        for digest, by in found.items()
    }


def with_containers(known: Uses, here: Iterable[str], elsewhere: Iterable[str] = ()) -> Uses:
    """The same, with the images of containers that no environment is known to need: those of the engine that the user's
    `docker` talks to, and those of engines that environments name."""
    found = dict.fromkeys(elsewhere, (Use("an environment's engine", "", "container"),))
    found |= dict.fromkeys(here, (Use("this machine", "", "container"),))
    return {**found, **known}
